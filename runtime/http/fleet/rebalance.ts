import type { Call } from '../call.ts';
import { each } from './each.ts';
import { rebalancePlan, type PlannedMove } from './groups.ts';

export type DoneMove = PlannedMove & { error: string | null };

/** Plans the moves and, unless it is a dry run, asks each account to make its own. */
export async function rebalance(call: Call, { dryRun, group }: { dryRun: boolean; group?: string | undefined }): Promise<DoneMove[]> {
  const moves = rebalancePlan(call.d, group);
  if (dryRun) return moves.map((m) => ({ ...m, error: null }));
  return each(moves, async (m) => {
    const done = await call.d.command({ kind: 'account', id: m.account }, 'move', { epoch: m.epoch, to: m.to, reason: 'rebalanced' }, call.about(`rebalance-${m.account}-${m.epoch}`));
    return { ...m, error: done.ok ? null : (done as { message: string }).message };
  });
}
