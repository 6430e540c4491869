import { randomBytes } from 'node:crypto';
import { loadConfig } from '../runtime/config.ts';
import { workerLogin } from '../runtime/nats-login.ts';
import { EffectRunner } from '../runtime/worker/effect-runner.ts';
import { Fence } from '../runtime/worker/fence.ts';
import { HeartbeatLoop } from '../runtime/worker/heartbeat.ts';
import { Link } from '../runtime/worker/link.ts';
import { createWorkerLog } from '../runtime/worker/worker-log.ts';
import { subjects } from '../transport/subjects.ts';

/** A worker's own parts with a `work` that does nothing: it tells its parent when each task reached it. Titles are the moment of their making, in µs of the monotonic clock. */
const config = loadConfig(process.env);
const { id } = config.worker;
const most = config.worker.maxAgents;
const incarnation = `${Date.now().toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`;
const tooks: number[] = [];
const seen = new Map<string, number>();

let link: Link | null = null;
const log = createWorkerLog(id, (row) => link?.tell(subjects.log(id, row.level), row));
const { servers, user, pass } = workerLogin(config);
const connected = await Link.open({ worker: id, servers, user, pass, log });
link = connected;
const fence = new Fence(config.timing.fence, () => {}, () => runner.silent());
const runner = new EffectRunner({
  worker: id, link: connected, fence, log, maxCrawls: 1, incarnation, limits: { maxAgents: most, maxShells: 0 }, refresh: () => beat.afresh(), context: {} as never,
  effects: {
    async work(ctx, input) {
      const { title, task } = input as { title: string; task: string };
      tooks.push((Number(process.hrtime.bigint() / 1000n) - Number(title)) / 1000);
      seen.set(task, (seen.get(task) ?? 0) + 1);
      ctx.emit({ type: 'STARTED', agent: null });
      return { result: null, object: null, artefacts: [], agent: null, ms: 0 };
    },
  },
});
const register = async () => void (await connected.ask('register', { worker: id, incarnation, host: 'bench', pid: process.pid, port: 0, version: '0', node: process.version, chromium: '1', capabilities: [], maxAccounts: 1, group: 'default', mode: 'context', maxAgents: most, maxShells: 0, allowShell: false }, 10_000));
const beat = new HeartbeatLoop({ link: connected, fence, everyMs: config.timing.heartbeat, report: async () => ({ worker: id, incarnation, rssBytes: process.memoryUsage.rss(), cpuRatio: 0, browsers: 0, busy: runner.busy(), ...runner.working(), accounts: [] }), onUnknown: register });
connected.onEffect((data) => runner.take(data));
await register();
await beat.now();
process.on('message', () => process.send!({ tooks: tooks.splice(0), tasks: seen.size, twice: [...seen.values()].filter((n) => n > 1).length }));
process.send!('ready');
