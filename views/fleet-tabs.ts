import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';

const PAGES = [['/workers', 'nav.workers'], ['/workers/map', 'nav.map'], ['/groups', 'nav.groups'], ['/machines', 'nav.machines']] as const;

/** The pages of the fleet, side by side. */
export function fleetTabs(x: Ctx): Html {
  const path = x.url.split('?')[0]!;
  return html`<nav class="tabs fleet-tabs" aria-label=${x.t('nav.fleet')}>${PAGES.map(([href, key]) => html`<a href=${href} aria-current=${path === href || (href === '/workers' && path.startsWith('/workers/') && path !== '/workers/map') ? 'page' : null}>${x.t(key)}</a>`)}</nav>`;
}
