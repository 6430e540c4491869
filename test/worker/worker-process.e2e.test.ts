import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { chromiumsUnder } from '../../runtime/browsers/chromium-processes.ts';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { identify } from '../../runtime/browsers/process-identity.ts';
import { processStage } from './worker-process.ts';
import { until } from './until.ts';
import { WORKER } from './worker-stage.ts';

let stage: Awaited<ReturnType<typeof processStage>>;
afterEach(async () => {
  const last = stage;
  stage = undefined as never;
  await last?.stop();
});

const post = (text: string) => ({ account: 'acc-1', platform: 'sandbox', worker: WORKER, epoch: 1, proxy: null, reply: 'reply-1', to: { type: 'comment', comment: 'c1', post: '1' }, text });

for (const [point, stored] of [['before-leave', 0], ['after-leave', 0], ['after-press', 1]] as const) {
  test(`killed at ${point}: ${stored} in the ledger, and its successor calls the reply lost`, async () => {
    stage = await processStage();
    const { master, site } = stage;
    const first = await stage.start({ TROUPE_CRASH_AT: point });
    await stage.login('acc-1', 'mei');
    await master.run(WORKER, 'post', 'doomed', post('once'), { once: true });
    expect(await first.exit).toEqual({ code: null, signal: 'SIGKILL' });
    await until('its Chromium to end with it', () => chromiumsUnder(stage.server.config.dataDir).length === 0);
    expect(await site.ledger()).toHaveLength(stored);

    await stage.start();
    expect(new Set(master.registrations.map((r) => r.incarnation)).size).toBe(2);
    await until('the second to take it', async () => (await master.run(WORKER, 'post', 'doomed', post('once'), { once: true, offered: 1 })).taken);
    expect((await master.result('doomed')).error).toMatchObject({ kind: 'lost', sent: 'maybe' });
    await master.run(WORKER, 'check', 'check', post(''));
    expect((await master.result('check')).output).toEqual({ session: 'valid' });
    expect(await site.ledger()).toHaveLength(stored);
  });
}

test('a worker that was stopped past its lease presses nothing when it goes on', async () => {
  const leaseMs = 5000;
  stage = await processStage({ heartbeatMs: 500, leaseMs });
  const { master, site } = stage;
  const worker = await stage.start();
  await stage.login('acc-1', 'mei');
  master.onLeave = () => {
    worker.child.kill('SIGSTOP');
    return { ok: true };
  };
  await until('the post to be taken', async () => (await master.run(WORKER, 'post', 'zombie', post('from the grave'))).taken);
  await until('leave to be asked', () => master.leaves.length === 1);
  // The lease runs out by the clock while the process stands still; what it sent before it stopped is heard by now.
  const stopped = performance.now();
  await until('the lease to be over', () => performance.now() - stopped > leaseMs);
  worker.child.kill('SIGCONT');
  expect((await master.result('zombie')).error).toMatchObject({ kind: 'fenced', sent: 'no' });
  expect(await site.ledger()).toEqual([]);
});

test('SIGTERM lets a running reply finish, saves the session, closes the browsers and ends with 0', async () => {
  stage = await processStage();
  const { master, site } = stage;
  const worker = await stage.start();
  await stage.login('acc-1', 'mei');
  await site.control('plan', { pattern: ['slow'], count: 1 });
  await master.run(WORKER, 'post', 'last', post('last words'));
  await until('leave to be asked', () => master.leaves.length === 1);
  worker.child.kill('SIGTERM');
  expect((await master.result('last')).output).toMatchObject({ remoteId: expect.any(String) });
  expect(await worker.exit).toEqual({ code: 0, signal: null });
  expect(await site.ledger()).toHaveLength(1);
  expect(chromiumsUnder(stage.server.config.dataDir)).toEqual([]);
});

test('a platform that never lets go ends its worker once: the next one leaves it out, and the others work', async () => {
  stage = await processStage();
  const { master, server } = stage;
  const root = join(server.config.dataDir, 'platforms');
  mkdirSync(join(root, 'rude'), { recursive: true });
  writeFileSync(join(root, 'rude', 'config.json'), JSON.stringify({ platform: 'rude', label: 'Rude', urls: {}, selectors: {}, timeouts: {} }));
  writeFileSync(join(root, 'rude', 'platform.mjs'), `const f = async () => null;
export const create = () => ({ id: 'rude', label: 'Rude', flows: [], can: { comments: true }, login: f, comments: f, messages: f, prepare: f, find: f, async check() { await f(); for (;;); } });`);
  const env = { TROUPE_PLATFORMS_DIR: root };
  const first = await stage.start(env);
  expect(master.registrations.at(-1)!.capabilities).toContain('rude');
  await stage.login('acc-1', 'mei');
  await master.run(WORKER, 'check', 'loops', { ...post(''), platform: 'rude' });
  expect(await first.exit).toEqual({ code: null, signal: 'SIGKILL' });

  await stage.start(env);
  expect(master.registrations.at(-1)!.capabilities).not.toContain('rude');
  await until('the second to take it', async () => (await master.run(WORKER, 'check', 'again', { ...post(''), platform: 'rude' })).taken);
  expect((await master.result('again')).error).toMatchObject({ kind: 'refused', message: expect.stringContaining('at rude/platform.mjs:2 (check), a loop without an end') });
  await master.run(WORKER, 'check', 'other', post(''));
  expect((await master.result('other')).output).toEqual({ session: 'valid' });
});

test('a result is stored although the server was away when it came', async () => {
  stage = await processStage();
  const { master, site } = stage;
  await stage.start();
  await stage.login('acc-1', 'mei');
  await site.control('mood', { slowMs: 1500 });
  await master.run(WORKER, 'check', 'cut', { ...post(''), reply: undefined });
  stage.server.child.kill('SIGSTOP');
  await sleep(4000);
  stage.server.child.kill('SIGCONT');
  expect((await master.result('cut')).output).toEqual({ session: 'valid' });
});

test('a Chromium whose owner is dead is reaped at start, one whose owner lives is left alone', async () => {
  stage = await processStage();
  const { path } = await findChromium();
  const dir = join(stage.server.config.dataDir, 'browser', WORKER);
  const launch = async (name: string) => {
    const profile = join(dir, name);
    mkdirSync(profile, { recursive: true });
    const child = spawn(path, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-port=0', `--user-data-dir=${profile}`], { stdio: 'ignore', detached: true });
    await until(`${name} to run`, () => chromiumsUnder(profile)[0] && existsSync(join(profile, 'DevToolsActivePort')));
    return { child, profile };
  };
  const orphan = await launch('browser_orphan');
  const owned = await launch('browser_owned');
  writeFileSync(`${orphan.profile}.lock`, JSON.stringify({ ...identify(process.pid), start: '1' }));
  writeFileSync(`${owned.profile}.lock`, JSON.stringify(identify(process.pid)));
  try {
    await stage.start();
    expect(chromiumsUnder(orphan.profile)).toEqual([]);
    expect(chromiumsUnder(owned.profile)).toHaveLength(1);
  } finally {
    owned.child.kill('SIGKILL');
    orphan.child.kill('SIGKILL');
  }
});
