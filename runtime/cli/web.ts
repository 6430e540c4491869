import { runUntilSignal } from '../run-until-signal.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'web';
export const summary = 'run the admin page and the HTTP API';
export const usage = 'Usage: troupe web\n\nListens on HOST and PORT (or the ports of LISTEN).';

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  readArgs(args, {});
  const config = ctx.config();
  const { startWeb } = await import('../http/main.ts');
  return runUntilSignal(() => startWeb(config), config.timing.grace);
}
