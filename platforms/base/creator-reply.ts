import type { Locator, Page } from 'playwright';
import { PlatformFault, type Io, type Target } from '../contract.ts';
import { Answers, type Row } from './answers.ts';
import { asFault } from './as-fault.ts';
import { commentElement, openCommentsOf, readList } from './creator-comments.ts';
import type { CreatorConfig } from './creator-config.ts';
import { flat, hash, selfOf, timeOf } from './creator-marks.ts';
import { messagesOn, openThread } from './creator-messages.ts';
import { extract } from './extract.ts';
import { fieldOf } from './fields.ts';
import { locate, selectorsOf, timeoutOf } from './locate.ts';
import { visit } from './visit.ts';

const CLOCKS = 60_000;
const REPLIES = 4000;
const gone = (config: CreatorConfig) => new PlatformFault('refused', `the comment is not among the newest on ${config.label} any more`);

type At = { page: Page; item: Locator; row: Row | null };

/** The comment's element on the page where it is answered. */
async function openComment(config: CreatorConfig, to: Extract<Target, { type: 'comment' }>, io: Io): Promise<At> {
  const { page, post } = await openCommentsOf(config, to.post, io);
  const found = (await readList(page, config, post, (all) => all.some((f) => f.comment.id === to.comment))).find((f) => f.comment.id === to.comment);
  if (!found) throw gone(config);
  return { page, item: await commentElement(page, config, found.comment), row: found.row };
}

/** Fills the reply in and hands back its one-time trigger. */
export async function prepareReply(config: CreatorConfig, maxLength: number, to: Target, text: string, io: Io): Promise<{ press(): Promise<{ remoteId: string | null }> }> {
  if (text.trim() === '' || [...text].length > maxLength) throw new PlatformFault('refused', `a reply on ${config.label} has 1 to ${maxLength} characters, this one has ${[...text].length}`);
  const elementMs = timeoutOf(config, 'element', 10_000);
  const own = (name: string) => (to.type === 'message' && config.selectors[`message${name[0]!.toUpperCase()}${name.slice(1)}`] ? `message${name[0]!.toUpperCase()}${name.slice(1)}` : name);
  let page: Page;
  if (to.type === 'message') page = (await openThread(config, to.sender, io)).page;
  else {
    const at = await openComment(config, to, io);
    page = at.page;
    await selectorsOf(config, 'commentReply').map((s) => at.item.locator(s)).reduce((a, b) => a.or(b)).first().click({ timeout: elementMs });
  }
  await (await locate(page, config, own('replyText'), elementMs)).fill(text);
  const send = await locate(page, config, own('replySend'), elementMs);
  let pressed = false;
  return {
    async press() {
      if (pressed) throw new PlatformFault('refused', 'this reply was pressed before', 'maybe');
      pressed = true;
      const api = (to.type === 'message' ? config.urls['messageApi'] : undefined) ?? config.urls['replyApi'] ?? '';
      const answered = page.waitForResponse((r) => r.request().method() === 'POST' && r.url().includes(api), { timeout: timeoutOf(config, 'press', 15_000) });
      answered.catch(() => undefined);
      try {
        await send.click({ noWaitAfter: true, timeout: elementMs });
        const answer = await answered;
        const body = (await answer.json().catch(() => null)) as Record<string, any> | null;
        const code = (body?.['status_code'] ?? body?.['code']) as number | undefined;
        if (answer.ok() && (code === 0 || code === undefined)) return { remoteId: idOf(body) };
        throw new PlatformFault(answer.status() === 429 ? 'rate-limited' : 'unknown', `${config.label} answered ${answer.status()}, code ${code ?? 'none'}, to the reply`, 'maybe');
      } catch (error) {
        throw asFault(error, 'sending the reply', 'maybe');
      }
    },
  };
}

