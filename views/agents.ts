import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { batchBar, pick, type BatchAction } from './batch.ts';
import { ago, button, chip, choice, dialog, empty, field, menu, opener, region, stat, tag } from './parts.ts';
import { pager, type Paging } from './pager.ts';
import { reason } from './reason.ts';
import { workTabs } from './work-tabs.ts';

export type AgentCard = {
  id: string;
  name: string;
  status: string;
  worker: string | null;
  account: string | null;
  group: string;
  url: string | null;
  title: string | null;
  task: { id: string; title: string } | null;
  why: string | null;
  error: string | null;
  restarts: number;
  createdMs: number;
  /** A page is there that can be looked at. */
  live: boolean;
};
export type AgentsFilter = { q: string; status: string; worker: string };
export type AgentsModel = Paging & { agents: AgentCard[]; filter: AgentsFilter; workers: string[]; counts: { all: number; idle: number; busy: number; error: number }; mayAct: boolean };

export const AGENT_STATES = ['opening', 'idle', 'busy', 'error', 'offline'] as const;
export const agentActions = (x: Ctx): BatchAction[] => [{ verb: 'restart', label: x.word('verb', 'restart') }, { verb: 'close', label: x.t('agent.close') }];

/** Every open page, as a picture of what it shows. */
export function agentsPage(x: Ctx, m: AgentsModel): Html {
  const f = m.filter;
  return html`<div class="page-head"><h1>${x.t('nav.agents')}</h1><div class="toolbar"><button type="button" class="button plain" data-refresh="">${x.t('refresh')}</button>${m.mayAct ? opener('/agents/new', x.t('agent.new'), 'main') : null}</div></div>${workTabs(x)}
  <form class="filters list-filters" role="search" hx-get="/agents" hx-target="#agents" hx-select="#agents" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit"><input type="search" name="q" value=${f.q} placeholder=${x.t('agent.search')} aria-label=${x.t('agent.search')} data-search="">
    <select name="status" aria-label=${x.t('filter.status')}><option value="">${x.t('filter.any-status')}</option>${AGENT_STATES.map((s) => html`<option value=${s} ?selected=${s === f.status}>${x.word('agent', s)}</option>`)}</select>
    <select name="worker" aria-label=${x.t('nav.workers')}><option value="">${x.t('agent.any-worker')}</option>${m.workers.map((w) => html`<option value=${w} ?selected=${w === f.worker}>${w}</option>`)}</select><input type="hidden" name="size" value=${m.size}></form>
  ${region(x, 'agents', ['agent'], html`<div class="stats">${stat(x.t('agent.all'), m.counts.all)}${stat(x.word('agent', 'busy'), m.counts.busy, m.counts.busy > 0 ? 'good' : 'plain', '/agents?status=busy')}${stat(x.word('agent', 'idle'), m.counts.idle, 'plain', '/agents?status=idle')}${stat(x.word('agent', 'error'), m.counts.error, m.counts.error > 0 ? 'bad' : 'plain', '/agents?status=error')}</div>
  ${m.agents.length === 0 ? (Object.values(f).some((v) => v !== '') ? empty(x.t('filter.none'), x.t('filter.none-next'), html`<a class="button" href="/agents">${x.t('filter.all')}</a>`) : empty(x.t('agent.none'), x.t('agent.none-next'), m.mayAct ? opener('/agents/new', x.t('agent.new'), 'main') : null)) : html`<div id="agent-list">${m.mayAct ? batchBar(x, 'agent-list', '/agents', agentActions(x)) : null}<div class="agent-grid">${m.agents.map((a) => card(x, a, m.mayAct))}</div></div>${pager(x, '/agents', f, m)}`}`)}`;
}

function card(x: Ctx, a: AgentCard, mayAct: boolean): Html {
  return html`<article class="card agent-card" id=${`agent-${a.id}`} data-row=""><a class="thumb" href=${`/agents/${a.id}`} data-open="" aria-label=${a.name}>${thumb(x, a)}</a>
  <div class="row">${mayAct ? pick(x, a.id, a.name) : null}<b class="grow ellipsis">${a.name}</b>${mayAct ? menu(x, `menu-${a.id}`, agentMenu(x, a)) : null}</div>
  <div class="sub ellipsis" title=${a.url}>${a.title || a.url || '—'}</div>
  <div class="chips">${tag(x, a.status, 'agent', a.why && reason(x, a.why))}${a.worker ? html`<a class="chip" href=${`/workers/${a.worker}`}>${a.worker}</a>` : chip(a.group)}${a.account ? chip(a.account, 'note') : null}${a.restarts > 0 ? chip(x.t('workers.restarts', { n: a.restarts }), 'warn') : null}</div>
  ${a.task ? html`<div class="sub">▶ <a href=${`/tasks/${a.task.id}`}>${a.task.title}</a></div>` : null}${a.error && a.status === 'error' ? html`<div class="sub bad-text">${reason(x, a.error)}</div>` : null}${a.why && !a.worker ? html`<div class="sub">${reason(x, a.why)}</div>` : null}</article>`;
}

/** A picture of its page, fetched anew every few seconds while it is in sight. */
export const thumb = (x: Ctx, a: AgentCard): Value => (a.live ? html`<img src=${`/api/agents/${a.id}/screenshot?width=320`} alt=${x.t('agent.picture', { name: a.name })} loading="lazy" data-thumb="" width="320" height="200">` : html`<span class="thumb-none">${a.status === 'opening' ? html`<i class="spin big"></i>` : '▢'}</span>`);

