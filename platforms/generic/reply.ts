import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page, Response } from 'playwright';
import { PlatformFault, type Io, type Target } from '../contract.ts';
import { asFault } from '../base/as-fault.ts';
import { extract } from '../base/extract.ts';
import { fieldOf } from '../base/fields.ts';
import { itemAt } from '../base/item-at.ts';
import { locate, selectorsOf, timeoutOf } from '../base/locate.ts';
import { openList } from '../base/open-list.ts';
import { noWall } from '../base/visit.ts';
import { idIn, sameText, timeIn, urlOf } from './marks.ts';
import { messagesOn, threadUrl } from './read-messages.ts';
import { commentsOn } from './read-comments.ts';
import type { GenericConfig } from './schema.ts';

const CLOCKS = 60_000;
const LANDING = 5000;
const gone = (config: GenericConfig, what: string) => new PlatformFault('refused', `${what} is not on ${config.label} any more`);

/** Goes to where a reply stands, which has to show what it answers. */
async function openTarget(config: GenericConfig, to: Target, io: Io): Promise<Page> {
  if (to.type === 'message') {
    const url = await threadUrl(config, to.sender, io);
    if (!url) throw gone(config, `the conversation with ${to.sender}`);
    return openList(io, config, url, 'messageItem');
  }
  const page = await openList(io, config, urlOf(config, 'comment', { post: to.post, comment: to.comment }), 'commentItem');
  if ((await indexOf(page, config, to.comment)) < 0) throw gone(config, 'the comment');
  return page;
}

async function indexOf(page: Page, config: GenericConfig, comment: string): Promise<number> {
  const ids = (await commentsOn(page, config)).map((c) => c.id);
  return (config.order.comments === 'newest-first' ? ids : ids.reverse()).indexOf(comment);
}

/** Fills the reply form and hands back its one-time trigger. */
export async function prepareReply(config: GenericConfig, to: Target, text: string, io: Io): Promise<{ press(): Promise<{ remoteId: string | null }> }> {
  const { maxLength } = config.limits;
  if (text.trim() === '' || [...text].length > maxLength) throw new PlatformFault('refused', `a reply on ${config.label} has 1 to ${maxLength} characters, this one has ${[...text].length}`);
  const elementMs = timeoutOf(config, 'element', 10_000);
  const page = await openTarget(config, to, io);
  if (to.type === 'comment' && config.selectors['replyOpen']) {
    const item = await itemOf(page, config, to.comment);
    await selectorsOf(config, 'replyOpen').map((s) => item.locator(s)).reduce((a, b) => a.or(b)).first().click({ timeout: elementMs });
  }
  const own = (name: string) => (to.type === 'message' && config.selectors[`message${name}`] ? `message${name}` : `r${name.slice(1)}`);
  await (await locate(page, config, own('ReplyText'), elementMs)).fill(text);
  const send = await locate(page, config, own('ReplySend'), elementMs);
  let pressed = false;
  return {
    async press() {
      if (pressed) throw new PlatformFault('refused', 'this reply was pressed before', 'maybe');
      pressed = true;
      const { request } = config.reply;
      const answered = page.waitForResponse((r) => r.request().method() === 'POST' && (!request || r.url().includes(request)), { timeout: timeoutOf(config, 'press', 15_000) });
      answered.catch(() => undefined);
      const landed = page.waitForEvent('framenavigated', { predicate: (frame) => frame === page.mainFrame(), timeout: timeoutOf(config, 'press', 15_000) }).catch(() => undefined);
      try {
        await send.click({ noWaitAfter: true, timeout: elementMs });
        const answer = await answered;
        const judged = await judge(page, config, answer);
        // Whoever uses this page next must not meet it on its way.
        if (answer.request().isNavigationRequest()) await Promise.race([landed, sleep(LANDING)]);
        return judged;
      } catch (error) {
        throw asFault(error, 'sending the reply', 'maybe');
      }
    },
  };
}

/** What the answer to the one request proves. Only answers that exclude a stored reply say `no`. */
async function judge(page: Page, config: GenericConfig, answer: Response): Promise<{ remoteId: string | null }> {
  const status = answer.status();
  const { stored, refused, id } = config.reply;
  const location = answer.headers()['location'] ?? '';
  if (status === 429) throw new PlatformFault('rate-limited', `${config.label} says that the account posts too fast`);
  if (refused.includes(status)) {
    const said = config.selectors['replyError'] ? await (await locate(page, config, 'replyError', 2000).catch(() => null))?.textContent() : null;
    throw new PlatformFault('refused', `${config.label} refused the reply (${status})${said ? `: ${said.trim().slice(0, 200)}` : ''}`);
  }
  if (status >= 300 && status < 400 && location !== '' && new URL(location, answer.url()).pathname === new URL(urlOf(config, 'login')).pathname) throw new PlatformFault('logged-out', 'the session ended before the reply was taken');
  if (!stored.includes(status)) throw new PlatformFault('unknown', `${config.label} answered ${status} to the reply: it may have been stored`, 'maybe');
  if (!id) return { remoteId: null };
  const hit = new RegExp(id).exec(location) ?? new RegExp(id).exec(status < 300 || status >= 400 ? await answer.text().catch(() => '') : '');
  return { remoteId: hit ? (hit[1] ?? hit[0]) : null };
}

/** A comment's element. */
const itemOf = async (page: Page, config: GenericConfig, comment: string): Promise<Locator> => itemAt(page, config, 'commentItem', await indexOf(page, config, comment));

/** Looks for the reply under its target, and tells what stands there. */
export async function findReply(config: GenericConfig, to: Target, text: string, since: number, io: Io): Promise<{ remoteId: string } | null> {
  let page: Page;
  try {
    page = await openTarget(config, to, io);
  } catch (error) {
    if (!(error instanceof PlatformFault && error.kind === 'refused')) throw error;
    io.saw?.(error.message);
    return null;
  }
  const now = Date.now();
  const rows = to.type === 'message'
    ? (await messagesOn(page, config, { id: to.sender, name: to.sender }, io.account)).filter((m) => m.direction === 'outbound')
    : (await extract(config.reply.under === 'page' ? page : await itemOf(page, config, to.comment), selectorsOf(config, 'ownReply'), { id: fieldOf(config, 'ownReplyId'), text: fieldOf(config, 'ownReplyText'), at: fieldOf(config, 'ownReplyTime') })).map((r) => ({ id: idIn(config, 'reply', r.id), text: r.text, at: timeIn(config, r.at, now) }));
  if (rows.length === 0) await noWall(page, config);
  io.saw?.(rows.map((r) => r.text).join('\n'));
  const hit = rows.findLast((r) => r.at >= since - CLOCKS && sameText(r.text, text));
  return hit ? { remoteId: hit.id || `at-${hit.at}` } : null;
}

