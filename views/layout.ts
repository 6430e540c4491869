import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { region } from './parts.ts';
import { WORK_PATHS } from './work-tabs.ts';

const HTMX = JSON.stringify({ history: 'reload', includeIndicatorCSS: false, mode: 'same-origin', defaultTimeout: 30_000, extensions: 'sse,troupe', morphScanLimit: 30 });

const PAGES = [
  ['/', 'nav.overview', '◧'],
  ['/inbox', 'nav.inbox', '✉'],
  ['/replies', 'nav.replies', '↩'],
  ['/accounts', 'nav.accounts', '☺'],
  ['/platforms', 'nav.platforms', '▣'],
  ['/workers', 'nav.workers', '⚙'],
  ['/hub', 'nav.work', '▤'],
  ['/notifications', 'nav.notifications', '◔'],
  ['/actors', 'nav.actors', '❖'],
  ['/settings', 'nav.settings', '☰'],
] as const;

/** Pages that are reached from another one's tabs. */
const BELOW: Record<string, readonly string[]> = { '/workers': ['/groups', '/machines'], '/accounts': ['/proxies', '/logins'], '/replies': ['/canned', '/rules'], '/hub': WORK_PATHS, '/settings': ['/api'] };

/** On a phone the bar shows these, and the rest behind one more. */
const FIRST = 4;

/** The whole document around a page. `topics` are what this page listens to. */
export function layout(x: Ctx, page: { title: string; main: Value; topics: string[]; /** Loads what draws curves. */ plots?: boolean; live?: boolean; /** Loads what the inbox does by keys. */ talks?: boolean }): Html {
  return html`<html lang=${x.lang} data-theme=${x.theme} data-now=${x.now}>
  ${head(x, page.title, page.plots, page.live, page.talks, true)}
  <body>
    <a class="skip" href="#main">${x.t('skip')}</a>
    <div class="shell">
      <header class="side">
        <a class="brand" href="/"><svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><circle cx="6" cy="7" r="3.2"/><circle cx="18" cy="7" r="3.2"/><circle cx="12" cy="17" r="3.2"/><path d="M6 7h12M6 7l6 10 6-10" fill="none"/></svg><b>Troupe</b></a>
        ${navigation(x)}
        <div class="side-end"><span class="who" title=${x.t('signed-in-as')}>${x.user}</span>
          <button type="button" class="button plain icon" data-keys="" title=${x.t('keys.title')} aria-label=${x.t('keys.title')}>?</button>
          <form method="post" action="/sign-out"><button class="button plain" title=${x.t('sign-out')}>${x.t('sign-out')}</button></form></div>
      </header>
      <main id="main" tabindex="-1">${banners(x)}${page.main}</main>
    </div>
    <div id="dialog"></div>
    <div id="toasts" role="status" aria-live="polite"></div>
    ${keys(x, page.talks)}
    <div id="live" hx-sse:connect=${`/events?topics=${page.topics.map(encodeURIComponent).join(',')}&since=${x.since}`} data-lost=${x.t('live.lost')} data-ok=${x.t('confirm.ok')} data-cancel=${x.t('cancel')} data-offline=${x.t('error.network')} data-news=${x.t('notices.more')}></div>
  </body>
</html>`;
}

export const head = (x: Pick<Ctx, 'assets'>, title: string, plots = false, live = false, talks = false, news = false): Html => html`<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="htmx-config" content=${HTMX}>
    <title>${`${title} · Troupe`}</title>
    <link rel="icon" href="/static/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href=${x.assets.css}>
    <script defer src=${x.assets.htmx}></script>
    <script defer src=${x.assets.sse}></script>
    <script defer src=${x.assets.app}></script>${news ? html`<script defer src=${x.assets.notices}></script>` : null}${plots ? html`<link rel="stylesheet" href=${x.assets.plotCss}><script defer src=${x.assets.plot}></script><script defer src=${x.assets.plots}></script>` : null}${live ? html`<script defer src=${x.assets.live}></script>` : null}${talks ? html`<script defer src=${x.assets.talks}></script>` : null}
  </head>`;

function navigation(x: Ctx): Html {
  const badge: Record<string, number> = { '/inbox': x.badges.inbox, '/replies': x.badges.replies, '/notifications': x.badges.notifications };
  const path = x.url.split('?')[0]!;
  const under = (href: string) => path === href || path.startsWith(`${href}/`);
  const here = (href: string) => (href === '/' ? path === '/' : under(href) || (BELOW[href] ?? []).some(under));
  const link = ([href, key, icon]: (typeof PAGES)[number]) => html`<a href=${href} aria-current=${here(href) ? 'page' : null}><i aria-hidden="true">${icon}</i><span>${x.t(key)}</span>${badge[href] ? html`<b class="badge">${badge[href]! > 999 ? '999+' : badge[href]}</b>` : null}</a>`;
  const rest = PAGES.slice(FIRST);
  const news = rest.some(([href]) => badge[href]);
  return region(x, 'nav', ['inbox', 'reply', 'notification'], html`<nav aria-label=${x.t('nav.label')}>${PAGES.slice(0, FIRST).map(link)}<button type="button" class="nav-more" popovertarget="nav-rest" aria-current=${rest.some(([href]) => here(href)) ? 'page' : null}><i aria-hidden="true">⋯</i><span>${x.t('nav.more')}</span>${news ? html`<i class="new"></i>` : null}</button><div id="nav-rest" popover>${rest.map(link)}</div></nav>`);
}

const banners = (x: Ctx): Html =>
  html`<div id="banners" data-topics="health" hx-get=${x.url} hx-select="#banners" hx-swap="outerMorph" hx-trigger="live">${x.banners.map((b) => html`<div class=${`banner ${b.tone}`} role="alert"><b>${b.title}</b><span>${b.href ? html`<a href=${b.href}>${b.text}</a>` : b.text}</span></div>`)}</div>`;

/** What the keys do with talks, beside those of every page. */
const TALK_KEYS = [['E', 'keys.talk-close'], ['S', 'keys.talk-snooze'], ['A', 'keys.talk-assign'], ['L', 'keys.talk-label'], ['U', 'keys.talk-unread'], ['X', 'keys.talk-pick'], ['Z', 'keys.talk-undo'], ['/ …', 'keys.talk-canned']] as const;

function keys(x: Ctx, talks = false): Html {
  const rows = [['J / K', 'keys.move'], ['Enter', 'keys.open'], ['R', 'keys.reply'], ['Ctrl + Enter', 'keys.send'], ['/', 'keys.search'], ['Esc', 'keys.leave'], ...(talks ? TALK_KEYS : []), ['?', 'keys.title']] as const;
  return html`<dialog id="keys" aria-labelledby="keys-title"><header><h2 id="keys-title">${x.t('keys.title')}</h2><button type="button" class="button plain icon" data-close="" aria-label=${x.t('close')}>✕</button></header><dl class="keys">${rows.map(([key, text]) => html`<dt><kbd>${key}</kbd></dt><dd>${x.t(text)}</dd>`)}</dl></dialog>`;
}
