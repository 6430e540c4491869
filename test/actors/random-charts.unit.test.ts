import fc from 'fast-check';
import { assign, createMachine, emit, raise, type AnyStateMachine } from 'xstate';
import { expect, it } from 'vitest';
import { conform, type Happening } from '../../runtime/conform/conform.ts';

const EVENTS = ['e1', 'e2', 'e3'];
const up = assign({ n: ({ context }: { context: { n: number } }) => context.n + 1 });

type Plan = { kids: Plan[]; parallel: boolean; final: boolean; on: { event: string; to: number; act: number; guarded: boolean; reenter: boolean }[]; after: { ms: number; to: number } | null; invoke: { done: number; fail: number | null } | null; entry: number; history: boolean };

const node = (depth: number): fc.Arbitrary<Plan> =>
  fc.record({
    kids: depth === 0 ? fc.constant([]) : fc.array(fc.nat({ max: depth - 1 }).chain(node), { minLength: 0, maxLength: 3 }),
    parallel: fc.boolean(),
    final: fc.boolean(),
    on: fc.array(fc.record({ event: fc.constantFrom(...EVENTS, 'r1'), to: fc.nat(50), act: fc.nat(5), guarded: fc.boolean(), reenter: fc.boolean() }), { maxLength: 3 }),
    after: fc.option(fc.record({ ms: fc.integer({ min: 1, max: 400 }), to: fc.nat(50) })),
    invoke: fc.option(fc.record({ done: fc.nat(50), fail: fc.option(fc.nat(50)) })),
    entry: fc.nat(5),
    history: fc.boolean(),
  });

const ACTS = [[], [up], ['named'], [emit({ type: 'out' })], [raise({ type: 'r1' })], [{ type: 'told', params: ({ context }: { context: { n: number } }) => ({ n: context.n }) }, up]] as unknown[][];

/** A plan as a chart: any node may target any other, so that entry sets, conflicts and history are met in all shapes. */
function chartOf(root: Plan): AnyStateMachine {
  const ids: string[] = [];
  const name = (plan: Plan, path: string) => {
    ids.push(path);
    plan.kids.forEach((k, i) => name(k, `${path}_${i}`));
  };
  root.kids.forEach((k, i) => name(k, `s${i}`));
  if (ids.length === 0) ids.push('s0');
  const target = (n: number) => `#${ids[n % ids.length]}`;
  // A raised event may not raise itself for ever.
  const acts = (n: number, event: string) => (event === 'r1' && ACTS[n] === ACTS[4] ? [] : ACTS[n]);
  const build = (p: Plan, path: string): Record<string, unknown> => {
    const compound = p.kids.length > 0;
    if (!compound && p.final) return { id: path, type: 'final', entry: ACTS[p.entry === 4 ? 0 : p.entry] };
    return {
      id: path,
      entry: ACTS[p.entry === 4 ? 1 : p.entry],
      ...(compound && p.parallel ? { type: 'parallel' } : compound ? { initial: `${path}_0` } : {}),
      ...(compound ? { states: { ...Object.fromEntries(p.kids.map((k, i) => [`${path}_${i}`, build(k, `${path}_${i}`)])), ...(p.history ? { [`${path}_h`]: { id: `${path}_h`, type: 'history', history: p.parallel ? 'deep' : 'shallow' } } : {}) } } : {}),
      on: Object.fromEntries(p.on.map((t) => [t.event, { target: target(t.to), reenter: t.reenter, actions: acts(t.act, t.event), ...(t.guarded ? { guard: ({ context }: { context: { n: number } }) => context.n % 2 === 0 } : {}) }])),
      ...(p.after ? { after: { [p.after.ms]: target(p.after.to) } } : {}),
      ...(p.invoke ? { invoke: { id: `w_${path}`, src: 'work', onDone: target(p.invoke.done), ...(p.invoke.fail === null ? {} : { onError: target(p.invoke.fail) }) } } : {}),
    };
  };
  const kids = root.kids.length ? root.kids : [{ ...root, kids: [] }];
  return createMachine({ id: 'random', context: { n: 0 }, initial: 's0', states: Object.fromEntries(kids.map((k, i) => [`s${i}`, build(k, `s${i}`)])) } as never);
}

const idsOf = (machine: AnyStateMachine): string[] => {
  const ids: string[] = [];
  const walk = (n: { invoke: readonly { id: string }[]; states: Record<string, never> }) => {
    ids.push(...n.invoke.map((i) => i.id));
    Object.values(n.states).forEach(walk);
  };
  walk(machine.root as never);
  return ids.length ? ids : ['none'];
};

const happening = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...EVENTS).map((type) => ({ is: 'send' as const, type })) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 500 }).map((ms) => ({ is: 'wait' as const, ms })) },
  { weight: 2, arbitrary: fc.nat(20).map((n) => ({ is: 'done' as const, n })) },
  { weight: 1, arbitrary: fc.nat(20).map((n) => ({ is: 'error' as const, n })) },
);

it('random charts behave the same in memory and out of the journal', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(node(3), fc.array(happening, { minLength: 1, maxLength: 12 }), async (plan, happenings) => {
      const machine = chartOf(plan);
      const ids = idsOf(machine);
      const steps = happenings.map((h): Happening => {
        if (h.is === 'send') return { send: { type: h.type } };
        if (h.is === 'wait') return { wait: h.ms };
        return h.is === 'done' ? { done: ids[h.n % ids.length]!, output: 1 } : { error: ids[h.n % ids.length]!, reason: 1 };
      });
      expect(await conform(machine, { steps })).toBeNull();
      compared += steps.length;
    }),
    { numRuns: 500 },
  );
  expect(compared).toBeGreaterThan(1000);
}, 60_000);
