import type { Comment, Message } from '../../../platforms/contract.ts';
import { effectInput, type Found } from '../../../transport/protocol.ts';
import { WorkerFault } from '../fault.ts';
import type { EffectContext } from './effect-context.ts';
import { withPlatform } from './with-platform.ts';

const BATCH = 100;
const TEXT_CAP = 5000;
const NAME_CAP = 200;

/** One round: comments, then messages. What was found is told in batches; the cursor moves only when all of it was taken. */
export function crawl(ctx: EffectContext, raw: unknown): Promise<unknown> {
  const input = effectInput.crawl.parse(raw);
  const began = performance.now();
  return withPlatform(ctx, input, async ({ platform, config, io, call }) => {
    const limit = config.timeouts.crawl ?? 120_000;
    const none = (cursor: string | null) => ({ items: [], cursor });
    const comments: { items: Comment[]; cursor: string | null } = platform.can.comments ? listed(await call('reading comments', () => platform.comments(input.cursor.comments, io), limit), 'comments', platform.label) : none(input.cursor.comments);
    const newComments = await tell('comments', comments.items.filter(usable).map(tidyComment));
    const messages: { items: Message[]; cursor: string | null } = platform.can.messages ? listed(await call('reading messages', () => platform.messages(input.cursor.messages, io), limit), 'messages', platform.label) : none(input.cursor.messages);
    const newMessages = await tell('messages', messages.items.filter(usable).map(tidyMessage));
    return { comments: newComments, messages: newMessages, cursor: { comments: comments.cursor, messages: messages.cursor }, ms: Math.round(performance.now() - began) };
  });

  /** Each batch has a round name of its own, so that a repeated one is known again. Returns how many the master did not have. */
  async function tell<K extends 'comments' | 'messages'>(what: K, items: Found[K]): Promise<number> {
    let fresh = 0;
    for (let at = 0; at < items.length; at += BATCH) {
      const batch = items.slice(at, at + BATCH);
      const body = { account: input.account, epoch: input.epoch, round: `${input.round}-${what}-${at / BATCH}`, comments: [], messages: [], [what]: batch } as Found;
      const reply = await ctx.link.ask('found', body, 15_000, ctx.signal);
      fresh += typeof reply[what] === 'number' ? reply[what] : batch.length;
    }
    return fresh;
  }
}

/** A plugin may give anything back. */
function listed<T>(found: { items: T[]; cursor: string | null }, what: string, label: string): { items: T[]; cursor: string | null } {
  const { items, cursor } = (found ?? {}) as Partial<typeof found>;
  if (!Array.isArray(items) || (typeof cursor !== 'string' && cursor !== null)) throw new WorkerFault('unknown', `${label} gave no {items, cursor} when its ${what} were read`);
  return { items, cursor };
}

const usable = (item: { id: string } | null): boolean => typeof item === 'object' && item !== null && typeof item.id === 'string' && item.id !== '';
const cap = (text: string, limit: number): string => (text.length > limit ? `${text.slice(0, limit)}…` : text).toWellFormed();
const past = (at: number): number => Math.min(Number.isFinite(at) ? at : Date.now(), Date.now());

const tidyComment = (c: Comment): Comment => ({
  id: cap(c.id, NAME_CAP), text: cap(c.text, TEXT_CAP), at: past(c.at),
  author: { id: cap(c.author.id, NAME_CAP), name: cap(c.author.name, NAME_CAP) }, post: { id: cap(c.post.id, NAME_CAP), title: cap(c.post.title, NAME_CAP) },
});
const tidyMessage = (m: Message): Message => ({
  id: cap(m.id, NAME_CAP), text: cap(m.text, TEXT_CAP), at: past(m.at), direction: m.direction,
  sender: { id: cap(m.sender.id, NAME_CAP), name: cap(m.sender.name, NAME_CAP) },
});
