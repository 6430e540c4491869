import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Book } from '../../runtime/master/book.ts';
import type { Answers, HeldJob } from '../../runtime/master/effects.ts';
import { Gates } from '../../runtime/master/gates.ts';
import type { Liveness } from '../../runtime/master/liveness.ts';
import { Placer, type Why } from '../../runtime/master/placer.ts';
import { SCHEMA } from '../../runtime/read-model/schema.ts';
import type { TaskInput } from '../../machines/task.ts';

let db: Database.Database;
let placer: Placer;
let book: Book;
let gates: Gates;
let placed: Map<string, { worker: string; agent: string | null }>;
let failed: Map<string, string>;
let said: Why[];
const dead = new Set<string>();

const answers: Answers = {
  done: (job, output) => void placed.set(job.token, output as never),
  failed: (job, error) => void failed.set(job.token, error.message),
  say: () => {},
};
const worker = (id: string, more: { maxAgents?: number; maxShells?: number; groups?: string[] } = {}) => {
  db.prepare("INSERT INTO worker_configs (worker_id, name, deployment_type, host, cpu_cores, max_memory_mb, created_at, updated_at) VALUES (?, ?, 'local', 'h', 2, 2048, 0, 0)").run(id, id);
  db.prepare("INSERT INTO worker_runtime (worker_id, status) VALUES (?, 'running')").run(id);
  db.prepare("INSERT INTO workers (id, host, port, status, groups, max_agents, max_shells, allow_shell, incarnation, created_at, updated_at) VALUES (?, 'h', 1, 'connected', ?, ?, ?, ?, ?, 0, 0)").run(id, JSON.stringify(more.groups ?? ['default']), more.maxAgents ?? 2, more.maxShells ?? 0, more.maxShells ? 1 : 0, `i-${id}`);
  placer.changed(['worker']);
};
let seq = 0;
const task = (id: string, more: Partial<Record<'type' | 'group', string>> & { priority?: number; requirements?: object; avoid?: string } = {}): string => {
  const token = `task/${id}/1/0`;
  const job: HeldJob = { token, actor: `task/${id}`, input: { task: id, seq: ++seq, type: 'scrape', priority: 5, group: 'default', requirements: {}, avoid: null, at: Date.now(), ...more } };
  placer.take(job, answers);
  return token;
};
const where = (token: string): string | null => placed.get(token)?.worker ?? null;
/** Lets what is due happen. */
const turn = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms + 1);
/** The task's work is out, as after its next turn; and over. */
const begin = (token: string) => book.given(`${token}:work`, token.split('/').slice(0, 2).join('/'), 'work', { worker: where(token), type: 'scrape', agent: null, account: null });
const end = (token: string) => book.over(`${token}:work`);

beforeEach(() => {
  vi.useFakeTimers();
  db = new Database(':memory:');
  db.exec(SCHEMA);
  [placed, failed, said] = [new Map(), new Map(), []];
  dead.clear();
  gates = new Gates(db);
  book = new Book(() => true, () => placer.wake());
  const liveness = { incarnation: (id: string) => `i-${id}`, state: (id: string) => (dead.has(id) ? 'offline' : 'connected'), beatOf: () => null } as unknown as Liveness;
  placer = new Placer({ db, liveness, book, gates, owns: () => true, strategy: () => null, tell: (whys) => void said.push(...whys) });
});
afterEach(() => {
  placer.stop();
  db.close();
  vi.useRealTimers();
});

