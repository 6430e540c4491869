import { afterEach, describe, expect, it } from 'vitest';
import { jetstream } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { conversationId } from '../../actors/conversation-id.ts';
import { brokenChains, lastOf, readJournal } from '../harness/checker.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let poster: Post | null = null;
afterEach(() => {
  poster?.stop();
  return stage.close();
});

type Mode = 'ok' | 'fail-before-press' | 'press-then-fail' | 'leave-then-fail';
type Run = { token: string; actor: { kind: string; id: string }; src: string; input: any; once: boolean; offered: number };

/** A platform with a ledger that has no de-duplication, and a worker that posts to it as told. */
class Post {
  readonly ledger: string[] = [];
  private readonly seen = new Set<string>();
  private readonly nc: NatsConnection;
  private readonly mode: (reply: string, attempt: number) => Mode;
  private readonly attempts = new Map<string, number>();
  private beat: NodeJS.Timeout | null = null;
  private seq = 0;
  readonly incarnation = `i${Date.now()}`;

  constructor(nc: NatsConnection, mode: (reply: string, attempt: number) => Mode) {
    this.nc = nc;
    this.mode = mode;
  }

  async start(): Promise<void> {
    await this.ask('register', { worker: 'w1', incarnation: this.incarnation, host: 'h', pid: 1, port: 0, version: '0', node: 'v20', chromium: '1', capabilities: ['sandbox'], maxAccounts: 10, group: 'default', mode: 'context' });
    this.beat = setInterval(() => this.nc.publish('troupe.hb.w1', JSON.stringify({ worker: 'w1', incarnation: this.incarnation, seq: ++this.seq, at: Date.now(), rssBytes: 1, cpuRatio: 0, browsers: 0, busy: { crawl: 0, reply: 0, login: 0 }, accounts: [] }), { reply: '_INBOX_w1.none' }), 200);
    this.nc.subscribe('troupe.fx.w1', {
      callback: (_, msg) => {
        const run = msg.json<Run & { op: string }>();
        msg.respond(JSON.stringify({ taken: true }));
        if (run.op === 'run' && !this.seen.has(run.token)) {
          this.seen.add(run.token);
          void this.run(run);
        }
      },
    });
  }

  stop(): void {
    if (this.beat) clearInterval(this.beat);
  }

  async ask(verb: string, body: object): Promise<any> {
    for (;;) {
      try {
        return (await this.nc.request(`troupe.ask.w1.${verb}`, JSON.stringify(body), { timeout: 2_000 })).json();
      } catch {
        await new Promise((r) => setTimeout(r, 100));
      }
    }
  }

  private async run(run: Run): Promise<void> {
    const { input } = run;
    if (run.src === 'login') return this.say(run, 'done', { output: { user: { id: 'u', nickname: 'U', avatar: null }, validUntil: null, fingerprint: null } });
    if (run.src === 'crawl') {
      await this.ask('found', { account: input.account, epoch: input.epoch, round: input.round, comments: Array.from({ length: 20 }, (_, i) => ({ id: `c${i}`, text: `t${i}`, author: { id: 'a', name: 'A' }, post: { id: 'p', title: 'P' }, at: 1 })), messages: [] });
      return this.say(run, 'done', { output: { comments: 20, messages: 0, cursor: { comments: null, messages: null }, ms: 1 } });
    }
    if (run.src === 'find') return this.say(run, 'done', { output: { remoteId: this.ledger.includes(input.text) ? `x-${input.text}` : null, reliable: true } });
    const attempt = (this.attempts.get(input.reply) ?? 0) + 1;
    this.attempts.set(input.reply, attempt);
    const mode = this.mode(input.reply, attempt);
    if (mode === 'fail-before-press') return this.say(run, 'error', { error: { kind: 'network', message: 'the page did not open', sent: 'no' } });
    const leave = await this.ask('leave', { reply: input.reply, token: run.token, account: input.account, epoch: input.epoch });
    if (!leave.ok) return this.say(run, 'error', { error: { kind: 'fenced', message: leave.message, sent: 'no' } });
    if (mode === 'leave-then-fail') return this.say(run, 'error', { error: { kind: 'network', message: 'nobody knows', sent: 'maybe' } });
    this.ledger.push(input.text);
    if (mode === 'press-then-fail') return this.say(run, 'error', { error: { kind: 'network', message: 'the connection broke', sent: 'maybe' } });
    return this.say(run, 'done', { output: { remoteId: `x-${input.text}` } });
  }

  private async say(run: Run, verb: string, body: object): Promise<void> {
    for (;;) {
      try {
        await jetstream(this.nc).publish(`troupe.in.${run.actor.kind}.${run.actor.id}.~${verb}.w1`, JSON.stringify({ token: run.token, ...body }), { msgID: `${run.token}:${verb}`, timeout: 2_000 });
        return;
      } catch {
        await new Promise((r) => setTimeout(r, 100));
      }
    }
  }
}

async function command(nc: NatsConnection, actor: string, verb: string, body: object, id: string): Promise<any> {
  const [kind, name] = actor.split('/');
  const h = headers();
  h.set('Nats-Msg-Id', id);
  for (;;) {
    try {
      const answer = (await nc.request(`troupe.cmd.${kind}.${name}.${verb}`, JSON.stringify(body), { timeout: 1_500, headers: h })).json<any>();
      if (answer.ok || !['unavailable', 'timeout'].includes(answer.code)) return answer;
    } catch {
      await new Promise((r) => setTimeout(r, 100));
    }
  }
}

