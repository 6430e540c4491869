import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { batchBar, pick, type BatchAction } from './batch.ts';
import { pager, type Paging } from './pager.ts';
import { ago, button, chip, countdown, dialog, empty, field, opener, region, stat, tag } from './parts.ts';
import { reason } from './reason.ts';
import { workTabs } from './work-tabs.ts';

export type TaskCard = {
  id: string;
  seq: number;
  title: string;
  type: string;
  priority: number;
  group: string;
  /** The chart's own state: waiting, pending, assigned, running, retrying, completed, failed, cancelled, timed_out. */
  status: string;
  /** 0 to 1, null where nothing is known. */
  progress: number | null;
  /** Why it waits. */
  why: string | null;
  worker: string | null;
  agent: string | null;
  account: string | null;
  attempt: number;
  maxAttempts: number;
  retryMs: number | null;
  error: string | null;
  createdMs: number;
  startedMs: number | null;
  finishedMs: number | null;
  /** The task that was made when this one was run again. */
  replayedBy: string | null;
};
export type TasksFilter = { q: string; status: string; group: string; type: string; lane: string };
export type TasksModel = Paging & { tasks: TaskCard[]; filter: TasksFilter; groups: string[]; counts: { waiting: number; running: number; completed: number; failed: number }; mayAct: boolean };

export const TASK_STATES = ['waiting', 'pending', 'assigned', 'running', 'retrying', 'completed', 'failed', 'timed_out', 'cancelled'] as const;
export const TASK_TYPES = ['scrape', 'test', 'automation', 'shell'] as const;
export const LANES = ['high', 'normal', 'low'] as const;
const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'timed_out']);
const DEAD: ReadonlySet<string> = new Set(['failed', 'timed_out']);

export const isOver = (status: string): boolean => OVER.has(status);
export const mayReplay = (status: string): boolean => OVER.has(status);
export const laneOf = (priority: number): (typeof LANES)[number] => (priority >= 8 ? 'high' : priority >= 4 ? 'normal' : 'low');
export const taskActions = (x: Ctx): BatchAction[] => [{ verb: 'cancel', label: x.t('task.cancel') }, { verb: 'retry', label: x.t('task.retry') }];

export function tasksPage(x: Ctx, m: TasksModel): Html {
  const f = m.filter;
  return html`<div class="page-head"><h1>${x.t('nav.tasks')}</h1><div class="toolbar"><button type="button" class="button plain" data-refresh="">${x.t('refresh')}</button>${m.mayAct ? html`${opener('/task-templates/pick', x.t('task.from-template'))}${opener('/tasks/new', x.t('task.new'), 'main')}` : null}</div></div>
  ${workTabs(x)}
  <form class="filters list-filters" role="search" hx-get="/tasks" hx-target="#tasks" hx-select="#tasks" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit">
    <input type="search" name="q" value=${f.q} placeholder=${x.t('task.search')} aria-label=${x.t('task.search')} data-search="">
    ${pickOne('status', x.t('filter.status'), x.t('filter.any-status'), f.status, [['open', x.t('task.open')], ...TASK_STATES.map((s): [string, string] => [s, x.word('task', s)]), ['dead', x.t('task.dead')]])}
    ${pickOne('group', x.t('workers.group'), x.t('workers.any-group'), f.group, m.groups.map((g) => [g, g]))}
    ${pickOne('type', x.t('task.type'), x.t('task.any-type'), f.type, TASK_TYPES.map((t) => [t, x.word('task-type', t)]))}
    ${pickOne('lane', x.t('task.lane'), x.t('task.any-lane'), f.lane, LANES.map((l) => [l, x.word('lane', l)]))}
    <input type="hidden" name="size" value=${m.size}>
  </form>
  ${region(x, 'tasks', ['task'], html`
    <div class="stats">${stat(x.t('task.n-waiting'), m.counts.waiting, m.counts.waiting > 0 ? 'note' : 'plain', '/tasks?status=open')}${stat(x.t('task.n-running'), m.counts.running, m.counts.running > 0 ? 'good' : 'plain', '/tasks?status=running')}${stat(x.t('task.n-completed'), m.counts.completed, 'plain', '/tasks?status=completed')}${stat(x.t('task.n-failed'), m.counts.failed, m.counts.failed > 0 ? 'warn' : 'plain', '/tasks?status=dead')}</div>
    ${m.tasks.length === 0 ? none(x, m) : html`<div id="task-list">${m.mayAct ? html`<div class="row bulk">${batchBar(x, 'task-list', '/tasks', taskActions(x))}<span class="grow"></span>${matching(x, m)}</div>` : null}
    <div class="table-box"><table class="cards"><thead><tr>${m.mayAct ? html`<th class="tight"></th>` : null}<th>${x.t('task.title')}</th><th>${x.t('state')}</th><th>${x.t('task.where')}</th><th>${x.t('task.when')}</th><th class="end">${x.t('actions')}</th></tr></thead><tbody>${m.tasks.map((t) => row(x, m, t))}</tbody></table></div></div>
    ${pager(x, '/tasks', f, m)}`}`)}`;
}

