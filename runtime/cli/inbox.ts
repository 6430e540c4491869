import { ID } from '../../transport/subjects.ts';
import { withOperator } from '../operator.ts';
import { findTalk, listConversations, STATES, type ConversationRow, type ConversationState } from '../read-model/queries/conversations.ts';
import { viewOfTalks } from '../read-model/queries/from-journal.ts';
import { whole } from '../tasks/read-task-flags.ts';
import { fittedTable, type Cell } from '../terminal/fitted-table.ts';
import { agoText } from '../terminal/read-time.ts';
import type { Screen } from '../terminal/screen.ts';
import { brief, harmless, readArgs, screenOf, UsageError, type VerbContext } from '../verb.ts';

export const name = 'inbox';
export const summary = 'list conversations, and read one';
export const words = ['list', 'show'] as const;
export const usage = `Usage: troupe inbox list [--account A] [--state S] [--unread] [--assignee USER] [--label L] [--search TEXT] [--limit N] [--json]
       troupe inbox show CONVERSATION [--json]

  --state S       ${STATES.join(', ')} or all; open
  --assignee USER a user, or none
  --search TEXT   in texts and names, in every state
  --limit N       the last to move so many; 50`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const [verb, ...more] = args;
  if (verb !== 'list' && verb !== 'show') throw new UsageError('say what to do: troupe inbox list, or troupe inbox show CONVERSATION');
  return verb === 'list' ? list(more, ctx) : show(more, ctx);
}

async function list(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { account: { type: 'string' }, state: { type: 'string' }, unread: { type: 'boolean' }, assignee: { type: 'string' }, label: { type: 'string' }, search: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' } });
  if (flags.account !== undefined && !ID.test(flags.account)) throw new UsageError(`--account "${brief(flags.account)}": must be the id of an account`);
  if (flags.state !== undefined && flags.state !== 'all' && !(STATES as readonly string[]).includes(flags.state)) throw new UsageError(`--state "${brief(flags.state)}": there are ${STATES.join(', ')} and all`);
  const state = (flags.state ?? (flags.search === undefined ? 'open' : 'all')) as ConversationState | 'all';
  const limit = flags.limit === undefined ? 50 : whole('--limit', flags.limit, 1, 10_000);
  return withView(ctx, flags.account, async (db) => {
    const { rows, next } = listConversations(db, { account: flags.account, state: state === 'all' ? undefined : state, unread: flags.unread, assignee: flags.assignee, label: flags.label, search: flags.search, limit });
    if (flags.json) ctx.out(JSON.stringify({ conversations: rows, more: next !== null }, null, 2));
    else if (rows.length === 0) ctx.out('no conversation fits');
    else {
      const screen = screenOf(ctx);
      for (const line of table(screen, rows, Date.now())) screen.line(line);
      if (next !== null) ctx.err(`there are more: --limit ${limit * 2} shows them`);
    }
    return 0;
  });
}

function table(screen: Screen, rows: ConversationRow[], now: number): string[] {
  const cells = rows.map((r): Cell[] => [r.id, { text: r.state, tone: r.state === 'open' ? 'warn' : 'dim' }, r.unread > 0 ? String(r.unread) : '', r.accountName, r.peerName, agoText(r.lastMs, now), r.assignee ?? '', { text: r.lastText.replaceAll('\n', ' '), tone: 'dim' }]);
  return fittedTable(screen, [{ head: 'CONVERSATION' }, { head: 'STATE' }, { head: 'NEW' }, { head: 'ACCOUNT', least: 8 }, { head: 'FROM', least: 8 }, { head: 'LAST' }, { head: 'FOR' }, { head: 'TEXT', least: 12 }], cells);
}

async function show(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { json: { type: 'boolean' } }, { least: 1, names: 'the id of a conversation is' });
  return withView(ctx, undefined, async (db) => {
    const talk = findTalk(db, rest[0]!);
    if (!talk) {
      ctx.err(`troupe: there is no conversation ${brief(rest[0]!)}`);
      return 1;
    }
    if (flags.json) {
      ctx.out(JSON.stringify(talk, null, 2));
      return 0;
    }
    const { row } = talk;
    ctx.out(harmless(`${row.peerName} to ${row.accountName}${row.postTitle ? `, under ${row.postTitle}` : ''}: ${row.state}${row.assignee ? `, ${row.assignee}'s` : ''}${row.labels.length > 0 ? ` [${row.labels.join(', ')}]` : ''}`));
    const lines = [...talk.items.map((i) => ({ at: i.detectedMs, text: `${i.direction === 'inbound' ? '<' : '>'} ${i.content}` })), ...talk.replies.map((r) => ({ at: r.createdMs, text: `> ${r.content} (${r.status})` }))];
    for (const l of lines.sort((a, b) => a.at - b.at)) ctx.out(harmless(`${new Date(l.at).toISOString()} ${l.text}`));
    return 0;
  });
}

async function withView(ctx: VerbContext, account: string | undefined, work: (db: Awaited<ReturnType<typeof viewOfTalks>>) => Promise<number>): Promise<number> {
  return withOperator(ctx, async (operator) => {
    const db = await viewOfTalks(operator.nc, account);
    try {
      return await work(db);
    } finally {
      db.close();
    }
  });
}
