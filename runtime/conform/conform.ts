import { isDeepStrictEqual } from 'node:util';
import type { AnyStateMachine } from 'xstate';
import { bind, type Binding } from '../../actors/binding.ts';
import { Durable, memoryStore, type Store } from './durable.ts';
import type { Observed } from './observed.ts';
import { Reference } from './reference.ts';

/** One thing that happens to a chart: an event, time that passes (ms), or the end of an effect by its invoke id. */
export type Happening =
  | { send: { type: string; [key: string]: unknown } }
  | { wait: number }
  | { done: string; output?: unknown }
  | { error: string; reason?: unknown };
export type Run = { name?: string; input?: unknown; steps: readonly Happening[] };

export type Difference = { run: string; step: number; happening: Happening | 'start'; what: keyof Observed; reference: unknown; durable: unknown };

let runs = 0;

/** Drives a chart through XState's interpreter and through the durable kernel; null when every step agrees, else the first that differs. */
export async function conform(machine: AnyStateMachine, run: Run, store: Store = memoryStore()): Promise<Difference | null> {
  const binding = bindingOf(machine);
  const reference = new Reference(machine, sourcesOf(binding), run.input);
  const durable = new Durable(binding, `conform/r${++runs}`, store);
  const name = run.name ?? machine.id;
  try {
    await reference.start();
    await durable.start(run.input);
    const first = compare(reference.observe(), await durable.observe());
    if (first) return { run: name, step: 0, happening: 'start', ...first };
    for (const [i, happening] of run.steps.entries()) {
      await happen(reference, happening);
      await happen(durable, happening);
      const difference = compare(reference.observe(), await durable.observe());
      if (difference) return { run: name, step: i + 1, happening, ...difference };
    }
    return null;
  } finally {
    reference.stop();
  }
}

async function happen(side: Reference | Durable, h: Happening): Promise<void> {
  if ('send' in h) await side.send(h.send);
  else if ('wait' in h) await side.wait(h.wait);
  else if ('done' in h) await side.answer(h.done, { output: h.output });
  else await side.answer(h.error, { error: h.reason ?? null });
}

function compare(reference: Observed, durable: Observed): Pick<Difference, 'what' | 'reference' | 'durable'> | null {
  for (const what of ['status', 'value', 'context', 'output', 'emitted', 'acts'] as const) {
    if (!isDeepStrictEqual(reference[what], durable[what])) return { what, reference: reference[what], durable: durable[what] };
  }
  return null;
}

/** Throws ChartRefused for a chart that the kernel can't carry. */
const bindingOf = (machine: AnyStateMachine): Binding => bind({ kind: 'conform', machine, stamp: false, commands: {}, effects: {} });

const sourcesOf = (binding: Binding): string[] => Object.keys(binding.chart.machine.implementations.actors);
