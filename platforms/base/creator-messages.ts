import type { Page } from 'playwright';
import { PlatformFault, type Io, type Message } from '../contract.ts';
import { Answers } from './answers.ts';
import type { CreatorConfig } from './creator-config.ts';
import { flat, hash, timeOf } from './creator-marks.ts';
import { extract } from './extract.ts';
import { fieldOf } from './fields.ts';
import { itemAt } from './item-at.ts';
import { locate, selectorsOf, timeoutOf } from './locate.ts';
import { readCursor } from './read-cursor.ts';
import { openList } from './open-list.ts';

const THREADS = 20;
const REMEMBER = 200;
const SOON = 2000;
type Thread = { id: string; name: string; last: string; index: number };
type Known = [thread: string, last: string, message: string];

/** The conversations, newest first, as the page has fetched them, else as it shows them. */
async function threads(config: CreatorConfig, io: Io): Promise<{ page: Page; list: Thread[] }> {
  const answers = Answers.of(await io.page(), config);
  answers.forget('threads', 'messages');
  const page = await openList(io, config, config.urls['messages'] ?? '', 'threadItem');
  if (answers.has('threads')) await answers.wait('threads', 0, Math.min(SOON, timeoutOf(config, 'element', 10_000)));
  const shown = (await extract(page, selectorsOf(config, 'threadItem'), { id: fieldOf(config, 'threadId'), name: fieldOf(config, 'threadName'), last: fieldOf(config, 'threadLast') })).map((t, index) => ({ ...t, id: t.id || t.name, index }));
  const heard = answers.rows('threads').map((r) => ({ id: r.values['id'] ?? '', name: flat(r.values['name'] ?? ''), last: [r.values['last'], r.values['lastAt']].join(' ') }));
  const list = heard.flatMap((t) => {
    const at = shown.find((s) => s.id === t.id) ?? shown.find((s) => flat(s.name) === t.name);
    return t.id !== '' && at ? [{ ...t, index: at.index }] : [];
  });
  return { page, list: list.length ? list : shown };
}

async function enter(page: Page, config: CreatorConfig, thread: Thread): Promise<void> {
  const elementMs = timeoutOf(config, 'element', 10_000);
  const answers = Answers.of(page, config);
  answers.forget('messages');
  await (await itemAt(page, config, 'threadItem', thread.index)).click({ timeout: elementMs });
  if (answers.has('messages')) await answers.wait('messages', 0, Math.min(SOON, elementMs));
  await locate(page, config, 'messageItem', elementMs);
}

/** Opens the conversation with this person. Throws `refused` when there is none. */
export async function openThread(config: CreatorConfig, sender: string, io: Io): Promise<{ page: Page; thread: Thread }> {
  const { page, list } = await threads(config, io);
  const thread = list.find((t) => t.id === sender);
  if (!thread) throw new PlatformFault('refused', `no conversation with ${sender} on ${config.label}`);
  await enter(page, config, thread);
  return { page, thread };
}

/** The open conversation, oldest first. */
export async function messagesOn(page: Page, config: CreatorConfig, other: { id: string; name: string }, account: string): Promise<Message[]> {
  const now = Date.now();
  const made = (id: string, text: string, own: boolean, at: number): Message => ({ id: id || hash(other.id, text, String(own)), text, direction: own ? 'outbound' : 'inbound', sender: own ? { id: account, name: account } : { id: other.id, name: other.name }, at });
  const heard = Answers.of(page, config).rows('messages').filter((r) => r.values['id'] !== '');
  if (heard.length) return heard.map((r) => made(r.values['id']!, r.values['text'] ?? '', r.values['senderId'] !== other.id, timeOf(config.answers['messages'], r.values['at'] ?? '', now))).sort((a, b) => a.at - b.at);
  const rows = await extract(page, selectorsOf(config, 'messageItem'), { id: fieldOf(config, 'messageId'), text: fieldOf(config, 'messageText'), own: fieldOf(config, 'messageOwn'), at: fieldOf(config, 'messageTime') });
  return rows.map((r) => made(r.id, r.text, r.own !== '', timeOf(undefined, r.at, now)));
}

/** Opens every conversation whose line has changed, and gives what came after the message that was read last. */
export async function readMessages(config: CreatorConfig, cursor: string | null, io: Io): Promise<{ items: Message[]; cursor: string | null }> {
  const known = new Map(readCursor<Known[]>(cursor, []).map((k) => [k[0], k]));
  const { page, list } = await threads(config, io);
  const items: Message[] = [];
  for (const thread of list.filter((t) => known.get(t.id)?.[1] !== hash(t.last)).slice(0, THREADS)) {
    await enter(page, config, thread);
    const all = await messagesOn(page, config, thread, io.account);
    const read = all.findIndex((m) => m.id === known.get(thread.id)?.[2]);
    items.push(...all.slice(read + 1));
    known.delete(thread.id);
    known.set(thread.id, [thread.id, hash(thread.last), all.at(-1)?.id ?? '']);
  }
  return { items, cursor: known.size ? JSON.stringify([...known.values()].slice(-REMEMBER)) : cursor };
}
