import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';

export type Paging = { page: number; size: number; total: number };
export const PAGE_SIZES = [20, 50, 100] as const;

/** Pages of a list whose filter stays as it is. */
export function pager(x: Ctx, path: string, filter: Record<string, string>, m: Paging, sizes: readonly number[] = PAGE_SIZES): Html {
  const pages = Math.max(1, Math.ceil(m.total / m.size));
  const given = Object.fromEntries(Object.entries(filter).filter(([, v]) => v !== ''));
  const url = (page: number, size = m.size) => `${path}?${new URLSearchParams({ ...given, page: String(page), size: String(size) }).toString()}`;
  return html`<nav class="pager" aria-label=${x.t('pages')}><span class="muted">${x.t('total', { n: m.total })}</span><span class="grow"></span>
    ${sizes.map((s) => html`<a class="page-size" href=${url(1, s)} aria-current=${s === m.size ? 'true' : null}>${s}</a>`)}<span class="muted small">${x.t('per-page')}</span>
    ${m.page > 1 ? html`<a class="button plain" href=${url(m.page - 1)} rel="prev">←</a>` : null}<span class="nowrap">${m.page} / ${pages}</span>${m.page < pages ? html`<a class="button plain" href=${url(m.page + 1)} rel="next">→</a>` : null}</nav>`;
}
