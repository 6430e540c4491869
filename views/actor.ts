import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { chart, type ChartNode } from './chart.ts';
import { jsonTree } from './json-tree.ts';
import { ago, button, clock, countdown, empty, region, who } from './parts.ts';
import { states } from './actors.ts';

export type ActorModel = {
  kind: string;
  id: string;
  /** Dotted paths with commas. */
  state: string;
  active: string[];
  allowed: string[];
  version: string;
  index: number;
  parked: string | null;
  done: boolean;
  chart: ChartNode | null;
  context: unknown;
  pending: { effects: { token: string; id: string; src: string; on: string | null; sinceMs: number | null }[]; timers: { id: string; dueMs: number; event: string }[]; tells: number };
  history: { index: number; atMs: number; event: string; by: string | null; state: string }[];
  older: string | null;
  /** Set when a past turn is shown. */
  past: { index: number; atMs: number; event: unknown; commands: unknown } | null;
  /** Why the live part is missing: no master answered. */
  silent: string | null;
};

/** One actor: where it stands, what it waits for, what it did, and what it would take. */
export function actorPage(x: Ctx, m: ActorModel): Html {
  const here = `/actors/${m.kind}/${m.id}`;
  return html`<div class="page-head"><h1><span class="muted">${m.kind}/</span>${m.id}</h1></div>
  ${region(x, 'actor', [`${m.kind}/${m.id}`], html`
    ${m.silent ? html`<div class="banner warn" role="alert"><b>${x.t('actor.silent')}</b><span>${m.silent}</span></div>` : null}
    ${m.parked ? html`<div class="banner bad" role="alert"><b>${x.t('actor.parked')}</b><span>${m.parked}</span>${button({ url: `${here}/retry-parked`, label: x.t('actor.retry-parked') })}${button({ url: `${here}/skip-parked`, label: x.t('actor.skip-parked'), tone: 'danger', confirm: x.t('actor.skip-sure') })}</div>` : null}
    ${m.past ? html`<div class="banner past"><b>${x.t('actor.past', { n: m.past.index })}</b><span>${clock(x, m.past.atMs)}</span><a class="button main" href=${here}>${x.t('actor.now')}</a></div>` : null}
    <p class="row">${states(m.state)}<span class="grow"></span><span class="muted small">${m.version} · ${x.t('actor.turn', { n: m.index })}</span></p>
    ${m.chart ? chart(m.chart, { active: m.active, allowed: m.allowed }) : html`<p class="muted">${x.t('actor.no-chart')}</p>`}
    <div class="columns even">
      <div>${m.past ? turn(x, m) : html`${pending(x, m)}${events(x, m, here)}`}<h2 class="group">${x.t('actor.context')}</h2><div class="card">${jsonTree('context', m.context)}</div></div>
      <div><h2 class="group">${x.t('actor.journal')}</h2>${journal(x, m, here)}</div>
    </div>`)}`;
}

function turn(x: Ctx, m: ActorModel): Html {
  return html`<h2 class="group">${x.t('actor.event')}</h2><div class="card">${jsonTree('event', m.past!.event)}</div><h2 class="group">${x.t('actor.commands')}</h2><div class="card">${jsonTree('commands', m.past!.commands)}</div>`;
}

function pending(x: Ctx, m: ActorModel): Html {
  const p = m.pending;
  if (p.effects.length + p.timers.length + p.tells === 0) return html`<h2 class="group">${x.t('actor.pending')}</h2><p class="muted">${m.done ? x.t('actor.pending-done') : x.t('actor.pending-none')}</p>`;
  return html`<h2 class="group">${x.t('actor.pending')}</h2><ul class="pending">
    ${p.effects.map((e) => html`<li id=${`fx-${e.token}`}><b>⚙ ${e.src}</b> <span class="sub">${e.on ? x.t('actor.on', { who: e.on }) : x.t('actor.on-nobody')}${e.sinceMs ? [' · ', ago(x, e.sinceMs)] : null}</span></li>`)}
    ${p.timers.map((t) => html`<li id=${`timer-${t.id}`}><b>◷ ${t.event}</b> <span class="sub">${countdown(x, t.dueMs)} · ${clock(x, t.dueMs)}</span></li>`)}
    ${p.tells > 0 ? html`<li><b>✉ ${x.t('actor.tells', { n: p.tells })}</b></li>` : null}</ul>`;
}

function events(x: Ctx, m: ActorModel, here: string): Value {
  if (m.done) return null;
  const own = m.allowed.filter((e) => /^[A-Za-z][\w-]*$/.test(e));
  return html`<h2 class="group">${x.t('actor.events')}</h2><div class="chips">${own.length === 0 ? html`<span class="muted">${x.t('actor.events-none')}</span>` : own.map((e) => button({ url: `${here}/send`, label: e, vals: { event: e }, confirm: x.t('actor.send-sure', { event: e }) }))}</div>
    ${own.length > 0 ? html`<details class="with-fields" id="send-fields"><summary>${x.t('actor.with-fields')}</summary><form id="send-form" hx-post=${`${here}/send`} hx-swap="none" hx-disable="find button" hx-morph-skip=""><p class="form-error" role="alert" hidden></p><label class="field"><span>${x.t('actor.event')}</span><select name="event">${own.map((e) => html`<option value=${e}>${e}</option>`)}</select></label><label class="field"><span>${x.t('actor.fields')}</span><textarea name="fields" rows="4" class="mono" spellcheck="false">${'{}'}</textarea></label><button class="button main">${x.t('actor.send')}</button></form></details>` : null}`;
}

function journal(x: Ctx, m: ActorModel, here: string): Html {
  if (m.history.length === 0) return empty(x.t('actor.journal-none'), x.t('actor.journal-none-next'));
  return html`<ol class="journal">${m.history.map((h) => html`<li id=${`turn-${h.index}`}><a href=${`${here}?turn=${h.index}`} aria-current=${m.past?.index === h.index ? 'true' : null} data-row="" data-open=""><span class="turn-number">${h.index}</span><span class="turn-event">${h.event}</span><span class="sub">${shortState(h.state)}${h.by ? ` · ${who(h.by)}` : null}</span><span class="grow"></span>${ago(x, h.atMs)}</a></li>`)}</ol>${m.older ? html`<nav class="pager"><a class="button plain" href=${m.older}>${x.t('inbox.older')}</a></nav>` : null}`;
}

const shortState = (state: string): string => state.split(',').map((s) => s.split('.').slice(-1)[0]).join(', ');
