import { accountTabs } from './account-tabs.ts';
import { archiveButton, daysLeft, mainAction, monitor, type AccountCard } from './accounts.ts';
import { chart, type ChartNode } from './chart.ts';
import type { Ctx } from './context.ts';
import { html, svg, type Html, type Value } from './html.ts';
import { ago, button, chip, clock, countdown, menu, opener, region, tag, who } from './parts.ts';
import { reason } from './reason.ts';

export type RoundLine = { index: number; atMs: number; ms: number; comments: number; messages: number; error: string | null; picture: boolean; trace: boolean };
export type AccountModel = {
  card: AccountCard;
  user: { id: string; nickname: string; avatar: string | null } | null;
  checkEvery: number;
  noticeHours: number;
  lastCheck: { at: number; ok: boolean; why: string | null } | null;
  limits: { perMinute: number; perHour: number; quiet: [number, number] | null; maxLength: number | null };
  approve: boolean;
  epoch: number;
  previous: string | null;
  moved: string | null;
  /** The way out, and whose choice it is. */
  out: { id: string | null; name: string; status: string | null; exit: string | null; from: 'account' | 'own' | 'worker' } | null;
  fingerprint: Record<string, unknown> | null;
  remaking: boolean;
  rounds: RoundLine[];
  logins: { id: string; status: string; method: string; worker: string | null; error: string | null; createdMs: number; doneMs: number | null }[];
  audit: { by: string; event: string; atMs: number }[];
  chart: ChartNode | null;
  active: string[];
  allowed: string[];
  mayAct: boolean;
};

/** Everything that an account has. */
export function accountPage(x: Ctx, m: AccountModel): Html {
  const a = m.card;
  const topics = [`account/${a.id}`];
  return html`<div class="page-head"><h1 class="with-face">${face(m)}<span>${a.name} ${a.archived ? chip(x.t('account.archived'), 'note') : null}</span></h1>${region(x, 'account-actions', topics, html`<div class="toolbar"><a class="button plain" href=${`/actors/account/${a.id}`}>${x.t('actors.look')}</a>${m.mayAct ? html`${opener(`/accounts/${a.id}/edit`, x.t('edit'))}${mainAction(x, a)}${menu(x, `menu-${a.id}`, more(x, m))}` : null}</div>`)}</div>${accountTabs(x)}
  ${region(x, 'account-trouble', [...topics, 'proxy'], trouble(x, m))}
  ${region(x, 'account-state', [...topics, 'proxy', 'login'], html`<div class="cards-grid">${identity(x, m)}${session(x, m)}${place(x, m)}${proxy(x, m)}</div>`)}
  <div class="columns even"><div>${region(x, 'account-rounds', topics, rounds(x, m))}${region(x, 'account-logins', [...topics, 'login'], logins(x, m))}</div>
  <div>${region(x, 'account-pace', topics, pace(x, m))}${region(x, 'account-fingerprint', topics, fingerprint(x, m))}${region(x, 'account-audit', topics, audit(x, m))}</div></div>
  ${m.chart ? region(x, 'account-chart', topics, html`<details class="fold" id="account-statechart"><summary>${x.t('worker.chart')}</summary>${chart(m.chart, { active: m.active, allowed: m.allowed })}</details>`) : null}`;
}

function face({ user, card }: AccountModel): Html {
  const local = user?.avatar && /^(\/[^/]|data:image\/(png|jpeg);base64,)/.test(user.avatar) ? user.avatar : null;
  return local ? html`<img class="face" src=${local} alt="" width="40" height="40">` : html`<i class="face" aria-hidden="true">${[...(user?.nickname ?? card.name)][0] ?? '?'}</i>`;
}

