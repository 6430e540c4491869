import { fromPromise, type NonReducibleUnknown } from 'xstate';

const EFFECT = Symbol.for('troupe.effect');

/** A typed hole: the chart names the work, actors/ says who does it, runtime/ does it. */
export const effect = <Input extends NonReducibleUnknown, Output>() =>
  Object.assign(
    fromPromise<Output, Input>(() => {
      throw new Error('a machine never runs its own effects');
    }),
    { [EFFECT]: true as const },
  );

/** Tells a typed hole from a promise that brings code of its own. */
export const isEffect = (logic: unknown): boolean => typeof logic === 'object' && logic !== null && EFFECT in logic;

/** What the turn loop writes on every event of our own kinds: epoch milliseconds, and a number in [0, 1) to spread things with. */
export type Stamp = { at: number; rnd: number };

/** The stamp of whatever event is being taken, also of results and timers whose types don't show it. */
export const stamp = (event: object): Stamp => ({ at: (event as Partial<Stamp>).at ?? 0, rnd: (event as Partial<Stamp>).rnd ?? 0 });

/** A message to another actor, delivered once after this turn is stored. `start` creates it. */
export type Tell = { to: string; event: { type: string; [key: string]: unknown } } | { to: string; start: Record<string, unknown> };

/** Data for a running effect of this actor, named by its invoke id. */
export type Signal = { effect: string; data: unknown };

/** The kernel reads these by name; they do nothing by themselves. */
export const outward = {
  tell: (_: unknown, _params: Tell) => {},
  signal: (_: unknown, _params: Signal) => {},
};

/** The fault of an effect as its chart sees it. */
export type EffectFault = { kind: string; message: string; sent: 'no' | 'maybe'; evidence?: Evidence };

/** What a worker kept of a failed call: names in the store of results. */
export type Evidence = { picture: string | null; trace: string | null };

export const faultOf = (event: object): EffectFault => {
  const error = (event as { error?: Partial<EffectFault> }).error;
  return { kind: error?.kind ?? 'unknown', message: error?.message ?? 'no reason given', sent: error?.sent ?? 'maybe', ...(error?.evidence ? { evidence: error.evidence } : {}) };
};
