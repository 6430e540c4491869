import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';

const PAGES = [['/accounts', 'nav.accounts'], ['/proxies', 'nav.proxies']] as const;

/** The pages of accounts, side by side. */
export function accountTabs(x: Ctx): Html {
  const path = x.url.split('?')[0]!;
  return html`<nav class="tabs fleet-tabs" aria-label=${x.t('nav.accounts')}>${PAGES.map(([href, key]) => html`<a href=${href} aria-current=${path === href || path.startsWith(`${href}/`) ? 'page' : null}>${x.t(key)}</a>`)}</nav>`;
}
