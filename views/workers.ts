import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { batchBar, batchRunning, pick, type BatchAction, type RunningBatch } from './batch.ts';
import { fleetTabs } from './fleet-tabs.ts';
import { pager } from './pager.ts';
import { ago, button, chip, countdown, empty, menu, opener, region, stat, tag } from './parts.ts';
import { reason } from './reason.ts';

export type WorkerCard = {
  id: string;
  name: string;
  deploymentType: string;
  /** Where it runs, in one line: host:port, user@host, an image, a machine. */
  place: string;
  /** What its process is called there: a pid, a container, a pod. */
  process: string | null;
  groups: string[];
  maxAccounts: number;
  maxMemoryMb: number;
  assigned: number;
  enabled: boolean;
  autoStart: boolean;
  autoRestart: boolean;
  status: string;
  cause: string | null;
  link: string;
  startedMs: number | null;
  restartCount: number;
  nextRetryMs: number | null;
  lastError: string | null;
  version: number;
  /** The version that its process runs, and the fields that a restart would apply; null when it runs the newest. */
  behind: { runs: number; fields: string[] } | null;
  /** Its machine, when that is cordoned. */
  cordoned: string | null;
  /** From the last heartbeat; null when there is none. */
  figures: { cpuPercent: number; memoryMb: number; browsers: number; busy: number; atMs: number } | null;
  /** Why each command would change nothing; a command that is not here would be taken. */
  cannot: Partial<Record<'start' | 'stop' | 'restart' | 'drain' | 'kill' | 'retry' | 'remove' | 'prepare', string>>;
};

export type WorkersFilter = { q: string; group: string; status: string; type: string };
export type WorkersModel = { workers: WorkerCard[]; filter: WorkersFilter; groups: string[]; page: number; size: number; total: number; summary: { configs: number; running: number; stopped: number; capacity: number; assigned: number }; batches: RunningBatch[] };

export const WORKER_TYPES = ['local', 'remote', 'docker', 'k8s', 'agent'] as const;
export const WORKER_STATES = ['stopped', 'starting', 'running', 'draining', 'stopping', 'crashed', 'error'] as const;
const TYPE_ICON: Record<string, string> = { local: '▣', remote: '⇄', docker: '◫', k8s: '⎈', agent: '⌂' };

export function workersPage(x: Ctx, m: WorkersModel): Html {
  const { filter: f } = m;
  return html`<div class="page-head"><h1>${x.t('nav.workers')}</h1>
    <div class="toolbar"><button type="button" class="button plain" data-refresh="">${x.t('refresh')}</button><a class="button plain" href="/api/v1/worker-configs/export?format=yaml" download="">${x.t('workers.export')}</a>${opener('/fleet/import', x.t('workers.import'))}${opener('/fleet/templates', x.t('workers.templates'))}${opener('/workers/new', x.t('workers.new'), 'main')}</div></div>
  ${fleetTabs(x)}
  <form class="filters list-filters" role="search" hx-get="/workers" hx-target="#workers" hx-select="#workers" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit">
    <input type="search" name="q" value=${f.q} placeholder=${x.t('workers.search')} aria-label=${x.t('workers.search')} data-search="">
    ${select('group', x.t('workers.group'), x.t('workers.any-group'), f.group, m.groups.map((g) => [g, g]))}
    ${select('status', x.t('filter.status'), x.t('filter.any-status'), f.status, WORKER_STATES.map((s) => [s, x.word('state', s)]))}
    ${select('type', x.t('workers.type'), x.t('workers.any-type'), f.type, WORKER_TYPES.map((t) => [t, x.word('deployment', t)]))}
    <input type="hidden" name="size" value=${m.size}>
  </form>
  ${region(x, 'workers', ['worker', 'account', 'heartbeat'], html`
    <div class="stats">${stat(x.t('workers.configs'), m.summary.configs)}${stat(x.t('workers.running'), m.summary.running, 'good')}${stat(x.t('workers.stopped'), m.summary.stopped, m.summary.stopped > 0 ? 'warn' : 'plain')}${stat(x.t('workers.capacity'), html`${m.summary.assigned}<small> / ${m.summary.capacity}</small>`)}</div>
    ${list(x, m)}`)}`;
}

