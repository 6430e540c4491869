import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { fleetTabs } from './fleet-tabs.ts';
import { ago, button, check, chip, choice, dialog, empty, field, opener, region, tag } from './parts.ts';
import { reason } from './reason.ts';

export type ScalerCard = { status: string; enabled: boolean; dryRun: boolean; min: number; max: number; metric: string; target: number; cooldown: number; template: string; templateMissing: boolean; decisions: { at: number; do: string; have: number; want: number; why: string; worker: string | null; dry: boolean; error: string | null }[] };
export type GroupCard = {
  name: string;
  workers: { id: string; status: string; link: string; assigned: number; max: number; others: string[]; strict: boolean }[];
  running: number;
  capacity: number;
  assigned: number;
  accounts: number;
  waiting: { id: string; name: string; why: string }[];
  scaler: ScalerCard | null;
};
export type GroupsModel = { groups: GroupCard[]; strategy: string; strategies: readonly string[]; mayDecide: boolean };

const SHOWN = 24;

/** Groups: who works in them, what waits and why, and how they grow by themselves. */
export function groupsPage(x: Ctx, m: GroupsModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.groups')}</h1><div class="toolbar">${opener('/fleet/rebalance', x.t('groups.rebalance'))}</div></div>${fleetTabs(x)}
  <form class="filters list-filters" hx-post="/fleet/settings" hx-swap="none" hx-trigger="change"><label class="row"><span class="muted">${x.t('groups.strategy')}</span><select name="strategy" ?disabled=${!m.mayDecide}>${m.strategies.map((s) => html`<option value=${s} ?selected=${s === m.strategy}>${x.word('strategy', s)}</option>`)}</select></label><span class="sub">${x.t('groups.strategy-hint')}</span></form>
  ${region(x, 'groups', ['worker', 'account', 'scaler'], m.groups.length === 0 ? empty(x.t('groups.none'), x.t('groups.none-next'), html`<a class="button main" href="/workers">${x.t('nav.workers')}</a>`) : html`<div class="groups">${m.groups.map((g) => group(x, g))}</div>`)}`;
}

function group(x: Ctx, g: GroupCard): Html {
  return html`<article class="card group-card" id=${`group-${g.name}`} data-row=""><header class="row"><h2><a href=${`/workers?group=${g.name}`} data-open="">${g.name}</a></h2>${g.waiting.length > 0 ? chip(x.t('groups.waiting', { n: g.waiting.length }), 'warn') : null}<span class="grow"></span>${g.assigned > 0 ? opener(`/fleet/rebalance?group=${g.name}`, x.t('groups.rebalance')) : null}</header>
  <dl class="figures"><div><dt>${x.t('groups.running')}</dt><dd>${g.running}<small> / ${g.workers.length}</small></dd></div><div><dt>${x.t('workers.capacity')}</dt><dd>${g.assigned}<small> / ${g.capacity}</small></dd></div><div><dt>${x.t('groups.accounts')}</dt><dd>${g.accounts}</dd></div></dl>
  ${g.workers.length === 0 ? html`<p class="muted">${x.t('groups.no-workers')}</p>` : html`<ul class="group-workers">${g.workers.slice(0, SHOWN).map((w) => html`<li><a href=${`/workers/${w.id}`} title=${w.others.length > 0 ? x.t('groups.also', { groups: w.others.join(', ') }) : null}><i class=${`dot ${tone(w)}`} aria-label=${x.word('state', w.status)}></i><code>${w.id}</code> <span class="sub">${w.assigned}/${w.max}${w.strict ? ` · ${x.t('workers.strict')}` : null}${w.others.length > 0 ? ` · +${w.others.length}` : null}</span></a></li>`)}${g.workers.length > SHOWN ? html`<li><a class="sub" href=${`/workers?group=${g.name}`}>${x.t('groups.more', { n: g.workers.length - SHOWN })}</a></li>` : null}</ul>`}
  ${g.waiting.length > 0 ? html`<h3>${x.t('groups.waiting-title')}</h3><ul class="waiting">${g.waiting.slice(0, 10).map((a) => html`<li><a href=${`/accounts/${a.id}`}>${a.name}</a> <span class="sub">${reason(x, a.why)}</span></li>`)}${g.waiting.length > 10 ? html`<li class="sub">${x.t('groups.more', { n: g.waiting.length - 10 })}</li>` : null}</ul>` : null}
  ${scaler(x, g)}</article>`;
}

const tone = (w: { status: string; link: string }): string => (w.status === 'running' ? (w.link === 'connected' ? 'good' : 'warn') : ['crashed', 'error'].includes(w.status) ? 'bad' : ['starting', 'stopping', 'draining'].includes(w.status) ? 'busy' : '');

function scaler(x: Ctx, g: GroupCard): Value {
  const s = g.scaler;
  const url = `/groups/${g.name}/scaler`;
  if (!s) return html`<footer class="scaler">${opener(url, x.t('scaler.begin'))}</footer>`;
  return html`<section class="scaler"><div class="row"><h3>${x.t('scaler.title')}</h3>${tag(x, s.status, 'scaler')}${s.dryRun ? chip(x.t('scaler.dry'), 'note') : null}<span class="grow"></span>${button({ url: `${url}/${s.enabled ? 'off' : 'on'}`, label: x.t(s.enabled ? 'scaler.switch-off' : 'scaler.switch-on') })}${opener(url, x.t('edit'))}</div>
  <p class="sub">${x.t('scaler.rule', { min: s.min, max: s.max, target: s.target, metric: x.word('metric', s.metric), cooldown: s.cooldown, template: s.template })}</p>
  ${s.templateMissing ? html`<p class="bad-text">${x.t('scaler.no-template', { name: s.template })}</p>` : null}
  ${s.decisions.length === 0 ? html`<p class="muted small">${x.t('scaler.no-decisions')}</p>` : html`<ol class="decision-list">${s.decisions.slice(0, 5).map((d) => decision(x, d))}</ol>${s.decisions.length > 5 ? html`<details class="fold" id=${`decisions-${g.name}`}><summary>${x.t('scaler.earlier', { n: s.decisions.length - 5 })}</summary><ol class="decision-list">${s.decisions.slice(5).map((d) => decision(x, d))}</ol></details>` : null}`}</section>`;
}

const decision = (x: Ctx, d: ScalerCard['decisions'][number]): Html =>
  html`<li><b class=${`move-${d.do}`}>${d.do === 'out' ? '↑' : d.do === 'in' ? '↓' : '='} ${d.have} → ${d.want}</b><span class="grow">${reason(x, d.why)}${d.worker ? html` · <a href=${`/workers/${d.worker}`}>${d.worker}</a>` : null}${d.dry ? ` · ${x.t('scaler.dry-done')}` : null}${d.error ? html`<span class="bad-text"> · ${d.error}</span>` : null}</span><span class="sub">${ago(x, d.at)}</span></li>`;

export type ScalerForm = { group: string; isNew: boolean; enabled: boolean; dryRun: boolean; min: number; max: number; metric: string; target: number; cooldown: number; template: string; templates: string[] };

export function scalerDialog(x: Ctx, m: ScalerForm): Html {
  const templates = [...new Set([...m.templates, ...(m.template ? [m.template] : [])])];
  return dialog(x, x.t('scaler.of', { group: m.group }), html`<form hx-post=${`/groups/${m.group}/scaler`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  <div class="grid"><div class="checks">${check('enabled', x.t('workers.enabled'), m.enabled)}${check('dry_run', x.t('scaler.dry-run'), m.dryRun)}</div>
  ${field({ name: 'min', label: x.t('scaler.min'), value: m.min, type: 'number', min: 0, max: 1000, required: true })}${field({ name: 'max', label: x.t('scaler.max'), value: m.max, type: 'number', min: 0, max: 1000, required: true })}
  ${choice('metric', x.t('scaler.metric'), m.metric, (['accounts', 'work'] as const).map((v) => [v, x.word('metric', v)]))}${field({ name: 'target', label: x.t('scaler.target'), value: m.target, type: 'number', min: 1, max: 1000, required: true, hint: x.t('scaler.target-hint') })}
  ${field({ name: 'cooldown_seconds', label: x.t('scaler.cooldown'), value: m.cooldown, type: 'number', min: 5, max: 3600, required: true })}
  ${choice('template', x.t('scaler.template'), m.template, templates.length > 0 ? templates.map((t) => [t, t]) : [['', '—']], templates.length === 0 ? x.t('templates.none-next') : null)}</div>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`, 'wide-dialog');
}

export type RebalanceModel = { group: string; moves: { account: string; name: string; from: string; to: string; error: string | null }[]; done: boolean };

/** What would move, then what did. */
export function rebalanceDialog(x: Ctx, m: RebalanceModel): Html {
  const title = m.group ? x.t('groups.rebalance-of', { group: m.group }) : x.t('groups.rebalance');
  const action = m.done ? html`<button type="button" class="button main" data-close="">${x.t('close')}</button>` : html`<button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main" ?disabled=${m.moves.length === 0}>${x.t('groups.move-go', { n: m.moves.length })}</button>`;
  return dialog(x, title, html`<form hx-post="/fleet/rebalance" hx-target="#dialog" hx-swap="innerHTML" hx-status:4xx="swap:none" hx-disable="find button.main"><p class="form-error" role="alert" hidden></p><input type="hidden" name="group" value=${m.group}>
  ${m.moves.length === 0 ? html`<p class="well">✓ ${x.t('groups.even')}</p>` : html`${m.done ? null : html`<p class="muted">${x.t('groups.move-lead')}</p>`}<ul class="batch-list">${m.moves.map((v) => html`<li id=${`move-${v.account}`}>${m.done ? html`<i class=${v.error ? 'bad-text' : 'good-text'} aria-label=${x.t(v.error ? 'progress.failed' : 'progress.done')}>${v.error ? '✕' : '✓'}</i>` : null}<b>${v.name}</b><span class="sub"><code>${v.from}</code> → <code>${v.to}</code></span>${v.error ? html`<span class="sub bad-text">${v.error}</span>` : null}</li>`)}</ul>`}
  <footer>${action}</footer></form>`, 'wide-dialog');
}
