import { monitorEventLoopDelay } from 'node:perf_hooks';
import { assign, setup } from 'xstate';
import { bind } from '../actors/binding.ts';
import { kinds } from '../actors/kinds.ts';
import { loadConfig } from '../runtime/config.ts';
import { startMaster } from '../runtime/master/main.ts';

const countMachine = setup({ types: { context: {} as { id: string; n: number; last: number }, input: {} as { id: string } } }).createMachine({
  id: 'count-v1',
  context: ({ input }) => ({ id: input?.id, n: 0, last: 0 }),
  initial: 'idle',
  states: {
    idle: { on: { UP: { target: 'busy', actions: assign({ n: ({ context }) => context.n + 1 }) }, SLEEP: 'asleep' } },
    busy: { on: { UP: { target: 'idle', actions: assign({ n: ({ context }) => context.n + 1 }) } } },
    asleep: { after: { 86_400_000: 'idle' }, on: { UP: 'idle' } },
  },
});

const count = bind({ kind: 'count', machine: countMachine, stamp: false, onDemand: (id) => ({ id }), commands: {}, effects: {} });

const master = await startMaster(loadConfig(process.env), { bindings: new Map([...kinds, ['count', count]]) });
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
process.stdout.write('master is up\n');
const tell = () => {
  const { turns, batches } = master.engine!.host.counts;
  const { user, system } = process.cpuUsage();
  process.stdout.write(`counts ${JSON.stringify({ turns, batches, rss: process.memoryUsage().rss, heap: process.memoryUsage().heapUsed, cpuMs: (user + system) / 1000, loopP99: loop.percentile(99) / 1e6 })}\n`);
  loop.reset();
};
process.on('SIGUSR2', tell);
process.on('SIGHUP', () => {
  (globalThis as { gc?(): void }).gc?.();
  tell();
});
process.on('SIGTERM', () => void master.stop().then(() => process.exit(0)));
