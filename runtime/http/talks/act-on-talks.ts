import { z } from 'zod';
import { colleague, conversationLabel } from '../../../actors/conversation.ts';
import { findConversations, lastInboundOf, unreadOf, type ConversationRow } from '../../read-model/queries/conversations.ts';
import type { Call } from '../call.ts';
import { Problem, refusal } from '../problem.ts';
import { freshId } from '../fresh-id.ts';
import { listUsers } from '../users.ts';
import { keepUndo, takeUndo, type UndoStep } from './desk.ts';

export const MOST_AT_ONCE = 200;
const AT_ONCE = 16;
/** An undo is offered for ten seconds; a slow network may take longer. */
const UNDO_MS = 120_000;

/** What can be done with talks, one or many. `until` is epoch milliseconds. */
export const talkAct = z.discriminatedUnion('do', [
  z.object({ do: z.literal('open') }),
  z.object({ do: z.literal('wait') }),
  z.object({ do: z.literal('close') }),
  z.object({ do: z.literal('snooze'), until: z.number().int() }),
  z.object({ do: z.literal('assign'), to: colleague.nullable() }),
  z.object({ do: z.literal('label'), add: z.array(conversationLabel).max(20).default([]), remove: z.array(conversationLabel).max(20).default([]) }),
  z.object({ do: z.literal('note'), text: z.string().max(2000, 'must be 2000 characters at most') }),
  z.object({ do: z.literal('read') }),
  z.object({ do: z.literal('unread') }),
]);
export type TalkAct = z.infer<typeof talkAct>;

const STATE_OF: Record<string, ConversationRow['state']> = { open: 'open', wait: 'waiting', close: 'closed' };
const VERB_OF: Record<ConversationRow['state'], (row: ConversationRow) => { verb: string; payload: Record<string, unknown> }> = {
  open: () => ({ verb: 'open', payload: {} }),
  waiting: () => ({ verb: 'wait', payload: {} }),
  closed: () => ({ verb: 'close', payload: {} }),
  snoozed: (row) => ({ verb: 'snooze', payload: { until: row.snoozedMs ?? 0 } }),
};

/** Does it with each, and keeps the way back; talks that are so already are left as they are. `undo` is null where nothing was changed, `failed` counts those that no master answered for. */
export async function actOnTalks(call: Call, ids: string[], act: TalkAct): Promise<{ changed: number; of: number; failed: number; undo: string | null }> {
  if (ids.length > MOST_AT_ONCE) throw new Problem(422, 'invalid', `ids: ${ids.length} at once are too many, ${MOST_AT_ONCE} are the most`, { field: 'ids' });
  const rows = findConversations(call.d.db, [...new Set(ids)]);
  if (rows.length === 0) throw new Problem(404, 'not_found', 'this conversation does not exist');
  await checkAct(call, act);
  const { steps, failed } = act.do === 'read' || act.do === 'unread' ? { steps: await mark(call, rows, act.do === 'read'), failed: [] } : await command(call, rows, act);
  if (steps.length === 0 && failed.length > 0) throw failed[0];
  if (steps.length === 0) return { changed: 0, of: rows.length, failed: 0, undo: null };
  const undo = freshId('u');
  await keepUndo(call.d.desk, call.who.name, { id: undo, at: call.d.now(), steps });
  return { changed: steps.reduce((n, s) => n + ('talk' in s ? 1 : s.marks.conversations.length), 0), of: rows.length, failed: failed.length, undo };
}

/** Takes back what was kept under an id, once; false where there is nothing, or it is too long ago. What could not be done now can be asked for again. */
export async function undoTalks(call: Call, id: string): Promise<boolean> {
  const kept = await takeUndo(call.d.desk, call.who.name, id);
  if (!kept || call.d.now() - kept.at > UNDO_MS) return false;
  try {
    await undoActs(call, kept.steps);
  } catch (error) {
    await keepUndo(call.d.desk, call.who.name, kept);
    throw error;
  }
  return true;
}

async function undoActs(call: Call, steps: UndoStep[]): Promise<void> {
  for (let i = 0; i < steps.length; i += AT_ONCE) {
    await Promise.all(steps.slice(i, i + AT_ONCE).map((s) => ('talk' in s ? call.command({ kind: 'conversation', id: s.talk }, s.verb, s.payload) : call.d.markRead(s.account, s.marks, call.by))));
  }
}

