import { connect } from '@nats-io/transport-node';
import { loadConfig } from '../../runtime/config.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { SimWorker, type Act, type SimOptions } from './sim-fleet.ts';

/** What one simulated worker says of itself. `registered` rises when a master no longer knows it; `acts` are those since the line before. */
export type SimLine = { worker: string; at: number; mayAct: boolean; registered: number; confirmed: number; connects: number; leases: string[]; acts: Act[] };

/** Simulated workers as a process of their own, each with a connection as a worker has it: SIM_WORKERS by commas, SIM_OPTIONS and SIM_PING_MS. A line of JSON whenever something about one has changed. */
const config = loadConfig(process.env);
const options = JSON.parse(process.env['SIM_OPTIONS'] ?? '{}') as SimOptions;
const pingInterval = Number(process.env['SIM_PING_MS'] ?? 5_000);

for (const id of process.env['SIM_WORKERS']!.split(',')) {
  const nc = await connect({ ...natsLogin(config, 'master'), name: `sim ${id}`, maxReconnectAttempts: -1, waitOnFirstConnect: true, reconnectTimeWait: 200, reconnectJitter: 200, pingInterval, maxPingOut: 2, timeout: pingInterval, ignoreAuthErrorAbort: true });
  const worker = new SimWorker(nc, id, options);
  let connects = 1;
  void (async () => {
    for await (const s of nc.status()) if (s.type === 'reconnect') connects++;
  })();
  let told = 0;
  let before = '';
  setInterval(() => {
    const state = { worker: id, mayAct: worker.mayAct(), registered: worker.registered, connects, leases: [...worker.leases.keys()].sort() };
    const acts = worker.acts.slice(told);
    if (acts.length === 0 && JSON.stringify(state) === before) return;
    told += acts.length;
    before = JSON.stringify(state);
    process.stdout.write(`${JSON.stringify({ ...state, at: Date.now(), confirmed: worker.confirmed, acts } satisfies SimLine)}\n`);
  }, 25);
  await worker.start();
}
