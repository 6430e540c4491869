import { runUntilSignal } from '../run-until-signal.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'master';
export const summary = 'run a master: takes turns, hands out effects; any number may run';
export const usage = 'Usage: troupe master\n\nNeeds NATS_URL, and the folder of secrets or NATS_PASSWORD_FILE.';

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  readArgs(args, {});
  const config = ctx.config();
  const { startMaster } = await import('../master/main.ts');
  return runUntilSignal(() => startMaster(config), config.timing.grace);
}
