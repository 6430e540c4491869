import type { Answer } from '../../transport/protocol.ts';
import type { Address } from '../../transport/subjects.ts';
import { RESERVED_WORKER_IDS } from '../../actors/worker.ts';
import type { AccountContext } from '../../machines/account.ts';
import type { Db } from '../read-model/store.ts';
import type { Request } from './commands.ts';
import type { Engine } from './engine.ts';

type Refusal = Extract<Answer, { ok: false }>;
const no = (code: string, message: string, field?: string): Refusal => ({ ok: false, code, message, ...(field ? { field } : {}) });

/** What no chart can know by itself: whether the thing that a command names is there. May complete the payload. */
export async function allow(db: Db, engine: Engine, { to, verb, payload }: Request): Promise<Refusal | null> {
  if (to.kind === 'worker' && verb === 'create' && RESERVED_WORKER_IDS.includes(to.id)) return no('invalid', `${to.id} names a page of its own; choose another id`, 'worker_id');
  if (to.kind === 'account' && verb === 'assign') {
    const { worker } = payload as { worker: string | null };
    if (worker !== null && !db.prepare('SELECT 1 FROM workers WHERE id = ?').get(worker)) return no('not_found', `there is no worker ${worker}`, 'worker');
  }
  if (to.kind === 'reply' && verb === 'create') return replyAllowed(db, engine, to, payload as ReplyPayload);
  return null;
}

type ReplyPayload = { account: string; platform?: string; to: { type: string; comment?: string; message?: string; sender?: string }; text: string };

/** The account must exist and have found what is answered; its platform is filled in. */
async function replyAllowed(db: Db, engine: Engine, self: Address, payload: ReplyPayload): Promise<Refusal | null> {
  const head = await engine.host.head(`account/${payload.account}`);
  if (!head || (head.entry.after as { status: string }).status !== 'active') return no('not_found', `there is no account ${payload.account}`, 'account');
  payload.platform = (head.entry.after as { context: AccountContext }).context.platform;
  const { to } = payload;
  const known =
    to.type === 'comment'
      ? db.prepare('SELECT 1 FROM comments WHERE account_id = ? AND platform_comment_id = ?').get(payload.account, to.comment)
      : db.prepare('SELECT 1 FROM direct_messages WHERE account_id = ? AND platform_message_id = ?').get(payload.account, to.message);
  if (!known) return no('not_found', `account ${payload.account} has not found this ${to.type}`, `to.${to.type}`);
  const same = db.prepare("SELECT id, status FROM replies WHERE account_id = ? AND target_id = ? AND content = ? AND status NOT IN ('failed', 'cancelled')").get(payload.account, to.comment ?? to.message, payload.text) as { id: string; status: string } | undefined;
  if (same && `reply/${same.id}` !== `${self.kind}/${self.id}`) return no('conflict', `the same words under this ${to.type} are ${same.status} already (reply ${same.id})`, 'text');
  return null;
}