const none = (x: Ctx, m: TasksModel): Html =>
  Object.values(m.filter).some((v) => v !== '') ? empty(x.t('filter.none'), x.t('filter.none-next'), html`<a class="button" href="/tasks">${x.t('filter.all')}</a>`) : empty(x.t('task.none'), x.t('task.none-next'), m.mayAct ? opener('/tasks/new', x.t('task.new'), 'main') : null);

/** One action for everything that the filter shows, however many pages that is. */
function matching(x: Ctx, m: TasksModel): Value {
  if (m.total <= m.tasks.length) return null;
  const given = new URLSearchParams(Object.entries(m.filter).filter(([, v]) => v !== ''));
  const link = (verb: string, label: string) => opener(`/tasks/matching?${new URLSearchParams([...given, ['action', verb]]).toString()}`, label);
  return html`${link('cancel', x.t('task.cancel-all', { n: m.total }))}${link('retry', x.t('task.retry-all', { n: m.total }))}`;
}

function row(x: Ctx, m: TasksModel, t: TaskCard): Html {
  return html`<tr id=${`task-${t.id}`} data-row="">${m.mayAct ? html`<td class="tight">${pick(x, t.id, t.title)}</td>` : null}
    <td data-label=${x.t('task.title')}><a href=${`/tasks/${t.id}`} data-open=""><span class="muted">#${t.seq}</span> <b>${t.title}</b></a><div class="chips">${chip(x.word('task-type', t.type))}${chip(x.t('task.priority-n', { n: t.priority }), t.priority >= 8 ? 'warn' : 'plain')}${chip(t.group)}</div></td>
    <td class="why-cell" data-label=${x.t('state')}>${taskState(x, t)}</td>
    <td data-label=${x.t('task.where')}>${t.worker ? html`<a href=${`/workers/${t.worker}`}><code>${t.worker}</code></a>` : html`<span class="muted">—</span>`}${t.agent ? html`<div class="sub"><a href=${`/agents/${t.agent}`}>${t.agent}</a></div>` : null}${t.account ? html`<div class="sub">${t.account}</div>` : null}</td>
    <td data-label=${x.t('task.when')}>${ago(x, t.createdMs)}${t.startedMs ? html`<div class="sub">${lasted(x, t)}</div>` : null}</td>
    <td class="end actions" data-label=${x.t('actions')}>${m.mayAct ? taskButton(x, t) : null}</td></tr>`;
}

/** The state, how far it is, and why it is not further. */
export function taskState(x: Ctx, t: TaskCard): Html {
  return html`${tag(x, t.status, 'task')}${t.attempt > 1 && !DEAD.has(t.status) ? html` <span class="sub">${x.t('task.attempt', { n: t.attempt, max: t.maxAttempts })}</span>` : null}
  ${t.status === 'running' ? html`<progress max="100" value=${t.progress === null ? null : Math.round(t.progress * 100)} aria-label=${x.t('task.progress')}></progress>` : null}
  ${t.status === 'retrying' && t.retryMs ? html`<div class="sub">${x.t('task.retry-in')} ${countdown(x, t.retryMs)}</div>` : null}
  ${t.why && !isOver(t.status) ? html`<div class="sub">${reason(x, t.why)}</div>` : null}
  ${t.error && (DEAD.has(t.status) || t.status === 'retrying') ? html`<div class="sub bad-text">${reason(x, t.error)}</div>` : null}
  ${t.replayedBy ? html`<div class="sub"><a href=${`/tasks/${t.replayedBy}`}>${x.t('task.replayed')}</a></div>` : null}`;
}