const select = (name: string, label: string, any: string, value: string, options: [string, string][]): Html =>
  html`<select name=${name} aria-label=${label}><option value="">${any}</option>${options.map(([v, text]) => html`<option value=${v} ?selected=${v === value}>${text}</option>`)}</select>`;

function list(x: Ctx, m: WorkersModel): Html {
  if (m.summary.configs === 0) return empty(x.t('workers.none'), x.t('workers.none-next'), opener('/workers/new', x.t('workers.new'), 'main'));
  if (m.total === 0) return empty(x.t('filter.none'), x.t('filter.none-next'), html`<a class="button" href="/workers">${x.t('filter.clear')}</a>`);
  return html`${batchRunning(x, '/workers', m.batches)}${table(x, m)}${pager(x, '/workers', m.filter, m, [10, 20, 50])}`;
}

export const workerActions = (x: Ctx): BatchAction[] => (['start', 'stop', 'restart', 'drain', 'kill'] as const).map((verb) => ({ verb, label: x.word('verb', verb) }));

const table = (x: Ctx, m: WorkersModel): Html => html`${batchBar(x, 'workers', '/workers', workerActions(x))}<div class="table-box"><table class="cards pinned">
    <thead><tr><th>Worker ID</th><th>${x.t('workers.name')}</th><th>${x.t('workers.type')}</th><th>${x.t('workers.host')}</th><th>${x.t('state')}</th><th>${x.t('workers.accounts')}</th><th>${x.t('workers.resources')}</th><th>${x.t('workers.auto')}</th><th class="end">${x.t('actions')}</th></tr></thead>
    <tbody>${m.workers.map((w) => row(x, w))}</tbody></table></div>`;

function row(x: Ctx, w: WorkerCard): Html {
  return html`<tr id=${`worker-${w.id}`} data-row="">
    <td data-label="Worker ID" class="picked">${pick(x, w.id, w.name)}<a href=${`/workers/${w.id}`} data-open=""><code>${w.id}</code></a></td>
    <td data-label=${x.t('workers.name')}><b>${w.name}</b>${groups(w)}</td>
    <td data-label=${x.t('workers.type')}><span class="nowrap"><i aria-hidden="true">${TYPE_ICON[w.deploymentType] ?? '▢'}</i> ${x.word('deployment', w.deploymentType)}</span></td>
    <td data-label=${x.t('workers.host')}><code class="place" title=${w.place}>${w.place}</code>${w.process ? html`<div class="sub">${w.process}</div>` : null}${w.cordoned ? chip(x.t('machines.cordoned'), 'warn') : null}</td>
    <td data-label=${x.t('state')} class="why-cell">${workerState(x, w)}</td>
    <td data-label=${x.t('workers.accounts')}><span class="nowrap">${w.assigned} / ${w.maxAccounts}</span>${bar(x.t('workers.accounts'), w.assigned, w.maxAccounts)}</td>
    <td data-label=${x.t('workers.resources')}>${usage(x, w)}</td>
    <td data-label=${x.t('workers.auto')}><div class="chips">${w.autoStart ? chip(x.t('workers.auto-start'), 'note') : null}${w.autoRestart ? chip(x.t('workers.auto-restart'), 'note') : null}${w.enabled ? null : chip(x.t('workers.disabled'), 'warn')}</div></td>
    <td class="end actions" data-label=${x.t('actions')}>${mainAction(x, w)} ${menu(x, `menu-${w.id}`, moreActions(x, w))}</td></tr>`;
}

const groups = (w: WorkerCard): Value => {
  const named = w.groups.filter((g) => g !== 'default');
  return named.length === 0 ? null : html`<div class="chips">${named.map((g) => html`<a class="chip" href=${`/workers?group=${g}`}>${g}</a>`)}</div>`;
};

const bar = (label: string, n: number, max: number): Html => html`<progress class=${n >= max ? 'full' : null} max=${max} value=${Math.min(n, max)} aria-label=${label}></progress>`;

function usage(x: Ctx, w: WorkerCard): Html {
  if (!w.figures) return html`<span class="muted">—</span>`;
  return html`<span class="nowrap">CPU ${w.figures.cpuPercent.toFixed(0)}%</span><div class=${w.figures.memoryMb > w.maxMemoryMb ? 'sub nowrap bad-text' : 'sub nowrap'}>${w.figures.memoryMb} MB</div><div class="sub nowrap">${x.t('workers.browsers', { n: w.figures.browsers })}</div>`;
}

