import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, check, chip, choice, clock, countdown, dialog, empty, field, menu, opener, region, tag, who } from './parts.ts';
import { reason } from './reason.ts';
import { workTabs } from './work-tabs.ts';

export type RuleWords = { metric: string; unit: string; op: 'above' | 'below'; threshold: number; clear: number | null; forSeconds: number; repeatMinutes: number; only: string | null };
export type AlertLine = {
  id: string;
  name: string;
  status: string;
  severity: string;
  builtin: boolean;
  rule: RuleWords;
  breaching: { subject: string; value: number; href: string | null }[];
  sinceMs: number | null;
  snoozedMs: number | null;
  acknowledgedBy: string | null;
  history: { at: number; what: string; by?: string | undefined }[];
  /** Why no sink was told; null where all were. */
  error: string | null;
};
export type SinkLine = { id: string; name: string; type: string; to: string; least: string; enabled: boolean; status: string; kept: number; sent: number; dropped: number; error: string | null; lastSentMs: number | null; nextMs: number | null };
export type AlertsModel = { alerts: AlertLine[]; sinks: SinkLine[]; mayAct: boolean; mayDecide: boolean };

const SEVERITY: Record<string, 'bad' | 'warn' | 'note'> = { critical: 'bad', warning: 'warn', info: 'note' };
const SNOOZES = [['60', 'alert.hour'], ['480', 'alert.eight-hours'], ['1440', 'alert.day']] as const;