describe('the placer', () => {
  it('gives out what there is room for, and the next as room comes up', async () => {
    worker('w');
    const tokens = ['a', 'b', 'c'].map((id) => task(id));
    await turn();
    expect(tokens.map(where)).toEqual(['w', 'w', null]);
    tokens.slice(0, 2).forEach(begin);
    expect(placer.size).toBe(1);
    end(tokens[0]!);
    await turn();
    expect(where(tokens[2]!)).toBe('w');
    expect(placer.size).toBe(0);
  });

  it('waits for a worker, and finds one when it comes; never one that is not heard', async () => {
    const token = task('a');
    await turn();
    dead.add('gone');
    worker('gone');
    await turn();
    expect(where(token)).toBeNull();
    worker('w');
    await turn();
    expect(where(token)).toBe('w');
  });

  it('spreads over workers by their share of room', async () => {
    worker('small', { maxAgents: 1 });
    worker('large', { maxAgents: 3 });
    const tokens = ['a', 'b', 'c', 'd'].map((id) => task(id));
    await turn();
    expect(tokens.map(where).sort()).toEqual(['large', 'large', 'large', 'small']);
  });

  it('lets groups take turns: a flood in one holds up no other', async () => {
    worker('w', { maxAgents: 4, groups: ['default', 'eu'] });
    const flood = Array.from({ length: 10 }, (_, i) => task(`f${i}`));
    const other = ['x', 'y'].map((id) => task(id, { group: 'eu' }));
    await turn();
    expect([flood.filter(where).length, other.filter(where).length]).toEqual([2, 2]);
  });

  it('holds what is paused, and goes on when it is not', async () => {
    worker('w');
    db.prepare("INSERT INTO pauses (scope, name, by, reason, since_ms) VALUES ('group', 'default', 'user:ann', 'night', 0)").run();
    gates.refresh();
    const token = task('a');
    await turn(4_000);
    expect(where(token)).toBeNull();
    expect(said.at(-1)!.why).toBe('paused by ann: night');
    db.prepare('DELETE FROM pauses').run();
    gates.refresh();
    placer.changed(['gate']);
    await turn();
    expect(where(token)).toBe('w');
  });

  it('says why once for all that wait for the same, when the first has waited, and takes it back', async () => {
    for (let i = 0; i < 50; i++) task(`g${i}`, { group: 'gpu' });
    await turn(1_500);
    expect(said).toEqual([]);
    await turn(2_500);
    expect(said.map((w) => w.why)).toEqual(['no worker of group gpu runs: start one']);
    await turn(10_000);
    expect(said).toHaveLength(1);
    worker('g', { groups: ['gpu'], maxAgents: 100 });
    await turn(1_000);
    expect(said.at(-1)).toEqual({ shape: said[0]!.shape, why: null });
  });

  it('does not give a task back at once to a worker that had no room for it after all', async () => {
    worker('w');
    const token = task('a', { avoid: 'w' });
    await turn(500);
    expect(where(token)).toBeNull();
    await turn(600);
    expect(where(token)).toBe('w');
  });

  it('forwards to a further group after the wait that it names', async () => {
    worker('w');
    const token = task('a', { group: 'eu', requirements: { forwardTo: ['default'], forwardAfterMs: 5_000 } });
    await turn(4_900);
    expect(where(token)).toBeNull();
    await turn(200);
    expect(where(token)).toBe('w');
  });

  it('ends what can never go anywhere, with the reason', async () => {
    worker('w');
    const nobody = task('a', { requirements: { account: 'ghost' } });
    await turn();
    expect(failed.get(nobody)).toBe('there is no account ghost');
  });

  it('forgets a task that was cancelled, and gives its place to the next', async () => {
    const [a, b] = [task('a'), task('b')];
    placer.drop(a!);
    worker('w', { maxAgents: 1 });
    await turn();
    expect([where(a!), where(b!), placer.size]).toEqual([null, 'w', 0]);
  });

  describe('a task that is being made', () => {
    const asked = (more: object = {}): TaskInput => ({ type: 'scrape', priority: 5, group: 'default', requirements: {}, after: [], notBefore: null, at: Date.now(), ...more }) as unknown as TaskInput;

    it('goes where there is room at once, and the room is taken', async () => {
      worker('w');
      expect(placer.atOnce('task/a', asked())).toMatchObject({ worker: 'w', incarnation: 'i-w', agent: null, account: null });
      expect(placer.atOnce('task/b', asked())).toMatchObject({ worker: 'w' });
      expect(placer.atOnce('task/c', asked())).toBeNull();
      expect(book.load('w').windows).toBe(2);
      // One that was never stored gives its room back, at once or when nothing is heard of it.
      book.cancel('task/b');
      await turn();
      expect(placer.atOnce('task/d', asked())).toMatchObject({ worker: 'w' });
      await turn(6_000);
      expect(placer.atOnce('task/e', asked())).toMatchObject({ worker: 'w' });
      expect(book.load('w').windows).toBe(1);
    });

    it('waits behind those that wait, for its time, for others, and while it is held', async () => {
      const token = task('first');
      await turn();
      worker('w', { maxAgents: 5 });
      expect(placer.atOnce('task/a', asked())).toBeNull();
      await turn();
      expect(where(token)).toBe('w');
      expect(placer.atOnce('task/a', asked({ after: ['x'] }))).toBeNull();
      expect(placer.atOnce('task/a', asked({ notBefore: Date.now() + 1_000 }))).toBeNull();
      expect(placer.atOnce('task/a', asked({ requirements: { worker: 'other' } }))).toBeNull();
      expect(placer.atOnce('task/a', asked({ requirements: { account: 'nobody' } }))).toBeNull();
      db.prepare("INSERT INTO pauses (scope, name, by, reason, since_ms) VALUES ('group', 'default', 'a', '', 0)").run();
      gates.refresh();
      expect(placer.atOnce('task/a', asked())).toBeNull();
      db.exec('DELETE FROM pauses');
      gates.refresh();
      expect(placer.atOnce('task/a', asked({ notBefore: Date.now() - 1 }))).toMatchObject({ worker: 'w' });
    });
  });
});
