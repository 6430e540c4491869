import { kinds } from '../../actors/kinds.ts';
import { replay } from '../../actors/replay.ts';
import { actorWord, withOperator } from '../operator.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'replay';
export const summary = 're-derive every state of an actor from its journal, and say whether the bytes agree';
export const usage = 'Usage: troupe replay KIND/ID [--json]\n\nEnds with 1 at the first turn that differs.';

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { json: { type: 'boolean' } }, { least: 1, names: 'KIND/ID' });
  const to = actorWord(rest[0]!);
  const binding = kinds.get(to.kind);
  if (!binding) throw new UsageError(`there is no kind ${to.kind}; there are ${[...kinds.keys()].join(', ')}`);
  return withOperator(ctx, async (operator) => {
    const history: Uint8Array[] = [];
    for await (const { bytes } of operator.journal(to)) history.push(bytes);
    if (history.length === 0) {
      ctx.err(`troupe: the journal has no ${rest[0]}`);
      return 1;
    }
    const result = replay(binding, history);
    if (flags.json) ctx.out(JSON.stringify(result));
    else if (result.problem === null) ctx.out(`${rest[0]}: ${result.turns} turns derived again, every byte agrees`);
    else ctx.out(`${rest[0]}: turn ${result.problem.index} differs in its ${result.problem.what}\n  expected: ${result.problem.expected}\n  found:    ${result.problem.found}`);
    return result.problem === null ? 0 : 1;
  });
}
