import type { BrowserContext } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Step, Target } from '../../platforms/contract.ts';
import { loadPlatforms } from '../../platforms/load.ts';
import { openSession, type Session } from '../../runtime/platform-check/check-session.ts';
import { ledTo } from '../../runtime/platform-check/on-replica.ts';
import { start as douyin } from './douyin-replica.ts';
import { oneBrowser } from './one-browser.ts';
import { start as xiaohongshu } from './xiaohongshu-replica.ts';

const SITES = { douyin, xiaohongshu };
let browser: Awaited<ReturnType<typeof oneBrowser>>;
const open: Session[] = [];
beforeAll(async () => {
  browser = await oneBrowser();
});
afterAll(async () => {
  for (const session of open) await session.stage.replica.stop();
  await browser?.close();
});

/** A session on the platform's replica; `moved`: its JSON stands where nobody looks for it. */
async function session(id: keyof typeof SITES, moved = false): Promise<Session> {
  const loaded = (await loadPlatforms('')).find((p) => p.id === id)!;
  const replica = await SITES[id](moved);
  const made = await openSession({ platform: await loaded.create!(ledTo(loaded.config!, replica.url, 800)), replica, newContext: () => browser.newContext() as Promise<BrowserContext>, stop: async () => undefined });
  open.push(made);
  return made;
}
const kinds = (steps: Step[]) => steps.map((s) => (s.kind === 'challenge' ? s.what : s.kind));

test('Douyin: a slider before the login by SMS, who it is by what the page has fetched, and every post and page of comments', async () => {
  const s = await session('douyin');
  const typed = await s.logIn('sms', s.io());
  expect(kinds(typed)).toEqual(['phone', 'confirm', 'sms', 'done']);
  expect(typed.at(-1)).toMatchObject({ user: { id: 'xiaomei88', nickname: '陶艺小美', avatar: 'https://p3.example/me.jpeg' } });
  // All posts, all pages; then only the post that has a new one is opened.
  const first = await s.stage.platform.comments(null, s.io());
  expect(first.items.map((c) => [c.id, c.post.title])).toEqual([...[0, 1, 2, 3, 4, 5].map((n) => [`700${n}`, '春天的釉']), ...[6, 7, 8].map((n) => [`700${n}`, '第一只茶碗'])]);
});

test.each([['douyin', 9], ['xiaohongshu', 5]] as const)('%s: where the JSON has moved, the pages themselves are read and answered', async (id, shown) => {
  const s = await session(id, true);
  expect((await s.logIn('sms', s.io())).at(-1)).toMatchObject({ kind: 'done', user: { id: id === 'douyin' ? 'xiaomei88' : '94211' } });
  const { items } = await s.stage.platform.comments(null, s.io());
  // Without the JSON nothing says that there is another page.
  expect(items.length).toBe(id === 'douyin' ? 7 : shown);
  const newest = items.find((c) => c.text === (id === 'douyin' ? '评论 6' : '留言 8'))!;
  const to: Target = { type: 'comment', comment: newest.id, post: newest.post.id };
  const text = 'read from the page';
  await (await s.stage.platform.prepare(to, text, s.io())).press();
  expect(await s.stage.replica.sent()).toEqual([text]);
  expect(await s.stage.platform.find(to, text, Date.now(), s.io())).not.toBeNull();
  const messages = await s.stage.platform.messages(null, s.io());
  expect(messages.items.map((m) => m.direction)).toEqual(['inbound', 'outbound']);
});