/** An account that is logged in and has found 20 comments. */
async function ready(nc: NatsConnection): Promise<void> {
  expect(await command(nc, 'account/a1', 'create', { platform: 'sandbox', name: 'A', limits: { perMinute: 60, perHour: 1000, quiet: null } }, 'c')).toMatchObject({ ok: true });
  expect(await command(nc, 'account/a1', 'login', {}, 'l')).toMatchObject({ ok: true });
  await until(async () => {
    const answer = await command(nc, 'reply/probe', 'create', { account: 'a1', to: { type: 'comment', comment: 'c19', post: 'p' }, text: 'probe', verifyDelayMs: 50 }, `probe-${Date.now()}`);
    return answer.ok;
  }, 'comments are found');
}

const SETTLED = ['posted', 'failed', 'needs_human', 'cancelled', 'replaced'];

async function settle(nc: NatsConnection, replies: string[]): Promise<Map<string, string>> {
  return until(async () => {
    const journal = await readJournal(nc).catch(() => []);
    const states = new Map(replies.map((r) => [r, String(lastOf(journal, r)?.after.value)]));
    return [...states.values()].every((s) => SETTLED.includes(s)) && states;
  }, 'every reply is settled', 30_000);
}

async function play(mode: (reply: string, attempt: number) => Mode, master: Record<string, string> = {}): Promise<{ post: Post; states: Map<string, string>; nc: NatsConnection; died: string | null }> {
  stage = await openStage({ HEARTBEAT_INTERVAL_MS: '200', SUSPECT_AFTER_MS: '2000', OFFLINE_AFTER_MS: '6000', LEASE_FENCE_MS: '1000', LEASE_TTL_MS: '3000' });
  const nc = await stage.operator();
  const post = new Post(await stage.worker('w1'), mode);
  poster = post;
  const first = await stage.master(master);
  let died: string | null = null;
  const watching = master['TROUPE_CRASH_AT'] ? stage.died(first).then(async (signal) => ((died = signal), await stage.master())) : null;
  await post.start();
  await ready(nc);
  const replies = Array.from({ length: 12 }, (_, i) => `reply/r${i}`);
  for (const [i, r] of replies.entries()) expect(await command(nc, r, 'create', { account: 'a1', to: { type: 'comment', comment: `c${i}`, post: 'p' }, text: `text ${i}`, verifyDelayMs: 50 }, `id-${r}`)).toMatchObject({ ok: true });
  await watching;
  const states = await settle(nc, replies);
  expect(brokenChains(await readJournal(nc))).toEqual([]);
  return { post, states, nc, died };
}

const doubles = (ledger: string[]): string[] => ledger.filter((t, i) => ledger.indexOf(t) !== i);
const thirds: (reply: string, attempt: number) => Mode = (reply, attempt) => (attempt > 1 ? 'ok' : (['ok', 'fail-before-press', 'press-then-fail'] as const)[Number(reply.slice(1)) % 3] ?? 'ok');

describe('replies', () => {
  it('are posted once each, though a third fails before the press and a third behind it', async () => {
    const { post, states } = await play(thirds);
    expect(doubles(post.ledger)).toEqual([]);
    expect([...new Set(states.values())]).toEqual(['posted']);
    expect(post.ledger.filter((t) => t !== 'probe')).toHaveLength(12);
  });

  it('whose fate nobody knows wait for a person, who may send them again', async () => {
    const { states, post, nc } = await play((reply, attempt) => (reply === 'r0' && attempt === 1 ? 'leave-then-fail' : 'ok'));
    expect(states.get('reply/r0')).toBe('needs_human');
    expect(post.ledger).not.toContain('text 0');
    const talk = conversationId({ account: 'a1', type: 'comment', peer: 'a', post: 'p' });
    expect(await command(nc, `conversation/${talk}`, 'create', { account: 'a1', type: 'comment', peer: 'a', peerName: 'A', post: 'p', postTitle: 'P' }, 'talk')).toMatchObject({ ok: true, state: 'open' });
    expect(await command(nc, 'reply/r0', 'resend', {}, 'again')).toMatchObject({ ok: true, state: 'replaced', reply: 'r0-2' });
    expect(await command(nc, 'reply/r0', 'resend', {}, 'once more')).toMatchObject({ ok: false, code: 'conflict' });
    const after = await settle(nc, ['reply/r0', 'reply/r0-2']);
    expect([...after]).toEqual([['reply/r0', 'replaced'], ['reply/r0-2', 'posted']]);
    expect(post.ledger.filter((t) => t === 'text 0')).toHaveLength(1);
    // What was answered waits for the other side.
    await until(async () => (await command(nc, `conversation/${talk}`, 'inspect', {}, 'look')).state === 'waiting', 'its talk waits');
  });

  for (const point of ['after-submitting:2', 'after-submitting:7', 'after-append:20', 'before-ack:6', 'after-outbox:3']) {
    it(`stay single when the master dies at ${point}`, async () => {
      const { post, states, died } = await play(thirds, { TROUPE_CRASH_AT: point });
      expect(died).toBe('SIGKILL');
      expect(doubles(post.ledger)).toEqual([]);
      for (const [reply, state] of states) expect(SETTLED, reply).toContain(state);
      for (const [reply, state] of states) if (state === 'posted') expect(post.ledger).toContain(`text ${reply.slice('reply/r'.length)}`);
    });
  }

  it('are doubled by a chart that tries again after submitting: the ledger sees it', async () => {
    const { post } = await play(thirds, { SEEDED_BUG: 'retry-after-submitting' });
    expect(doubles(post.ledger)).not.toEqual([]);
  });
});
