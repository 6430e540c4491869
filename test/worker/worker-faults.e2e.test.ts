import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { chromiumsUnder } from '../../runtime/browsers/chromium-processes.ts';
import { until } from './until.ts';
import { WORKER, workerStage, type WorkerStage } from './worker-stage.ts';

let stage: WorkerStage;
afterEach(async () => {
  const last = stage;
  stage = undefined as never;
  await last?.stop();
});

const base = (account: string, epoch = 1) => ({ account, platform: 'sandbox', worker: WORKER, epoch, proxy: null });
const profileOf = (account: string) => join(stage.server.config.dataDir, 'browser', WORKER, `browser_${account}`);
const chromiumOf = (account: string) => chromiumsUnder(profileOf(account))[0]?.process.pid;
const check = async (token: string, account: string) => {
  await until('the check to be taken', async () => (await stage.master.run(WORKER, 'check', token, base(account))).taken);
  return stage.master.result(token);
};

test('a Chromium that is killed is replaced, its session kept, and the other account untouched', async () => {
  stage = await workerStage();
  await stage.login('acc-1', 'mei');
  await stage.login('acc-2', 'jonas');
  const [first, other] = [chromiumOf('acc-1')!, chromiumOf('acc-2')!];
  process.kill(first, 'SIGKILL');
  await until('the killed Chromium to be gone', () => !existsSync(`/proc/${first}`));
  expect((await check('after-kill', 'acc-1')).output).toEqual({ session: 'valid' });
  expect(chromiumOf('acc-1')).not.toBe(first);
  expect(chromiumOf('acc-2')).toBe(other);
});

test('a worker that hears no master gives its accounts up in time and takes them back afterwards', async () => {
  const leaseMs = 4000;
  stage = await workerStage({ heartbeatMs: 300, leaseMs });
  await stage.login('acc-1', 'mei');
  const { master, site } = stage;
  await site.control('mood', { slowMs: 12_000 });
  await until('the crawl to be taken', async () => (await master.run(WORKER, 'crawl', 'slow-crawl', { ...base('acc-1'), round: 'r', cursor: { comments: null, messages: null } })).taken);
  await until('the crawl to run', () => (master.heartbeats.at(-1)?.busy as { crawl: number }).crawl === 1);
  const cut = performance.now();
  master.deaf = true;
  expect((await master.result('slow-crawl')).error).toMatchObject({ kind: 'fenced', sent: 'no' });
  expect(performance.now() - cut).toBeLessThan(leaseMs + 800);
  await until('the browser to be closed', () => chromiumOf('acc-1') === undefined);
  expect(await master.run(WORKER, 'post', 'cut-off', { ...base('acc-1'), reply: 'x', to: { type: 'comment', comment: 'c1', post: '1' }, text: 'cut off' }, { once: true })).toMatchObject({ taken: false });

  master.deaf = false;
  await site.control('mood', { slowMs: 0 });
  expect((await check('after-silence', 'acc-1')).output).toEqual({ session: 'valid' });
});

test('leave that comes after the lease is over presses nothing', async () => {
  stage = await workerStage({ heartbeatMs: 200 });
  await stage.login('acc-1', 'mei');
  const { master, site } = stage;
  let release = () => {};
  const asked = new Promise<void>((resolve) => {
    master.nc.subscribe(`troupe.ask.${WORKER}.leave`, { callback: (_, msg) => {
      release = () => msg.respond(JSON.stringify({ ok: true }));
      resolve();
    } });
  });
  master.onLeave = () => null;
  await master.run(WORKER, 'post', 'late-leave', { ...base('acc-1'), reply: 'x', to: { type: 'comment', comment: 'c1', post: '1' }, text: 'too late' });
  await asked;
  master.leases.set('acc-1', 2);
  await until('the worker to know', () => JSON.stringify(master.heartbeats.at(-1)?.accounts).includes('"epoch":2'));
  release();
  expect((await master.result('late-leave')).error).toMatchObject({ kind: 'fenced', sent: 'no' });
  expect(await site.ledger()).toEqual([]);
});

test('an account that is no longer listed is closed, the others go on', async () => {
  stage = await workerStage({ heartbeatMs: 200 });
  await stage.login('acc-1', 'mei');
  await stage.login('acc-2', 'jonas');
  stage.master.leases.delete('acc-1');
  await until('the browser of acc-1 to close', () => chromiumOf('acc-1') === undefined);
  expect((await check('the-other', 'acc-2')).output).toEqual({ session: 'valid' });
});

test('a session follows its account to an empty profile through the vault', async () => {
  stage = await workerStage({ idleMs: 600 });
  await stage.login('acc-1', 'mei');
  await until('the idle browser to close', () => chromiumOf('acc-1') === undefined);
  const other = 'acc-moved';
  stage.master.leases.set(other, 1);
  for (const field of ['storage', 'fingerprint']) stage.master.vault.set(`${other}/${field}`, stage.master.vault.get(`acc-1/${field}`)!);
  expect((await check('moved', other)).output).toEqual({ session: 'valid' });
  const file = join(stage.server.config.dataDir, 'browser', WORKER, 'fingerprints', `${other}_fingerprint.json`);
  expect(readFileSync(file, 'utf8')).toBe(stage.master.vault.get(`${other}/fingerprint`));
});

