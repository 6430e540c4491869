import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJournal } from '../harness/checker.ts';
import { until } from '../harness/stage.ts';
import { wholeSystem, type WholeSystem } from './whole-system.ts';

const CANARY = { cookie: 'canary-cookie-7f3aQ', proxy: 'canary-proxy-9kd2W', sms: 'canary-sms-4417x', seen: 'canary-shown-1b8s' };
let s: WholeSystem;
let account: string;
let epoch: number;

beforeAll(async () => {
  s = await wholeSystem();
  s.worker.onLogin = async (run) => {
    epoch = run.input.epoch;
    await s.worker.ask('vault-put', { account: run.input.account, epoch: run.input.epoch, field: 'storage', value: JSON.stringify({ cookies: [{ name: 'sid', value: CANARY.cookie }] }) });
    await s.worker.say(run, 'event', { event: { type: 'CHALLENGE', what: 'sms', prompt: 'a code was sent', picture: null, txn: 't1' } });
    await until(() => s.worker.secrets.length > 0, 'the answer of the challenge');
  };
  const made = await s.api('POST', '/accounts', { platform: 'sandbox', account_name: CANARY.seen, monitor_interval: 5, proxy: { protocol: 'http', server: 'proxy.example:8080', username: 'someone', password: CANARY.proxy }, limits: { perMinute: 60, perHour: 1000, quiet: null } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  account = made.headers.get('location')!.split('/').at(-1)!;
  s.worker.comments.set(account, Array.from({ length: 30 }, (_, i) => ({ id: `c${i}`, text: `comment ${i}` })));
  await until(async () => (await s.api('GET', `/accounts/${account}`)).status === 200, 'the account is in the view');
  const { status, body } = await s.api('POST', `/accounts/${account}/login`, {});
  expect(status, JSON.stringify(body)).toBe(202);
  await until(async () => (await s.api('GET', `/login-sessions/${body.session_id}`)).body.session?.status === 'challenge', 'the challenge is shown');
  expect((await s.api('POST', `/login-sessions/${body.session_id}/answer`, { txn: 't1', value: CANARY.sms })).status).toBe(200);
  await until(async () => (await s.api('GET', '/comments?limit=50')).body.comments.length === 30, 'comments are found');
}, 60_000);
afterAll(() => s?.close());

const reply = (id: string, content: string, headers: Record<string, string> = {}, more: object = {}) => s.api('POST', '/replies', { account_id: account, comment_id: id, content, ...more }, headers);
const journal = async () => (await readJournal(await s.stage.operator())).length;

describe('replies through the page, a real master and back', () => {
  it('one key sent fifty times at once is one reply, posted once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => reply('c0', 'only once', { 'idempotency-key': 'k-50' })));
    expect([...new Set(answers.map((a) => a.body.reply_id))]).toHaveLength(1);
    expect(answers.map((a) => a.status).sort().reverse()).toEqual([201, ...Array.from({ length: 49 }, () => 200)]);
    await until(async () => (await s.api('GET', `/replies/${answers[0]!.body.reply_id}`)).body.reply?.status === 'posted', 'it is posted');
    expect(s.worker.posted.filter((t) => t === 'only once')).toHaveLength(1);
    expect((await s.api('GET', '/replies?limit=100')).body.replies.filter((r: { content: string }) => r.content === 'only once')).toHaveLength(1);
    const other = await reply('c0', 'other words', { 'idempotency-key': 'k-50' });
    expect([other.status, other.body.field]).toEqual([422, 'Idempotency-Key']);
  });

  it('refuses what can’t be one, and writes nothing', async () => {
    const before = await journal();
    const cases: [Awaited<ReturnType<typeof reply>>, number][] = [
      [await reply('c1', ''), 422], [await reply('c1', ' \n '), 422], [await reply('c1', 'x'.repeat(100_000)), 422], [await reply('nowhere', 'x'), 404], [await reply('c1', 'x', {}, { account_id: 'another' }), 404], [await reply('c0', 'only once'), 409],
      [await s.api('POST', '/replies/r0/resend', {}), 404], [await s.api('POST', `/accounts/${account}/assign`, { worker_id: 'ghost' }), 404],
    ];
    for (const [answer, status] of cases) {
      expect(answer.status, JSON.stringify(answer.body)).toBe(status);
      expect(answer.body).toMatchObject({ success: false, error: expect.any(String) });
    }
    expect((await s.api('POST', '/actors/account/none/events', { type: 'PAUSE' })).status).toBeGreaterThanOrEqual(400);
    // Rounds and leases go on meanwhile: what a person or a program asked for by HTTP names them, and what it led to is no reply.
    const after = (await readJournal(await s.stage.operator())).slice(before);
    expect(after.filter((j) => j.actor.startsWith('reply/') || /^(user|token):/.test(j.entry.cause.by ?? '')).map((j) => `${j.actor} ${j.entry.event.type}`)).toEqual([]);
  });

  it.each([['CRLF', 'one\r\ntwo'], ['right to left', 'a\u202etxt.exe'], ['emoji', '🧵👨‍👩‍👧 café'], ['HTML', '<b onclick="x">&amp;</b><script>window.pwned=1</script>'], ['a NUL', 'a\0b'], ['quotes', `'; DROP TABLE replies; --`]])('keeps %s as it was given, and shows it harmlessly', async (_, text) => {
    const { status, body } = await reply(`c${10 + ['one', 'a\u202e', '🧵', '<b', 'a\0', `';`].findIndex((p) => text.startsWith(p))}`, text);
    expect(status).toBe(201);
    await until(() => s.worker.posted.includes(text), 'it is posted as it was given');
    const stored = await until(async () => (await s.api('GET', `/replies/${body.reply_id}`)).body.reply, 'it is in the view');
    expect(stored.content).toBe(text);
    expect(await s.page('/replies')).not.toMatch(/<script>window|<b onclick/);
  });
});

describe('a worker', () => {
  it('takes its commands in order, and says no to those that make no sense', async () => {
    expect((await s.api('POST', '/worker-configs', { worker_id: 'w-9', name: 'nine', auto_start: false, deployment_type: 'docker', docker_image: 'troupe:1' })).status).toBe(201);
    expect((await s.api('POST', '/worker-configs', { worker_id: 'w-9', name: 'again' })).status).toBe(409);
    for (const verb of ['stop', 'drain', 'retry']) expect((await s.api('POST', `/workers/w-9/${verb}`, {})).status, verb).toBe(409);
    const batch = await s.api('POST', '/workers/batch', { action: 'stop', worker_ids: ['w-9', 'ghost', 'w-9'] });
    expect(batch.body.results.map((r: { worker_id: string; code: string }) => [r.worker_id, r.code])).toEqual([['w-9', 'conflict'], ['ghost', 'not_found']]);
    expect((await s.api('DELETE', '/worker-configs/w-9')).status).toBe(200);
    await until(async () => (await s.api('GET', '/workers/w-9')).status === 404, 'it is gone');
    expect((await s.api('POST', '/workers/w-9/start', {})).status).toBeGreaterThanOrEqual(404);
  });
});

describe('the audit', () => {
  it('has who did it, the request’s own id, and no address', async () => {
    const { headers } = await s.api('POST', `/accounts/${account}/pause`, {});
    const id = headers.get('x-request-id')!;
    const row = await until(async () => (await s.page(`/settings?actor=account%2F${account}`)).match(/<tr id="audit-\d+">.*?<\/tr>/gs)?.find((r) => r.includes(id)), 'it is listed');
    expect(row.replace(/<[^>]+>/g, ' ')).toMatch(/token:tests .* PAUSE .*from [\w-]{16}/);
    expect(row).not.toContain('127.0.0.1');
    const door = await until(async () => (await s.page('/settings?actor=user%2Fadmin')).match(/<tr id="audit-\d+">.*?<\/tr>/gs)?.find((r) => r.includes('SIGNED_IN')), 'the sign-in is listed');
    expect(door).not.toContain('127.0.0.1');
    const entry = (await readJournal(await s.stage.operator())).find((j) => j.entry.cause.request?.startsWith(id))!.entry;
    expect([entry.event.type, entry.cause.by, entry.cause.request.split(' ')[1]]).toEqual(['PAUSE', 'token:tests', /from ([\w-]{16})/.exec(row)![1]]);
  });
});

describe('secrets', () => {
  it('reach those that need them, and are found nowhere else', async () => {
    expect(s.worker.secrets).toEqual([CANARY.sms]);
    const { body } = await s.api('GET', `/accounts/${account}`);
    expect(await s.worker.ask('vault-get', { account, epoch, field: 'storage' })).toMatchObject({ ok: true, value: expect.stringContaining(CANARY.cookie) });
    expect(JSON.stringify(await s.worker.ask('vault-get', { account, epoch, field: 'proxy' }))).toContain(CANARY.proxy);
    expect(body.account).toMatchObject({ account_name: CANARY.seen });

    const places = new Map<string, string>();
    for (const path of ['/', '/accounts', `/accounts/${account}/edit`, '/inbox', '/replies', '/workers', '/notifications', '/actors', `/actors/account/${account}`, '/settings', '/api', '/metrics', '/api/v1/accounts', `/api/v1/actors/account/${account}/history`, '/api/v1/login-sessions']) places.set(`page ${path}`, await s.page(path));
    for (const { id } of (await s.api('GET', '/login-sessions')).body.sessions) places.set(`page of login ${id}`, (await s.page(`/actors/login/${id}`)) + (await s.page(`/logins/${id}`)));
    places.set('what the processes print', s.printed());
    places.set('arguments and environment', s.pids().map((p) => readFileSync(`/proc/${p}/cmdline`, 'latin1') + readFileSync(`/proc/${p}/environ`, 'latin1')).join());
    for (const file of readdirSync(s.stage.config.dataDir, { recursive: true, encoding: 'utf8' })) {
      const path = join(s.stage.config.dataDir, file);
      if (statSync(path).isFile() && !path.startsWith(s.stage.config.secretsDir)) places.set(`file ${file}`, readFileSync(path, 'latin1'));
    }
    const forms = (secret: string) => [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1), Buffer.from(secret).toString('hex')];
    const secrets = [CANARY.cookie, CANARY.proxy, CANARY.sms, s.token.slice(-43), s.cookie.split('=')[1]!, s.admin];
    const leaks = [...places].flatMap(([place, text]) => secrets.filter((secret) => forms(secret).some((f) => text.includes(f))).map((secret) => `${secret.slice(0, 12)}… in ${place}`));
    expect(leaks).toEqual([]);
    // The same search finds what is no secret: in the journal, in both views, on pages.
    const found = [...places].filter(([, text]) => text.includes(CANARY.seen)).map(([place]) => place);
    expect(found).toEqual(expect.arrayContaining(['page /accounts', expect.stringMatching(/TROUPE_JOURNAL.*\.blk$/), expect.stringMatching(/master\.db/), expect.stringMatching(/web\.db/)]));
    expect(s.printed()).toContain('the page is up');
  });
});
