import { z } from 'zod';
import { batchPreview, batchResult, type BatchAction, type BatchItem } from '../../../views/batch.ts';
import type { Ctx } from '../../../views/context.ts';
import { checked, readForm } from '../body.ts';
import type { Call } from '../call.ts';
import { context, done, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';

const MOST = 50;
const PICK = /^pick-([a-z0-9][a-z0-9-]{0,62})$/;

export type Batch = {
  base: string;
  kind: string;
  actions(x: Ctx): BatchAction[];
  /** One of them as the preview shows it; null when it is gone. */
  item(call: Call, x: Ctx, verb: string, id: string): BatchItem | null;
  /** What everyone must know before, told of those that will be acted on. */
  note?(call: Call, x: Ctx, verb: string, ids: string[]): string | null;
};

/** One action for many rows: a look at what would happen, then what did happen to each. */
export function batchRoutes(b: Batch): Route[] {
  const action = (x: Ctx, verb: unknown): BatchAction => {
    const known = b.actions(x);
    const name = checked(z.object({ action: z.enum(known.map((a) => a.verb) as [string, ...string[]]) }), { action: verb }).action;
    return known.find((a) => a.verb === name)!;
  };
  return [
    page('get', `${b.base}/batch`, 'operate', (call) => {
      const x = context(call);
      const act = action(x, call.query('action'));
      const items = picked(Object.keys(call.c.req.queries())).map((id) => b.item(call, x, act.verb, id) ?? { id, name: id, state: '—', group: 'state' as const, why: x.t('batch.gone') });
      return showPiece(batchPreview(x, { base: b.base, action: act, items, note: b.note?.(call, x, act.verb, items.filter((i) => i.why === null).map((i) => i.id)) ?? null }));
    }),
    page('post', `${b.base}/batch`, 'operate', async (call) => {
      const x = context(call);
      const form = await readForm(call.c);
      const act = action(x, form['action']);
      const items = await Promise.all(picked(Object.keys(form)).map(async (id) => {
        const answer = await call.d.command({ kind: b.kind, id }, act.verb, {}, call.about());
        return { id, name: b.item(call, x, act.verb, id)?.name ?? id, error: answer.ok ? null : (answer as { message: string }).message };
      }));
      return done(call, 'batch.done', { what: act.label, ok: items.filter((i) => !i.error).length, all: items.length }, batchResult(x, { action: act, items }));
    }),
  ];
}

function picked(names: string[]): string[] {
  const ids = names.flatMap((n) => PICK.exec(n)?.[1] ?? []);
  if (ids.length === 0) throw new Problem(422, 'invalid', 'pick at least one');
  if (ids.length > MOST) throw new Problem(413, 'too_large', `${MOST} at once at most`);
  return ids;
}
