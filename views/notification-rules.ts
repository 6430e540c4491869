import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { button, check, chip, choice, countdown, dialog, empty, field, menu, opener, region, tag } from './parts.ts';
import { reason } from './reason.ts';

export type NotificationRuleLine = { id: string; name: string; status: string; sink: { id: string; name: string; type: string; error: string | null } | null; types: string[]; accounts: string[]; least: string; digestMinutes: number; gathered: number; nextMs: number | null; notices: number; messages: number };
export type NotificationRulesModel = { rules: NotificationRuleLine[]; sinks: number; mayAct: boolean; mayDecide: boolean };

export const DIGESTS = [0, 5, 15, 60, 240, 1440] as const;
const TYPES = ['comment', 'direct_message', 'account_status', 'system'] as const;
const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;

/** Which notifications go out of the house, and where. */
export function notificationRulesPage(x: Ctx, m: NotificationRulesModel): Html {
  const no = m.mayAct ? (m.sinks > 0 ? null : x.t('notices.no-sink')) : x.t('alert.may-not');
  return html`<div class="page-head"><h1>${x.t('notices.title')}</h1><div class="toolbar">${opener('/notifications/rules/new', x.t('notices.new'), 'main', no)}</div></div>${tabs(x, 'rules')}
  <p class="muted">${x.t('notices.lead')}</p>
  ${m.sinks === 0 ? empty(x.t('notices.no-sink'), x.t('notices.no-sink-next'), html`<a class="button main" href="/alerts#sinks">${x.t('notices.to-sinks')}</a>`) : region(x, 'notification-rules', ['notifier', 'sink'], m.rules.length === 0 ? empty(x.t('notices.none'), x.t('notices.none-next')) : html`<ul class="alert-list">${m.rules.map((r) => rule(x, r, m.mayAct))}</ul>`)}`;
}

/** What has been noticed, and the rules that send it on. */
export const tabs = (x: Ctx, at: 'list' | 'rules'): Html => html`<nav class="tabs" aria-label=${x.t('nav.notifications')}><a href="/notifications" aria-current=${at === 'list' ? 'page' : null}>${x.t('notices.all')}</a><a href="/notifications/rules" aria-current=${at === 'rules' ? 'page' : null}>${x.t('notices.title')}</a></nav>`;

function rule(x: Ctx, r: NotificationRuleLine, mayAct: boolean): Html {
  const no = mayAct ? null : x.t('alert.may-not');
  const url = `/notifications/rules/${r.id}`;
  const on = r.status !== 'off';
  return html`<li class="card alert calm" id=${`notice-rule-${r.id}`} data-row=""><div class="row">${tag(x, r.status, 'notices')}<b>${r.name}</b>${r.sink ? chip(`→ ${r.sink.name}`) : chip(x.t('notices.sink-gone'), 'bad')}<span class="grow"></span>${on ? button({ url: `${url}/disable`, label: x.t('alert.disable'), why: no }) : button({ url: `${url}/enable`, label: x.t('alert.enable'), tone: 'main', why: no })}${menu(x, `menu-${r.id}`, [
    r.status === 'gathering' ? button({ url: `${url}/flush`, label: x.t('notices.flush'), why: no }) : null,
    opener(`${url}/edit`, x.t('edit'), 'plain', no),
    button({ url: `${url}/remove`, label: x.t('remove'), tone: 'danger', why: no, confirm: x.t('notices.remove-sure', { name: r.name }) }),
  ])}</div>
  <p class="sub">${r.types.length === 0 ? x.t('notices.all-types') : r.types.map((t) => x.word('type', t)).join(', ')} · ${r.accounts.length === 0 ? x.t('notices.all-accounts') : r.accounts.slice(0, 5).join(', ') + (r.accounts.length > 5 ? ` +${r.accounts.length - 5}` : '')} · ${x.t('notices.from', { priority: x.word('priority', r.least) })} · ${digestWords(x, r.digestMinutes)}</p>
  <p class="sub">${x.t('notices.sent', { n: r.notices, messages: r.messages })}${r.gathered > 0 ? [` · ${x.t('notices.gathered', { n: r.gathered })} `, r.nextMs === null ? null : countdown(x, r.nextMs)] : null}</p>
  ${r.sink?.error ? html`<p class="bad-text">${x.t('notices.sink-error', { name: r.sink.name })}: ${reason(x, r.sink.error)}</p>` : null}</li>`;
}

const digestWords = (x: Ctx, minutes: number): string => (minutes === 0 ? x.t('notices.at-once') : minutes < 60 ? x.t('notices.every-minutes', { n: minutes }) : x.t('notices.every-hours', { n: Math.round(minutes / 60) }));

export type NotificationRuleForm = { id: string; isNew: boolean; name: string; sink: string; types: readonly string[]; accounts: readonly string[]; least: string; digestMinutes: number; sinks: { id: string; name: string }[]; known: { id: string; name: string }[] };

export const notificationRuleDialog = (x: Ctx, m: NotificationRuleForm): Html => dialog(x, m.isNew ? x.t('notices.new') : x.t('alert.edit', { name: m.name }), html`<form hx-post=${m.isNew ? '/notifications/rules' : `/notifications/rules/${m.id}`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  <div class="grid">${field({ name: 'name', label: x.t('workers.name'), value: m.name, required: true })}${choice('sink', x.t('notices.sink'), m.sink, m.sinks.map((s): [string, string] => [s.id, s.name]), x.t('notices.sink-hint'))}
  ${choice('least', x.t('notices.least'), m.least, PRIORITIES.map((p): [string, string] => [p, x.word('priority', p)]))}${choice('digest', x.t('notices.digest'), String(m.digestMinutes), [...new Set([...DIGESTS, m.digestMinutes])].sort((a, b) => a - b).map((n): [string, string] => [String(n), digestWords(x, n)]), x.t('notices.digest-hint'))}</div>
  <fieldset><legend>${x.t('notices.types')}</legend><div class="row wrap">${TYPES.map((t) => check(`type-${t}`, x.word('type', t), m.types.includes(t)))}</div><small class="muted">${x.t('notices.types-hint')}</small></fieldset>
  <fieldset><legend>${x.t('notices.accounts')}</legend>${accounts(x, m)}<small class="muted">${x.t('notices.accounts-hint')}</small></fieldset>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`, 'wide-dialog');

/** Few are ticked, many are typed. */
function accounts(x: Ctx, m: NotificationRuleForm): Value {
  if (m.known.length === 0) return html`<p class="sub">${x.t('notices.no-accounts')}</p>`;
  if (m.known.length <= 12) return html`<div class="row wrap">${m.known.map((a) => check(`account-${a.id}`, a.name, m.accounts.includes(a.id)))}</div>`;
  return html`<label class="field"><span class="hidden">${x.t('notices.accounts')}</span><input name="accounts" value=${m.accounts.join(', ')} list="notice-accounts" autocomplete="off"><datalist id="notice-accounts">${m.known.map((a) => html`<option value=${a.id}>${a.name}</option>`)}</datalist></label>`;
}
