import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { proxyChoice } from './accounts.ts';
import { check, choice, dialog, field } from './parts.ts';

export type AccountForm = {
  /** Null for a new one. */
  id: string | null;
  platform: string;
  name: string;
  platformAccount: string;
  monitorInterval: number;
  group: string;
  proxy: { protocol: string; server: string; username: string } | null;
  perMinute: number;
  perHour: number;
  quietFrom: number | null;
  quietTo: number | null;
  platforms: { id: string; label: string }[];
  tags: string;
  proxyId: string;
  proxies: { id: string; name: string; status: string }[];
  checkEvery: number;
  noticeHours: number;
  maxLength: number | null;
  approve: boolean;
  loggedIn: boolean;
};

export function accountForm(x: Ctx, m: AccountForm): Html {
  return dialog(x, m.id ? x.t('accounts.edit', { name: m.name }) : x.t('accounts.new'), html`<form hx-post=${m.id ? `/accounts/${m.id}` : '/accounts'} hx-swap="none" hx-disable="find button" data-dialog-form="">
    <p class="form-error" role="alert" hidden></p>
    <div class="grid">
      ${m.id ? html`<div class="field"><span>${x.t('accounts.platform')}</span><output>${x.word('platform', m.platform)}</output></div>` : platformChoice(x, m)}
      ${field({ name: 'name', label: x.t('accounts.name'), value: m.name, required: true, hint: x.t('accounts.name-hint') })}
      ${field({ name: 'platformAccount', label: x.t('accounts.account-id'), value: m.platformAccount, hint: x.t('accounts.account-id-hint') })}
      ${field({ name: 'monitorInterval', label: x.t('accounts.interval'), value: m.monitorInterval, type: 'number', min: 5, max: 86400, hint: x.t('accounts.interval-hint') })}
      ${field({ name: 'group', label: x.t('accounts.group'), value: m.group, hint: x.t('accounts.group-hint') })}
      ${field({ name: 'tags', label: x.t('account.tags'), value: m.tags, hint: x.t('account.tags-hint') })}
      ${proxyChoice(x, m.proxies, m.proxyId)}
      ${field({ name: 'checkEvery', label: x.t('account.check-every'), value: m.checkEvery, type: 'number', min: 0, max: 10_080, hint: x.t('account.check-every-hint') })}
      ${field({ name: 'noticeHours', label: x.t('account.notice-label'), value: m.noticeHours, type: 'number', min: 1, max: 720 })}
    </div>
    ${m.loggedIn ? check('confirm', x.t('account.proxy-confirm'), false) : null}
    <details class="fold" id="own-proxy" ?open=${m.proxy !== null}><summary>${x.t('account.own-proxy')}</summary><div class="grid">
      ${choice('proxyProtocol', x.t('accounts.proxy-protocol'), m.proxy?.protocol ?? '', [['', x.t('accounts.no-proxy')], ['http', 'HTTP'], ['https', 'HTTPS'], ['socks5', 'SOCKS5']])}
      ${field({ name: 'proxyServer', label: x.t('accounts.proxy-server'), value: m.proxy?.server ?? '', placeholder: 'proxy.example:8080' })}
      ${field({ name: 'proxyUsername', label: x.t('accounts.proxy-user'), value: m.proxy?.username ?? '' })}
      ${field({ name: 'proxyPassword', label: x.t('accounts.proxy-password'), type: 'password', hint: m.proxy ? x.t('accounts.proxy-password-keep') : null, autocomplete: 'new-password' })}
    </div></details>
    <fieldset><legend>${x.t('accounts.limits')}</legend><div class="grid">
      ${field({ name: 'perMinute', label: x.t('accounts.per-minute'), value: m.perMinute, type: 'number', min: 1, max: 600 })}
      ${field({ name: 'perHour', label: x.t('accounts.per-hour'), value: m.perHour, type: 'number', min: 1, max: 10_000 })}
      ${field({ name: 'quietFrom', label: x.t('accounts.quiet-from'), value: m.quietFrom, type: 'number', min: 0, max: 23, hint: x.t('accounts.quiet-hint') })}
      ${field({ name: 'quietTo', label: x.t('accounts.quiet-to'), value: m.quietTo, type: 'number', min: 0, max: 24 })}
      ${field({ name: 'maxLength', label: x.t('account.max-length'), value: m.maxLength, type: 'number', min: 1, max: 100_000, hint: x.t('account.max-length-hint') })}
    </div>${check('approve', x.t('account.approve-label'), m.approve)}<input type="hidden" name="whole" value="1"></fieldset>
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer>
  </form>`, 'wide-dialog');
}

/** Nothing is chosen beforehand where nothing is known: an account can't change its platform later. */
function platformChoice(x: Ctx, m: AccountForm): Html {
  const known = m.platforms.some((p) => p.id === m.platform);
  const options = m.platforms.map((p): [string, string] => [p.id, x.word('platform', p.id)]);
  return choice('platform', x.t('accounts.platform'), m.platform, known ? options : [['', x.t('accounts.platform-choose')], ...options], null, true);
}

export type AssignModel = { account: string; name: string; pinned: string | null; workers: { id: string; name: string; online: boolean; assigned: number; max: number }[] };

export function assignForm(x: Ctx, m: AssignModel): Html {
  const options: [string, string][] = [['', x.t('accounts.any-worker')], ...m.workers.map((w): [string, string] => [w.id, `${w.name} · ${w.assigned}/${w.max} · ${x.word('state', w.online ? 'connected' : 'disconnected')}`])];
  return dialog(x, x.t('accounts.assign-title', { name: m.name }), html`<form hx-post=${`/accounts/${m.account}/assign`} hx-swap="none" hx-disable="find button" data-dialog-form="">
    <p class="form-error" role="alert" hidden></p>
    ${choice('worker', x.t('accounts.worker'), m.pinned ?? '', options, x.t('accounts.assign-hint'))}
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);
}
