import { randomBytes } from 'node:crypto';
import { isId } from '../../transport/subjects.ts';
import { sayAnswer, withOperator, type Operator } from '../operator.ts';
import { listAgents, type AgentRow } from '../read-model/queries/agents.ts';
import { viewFromJournal } from '../read-model/queries/from-journal.ts';
import { fittedTable, type Cell } from '../terminal/fitted-table.ts';
import { agoText } from '../terminal/read-time.ts';
import type { Screen, Tone } from '../terminal/screen.ts';
import { brief, readArgs, screenOf, UsageError, type VerbContext } from '../verb.ts';

export const name = 'agents';
export const summary = 'list agents, open a new one, close or restart some';
export const words = ['new', 'close', 'restart'] as const;
export const usage = `Usage: troupe agents [--group G] [--worker W] [--status S] [--json]
       troupe agents new [--id ID] [--name N] [--group G] [--worker W] [--account A] [--url URL] [--viewport 1280x720] [--json]
       troupe agents close|restart ID… [--json]

An agent is one browser page on a worker; it stays until it is closed, and is opened again where it crashes.
  --status S      opening, idle, busy, error, offline, closed; several with commas; all but closed
  --worker W      on this worker alone
  --account A     logged in as this account, on its worker`;

const STATES = ['opening', 'idle', 'busy', 'error', 'offline', 'closed'];
const text = { type: 'string' } as const;
const json = { json: { type: 'boolean' } } as const;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const [verb, ...more] = args;
  if (verb === 'new') return open(more, ctx);
  if (verb === 'close' || verb === 'restart') return each(verb, more, ctx);
  const { flags } = readArgs(args, { ...json, group: text, worker: text, status: text });
  const odd = flags.status?.split(',').find((s) => !STATES.includes(s));
  if (odd !== undefined) throw new UsageError(`--status "${brief(odd)}": there are ${STATES.join(', ')}`);
  names({ group: flags.group, worker: flags.worker });
  return withOperator(ctx, async (operator) => {
    const rows = listAgents(await viewFromJournal(operator.nc, ['agent']), { group: flags.group, worker: flags.worker, status: flags.status, limit: 10_000 });
    if (flags.json) ctx.out(JSON.stringify({ agents: rows.map(asJson) }, null, 2));
    else if (rows.length === 0) ctx.out(flags.group || flags.worker || flags.status ? 'no agent fits' : 'there are no agents: troupe agents new opens one');
    else {
      const screen = screenOf(ctx);
      for (const line of agentTable(screen, rows, Date.now())) screen.line(line);
    }
    return 0;
  });
}

async function open(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { ...json, id: text, name: text, group: text, worker: text, account: text, url: text, viewport: text });
  names({ id: flags.id, group: flags.group, worker: flags.worker, account: flags.account });
  const size = flags.viewport === undefined ? null : /^(\d{2,4})x(\d{2,4})$/.exec(flags.viewport);
  if (flags.viewport !== undefined && !size) throw new UsageError(`--viewport "${brief(flags.viewport)}": must be like 1280x720`);
  const id = flags.id ?? `a${randomBytes(5).toString('hex')}`;
  const { name: called, group, worker, account, url } = flags;
  const fields = { ...given({ name: called, group, worker, account, url }), ...(size ? { viewport: { width: Number(size[1]), height: Number(size[2]) } } : {}) };
  return withOperator(ctx, (operator) => command(operator, ctx, id, 'create', fields, flags.json === true, `agent ${id} is being opened; troupe agents shows it`));
}

async function each(verb: 'close' | 'restart', args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, json, { least: 1, most: 500, names: 'the id of an agent is' });
  for (const id of rest) names({ id });
  return withOperator(ctx, async (operator) => {
    let worst = 0;
    for (const id of rest) worst = Math.max(worst, await command(operator, ctx, id, verb, {}, flags.json === true, `agent ${id} is being ${verb === 'close' ? 'closed' : 'restarted'}`));
    return worst;
  });
}

async function command(operator: Operator, ctx: VerbContext, id: string, verb: string, payload: object, asked: boolean, said: string): Promise<number> {
  return sayAnswer(ctx, await operator.command({ kind: 'agent', id }, verb, payload), asked, said);
}

const TONES: Record<string, Tone> = { idle: 'good', busy: 'busy', opening: 'warn', error: 'bad', offline: 'bad', closed: 'dim' };

export function agentTable(screen: Screen, rows: AgentRow[], now: number): string[] {
  return fittedTable(screen, [{ head: 'AGENT', least: 12 }, { head: 'STATE' }, { head: 'WORKER', least: 8 }, { head: 'GROUP', least: 6 }, { head: 'TASK', least: 8 }, { head: 'PAGE', least: 10 }, { head: 'CREATED' }, { head: 'WHY', least: 8 }],
    rows.map((a): Cell[] => [a.name === a.id ? a.id : `${a.id} (${a.name})`, { text: a.status, tone: TONES[a.status] ?? null }, a.worker, a.group, a.task, a.title ?? a.url, agoText(a.createdMs, now), { text: a.error ?? a.why, tone: a.error ? 'bad' : 'warn' }]));
}

const asJson = (a: AgentRow): Record<string, unknown> => ({ id: a.id, name: a.name, status: a.status, worker: a.worker, pinned_worker: a.pinned, group: a.group, account: a.account, task: a.task, url: a.url, title: a.title, viewport: a.viewport, why: a.why, error: a.error, restarts: a.restarts, created_by: a.by, created_at: new Date(a.createdMs).toISOString(), updated_at: new Date(a.updatedMs).toISOString() });

const given = (fields: Record<string, string | undefined>): Record<string, string> => Object.fromEntries(Object.entries(fields).filter((e): e is [string, string] => e[1] !== undefined));

function names(fields: Record<string, string | undefined>): void {
  for (const [field, value] of Object.entries(fields)) if (value !== undefined && !isId(value)) throw new UsageError(`${field} "${brief(value)}": must be 1 to 63 of a-z, 0-9 and hyphens`);
}
