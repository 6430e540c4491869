import { z } from 'zod';
import { setTimeout as delay } from 'node:timers/promises';
import { batchDialog, batchPreview, batchProgress, type BatchAction, type BatchItem, type BatchProgress, type RunningBatch } from '../../../views/batch.ts';
import type { Ctx } from '../../../views/context.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import type { BatchJob } from '../fleet/batch-jobs.ts';
import { journalSeen } from '../../read-model/queries/read-model.ts';
import { context, done, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';

const MOST = 50;
const AT_ONCE_MS = 400;
const PICK = /^pick-([a-z0-9][a-z0-9-]{0,62})$/;

export type Batch = {
  base: string;
  kind: string;
  actions(x: Ctx, call: Call): BatchAction[];
  /** One of them as the preview shows it; null when it is gone. */
  item(call: Call, x: Ctx, verb: string, id: string): BatchItem | null;
  /** The command that does it to one, from what the form asked for; throws a Problem that names the field. Without this it is the verb alone. */
  command?(call: Call, verb: string, id: string, form: Readonly<Record<string, string>>): { verb: string; payload: Record<string, unknown> };
  /** What has become of one whose command was taken, null while it is on its way; without this, taken is done. */
  reached?(call: Call, id: string): { error: string | null } | null;
  /** What everyone must know before, told of those that will be acted on. */
  note?(call: Call, x: Ctx, verb: string, ids: string[]): string | null;
};

/** One action for many rows: a look at what would happen, then what did happen to each. */
export function batchRoutes(b: Batch): Route[] {
  const action = (call: Call, x: Ctx, verb: unknown): BatchAction => {
    const known = b.actions(x, call);
    const name = checked(z.object({ action: z.enum(known.map((a) => a.verb) as [string, ...string[]]) }), { action: verb }).action;
    return known.find((a) => a.verb === name)!;
  };
  return [
    page('get', `${b.base}/batch`, 'operate', (call) => {
      const x = context(call);
      const act = action(call, x, call.query('action'));
      const items = picked(Object.keys(call.c.req.queries())).map((id) => b.item(call, x, act.verb, id) ?? { id, name: id, state: '—', group: 'state' as const, why: x.t('batch.gone') });
      return showPiece(batchPreview(x, { base: b.base, action: act, items, note: b.note?.(call, x, act.verb, items.filter((i) => i.why === null).map((i) => i.id)) ?? null }));
    }),
    page('post', `${b.base}/batch`, 'operate', async (call) => {
      const x = context(call);
      const form = await readForm(call.c);
      const act = action(call, x, form['action']);
      const items = picked(Object.keys(form)).map((id) => ({ id, name: b.item(call, x, act.verb, id)?.name ?? id }));
      const commands = new Map(items.map((i) => [i.id, b.command?.(call, act.verb, i.id, form) ?? { verb: act.verb, payload: {} }]));
      return beginBatch(call, x, b, act, items, (id) => commands.get(id)!);
    }),
    page('get', `${b.base}/batch/:job`, 'operate', (call) => {
      const x = context(call);
      const job = found(call.d.jobs.find(b.base, call.param('job')), 'this action: it was over some time ago');
      return told(call, x, action(call, x, job.verb), job, call.query('dialog') === '1');
    }),
  ];
}

/** Sends the action to each, and shows how far it is. */
export async function beginBatch(call: Call, x: Ctx, b: Pick<Batch, 'base' | 'kind' | 'reached'>, action: BatchAction, items: { id: string; name: string }[], payload: Record<string, unknown> | ((id: string) => { verb: string; payload: Record<string, unknown> }) = {}): Promise<Response> {
  const about = call.about();
  const stored = new Map<string, number>();
  const { job, ended } = call.d.jobs.start({ base: b.base, verb: action.verb, by: call.by, items }, {
    async send(id) {
      const one = typeof payload === 'function' ? payload(id) : { verb: action.verb, payload };
      const answer = await call.d.command({ kind: b.kind, id }, one.verb, one.payload, about);
      if (answer.ok) stored.set(id, Number(answer['seq'] ?? 0));
      return answer.ok ? null : (answer as { message: string }).message;
    },
    // The view may be a moment behind the answer.
    reached: (id) => (!b.reached ? { error: null } : (stored.get(id) ?? 0) > journalSeen(call.d.db) ? null : b.reached(call, id)),
  });
  // What is over at once is told at once.
  await Promise.race([ended, delay(AT_ONCE_MS)]);
  return told(call, x, action, job, true);
}

/** As a dialog, or as the part of it that draws itself anew; the end is a toast too. */
function told(call: Call, x: Ctx, action: BatchAction, job: BatchJob, whole: boolean): Response {
  const m: BatchProgress = { base: job.base, job: job.id, action, ended: job.endedMs !== null, items: job.items };
  const piece = whole ? batchDialog(x, m) : batchProgress(x, m);
  return m.ended ? done(call, 'batch.done', { what: action.label, ok: m.items.filter((i) => i.state === 'done').length, all: m.items.length }, piece) : showPiece(piece);
}

/** What is under way of this page, for its list. */
export const runningBatches = (call: Call, x: Ctx, base: string, actions: BatchAction[]): RunningBatch[] =>
  call.d.jobs.running(base).map((j) => ({ job: j.id, label: x.t('batch.of', { what: actions.find((a) => a.verb === j.verb)?.label ?? j.verb, all: j.items.length }), over: j.items.filter((i) => i.state !== 'waiting' && i.state !== 'sent').length, all: j.items.length }));

function picked(names: string[]): string[] {
  const ids = names.flatMap((n) => PICK.exec(n)?.[1] ?? []);
  if (ids.length === 0) throw new Problem(422, 'invalid', 'pick at least one');
  if (ids.length > MOST) throw new Problem(413, 'too_large', `${MOST} at once at most`);
  return ids;
}
