import jsqr from 'jsqr';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from './until.ts';
import { workerStage, WORKER, type WorkerStage } from './worker-stage.ts';

let stage: WorkerStage;
const base = (account: string) => ({ account, platform: 'sandbox', worker: WORKER, epoch: 1, proxy: null });
const cursor = { comments: null, messages: null };

beforeAll(async () => {
  stage = await workerStage();
});
afterAll(() => stage?.stop());

test('a worker registers with what it can do', () => {
  expect(stage.master.registrations[0]).toMatchObject({ worker: WORKER, incarnation: stage.worker.incarnation, pid: process.pid, mode: 'profile' });
  expect(stage.master.registrations[0]?.capabilities).toContain('sandbox');
});

test('an account logs in by a code that a phone confirms, and its session is in the vault', async () => {
  const { master, site } = stage;
  master.leases.set('acc-1', 1);
  expect(await master.run(WORKER, 'login', 'login/l1/2/0', { ...base('acc-1'), method: 'qrcode' })).toEqual({ taken: true });
  const qr = await master.event('login/l1/2/0', 'QR');
  expect(qr.url).toMatch(new RegExp(`^${site.url}/phone\\?code=`));
  expect(qr.expiresAt).toBeGreaterThan(Date.now());
  const png = PNG.sync.read(master.pictures.get(qr.picture as string)!);
  expect(jsqr.default(new Uint8ClampedArray(png.data), png.width, png.height)?.data).toBe(qr.url);

  // Whoever looks after it sees its window, and no longer than it lasts.
  const look = async () => (await master.nc.request(`troupe.window.${WORKER}`, JSON.stringify({ op: 'picture', agent: 'login-l1' }), { timeout: 15_000 })).data;
  expect([...(await look()).subarray(0, 2)]).toEqual([0xff, 0xd8]);

  await site.scan(qr.url as string);
  await master.event('login/l1/2/0', 'CONFIRMING');
  await site.confirm(qr.url as string, 'mei');
  const { output } = await master.result('login/l1/2/0');
  expect(JSON.parse(new TextDecoder().decode(await look()))).toMatchObject({ ok: false, code: 'not_found' });
  expect(output).toMatchObject({ user: { id: 'mei', nickname: 'Mei Lin · 美琳' }, fingerprint: { locale: 'zh-CN', timezone: 'Asia/Shanghai' } });
  expect((output!.fingerprint as { userAgent: string }).userAgent).not.toContain('Headless');
  expect(output!.validUntil).toBeGreaterThan(Date.now());
  expect(JSON.parse(master.vault.get('acc-1/storage')!).state.cookies.some((c: { name: string }) => c.name === 'sid')).toBe(true);
});

test('the same token is answered with the same result and runs once', async () => {
  const { master } = stage;
  await master.run(WORKER, 'check', 't-check', base('acc-1'));
  expect((await master.result('t-check')).output).toEqual({ session: 'valid' });
  expect(await master.run(WORKER, 'check', 't-check', base('acc-1'), { offered: 3 })).toEqual({ taken: true });
});

test('a round finds all comments and messages first, then only what is new', async () => {
  const { master, site } = stage;
  await master.run(WORKER, 'crawl', 't-crawl-1', { ...base('acc-1'), round: 'r1', cursor });
  const first = (await master.result('t-crawl-1')).output!;
  expect(first).toMatchObject({ comments: 3, messages: 2 });
  master.found.length = 0;

  const comment = await site.control('comment', { user: 'visitor', post: 2, text: '<b>new</b> & "shiny"' });
  const message = await site.control('message', { user: 'tomas', to: 'mei', text: 'hello\nthere' });
  await master.run(WORKER, 'crawl', 't-crawl-2', { ...base('acc-1'), round: 'r2', cursor: first.cursor });
  expect((await master.result('t-crawl-2')).output).toMatchObject({ comments: 1, messages: 1 });
  expect(master.found[0]).toMatchObject({ account: 'acc-1', epoch: 1, comments: [{ id: comment.id, text: '<b>new</b> & "shiny"', author: { id: 'visitor', name: 'A visitor' }, post: { id: '2', title: 'Kettle season' } }] });
  expect(master.found[1]).toMatchObject({ messages: [{ id: message.id, text: 'hello\nthere', sender: { id: 'tomas' }, direction: 'inbound' }] });
});

