import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workerConfig } from '../../actors/worker.ts';
import { accountEffects } from '../../runtime/master/account-effects.ts';
import type { Engine } from '../../runtime/master/engine.ts';
import { Liveness } from '../../runtime/master/liveness.ts';
import { allow } from '../../runtime/master/rules.ts';
import { scalerEffects } from '../../runtime/master/scaler-effects.ts';
import { Projection } from '../../runtime/read-model/projection.ts';
import { openForWriting, type Db } from '../../runtime/read-model/store.ts';
import { STREAM } from '../../transport/subjects.ts';
import { Story } from '../machines/story.ts';

let dir: string;
let db: Db;
let view: Projection;
let seq: number;
let liveness: Liveness;
const stories = new Map<string, Story>();
const engine = { host: { head: async (actor: string) => (stories.has(actor) ? { entry: stories.get(actor)!.entry } : null) } } as unknown as Engine;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-cordon-'));
  ({ db } = openForWriting(join(dir, 'view.db')));
  view = new Projection(db, 16);
  seq = 0;
  liveness = new Liveness({ suspectAfter: 60_000, offlineAfter: 120_000 }, () => {});
  stories.clear();
});
afterEach(() => {
  liveness.stop();
  db.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const show = (actor: string, s: Story) => {
  stories.set(actor, s);
  view.apply({ stream: STREAM.journal, seq: ++seq, subject: `troupe.journal.${actor.replace('/', '.')}`, data: Buffer.from(JSON.stringify(s.entry)), at: s.now });
};
const machine = (id: string, is: 'agent' | 'ssh', host: string, port: number | null = null) => {
  const s = new Story('machine', { id, is, host, port, name: id });
  show(`machine/${id}`, s);
  return (event: string) => {
    s.send(event);
    show(`machine/${id}`, s);
  };
};
const worker = (id: string, where: object) => {
  const s = new Story('worker', { id, config: { worker_id: id, ...workerConfig.parse({ name: id, ...where }) } });
  show(`worker/${id}`, s);
  const on = (id_: string, turn: () => void) => (turn(), show(`worker/${id_}`, s));
  return {
    run: () => on(id, () => {
      s.send('START');
      s.done('spawn', { handle: { pid: 7 }, pid: 7 });
      s.send('REGISTERED', { registration: { incarnation: `i-${id}`, host: 'h', pid: 7, port: 1, version: '1', node: 'v20', chromium: '1', capabilities: ['sandbox'], maxAccounts: 10, group: 'default', mode: 'profile' } });
      liveness.registered(id, `i-${id}`);
    }),
    crash: () => on(id, () => s.done('watch', { code: 1, signal: null })),
    story: s,
  };
};
const ssh = { deployment_type: 'remote', ssh_host: 'far', ssh_port: 2222, ssh_user: 'u', ssh_password: 'p' };
const may = (kind: string, id: string, verb: string, payload: unknown = {}) => allow(db, engine, { to: { kind, id }, verb, payload, id: 'r', by: 'user:admin' }, async () => 1);
const assign = (stop: AbortSignal, more: object = {}) => accountEffects(db, () => engine, liveness, () => null).assign({ account: 'a', platform: 'sandbox', group: null, pin: null, prefer: null, last: null, ...more }, { token: 't', actor: 'account/a', again: false, signal: stop, say: () => {} });

describe('on a cordoned machine', () => {
  it.each([['an agent\'s', 'box-1', 'agent', { deployment_type: 'agent', machine: 'box-1' }], ['an SSH host', 'ssh-far', 'ssh', ssh]] as const)('nothing is started by hand (%s), and the refusal says which machine and what to do', async (_, id, is, where) => {
    const say = machine(id, is, is === 'ssh' ? 'far' : id, is === 'ssh' ? 2222 : null);
    const w = worker('w1', where);
    worker('w2', is === 'ssh' ? { ...ssh, ssh_port: 22 } : { deployment_type: 'agent', machine: 'box-2' });
    expect(await may('worker', 'w1', 'start')).toBeNull();
    say('CORDON');
    for (const verb of ['start', 'restart', 'retry', 'prepare']) expect(await may('worker', 'w1', verb), verb).toMatchObject({ ok: false, code: 'conflict', message: expect.stringMatching(new RegExp(`machine ${id} is cordoned.*uncordon it`)) });
    expect(await may('worker', 'w2', 'start')).toBeNull();
    say('UNCORDON');
    expect(await may('worker', 'w1', 'start')).toBeNull();
    // What runs keeps running: it may be restarted, comes back after a crash, and may be stopped.
    w.run();
    say('CORDON');
    for (const verb of ['restart', 'stop', 'drain', 'kill']) expect(await may('worker', 'w1', verb), verb).toBeNull();
    w.crash();
    expect(w.story.state).toContain('process.crashed');
    expect(await may('worker', 'w1', 'retry')).toBeNull();
    w.story.wait(60_000);
    expect(w.story.running).toContain('spawn');
  });

  it('a worker gets no new accounts, neither by itself nor by hand nor pinned', async () => {
    const say = machine('box-1', 'agent', 'box-1');
    worker('w1', { deployment_type: 'agent', machine: 'box-1' }).run();
    say('CORDON');
    const stop = new AbortController();
    let given: unknown = null;
    const waiting = Promise.allSettled([assign(stop.signal).then((g) => (given = g)), assign(stop.signal, { pin: 'w1' }).then((g) => (given = g))]);
    await delay(900);
    expect(given).toBeNull();
    expect(await may('account', 'a', 'assign', { worker: 'w1' })).toMatchObject({ ok: false, field: 'worker', message: expect.stringContaining('box-1') });
    expect(await may('account', 'a', 'move', { to: 'w1' })).toMatchObject({ ok: false, field: 'to', message: expect.stringContaining('box-1') });
    expect(await may('account', 'a', 'assign', { worker: null })).toBeNull();
    worker('w2', { deployment_type: 'local' }).run();
    expect(await assign(new AbortController().signal)).toMatchObject({ worker: 'w2' });
    stop.abort();
    await waiting;
    say('UNCORDON');
    expect(await assign(new AbortController().signal, { pin: 'w1' })).toMatchObject({ worker: 'w1' });
  });

  it('a scaler starts nothing: it takes one elsewhere, else says why, and makes no worker for nothing', async () => {
    const say = machine('box-1', 'agent', 'box-1');
    say('CORDON');
    const labels = { scaler: 'gpu' };
    worker('gpu-auto-1', { deployment_type: 'agent', machine: 'box-1', labels });
    const sent: string[] = [];
    const saved = { deployment_type: 'agent', machine: 'box-1' };
    const { scaleOut } = scalerEffects({ db, engine: () => engine, command: async (to, verb) => (sent.push(`${verb} ${to.id}`), { ok: true }), template: async () => saved });
    const out = () => scaleOut({ group: 'gpu', template: 'far', step: '1' }, {} as never);
    await expect(out()).rejects.toThrow(/template far: machine box-1 is cordoned.*uncordon it/);
    expect(sent).toEqual([]);
    worker('gpu-auto-2', { deployment_type: 'local', labels });
    expect(await out()).toEqual({ worker: 'gpu-auto-2' });
    say('UNCORDON');
    expect(await out()).toEqual({ worker: 'gpu-auto-1' });
    expect(sent).toEqual(['start gpu-auto-2', 'start gpu-auto-1']);
  });
});