function more(x: Ctx, { card: a }: AccountModel): Value[] {
  return [
    button({ url: `/accounts/${a.id}/crawl`, label: x.t('accounts.crawl'), why: a.activity === 'monitoring' ? null : x.t('accounts.crawl-why') }),
    a.activity === 'paused' ? button({ url: `/accounts/${a.id}/resume`, label: x.t('accounts.resume') }) : button({ url: `/accounts/${a.id}/pause`, label: x.t('accounts.pause') }),
    opener(`/accounts/${a.id}/assign`, x.t('accounts.assign')),
    a.worker ? opener(`/accounts/${a.id}/move`, x.t('worker.move'), 'plain', a.pinned ? x.t('worker.move-pinned') : null) : null,
    a.loginStatus === 'logged_in' && !a.archived ? button({ url: `/accounts/${a.id}/login`, target: '#dialog', label: x.t('accounts.login-again') }) : null,
    archiveButton(x, a),
    button({ url: `/accounts/${a.id}/remove`, label: x.t('remove'), tone: 'danger', confirm: x.t('accounts.remove-sure', { name: a.name }) }),
  ];
}

/** What must be seen first: a proxy that fails is no lost session. */
function trouble(x: Ctx, m: AccountModel): Value {
  const error = m.card.lastRound?.error ?? (m.card.loginStatus === 'login_failed' ? m.card.reason : null);
  const fails = m.out && (m.out.status === 'failing' || m.out.status === 'disabled' || /^the proxy .+ fails/.test(error ?? ''));
  if (!fails) return null;
  const said = /^the proxy .+ fails/.test(error ?? '') ? reason(x, error!) : null;
  return html`<div class="banner warn" role="alert"><b>${x.t('account.proxy-fails')}</b><span>${said}${said ? ' · ' : null}${x.t(m.card.loginStatus === 'logged_in' ? 'account.proxy-fails-in' : 'account.proxy-fails-out')}</span>${m.mayAct ? html`<span class="row banner-acts">${m.out!.id ? button({ url: `/proxies/${m.out!.id}/check`, label: x.t('proxy.check') }) : null}${opener(`/accounts/${m.card.id}/proxy`, x.t('account.change-proxy'), 'main')}</span>` : null}</div>`;
}

const facts = (rows: [string, Value][]): Html => html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;

function identity(x: Ctx, { card: a, user, approve }: AccountModel): Html {
  const rows: [string, Value][] = [
    [x.t('accounts.platform'), x.word('platform', a.platform)],
    [x.t('accounts.account-id'), html`<code>${a.accountId ?? '—'}</code>`],
    [x.t('account.nickname'), user?.nickname ?? '—'],
    ['ID', html`<code>${a.id}</code>`],
    [x.t('accounts.group'), html`<a href=${`/accounts?group=${a.group ?? 'default'}`}>${a.group ?? 'default'}</a>`],
    [x.t('account.tags'), a.tags.length === 0 ? '—' : html`<span class="chips">${a.tags.map((t) => html`<a class="chip" href=${`/accounts?tag=${encodeURIComponent(t)}`}>${t}</a>`)}</span>`],
  ];
  if (approve) rows.push([x.t('account.approve'), x.t('account.approve-on')]);
  return html`<div class="card"><h2>${x.t('account.identity')}</h2>${facts(rows)}${a.unread > 0 ? html`<a class="button" href=${`/inbox?account=${a.id}&unread=1`}>${x.t('account.unread', { n: a.unread })}</a>` : null}</div>`;
}

function session(x: Ctx, m: AccountModel): Html {
  const a = m.card;
  const on = a.loginStatus === 'logged_in';
  const rows: [string, Value][] = [
    [x.t('account.last-login'), a.lastLoginMs ? ago(x, a.lastLoginMs) : '—'],
    [x.t('account.validity'), on && a.validUntilMs ? html`${daysLeft(x, a.validUntilMs)}<div class="sub">${clock(x, a.validUntilMs)}</div>` : '—'],
    [x.t('account.last-check'), m.lastCheck ? html`${m.lastCheck.ok ? html`<span class="good-text">✓ ${x.t('account.holds')}</span>` : html`<span class="bad-text">${x.word('session', m.lastCheck.why ?? '') === m.lastCheck.why ? reason(x, m.lastCheck.why ?? '') : x.word('session', m.lastCheck.why ?? '')}</span>`} <span class="sub">${ago(x, m.lastCheck.at)}</span>` : '—'],
    [x.t('account.checked'), m.checkEvery === 0 ? x.t('account.no-checks') : x.t('proxy.minutes', { n: m.checkEvery })],
    [x.t('account.notice'), x.t('account.notice-hours', { n: m.noticeHours })],
  ];
  return html`<div class="card"><h2>${x.t('accounts.session')}</h2><p class="row">${tag(x, a.loginStatus)}${a.reason && !on ? html`<span class="sub bad-text">${reason(x, a.reason)}</span>` : null}</p>${facts(rows)}${m.mayAct ? button({ url: `/accounts/${a.id}/check`, label: x.t('account.check'), why: a.activity === 'monitoring' ? null : x.t('account.check-why') }) : null}</div>`;
}

