import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import { conversationId } from '../../actors/conversation-id.ts';
import type { Erased } from '../../machines/erasure.ts';
import type { Mux } from '../../transport/mux.ts';
import { STREAM, subjects } from '../../transport/subjects.ts';
import { personHash } from '../person-hash.ts';
import type { Db } from '../read-model/store.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Engine } from './engine.ts';
import { ownerOf, type Vault } from './vault.ts';

type What = 'comment' | 'message';
type Item = { id: string; author?: { id: string }; post?: { id: string }; sender?: { id: string } };
type Body = { at?: number; items?: Item[]; read?: string[]; again?: boolean };
type Taken = { items: number; talks: Set<string> };

export type ErasureEffectsOptions = { db: Db; mux: Mux; engine(): Engine; vault(): Vault | null };

/**
 * The data stream lets no single message be deleted. So what an account has of a kind is written anew without the person, and the old part
 * purged behind it: whatever dies in between leaves both, which views count once, and the next try ends it. Then the views are told whom
 * to forget, by a hash. Journals keep the words of replies and notes until they age.
 */
export function erasureEffects({ db, mux, engine, vault }: ErasureEffectsOptions): Record<'erase' | 'forgetPerson', MasterEffect> {
  const accounts = db.prepare(`SELECT id FROM accounts WHERE platform = @platform AND (EXISTS (SELECT 1 FROM conversations v WHERE v.account_id = accounts.id AND v.peer_id = @person) OR EXISTS (SELECT 1 FROM comments c WHERE c.account_id = accounts.id AND c.author_id = @person) OR EXISTS (SELECT 1 FROM direct_messages m WHERE m.account_id = accounts.id AND m.sender_id = @person))`).pluck();
  const readOf = { comment: db.prepare('SELECT platform_comment_id FROM comments WHERE account_id = ? AND is_read = 1').pluck(), message: db.prepare('SELECT platform_message_id FROM direct_messages WHERE account_id = ? AND is_read = 1').pluck() };
  const openReplies = db.prepare("SELECT r.id FROM replies r JOIN actors a ON a.kind = 'reply' AND a.id = r.id WHERE r.conversation_id = ? AND a.status = 'active'").pluck();
  const known = db.prepare('SELECT id FROM conversations WHERE account_id = ? AND peer_id = ?').pluck();
  return {
    async erase({ id, platform, person: reference }: { id: string; platform: string; person: string }, { signal }): Promise<Erased> {
      const person = await vault()?.open(reference);
      if (person == null) throw new EffectFailed('refused', 'whom it is about can not be opened: begin it anew');
      const total: Erased = { comments: 0, messages: 0, talks: 0, accounts: 0 };
      for (const account of accounts.all({ platform, person }) as string[]) {
        const talks = new Set(known.all(account, person) as string[]);
        for (const what of ['comment', 'message'] as const) {
          signal.throwIfAborted();
          const taken = await rewrite(mux, id, account, what, person, new Set(readOf[what].all(account) as string[]));
          total[what === 'comment' ? 'comments' : 'messages'] += taken.items;
          for (const talk of taken.talks) talks.add(talk);
        }
        // Before the views forget which they were: what is not sent yet to somebody who is to be forgotten is not sent.
        for (const talk of talks) {
          for (const reply of openReplies.all(talk) as string[]) for (const type of ['CANCEL', 'DISCARD']) await engine().send({ kind: 'reply', id: reply }, { type }, `erased:${id}:${reply}:${type}`, 'erasure');
          if (await engine().host.head(`conversation/${talk}`)) await engine().send({ kind: 'conversation', id: talk }, { type: 'REMOVE' }, `erased:${id}:${talk}`, 'erasure');
        }
        await mux.publish(subjects.data(account, 'erased'), JSON.stringify({ at: Date.now(), who: personHash(account, person), talks: [...talks] }), { 'Nats-Msg-Id': `erased:${id}:${account}` });
        total.talks += talks.size;
        total.accounts++;
      }
      return total;
    },
    async forgetPerson({ id }: { id: string }) {
      await vault()?.forget(ownerOf({ kind: 'erasure', id }));
      return null;
    },
  };
}

/** Copies what stands on the subject now, without the person, behind everything else; then purges what was copied. */
async function rewrite(mux: Mux, id: string, account: string, what: What, person: string, read: ReadonlySet<string>): Promise<Taken> {
  const subject = subjects.data(account, what);
  const jsm = await jetstreamManager(mux.nc);
  const last = await jsm.streams.getMessage(STREAM.data, { last_by_subj: subject }).catch(() => null);
  const taken: Taken = { items: 0, talks: new Set() };
  if (!last) return taken;
  const { name } = await jsm.consumers.add(STREAM.data, { ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All, filter_subject: subject, inactive_threshold: 30_000_000_000, mem_storage: true });
  try {
    const consumer = await jetstream(mux.nc).consumers.get(STREAM.data, name);
    const kept: { seq: number; body: Body }[] = [];
    for (let end = false; !end; ) {
      const batch = await consumer.fetch({ max_messages: 500, expires: 5_000 });
      let seen = 0;
      for await (const m of batch) {
        seen++;
        if (m.seq <= last.seq) keepOthers(m, kept, taken, account, what, person);
        if (m.seq >= last.seq) end = true;
        if (end) break;
      }
      if (seen === 0) throw new EffectFailed('unavailable', `the ${what}s of ${account} could not be read to their end`);
    }
    if (taken.items === 0) return taken;
    for (const { seq, body } of kept) await mux.publish(subject, JSON.stringify({ ...body, again: true, read: (body.items ?? []).map((i) => i.id).filter((i) => read.has(i)) }), { 'Nats-Msg-Id': `again:${id}:${seq}` });
    await mux.json(`$JS.API.STREAM.PURGE.${STREAM.data}`, { filter: subject, seq: last.seq + 1 }, { timeout: 30_000 });
    return taken;
  } finally {
    await jsm.consumers.delete(STREAM.data, name).catch(() => false);
  }
}

function keepOthers(m: JsMsg, kept: { seq: number; body: Body }[], taken: Taken, account: string, what: What, person: string): void {
  const body = m.json<Body>();
  const others: Item[] = [];
  for (const item of body.items ?? []) {
    const peer = item.author?.id ?? item.sender?.id;
    if (peer !== person) {
      others.push(item);
      continue;
    }
    taken.items++;
    taken.talks.add(conversationId(what === 'comment' ? { account, type: 'comment', peer: person, post: item.post?.id ?? '' } : { account, type: 'message', peer: person }));
  }
  if (others.length > 0) kept.push({ seq: m.seq, body: { ...body, items: others } });
}
