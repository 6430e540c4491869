import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { check, choice, dialog, field } from './parts.ts';
import { WORKER_TYPES } from './workers.ts';

/** What the form shows; lists and maps as lines of text. */
export type WorkerForm = {
  isNew: boolean;
  id: string;
  template: string | null;
  name: string;
  description: string;
  deploymentType: string;
  host: string;
  port: number;
  group: string;
  groups: string;
  groupStrict: boolean;
  labels: string;
  maxAccounts: number;
  maxAgents: number;
  allowShell: boolean;
  /** Whoever may switch shell tasks on. */
  mayAllowShell: boolean;
  maxMemoryMb: number;
  cpuCores: number;
  memoryAction: string;
  mode: string;
  headless: boolean;
  proxy: string | null;
  proxies: { id: string; name: string; status: string }[];
  autoStart: boolean;
  autoRestart: boolean;
  enabled: boolean;
  restartDelayMs: number;
  maxRestartAttempts: number;
  recycleAfterHours: number;
  stopTimeoutMs: number;
  drainTimeoutMs: number;
  /** One `NAME=value` a line. */
  env: string;
  /** Names alone: the values are sealed. */
  secrets: string[];
  allowLoader: boolean;
  args: string;
  workingDirectory: string;
  ssh: { host: string; port: number; user: string; key: string; hasPassword: boolean; directory: string };
  docker: { host: string; image: string; network: string; volumes: string };
  k8s: { namespace: string; image: string; serviceAccount: string; nodeSelector: string };
  machine: string;
  /** What there is to choose from. */
  keys: { id: string; label: string }[];
  machines: { id: string; label: string }[];
};

export const FORM_TABS = ['basic', 'limits', 'auto', 'env', 'ssh', 'docker', 'k8s', 'agent'] as const;

/** Tabs without script: radio buttons and their panels; the last ones show with their way of deployment. */
export function workerForm(x: Ctx, m: WorkerForm): Html {
  const title = m.isNew ? x.t('workers.new') : x.t('workers.edit', { id: m.id });
  return dialog(x, title, html`<form class="tabbed" hx-post=${m.isNew ? `/workers${m.template ? `?template=${m.template}` : ''}` : `/workers/${m.id}`} hx-swap="none" hx-disable="find button.main" data-dialog-form="">
    <p class="form-error" role="alert" hidden></p>
    ${FORM_TABS.map((t, i) => html`<input class="tab-pick" type="radio" name="tab" id=${`tab-${t}`} value=${t} ?checked=${i === 0} aria-label=${x.t(`workers.tab-${t}`)}>`)}
    <div class="tab-row">${FORM_TABS.map((t) => html`<label for=${`tab-${t}`}>${x.t(`workers.tab-${t}`)}</label>`)}</div>
    ${basic(x, m)}${limits(x, m)}${auto(x, m)}${environment(x, m)}${ssh(x, m)}${docker(x, m)}${kubernetes(x, m)}${agent(x, m)}
    <footer>${m.template ? html`<span class="muted grow">${x.t('workers.of-template', { name: m.template })}</span>` : null}<button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer>
  </form>`, 'wide-dialog');
}

const lines = (name: string, label: string, value: string, placeholder: string, hint: string | null = null, rows = 3): Html =>
  html`<label class="field"><span>${label}</span><textarea name=${name} rows=${rows} spellcheck="false" class="mono" placeholder=${placeholder}>${value}</textarea>${hint ? html`<small>${hint}</small>` : null}</label>`;

const basic = (x: Ctx, m: WorkerForm): Html => html`<div class="panel grid">
  ${field({ name: 'worker_id', label: 'Worker ID', value: m.id, required: true, readonly: !m.isNew, hint: m.isNew ? x.t('workers.id-hint') : null })}
  ${field({ name: 'name', label: x.t('workers.name'), value: m.name, required: true })}
  ${choice('deployment_type', x.t('workers.type'), m.deploymentType, WORKER_TYPES.map((t) => [t, x.word('deployment', t)]), x.t('workers.type-hint'))}
  ${field({ name: 'description', label: x.t('workers.description'), value: m.description })}
  ${field({ name: 'host', label: x.t('workers.host'), value: m.host, required: true })}
  ${field({ name: 'port', label: x.t('workers.port'), value: m.port, type: 'number', min: 1, max: 65535, required: true })}
  ${field({ name: 'group_name', label: x.t('workers.group'), value: m.group })}
  ${field({ name: 'groups', label: x.t('workers.groups'), value: m.groups, placeholder: 'gpu, night', hint: x.t('workers.groups-hint') })}
  ${choice('proxy_id', x.t('accounts.proxy'), m.proxy ?? '', [['', x.t('accounts.no-proxy')], ...m.proxies.map((p): [string, string] => [p.id, `${p.name} · ${x.word('proxy', p.status)}`]), ...(m.proxy && !m.proxies.some((p) => p.id === m.proxy) ? [[m.proxy, m.proxy] as [string, string]] : [])], x.t('workers.proxy-hint'))}
  ${lines('labels', x.t('workers.labels'), m.labels, 'zone=hall-2', null, 2)}
  ${check('group_strict', x.t('workers.group-strict'), m.groupStrict)}
</div>`;

