import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { chart, type ChartNode } from './chart.ts';
import { changeList, type FieldChange } from './config-files.ts';
import { fleetTabs } from './fleet-tabs.ts';
import { ago, button, chip, clock, countdown, empty, menu, opener, region, tag, who } from './parts.ts';
import { reason } from './reason.ts';
import { logView, type WorkerLogs } from './worker-logs.ts';
import { mainAction, moreActions, workerState, type WorkerCard } from './workers.ts';

export type VersionLine = { version: number; by: string | null; atMs: number; changes: FieldChange[] };
export type WorkerModel = {
  card: WorkerCard;
  description: string;
  labels: Record<string, string>;
  strict: boolean;
  program: { worker: string | null; node: string | null; chromium: string | null };
  accounts: { id: string; name: string; state: string; moved: string | null; pinned: boolean }[];
  restarts: { at: number; cause: string }[];
  lastExit: string | null;
  /** Who keeps its process to its limits. */
  limits: string | null;
  versions: VersionLine[];
  pending: { effects: { token: string; src: string; on: string | null; sinceMs: number | null }[]; timers: { id: string; dueMs: number; event: string }[] };
  logs: WorkerLogs;
  chart: ChartNode | null;
  active: string[];
  allowed: string[];
};

const PERIODS = ['1h', '24h', '30d'] as const;

/** One worker: what it does, what it used, what it holds, how it came to be as it is. */
export function workerPage(x: Ctx, m: WorkerModel): Html {
  const w = m.card;
  const topics = [`worker/${w.id}`];
  return html`<div class="page-head"><h1>${w.name} <code class="muted">${w.id}</code></h1>
    ${region(x, 'worker-actions', topics, html`<div class="toolbar"><a class="button plain" href=${`/actors/worker/${w.id}`}>${x.t('actors.look')}</a>${opener(`/workers/${w.id}/edit`, x.t('workers.edit-config'))}${mainAction(x, w)}${menu(x, `menu-${w.id}`, moreActions(x, w))}</div>`)}</div>
  ${fleetTabs(x)}
  ${region(x, 'worker-state', topics, html`<div class="card worker-state"><div>${workerState(x, w)}</div>${facts(x, m)}</div>`)}
  ${plots(x, w)}
  <div class="columns even">
    <div>${region(x, 'worker-accounts', [...topics, 'account'], accounts(x, m))}${region(x, 'worker-pending', topics, html`${pending(x, m)}${restarts(x, m)}`)}</div>
    <div>${region(x, 'worker-versions', topics, versions(x, m))}</div>
  </div>
  <h2 class="group">${x.t('workers.logs')} <span class="grow"></span>${opener(`/workers/${w.id}/output`, x.t('worker.output'))}</h2><div class="page-log">${logView(x, m.logs)}</div>
  ${m.chart ? region(x, 'worker-chart', topics, html`<details class="fold" id="worker-statechart"><summary>${x.t('worker.chart')}</summary>${chart(m.chart, { active: m.active, allowed: m.allowed })}</details>`) : null}`;
}

