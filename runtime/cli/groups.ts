import { Figures } from '../http/figures.ts';
import { fleetGroups } from '../http/fleet/groups.ts';
import { withOperator } from '../operator.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { textTable } from '../text-table.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'groups';
export const summary = 'list groups: workers, room, and why accounts wait';
export const usage = 'Usage: troupe groups [--json]';

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { json: { type: 'boolean' } });
  return withOperator(ctx, async (operator) => {
    const groups = fleetGroups({ db: await viewFromJournal(operator.nc, ['worker', 'account', 'scaler']), figures: new Figures(Date.now) });
    if (flags.json) ctx.out(JSON.stringify({ groups: groups.map((g) => ({ name: g.name, workers: g.workers.map((w) => w.id), running: g.running, capacity: g.capacity, assigned_accounts: g.assigned, accounts: g.accounts, waiting: g.waiting, scaler: g.scaler && { status: g.scaler.status, ...g.scaler.config } })) }, null, 2));
    else if (groups.length === 0) ctx.out('there are no workers and no accounts yet');
    else for (const line of textTable(['GROUP', 'RUNNING', 'ROOM', 'ACCOUNTS', 'SCALING', 'WAITING'], groups.map((g) => [g.name, `${g.running}/${g.workers.length}`, `${g.assigned}/${g.capacity}`, String(g.accounts), g.scaler?.status ?? null, g.waiting.length === 0 ? null : `${g.waiting.length}: ${g.waiting[0]!.why}`]))) ctx.out(line);
    return 0;
  });
}