/** What is wrong, the rules that say so, and where it is told. */
export function alertsPage(x: Ctx, m: AlertsModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.alerts')}</h1><div class="toolbar">${opener('/alerts/new', x.t('alert.new'), 'main', m.mayAct ? null : x.t('alert.may-not'))}</div></div>${workTabs(x)}
  ${region(x, 'alerts', ['alert'], m.alerts.length === 0 ? empty(x.t('alert.none'), x.t('alert.none-next')) : html`<ul class="alert-list">${m.alerts.map((a) => alert(x, a, m.mayAct))}</ul>`)}
  ${region(x, 'sinks', ['sink'], html`<h2 class="group">${x.t('alert.sinks')}<span class="grow"></span>${opener('/alerts/sinks/new?type=webhook', x.t('alert.new-webhook'), 'plain', m.mayDecide ? null : x.t('machines.admin-only'))}${opener('/alerts/sinks/new?type=email', x.t('alert.new-email'), 'plain', m.mayDecide ? null : x.t('machines.admin-only'))}</h2>
    <p class="muted">${x.t('alert.sinks-lead')}</p>${m.sinks.length === 0 ? null : html`<ul class="alert-list">${m.sinks.map((s) => sink(x, s, m.mayDecide))}</ul>`}`)}`;
}

const OPEN = new Set(['firing', 'acknowledged', 'snoozed']);

function alert(x: Ctx, a: AlertLine, mayAct: boolean): Html {
  const no = mayAct ? null : x.t('alert.may-not');
  const url = `/alerts/${a.id}`;
  const snoozes = SNOOZES.map(([minutes, key]) => button({ url: `${url}/snooze`, label: x.t('alert.snooze', { time: x.t(key) }), vals: { minutes }, why: no }));
  return html`<li class=${`card alert ${OPEN.has(a.status) ? (SEVERITY[a.severity] ?? '') : 'calm'}`} id=${`alert-${a.id}`} data-row=""><div class="row">${tag(x, a.status, 'alert')}<b>${x.word('alert-name', a.name)}</b>${chip(x.word('severity', a.severity), SEVERITY[a.severity] ?? 'plain')}${a.sinceMs && a.status !== 'ok' && a.status !== 'off' ? html`<span class="sub">${ago(x, a.sinceMs)}</span>` : null}<span class="grow"></span>${a.status === 'firing' ? button({ url: `${url}/acknowledge`, label: x.t('alert.acknowledge'), tone: 'main', why: no }) : null}${a.snoozedMs && a.snoozedMs > x.now ? button({ url: `${url}/wake`, label: x.t('alert.wake'), why: no }) : null}${menu(x, `menu-${a.id}`, [
    ...(a.status === 'off' ? [] : snoozes),
    opener(`${url}/edit`, x.t('edit'), 'plain', no),
    a.status === 'off' ? button({ url: `${url}/enable`, label: x.t('alert.enable'), why: no }) : button({ url: `${url}/disable`, label: x.t('alert.disable'), why: no }),
    button({ url: `${url}/remove`, label: x.t('remove'), tone: 'danger', why: no ?? (a.builtin ? x.t('alert.builtin') : null), confirm: x.t('alert.remove-sure', { name: a.name }) }),
  ])}</div>
  <p class="sub">${ruleWords(x, a.rule)}</p>
  ${a.breaching.length > 0 ? html`<ul class="chips">${a.breaching.slice(0, 12).map((b) => html`<li class="chip bad">${b.subject === '-' ? null : b.href ? html`<a href=${b.href}>${b.subject}</a> ` : `${b.subject} `}${atAll(a.rule) && b.subject !== '-' ? null : value(x, b.value, a.rule.unit)}</li>`)}${a.breaching.length > 12 ? html`<li class="chip">${x.t('groups.more', { n: a.breaching.length - 12 })}</li>` : null}</ul>` : null}
  ${a.status === 'acknowledged' && a.acknowledgedBy ? html`<p class="sub">${x.t('alert.acknowledged-by', { who: who(a.acknowledgedBy) })}</p>` : null}${a.snoozedMs && a.snoozedMs > x.now ? html`<p class="sub">${x.t('alert.snoozed-for')} ${countdown(x, a.snoozedMs)}</p>` : null}${a.error ? html`<p class="bad-text">${a.error}</p>` : null}
  ${a.history.length > 0 ? html`<details class="fold" id=${`history-${a.id}`}><summary>${x.t('alert.history', { n: a.history.length })}</summary><ol class="pending">${a.history.map((h) => html`<li><span class="grow">${x.word('moment', h.what)}${h.by ? ` · ${who(h.by)}` : null}</span><span class="sub" title=${clock(x, h.at)}>${ago(x, h.at)}</span></li>`)}</ol></details>` : null}</li>`;
}

/** Of what must not be at all, the limit says nothing. */
const atAll = (r: RuleWords): boolean => r.op === 'above' && r.threshold === 0;

/** `Tasks pending over 100 for 10 min`. */
export function ruleWords(x: Ctx, r: RuleWords): Value {
  const limit = atAll(r) ? x.word('watched', r.metric) : x.t(r.op === 'above' ? 'alert.over' : 'alert.under', { metric: x.word('watched', r.metric), limit: value(x, r.threshold, r.unit) });
  return html`${limit}${r.forSeconds > 0 ? ` · ${x.t('alert.for', { time: time(x, r.forSeconds) })}` : null}${r.clear !== null ? ` · ${x.t('alert.until', { limit: value(x, r.clear, r.unit) })}` : null}${r.repeatMinutes > 0 ? ` · ${x.t('alert.every', { time: time(x, r.repeatMinutes * 60) })}` : null}${r.only ? [' · ', html`<code>${r.only}</code>`] : null}`;
}

const value = (x: Ctx, n: number, unit: string): string => (unit === 'ratio' ? `${Number((n * 100).toFixed(1))}%` : unit === 's' ? time(x, n) : String(Number(n.toPrecision(4))));
const time = (x: Ctx, s: number): string => (s < 1 ? `${Math.round(s * 1000)} ms` : s < 120 ? `${Number(s.toFixed(1))} s` : s < 7200 ? x.t('alert.minutes', { n: Math.round(s / 60) }) : x.t('alert.hours', { n: Math.round(s / 3600) }));

function sink(x: Ctx, s: SinkLine, mayDecide: boolean): Html {
  const url = `/alerts/sinks/${s.id}`;
  const no = mayDecide ? null : x.t('machines.admin-only');
  return html`<li class="card alert calm" id=${`sink-${s.id}`} data-row=""><div class="row">${tag(x, s.status === 'waiting' ? 'retrying' : s.status, 'sink')}<b>${s.name}</b>${chip(x.word('sink-type', s.type))}${chip(x.t('alert.least', { severity: x.word('severity', s.least) }))}<span class="grow"></span>${button({ url: `${url}/test`, label: x.t('alert.test'), why: no ?? (s.enabled ? null : x.t('alert.is-off')) })}${menu(x, `menu-sink-${s.id}`, [
    s.status === 'waiting' ? button({ url: `${url}/retry`, label: x.t('alert.retry'), why: no }) : null,
    opener(`${url}/edit`, x.t('edit'), 'plain', no),
    button({ url: `${url}/${s.enabled ? 'off' : 'on'}`, label: x.t(s.enabled ? 'alert.disable' : 'alert.enable'), why: no }),
    button({ url: `${url}/remove`, label: x.t('remove'), tone: 'danger', why: no, confirm: x.t('alert.remove-sink-sure', { name: s.name }) }),
  ])}</div><p class="sub"><code>${s.to}</code></p>
  <p class="sub">${x.t('alert.sent', { n: s.sent })}${s.lastSentMs ? [' · ', ago(x, s.lastSentMs)] : null}${s.kept > 0 ? ` · ${x.t('alert.kept', { n: s.kept })}` : null}${s.dropped > 0 ? ` · ${x.t('alert.dropped', { n: s.dropped })}` : null}${s.status === 'waiting' && s.nextMs ? [` · ${x.t('alert.again-in')} `, countdown(x, s.nextMs)] : null}</p>${s.error ? html`<p class="bad-text">${reason(x, s.error)}</p>` : null}</li>`;
}

export type RuleForm = { id: string; isNew: boolean; name: string; metric: string; op: string; threshold: number; clear: number | null; forSeconds: number; repeatMinutes: number; severity: string; only: string; metrics: readonly string[] };

export const ruleDialog = (x: Ctx, m: RuleForm): Html => dialog(x, m.isNew ? x.t('alert.new') : x.t('alert.edit', { name: m.name }), html`<form hx-post=${m.isNew ? '/alerts' : `/alerts/${m.id}`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  <div class="grid">${field({ name: 'name', label: x.t('workers.name'), value: m.name, required: true })}${choice('severity', x.t('alert.severity'), m.severity, ['critical', 'warning', 'info'].map((s) => [s, x.word('severity', s)]))}
  ${choice('metric', x.t('alert.metric'), m.metric, m.metrics.map((n) => [n, x.word('watched', n)]))}${choice('op', x.t('alert.op'), m.op, [['above', x.t('alert.above')], ['below', x.t('alert.below')]])}
  ${field({ name: 'threshold', label: x.t('alert.threshold'), value: m.threshold, required: true, hint: x.t('alert.threshold-hint') })}${field({ name: 'clear', label: x.t('alert.clear'), value: m.clear, hint: x.t('alert.clear-hint') })}
  ${field({ name: 'for_seconds', label: x.t('alert.for-seconds'), value: m.forSeconds, type: 'number', min: 0, max: 86_400 })}${field({ name: 'repeat_minutes', label: x.t('alert.repeat'), value: m.repeatMinutes, type: 'number', min: 0, max: 10_080, hint: x.t('alert.repeat-hint') })}
  ${field({ name: 'only', label: x.t('alert.only'), value: m.only, hint: x.t('alert.only-hint') })}</div>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`, 'wide-dialog');

export type SinkForm = { id: string; isNew: boolean; type: string; name: string; least: string; url: string; host: string; port: number; security: string; user: string; from: string; to: string; hasSecret: boolean; hasPassword: boolean };

export const sinkDialog = (x: Ctx, m: SinkForm): Html => dialog(x, m.isNew ? x.t(m.type === 'email' ? 'alert.new-email' : 'alert.new-webhook') : x.t('alert.edit', { name: m.name }), html`<form hx-post=${m.isNew ? '/alerts/sinks' : `/alerts/sinks/${m.id}`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p><input type="hidden" name="type" value=${m.type}>
  <div class="grid">${field({ name: 'name', label: x.t('workers.name'), value: m.name, required: true })}${choice('least', x.t('alert.least-label'), m.least, ['info', 'warning', 'critical'].map((s) => [s, x.word('severity', s)]))}
  ${m.type === 'webhook' ? html`${field({ name: 'url', label: 'URL', value: m.url, required: true, placeholder: 'https://example.com/hooks/troupe' })}${field({ name: 'secret', label: x.t('alert.secret'), type: 'password', required: !m.hasSecret, hint: x.t(m.hasSecret ? 'alert.secret-keep' : 'alert.secret-hint'), autocomplete: 'new-password' })}` : html`${field({ name: 'host', label: x.t('alert.host'), value: m.host, required: true, placeholder: 'smtp.example.com' })}${field({ name: 'port', label: x.t('alert.port'), value: m.port, type: 'number', min: 1, max: 65_535 })}
  ${choice('security', x.t('alert.security'), m.security, [['starttls', 'STARTTLS'], ['tls', 'TLS'], ['none', x.t('alert.no-security')]])}${field({ name: 'user', label: x.t('alert.user'), value: m.user })}${field({ name: 'password', label: x.t('alert.password'), type: 'password', hint: m.hasPassword ? x.t('alert.secret-keep') : null, autocomplete: 'new-password' })}
  ${field({ name: 'from', label: x.t('alert.from'), value: m.from, required: true, placeholder: 'troupe@example.com' })}${field({ name: 'to', label: x.t('alert.to'), value: m.to, required: true, hint: x.t('alert.to-hint') })}`}</div>${check('enabled', x.t('alert.sink-on'), true)}
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`, 'wide-dialog');