function facts(x: Ctx, m: WorkerModel): Html {
  const w = m.card;
  const rows: [string, Value][] = [
    [x.t('workers.type'), html`${x.word('deployment', w.deploymentType)} · <code>${w.place}</code>${w.process ? ` · ${w.process}` : null}`],
    [x.t('workers.groups-served'), html`<span class="chips">${w.groups.map((g) => html`<a class="chip" href=${`/workers?group=${g}`}>${g}</a>`)}${m.strict ? chip(x.t('workers.strict'), 'note') : null}</span>`],
    [x.t('workers.accounts'), `${w.assigned} / ${w.maxAccounts}`],
    [x.t('workers.max-memory'), html`${w.maxMemoryMb}${m.limits ? html`<div class="sub">${x.word('limits', m.limits)}</div>` : null}`],
    [x.t('worker.program'), m.program.worker ? `Troupe ${m.program.worker} · Node ${m.program.node ?? '?'} · Chromium ${m.program.chromium ?? '?'}` : '—'],
  ];
  const labels = Object.entries(m.labels);
  if (labels.length > 0) rows.push([x.t('workers.labels'), html`<span class="chips">${labels.map(([k, v]) => chip(`${k}=${v}`))}</span>`]);
  if (m.description) rows.push([x.t('workers.description'), m.description]);
  return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

const PLOTS = [['cpu_usage', 'worker.cpu', '%', null], ['memory_usage', 'worker.memory', ' MB', 'memory_mb'], ['task_count', 'worker.tasks', '', null], ['accounts', 'workers.accounts', '', 'max_accounts']] as const;

/** Filled in by script; not part of a region, so that no redraw takes the canvas away. */
const plots = (x: Ctx, w: WorkerCard): Html => html`<section class="plots" data-plots=${`/api/v1/workers/${w.id}/metrics`} aria-label=${x.t('workers.resources')}>
  <div class="row"><h2 class="group">${x.t('workers.resources')}</h2><span class="grow"></span><div class="tabs periods" role="group" aria-label=${x.t('worker.period')}>${PERIODS.map((p, i) => html`<button type="button" data-period=${p} aria-pressed=${i === 0 ? 'true' : 'false'}>${x.word('period', p)}</button>`)}</div></div>
  <div class="plot-grid">${PLOTS.map(([name, label, unit, limit]) => html`<figure class="card plot" data-plot=${name} data-unit=${unit} data-limit=${limit}><figcaption><span>${x.t(label)}</span><b data-value=""></b></figcaption><div class="plot-canvas"></div><p class="plot-empty">${x.t('worker.no-figures')}</p><i class="ink-curve"></i><i class="ink-muted"></i><i class="ink-line"></i><i class="ink-limit"></i></figure>`)}</div></section>`;

function accounts(x: Ctx, m: WorkerModel): Html {
  return html`<h2 class="group">${x.t('worker.accounts')} <b class="badge">${m.accounts.length}</b></h2>${
    m.accounts.length === 0
      ? html`<p class="muted">${x.t('worker.no-accounts')}</p>`
      : html`<ul class="pending">${m.accounts.map((a) => html`<li id=${`held-${a.id}`}><a href=${`/accounts/${a.id}`}><b>${a.name}</b></a>${tag(x, a.state)}${a.pinned ? chip(x.t('worker.pinned')) : null}<span class="grow"></span>${opener(`/accounts/${a.id}/move`, x.t('worker.move'), 'plain', a.pinned ? x.t('worker.move-pinned') : null)}</li>`)}</ul>`
  }`;
}

function pending(x: Ctx, m: WorkerModel): Html {
  const { effects, timers } = m.pending;
  return html`<h2 class="group">${x.t('actor.pending')}</h2>${
    effects.length + timers.length === 0
      ? html`<p class="muted">${x.t('actor.pending-none')}</p>`
      : html`<ul class="pending">${effects.map((e) => html`<li id=${`fx-${e.token}`}><b>⚙ ${e.src}</b> <span class="sub">${e.on ? x.t('actor.on', { who: e.on }) : x.t('actor.on-nobody')}${e.sinceMs ? [' · ', ago(x, e.sinceMs)] : null}</span></li>`)}${timers.map((t) => html`<li id=${`timer-${t.id}`}><b>◷ ${t.event}</b> <span class="sub">${countdown(x, t.dueMs)}</span></li>`)}</ul>`
  }`;
}

function restarts(x: Ctx, m: WorkerModel): Html {
  return html`<h2 class="group">${x.t('worker.restarts')} ${m.card.restartCount > 0 ? html`<b class="badge">${m.card.restartCount}</b>` : null}</h2>${
    m.restarts.length === 0 ? html`<p class="muted">${x.t('worker.no-restarts')}</p>` : html`<ol class="pending">${m.restarts.map((r) => html`<li><span class="grow">${reason(x, r.cause)}</span><span class="sub">${ago(x, r.at)}</span></li>`)}</ol>`
  }${m.lastExit ? html`<p class="sub">${x.t('worker.last-exit', { what: reason(x, m.lastExit) })}</p>` : null}`;
}

function versions(x: Ctx, m: WorkerModel): Html {
  const w = m.card;
  if (m.versions.length === 0) return html`<h2 class="group">${x.t('worker.versions')}</h2>${empty(x.t('worker.no-versions'), x.t('worker.no-versions-next'))}`;
  return html`<h2 class="group">${x.t('worker.versions')}</h2><ol class="versions">${m.versions.map((v) => html`<li class="card" id=${`version-${v.version}`}><div class="row"><b>${x.t('worker.version', { n: v.version })}</b>${v.version === w.version ? chip(x.t('worker.newest'), 'note') : null}${(w.behind?.runs ?? -1) === v.version ? chip(x.t('worker.runs-this'), 'warn') : null}<span class="sub" title=${clock(x, v.atMs)}>${v.by ? `${who(v.by)} · ` : null}${ago(x, v.atMs)}</span><span class="grow"></span>${
    v.version === w.version ? opener(`/workers/${w.id}/edit`, x.t('worker.edit-version')) : html`${opener(`/workers/${w.id}/edit?version=${v.version}`, x.t('worker.edit-version'))} ${button({ url: `/workers/${w.id}/revert`, label: x.t('worker.revert'), vals: { version: v.version }, confirm: x.t('worker.revert-sure', { n: v.version }) })}`
  }</div>${v.changes.length > 0 ? changeList(x, v.changes) : html`<p class="sub">${x.t(v.version === 1 ? 'worker.created' : 'worker.no-changes')}</p>`}</li>`)}</ol>`;
}