const limits = (x: Ctx, m: WorkerForm): Html => html`<div class="panel grid">
  ${field({ name: 'max_accounts', label: x.t('workers.max-accounts'), value: m.maxAccounts, type: 'number', min: 1, max: 100, hint: x.t('workers.max-accounts-hint') })}
  ${field({ name: 'max_agents', label: x.t('workers.max-agents'), value: m.maxAgents, type: 'number', min: 0, max: 1000, hint: x.t('workers.max-agents-hint') })}
  ${field({ name: 'cpu_cores', label: x.t('workers.cpu'), value: m.cpuCores, type: 'number', min: 1, max: 16, step: 0.5 })}
  ${field({ name: 'max_memory_mb', label: x.t('workers.max-memory'), value: m.maxMemoryMb, type: 'number', min: 512, max: 16384, step: 512 })}
  ${choice('memory_action', x.t('workers.memory-action'), m.memoryAction, (['restart', 'drain', 'stop'] as const).map((a) => [a, x.word('memory', a)]))}
  ${choice('mode', x.t('workers.mode'), m.mode, [['profile', x.t('workers.mode-profile')], ['context', x.t('workers.mode-context')]])}
  ${check('headless', x.t('workers.headless'), m.headless)}
  <fieldset name="shell" ?disabled=${!m.mayAllowShell}>${check('allow_shell', x.t('workers.allow-shell'), m.allowShell)}<div class="note-text small">${x.t(m.mayAllowShell ? 'workers.allow-shell-warning' : 'workers.allow-shell-admin')}</div></fieldset>
</div>`;

const auto = (x: Ctx, m: WorkerForm): Html => html`<div class="panel grid">
  <div class="checks">${check('auto_start', x.t('workers.auto-start'), m.autoStart)}${check('auto_restart', x.t('workers.auto-restart'), m.autoRestart)}${check('enabled', x.t('workers.enabled'), m.enabled)}</div>
  ${field({ name: 'restart_delay_ms', label: x.t('workers.restart-delay'), value: m.restartDelayMs, type: 'number', min: 1000, max: 60000, step: 1000, hint: x.t('workers.restart-delay-hint') })}
  ${field({ name: 'max_restart_attempts', label: x.t('workers.max-restarts'), value: m.maxRestartAttempts, type: 'number', min: 1, max: 10, hint: x.t('workers.max-restarts-hint') })}
  ${field({ name: 'recycle_after_hours', label: x.t('workers.recycle'), value: m.recycleAfterHours, type: 'number', min: 0, max: 720, hint: x.t('workers.recycle-hint') })}
  ${field({ name: 'stop_timeout_ms', label: x.t('workers.stop-timeout'), value: m.stopTimeoutMs, type: 'number', min: 0, max: 600_000, hint: x.t('workers.stop-timeout-hint') })}
  ${field({ name: 'drain_timeout_ms', label: x.t('workers.drain-timeout'), value: m.drainTimeoutMs, type: 'number', min: 1000, max: 3_600_000 })}
</div>`;