/** The state in its colour, why it is so, what it waits for, and whether it runs the newest configuration. */
export function workerState(x: Ctx, w: WorkerCard): Html {
  return html`${tag(x, w.status, 'state', w.cause && reason(x, w.cause))} ${w.status === 'running' && w.link !== 'connected' ? tag(x, w.link) : null}${why(x, w)}${w.behind ? html`<div class="sub note-text" title=${behindWords(x, w)}>${behindWords(x, w)}</div>` : null}`;
}

export const behindWords = (x: Ctx, w: Pick<WorkerCard, 'behind' | 'version'>): string =>
  !w.behind ? '' : w.behind.fields.length > 0 ? x.t('workers.behind', { runs: w.behind.runs, of: w.version, fields: w.behind.fields.join(', ') }) : x.t('workers.behind-plain', { runs: w.behind.runs, of: w.version });

/** What is done most often in this state. */
export function mainAction(x: Ctx, w: WorkerCard): Value {
  if (w.status === 'stopped') return button({ url: `/workers/${w.id}/start`, label: x.word('verb', 'start'), tone: 'main', why: w.cannot.start });
  if (w.status === 'draining') return button({ url: `/workers/${w.id}/start`, label: x.t('workers.take-back'), why: w.cannot.start });
  if (w.status === 'crashed' || w.status === 'error') return button({ url: `/workers/${w.id}/retry`, label: x.t('workers.retry'), tone: 'main', why: w.cannot.retry });
  return button({ url: `/workers/${w.id}/stop`, label: x.word('verb', 'stop'), why: w.status === 'stopping' ? x.t('workers.is-stopping') : w.cannot.stop, confirm: w.assigned > 0 && w.status === 'running' ? x.t('workers.stop-sure', { n: w.assigned }) : undefined });
}

export function moreActions(x: Ctx, w: WorkerCard): Value[] {
  return [
    w.status === 'crashed' || w.status === 'draining' || w.status === 'error' ? button({ url: `/workers/${w.id}/stop`, label: x.word('verb', 'stop'), why: w.cannot.stop }) : null,
    button({ url: `/workers/${w.id}/restart`, label: x.word('verb', 'restart'), why: w.cannot.restart, confirm: w.status === 'running' && w.assigned > 0 ? x.t('workers.restart-sure', { n: w.assigned }) : undefined }),
    button({ url: `/workers/${w.id}/drain`, label: x.word('verb', 'drain'), why: w.cannot.drain }),
    button({ url: `/workers/${w.id}/kill`, label: x.word('verb', 'kill'), tone: 'danger', why: w.cannot.kill, confirm: x.t('workers.kill-sure') }),
    w.deploymentType === 'remote' ? button({ url: `/workers/${w.id}/prepare`, label: x.t('workers.prepare'), why: w.cannot.prepare, confirm: x.t('workers.prepare-sure') }) : null,
    opener(`/workers/${w.id}/logs`, x.t('workers.logs')),
    opener(`/workers/${w.id}/edit`, x.t('workers.edit-config')),
    opener(`/fleet/templates/from/${w.id}`, x.t('workers.save-template')),
    button({ url: `/workers/${w.id}/remove`, label: x.t('remove'), tone: 'danger', why: w.cannot.remove, confirm: x.t('workers.remove-sure') }),
  ];
}

function why(x: Ctx, w: WorkerCard): Value {
  if (w.status === 'crashed' && w.nextRetryMs) return html`<div class="sub bad-text">${w.cause && reason(x, w.cause)}</div><div class="sub">${x.t('workers.retry-in')} ${countdown(x, w.nextRetryMs)}</div>`;
  if (w.status === 'crashed' || w.status === 'error') return html`<div class="sub bad-text">${reason(x, w.lastError ?? w.cause ?? '')}</div>`;
  if (w.status === 'running') return html`<div class="sub">${ago(x, w.startedMs)}${w.restartCount > 0 ? ` · ${x.t('workers.restarts', { n: w.restartCount })}` : null}</div>${w.cause && /^restarted: /.test(w.cause) ? html`<div class="sub">${reason(x, w.cause)}</div>` : null}`;
  return w.cause ? html`<div class="sub">${reason(x, w.cause)}</div>` : null;
}
