import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';

export type Tone = 'plain' | 'good' | 'busy' | 'warn' | 'bad' | 'note';

const TONES: Record<string, Tone> = {
  running: 'good', connected: 'good', logged_in: 'good', monitoring: 'good', posted: 'good', success: 'good', waiting: 'good', active: 'good', valid: 'good',
  starting: 'busy', restarting: 'busy', stopping: 'warn', draining: 'note', trusted: 'good', stored: 'good', watching: 'good', reading: 'busy', cooling: 'busy', scaling_out: 'busy', scaling_in: 'busy', offered: 'warn', changed: 'bad', unreadable: 'bad', logging_in: 'busy', claimed: 'busy', submitting: 'busy', confirming: 'busy', queued: 'busy', pending: 'busy', scanning: 'busy', crawling: 'busy', finding: 'busy', releasing: 'busy',
  suspect: 'warn', backing_off: 'warn', challenge: 'warn', unknown: 'warn', needs_human: 'warn', expired: 'warn', high: 'warn',
  crashed: 'bad', error: 'bad', offline: 'bad', login_failed: 'bad', failed: 'bad', urgent: 'bad', parked: 'bad',
  completed: 'good', busy: 'good', idle: 'plain', assigned: 'busy', retrying: 'warn', timed_out: 'bad', cancelled: 'plain', opening: 'busy', placing: 'busy', paused: 'warn', firing: 'bad', acknowledged: 'warn', planning: 'busy',
  ok: 'good', resolved: 'good', stale: 'warn', healthy: 'good', failing: 'bad', disabled: 'plain', snoozed: 'note', off: 'plain',
  open: 'busy', live: 'good', dry_run: 'note', answered: 'good', would: 'note', closed: 'plain', awaiting_approval: 'warn', held: 'busy', scheduled: 'note', rejected: 'plain', replaced: 'plain', per_hour: 'warn', per_person: 'plain', too_long: 'bad', no_answer: 'bad',
  erasing: 'busy', forgetting: 'busy', done: 'good',
  comment: 'note', direct_message: 'note', message: 'note', account_status: 'plain',
};
const SPINNING = new Set(['starting', 'restarting', 'stopping', 'draining', 'logging_in', 'submitting', 'confirming', 'crawling', 'scaling_out', 'scaling_in', 'reading']);

/** A state in its colour, spinning while it lasts only for a moment. */
export function tag(x: Ctx, value: string, group = 'state', why: string | null = null): Html {
  return html`<span class=${`tag ${TONES[value] ?? 'plain'}`} title=${why}>${SPINNING.has(value) ? html`<i class="spin" aria-hidden="true"></i>` : html`<i class="dot" aria-hidden="true"></i>`}${x.word(group, value)}</span>`;
}

export const chip = (text: string, tone: Tone = 'plain'): Html => html`<span class=${`chip ${tone}`}>${text}</span>`;

/** Who did it: people by their bare name. */
export const who = (by: string): string => by.replace(/^user:/, '');

/** How long ago, with the exact time on hover. */
export function ago(x: Ctx, ms: number | null): Html {
  if (!ms) return html`<span class="muted">—</span>`;
  return html`<time datetime=${new Date(ms).toISOString()} data-ago=${ms} title=${clock(x, ms)}>${agoText(x, ms)}</time>`;
}

function agoText(x: Ctx, ms: number): string {
  const s = Math.round((ms - x.now) / 1000);
  const format = new Intl.RelativeTimeFormat(x.lang, { numeric: 'auto', style: 'short' });
  const size = Math.abs(s);
  if (size < 10) return x.t('time.now');
  if (size < 60) return format.format(s, 'second');
  if (size < 3600) return format.format(Math.round(s / 60), 'minute');
  if (size < 86_400) return format.format(Math.round(s / 3600), 'hour');
  return format.format(Math.round(s / 86_400), 'day');
}

export const clock = (x: Ctx, ms: number): string => new Intl.DateTimeFormat(x.lang, { dateStyle: 'medium', timeStyle: 'medium' }).format(ms);
/** Whose clock a moment that is typed in goes by; all times of the pages go by it. */
export const zoneHint = (x: Ctx): Html => html`<small>${x.t('time.zone', { zone: Intl.DateTimeFormat().resolvedOptions().timeZone })}</small>`;
export const hour = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);

