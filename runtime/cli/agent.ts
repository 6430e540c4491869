import { loadConfig } from '../config.ts';
import { runUntilSignal } from '../run-until-signal.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'agent';
export const summary = 'start and keep up the workers of this machine, on behalf of the masters';
export const usage = `Usage: troupe agent [--machine ID] [--master URL] [--replace] [--stop-workers] [--join-within SECONDS] [--orphan-after SECONDS]

Joins with the pre-shared key (WORKER_PSK_FILE) once; from then on it has a login of its own and the key may be taken away.
Needs NATS_URL (or --master). Serves HTTP on AGENT_PORT (4100) at HOST; its token is in data/secrets/agent-token.
Its workers run on when it ends, and the next agent takes them up again.
  --machine ID            the machine's name; else the name it joined with, else the host's
  --master URL            the master's address; MASTER_URL
  --replace               a machine of this name has joined before and is gone for good
  --stop-workers          end the workers with the agent
  --join-within SECONDS   how long the very first start waits for a master (30); then it ends with code 2
  --orphan-after SECONDS  how long a worker's end waits for a master before the agent restarts it (15)`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, {
    machine: { type: 'string' }, master: { type: 'string' }, replace: { type: 'boolean' }, 'stop-workers': { type: 'boolean' },
    'join-within': { type: 'string' }, 'orphan-after': { type: 'string' },
  });
  const config = loadConfig({ ...ctx.env, ...(flags.master !== undefined && { MASTER_URL: flags.master }) });
  const { startAgent } = await import('../agent/start-agent.ts');
  return runUntilSignal(
    () =>
      startAgent(config, {
        machine: flags.machine ?? null,
        replace: flags.replace ?? false,
        stopWorkers: flags['stop-workers'] ?? false,
        joinWithinMs: seconds('join-within', flags['join-within'], 30),
        orphanMs: seconds('orphan-after', flags['orphan-after'], 15),
        heartbeatMs: config.timing.heartbeat,
      }),
    config.timing.grace,
  );
}

function seconds(flag: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (text === '' || !(value >= 0.1 && value <= 3600)) throw new UsageError(`--${flag} ${JSON.stringify(text)}: must be seconds from 0.1 to 3600`);
  return value * 1000;
}