/** What is done most often in this state. */
export const taskButton = (x: Ctx, t: TaskCard): Html =>
  isOver(t.status) ? opener(`/tasks/${t.id}/replay`, x.t('task.retry')) : button({ url: `/tasks/${t.id}/cancel`, label: x.t('task.cancel'), confirm: t.status === 'running' ? x.t('task.cancel-sure', { title: t.title }) : undefined });

/** How long it ran, or runs. */
export function lasted(x: Ctx, t: Pick<TaskCard, 'startedMs' | 'finishedMs'>): string {
  if (!t.startedMs) return '';
  return duration(x, (t.finishedMs ?? x.now) - t.startedMs);
}

/** The same where there is little room: two parts at most become one. */
export const brief = (x: Ctx, ms: number): string => (ms < 60_000 ? duration(x, ms) : ms < 3_600_000 ? `${new Intl.NumberFormat(x.lang, { maximumFractionDigits: 1 }).format(ms / 60_000)} min` : ms < 172_800_000 ? `${new Intl.NumberFormat(x.lang, { maximumFractionDigits: 1 }).format(ms / 3_600_000)} h` : x.t('task.days', { n: Math.round(ms / 86_400_000) }));

/** Milliseconds as a person says them: 340 ms, 4.2 s, 3 min 20 s, 2 h 5 min. */
export function duration(x: Ctx, ms: number): string {
  const n = (v: number, digits = 0) => new Intl.NumberFormat(x.lang, { maximumFractionDigits: digits }).format(v);
  if (ms < 1000) return `${n(Math.max(0, ms))} ms`;
  if (ms < 60_000) return `${n(ms / 1000, 1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return s % 60 === 0 ? `${n(s / 60)} min` : `${n(Math.floor(s / 60))} min ${n(s % 60)} s`;
  return `${n(Math.floor(s / 3600))} h ${n(Math.floor((s % 3600) / 60))} min`;
}

const pickOne = (name: string, label: string, any: string, value: string, options: readonly (readonly [string, string])[]): Html =>
  html`<select name=${name} aria-label=${label}><option value="">${any}</option>${options.map(([v, text]) => html`<option value=${v} ?selected=${v === value}>${text}</option>`)}</select>`;

export type MatchingModel = { action: BatchAction; filter: TasksFilter; total: number; fit: number; examples: { seq: number; title: string }[]; most: number };

/** How many would be acted on, before they are. */
export function matchingDialog(x: Ctx, m: MatchingModel): Html {
  return dialog(x, x.t('batch.title', { what: m.action.label, n: m.fit, all: m.total }), html`<form hx-post="/tasks/matching" hx-target="#dialog" hx-swap="innerHTML" hx-status:4xx="swap:none" hx-disable="find button.main"><p class="form-error" role="alert" hidden></p>
  <input type="hidden" name="action" value=${m.action.verb}>${Object.entries(m.filter).map(([k, v]) => html`<input type="hidden" name=${k} value=${v}>`)}
  <p>${x.t('task.matching-lead', { n: m.fit, all: m.total })}</p>${m.fit > m.most ? html`<p class="note-text">${x.t('task.matching-most', { n: m.most })}</p>` : null}
  <ul class="batch-list">${m.examples.map((e) => html`<li><span class="muted">#${e.seq}</span><b>${e.title}</b></li>`)}${m.fit > m.examples.length ? html`<li class="muted">${x.t('groups.more', { n: m.fit - m.examples.length })}</li>` : null}</ul>
  ${m.action.verb === 'retry' && m.fit > 0 ? edits(x) : null}
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main" ?disabled=${m.fit === 0}>${x.t('batch.go', { what: m.action.label, n: Math.min(m.fit, m.most) })}</button></footer></form>`);
}

/** What is changed of all that run again; an empty field leaves what each of them had. */
const edits = (x: Ctx): Html => html`<details class="with-fields"><summary>${x.t('task.edit-all')}</summary><p class="sub">${x.t('task.edit-all-hint')}</p><div class="grid">
  ${field({ name: 'edit-group', label: x.t('task.edit-group') })}${field({ name: 'edit-priority', label: x.t('task.priority'), type: 'number', min: 1, max: 10 })}${field({ name: 'edit-timeout', label: x.t('task.timeout'), type: 'number', min: 1, max: 86_400 })}
  <label class="field wide"><span>${x.t('task.edit-payload')}</span><textarea name="edit-payload" id="f-edit-payload" rows="4" class="mono" spellcheck="false" placeholder='{"url": "https://shop.example"}'></textarea></label></div></details>`;
