import { accountTabs } from './account-tabs.ts';
import type { Ctx } from './context.ts';
import { html, svg, type Html, type Value } from './html.ts';
import { ago, button, check, choice, clock, countdown, dialog, empty, field, menu, opener, region, tag, who } from './parts.ts';
import { reason } from './reason.ts';

type Look = { at: number; ok: boolean; ms: number | null; exit: string | null; error: string | null; worker: string | null };
export type ProxyCard = {
  id: string; name: string; protocol: string; server: string; username: string | null; hasPassword: boolean;
  status: string; checking: boolean; checkEvery: number; note: string; last: Look | null;
  /** The newest first. */
  checks: Look[];
  waiting: string | null; nextMs: number | null; accounts: number; workers: number;
};

export function proxiesPage(x: Ctx, m: { proxies: ProxyCard[]; mayAct: boolean }): Html {
  const add = m.mayAct ? opener('/proxies/new', x.t('proxy.new'), 'main') : null;
  return html`<div class="page-head"><h1>${x.t('nav.proxies')}</h1><div class="toolbar">${add}</div></div>${accountTabs(x)}
  ${region(x, 'proxies', ['proxy', 'account'], m.proxies.length === 0 ? empty(x.t('proxy.none'), x.t('proxy.none-next'), add) : html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('proxy.name')}</th><th>${x.t('state')}</th><th>${x.t('proxy.latency')}</th><th>${x.t('proxy.exit')}</th><th>${x.t('proxy.used-by')}</th><th class="end">${x.t('actions')}</th></tr></thead><tbody>${m.proxies.map((p) => row(x, p, m.mayAct))}</tbody></table></div>`)}`;
}

function row(x: Ctx, p: ProxyCard, mayAct: boolean): Html {
  return html`<tr id=${`proxy-${p.id}`} data-row=""><td data-label=${x.t('proxy.name')}><a href=${`/proxies/${p.id}`} data-open=""><b>${p.name}</b></a><div class="sub"><code>${`${p.protocol}://${p.server}`}</code></div></td>
  <td data-label=${x.t('state')}>${health(x, p)}</td>
  <td data-label=${x.t('proxy.latency')}>${p.last?.ms != null ? `${p.last.ms} ms` : html`<span class="muted">—</span>`}${spark(x, p.checks)}</td>
  <td data-label=${x.t('proxy.exit')}>${p.last?.exit ? html`<code>${p.last.exit}</code>` : html`<span class="muted">—</span>`}</td>
  <td data-label=${x.t('proxy.used-by')}>${users(x, p)}</td>
  <td class="end actions" data-label=${x.t('actions')}>${mayAct ? html`${main(x, p)} ${menu(x, `menu-${p.id}`, more(x, p))}` : null}</td></tr>`;
}

const users = (x: Ctx, p: ProxyCard): Value => (p.accounts + p.workers === 0 ? html`<span class="muted">${x.t('proxy.nobody')}</span>` : html`${p.accounts > 0 ? html`<a href=${`/accounts?proxy=${p.id}`}>${x.t('proxy.accounts', { n: p.accounts })}</a>` : null}${p.workers > 0 ? html`<div class="sub">${x.t('proxy.workers', { n: p.workers })}</div>` : null}`);

function health(x: Ctx, p: ProxyCard): Html {
  return html`${tag(x, p.status, 'proxy')}${p.checking ? html`<div class="sub">${x.t('proxy.checking')}</div>` : null}${
    p.last && !p.last.ok ? html`<div class="sub bad-text">${reason(x, p.last.error ?? '')}</div>` : null}${p.waiting ? html`<div class="sub">${reason(x, p.waiting)}</div>` : null}${p.last && p.last.ok ? html`<div class="sub">${ago(x, p.last.at)}</div>` : null}`;
}

const main = (x: Ctx, p: ProxyCard): Html => (p.status === 'disabled' ? button({ url: `/proxies/${p.id}/enable`, label: x.t('proxy.enable'), tone: 'main' }) : button({ url: `/proxies/${p.id}/check`, label: x.t('proxy.check'), why: p.checking ? x.t('proxy.checking') : null }));
const more = (x: Ctx, p: ProxyCard): Value[] => [
  opener(`/proxies/${p.id}/edit`, x.t('edit')),
  p.status === 'disabled' ? null : button({ url: `/proxies/${p.id}/disable`, label: x.t('proxy.disable'), confirm: p.accounts > 0 ? x.t('proxy.disable-sure', { n: p.accounts }) : undefined }),
  html`<a class="button plain" href=${`/actors/proxy/${p.id}`}>${x.t('actors.look')}</a>`,
  opener(`/proxies/${p.id}/remove`, x.t('remove')),
];

const W = 4;
const H = 22;

/** The last checks as bars, the oldest first: as high as they took long, bad ones full and red. */
function spark(x: Ctx, checks: Look[]): Value {
  if (checks.length < 2) return null;
  const shown = checks.slice(0, 30).reverse();
  const most = Math.max(1, ...shown.map((c) => c.ms ?? 0));
  const bars = shown.map((c, i) => {
    const h = c.ok ? Math.max(3, Math.round(((c.ms ?? 0) / most) * H)) : H;
    return svg`<rect x=${i * (W + 1)} y=${H - h} width=${W} height=${h} class=${c.ok ? 'ok' : 'bad'}></rect>`;
  });
  const bad = shown.filter((c) => !c.ok).length;
  const text = x.t('proxy.spark', { n: shown.length, bad });
  return html`<svg class="spark" viewBox=${`0 0 ${30 * (W + 1)} ${H}`} width=${30 * (W + 1)} height=${H} role="img" aria-label=${text}>${bars}</svg>`;
}

export type ProxyModel = { proxy: ProxyCard; accounts: { id: string; name: string; platform: string; status: string }[]; workers: { id: string; name: string }[]; history: { index: number; event: string; by: string | null; atMs: number }[]; mayAct: boolean };

/** One proxy: its health over time, who goes by it, who changed it. */
export function proxyPage(x: Ctx, m: ProxyModel): Html {
  const p = m.proxy;
  const topics = [`proxy/${p.id}`];
  const facts: [string, Value][] = [
    [x.t('proxy.address'), html`<code>${`${p.protocol}://${p.server}`}</code>`],
    [x.t('proxy.user'), p.username ? html`${p.username}${p.hasPassword ? html`<div class="sub">${x.t('proxy.has-password')}</div>` : null}` : '—'],
    [x.t('proxy.exit'), p.last?.exit ? html`<code>${p.last.exit}</code>` : '—'],
    [x.t('proxy.latency'), p.last?.ms != null ? `${p.last.ms} ms` : '—'],
    [x.t('proxy.every'), p.checkEvery === 0 ? x.t('proxy.by-hand') : html`${x.t('proxy.minutes', { n: p.checkEvery })}${p.nextMs ? html`<div class="sub">${x.t('proxy.next')} ${countdown(x, p.nextMs)}</div>` : null}`],
  ];
  if (p.note) facts.push([x.t('proxy.note'), p.note]);
  return html`<div class="page-head"><h1>${p.name}</h1>${region(x, 'proxy-actions', topics, html`<div class="toolbar"><a class="button plain" href=${`/actors/proxy/${p.id}`}>${x.t('actors.look')}</a>${m.mayAct ? html`${opener(`/proxies/${p.id}/edit`, x.t('edit'))}${main(x, p)}${menu(x, `menu-${p.id}`, more(x, p))}` : null}</div>`)}</div>${accountTabs(x)}
  ${region(x, 'proxy-state', topics, html`<div class="card worker-state"><div>${health(x, p)}</div><dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div>`)}
  <div class="columns even"><div>${region(x, 'proxy-checks', topics, html`<h2 class="group">${x.t('proxy.checks')}</h2>${spark(x, p.checks)}${checks(x, p)}`)}</div>
  <div>${region(x, 'proxy-users', [...topics, 'account'], html`<h2 class="group">${x.t('proxy.used-by')} <b class="badge">${m.accounts.length + m.workers.length}</b></h2>${usedBy(x, m)}<h2 class="group">${x.t('schedule.changes')}</h2>${m.history.length === 0 ? html`<p class="muted">—</p>` : html`<ol class="activity">${m.history.map((h) => html`<li><a href=${`/actors/proxy/${p.id}?turn=${h.index}`}>${h.event === '~start' ? x.t('audit.created') : h.event}</a> <span class="sub">${h.by ? `${who(h.by)} · ` : null}${ago(x, h.atMs)}</span></li>`)}</ol>`}`)}</div></div>`;
}

const checks = (x: Ctx, p: ProxyCard): Html =>
  p.checks.length === 0
    ? html`<p class="muted">${x.t('proxy.checks-none')}</p>`
    : html`<ol class="pending">${p.checks.slice(0, 20).map((c) => html`<li><span class="grow">${c.ok ? html`<span class="good-text">✓</span> ${`${c.ms} ms${c.exit ? ' · ' : ''}`}<code>${c.exit ?? ''}</code>` : html`<span class="bad-text">✕ ${reason(x, c.error ?? '')}</span>`}</span><span class="sub" title=${clock(x, c.at)}>${c.worker ? `${c.worker} · ` : null}${ago(x, c.at)}</span></li>`)}</ol>`;

const usedBy = (x: Ctx, m: ProxyModel): Html =>
  m.accounts.length + m.workers.length === 0
    ? html`<p class="muted">${x.t('proxy.nobody-next')}</p>`
    : html`<ul class="pending">${m.accounts.map((a) => html`<li><a class="grow" href=${`/accounts/${a.id}`}><b>${a.name}</b></a><span class="sub">${x.word('platform', a.platform)}</span>${tag(x, a.status)}</li>`)}${m.workers.map((w) => html`<li><a class="grow" href=${`/workers/${w.id}`}>${w.name}</a><span class="sub">${x.t('proxy.default-of')}</span></li>`)}</ul>`;

/** A new one, or one that is changed: its password is never shown, and stays unless another is typed. */
export function proxyForm(x: Ctx, p: ProxyCard | null): Html {
  return dialog(x, p ? x.t('proxy.edit', { name: p.name }) : x.t('proxy.new'), html`<form hx-post=${p ? `/proxies/${p.id}` : '/proxies'} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
    <div class="grid">
      ${field({ name: 'name', label: x.t('proxy.name'), value: p?.name ?? '', required: true })}
      ${choice('protocol', x.t('accounts.proxy-protocol'), p?.protocol ?? 'http', [['http', 'HTTP'], ['https', 'HTTPS'], ['socks5', 'SOCKS5']])}
      ${field({ name: 'server', label: x.t('accounts.proxy-server'), value: p?.server ?? '', placeholder: 'proxy.example:8080', required: true })}
      ${field({ name: 'username', label: x.t('accounts.proxy-user'), value: p?.username ?? '' })}
      ${field({ name: 'password', label: x.t('accounts.proxy-password'), type: 'password', hint: p?.hasPassword ? x.t('accounts.proxy-password-keep') : null, autocomplete: 'new-password' })}
      ${field({ name: 'checkEvery', label: x.t('proxy.every-label'), value: p?.checkEvery ?? 10, type: 'number', min: 0, max: 1440, hint: x.t('proxy.every-hint') })}
      ${field({ name: 'note', label: x.t('proxy.note'), value: p?.note ?? '' })}
      ${p?.hasPassword ? check('drop_password', x.t('proxy.drop-password'), false) : null}
    </div>
    ${p && p.accounts > 0 ? html`<p class="note-text">${x.t('proxy.edit-note', { n: p.accounts })}</p>` : null}
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);
}

/** Who would go on without it is named before it is gone. */
export function removeProxyDialog(x: Ctx, m: { id: string; name: string; accounts: string[]; workers: string[] }): Html {
  const used = m.accounts.length + m.workers.length;
  const some = [...m.accounts, ...m.workers];
  return dialog(x, x.t('proxy.remove-title', { name: m.name }), html`<form hx-post=${`/proxies/${m.id}/remove`} hx-swap="none" hx-disable="find button.danger" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
    ${used === 0 ? html`<p>${x.t('proxy.remove-free')}</p>` : html`<p class="note-text">${x.t('proxy.remove-used', { n: used, names: some.slice(0, 5).join(', ') + (used > 5 ? '…' : '') })}</p>${check('confirm', x.t('proxy.remove-confirm'), false)}`}
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button danger">${x.t('remove')}</button></footer></form>`);
}