test('other markup breaks the first selectors and the fallbacks hold', async () => {
  const { master, site } = stage;
  await site.control('mood', { markup: 'v2' });
  await master.run(WORKER, 'crawl', 't-crawl-v2', { ...base('acc-1'), round: 'r3', cursor });
  expect((await master.result('t-crawl-v2')).output).toMatchObject({ comments: 4, messages: 3 });
  await master.run(WORKER, 'post', 't-post-v2', { ...base('acc-1'), reply: 'r-v2', to: { type: 'comment', comment: 'c1', post: '1' }, text: 'from v2' });
  expect((await master.result('t-post-v2')).output).toMatchObject({ remoteId: expect.stringMatching(/^c\d+$/) });
  await site.control('mood', { markup: 'v1' });
});

test('a reply is posted once, found again, and refused without leave', async () => {
  const { master, site } = stage;
  const to = { type: 'message', message: 'm1', sender: 'yuki' };
  const since = Date.now();
  await master.run(WORKER, 'post', 't-post', { ...base('acc-1'), reply: 'reply-1', to, text: 'Yes, 四个 cups!' }, { once: true });
  const { output } = await master.result('t-post');
  expect(output!.remoteId).toMatch(/^m\d+$/);
  expect(master.leaves.find((l) => l.token === 't-post')).toEqual({ reply: 'reply-1', token: 't-post', account: 'acc-1', epoch: 1 });
  await master.run(WORKER, 'find', 't-find', { ...base('acc-1'), to, text: 'Yes, 四个 cups!', since });
  expect((await master.result('t-find')).output).toEqual({ remoteId: output!.remoteId, reliable: true, evidence: { picture: null, saw: expect.stringContaining('> Yes, 四个 cups!') } });
  await master.run(WORKER, 'find', 't-find-none', { ...base('acc-1'), to, text: 'never said', since });
  expect((await master.result('t-find-none')).output).toMatchObject({ remoteId: null, reliable: true, evidence: { saw: expect.stringContaining('> Yes') } });

  master.onLeave = () => ({ ok: false, code: 'stale_epoch', message: 'another worker has the account' });
  await master.run(WORKER, 'post', 't-denied', { ...base('acc-1'), reply: 'reply-2', to, text: 'not this' });
  expect((await master.result('t-denied')).error).toMatchObject({ kind: 'refused', sent: 'no', message: expect.stringContaining('another worker has the account') });
  master.onLeave = () => ({ ok: true });
  const rows = await site.ledger();
  expect(rows.filter((r) => r.text === 'Yes, 四个 cups!')).toHaveLength(1);
  expect(rows.some((r) => r.text === 'not this')).toBe(false);
});

test('an irreversible effect that was offered to an earlier process is lost, never run again', async () => {
  const { master, site } = stage;
  await master.run(WORKER, 'post', 't-lost', { ...base('acc-1'), reply: 'reply-3', to: { type: 'comment', comment: 'c1', post: '1' }, text: 'twice?' }, { once: true, offered: 1 });
  expect((await master.result('t-lost')).error).toMatchObject({ kind: 'lost', sent: 'maybe' });
  expect((await site.ledger()).some((r) => r.text === 'twice?')).toBe(false);
});