function place(x: Ctx, m: AccountModel): Html {
  const a = m.card;
  return html`<div class="card"><h2>${x.t('accounts.worker')}</h2><p class="row">${tag(x, a.leaseState)}</p>${facts([
    [x.t('accounts.worker'), a.worker ? html`<a href=${`/workers/${a.worker}`}>${a.worker}</a>` : html`<span class="muted">${x.t(a.archived ? 'account.no-worker-archived' : 'accounts.no-worker')}</span>`],
    [x.t('account.epoch'), m.epoch],
    [x.t('account.pin'), a.pinned ? html`<a href=${`/workers/${a.pinned}`}>${a.pinned}</a>` : '—'],
    [x.t('account.moved'), m.moved ? html`${m.previous ? `${m.previous} · ` : null}${reason(x, m.moved)}` : '—'],
  ])}</div>`;
}

function proxy(x: Ctx, m: AccountModel): Html {
  const o = m.out;
  return html`<div class="card"><h2>${x.t('accounts.proxy')}</h2>${o ? html`<p class="row">${o.id ? html`<a href=${`/proxies/${o.id}`}><b>${o.name}</b></a>` : html`<b>${o.name}</b>`}${o.status ? tag(x, o.status, 'proxy') : null}</p>${facts([[x.t('proxy.exit'), o.exit ? html`<code>${o.exit}</code>` : '—'], [x.t('account.proxy-from'), x.t(FROM[o.from])]])}` : html`<p class="muted">${x.t('account.proxy-direct')}</p>`}${m.mayAct ? opener(`/accounts/${m.card.id}/proxy`, x.t('account.change-proxy')) : null}</div>`;
}

const FROM = { account: 'account.proxy-from-account', own: 'account.proxy-from-own', worker: 'account.proxy-from-worker' } as const;

const W = 12;
const H = 40;

/** The last rounds as bars, the oldest first. */
function bars(x: Ctx, rounds: RoundLine[]): Value {
  if (rounds.length < 2) return null;
  const shown = [...rounds].reverse();
  const most = Math.max(1, ...shown.map((r) => r.ms));
  return html`<svg class="spark rounds" viewBox=${`0 0 ${20 * (W + 2)} ${H}`} width=${20 * (W + 2)} height=${H} role="img" aria-label=${x.t('account.rounds-chart', { n: shown.length, bad: shown.filter((r) => r.error).length })}>${shown.map((r, i) => {
    const h = r.error ? H : Math.max(4, Math.round((r.ms / most) * H));
    return svg`<rect x=${i * (W + 2)} y=${H - h} width=${W} height=${h} class=${r.error ? 'bad' : 'ok'}></rect>`;
  })}</svg>`;
}

