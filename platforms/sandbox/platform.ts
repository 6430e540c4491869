import type { Io, Platform, PlatformConfig, Target } from '../contract.ts';
import { PlatformFault } from '../contract.ts';
import { asFault } from '../base/as-fault.ts';
import { extract } from '../base/extract.ts';
import { selectorsOf } from '../base/locate.ts';
import { qrLogin } from '../base/qr-login.ts';
import { sessionLogin } from '../base/session-login.ts';
import { visit } from '../base/visit.ts';
import { sandboxLogin } from './login.ts';
import { prepareReply } from './reply.ts';

const MAX_PAGES = 10;
const MAX_THREADS = 20;
const number = (id: string): number => Number(/\d+$/.exec(id)?.[0] ?? 0);
const last = (href: string): string => decodeURIComponent(href.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '');
const later = (ids: string[], since: string | null): string | null => ids.reduce((a, b) => (a === null || number(b) > number(a) ? b : a), since);
/** At or after `since`, less a minute for clocks that differ. */
const recent = (at: string, since: number): boolean => Date.parse(at) >= since - 60_000;
const sameText = (a: string, b: string): boolean => a.replaceAll('\r\n', '\n').trim() === b.replaceAll('\r\n', '\n').trim();

/** The sandbox's own social site. SANDBOX_URL overrides the address of config.json. */
export const create = (raw: PlatformConfig): Platform => {
  const base = process.env.SANDBOX_URL ?? raw.urls.base ?? '';
  const config = { ...raw, urls: Object.fromEntries(Object.entries(raw.urls).map(([k, v]) => [k, new URL(v, base).href])) };
  const sel = (name: string) => selectorsOf(config, name);
  const urlOf = (to: Target): string =>
    to.type === 'comment' ? `${config.urls.comments}/${encodeURIComponent(to.comment)}` : `${config.urls.messages}/${encodeURIComponent(to.sender)}`;
  const guarded = <T>(doing: string, work: () => Promise<T>): Promise<T> => work().catch((error: unknown) => { throw asFault(error, doing); });

  const readComments = (page: Awaited<ReturnType<Io['page']>>) => extract(page, sel('commentItem'), {
    id: { from: sel('commentLink'), attribute: 'href' }, text: { from: sel('commentText') },
    authorId: { from: sel('commentAuthor'), attribute: 'href' }, author: { from: sel('commentAuthor') },
    postId: { from: sel('commentPost'), attribute: 'href' }, post: { from: sel('commentPost') }, at: { from: ['time'], attribute: 'datetime' },
  });
  const readThread = (page: Awaited<ReturnType<Io['page']>>) => extract(page, sel('messageItem'), {
    id: { from: [':scope'], attribute: 'data-message-id' }, direction: { from: [':scope'], attribute: 'data-direction' },
    text: { from: sel('messageText') }, at: { from: ['time'], attribute: 'datetime' },
  });

  return {
    id: config.platform,
    label: config.label,
    flows: [{ id: 'qrcode', label: 'QR code' }, { id: 'cookies', label: 'Cookies' }],
    can: { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: 500, verifyReliable: true },

    login(flow, io, answer) {
      if (flow === 'cookies') return sessionLogin(io, sandboxLogin(config));
      if (flow !== 'qrcode') throw new PlatformFault('refused', `the sandbox has no login flow "${flow}": use qrcode or cookies`);
      return qrLogin(io, sandboxLogin(config), answer);
    },

    async check(io) {
      try {
        await visit(io, config, config.urls.home ?? base);
        return 'valid';
      } catch (error) {
        const fault = asFault(error, 'checking the session');
        if (fault.kind === 'logged-out') return 'expired';
        if (fault.kind === 'challenged') return 'challenged';
        throw fault;
      }
    },

    comments: (since, io) => guarded('reading comments', async () => {
      const rows: Awaited<ReturnType<typeof readComments>> = [];
      let url: string | null = config.urls.comments ?? base;
      for (let n = 0; url && n < MAX_PAGES; n++) {
        const { page } = await visit(io, config, url);
        const found = await readComments(page);
        if (found.some((row) => row.id === '')) throw new PlatformFault('element-not-found', 'comments without an id: see selectors.commentLink in config.json');
        const older = await extract(page, ['body'], { href: { from: sel('older'), attribute: 'href' } });
        rows.push(...found);
        const known = since !== null && found.some((row) => number(last(row.id)) <= number(since));
        url = !known && since !== null && older[0]?.href ? new URL(older[0].href, base).href : null;
      }
      const items = rows.map((row) => ({
        id: last(row.id), text: row.text, author: { id: last(row.authorId), name: row.author },
        post: { id: last(row.postId), title: row.post }, at: Date.parse(row.at) || Date.now(),
      })).filter((row) => since === null || number(row.id) > number(since)).reverse();
      return { items, cursor: later(items.map((i) => i.id), since) };
    }),

    messages: (since, io) => guarded('reading messages', async () => {
      const { page } = await visit(io, config, config.urls.messages ?? base);
      const threads = await extract(page, sel('threadItem'), { last: { from: [':scope'], attribute: 'data-last' }, href: { from: sel('threadLink'), attribute: 'href' }, name: { from: sel('threadLink') } });
      const fresh = threads.filter((t) => since === null || number(t.last) > number(since)).slice(0, MAX_THREADS);
      const items = [];
      for (const thread of fresh) {
        const opened = await visit(io, config, new URL(thread.href, base).href);
        for (const row of await readThread(opened.page)) {
          if (since !== null && number(row.id) <= number(since)) continue;
          const inbound = row.direction === 'inbound';
          items.push({ id: row.id, text: row.text, sender: inbound ? { id: last(thread.href), name: thread.name } : { id: io.account, name: io.account }, direction: inbound ? 'inbound' as const : 'outbound' as const, at: Date.parse(row.at) || Date.now() });
        }
      }
      items.sort((a, b) => number(a.id) - number(b.id));
      // The list was read first: what arrives while threads are open has a higher id than any of these.
      return { items, cursor: later(threads.map((t) => t.last), since) };
    }),

    async *tour(io) {
      await visit(io, config, config.urls.home ?? base);
      yield 'home';
      const comments = await visit(io, config, config.urls.comments ?? base);
      yield 'comments';
      const [newest] = await readComments(comments.page);
      if (newest) await visit(io, config, new URL(newest.id, base).href);
      if (newest) yield 'comment';
      const messages = await visit(io, config, config.urls.messages ?? base);
      yield 'messages';
      const [thread] = await extract(messages.page, sel('threadItem'), { href: { from: sel('threadLink'), attribute: 'href' } });
      if (thread) await visit(io, config, new URL(thread.href, base).href);
      if (thread) yield 'thread';
    },

    prepare: (to, text, io) => guarded('preparing the reply', () => prepareReply(config, urlOf(to), text, io)),

    find: (to, text, since, io) => guarded('looking for the reply', async () => {
      const { page, status } = await visit(io, config, urlOf(to));
      if (status === 404) return null;
      if (to.type === 'comment') {
        const rows = await extract(page, sel('ownReply'), { id: { from: [':scope'], attribute: 'data-reply-id' }, text: { from: ['.reply-text'] }, at: { from: ['time'], attribute: 'datetime' } });
        io.saw?.(rows.map((row) => row.text).join('\n'));
        const hit = rows.findLast((row) => recent(row.at, since) && sameText(row.text, text));
        return hit ? { remoteId: hit.id } : null;
      }
      const rows = await readThread(page);
      io.saw?.(rows.map((row) => `${row.direction === 'outbound' ? '>' : '<'} ${row.text}`).join('\n'));
      const hit = rows.findLast((row) => row.direction === 'outbound' && number(row.id) > number(to.message) && recent(row.at, since) && sameText(row.text, text));
      return hit ? { remoteId: hit.id } : null;
    }),
  };
};

