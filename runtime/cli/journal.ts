import { kinds } from '../../actors/kinds.ts';
import { decodeEntry, hashOf } from '../../actors/entry.ts';
import { replay } from '../../actors/replay.ts';
import { address, parseActorSubject } from '../../transport/subjects.ts';
import { repairJournal } from '../journal-repair.ts';
import { withOperator, type Operator } from '../operator.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'journal';
export const summary = 'check the whole journal, or repair it in SAFE MODE';
export const usage = `Usage: troupe journal check [--replay] [--json]
       troupe journal repair [--yes]

check    every entry readable, every actor's turns without a gap, every hash chain whole; --replay derives every state again
repair   compares the journal with what this machine has seen, and with --yes stores again what the journal has lost`;

type Problem = { actor: string; index: number; what: string };

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { json: { type: 'boolean' }, replay: { type: 'boolean' }, yes: { type: 'boolean' } }, { least: 1, names: 'check or repair' });
  if (rest[0] === 'repair') return repairJournal(ctx, flags.yes ?? false);
  if (rest[0] !== 'check') throw new UsageError(`${JSON.stringify(rest[0])} is neither check nor repair`);
  return withOperator(ctx, async (operator) => {
    const { entries, actors, problems } = await check(operator, flags.replay ?? false);
    if (flags.json) ctx.out(JSON.stringify({ entries, actors, problems }));
    else {
      for (const p of problems) ctx.out(`${p.actor} turn ${p.index}: ${p.what}`);
      ctx.out(`${entries} entries of ${actors} actors: ${problems.length === 0 ? 'all whole' : `${problems.length} problems`}`);
    }
    return problems.length === 0 ? 0 : 1;
  });
}

async function check(operator: Operator, deep: boolean): Promise<{ entries: number; actors: number; problems: Problem[] }> {
  const heads = new Map<string, { index: number; hash: string }>();
  const histories = new Map<string, Uint8Array[]>();
  const problems: Problem[] = [];
  let entries = 0;
  for await (const { subject, bytes } of operator.journal()) {
    const to = parseActorSubject(subject);
    if (!to) continue;
    entries++;
    const actor = address(to);
    const head = heads.get(actor);
    try {
      const entry = decodeEntry(bytes);
      if (head && entry.index !== head.index + 1) problems.push({ actor, index: entry.index, what: `the turn before it is ${head.index}` });
      else if (head && entry.prev !== head.hash) problems.push({ actor, index: entry.index, what: 'the hash chain is broken' });
      heads.set(actor, { index: entry.index, hash: hashOf(bytes) });
    } catch (error) {
      problems.push({ actor, index: (head?.index ?? 0) + 1, what: (error as Error).message });
      heads.set(actor, { index: (head?.index ?? 0) + 1, hash: hashOf(bytes) });
    }
    if (deep) histories.set(actor, [...(histories.get(actor) ?? []), bytes]);
  }
  for (const [actor, history] of histories) {
    const binding = kinds.get(actor.split('/')[0]!);
    const found = binding && replay(binding, history).problem;
    if (found) problems.push({ actor, index: found.index, what: `its ${found.what} is not what its events give` });
  }
  return { entries, actors: heads.size, problems };
}
