import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import type { TextKey } from './texts/zh-CN.ts';
import { button, countdown, dialog, opener, region, tag } from './parts.ts';
import { reason } from './reason.ts';

export type LoginModel = {
  id: string;
  account: string;
  accountName: string;
  method: string;
  /** The ways in that the platform has, the usual one first. */
  methods: string[];
  worker: string | null;
  status: string;
  picture: string | null;
  /** Set where the code is a link that this machine itself can open: the demo. */
  link: string | null;
  qrExpiresMs: number | null;
  refreshed: number;
  challenge: { what: string; prompt: string; picture: string | null; txn: string } | null;
  prompt: string | null;
  error: string | null;
  expiresMs: number;
};

const OPEN = ['pending', 'scanning', 'challenge', 'confirming'];

/** One login in whatever state it is; it draws itself anew as the login moves. */
export function loginDialog(x: Ctx, m: LoginModel): Html {
  const at = { ...x, url: `/logins/${m.id}` };
  return dialog(x, x.t('login.title', { name: m.accountName }), region(at, `login-${m.id}`, ['login', `login/${m.id}`], html`
    ${methodTabs(x, m.account, m.methods, m.method)}<p class="login-line">${tag(x, m.status)}${OPEN.includes(m.status) ? html`<span>${x.t('login.left')} ${countdown(x, m.expiresMs)}</span>` : null}</p>
    <div class="login-body">${body(x, m)}</div>
    ${m.worker && OPEN.includes(m.status) && m.status !== 'pending' ? html`<p class="small login-live"><a href=${`/logins/${m.id}/view`} target="_blank">${x.t('live.open-login')}</a></p>` : null}
    <footer>${feet(x, m)}</footer>`, 'login'));
}

/** Each way in is a tab; choosing one begins it, in place of what is under way. */
function methodTabs(x: Ctx, account: string, methods: readonly string[], now: string): Value {
  if (methods.length < 2) return null;
  return html`<div class="tabs login-methods" role="group" aria-label=${x.t('login.methods')}>${methods.map((id) => {
    if (id === now) return html`<span aria-current="true">${x.word('method', id)}</span>`;
    if (id === 'cookies') return html`<button type="button" hx-get=${`/accounts/${account}/login/cookies`} hx-target="#dialog" hx-swap="innerHTML">${x.word('method', id)}</button>`;
    return html`<button type="button" hx-post=${`/accounts/${account}/login/${id}`} hx-target="#dialog" hx-swap="innerHTML" hx-disable="this">${x.word('method', id)}</button>`;
  })}</div>`;
}

/** Takes a session as text, for the login by cookies. */
export function cookiesDialog(x: Ctx, m: { account: string; accountName: string; methods: readonly string[] }): Html {
  return dialog(x, x.t('login.title', { name: m.accountName }), html`<section class="region login">${methodTabs(x, m.account, m.methods, 'cookies')}
    <form hx-post=${`/accounts/${m.account}/login/cookies`} hx-target="#dialog" hx-swap="innerHTML" hx-disable="find button"><p>${x.t('login.cookies-about')}</p><p class="form-error" role="alert" hidden></p>
      <label class="field"><span>${x.t('login.cookies-text')}</span><textarea name="cookies" rows="9" required autofocus spellcheck="false" autocomplete="off" class="code" maxlength="300000"></textarea><small>${x.t('login.cookies-kept')}</small></label>
      <footer><button type="button" class="button plain" data-close="">${x.t('login.hide')}</button><button class="button main">${x.t('login.cookies-go')}</button></footer></form></section>`);
}

/** How each answer is typed in. */
const ASKED: Record<string, { label: TextKey; type: string; mode: string | null; complete: string }> = {
  sms: { label: 'login.code', type: 'text', mode: 'numeric', complete: 'one-time-code' },
  slider: { label: 'login.slider', type: 'text', mode: 'numeric', complete: 'off' },
  account: { label: 'login.account', type: 'text', mode: null, complete: 'off' },
  password: { label: 'login.password', type: 'password', mode: null, complete: 'off' },
  phone: { label: 'login.phone', type: 'tel', mode: 'tel', complete: 'off' },
};

