import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJournal } from '../harness/checker.ts';
import { until } from '../harness/stage.ts';
import { freePort } from '../setup/running-server.ts';
import { wholeSystem, type WholeSystem } from './whole-system.ts';

let s: WholeSystem;
let operator: NatsConnection;
let dir: string;
const ids: string[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-states-'));
  // A worker asks its browser for the version before it registers: while the gate is shut, it is starting.
  writeFileSync(join(dir, 'chromium'), `#!/bin/sh\nwhile [ ! -e "${dir}/gate" ]; do sleep 0.05; done\necho Chromium 130.0.6723.58\n`, { mode: 0o755 });
  s = await wholeSystem();
  operator = await s.stage.operator();
}, 60_000);
afterAll(async () => {
  gate(true);
  // Workers outlive their master, so none may be left.
  for (const id of ids) for (const pid of processesOf(id)) process.kill(pid, 'SIGKILL');
  await s?.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const gate = (open: boolean) => (open ? writeFileSync(join(dir, 'gate'), '') : rmSync(join(dir, 'gate'), { force: true }));
async function define(id: string): Promise<void> {
  ids.push(id);
  const made = await s.api('POST', '/worker-configs', { worker_id: id, name: id, auto_start: false, port: await freePort(), env_variables: { TROUPE_CHROMIUM: join(dir, 'chromium') } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  await until(async () => (await s.api('GET', `/workers/${id}`)).status === 200, `${id} is in the view`);
}
const is = (id: string, status: string) => until(async () => (await s.api('GET', `/workers/${id}/status`)).body.status === status, `${id} is ${status}`, 30_000);
const post = (id: string, verb: string, body: object = {}) => s.api('POST', `/workers/${id}/${verb}`, body);

/** The worker processes of this id, as the system sees them. */
function processesOf(id: string): number[] {
  const belongs = (pid: string): boolean => {
    try {
      const environ = `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`;
      // A session of its own: what it starts itself is its copy for a moment.
      const session = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')[3];
      return session === pid && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('main.js\0worker\0') && environ.includes(`\0WORKER_ID=${id}\0`) && environ.includes(`\0TROUPE_DATA=${s.stage.config.dataDir}\0`);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter((p) => /^\d+$/.test(p) && belongs(p)).map(Number);
}

/** Looks all the while; gives the most processes that were there at once. */
function counting(id: string): () => number {
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, processesOf(id).length)), 15);
  return () => (clearInterval(timer), most);
}

const turns = async (id: string) => (await readJournal(operator)).filter((j) => j.actor === `worker/${id}`).map((j) => `${j.entry.index} ${j.entry.event?.type}`);

/** Each is refused in words, and leaves no turn behind. */
async function refused(id: string, requests: [string, Promise<Awaited<ReturnType<typeof post>>>][]): Promise<void> {
  for (const [what, request] of requests) {
    const { status, body } = await request;
    expect([what, status, body.code], JSON.stringify(body)).toEqual([what, 409, 'conflict']);
    expect(body.message).toMatch(new RegExp(`worker/${id} is .+: [A-Z_]+ is not possible now; possible are [A-Z]`));
  }
}

describe('start', () => {
  it('ten times at once is one start, and again while starting or running is refused', async () => {
    gate(false);
    await define('w-start');
    const most = counting('w-start');
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('w-start', 'start')));
    expect(answers.map((a) => a.status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
    expect(answers.find((a) => a.status === 200)!.body).toMatchObject({ success: true, status: 'starting' });
    const [pid] = await until(() => (processesOf('w-start').length > 0 ? processesOf('w-start') : null), 'the process is there');
    await until(async () => (await turns('w-start')).length >= 3, 'the master knows its process');

    const starting = await turns('w-start');
    await refused('w-start', [['start', post('w-start', 'start')], ['start', post('w-start', 'lifecycle/start')], ['delete', s.api('DELETE', '/worker-configs/w-start')]]);
    expect(await turns('w-start')).toEqual(starting);

    gate(true);
    await is('w-start', 'running');
    const running = await turns('w-start');
    await refused('w-start', [['start', post('w-start', 'start')], ['start', post('w-start', 'start')], ['retry', post('w-start', 'retry')], ['delete', s.api('DELETE', '/worker-configs/w-start')]]);
    expect(await turns('w-start')).toEqual(running);
    expect((await s.api('GET', '/workers/w-start')).status).toBe(200);
    expect(processesOf('w-start')).toEqual([pid]);
    expect(most()).toBe(1);
  });
});

describe('stop', () => {
  it('while starting ends the process, and a second one is refused', async () => {
    gate(false);
    await define('w-stop');
    expect((await post('w-stop', 'start')).status).toBe(200);
    await until(() => processesOf('w-stop').length === 1, 'the process is there');
    const stopped = await post('w-stop', 'stop', { timeout: 1000 });
    expect([stopped.status, stopped.body.status]).toEqual([200, 'stopping']);
    await is('w-stop', 'stopped');
    expect(processesOf('w-stop')).toEqual([]);
    const before = await turns('w-stop');
    await refused('w-stop', [['stop', post('w-stop', 'stop')], ['stop', post('w-stop', 'stop', { graceful: false })], ['drain', post('w-stop', 'drain')], ['retry', post('w-stop', 'retry')]]);
    expect(await turns('w-stop')).toEqual(before);
    gate(true);
    expect((await post('w-stop', 'start')).status).toBe(200);
    await is('w-stop', 'running');
    expect(processesOf('w-stop')).toHaveLength(1);
  });

  it('the moment after start, whatever of it was done by then, leaves nothing that runs', async () => {
    gate(true);
    await define('w-race');
    const most = counting('w-race');
    for (let round = 0; round < 8; round++) {
      const [started, stopped] = await Promise.all([post('w-race', 'start'), post('w-race', 'stop', { graceful: round % 2 === 0, timeout: 2000 })]);
      expect(started.status).toBe(200);
      // One that came first found nothing to stop.
      if (stopped.status === 409) expect((await post('w-race', 'stop', { timeout: 2000 })).status).toBe(200);
      await is('w-race', 'stopped');
      await until(() => processesOf('w-race').length === 0, `round ${round}: no process is left of a stopped worker`, 5_000);
    }
    expect(most()).toBeLessThanOrEqual(1);
  });

  it('goes on through what is asked meanwhile: twice is refused, delete too, and restart makes one process', async () => {
    gate(true);
    await define('w-slow');
    const most = counting('w-slow');
    await post('w-slow', 'start');
    await is('w-slow', 'running');
    const [pid] = processesOf('w-slow');
    // Held still, it hears no TERM: it is stopping until it is let go.
    process.kill(pid!, 'SIGSTOP');
    expect((await post('w-slow', 'stop', { timeout: 60_000 })).body.status).toBe('stopping');
    const stopping = await turns('w-slow');
    await refused('w-slow', [['stop', post('w-slow', 'stop')], ['drain', post('w-slow', 'drain')], ['retry', post('w-slow', 'retry')], ['delete', s.api('DELETE', '/worker-configs/w-slow')]]);
    expect(await turns('w-slow')).toEqual(stopping);

    const restarts = await Promise.all(Array.from({ length: 5 }, () => post('w-slow', 'restart')));
    expect(restarts.map((r) => r.status).sort()).toEqual([200, 409, 409, 409, 409]);
    await refused('w-slow', [['start', post('w-slow', 'start')]]);
    expect(processesOf('w-slow')).toEqual([pid]);
    process.kill(pid!, 'SIGCONT');
    const [next] = await until(() => { const now = processesOf('w-slow'); return now.length > 0 && now[0] !== pid ? now : null; }, 'another process');
    await is('w-slow', 'running');
    expect(processesOf('w-slow')).toEqual([next]);
    expect(most()).toBe(1);
    expect((await post('w-slow', 'stop', { graceful: false })).status).toBe(200);
    await is('w-slow', 'stopped');
    expect((await s.api('DELETE', '/worker-configs/w-slow')).status).toBe(200);
    await until(async () => (await s.api('GET', '/workers/w-slow')).status === 404, 'it is gone');
    expect((await s.api('DELETE', '/worker-configs/w-slow')).status).toBe(404);
    expect((await post('w-slow', 'start')).status).toBeGreaterThanOrEqual(404);
    expect(processesOf('w-slow')).toEqual([]);
  });
});

describe('a batch', () => {
  it('tells of each id once, of unknown ones too, and starts one process each', async () => {
    gate(true);
    await Promise.all(['w-b1', 'w-b2'].map(define));
    const most = ['w-b1', 'w-b2'].map(counting);
    const both = await Promise.all([0, 1].map(() => s.api('POST', '/workers/batch', { action: 'start', worker_ids: ['w-b1', 'w-b2', 'w-b1', 'ghost', 'ghost', 'w-b1'] })));
    for (const { status, body } of both) {
      expect([status, body.success, body.results.map((r: { worker_id: string }) => r.worker_id)]).toEqual([200, false, ['w-b1', 'w-b2', 'ghost']]);
      expect(body.results[2]).toMatchObject({ success: false, code: 'not_found', error: 'there is no worker/ghost' });
    }
    for (const i of [0, 1]) expect(both.map(({ body }) => body.results[i]).map((r) => r.code ?? r.status).sort()).toEqual(['conflict', 'starting']);
    for (const id of ['w-b1', 'w-b2']) {
      await is(id, 'running');
      expect(processesOf(id)).toHaveLength(1);
    }
    expect(await turns('ghost')).toEqual([]);
    const stopped = await s.api('POST', '/workers/batch', { action: 'stop', worker_ids: ['w-b2', 'w-b1', 'w-b2'], options: { timeout: 5000 } });
    expect(stopped.body).toMatchObject({ success: true, results: [{ worker_id: 'w-b2', status: 'stopping' }, { worker_id: 'w-b1', status: 'stopping' }] });
    for (const id of ['w-b1', 'w-b2']) await is(id, 'stopped');
    expect(most.map((m) => m())).toEqual([1, 1]);
  });

  it('of 10,000 ids is refused whole, before any of them is asked', async () => {
    const before = (await readJournal(operator)).filter((j) => j.actor.startsWith('worker/')).length;
    for (const worker_ids of [Array.from({ length: 10_000 }, (_, i) => `w-${i}`), Array.from({ length: 10_000 }, () => 'w-b1'), ['w-b1', ...Array.from({ length: 500 }, (_, i) => `w-${i}`)]]) {
      const { status, body } = await s.api('POST', '/workers/batch', { action: 'start', worker_ids });
      expect([status, body.code, body.field, body.message]).toEqual([413, 'too_large', 'worker_ids', 'worker_ids: 500 at most']);
    }
    const bad = await s.api('POST', '/workers/batch', { action: 'start', worker_ids: ['w-b1', '../w-b2'] });
    expect([bad.status, bad.body.field]).toEqual([422, 'worker_ids.1']);
    expect((await readJournal(operator)).filter((j) => j.actor.startsWith('worker/')).length).toBe(before);
    expect(processesOf('w-b1')).toEqual([]);
  });
});
