import type { AnyMachineSnapshot } from 'xstate';
import type { Binding } from './binding.ts';
import { withoutInputs } from './chart.ts';
import { commandsOf, decodeEntry, hashOf, type Command, type Entry } from './entry.ts';
import { lower } from './lower.ts';

export type Replay = { turns: number; problem: { index: number; what: 'chain' | 'index' | 'state' | 'commands' | 'version' | 'entry'; expected: string; found: string } | null };

const KEPT = ['~settle'];

/** Re-derives every state of a history from its events. The bytes must agree: of each state, each command list, and of the hash chain. */
export function replay(binding: Binding, history: readonly Uint8Array[]): Replay {
  let before: { entry: Entry; hash: string; snapshot: AnyMachineSnapshot | null } | null = null;
  let turns = 0;
  for (const bytes of history) {
    let entry: Entry;
    try {
      entry = decodeEntry(bytes);
    } catch (error) {
      return { turns, problem: { index: (before?.entry.index ?? 0) + 1, what: 'entry', expected: 'a readable entry', found: (error as Error).message } };
    }
    const at = (what: NonNullable<Replay['problem']>['what'], expected: unknown, found: unknown): Replay => ({ turns, problem: { index: entry.index, what, expected: text(expected), found: text(found) } });
    // A journal forgets from its head: the first entry that is left may be any.
    if (before && entry.index !== before.entry.index + 1) return at('index', before.entry.index + 1, entry.index);
    if (before && entry.prev !== before.hash) return at('chain', before.hash, entry.prev);
    if (entry.version !== binding.chart.version && !binding.migrations?.[entry.version]) return at('version', binding.chart.version, entry.version);
    let snapshot: AnyMachineSnapshot | null = null;
    if (entry.version === binding.chart.version && (before || entry.index === 1)) {
      const derived = derive(binding, before, entry);
      if (derived) {
        // Entries of earlier builds hold the inputs of effects thrice.
        const after = withoutInputs(structuredClone(entry.after));
        if (text(derived.after) !== text(after)) return at('state', derived.after, after);
        const commands = commandsOf(entry);
        const expected = derived.commands.map((c, i) => bareAs(c, commands[i]));
        if (text(expected) !== text(commands)) return at('commands', expected, commands);
        snapshot = derived.snapshot;
      }
    }
    before = { entry, hash: hashOf(bytes), snapshot };
    turns++;
  }
  return { turns, problem: null };
}

/** The turn again, from the state as it was stored; null for entries that move a state to another version. */
function derive(binding: Binding, before: { entry: Entry } | null, entry: Entry) {
  const { chart } = binding;
  if (entry.event.type === '~migrate' || (before && before.entry.version !== entry.version)) return null;
  if (entry.event.type === '~start') return done(binding, chart.initial(entry.event['input']));
  const was = chart.restore(before!.entry.after);
  return KEPT.includes(entry.event.type) ? done(binding, { snapshot: was, actions: [] }) : done(binding, chart.next(was, entry.event));
}

const done = (binding: Binding, step: { snapshot: AnyMachineSnapshot; actions: Parameters<typeof lower>[0] }) => ({ snapshot: step.snapshot, after: binding.chart.store(step.snapshot), commands: lower(step.actions) });

/** An effect that was called off by the same turn has left its input nowhere. */
const bareAs = (derived: Command, stored: Command | undefined): Command => (derived.do === 'run' && stored?.do === 'run' && !('input' in stored) ? { n: derived.n, do: derived.do, child: derived.child, src: derived.src } : derived);

const text = (v: unknown): string => (typeof v === 'string' ? v : JSON.stringify(v));