async function checkAct(call: Call, act: TalkAct): Promise<void> {
  if (act.do === 'snooze' && act.until <= call.d.now()) throw new Problem(422, 'invalid', 'until: must lie ahead', { field: 'until' });
  if (act.do === 'assign' && act.to !== null && !(await listUsers(call.d.users)).some((u) => u.name === act.to)) throw new Problem(422, 'invalid', `to: there is no user ${act.to}`, { field: 'to' });
}

async function command(call: Call, rows: ConversationRow[], act: Exclude<TalkAct, { do: 'read' | 'unread' }>): Promise<{ steps: UndoStep[]; failed: unknown[] }> {
  const plans = rows.flatMap((row) => {
    const plan = planOf(row, act);
    return plan ? [{ row, ...plan }] : [];
  });
  const steps: UndoStep[] = [];
  const failed: unknown[] = [];
  for (let i = 0; i < plans.length; i += AT_ONCE) {
    const all = await Promise.allSettled(plans.slice(i, i + AT_ONCE).map(async ({ row, verb, payload, back }) => {
      await ensureTalk(call, row);
      await call.command({ kind: 'conversation', id: row.id }, verb, payload);
      steps.push({ talk: row.id, ...back });
    }));
    failed.push(...all.flatMap((a) => (a.status === 'rejected' ? [a.reason as unknown] : [])));
  }
  return { steps, failed };
}

type Plan = { verb: string; payload: Record<string, unknown>; back: { verb: string; payload: Record<string, unknown> } };

/** The command, and the one that takes it back; null where nothing would change. */
function planOf(row: ConversationRow, act: Exclude<TalkAct, { do: 'read' | 'unread' }>): Plan | null {
  const { do: verb, ...payload } = act;
  if (act.do === 'assign') return row.assignee === act.to ? null : { verb, payload, back: { verb, payload: { to: row.assignee } } };
  if (act.do === 'note') return row.note === act.text ? null : { verb, payload, back: { verb, payload: { text: row.note } } };
  if (act.do === 'label') {
    const add = act.add.filter((l) => !row.labels.includes(l));
    const remove = act.remove.filter((l) => row.labels.includes(l));
    return add.length + remove.length === 0 ? null : { verb, payload: { add, remove }, back: { verb, payload: { add: remove, remove: add } } };
  }
  return STATE_OF[verb] === row.state ? null : { verb, payload, back: VERB_OF[row.state](row) };
}

/** Makes its actor when somebody acts on it for the first time. */
async function ensureTalk(call: Call, row: ConversationRow): Promise<void> {
  if (row.acted) return;
  const answer = await call.d.command({ kind: 'conversation', id: row.id }, 'create', {
    account: row.account, type: row.type, peer: row.peer, peerName: row.peerName, post: row.post, postTitle: row.postTitle, state: row.state === 'waiting' ? 'waiting' : 'open', unreadSince: row.unread > 0 ? row.lastInMs : null, lastInAt: row.lastInMs,
  }, call.about(`create-${row.id}`));
  if (!answer.ok && answer.code !== 'duplicate') throw refusal(answer as Extract<typeof answer, { ok: false }>);
}

async function mark(call: Call, rows: ConversationRow[], read: boolean): Promise<UndoStep[]> {
  const steps: UndoStep[] = [];
  const byAccount = new Map<string, ConversationRow[]>();
  for (const row of rows) if (read ? row.unread > 0 : row.unread === 0) byAccount.set(row.account, [...(byAccount.get(row.account) ?? []), row]);
  for (const [account, list] of byAccount) {
    const marks = { comments: [] as string[], messages: [] as string[], notifications: [] as string[], conversations: list.map((r) => r.id) };
    for (const row of list) {
      const items = read ? unreadOf(call.d.db, row) : [lastInboundOf(call.d.db, row)].filter((id) => id !== null);
      marks[row.type === 'comment' ? 'comments' : 'messages'].push(...items);
      marks.notifications.push(...items.map((id) => `${row.type}-${account}-${id}`));
    }
    if (marks.comments.length + marks.messages.length === 0) continue;
    await call.d.markRead(account, { ...marks, unread: !read }, call.by);
    steps.push({ account, marks: { ...marks, unread: read } });
  }
  return steps;
}