/** Counts down to a moment on the page itself. */
export function countdown(x: Ctx, until: number): Html {
  const left = Math.max(0, Math.ceil((until - x.now) / 1000));
  return html`<time class="count" data-until=${until} data-over=${x.t('time.over')}>${left > 0 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}` : x.t('time.over')}</time>`;
}

export type Action = { url: string; label: string; tone?: 'main' | 'danger' | 'plain'; confirm?: string | undefined; target?: string; why?: string | false | null | undefined; vals?: Record<string, unknown>; key?: string };

/** A button that sends a command. With `why` it is disabled and says so. */
export function button(a: Action): Html {
  const look = `button ${a.tone ?? 'plain'}`;
  if (a.why) return html`<span class="off"><button type="button" class=${look} disabled title=${a.why}>${a.label}</button><small class="why">${a.why}</small></span>`;
  return html`<button type="button" class=${look} hx-post=${a.url} hx-swap=${a.target ? 'innerHTML' : 'none'} hx-target=${a.target ?? null} hx-confirm=${a.confirm ?? null} hx-vals=${a.vals ? JSON.stringify(a.vals) : null} hx-disable="this" data-key=${a.key ?? null}>${a.label}</button>`;
}

/** A button that opens something in the dialog. */
export const opener = (url: string, label: string, tone: 'main' | 'plain' = 'plain', why: string | false | null = null): Html =>
  why
    ? html`<span class="off"><button type="button" class=${`button ${tone}`} disabled title=${why}>${label}</button><small class="why">${why}</small></span>`
    : html`<button type="button" class=${`button ${tone}`} hx-get=${url} hx-target="#dialog" hx-swap="innerHTML">${label}</button>`;

/** What else can be done, behind three dots. */
export const menu = (x: Ctx, id: string, entries: Value[]): Html =>
  html`<details class="menu" id=${id}><summary class="button plain" aria-label=${x.t('more')} title=${x.t('more')}>⋯</summary><div class="menu-list">${entries}</div></details>`;

/** A part of a page that draws itself anew when one of its topics changes. */
export function region(x: Ctx, id: string, topics: string[], body: Value, look = ''): Html {
  return html`<section id=${id} class=${`region ${look}`} data-topics=${topics.join(' ')} hx-get=${x.url} hx-select=${`#${id}`} hx-swap="outerMorph" hx-trigger="live">${body}</section>`;
}

export const empty = (title: string, next: string, action: Value = null): Html => html`<div class="empty"><p class="empty-title">${title}</p><p>${next}</p>${action}</div>`;

export const stat = (label: string, value: Value, tone: Tone = 'plain', href: string | null = null): Html =>
  href ? html`<a class=${`stat ${tone}`} href=${href}><span>${label}</span><b>${value}</b></a>` : html`<div class=${`stat ${tone}`}><span>${label}</span><b>${value}</b></div>`;

/** A dialog's inside; the page opens it when it arrives. */
export const dialog = (x: Ctx, title: string, body: Value, look = ''): Html =>
  html`<dialog class=${look} aria-labelledby="dialog-title"><header><h2 id="dialog-title">${title}</h2><button type="button" class="button plain icon" data-close="" aria-label=${x.t('close')}>✕</button></header>${body}</dialog>`;

export type Field = { name: string; label: string; value?: string | number | null; type?: string; hint?: string | null; required?: boolean; min?: number; max?: number; step?: number; readonly?: boolean; placeholder?: string; autocomplete?: string };

export const field = (f: Field): Html =>
  html`<label class="field"><span>${f.label}</span><input id=${`f-${f.name}`} name=${f.name} type=${f.type ?? 'text'} value=${f.value == null ? '' : String(f.value)} ?required=${f.required} min=${f.min ?? null} max=${f.max ?? null} step=${f.step ?? null} ?readonly=${f.readonly} placeholder=${f.placeholder ?? null} autocomplete=${f.autocomplete ?? 'off'}>${f.hint ? html`<small>${f.hint}</small>` : null}</label>`;

export const choice = (name: string, label: string, value: string, options: [string, string][], hint: string | null = null, required = false): Html =>
  html`<label class="field"><span>${label}</span><select name=${name} ?required=${required}>${options.map(([v, text]) => html`<option value=${v} ?selected=${v === value}>${text}</option>`)}</select>${hint ? html`<small>${hint}</small>` : null}</label>`;

export const check = (name: string, label: string, on: boolean): Html => html`<label class="check"><input type="checkbox" name=${name} value="1" ?checked=${on}><span>${label}</span></label>`;
