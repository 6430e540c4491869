import type { AnyStateMachine } from 'xstate';
import type { Happening, Run } from '../../../runtime/conform/conform.ts';

export type Sample = { name: string; machine: AnyStateMachine; runs: Run[] };

/** A chart with runs written as words: `go` sends an event, a number waits, `+id` ends an effect well, `-id` badly. */
export const sample = (name: string, machine: AnyStateMachine, ...runs: (string | { input: unknown; run: string } | Run)[]): Sample => ({
  name,
  machine,
  runs: runs.map((r) => (typeof r === 'string' ? { steps: words(r) } : 'run' in r ? { input: r.input, steps: words(r.run) } : r)),
});

const words = (text: string): Happening[] =>
  text.split(' ').filter(Boolean).map((w): Happening => {
    if (/^\d+$/.test(w)) return { wait: Number(w) };
    if (w.startsWith('+')) return { done: w.slice(1), output: { from: w.slice(1) } };
    if (w.startsWith('-')) return { error: w.slice(1), reason: { kind: 'broken' } };
    return { send: { type: w } };
  });
