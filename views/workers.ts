import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { batchBar, pick, type BatchAction } from './batch.ts';
import { ago, button, chip, countdown, empty, menu, opener, region, stat, tag } from './parts.ts';
import { reason } from './reason.ts';

export type WorkerCard = {
  id: string;
  name: string;
  deploymentType: string;
  host: string;
  port: number;
  group: string;
  maxAccounts: number;
  assigned: number;
  enabled: boolean;
  autoStart: boolean;
  autoRestart: boolean;
  status: string;
  cause: string | null;
  link: string;
  pid: number | null;
  elsewhere: boolean;
  startedMs: number | null;
  restartCount: number;
  nextRetryMs: number | null;
  lastError: string | null;
  /** From the last heartbeat; null when there is none. */
  figures: { cpuPercent: number; memoryMb: number; browsers: number; busy: number; atMs: number } | null;
};

export type WorkersModel = { workers: WorkerCard[]; group: string; groups: string[]; page: number; size: number; total: number; summary: { configs: number; running: number; stopped: number; capacity: number; assigned: number } };

const TYPE_ICON: Record<string, string> = { local: '▣', remote: '⇄', docker: '◫', k8s: '⎈' };

export function workersPage(x: Ctx, m: WorkersModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.workers')}</h1><button type="button" class="button plain" data-refresh="">${x.t('refresh')}</button>${opener('/workers/new', x.t('workers.new'), 'main')}</div>
  ${region(x, 'workers', ['worker', 'account', 'heartbeat'], html`
    <div class="stats">${stat(x.t('workers.configs'), m.summary.configs)}${stat(x.t('workers.running'), m.summary.running, 'good')}${stat(x.t('workers.stopped'), m.summary.stopped, m.summary.stopped > 0 ? 'warn' : 'plain')}${stat(x.t('workers.capacity'), html`${m.summary.assigned}<small> / ${m.summary.capacity}</small>`)}</div>
    ${m.groups.length > 1 ? html`<nav class="tabs"><a href="/workers" aria-current=${m.group ? null : 'page'}>${x.t('filter.all')}</a>${m.groups.map((g) => html`<a href=${`/workers?group=${g}`} aria-current=${g === m.group ? 'page' : null}>${g}</a>`)}</nav>` : null}
    ${m.total === 0 ? empty(x.t('workers.none'), x.t('workers.none-next'), opener('/workers/new', x.t('workers.new'), 'main')) : html`${table(x, m)}${pager(x, m)}`}`)}`;
}

export const workerActions = (x: Ctx): BatchAction[] => (['start', 'stop', 'restart'] as const).map((verb) => ({ verb, label: x.t(`workers.${verb}`) }));

const table = (x: Ctx, m: WorkersModel): Html => html`${batchBar(x, 'workers', '/workers', workerActions(x))}<div class="table-box"><table class="cards pinned">
    <thead><tr><th>Worker ID</th><th>${x.t('workers.name')}</th><th>${x.t('workers.type')}</th><th>${x.t('workers.host')}</th><th>${x.t('state')}</th><th>${x.t('workers.accounts')}</th><th>${x.t('workers.resources')}</th><th>${x.t('workers.auto')}</th><th class="end">${x.t('actions')}</th></tr></thead>
    <tbody>${m.workers.map((w) => row(x, w))}</tbody></table></div>`;

function row(x: Ctx, w: WorkerCard): Html {
  const full = Math.min(100, Math.round((w.assigned / Math.max(1, w.maxAccounts)) * 100));
  return html`<tr id=${`worker-${w.id}`} data-row="">
    <td data-label="Worker ID" class="picked">${pick(x, w.id, w.name)}<a href=${`/actors/worker/${w.id}`} data-open=""><code>${w.id}</code></a></td>
    <td data-label=${x.t('workers.name')}><b>${w.name}</b>${w.group === 'default' ? null : html` ${chip(w.group)}`}</td>
    <td data-label=${x.t('workers.type')}><span class="nowrap"><i aria-hidden="true">${TYPE_ICON[w.deploymentType] ?? '▢'}</i> ${x.word('deployment', w.deploymentType)}</span></td>
    <td data-label=${x.t('workers.host')}><code>${w.host}:${w.port}</code>${w.pid ? html`<div class="sub">pid ${w.pid}</div>` : null}</td>
    <td data-label=${x.t('state')}>${tag(x, w.status, 'state', w.cause && reason(x, w.cause))} ${w.status === 'running' && w.link !== 'connected' ? tag(x, w.link) : null}${why(x, w)}</td>
    <td data-label=${x.t('workers.accounts')}><span class="nowrap">${w.assigned} / ${w.maxAccounts}</span><progress max="100" value=${full} aria-label=${x.t('workers.accounts')}></progress></td>
    <td data-label=${x.t('workers.resources')}>${w.figures ? html`<span class="nowrap">CPU ${w.figures.cpuPercent.toFixed(0)}%</span><div class="sub nowrap">${w.figures.memoryMb} MB · ${x.t('workers.browsers', { n: w.figures.browsers })}</div>` : html`<span class="muted">—</span>`}</td>
    <td data-label=${x.t('workers.auto')}><div class="chips">${w.autoStart ? chip(x.t('workers.auto-start'), 'note') : null}${w.autoRestart ? chip(x.t('workers.auto-restart'), 'note') : null}${w.enabled ? null : chip(x.t('workers.disabled'), 'warn')}</div></td>
    <td class="end actions" data-label=${x.t('actions')}>${main(x, w)} ${menu(x, `menu-${w.id}`, [
      button({ url: `/workers/${w.id}/restart`, label: x.t('workers.restart'), why: busyWhy(x, w), confirm: w.status === 'running' ? x.t('workers.restart-sure', { n: w.assigned }) : undefined }),
      button({ url: `/workers/${w.id}/drain`, label: x.t('workers.drain'), why: onlyRunning(x, w) }),
      button({ url: `/workers/${w.id}/kill`, label: x.t('workers.kill'), tone: 'danger', why: onlyRunning(x, w), confirm: x.t('workers.kill-sure') }),
      opener(`/workers/${w.id}/logs`, x.t('workers.logs')),
      opener(`/workers/${w.id}/edit`, x.t('workers.edit-config')),
      html`<a class="button plain" href=${`/actors/worker/${w.id}`}>${x.t('actors.look')}</a>`,
      button({ url: `/workers/${w.id}/remove`, label: x.t('remove'), tone: 'danger', why: ['stopped', 'crashed', 'error'].includes(w.status) ? null : x.t('workers.stop-first'), confirm: x.t('workers.remove-sure') }),
    ])}</td></tr>`;
}

function main(x: Ctx, w: WorkerCard): Value {
  if (w.status === 'stopped') return button({ url: `/workers/${w.id}/start`, label: x.t('workers.start'), tone: 'main', why: !w.enabled && x.t('workers.disabled-why') });
  if (w.status === 'crashed' || w.status === 'error') return button({ url: `/workers/${w.id}/retry`, label: x.t('workers.retry'), tone: 'main' });
  return button({ url: `/workers/${w.id}/stop`, label: x.t('workers.stop'), why: w.elsewhere ? x.t('workers.elsewhere') : w.status === 'stopping' && x.t('workers.is-stopping'), confirm: w.assigned > 0 && w.status === 'running' ? x.t('workers.stop-sure', { n: w.assigned }) : undefined });
}

const busyWhy = (x: Ctx, w: WorkerCard) => (w.elsewhere ? x.t('workers.elsewhere') : ['starting', 'stopping', 'draining'].includes(w.status) ? x.t('workers.is-busy') : null);

const onlyRunning = (x: Ctx, w: WorkerCard) => (w.elsewhere ? x.t('workers.elsewhere') : w.status === 'running' ? null : x.t('workers.only-running'));

function why(x: Ctx, w: WorkerCard): Value {
  if (w.status === 'crashed' && w.nextRetryMs) return html`<div class="sub bad-text">${w.cause && reason(x, w.cause)}</div><div class="sub">${x.t('workers.retry-in')} ${countdown(x, w.nextRetryMs)}</div>`;
  if (w.status === 'crashed' || w.status === 'error') return html`<div class="sub bad-text">${reason(x, w.lastError ?? w.cause ?? '')}</div>`;
  if (w.status === 'running') return html`<div class="sub">${ago(x, w.startedMs)}${w.restartCount > 0 ? ` · ${x.t('workers.restarts', { n: w.restartCount })}` : null}</div>`;
  return w.cause ? html`<div class="sub">${reason(x, w.cause)}</div>` : null;
}

function pager(x: Ctx, m: WorkersModel): Value {
  const pages = Math.max(1, Math.ceil(m.total / m.size));
  const url = (page: number, size = m.size) => `/workers?page=${page}&size=${size}${m.group ? `&group=${m.group}` : ''}`;
  return html`<nav class="pager" aria-label=${x.t('pages')}><span class="muted">${x.t('total', { n: m.total })}</span><span class="grow"></span>
    ${[10, 20, 50].map((s) => html`<a class="page-size" href=${url(1, s)} aria-current=${s === m.size ? 'true' : null}>${s}</a>`)}<span class="muted small">${x.t('per-page')}</span>
    ${m.page > 1 ? html`<a class="button plain" href=${url(m.page - 1)}>←</a>` : null}<span>${m.page} / ${pages}</span>${m.page < pages ? html`<a class="button plain" href=${url(m.page + 1)}>→</a>` : null}</nav>`;
}
