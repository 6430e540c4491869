import { randomBytes } from 'node:crypto';
import { isId } from '../../transport/subjects.ts';
import { sayAnswer, withOperator } from '../operator.ts';
import { findConversation, lastInboundOf } from '../read-model/queries/conversations.ts';
import { viewOfTalks } from '../read-model/queries/from-journal.ts';
import { brief, readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'reply';
export const summary = 'answer the last that came in a conversation';
export const usage = `Usage: troupe reply CONVERSATION TEXT [--at TIME] [--approve] [--id ID] [--json]

  --at TIME   not before then, like 2026-01-31T12:00:00Z
  --approve   it waits until somebody says yes
  --id ID     the reply's own id: the same is sent once, however often it is asked for`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { at: { type: 'string' }, approve: { type: 'boolean' }, id: { type: 'string' }, json: { type: 'boolean' } }, { least: 2, names: 'CONVERSATION and TEXT are' });
  const [id, text] = rest as [string, string];
  const sendAt = flags.at === undefined ? undefined : Date.parse(flags.at);
  if (sendAt !== undefined && (Number.isNaN(sendAt) || sendAt <= Date.now())) throw new UsageError(`--at "${brief(flags.at!)}": must be a time ahead, like 2026-01-31T12:00:00Z`);
  if (flags.id !== undefined && !isId(flags.id)) throw new UsageError(`--id "${brief(flags.id)}": must be 1 to 63 of a-z, 0-9 and hyphens`);
  return withOperator(ctx, async (operator) => {
    const db = await viewOfTalks(operator.nc);
    const row = findConversation(db, id);
    const target = row && lastInboundOf(db, row);
    db.close();
    if (!row || target === null) {
      ctx.err(row ? `troupe: nothing came in ${brief(id)} that could be answered` : `troupe: there is no conversation ${brief(id)}: troupe inbox list shows them`);
      return 1;
    }
    const to = row.type === 'comment' ? { type: 'comment', comment: target, post: row.post } : { type: 'message', message: target, sender: row.peer };
    const reply = flags.id ?? `r${randomBytes(12).toString('hex')}`;
    const answer = await operator.command({ kind: 'reply', id: reply }, 'create', { account: row.account, to, text, ...(sendAt === undefined ? {} : { sendAt }), ...(flags.approve ? { approve: true } : {}) }, `cli-${reply}`);
    return sayAnswer(ctx, { ...answer, reply }, flags.json === true, (a) => `reply/${reply} is ${String(a['state'])}`);
  });
}
