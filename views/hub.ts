import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, chip, empty, region, stat, tag } from './parts.ts';
import { reason } from './reason.ts';
import { brief } from './tasks.ts';
import { workTabs } from './work-tabs.ts';

export type HubModel = {
  workers: { running: number; all: number };
  agents: { live: number; busy: number };
  tasks: { waiting: number; running: number; completedToday: number; failedToday: number; perMinute: number };
  dispatch: { p50: number | null; p99: number | null };
  alerts: { id: string; name: string; status: string; sinceMs: number; text: string }[];
  failures: { id: string; seq: number; title: string; error: string | null; atMs: number; alike: number }[];
  waiting: { why: string; n: number }[];
  paused: number;
};

const PLOTS = [['throughput', 'hub.throughput', '/min'], ['dispatch', 'hub.dispatch', ' ms'], ['error_rate', 'hub.errors', '%'], ['waiting', 'hub.waiting', '/min'], ['cpu_usage', 'hub.cpu', '%'], ['memory_usage', 'hub.memory', ' MB']] as const;
const PERIODS = ['1h', '24h', '30d'] as const;

/** Everything at work, in one look. */
export function hubPage(x: Ctx, m: HubModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.hub')}</h1></div>${workTabs(x)}
  ${region(x, 'hub', ['task', 'agent', 'worker', 'alert', 'gate', 'heartbeat'], html`<div class="stats">${stat(x.t('hub.workers'), html`${m.workers.running}<small> / ${m.workers.all}</small>`, m.workers.running > 0 ? 'good' : 'warn', '/workers')}${stat(x.t('hub.agents'), html`${m.agents.live}<small> · ${x.t('hub.busy', { n: m.agents.busy })}</small>`, 'plain', '/agents')}${stat(x.t('task.n-waiting'), m.tasks.waiting, m.tasks.waiting > 0 ? 'note' : 'plain', '/tasks?status=open')}${stat(x.t('task.n-running'), m.tasks.running, m.tasks.running > 0 ? 'good' : 'plain', '/tasks?status=running')}${stat(x.t('hub.today'), html`${m.tasks.completedToday}<small> · ${x.t('hub.per-minute', { n: m.tasks.perMinute })}</small>`, 'plain', '/tasks?status=completed')}${stat(x.t('hub.failed-today'), m.tasks.failedToday, m.tasks.failedToday > 0 ? 'warn' : 'plain', '/tasks?status=dead')}${stat(x.t('hub.dispatch'), m.dispatch.p50 === null ? '—' : html`${brief(x, m.dispatch.p50)}<small class="line-of-its-own">p99 ${brief(x, m.dispatch.p99 ?? 0)}</small>`)}${m.paused > 0 ? stat(x.t('hub.paused'), m.paused, 'warn', '/queues') : null}</div>`)}
  <section class="plots" data-plots="/api/v1/hub/series" aria-label=${x.t('hub.curves')}><div class="row"><h2 class="group">${x.t('hub.curves')}</h2><span class="grow"></span><div class="tabs periods" role="group" aria-label=${x.t('worker.period')}>${PERIODS.map((p, i) => html`<button type="button" data-period=${p} aria-pressed=${i === 0 ? 'true' : 'false'}>${x.word('period', p)}</button>`)}</div></div>
  <div class="plot-grid three">${PLOTS.map(([name, label, unit]) => html`<figure class="card plot" data-plot=${name} data-unit=${unit}><figcaption><span>${x.t(label)}</span><b data-value=""></b></figcaption><div class="plot-canvas"></div><p class="plot-empty">${x.t('hub.no-figures')}</p><i class="ink-curve"></i><i class="ink-muted"></i><i class="ink-line"></i><i class="ink-limit"></i></figure>`)}</div></section>
  ${region(x, 'hub-lists', ['task', 'alert'], html`<div class="columns even"><div><h2 class="group">${x.t('hub.alerts')}</h2>${m.alerts.length === 0 ? html`<p class="well">✓ ${x.t('hub.no-alerts')}</p>` : html`<ul class="pending">${m.alerts.map((a) => html`<li><a href="/alerts"><b>${x.word('alert-name', a.name)}</b></a>${tag(x, a.status, 'alert')}<span class="grow sub">${a.text}</span><span class="sub">${ago(x, a.sinceMs)}</span></li>`)}</ul>`}
  <h2 class="group">${x.t('hub.why-waiting')}</h2>${m.waiting.length === 0 ? html`<p class="muted">${x.t('hub.nothing-waits')}</p>` : html`<ul class="pending">${m.waiting.map((w) => html`<li><span class="grow">${reason(x, w.why)}</span>${chip(`× ${w.n}`)}</li>`)}</ul>`}</div>
  <div><h2 class="group">${x.t('hub.failures')}</h2>${m.failures.length === 0 ? (m.tasks.completedToday + m.tasks.running + m.tasks.waiting === 0 ? empty(x.t('task.none'), x.t('task.none-next'), html`<a class="button main" href="/tasks">${x.t('nav.tasks')}</a>`) : html`<p class="well">✓ ${x.t('hub.no-failures')}</p>`) : html`<ul class="pending">${m.failures.map((t) => html`<li><a href=${`/tasks/${t.id}`}><span class="muted">#${t.seq}</span> ${t.title}</a>${t.alike > 1 ? html`<a class="chip" href=${`/tasks?status=dead&q=${encodeURIComponent(t.title)}`} title=${x.t('hub.alike', { n: t.alike })}>×${t.alike}</a>` : null}<span class="grow sub bad-text">${t.error ? reason(x, t.error) : null}</span><span class="sub">${ago(x, t.atMs)}</span></li>`)}</ul>`}</div></div>`)}`;
}
