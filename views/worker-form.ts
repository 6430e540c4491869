import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { check, choice, dialog, field } from './parts.ts';

export type WorkerForm = {
  isNew: boolean;
  id: string;
  name: string;
  description: string;
  deploymentType: string;
  host: string;
  port: number;
  group: string;
  maxAccounts: number;
  maxMemoryMb: number;
  cpuCores: number;
  autoStart: boolean;
  autoRestart: boolean;
  restartDelayMs: number;
  maxRestartAttempts: number;
  enabled: boolean;
  /** One `NAME=value` a line. */
  env: string;
  mode: string;
  headless: boolean;
};

/** Four tabs without script: radio buttons and their panels. */
export function workerForm(x: Ctx, m: WorkerForm): Html {
  const tabs = ['basic', 'limits', 'auto', 'env'] as const;
  return dialog(x, m.isNew ? x.t('workers.new') : x.t('workers.edit', { id: m.id }), html`<form class="tabbed" hx-post=${m.isNew ? '/workers' : `/workers/${m.id}`} hx-swap="none" hx-disable="find button.main" data-dialog-form="">
    <p class="form-error" role="alert" hidden></p>
    ${tabs.map((t, i) => html`<input class="tab-pick" type="radio" name="tab" id=${`tab-${t}`} value=${t} ?checked=${i === 0}>`)}
    <div class="tab-row">${tabs.map((t) => html`<label for=${`tab-${t}`}>${x.t(`workers.tab-${t}`)}</label>`)}</div>
    <div class="panel grid">
      ${field({ name: 'worker_id', label: 'Worker ID', value: m.id, required: true, readonly: !m.isNew, hint: m.isNew ? x.t('workers.id-hint') : null })}
      ${field({ name: 'name', label: x.t('workers.name'), value: m.name, required: true })}
      ${choice('deployment_type', x.t('workers.type'), m.deploymentType, ['local', 'remote', 'docker', 'k8s'].map((t) => [t, x.word('deployment', t)]))}
      ${field({ name: 'group_name', label: x.t('workers.group'), value: m.group })}
      ${field({ name: 'host', label: x.t('workers.host'), value: m.host, required: true })}
      ${field({ name: 'port', label: x.t('workers.port'), value: m.port, type: 'number', min: 1, max: 65535, required: true })}
      ${field({ name: 'description', label: x.t('workers.description'), value: m.description })}
    </div>
    <div class="panel grid">
      ${field({ name: 'max_accounts', label: x.t('workers.max-accounts'), value: m.maxAccounts, type: 'number', min: 1, max: 100, hint: x.t('workers.max-accounts-hint') })}
      ${field({ name: 'max_memory_mb', label: x.t('workers.max-memory'), value: m.maxMemoryMb, type: 'number', min: 512, max: 16384, step: 512 })}
      ${field({ name: 'cpu_cores', label: x.t('workers.cpu'), value: m.cpuCores, type: 'number', min: 1, max: 16 })}
      ${choice('mode', x.t('workers.mode'), m.mode, [['profile', x.t('workers.mode-profile')], ['context', x.t('workers.mode-context')]])}
    </div>
    <div class="panel grid">
      ${check('auto_start', x.t('workers.auto-start'), m.autoStart)}${check('auto_restart', x.t('workers.auto-restart'), m.autoRestart)}${check('enabled', x.t('workers.enabled'), m.enabled)}${check('headless', x.t('workers.headless'), m.headless)}
      ${field({ name: 'restart_delay_ms', label: x.t('workers.restart-delay'), value: m.restartDelayMs, type: 'number', min: 1000, max: 60000, step: 1000 })}
      ${field({ name: 'max_restart_attempts', label: x.t('workers.max-restarts'), value: m.maxRestartAttempts, type: 'number', min: 1, max: 10 })}
    </div>
    <div class="panel"><label class="field"><span>${x.t('workers.tab-env')}</span><textarea name="env_variables" rows="8" spellcheck="false" class="mono" placeholder="LOG_LEVEL=debug">${m.env}</textarea><small>${x.t('workers.env-hint')}</small></label></div>
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer>
  </form>`, 'wide-dialog');
}