function rounds(x: Ctx, m: AccountModel): Html {
  const a = m.card;
  return html`<h2 class="group">${x.t('account.rounds')} <span class="sub">${x.t('accounts.every', { s: a.monitorInterval })}</span></h2><p class="row">${monitor(x, a)}${a.nextRoundMs ? html`<span class="sub">${x.t('account.next-round')} ${countdown(x, a.nextRoundMs)}</span>` : null}</p>${bars(x, m.rounds)}${
    m.rounds.length === 0
      ? html`<p class="muted">${x.t('account.rounds-none')}</p>`
      : html`<ol class="pending">${m.rounds.map((r) => html`<li><span class="grow">${r.error ? html`<span class="bad-text">✕ ${reason(x, r.error)}</span>${r.picture ? html` · <a href=${`/accounts/${a.id}/rounds/${r.index}/picture`}>${x.t('account.picture')}</a>` : null}${r.trace ? html` · <a href=${`/accounts/${a.id}/rounds/${r.index}/trace`} download="">${x.t('account.trace')}</a>` : null}` : html`${x.t('accounts.last-round', { comments: r.comments, messages: r.messages })}`}</span><span class="sub">${r.ms > 0 ? `${(r.ms / 1000).toFixed(1)} s · ` : null}${ago(x, r.atMs)}</span></li>`)}</ol>`
  }`;
}

const logins = (x: Ctx, m: AccountModel): Html => html`<h2 class="group">${x.t('account.logins')}</h2>${
  m.logins.length === 0
    ? html`<p class="muted">${x.t('account.logins-none')}</p>`
    : html`<ol class="pending">${m.logins.map((l) => html`<li>${tag(x, l.status)}<span class="grow"><span class="sub">${l.method}${l.worker ? ` · ${l.worker}` : null}</span>${l.error ? html`<div class="sub bad-text">${reason(x, l.error)}</div>` : null}</span><span class="sub" title=${clock(x, l.createdMs)}>${ago(x, l.createdMs)}</span></li>`)}</ol>`
}`;

function pace(x: Ctx, { limits: l, card: a, mayAct }: AccountModel): Html {
  return html`<h2 class="group">${x.t('accounts.limits')}</h2><div class="card">${facts([
    [x.t('accounts.interval'), a.monitorInterval],
    [x.t('accounts.per-minute'), l.perMinute],
    [x.t('accounts.per-hour'), l.perHour],
    [x.t('account.quiet'), l.quiet ? `${l.quiet[0]}:00 – ${l.quiet[1]}:00` : '—'],
    [x.t('account.max-length'), l.maxLength ?? x.t('account.platform-own')],
  ])}${mayAct ? opener(`/accounts/${a.id}/edit`, x.t('edit')) : null}</div>`;
}

function fingerprint(x: Ctx, m: AccountModel): Html {
  const f = m.fingerprint as { userAgent?: string; viewport?: { width: number; height: number }; locale?: string; timezone?: string; createdAt?: number } | null;
  return html`<h2 class="group">${x.t('account.fingerprint')}</h2><div class="card">${f ? facts([
    [x.t('account.browser'), html`<span class="sub">${f.userAgent ?? '—'}</span>`],
    [x.t('account.screen'), f.viewport ? `${f.viewport.width} × ${f.viewport.height}` : '—'],
    [x.t('account.locale'), `${f.locale ?? '—'} · ${f.timezone ?? '—'}`],
    [x.t('account.made'), f.createdAt ? ago(x, f.createdAt) : '—'],
  ]) : html`<p class="muted">${x.t('account.fingerprint-none')}</p>`}<div class="row">${f ? html`<a class="button plain" href=${`/api/v1/accounts/${m.card.id}/fingerprint`} download=${`${m.card.id}-fingerprint.json`}>${x.t('account.fingerprint-export')}</a>` : null}${m.mayAct ? opener(`/accounts/${m.card.id}/fingerprint`, x.t('account.fingerprint-remake'), 'plain', m.remaking ? x.t('account.remaking') : null) : null}</div></div>`;
}

const audit = (x: Ctx, m: AccountModel): Html => html`<h2 class="group">${x.t('account.audit')}</h2>${m.audit.length === 0 ? html`<p class="muted">${x.t('account.audit-none')}</p>` : html`<ol class="activity">${m.audit.map((e) => html`<li><b>${e.event === '~start' ? x.t('audit.created') : e.event}</b> <span class="sub">${who(e.by)} · ${ago(x, e.atMs)}</span></li>`)}</ol>`}`;
