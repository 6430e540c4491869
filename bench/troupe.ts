import { spawn, type ChildProcess } from 'node:child_process';
import { headers } from '@nats-io/transport-node';
import { Mux } from '../transport/mux.ts';
import { natsLogin } from '../runtime/nats-login.ts';
import { openConnection } from '../transport/connection.ts';
import { openStage, built, type Stage } from '../test/harness/stage.ts';
import { quantiles, type Quantiles } from './quantiles.ts';

type Counts = { turns: number; batches: number; rss: number; heap: number; cpuMs: number; loopP99: number };

/** A real nats-server and a real master, each a process of its own. */
export async function openTroupe(sync: 'always' | '2m') {
  const stage: Stage = await openStage({ TROUPE_SYNC: sync, PARTITIONS: '16' });
  const nc = await openConnection({ ...natsLogin(stage.config, 'master'), inboxPrefix: '_INBOX_master' });
  const mux = new Mux(nc, 'master');
  let master: ChildProcess | null = null;
  const heard: ((line: string) => void)[] = [];
  const inbox = (actor: number) => `troupe.in.count.c${actor}.UP`;
  const self = {
    stage,
    /** Milliseconds until it answers a command. */
    async start(): Promise<number> {
      const started = performance.now();
      master = spawn(process.execPath, ['--max-semi-space-size=32', '--expose-gc', built('bench', 'bench-master.js')], {
        env: { PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0], PARTITIONS: '16', TROUPE_DEMO: '0', TROUPE_LOCAL_WORKER: '0', LOG_LEVEL: 'error' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      master.stdout!.on('data', (d: Buffer) => {
        text += d.toString();
        const lines = text.split('\n');
        text = lines.pop()!;
        for (const line of lines) for (const h of heard) h(line);
      });
      for (;;) {
        const answer = await self.command(0).catch(() => null);
        if (answer) return performance.now() - started;
        await new Promise((r) => setTimeout(r, 10));
      }
    },
    pid: (): number => master!.pid!,
    ask: <T>(subject: string, payload: unknown, options?: { timeout?: number }): Promise<T> => mux.json<T>(subject, payload, options),
    async kill(): Promise<void> {
      if (master) await stage.kill(master);
      master = null;
    },
    counts: (): Promise<Counts> => self.told('SIGUSR2'),
    /** Bytes that its heap holds after everything unused is given back. */
    liveHeap: async (): Promise<number> => (await self.told('SIGHUP')).heap,
    told(signal: 'SIGUSR2' | 'SIGHUP'): Promise<Counts> {
      return new Promise((resolve) => {
        const hear = (line: string) => {
          if (!line.startsWith('counts ')) return;
          heard.splice(heard.indexOf(hear), 1);
          resolve(JSON.parse(line.slice(7)) as Counts);
        };
        heard.push(hear);
        master!.kill(signal);
      });
    },
    /** Stores events in the inbox, for `actors` in turn. */
    async fill(events: number, actors: number): Promise<void> {
      for (let i = 0; i < events; i += 500) await Promise.all(Array.from({ length: Math.min(500, events - i) }, (_, k) => mux.publish(inbox((i + k) % actors), '{}', undefined, { timeout: 30_000 })));
    },
    async journal(): Promise<number> {
      return (await mux.json<{ state: { last_seq: number } }>('$JS.API.STREAM.INFO.TROUPE_JOURNAL', {})).state.last_seq;
    },
    async journalBytes(): Promise<{ messages: number; bytes: number }> {
      return (await mux.json<{ state: { messages: number; bytes: number } }>('$JS.API.STREAM.INFO.TROUPE_JOURNAL', {})).state;
    },
    /** Waits until the journal holds that many more turns; gives turns a second from the first one seen. */
    async drained(from: number, turns: number): Promise<number> {
      let first: { at: number; seq: number } | null = null;
      for (;;) {
        const seq = await self.journal();
        if (!first && seq > from + turns * 0.02) first = { at: performance.now(), seq };
        if (seq >= from + turns) return (seq - first!.seq) / ((performance.now() - first!.at) / 1000);
        await new Promise((r) => setTimeout(r, 10));
      }
    },
    async command(actor: number): Promise<{ ok: boolean } | null> {
      const h = headers();
      h.set('Nats-Msg-Id', `${actor}-${performance.now()}-${Math.random()}`);
      const msg = await mux.request(`troupe.cmd.count.c${actor}.send`, '{"event":{"type":"UP"}}', { headers: h, timeout: 2_000 });
      const answer = msg.json<{ ok: boolean; code?: string }>();
      return answer.ok ? answer : null;
    },
    /** From the request to the stored answer, one after the other, in ms. */
    async answer(actors: number[]): Promise<Quantiles> {
      const took: number[] = [];
      for (const a of actors) {
        const started = performance.now();
        await self.command(a);
        took.push(performance.now() - started);
      }
      return quantiles(took);
    },
    /** Turns a second of `callers` at once, each waiting for its stored answer, for `seconds`. */
    async requests(callers: number, actors: number, seconds: number): Promise<number> {
      let done = 0;
      let next = 0;
      const from = performance.now();
      const until = from + seconds * 1000;
      await Promise.all(Array.from({ length: callers }, async () => {
        while (performance.now() < until) if (await self.command(next++ % actors)) done++;
      }));
      return done / ((performance.now() - from) / 1000);
    },
    async create(account: string): Promise<void> {
      await mux.json(`troupe.cmd.account.${account}.create`, { platform: 'sandbox', name: account });
    },
    /** Registers workers and lets each report every `everyMs`; gives the master's share of a core and its event loop's p99, in ms. */
    async beats(workers: number, everyMs: number, seconds: number): Promise<{ share: number; loopP99: number; known: number }> {
      const ids = Array.from({ length: workers }, (_, i) => `sim-${i + 1}`);
      const config = { name: 'sim', deployment_type: 'local', auto_start: false };
      for (const id of ids) {
        const made = await mux.json<{ ok: boolean; message?: string }>(`troupe.cmd.worker.${id}.create`, config);
        if (!made.ok) throw new Error(`${id}: ${made.message}`);
        await mux.json(`troupe.ask.${id}.register`, { worker: id, incarnation: `i-${id}`, host: '127.0.0.1', pid: 1, port: 4001, version: '0', node: '20', chromium: '1', capabilities: ['sandbox'], maxAccounts: 10, group: 'default', mode: 'profile' });
      }
      let seq = 0;
      let known = 0;
      const beat = (id: string) =>
        mux.json<{ known: boolean }>(`troupe.hb.${id}`, { worker: id, incarnation: `i-${id}`, seq: ++seq, at: Date.now(), rssBytes: 1e9, cpuRatio: 0.2, browsers: 3, busy: { crawl: 1, reply: 0, login: 0 }, accounts: [] }, { timeout: 2_000 }).then((a) => void (a.known && known++), () => {});
      const started = performance.now();
      const timers = ids.map((id, i) => setTimeout(() => ((timers[i] = setInterval(() => void beat(id), everyMs)), void beat(id)), (i * everyMs) / workers));
      await new Promise((r) => setTimeout(r, 1_000));
      const before = await self.counts();
      const from = performance.now();
      known = 0;
      await new Promise((r) => setTimeout(r, seconds * 1000 - (from - started) + 1_000));
      const after = await self.counts();
      const wall = performance.now() - from;
      timers.forEach(clearInterval);
      return { share: (after.cpuMs - before.cpuMs) / wall, loopP99: after.loopP99, known };
    },
    async close(): Promise<void> {
      await self.kill();
      mux.close();
      await nc.close();
      await stage.close();
    },
  };
  return self;
}