/** The id that such sites give a comment or a message they have stored. */
function idOf(body: Record<string, any> | null): string | null {
  const id: unknown = body?.['comment_info']?.comment_id ?? body?.['comment']?.cid ?? body?.['data']?.comment?.id ?? body?.['data']?.message_id ?? body?.['data']?.id;
  return id === undefined || id === null || id === '' ? null : String(id);
}

/** Looks for an own reply under its very target, and tells what stands there. */
export async function findReply(config: CreatorConfig, to: Target, text: string, since: number, io: Io): Promise<{ remoteId: string } | null> {
  const rows = to.type === 'message' ? (await messagesOn((await openThread(config, to.sender, io)).page, config, { id: to.sender, name: to.sender }, io.account)).filter((m) => m.direction === 'outbound') : await ownReplies(config, to, io);
  io.saw?.(rows.map((r) => r.text).join('\n'));
  const hit = rows.findLast((r) => r.at >= since - CLOCKS && flat(r.text) === flat(text));
  return hit ? { remoteId: hit.id || hash(text) } : null;
}

type Own = { id: string; text: string; at: number };

async function ownReplies(config: CreatorConfig, to: Extract<Target, { type: 'comment' }>, io: Io): Promise<Own[]> {
  if (config.urls['comment']) return repliesOnPost(config, to, io);
  const { page, item, row } = await openComment(config, to, io);
  const answers = Answers.of(page, config);
  const open = config.selectors['repliesOpen'] ? await visibleIn(item, selectorsOf(config, 'repliesOpen')) : null;
  if (open) {
    const count = answers.count('replies');
    await open.click();
    await answers.wait('replies', count, Math.min(REPLIES, timeoutOf(config, 'element', 10_000)));
  }
  const heard = [...(row?.children ?? []), ...answers.rows('replies').filter((r) => (r.values['under'] ?? to.comment) === to.comment)];
  const own = heardOwn(page, config, heard);
  if (own.length) return own;
  return shownOwn(item, config);
}

/** Where the page of comments shows no replies, the post's own page does. */
async function repliesOnPost(config: CreatorConfig, to: Extract<Target, { type: 'comment' }>, io: Io): Promise<Own[]> {
  const answers = Answers.of(await io.page(), config);
  answers.forget('thread');
  const url = config.urls['comment']!.replace('{post}', encodeURIComponent(to.post)).replace('{comment}', encodeURIComponent(to.comment));
  const { page, status } = await visit(io, config, url);
  if (status === 404) throw gone(config);
  const came = await answers.wait('thread', 0, timeoutOf(config, 'element', 10_000));
  const row = answers.rows('thread').find((r) => r.values['id'] === to.comment);
  if (came && !row) throw gone(config);
  if (row) return heardOwn(page, config, row.children);
  const item = page.locator(selectorsOf(config, 'threadComment').map((s) => s.replace('{comment}', to.comment)).join(', ')).first();
  return (await item.count()) ? shownOwn(item, config) : [];
}

function heardOwn(page: Page, config: CreatorConfig, rows: readonly Row[]): Own[] {
  const self = selfOf(page, config);
  const now = Date.now();
  return rows.filter((r) => self !== null && r.values['authorId'] !== '' && r.values['authorId'] === self.id).map((r) => ({ id: r.values['id'] ?? '', text: r.values['text'] ?? '', at: timeOf(config.answers['comments'], r.values['at'] ?? '', now) }));
}

/** What the page itself marks as the account's; it shows no exact time, so any counts as new. */
async function shownOwn(item: Locator, config: CreatorConfig): Promise<Own[]> {
  const rows = await extract(item, selectorsOf(config, 'ownReply'), { id: fieldOf(config, 'ownReplyId'), text: fieldOf(config, 'ownReplyText') });
  return rows.map((r) => ({ ...r, at: Date.now() }));
}

async function visibleIn(item: Locator, selectors: readonly string[]): Promise<Locator | null> {
  for (const s of selectors) if (await item.locator(s).first().isVisible()) return item.locator(s).first();
  return null;
}
