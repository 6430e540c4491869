import { createHash } from 'node:crypto';
import type { Locator, Page } from 'playwright';
import { PlatformFault, type Comment, type Io, type Message, type Platform, type PlatformConfig, type Target } from '../contract.ts';
import { asFault } from './as-fault.ts';
import { checkSession } from './check-session.ts';
import { creatorLogin } from './creator-login.ts';
import { extract } from './extract.ts';
import { fieldOf } from './fields.ts';
import { itemAt } from './item-at.ts';
import { locate, selectorsOf, timeoutOf } from './locate.ts';
import { openList } from './open-list.ts';
import { qrLogin } from './qr-login.ts';
import { shownTime } from './shown-time.ts';

const MAX_THREADS = 20;
/** The last part of an address; anything else as it is. */
const tail = (value: string): string => (value.includes('/') ? (value.split(/[?#]/, 1)[0]?.split('/').filter(Boolean).at(-1) ?? '') : value);
const flat = (text: string): string => text.replace(/\s+/g, ' ').trim();
const hash = (...parts: string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 24);

/** Newest first up to what was seen before; ids of such sites do not grow, so the cursor is the newest one. */
function since<T extends { id: string }>(items: T[], cursor: string | null): { items: T[]; cursor: string | null } {
  const known = cursor === null ? -1 : items.findIndex((item) => item.id === cursor);
  const fresh = known < 0 ? items : items.slice(0, known);
  return { items: fresh.reverse(), cursor: items[0] && known !== 0 ? (fresh.at(-1)?.id ?? cursor) : cursor };
}

/** A creator centre that is read from its pages by the selectors of config.json. What can't be proven is said: `verifyReliable` is false. */
export function creatorSite(config: PlatformConfig, can: Omit<Platform['can'], 'verifyReliable'>): Platform {
  const guarded = <T>(doing: string, work: () => Promise<T>): Promise<T> => work().catch((error: unknown) => { throw asFault(error, doing); });
  const elementMs = timeoutOf(config, 'element', 10_000);

  async function readComments(io: Io): Promise<{ page: Page; rows: (Comment & { index: number })[] }> {
    const page = await openList(io, config, config.urls.comments ?? '', 'commentItem');
    const rows = await extract(page, selectorsOf(config, 'commentItem'), {
      id: fieldOf(config, 'commentId'), text: fieldOf(config, 'commentText'), author: fieldOf(config, 'commentAuthor'), authorId: fieldOf(config, 'commentAuthorId'),
      post: fieldOf(config, 'commentPost'), postId: fieldOf(config, 'commentPostId'), at: fieldOf(config, 'commentTime'),
    });
    const now = Date.now();
    return { page, rows: rows.map((r, index) => ({
      index, id: r.id || hash(r.authorId || r.author, r.text, r.postId || r.post), text: r.text, author: { id: tail(r.authorId) || r.author, name: r.author },
      post: { id: tail(r.postId) || hash(r.post), title: r.post }, at: shownTime(r.at, now),
    })) };
  }

  async function openThread(io: Io, sender: string): Promise<Page> {
    const page = await openList(io, config, config.urls.messages ?? '', 'threadItem');
    const threads = await extract(page, selectorsOf(config, 'threadItem'), { id: fieldOf(config, 'threadId'), name: fieldOf(config, 'threadName') });
    const index = threads.findIndex((t) => (t.id || t.name) === sender);
    if (index < 0) throw new PlatformFault('refused', `no conversation with ${sender} on ${config.label}`);
    await (await itemAt(page, config, 'threadItem', index)).click({ timeout: elementMs });
    await locate(page, config, 'messageItem', elementMs);
    return page;
  }
  const readThread = (page: Page) => extract(page, selectorsOf(config, 'messageItem'), { id: fieldOf(config, 'messageId'), text: fieldOf(config, 'messageText'), own: fieldOf(config, 'messageOwn'), at: fieldOf(config, 'messageTime') });

  /** Goes to where the reply's box is: under its comment, or in its conversation. */
  async function boxFor(to: Target, io: Io): Promise<Page | Locator> {
    if (to.type === 'message') return openThread(io, to.sender);
    const { page, rows } = await readComments(io);
    const hit = rows.find((row) => row.id === to.comment);
    if (!hit) throw new PlatformFault('refused', `the comment is not among the newest on ${config.label} any more`);
    const item = await itemAt(page, config, 'commentItem', hit.index);
    await selectorsOf(config, 'commentReply').map((s) => item.locator(s)).reduce((a, b) => a.or(b)).first().click({ timeout: elementMs });
    return item;
  }

  return {
    id: config.platform,
    label: config.label,
    flows: [{ id: 'qrcode', label: '扫码登录' }],
    can: { ...can, verifyReliable: false },

    login(flow, io, answer) {
      if (flow !== 'qrcode') throw new PlatformFault('refused', `${config.label} has no login flow "${flow}": use qrcode`);
      return qrLogin(io, creatorLogin(config), answer);
    },

    check: (io) => guarded('checking the session', () => checkSession(io, config)),

    comments: (cursor, io) => guarded('reading comments', async () => {
      const { rows } = await readComments(io);
      return since(rows.map(({ index: _, ...comment }) => comment), cursor);
    }),

    messages: (cursor, io) => guarded('reading messages', async () => {
      if (!can.messages) throw new PlatformFault('refused', `${config.label} shows no private messages on the web`);
      const page = await openList(io, config, config.urls.messages ?? '', 'threadItem');
      const threads = (await extract(page, selectorsOf(config, 'threadItem'), { id: fieldOf(config, 'threadId'), name: fieldOf(config, 'threadName'), last: fieldOf(config, 'threadLast') })).slice(0, MAX_THREADS);
      const seen = new Map<string, string>(JSON.parse(cursor ?? '[]') as [string, string][]);
      const items: Message[] = [];
      const now = Date.now();
      for (const [index, thread] of threads.entries()) {
        const other = thread.id || thread.name;
        if (seen.get(other) === hash(thread.last)) continue;
        await (await itemAt(page, config, 'threadItem', index)).click({ timeout: elementMs });
        await locate(page, config, 'messageItem', elementMs);
        for (const row of await readThread(page)) {
          items.push({ id: row.id || hash(other, row.text, row.own), text: row.text, direction: row.own ? 'outbound' : 'inbound', sender: row.own ? { id: io.account, name: io.account } : { id: other, name: thread.name }, at: shownTime(row.at, now) });
        }
        seen.set(other, hash(thread.last));
      }
      return { items, cursor: JSON.stringify([...seen].slice(-200)) };
    }),

    prepare: (to, text, io) => guarded('preparing the reply', async () => {
      if (text.trim() === '' || [...text].length > can.maxLength) throw new PlatformFault('refused', `a reply on ${config.label} has 1 to ${can.maxLength} characters, this one has ${[...text].length}`);
      const box = await boxFor(to, io);
      const page = 'goto' in box ? box : box.page();
      await (await locate(page, config, 'replyText', elementMs)).fill(text);
      const send = await locate(page, config, 'replySend', elementMs);
      let pressed = false;
      return {
        async press() {
          if (pressed) throw new PlatformFault('refused', 'this reply was pressed before', 'maybe');
          pressed = true;
          const api = config.urls.replyApi ?? '';
          const answered = page.waitForResponse((r) => r.request().method() === 'POST' && r.url().includes(api), { timeout: timeoutOf(config, 'press', 15_000) });
          answered.catch(() => undefined);
          try {
            await send.click({ noWaitAfter: true, timeout: elementMs });
            const answer = await answered;
            const body = (await answer.json().catch(() => null)) as { status_code?: number; code?: number; comment_info?: { comment_id?: string }; data?: { comment?: { id?: string } } } | null;
            const code = body?.status_code ?? body?.code;
            if (answer.ok() && (code === 0 || code === undefined)) return { remoteId: body?.comment_info?.comment_id ?? body?.data?.comment?.id ?? null };
            throw new PlatformFault(answer.status() === 429 ? 'rate-limited' : 'unknown', `${config.label} answered ${answer.status()}, code ${code ?? 'none'}, to the reply`, 'maybe');
          } catch (error) {
            throw asFault(error, 'sending the reply', 'maybe');
          }
        },
      };
    }),

    find: (to, text, _since, io) => guarded('looking for the reply', async () => {
      const box = await boxFor(to, io);
      // Only what stands under this very comment counts: the same words may stand under another.
      const rows = 'goto' in box ? (await readThread(box)).filter((r) => r.own) : await extract(box, selectorsOf(config, 'ownReply'), { id: fieldOf(config, 'ownReplyId'), text: fieldOf(config, 'ownReplyText') });
      io.saw?.(rows.map((row) => row.text).join('\n'));
      const hit = rows.findLast((row) => flat(row.text) === flat(text));
      return hit ? { remoteId: hit.id || hash(text) } : null;
    }),
  };
}