test('what is refused for want of a lease may be offered again and then runs', async () => {
  const { master } = stage;
  const input = { ...base('acc-2'), reply: 'reply-4', to: { type: 'comment', comment: 'c1', post: '1' }, text: 'later' };
  expect(await master.run(WORKER, 'post', 't-later', input, { once: true, offered: 0 })).toMatchObject({ taken: false, reason: expect.stringContaining('no lease') });
  master.leases.set('acc-2', 1);
  expect(await master.run(WORKER, 'post', 't-later', input, { once: true, offered: 1 })).toEqual({ taken: true });
  expect((await master.result('t-later')).error).toMatchObject({ kind: 'logged-out', sent: 'no' });
});

const faults = [
  ['fail-before', 'unknown', 'maybe', 0], ['fail-after', 'unknown', 'maybe', 1], ['hang-after', 'timeout', 'maybe', 1],
  ['reset-before', 'network', 'maybe', 0], ['reset-after', 'network', 'maybe', 1], ['rate-limit', 'rate-limited', 'no', 0],
] as const;
for (const [mode, kind, sent, stored] of faults) {
  test(`a site that does ${mode} leaves ${stored} in the ledger and a fault that says ${sent}`, async () => {
    const { master, site } = stage;
    await site.control('plan', { pattern: [mode], count: 1 });
    await master.run(WORKER, 'post', `t-${mode}`, { ...base('acc-1'), reply: `reply-${mode}`, to: { type: 'comment', comment: 'c2', post: '1' }, text: `under ${mode}` });
    expect((await master.result(`t-${mode}`)).error).toMatchObject({ kind, sent });
    expect((await site.ledger()).filter((r) => r.text === `under ${mode}`)).toHaveLength(stored);
  });
}

test('a session that the site ended is a fault with that name', async () => {
  const { master, site } = stage;
  await site.control('challenge-sessions');
  await master.run(WORKER, 'check', 't-challenged', base('acc-1'));
  expect((await master.result('t-challenged')).output).toEqual({ session: 'challenged' });
  await site.control('logout-all');
  await master.run(WORKER, 'check', 't-expired', base('acc-1'));
  expect((await master.result('t-expired')).output).toEqual({ session: 'expired' });
  await master.run(WORKER, 'crawl', 't-out', { ...base('acc-1'), round: 'r9', cursor });
  expect((await master.result('t-out')).error).toMatchObject({ kind: 'logged-out', sent: 'no' });
});

test('bad input is refused with the field named', async () => {
  const { master } = stage;
  await master.run(WORKER, 'check', 't-bad', { account: '../x', platform: 'sandbox', worker: WORKER, epoch: 1, proxy: null });
  expect((await master.result('t-bad')).error).toMatchObject({ kind: 'refused', message: expect.stringContaining('account') });
  await master.run(WORKER, 'dance', 't-dance', base('acc-1'));
  expect((await master.result('t-dance')).error?.message).toContain('knows no effect "dance"');
  await master.run(WORKER, 'check', 't-platform', { ...base('acc-1'), platform: 'myspace' });
  expect((await master.result('t-platform')).error?.message).toContain('no platform "myspace"');
  expect(await master.fx(WORKER, { op: 'explode' })).toMatchObject({ taken: false });
});

test('a changed number of windows is taken on without a restart, and said to the masters', async () => {
  expect(stage.master.registrations.at(-1)).toMatchObject({ maxAgents: 10 });
  stage.master.config = { version: 7, maxAccounts: 10, maxAgents: 1 };
  await until('it has registered anew', () => stage.master.registrations.at(-1)!['maxAgents'] === 1);
  const keep = (agent: string) => stage.master.run(WORKER, 'keep', `keep-${agent}`, { worker: WORKER, incarnation: stage.worker.incarnation, agent, account: null, platform: null, epoch: null, proxy: null, url: null, viewport: null, shared: true });
  expect(await keep('one')).toMatchObject({ taken: true });
  await stage.master.event('keep-one', 'OPENED');
  expect((await keep('two')).reason ?? (await stage.master.result('keep-two')).error!.message).toMatch(/full|most/);
});
