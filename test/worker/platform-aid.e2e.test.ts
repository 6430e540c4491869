import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Objm } from '@nats-io/obj';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readResult } from '../../transport/results.ts';
import { OBJECTS, subjects } from '../../transport/subjects.ts';
import type { SelectorReport } from '../../transport/protocol.ts';
import type { Replica } from '../../platforms/replica.ts';
import { start } from '../platforms/forum-replica.ts';
import { zipEntries } from '../../runtime/worker/effects/zip-entries.ts';
import { until } from './until.ts';
import { WORKER, workerStage, type WorkerStage } from './worker-stage.ts';

// A worker whose one plugin is the forum, by configuration alone.
let stage: WorkerStage;
let site: Replica;
let root: string;
const config = () => join(root, 'forum/config.json');
const base = { account: 'acc-1', platform: 'forum', worker: WORKER, epoch: 1, proxy: null };
type Json = Record<string, any>;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'platforms-'));
  site = await start();
  cpSync(join(import.meta.dirname, '../platforms/sites/forum'), join(root, 'forum'), { recursive: true });
  writeFileSync(config(), readFileSync(config(), 'utf8').replace('https://forum.example', site.url).replace('"limits"', '"timeouts": { "element": 4000 },\n  "limits"'));
  process.env['TROUPE_PLATFORMS_DIR'] = root;
  stage = await workerStage({ mode: 'context' });
  await new Objm(stage.master.nc).create(OBJECTS.results);
  stage.master.leases.set('acc-1', 1);
});
afterAll(async () => {
  delete process.env['TROUPE_PLATFORMS_DIR'];
  await stage?.stop();
  await site?.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const run = async (src: string, token: string, more: Json) => {
  await stage.master.run(WORKER, src, token, { ...base, ...more });
  return (await stage.master.result(token)) as { output?: Json; error?: Json };
};
const ask = async (request: object): Promise<Json> => (await stage.master.nc.request(subjects.window(WORKER), JSON.stringify(request), { timeout: 50_000 })).json();
const selectors = { op: 'selectors', account: 'acc-1', platform: 'forum', epoch: 1 };
let session = '';

test('a plugin of the folder is one of what the worker can', async () => {
  expect(stage.master.registrations.at(-1)!['capabilities']).toContain('forum');
  // Once the lease has come by a heartbeat.
  await expect.poll(async () => (await ask(selectors))['message'], { timeout: 15_000 }).toContain('has not been used on this worker yet');
});

test('a login by password is asked for step by step; what was refused is asked for anew with the site\'s words', async () => {
  const { master } = stage;
  const answer = async (nth: number, what: string, value: string) => {
    const step = await master.event('login/l1/1/0', 'CHALLENGE', nth);
    expect(step['what']).toBe(what);
    master.secrets.set(`l1.answer-${nth}`, value);
    await master.fx(WORKER, { op: 'signal', token: 'login/l1/1/0', id: `s${nth}`, data: { txn: step['txn'], ref: `l1.answer-${nth}` } });
    return step;
  };
  await master.run(WORKER, 'login', 'login/l1/1/0', { ...base, method: 'password' });
  await answer(0, 'account', 'gardener');
  await answer(1, 'password', 'wrong');
  expect((await answer(2, 'account', 'gardener'))['prompt']).toContain('Name or password is wrong');
  await answer(3, 'password', await site.answer({ kind: 'challenge', id: '', txn: '', what: 'password', prompt: '', image: null }));
  const code = await answer(4, 'sms', '246810');
  expect(code['prompt']).toBe('The code of your app');
  const { output, error } = await master.result('login/l1/1/0');
  expect(error).toBeUndefined();
  expect(output).toMatchObject({ user: { id: 'gardener', nickname: 'Gardener Joe' } });
  session = (JSON.parse(master.vault.get('acc-1/storage')!) as { state: { cookies: { name: string; value: string }[] } }).state.cookies.find((c) => c.name === 'sid')!.value;
});

test('what was not found is told with what stood there, and with a picture', async () => {
  const [newest] = ((await run('crawl', 'c1', { round: 'r1', cursor: { comments: null, messages: null } })), stage.master.found.flatMap((f) => f['comments'] as Json[]).filter((c) => c['text'] === 'comment number 12'));
  const to = { type: 'comment', comment: newest!['id'], post: newest!['post'].id };
  expect((await run('post', 'p1', { reply: 'r-1', to, text: 'thanks' })).error).toBeUndefined();
  const none = await run('find', 'f1', { to, text: 'something else', since: Date.now() });
  expect(none).toMatchObject({ output: { remoteId: null, reliable: true, evidence: { saw: 'thanks', picture: expect.stringMatching(/^evidence\/acc-1\/[a-z0-9]+-[0-9a-f]{8}-picture\.jpg$/) } } });
  expect(Buffer.from((await readResult(stage.master.nc, none.output!['evidence'].picture))!).subarray(0, 2).toString('hex')).toBe('ffd8');
  const hit = await run('find', 'f2', { to, text: 'thanks', since: Date.now() });
  expect(hit.output).toMatchObject({ remoteId: expect.stringMatching(/^\d+$/), evidence: { saw: 'thanks', picture: null } });
});

test('the self-test says which selectors match where', async () => {
  const report = (await ask(selectors)) as { ok: true } & SelectorReport;
  expect(report).toMatchObject({ ok: true });
  expect(report.pages.map((p) => [p.name, p.error])).toEqual([['home', null], ['comments', null], ['comment', null], ['messages', null], ['thread', null]]);
  const row = (name: string) => report.rows.find((r) => r.name === name)!.fallbacks.map((f) => f.matches);
  expect(row('userProfile')).toEqual([{ home: 0, comments: 0, comment: 0, messages: 0, thread: 0 }, { home: 1, comments: 1, comment: 1, messages: 1, thread: 1 }]);
  expect(row('commentItem')).toEqual([{ home: 0, comments: 5, comment: 1, messages: 0, thread: 0 }]);
  expect(row('messageItem')[0]).toMatchObject({ thread: 1, home: 0 });
  expect(row('loginUser')[0]).toMatchObject({ home: 0 });
  expect(report.rows.some((r) => r.name === 'sessionCookie')).toBe(false);
  expect(await ask({ ...selectors, epoch: 2 })).toMatchObject({ ok: false });
});

test('a call that fails leaves a picture and a trace, without the session in it', async () => {
  const good = readFileSync(config(), 'utf8');
  const changed = stage.master.registrations.length;
  const said: string[] = [];
  stage.master.nc.subscribe(subjects.log(WORKER, 'info'), { callback: (_, msg) => void said.push(msg.string()) });
  await stage.master.nc.flush();
  writeFileSync(config(), good.replace('"article.notice"', '"article.gone"'));
  // The change is loaded while the worker runs.
  await until('the change to be loaded', () => said.some((m) => m.includes('platform forum was loaded anew')));
  const { error } = await run('crawl', 'c2', { round: 'r2', cursor: { comments: null, messages: null } });
  expect(error).toMatchObject({ kind: 'element-not-found', sent: 'no', message: expect.stringContaining('article.gone'), evidence: { picture: expect.stringContaining('evidence/acc-1/'), trace: expect.stringMatching(/-trace\.zip$/) } });
  const zip = Buffer.from((await readResult(stage.master.nc, error!['evidence'].trace))!);
  expect(zip.subarray(0, 2).toString()).toBe('PK');
  expect(zip.length).toBeLessThan(200_000);
  const texts = zipEntries(zip).map((b) => b.toString());
  expect(texts.join()).toContain('article.gone');
  expect(session.length).toBeGreaterThan(20);
  expect(texts.join()).not.toContain(session);
  expect(stage.master.registrations).toHaveLength(changed);
  writeFileSync(config(), good);
});

test('a session that is handed in takes the place of the old one; one that the site refuses does not', async () => {
  const { master } = stage;
  const before = master.vault.get('acc-1/storage');
  master.vault.set('acc-1/cookies', JSON.stringify([{ name: 'sid', value: 'nobody-knows-this', domain: '127.0.0.1' }]));
  const refused = await run('login', 'login/l2/1/0', { method: 'cookies' });
  expect(refused.error).toMatchObject({ kind: 'logged-out', message: expect.stringContaining('does not take this session') });
  expect(JSON.stringify(refused)).not.toContain('nobody-knows-this');
  expect(master.vault.get('acc-1/cookies')).toBe('');
  expect(master.vault.get('acc-1/storage')).toBe(before);
  expect((await run('check', 'k1', {})).output).toEqual({ session: 'valid' });

  master.vault.set('acc-1/cookies', `127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\t${session}\nbank.example\tFALSE\t/\tFALSE\t0\tsid\tx`);
  const taken = await run('login', 'login/l3/1/0', { method: 'cookies' });
  expect(taken.output).toMatchObject({ user: { id: 'gardener' } });
  expect(master.vault.get('acc-1/cookies')).toBe('');
  expect(master.vault.get('acc-1/storage')).not.toContain('bank.example');

  const gone = await run('login', 'login/l4/1/0', { method: 'cookies' });
  expect(gone.error).toMatchObject({ kind: 'refused', message: expect.stringContaining('hand them in again') });
  master.vault.set('acc-1/cookies', 'bank.example\tFALSE\t/\tFALSE\t0\tsid\tx');
  expect((await run('login', 'login/l5/1/0', { method: 'cookies' })).error).toMatchObject({ kind: 'refused', message: expect.stringContaining('none of the 1 cookies is of 127.0.0.1') });
});
