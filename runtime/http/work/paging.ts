import { PAGE_SIZES } from '../../../views/pager.ts';
import type { Call } from '../call.ts';

/** `page` and `size` of the query, within what there is. */
export function readPage(call: Call, total: number): { page: number; size: number } {
  const size = PAGE_SIZES.find((s) => String(s) === call.query('size')) ?? PAGE_SIZES[0];
  const page = Math.min(Math.max(1, Math.ceil(total / size)), Math.max(1, Number(/^\d{1,5}$/.exec(call.query('page') ?? '')?.[0] ?? 1)));
  return { page, size };
}
