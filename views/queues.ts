import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, chip, choice, dialog, empty, field, opener, region, stat, who } from './parts.ts';
import { reason } from './reason.ts';
import { brief } from './tasks.ts';
import { workTabs } from './work-tabs.ts';

export type Pause = { scope: string; name: string; by: string; reason: string; sinceMs: number };
export type LaneLine = { lane: string; depth: number; running: number; oldestMs: number | null; doneLastMinute: number; failedLastMinute: number; paused: boolean };
export type QueueCard = { group: string; lanes: LaneLine[]; workers: number; paused: Pause | null; why: { text: string; n: number }[] };
export type QueuesModel = { queues: QueueCard[]; pauses: Pause[]; totals: { depth: number; running: number; perMinute: number; oldestMs: number | null }; mayAct: boolean };

export const PAUSE_SCOPES = ['fleet', 'group', 'platform', 'account', 'queue', 'kind'] as const;

/** What waits where, how fast it goes, and what holds it. */
export function queuesPage(x: Ctx, m: QueuesModel): Html {
  const fleet = m.pauses.find((p) => p.scope === 'fleet');
  return html`<div class="page-head"><h1>${x.t('nav.queues')}</h1><div class="toolbar">${m.mayAct ? html`${opener('/pauses/new', x.t('pause.new'))}${fleet ? button({ url: '/pauses/fleet/fleet/resume', label: x.t('pause.resume-all'), tone: 'main' }) : opener('/pauses/new?scope=fleet', x.t('pause.all'))}` : null}</div></div>${workTabs(x)}
  ${region(x, 'pauses', ['gate', 'task'], m.pauses.length === 0 ? null : html`<ul class="pending pauses">${m.pauses.map((p) => pauseLine(x, p, m.mayAct))}</ul>`)}
  ${region(x, 'queues', ['task', 'gate', 'worker'], html`<div class="stats">${stat(x.t('queue.depth'), m.totals.depth, m.totals.depth > 0 ? 'note' : 'plain', '/tasks?status=pending')}${stat(x.t('queue.running'), m.totals.running, m.totals.running > 0 ? 'good' : 'plain', '/tasks?status=running')}${stat(x.t('queue.rate'), m.totals.perMinute)}${stat(x.t('queue.oldest'), m.totals.oldestMs ? brief(x, x.now - m.totals.oldestMs) : '—', m.totals.oldestMs && x.now - m.totals.oldestMs > 600_000 ? 'warn' : 'plain')}</div>
  ${m.queues.length === 0 ? empty(x.t('queue.none'), x.t('queue.none-next'), html`<a class="button main" href="/tasks">${x.t('nav.tasks')}</a>`) : html`<div class="groups">${m.queues.map((q) => card(x, q, m.mayAct))}</div>`}`)}`;
}

const pauseLine = (x: Ctx, p: Pause, mayAct: boolean): Html => html`<li id=${`pause-${p.scope}-${p.name}`}><b>${x.word('pause-scope', p.scope)}${p.scope === 'fleet' ? null : html` <code>${p.name}</code>`}</b><span class="grow sub">${who(p.by)} · ${ago(x, p.sinceMs)}${p.reason ? ` · ${p.reason}` : null}</span>${mayAct ? button({ url: `/pauses/${p.scope}/${p.name}/resume`, label: x.t('pause.resume'), tone: 'main' }) : null}</li>`;

function card(x: Ctx, q: QueueCard, mayAct: boolean): Html {
  const pauseUrl = `/pauses/new?scope=group&name=${q.group}`;
  return html`<article class="card" id=${`queue-${q.group}`} data-row=""><header class="row"><h2><a href=${`/tasks?group=${q.group}&status=open`} data-open="">${q.group}</a></h2>${q.paused ? chip(x.t('pause.paused'), 'warn') : null}<span class="grow"></span>${mayAct ? (q.paused ? button({ url: `/pauses/group/${q.group}/resume`, label: x.t('pause.resume') }) : opener(pauseUrl, x.t('pause.pause'))) : null}</header>
  <table class="lanes"><thead><tr><th>${x.t('task.lane')}</th><th class="end">${x.t('queue.depth')}</th><th class="end">${x.t('queue.running')}</th><th class="end">${x.t('queue.rate')}</th><th class="end">${x.t('queue.oldest')}</th></tr></thead><tbody>${q.lanes.map((l) => html`<tr><td>${x.word('lane', l.lane)}${l.paused ? html` ${chip(x.t('pause.paused'), 'warn')}` : null}</td><td class="end">${l.depth}</td><td class="end">${l.running}</td><td class="end">${l.doneLastMinute}${l.failedLastMinute > 0 ? html` <span class="bad-text" title=${x.t('task.n-failed')}>+${l.failedLastMinute} ✕</span>` : null}</td><td class="end nowrap">${l.oldestMs ? brief(x, x.now - l.oldestMs) : '—'}</td></tr>`)}</tbody></table>
  <p class="sub">${x.t('queue.workers', { n: q.workers })}</p>
  ${q.why.length > 0 ? html`<ul class="waiting">${q.why.map((w) => html`<li>${reason(x, w.text)} <span class="sub">× ${w.n}</span></li>`)}</ul>` : null}</article>`;
}

export type PauseForm = { scope: string; name: string; groups: string[]; platforms: string[]; accounts: { id: string; name: string }[] };

/** What is held, and why; everything that has begun goes on to its end. */
export function pauseDialog(x: Ctx, m: PauseForm): Html {
  return dialog(x, x.t('pause.new'), html`<form hx-post="/pauses" hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p><p class="muted">${x.t('pause.lead')}</p>
  <div class="one-column">${choice('scope', x.t('pause.what'), m.scope, PAUSE_SCOPES.map((s) => [s, x.word('pause-scope', s)]))}
  <label class="field pause-name"><span>${x.t('pause.name')}</span><input name="name" value=${m.name} list="pause-names" autocomplete="off"><small>${x.t('pause.name-hint')}</small></label>
  <datalist id="pause-names">${names(m)}</datalist>${field({ name: 'reason', label: x.t('pause.reason'), placeholder: x.t('pause.reason-hint') })}</div>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('pause.pause')}</button></footer></form>`);
}

const names = (m: PauseForm): Value => [...m.groups, ...m.platforms, ...m.groups.flatMap((g) => ['high', 'normal', 'low'].map((l) => `${g}.${l}`))].map((n) => html`<option value=${n}></option>`).concat(m.accounts.map((a) => html`<option value=${a.id} label=${a.name}></option>`));
