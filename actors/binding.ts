import type { z } from 'zod';
import type { AnyStateMachine } from 'xstate';
import type { Entry } from './entry.ts';
import { compileChart, type Chart } from './chart.ts';

/** Where an effect runs. `once`: irreversible, so a worker that forgot it answers `lost` and never runs it again. */
export type Place = { on: 'master' } | { on: 'worker'; once?: boolean };

/**
 * A public command. `create` starts the actor with `input`; every other one becomes `event`.
 * Fields named in `secrets` (dotted) are sealed before anything is stored, and arrive as references.
 */
export type CommandSpec = {
  schema: z.ZodType;
  secrets?: readonly { path: string; field: string }[];
  /** Builds the event; `fresh` is a new id, the same for a repeated request. */
  event?: (payload: any, about: { id: string; fresh: string; by: string }) => { type: string; [key: string]: unknown };
  /** Builds the input of `create`. */
  input?: (payload: any, about: { id: string; by: string }) => Record<string, unknown>;
  /** What the answer to `create` shows of the new actor's context, also when it is there already. */
  made?: (context: Record<string, unknown>) => Record<string, unknown>;
  /** What the answer shows besides ok, state and seq; `context` is the actor's after its turn. */
  answer?: (event: { [key: string]: unknown }, context: Record<string, unknown> | null) => Record<string, unknown>;
};

/** Ties a chart to the world: what may be sent to it, and who does its work. */
export type Binding = {
  kind: string;
  chart: Chart;
  /** Whether the turn loop writes `at` and `rnd` on every event. */
  stamp: boolean;
  /** Makes the input of an actor that is first heard of by an event. */
  onDemand?: (id: string) => Record<string, unknown>;
  /** Whether an id may be used anew once its actor has ended. Never where an id stands for something done once. */
  again?: boolean | ((last: Entry, input: Record<string, unknown>, at: number) => boolean);
  commands: Record<string, CommandSpec>;
  /** Events that may come by the inbox; a kind without the list takes any. */
  events?: Record<string, z.ZodType>;
  effects: Record<string, Place>;
  /** From a stored version to the chart's own. */
  migrations?: Record<string, (stored: any) => unknown>;
};

export const bind = (spec: Omit<Binding, 'chart'> & { machine: AnyStateMachine }): Binding => {
  const { machine, ...rest } = spec;
  return { ...rest, chart: compileChart(machine) };
};
