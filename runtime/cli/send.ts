import { actorWord, sayAnswer, withOperator } from '../operator.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'send';
export const summary = 'send an event to an actor, answered once its turn is stored';
export const usage = `Usage: troupe send KIND/ID EVENT ['{"field": 1}'] [--id ID] [--json]

  --id ID   the same id is taken once, however often it is sent`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { json: { type: 'boolean' }, id: { type: 'string' } }, { least: 2, most: 3, names: 'KIND/ID EVENT' });
  const to = actorWord(rest[0]!);
  let fields: unknown;
  try {
    fields = rest[2] === undefined ? {} : JSON.parse(rest[2]);
  } catch (error) {
    throw new UsageError(`the fields are not JSON: ${(error as Error).message}`);
  }
  if (fields === null || typeof fields !== 'object' || Array.isArray(fields)) throw new UsageError('the fields must be a JSON object, like \'{"worker": "worker-2"}\'');
  return withOperator(ctx, async (operator) => {
    const answer = await operator.command(to, 'send', { event: { ...fields, type: rest[1] } }, flags.id);
    return sayAnswer(ctx, answer, flags.json === true, (a) => `${a['actor']} is ${a['state']} (journal ${a['seq']})`);
  });
}
