import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';

const PAGES = [['/hub', 'nav.hub'], ['/tasks', 'nav.tasks'], ['/agents', 'nav.agents'], ['/queues', 'nav.queues'], ['/schedules', 'nav.schedules'], ['/task-templates', 'nav.task-templates'], ['/alerts', 'nav.alerts'], ['/streams', 'nav.streams']] as const;

export const WORK_PATHS: readonly string[] = PAGES.map(([path]) => path);

/** The pages of work, side by side. */
export function workTabs(x: Ctx): Html {
  const path = x.url.split('?')[0]!;
  return html`<nav class="tabs fleet-tabs" aria-label=${x.t('nav.work')}>${PAGES.map(([href, key]) => html`<a href=${href} aria-current=${path === href || path.startsWith(`${href}/`) ? 'page' : null}>${x.t(key)}</a>`)}</nav>`;
}