const environment = (x: Ctx, m: WorkerForm): Html => html`<div class="panel env-panel">
  ${lines('env_variables', x.t('workers.env-plain'), m.env, 'LOG_LEVEL=debug', x.t('workers.env-hint'), 4)}
  <fieldset name="secret_env"><legend>${x.t('workers.env-secret')}</legend>
    ${m.secrets.map((name) => html`<div class="secret-row"><code>${name}</code><input type="password" name=${`secret-value-${name}`} placeholder="•••" autocomplete="new-password" aria-label=${name}>${check(`secret-drop-${name}`, x.t('remove'), false)}</div>`)}
    ${[1, 2].map((n) => html`<div class="secret-row"><input name=${`secret-name-${n}`} placeholder="API_TOKEN" class="mono" autocomplete="off" spellcheck="false" aria-label=${x.t('workers.secret-name')}><input type="password" name=${`secret-new-${n}`} placeholder=${x.t('workers.secret-value')} autocomplete="new-password" aria-label=${x.t('workers.secret-value')}></div>`)}
    <small class="muted">${x.t('workers.secret-hint')}</small></fieldset>
  ${check('allow_loader_variables', x.t('workers.allow-loader'), m.allowLoader)}
  <div class="grid">${lines('command_args', x.t('workers.args'), m.args, '--flag', x.t('workers.one-a-line'), 2)}${field({ name: 'working_directory', label: x.t('workers.working-directory'), value: m.workingDirectory })}</div>
</div>`;

const ssh = (x: Ctx, m: WorkerForm): Html => html`<div class="panel grid">
  ${field({ name: 'ssh_host', label: x.t('workers.ssh-host'), value: m.ssh.host, placeholder: 'box.example' })}
  ${field({ name: 'ssh_port', label: x.t('workers.ssh-port'), value: m.ssh.port, type: 'number', min: 1, max: 65535 })}
  ${field({ name: 'ssh_user', label: x.t('workers.ssh-user'), value: m.ssh.user })}
  ${choice('ssh_key_id', x.t('workers.ssh-key'), m.ssh.key, [['', x.t('workers.ssh-no-key')], ...m.keys.map((k): [string, string] => [k.id, k.label])], x.t('workers.ssh-key-hint'))}
  ${field({ name: 'ssh_password', label: x.t('workers.ssh-password'), type: 'password', placeholder: m.ssh.hasPassword ? '•••' : '', hint: m.ssh.hasPassword ? x.t('accounts.proxy-password-keep') : null, autocomplete: 'new-password' })}
  ${field({ name: 'ssh_directory', label: x.t('workers.ssh-directory'), value: m.ssh.directory })}
  ${m.ssh.hasPassword ? check('ssh_password_drop', x.t('workers.ssh-password-drop'), false) : null}
  <p class="note-line">${x.t('workers.ssh-trust')} <a href="/machines">${x.t('nav.machines')}</a></p>
</div>`;

const docker = (x: Ctx, m: WorkerForm): Html => html`<div class="panel grid">
  ${field({ name: 'docker_image', label: x.t('workers.image'), value: m.docker.image, placeholder: 'troupe:latest' })}
  ${field({ name: 'docker_network', label: x.t('workers.docker-network'), value: m.docker.network })}
  ${field({ name: 'docker_host', label: x.t('workers.docker-host'), value: m.docker.host, placeholder: 'unix:///var/run/docker.sock', hint: x.t('workers.docker-host-hint') })}
  ${lines('docker_volumes', x.t('workers.docker-volumes'), m.docker.volumes, '/srv/data:/data:ro', x.t('workers.one-a-line'))}
</div>`;

const kubernetes = (x: Ctx, m: WorkerForm): Html => html`<div class="panel grid">
  ${field({ name: 'k8s_image', label: x.t('workers.image'), value: m.k8s.image, placeholder: 'registry.example/troupe:1' })}
  ${field({ name: 'k8s_namespace', label: x.t('workers.k8s-namespace'), value: m.k8s.namespace, placeholder: 'troupe' })}
  ${field({ name: 'k8s_service_account', label: x.t('workers.k8s-account'), value: m.k8s.serviceAccount })}
  ${lines('k8s_node_selector', x.t('workers.k8s-selector'), m.k8s.nodeSelector, 'disk=ssd')}
</div>`;

const agent = (x: Ctx, m: WorkerForm): Html => html`<div class="panel grid">
  ${choice('machine', x.t('workers.machine'), m.machine, [['', '—'], ...machineOptions(m)], m.machines.length === 0 ? x.t('workers.no-machines') : null)}
  <p class="note-line">${x.t('workers.agent-hint')} <a href="/machines">${x.t('nav.machines')}</a></p>
</div>`;

const machineOptions = (m: WorkerForm): [string, string][] => {
  const known = m.machines.map((k): [string, string] => [k.id, k.label]);
  return m.machine && !known.some(([id]) => id === m.machine) ? [...known, [m.machine, m.machine]] : known;
};

