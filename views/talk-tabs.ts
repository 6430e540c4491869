import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';

const TABS = [['/replies', 'nav.replies'], ['/canned', 'nav.canned'], ['/rules', 'nav.rules']] as const;

/** From replies to what writes them, and back. */
export const talkTabs = (x: Ctx, here: (typeof TABS)[number][0]): Html => html`<nav class="tabs" aria-label=${x.t('nav.replies')}>${TABS.map(([href, key]) => html`<a href=${href} aria-current=${href === here ? 'page' : null}>${x.t(key)}</a>`)}</nav>`;
