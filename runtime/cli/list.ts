import { ID } from '../../transport/subjects.ts';
import { withOperator } from '../operator.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { countTasks, listTasks, type TaskRow } from '../read-model/queries/tasks.ts';
import { whole } from '../tasks/read-task-flags.ts';
import { fittedTable, type Cell } from '../terminal/fitted-table.ts';
import { agoText } from '../terminal/read-time.ts';
import type { Screen } from '../terminal/screen.ts';
import { executorOf, iconOf, TASK_STATES, taskJson, toneOf } from '../terminal/task-shown.ts';
import { brief, readArgs, screenOf, UsageError, type VerbContext } from '../verb.ts';

export const name = 'list';
export const summary = 'list tasks: state, group, who does them, and why they wait';
export const usage = `Usage: troupe list [--group G] [--status S] [--search TEXT] [--limit N] [--json]

  --group G      tasks of this group
  --status S     ${TASK_STATES.join(', ')}; open, dead (failed for good); several with commas
  --search TEXT  in title and description, or a number
  --limit N      the newest so many; 50`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { group: { type: 'string' }, status: { type: 'string' }, search: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' } });
  if (flags.group !== undefined && !ID.test(flags.group)) throw new UsageError(`--group "${brief(flags.group)}": must be lower-case letters, digits and hyphens`);
  const odd = flags.status?.split(',').find((s) => s !== 'open' && s !== 'dead' && !(TASK_STATES as readonly string[]).includes(s));
  if (odd !== undefined) throw new UsageError(`--status "${brief(odd)}": there are ${TASK_STATES.join(', ')}, open and dead`);
  const limit = flags.limit === undefined ? 50 : whole('--limit', flags.limit, 1, 100_000);
  return withOperator(ctx, async (operator) => {
    const db = await viewFromJournal(operator.nc, ['task']);
    const ask = { group: flags.group, status: flags.status, search: flags.search };
    const rows = listTasks(db, { ...ask, limit });
    const total = countTasks(db, ask);
    if (flags.json) ctx.out(JSON.stringify({ tasks: rows.map(taskJson), total }, null, 2));
    else if (rows.length === 0) ctx.out(flags.group || flags.status || flags.search ? 'no task fits' : 'there are no tasks yet: troupe add "first" --url https://example.org');
    else {
      const screen = screenOf(ctx);
      for (const line of taskTable(screen, rows, Date.now())) screen.line(line);
      if (total > rows.length) ctx.err(`${rows.length} of ${total}: --limit ${total} shows all`);
    }
    return 0;
  });
}

/** The newest first. Why a task waits, or failed, stands where there is room. */
export function taskTable(screen: Screen, rows: TaskRow[], now: number): string[] {
  const cells = rows.map((t): Cell[] => [
    String(t.seq), { text: `${iconOf(t.status)} ${t.status}${t.status === 'running' && t.progress !== null ? ` ${Math.round(t.progress * 100)}%` : ''}`, tone: toneOf(t.status) }, t.title, t.group, executorOf(t), agoText(t.createdMs, now),
    { text: t.why ?? t.error, tone: t.why ? 'warn' : t.status === 'completed' || t.status === 'cancelled' ? 'dim' : 'bad' },
  ]);
  const said = rows.some((t) => t.why ?? t.error);
  return fittedTable(screen, [{ head: '#' }, { head: 'STATE' }, { head: 'TITLE', least: 12 }, { head: 'GROUP', least: 8 }, { head: 'EXECUTOR', least: 10 }, { head: 'CREATED' }, ...(said ? [{ head: 'WHY', least: 10 }] : [])], said ? cells : cells.map((c) => c.slice(0, -1)));
}