function answerField(x: Ctx, what: string): Html {
  const { label, type, mode, complete } = ASKED[what] ?? ASKED['sms']!;
  return html`<label class="field"><span>${x.t(label)}</span><input name="value" type=${type} inputmode=${mode} autocomplete=${complete} required autofocus maxlength="200"></label>`;
}

function body(x: Ctx, m: LoginModel): Value {
  switch (m.status) {
    case 'pending':
      return html`<div class="qr waiting"><i class="spin big" aria-hidden="true"></i></div><p>${m.worker ? x.t('login.opening', { worker: m.worker }) : x.t('login.waiting-worker')}</p>${m.worker ? null : html`<p class="muted">${x.t('login.waiting-worker-next')} <a href="/workers">${x.t('nav.workers')}</a></p>`}`;
    case 'scanning':
      return html`<div class="qr">${m.picture ? html`<img src=${`/pictures/${m.picture}`} alt=${x.t('login.qr')} width="240" height="240">` : html`<i class="spin big" aria-hidden="true"></i>`}</div><p><b>${x.t('login.scan')}</b></p><p class="muted">${m.qrExpiresMs ? html`${x.t('login.qr-renewed-in')} ${countdown(x, m.qrExpiresMs)}` : null}${m.refreshed > 0 ? html` · ${x.t('login.refreshed', { n: m.refreshed })}` : null}</p>${m.link ? html`<p class="small"><a href=${m.link} target="_blank" rel="noreferrer">${x.t('login.no-phone')}</a></p>` : null}`;
    case 'challenge':
      return m.challenge && html`<form id=${`challenge-${m.challenge.txn}`} hx-post=${`/logins/${m.id}/answer`} hx-swap="none" hx-disable="find button" hx-morph-skip="">
        ${m.challenge.picture ? html`<img class="challenge-picture" src=${`/pictures/${m.challenge.picture}`} alt="">` : null}
        <p><b>${x.word('challenge', m.challenge.what)}</b></p>${m.challenge.prompt ? html`<p>${m.challenge.prompt}</p>` : null}<p class="form-error" role="alert" hidden></p>
        <input type="hidden" name="txn" value=${m.challenge.txn}>
        ${m.challenge.what === 'confirm'
          ? html`<input type="hidden" name="value" value="confirmed"><button class="button main wide">${x.t('login.confirmed')}</button>`
          : html`${answerField(x, m.challenge.what)}<button class="button main wide">${x.t('login.send')}</button>`}
      </form>`;
    case 'confirming':
      return html`<div class="qr waiting"><i class="spin big" aria-hidden="true"></i></div><p>${m.prompt ?? x.t('login.confirming')}</p>`;
    case 'success':
      return html`<div class="qr done" aria-hidden="true">✓</div><p><b>${x.t('login.success')}</b></p><p class="muted">${x.t('login.success-next')}</p>`;
    case 'failed':
      return html`<div class="qr failed" aria-hidden="true">✕</div><p><b>${x.t('login.failed')}</b></p><p>${m.error ? reason(x, m.error) : x.t('login.no-reason')}</p>`;
    case 'expired':
      return html`<div class="qr failed" aria-hidden="true">◷</div><p><b>${x.t('login.expired')}</b></p><p class="muted">${x.t('login.expired-next')}</p>`;
    default:
      return html`<div class="qr failed" aria-hidden="true">–</div><p><b>${x.t('login.cancelled')}</b></p>`;
  }
}

function feet(x: Ctx, m: LoginModel): Value {
  if (OPEN.includes(m.status)) return [html`<button type="button" class="button plain" data-close="">${x.t('login.hide')}</button>`, button({ url: `/logins/${m.id}/cancel`, label: x.t('login.cancel'), tone: 'danger' })];
  if (m.status === 'success') return html`<button type="button" class="button main" data-close="">${x.t('close')}</button>`;
  return [html`<button type="button" class="button plain" data-close="">${x.t('close')}</button>`, m.method === 'cookies' ? opener(`/accounts/${m.account}/login/cookies`, x.t('login.retry'), 'main') : button({ url: `/accounts/${m.account}/login/${m.method}`, target: '#dialog', label: x.t('login.retry'), tone: 'main' })];
}