export const agentMenu = (x: Ctx, a: AgentCard): Value[] => [
  button({ url: `/agents/${a.id}/restart`, label: x.word('verb', 'restart'), confirm: a.task ? x.t('agent.restart-sure') : undefined }),
  button({ url: `/agents/${a.id}/close`, label: x.t('agent.close'), tone: 'danger', confirm: a.task ? x.t('agent.close-sure', { title: a.task.title }) : undefined }),
];

export type AgentFormModel = { groups: string[]; workers: string[]; accounts: { id: string; name: string }[] };

export function newAgentDialog(x: Ctx, m: AgentFormModel): Html {
  return dialog(x, x.t('agent.new'), html`<form hx-post="/agents" hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p><div class="grid">
  ${field({ name: 'name', label: x.t('agent.name'), hint: x.t('agent.name-hint') })}${field({ name: 'count', label: x.t('agent.count'), type: 'number', value: 1, min: 1, max: 50 })}
  ${field({ name: 'url', label: x.t('task.url'), placeholder: 'https://', hint: x.t('agent.url-hint') })}${choice('group', x.t('workers.group'), 'default', [...new Set(['default', ...m.groups])].map((g) => [g, g]))}
  ${choice('worker', x.t('nav.workers'), '', [['', x.t('task.any')], ...m.workers.map((w): [string, string] => [w, w])])}${choice('account', x.t('task.account'), '', [['', x.t('task.no-account')], ...m.accounts.map((a): [string, string] => [a.id, a.name])], x.t('agent.account-hint'))}</div>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('agent.open')}</button></footer></form>`);
}

export type AgentModel = { card: AgentCard; worker: string | null; viewport: string | null; by: string | null; history: { atMs: number; what: string; task: { id: string; title: string } | null; detail: string | null }[]; tasks: { id: string; seq: number; title: string; status: string; createdMs: number }[]; mayAct: boolean };

/** One agent: what its page shows, what it does, what it did. */
export function agentPage(x: Ctx, m: AgentModel): Html {
  const a = m.card;
  const topics = [`agent/${a.id}`];
  return html`<div class="page-head"><h1>${a.name} <code class="muted">${a.id}</code></h1>${region(x, 'agent-actions', topics, html`<div class="toolbar"><a class="button plain" href=${`/actors/agent/${a.id}`}>${x.t('actors.look')}</a>${m.mayAct ? html`${opener(`/tasks/new?agent=${a.id}`, x.t('agent.give-task'))}${a.live ? html`<a class="button main" href=${`/agents/${a.id}/view`}>${x.t('agent.live')}</a>` : null}${menu(x, `menu-${a.id}`, agentMenu(x, a))}` : a.live ? html`<a class="button main" href=${`/agents/${a.id}/view`}>${x.t('agent.live')}</a>` : null}</div>`)}</div>${workTabs(x)}
  <div class="columns"><div>${region(x, 'agent-state', topics, html`<a class="thumb large" href=${a.live ? `/agents/${a.id}/view` : null}>${thumb(x, a)}</a><div class="card"><div class="row">${tag(x, a.status, 'agent')}${a.task ? html`<span>▶ <a href=${`/tasks/${a.task.id}`}>${a.task.title}</a></span>` : html`<span class="muted">${x.t('agent.no-task')}</span>`}</div>
    ${a.why ? html`<p class="sub">${reason(x, a.why)}</p>` : null}${a.error ? html`<p class="sub bad-text">${reason(x, a.error)}</p>` : null}
    <dl class="facts"><dt>${x.t('agent.page')}</dt><dd>${a.title ?? '—'}<div class="sub">${a.url ?? ''}</div></dd><dt>${x.t('nav.workers')}</dt><dd>${a.worker ? html`<a href=${`/workers/${a.worker}`}><code>${a.worker}</code></a>` : '—'} · ${a.group}</dd>${a.account ? html`<dt>${x.t('task.account')}</dt><dd><a href=${`/actors/account/${a.account}`}>${a.account}</a></dd>` : null}${m.viewport ? html`<dt>${x.t('agent.viewport')}</dt><dd>${m.viewport}</dd>` : null}<dt>${x.t('task.made')}</dt><dd>${ago(x, a.createdMs)}</dd></dl></div>`)}</div>
  <div>${region(x, 'agent-tasks', [...topics, 'task'], html`<h2 class="group">${x.t('nav.tasks')}</h2>${m.tasks.length === 0 ? html`<p class="muted">${x.t('agent.tasks-none')}</p>` : html`<ul class="pending">${m.tasks.map((t) => html`<li><a href=${`/tasks/${t.id}`}><span class="muted">#${t.seq}</span> ${t.title}</a>${tag(x, t.status, 'task')}<span class="grow"></span><span class="sub">${ago(x, t.createdMs)}</span></li>`)}</ul>`}
    <h2 class="group">${x.t('agent.history')}</h2>${m.history.length === 0 ? html`<p class="muted">—</p>` : html`<ol class="activity">${m.history.map((h) => html`<li>${x.word('agent-did', h.what)}${h.task ? html` <a href=${`/tasks/${h.task.id}`}>${h.task.title}</a>` : null}<div class="sub">${h.detail ? `${reason(x, h.detail)} · ` : null}${ago(x, h.atMs)}</div></li>`)}</ol>`}`)}</div></div>`;
}