test('a login waits for the answer to a slider and to an SMS code, and a wrong one is asked again', async () => {
  stage = await workerStage();
  const { master, site } = stage;
  await site.control('mood', { challenge: 'sms' });
  master.leases.set('acc-1', 1);
  await master.run(WORKER, 'login', 'sms', { ...base('acc-1'), method: 'qrcode' });
  const { url } = await master.event('sms', 'QR');
  await site.scan(url as string);
  const sms = /class="sms">(\d{6})</.exec(await site.confirm(url as string, 'mei'))![1]!;
  master.secrets.set('wrong', '000000').set('right', sms);
  const first = await master.event('sms', 'CHALLENGE');
  expect(first).toMatchObject({ what: 'sms', prompt: expect.stringContaining('six digits') });
  await master.fx(WORKER, { op: 'signal', token: 'sms', id: 's1', data: { txn: first.txn, ref: 'wrong' } });
  const second = await master.event('sms', 'CHALLENGE', 1);
  expect(second.txn).not.toBe(first.txn);
  await master.fx(WORKER, { op: 'signal', token: 'sms', id: 's2', data: { txn: second.txn, ref: 'right' } });
  expect((await master.result('sms')).output).toMatchObject({ user: { id: 'mei' } });

  await site.control('mood', { challenge: 'slider' });
  master.leases.set('acc-2', 1);
  await master.run(WORKER, 'login', 'slider', { ...base('acc-2'), method: 'qrcode' });
  const qr = await master.event('slider', 'QR');
  await site.scan(qr.url as string);
  await site.confirm(qr.url as string, 'jonas');
  const slide = await master.event('slider', 'CHALLENGE');
  expect(master.pictures.get(slide.picture as string)!.length).toBeGreaterThan(1000);
  master.secrets.set('slide', /stands at (\d+)/.exec(slide.prompt as string)![1]!);
  await master.fx(WORKER, { op: 'signal', token: 'slider', id: 's3', data: { txn: slide.txn, ref: 'slide' } });
  expect((await master.result('slider')).output).toMatchObject({ user: { id: 'jonas' } });
});

test('a dead code is shown again, an aborted login ends, and the account is free for the next', async () => {
  stage = await workerStage();
  const { master, site } = stage;
  master.leases.set('acc-1', 1);
  await master.run(WORKER, 'login', 'first', { ...base('acc-1'), method: 'qrcode' });
  const one = await master.event('first', 'QR');
  await site.control('expire-qr');
  const two = await master.event('first', 'QR', 1);
  expect(two.url).not.toBe(one.url);
  expect(two.txn).not.toBe(one.txn);
  expect(await master.fx(WORKER, { op: 'abort', token: 'first' })).toEqual({ taken: true });
  expect((await master.result('first')).error).toMatchObject({ kind: 'aborted' });
  await stage.login('acc-1', 'jonas');
});

test('one shared Chromium serves several accounts apart from each other', async () => {
  stage = await workerStage({ mode: 'context' });
  await stage.login('acc-1', 'mei');
  await stage.login('acc-2', 'jonas');
  const all = chromiumsUnder(stage.server.config.dataDir);
  expect(all).toHaveLength(1);
  process.kill(all[0]!.process.pid, 'SIGKILL');
  await until('the killed Chromium to be gone', () => !existsSync(`/proc/${all[0]!.process.pid}`));
  expect((await check('shared-1', 'acc-1')).output).toEqual({ session: 'valid' });
  expect((await check('shared-2', 'acc-2')).output).toEqual({ session: 'valid' });
});

test('a platform that hangs, throws nonsense or lies about its shape becomes a fault, and the worker goes on', async () => {
  const root = mkdtempSync(join(tmpdir(), 'rude-'));
  mkdirSync(join(root, 'rude'));
  writeFileSync(join(root, 'rude', 'config.json'), JSON.stringify({ platform: 'rude', label: 'Rude', urls: {}, selectors: {}, timeouts: { call: 700 } }));
  writeFileSync(join(root, 'rude', 'platform.mjs'), `export const create = () => ({
    id: 'rude', label: 'Rude', flows: [], can: { comments: true, messages: false, replyComment: true, replyMessage: false, maxLength: 9, verifyReliable: false },
    async *login() { throw { not: 'an error' }; }, check: () => new Promise(() => {}), comments: async () => { throw new TypeError('x is undefined'); },
    messages: async () => null, prepare: async () => ({ press: () => new Promise(() => {}) }), find: async () => undefined,
  });`);
  process.env.TROUPE_PLATFORMS_DIR = root;
  try {
    stage = await workerStage();
  } finally {
    delete process.env.TROUPE_PLATFORMS_DIR;
  }
  const { master } = stage;
  master.leases.set('acc-1', 1);
  const rude = { ...base('acc-1'), platform: 'rude' };
  await master.run(WORKER, 'check', 'hangs', rude);
  expect((await master.result('hangs')).error).toMatchObject({ kind: 'timeout', sent: 'no', message: expect.stringContaining('Rude took over 700 ms') });
  await master.run(WORKER, 'crawl', 'throws', { ...rude, round: 'r', cursor: { comments: null, messages: null } });
  expect((await master.result('throws')).error).toMatchObject({ kind: 'unknown', sent: 'no', message: 'x is undefined' });
  await master.run(WORKER, 'login', 'nonsense', { ...rude, method: 'qrcode' });
  expect((await master.result('nonsense')).error).toMatchObject({ kind: 'unknown' });
  await master.run(WORKER, 'find', 'nothing', { ...rude, to: { type: 'comment', comment: 'c', post: 'p' }, text: 'x', since: 0 });
  expect((await master.result('nothing')).output).toEqual({ remoteId: null, reliable: false, evidence: null });
  await master.run(WORKER, 'post', 'too-long', { ...rude, reply: 'r', to: { type: 'comment', comment: 'c', post: 'p' }, text: '0123456789' });
  expect((await master.result('too-long')).error).toMatchObject({ kind: 'refused', sent: 'no' });
  rmSync(root, { recursive: true, maxRetries: 20, retryDelay: 100 });
});
