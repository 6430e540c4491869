import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AnyStateMachine } from 'xstate';
import { conform, type Run } from '../conform/conform.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'conform';
export const summary = 'compare charts in XState\'s interpreter with the durable kernel, turn by turn';
export const usage = `Usage: troupe conform FILE... [--json]

Each FILE is a module that exports a chart (\`machine\`, or the default export) and \`runs\`: lists of
  {send: {type, ...}} | {wait: ms} | {done: invokeId, output} | {error: invokeId, reason}
or {name, input, steps: [...]}. Prints the first turn that differs; ends with 1 when one does.`;

type Loaded = { machine?: unknown; default?: unknown; runs?: unknown };

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { json: { type: 'boolean' } }, { least: 1, most: 1000, names: 'FILE' });
  let worst = 0;
  for (const file of rest) {
    const { machine, runs } = await load(file);
    for (const [i, run] of runs.entries()) {
      const label = `${file}: ${run.name ?? `run ${i + 1}`}`;
      try {
        const difference = await conform(machine, run);
        if (flags.json) ctx.out(JSON.stringify({ file, run: run.name ?? i + 1, ok: difference === null, difference }));
        else if (difference === null) ctx.out(`ok    ${label} (${run.steps.length} steps)`);
        else {
          ctx.out(`DIFFERS ${label}\n  at step ${difference.step}: ${JSON.stringify(difference.happening)}\n  ${difference.what}\n    xstate:  ${JSON.stringify(difference.reference)}\n    durable: ${JSON.stringify(difference.durable)}`);
        }
        if (difference) worst = 1;
      } catch (error) {
        ctx.err(`${label}: ${(error as Error).message}`);
        worst = 1;
        break;
      }
    }
  }
  return worst;
}

async function load(file: string): Promise<{ machine: AnyStateMachine; runs: Run[] }> {
  let module: Loaded;
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as Loaded;
  } catch (error) {
    throw new UsageError(`${file} can't be loaded: ${(error as Error).message}`);
  }
  const machine = module.machine ?? module.default;
  if (!machine || typeof machine !== 'object' || !('root' in machine)) throw new UsageError(`${file} exports no chart: export it as \`machine\` or as the default`);
  if (!Array.isArray(module.runs) || module.runs.length === 0) throw new UsageError(`${file} exports no runs: export \`runs\`, a list of lists of {send}, {wait}, {done} or {error}`);
  const runs = module.runs.map((r: unknown): Run => (Array.isArray(r) ? { steps: r } : (r as Run)));
  const bad = runs.findIndex((r) => !Array.isArray(r?.steps));
  if (bad >= 0) throw new UsageError(`${file}: run ${bad + 1} is neither a list nor {steps: [...]}`);
  return { machine: machine as AnyStateMachine, runs };
}
