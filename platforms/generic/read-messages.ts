import type { Page } from 'playwright';
import { type Io, type Message } from '../contract.ts';
import { extract } from '../base/extract.ts';
import { fieldOf } from '../base/fields.ts';
import { selectorsOf } from '../base/locate.ts';
import { readCursor } from '../base/read-cursor.ts';
import { openList } from '../base/open-list.ts';
import { hash, idIn, linkOf, timeIn, urlOf } from './marks.ts';
import type { GenericConfig } from './schema.ts';

const REMEMBER = 200;
type Thread = { id: string; name: string; last: string; url: string };
/** By conversation: what its line in the list said, and its newest message that was read. */
type Known = [thread: string, last: string, message: string];

/** Messages of an open conversation, oldest first. */
export async function messagesOn(page: Page, config: GenericConfig, thread: Pick<Thread, 'id' | 'name'>, account: string): Promise<Message[]> {
  const rows = await extract(page, selectorsOf(config, 'messageItem'), { id: fieldOf(config, 'messageId'), text: fieldOf(config, 'messageText'), own: fieldOf(config, 'messageOwn'), at: fieldOf(config, 'messageTime') });
  const now = Date.now();
  const items = rows.map((r): Message => ({
    id: idIn(config, 'message', r.id) || hash(thread.id, r.text, r.at, r.own), text: r.text, direction: r.own ? 'outbound' : 'inbound',
    sender: r.own ? { id: account, name: account } : { id: thread.id, name: thread.name }, at: timeIn(config, r.at, now),
  }));
  return config.order.messages === 'oldest-first' ? items : items.reverse();
}

/** Opens every conversation whose line has changed, and gives what came after the message that was read last. */
export async function readMessages(config: GenericConfig, cursor: string | null, io: Io): Promise<{ items: Message[]; cursor: string | null }> {
  const known = new Map(readCursor<Known[]>(cursor, []).map((k) => [k[0], k]));
  const items: Message[] = [];
  for (const thread of await threads(config, known, io)) {
    const page = await openList(io, config, thread.url, 'messageItem');
    const all = await messagesOn(page, config, thread, io.account);
    const read = all.findIndex((m) => m.id === known.get(thread.id)?.[2]);
    items.push(...all.slice(read + 1));
    known.delete(thread.id);
    known.set(thread.id, [thread.id, hash(thread.last), all.at(-1)?.id ?? '']);
  }
  return { items: items.sort((a, b) => a.at - b.at), cursor: known.size ? JSON.stringify([...known.values()].slice(-REMEMBER)) : cursor };
}

/** Conversations with news, as many pages and conversations as the limits say. */
export async function threads(config: GenericConfig, known: ReadonlyMap<string, Known>, io: Io): Promise<Thread[]> {
  const fresh: Thread[] = [];
  let url: string | null = urlOf(config, 'messages');
  for (let n = 0; url && n < config.limits.pages; n++) {
    const page = await openList(io, config, url, 'threadItem');
    const rows = await extract(page, selectorsOf(config, 'threadItem'), { id: fieldOf(config, 'threadId'), name: fieldOf(config, 'threadName'), last: fieldOf(config, 'threadLast'), href: fieldOf(config, 'threadLink') });
    const here = rows.map((r) => {
      const id = idIn(config, 'thread', r.id) || r.name;
      return { id, name: r.name || id, last: r.last, url: (config.urls.thread ? urlOf(config, 'thread', { sender: id }) : linkOf(config, r.href, page.url())) ?? '' };
    }).filter((t) => t.id !== '' && t.url !== '');
    const changed = here.filter((t) => known.get(t.id)?.[1] !== hash(t.last));
    fresh.push(...changed);
    // The list stands newest first: a page on which nothing has changed is followed by none that has.
    if (changed.length < here.length || fresh.length >= config.limits.threads) break;
    const [next] = await extract(page, ['body'], { href: fieldOf(config, 'threadNext') });
    url = linkOf(config, next?.href ?? '', page.url());
  }
  return fresh.slice(0, config.limits.threads);
}

/** Where a conversation with this person is; null when it is not in the list. */
export async function threadUrl(config: GenericConfig, sender: string, io: Io): Promise<string | null> {
  if (config.urls.thread) return urlOf(config, 'thread', { sender });
  return (await threads(config, new Map(), io)).find((t) => t.id === sender)?.url ?? null;
}
