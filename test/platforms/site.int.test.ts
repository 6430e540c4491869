import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoSite, type DemoSite } from '../worker/demo-site.ts';

let site: DemoSite;
beforeAll(async () => {
  site = await demoSite();
});
afterAll(() => site.stop());

/** A browser of the poorest kind: it keeps cookies and follows nothing. */
function visitor() {
  const cookies = new Map<string, string>();
  return async (path: string, form?: Record<string, string>) => {
    const answer = await fetch(site.url + path, {
      method: form ? 'POST' : 'GET', redirect: 'manual', headers: { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; ') }, ...(form ? { body: new URLSearchParams(form) } : {}),
    });
    for (const line of answer.headers.getSetCookie()) cookies.set(line.split('=')[0]!, line.split(';')[0]!.split('=').slice(1).join('='));
    return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() };
  };
}
async function loggedIn(user: string) {
  const go = visitor();
  const url = /href="([^"]+\/phone[^"]+)"/.exec((await go('/login')).text)![1]!;
  await site.confirm(url, user);
  expect((await go('/login/finish')).location).toBe('/creator');
  return go;
}

test('text from strangers stays text', async () => {
  await site.control('comment', { user: 'visitor', post: 1, text: '<img src=x onerror=alert(1)>"\'' });
  const go = await loggedIn('mei');
  for (const path of ['/p/1', '/creator/comments', '/control']) {
    const { text } = await go(path);
    expect(text).not.toContain('<img src=x');
  }
  expect((await go('/p/1')).text).toContain('&lt;img src=x onerror=alert(1)&gt;');
});

test('posting has no de-duplication: each request is a row of the ledger', async () => {
  const go = await loggedIn('mei');
  await site.control('ledger/clear');
  for (let n = 0; n < 3; n++) expect((await go('/creator/comments/c1', { text: 'same', nonce: 'n1' })).status).toBe(303);
  expect((await site.ledger()).map((r) => [r.user, r.target, r.text, r.nonce])).toEqual(Array(3).fill(['mei', 'comment:c1', 'same', 'n1']));
});

test('a plan cycles, ends after its count, and a seed gives the same order again', async () => {
  const go = await loggedIn('mei');
  const statuses = async (n: number) => {
    const list: number[] = [];
    for (let i = 0; i < n; i++) list.push((await go('/creator/comments/c1', { text: 'x' })).status);
    return list;
  };
  await site.control('plan', { pattern: ['ok', 'fail-before', 'rate-limit'], count: 4 });
  expect(await statuses(6)).toEqual([303, 500, 429, 303, 303, 303]);
  const seeded = { pattern: ['ok', 'fail-before', 'rate-limit'], seed: 7 };
  await site.control('plan', seeded);
  const first = await statuses(12);
  await site.control('plan', seeded);
  expect(await statuses(12)).toEqual(first);
  expect(new Set(first).size).toBe(3);
  await site.control('plan/clear');
});

test('a code is used once, dies in time, and only demo users may confirm', async () => {
  const go = visitor();
  const url = /href="([^"]+\/phone[^"]+)"/.exec((await go('/login')).text)![1]!;
  expect(await site.confirm(url, 'visitor')).toContain('Pick one of the demo users');
  expect(await site.confirm(url, 'mei')).toContain('Confirmed');
  expect(await site.confirm(url, 'jonas')).toContain('This code is over');
  const other = visitor();
  const second = /href="([^"]+\/phone[^"]+)"/.exec((await other('/login')).text)![1]!;
  await site.control('expire-qr');
  expect(await site.confirm(second, 'mei')).toContain('This code is over');
  expect((await other('/login/finish')).location).toBe('/login');
});

test('nobody reads or answers what is not theirs, and bad control input changes nothing', async () => {
  const go = await loggedIn('jonas');
  expect((await go('/creator/comments/c1')).status).toBe(404);
  expect((await go('/creator/comments/c1', { text: 'hi' })).status).toBe(404);
  expect((await visitor()('/creator/comments')).location).toBe('/login');
  await expect(site.control('mood', { markup: 'v9' })).rejects.toThrow('markup');
  await expect(site.control('plan', { pattern: [] })).rejects.toThrow('pattern');
  await expect(site.control('comment', { user: 'nobody', post: 1, text: 'x' })).rejects.toThrow('FOREIGN KEY');
  expect((await go('/creator/messages/tomas', { text: 'x'.repeat(501) })).status).toBe(422);
});

const codeOf = (page: string): string => /href="([^"]+\/phone[^"]+)"/.exec(page)?.[1] ?? '';

test('a code that was scanned and never confirmed dies with its time, and a new one is shown', async () => {
  const go = visitor();
  const first = codeOf((await go('/login')).text);
  expect(await site.scan(first)).toContain('Log in on the other screen?');
  expect((await go('/login/panel')).text).toContain('data-login="scanned"');
  await site.control('expire-qr');
  const second = codeOf((await go('/login/panel')).text);
  expect(second).toContain('/phone?code=');
  expect(second).not.toBe(first);
  expect(await site.confirm(first, 'mei')).toContain('This code is over');
  await site.confirm(second, 'mei');
  expect((await go('/login/finish')).location).toBe('/creator');
});

test('a login page that is opened anew shows a code, although the last one was scanned', async () => {
  const go = visitor();
  const first = codeOf((await go('/login')).text);
  await site.scan(first);
  const second = codeOf((await go('/login')).text);
  expect(second).toContain('/phone?code=');
  expect(second).not.toBe(first);
});

test('two pages of one browser both see its login end', async () => {
  const go = visitor();
  await site.confirm(codeOf((await go('/login')).text), 'jonas');
  // The other page asks before the first one's session has reached the browser.
  const [a, b] = await Promise.all([go('/login/finish'), go('/login/panel')]);
  expect(a.location).toBe('/creator');
  expect(b.text).toContain('data-login="done"');
  expect((await go('/login/finish')).location).toBe('/creator');
});
