import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workerConfig } from '../../actors/worker.ts';
import { Projection } from '../../runtime/read-model/projection.ts';
import { openForWriting, type Db } from '../../runtime/read-model/store.ts';
import { STREAM } from '../../transport/subjects.ts';
import { Story } from './story.ts';

let dir: string;
let db: Db;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-loops-'));
  ({ db } = openForWriting(join(dir, 'view.db')));
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const REGISTERS_AFTER = 1_000;
const registration = { incarnation: 'i1', host: 'h', pid: 7, port: 1, version: '1', node: 'v20', chromium: '1', capabilities: ['sandbox'], maxAccounts: 10, group: 'default', mode: 'profile' };

/** A worker that lives `aliveMs` each time, for as long as it is started again or `lives` are over. */
function loop(aliveMs: number, lives: number) {
  const s = new Story('worker', { id: 'x', config: { worker_id: 'x', ...workerConfig.parse({ name: 'Loop' }) } });
  const view = new Projection(db, 16);
  let seq = 0;
  const show = () => view.apply({ stream: STREAM.journal, seq: ++seq, subject: 'troupe.journal.worker.x', data: Buffer.from(JSON.stringify(s.entry)), at: s.now });
  show();
  s.rnd = 0;
  s.send('START');
  show();
  const pauses: number[] = [];
  let lived = 0;
  for (; lived < lives && s.state.includes('starting.spawning'); lived++) {
    s.done('spawn', { handle: { pid: 7 }, pid: 7 });
    if (aliveMs > REGISTERS_AFTER) {
      s.wait(REGISTERS_AFTER);
      s.send('REGISTERED', { registration });
      show();
    }
    s.wait(aliveMs > REGISTERS_AFTER ? aliveMs - REGISTERS_AFTER : aliveMs);
    s.done('watch', { code: 1, signal: null });
    show();
    if (!s.state.includes('process.crashed')) continue;
    const pause = s.context.nextRetryAt - s.now;
    pauses.push(pause);
    s.wait(pause);
    show();
  }
  const notes = db.prepare("SELECT title, priority FROM notifications WHERE related_id = 'x' ORDER BY id").all() as { title: string; priority: string }[];
  return { s, pauses, lived, urgent: notes.filter((n) => n.priority === 'urgent').map((n) => n.title), notes: notes.length };
}

describe('a worker that ends again and again (F12)', () => {
  it.each([500, 11_000])('after %i ms is started 5, 10 and 20 s later, then given up with one alarm', (alive) => {
    const { s, pauses, lived, urgent, notes } = loop(alive, 100);
    expect(pauses).toEqual([5_000, 10_000, 20_000]);
    expect(lived).toBe(4);
    expect(s.state).toContain('process.error');
    expect(urgent).toEqual(['Loop: error']);
    // One word when it begins, one when it is given up.
    expect(notes).toBe(2);
    s.wait(3_600_000);
    expect(s.state).toContain('process.error');
    expect(s.entry.pending).toMatchObject({ timers: {}, effects: {} });
  });

  it('after five minutes is never given up: each crash finds the older ones out of the window', () => {
    const { s, pauses, lived, urgent } = loop(300_000, 50);
    expect(lived).toBe(50);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(10_000);
    expect(s.state).toContain('starting');
    expect(urgent).toEqual([]);
  });

  it('says no more of one that goes on for days than of one that stops', () => {
    expect(loop(300_000, 100).notes).toBe(1);
  });
});
