import { createEmptyActor, fromPromise, type AnyEventObject, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import { isEffect } from '../machines/effect.ts';

/** A chart that can't be made durable, with the state at fault and the way out. */
export class ChartRefused extends Error {
  readonly problems: string[];
  constructor(machine: string, problems: string[]) {
    super(`chart ${machine} is refused:\n- ${problems.join('\n- ')}`);
    this.name = 'ChartRefused';
    this.problems = problems;
  }
}

/** A chart that the kernel may run: every invoke is a typed hole, and one transition scope serves all its turns. */
export type Chart = {
  machine: AnyStateMachine;
  version: string;
  initial(input: unknown): Step;
  next(snapshot: AnyMachineSnapshot, event: AnyEventObject): Step;
  /** Rebuilds a stored state without starting anything; `resolveState` would lose the children. */
  restore(stored: unknown): AnyMachineSnapshot;
  store(snapshot: AnyMachineSnapshot): unknown;
};

export type Action = { type: string; params?: unknown };
export type Step = { snapshot: AnyMachineSnapshot; actions: Action[] };

const hole = fromPromise(() => Promise.reject(new Error('the kernel runs effects')));

/** Checks a chart and readies it; throws ChartRefused naming every state that the kernel can't carry. */
export function compileChart(machine: AnyStateMachine): Chart {
  const problems = [...refusals(machine)];
  if (problems.length > 0) throw new ChartRefused(machine.id, problems);
  const holes = Object.fromEntries(invokes(machine).map(({ src }) => [src, machine.implementations.actors[src] ?? hole]));
  const ready = machine.provide({ actors: holes } as never) as AnyStateMachine;
  const run = scopeOf(ready);
  return {
    machine: ready,
    version: machine.id,
    initial: (input) => run((scope) => ready.getInitialSnapshot(scope, input as never)),
    next: (snapshot, event) => run((scope) => ready.transition(snapshot, event, scope)),
    restore: (stored) => run((scope) => ready.restoreSnapshot(stored as never, scope) as AnyMachineSnapshot).snapshot,
    store: (snapshot) => withoutInputs(ready.getPersistedSnapshot(snapshot)),
  };
}

/** The input of an effect is in the list of what is pending; the chart itself never reads it again. */
export function withoutInputs(stored: unknown): unknown {
  const { children } = stored as { children?: Record<string, { snapshot?: { input?: unknown } }> };
  for (const child of Object.values(children ?? {})) {
    if (child.snapshot?.input === undefined) continue;
    const { input: _, ...snapshot } = child.snapshot;
    child.snapshot = snapshot;
  }
  return stored;
}

type Scope = Parameters<AnyStateMachine['transition']>[2];

/** XState's `transition()` builds an inert actor for each call; charts without systemIds can share one. */
function scopeOf(machine: AnyStateMachine): (turn: (scope: Scope) => AnyMachineSnapshot) => Step {
  const build = () => {
    const actions: Action[] = [];
    const self = createEmptyActor();
    const scope = {
      self,
      defer: () => {},
      id: '',
      logger: () => {},
      sessionId: '',
      stopChild: () => {},
      system: self.system,
      emit: () => {},
      actionExecutor: (action: Action) => actions.push(action),
    } as unknown as Scope;
    return { actions, scope };
  };
  const named = invokes(machine).some((i) => i.systemId !== undefined);
  let shared = build();
  return (turn) => {
    if (named) shared = build();
    shared.actions.length = 0;
    const snapshot = turn(shared.scope);
    return { snapshot, actions: shared.actions.slice() };
  };
}

type Node = { id: string; path: string[]; invoke: readonly { src: unknown; id: string; systemId?: string }[]; states: Record<string, Node>; config: unknown };

const nodes = (node: Node): Node[] => [node, ...Object.values(node.states).flatMap(nodes)];

const invokes = (machine: AnyStateMachine) =>
  nodes(machine.root as unknown as Node).flatMap((n) => n.invoke.map((i) => ({ state: where(n), src: String(i.src), id: i.id, systemId: i.systemId })));

const where = (n: Node) => (n.path.length ? n.path.join('.') : '(root)');

/** What the kernel can't make durable: code inside the chart that lives longer than a turn. */
function* refusals(machine: AnyStateMachine): Generator<string> {
  for (const { state, src } of invokes(machine)) {
    const inline = src.startsWith('xstate.invoke.');
    const logic = (inline ? inlineOf(machine, state, src) : machine.implementations.actors[src]) as object | undefined;
    if (!inline && (logic === undefined || isEffect(logic))) continue;
    yield `state ${state} invokes ${describe(logic ?? {})}${inline ? '' : ` (${src})`}: invoke it by name without an implementation, or as effect() from machines/effect.ts, and register the work as an effect of that name`;
  }
  for (const node of nodes(machine.root as unknown as Node)) {
    for (const fault of faultsOf(node.config, node.path.length === 0)) yield `state ${where(node)} ${fault}`;
  }
  for (const [name, action] of Object.entries(machine.implementations.actions as Record<string, unknown>)) {
    const fault = actionFault(action);
    if (fault) yield `action ${name} ${fault}`;
  }
}

/** XState names inline logic `xstate.invoke.<place in the list>.<state>` and finds it in the state's own config. */
function inlineOf(machine: AnyStateMachine, state: string, src: string): unknown {
  const node = nodes(machine.root as unknown as Node).find((n) => where(n) === state);
  const config = (node?.config as { invoke?: unknown } | undefined)?.invoke;
  const list = Array.isArray(config) ? config : [config];
  return (list[Number(src.split('.')[2])] as { src?: unknown } | undefined)?.src;
}

function describe(logic: object): string {
  if ('root' in logic) return 'another machine';
  const kind = String((logic as { start?: unknown }).start ?? '');
  if (/observable|subscribe/i.test(kind)) return 'a live observable';
  if (/callback|sendBack|receivers/i.test(kind)) return 'a live callback';
  return 'code of its own';
}

const ACTION_KEYS = ['entry', 'exit', 'actions'];

/** Walks one state's own config, but not its substates, for actions that can't be stored. */
function* faultsOf(config: unknown, root: boolean, key = ''): Generator<string> {
  if (config === null || typeof config !== 'object') return;
  for (const [k, value] of Object.entries(config)) {
    if (k === 'states' || k === 'context' || k === 'types' || k === 'schemas' || (root && k === 'output')) continue;
    if (ACTION_KEYS.includes(k)) {
      for (const action of Array.isArray(value) ? value : [value]) {
        const fault = actionFault(action, true);
        if (fault) yield `${key ? `(${key}) ` : ''}${fault}`;
      }
    } else if (typeof value === 'object') yield* faultsOf(value, false, k);
  }
}

/** Why this action can't be carried, or null. */
function actionFault(action: unknown, inline = false): string | null {
  if (typeof action !== 'function') return null;
  const built = action as { type?: string; assignment?: unknown; src?: unknown; id?: unknown; collect?: unknown };
  const type = built.type ?? '';
  if (type === 'xstate.assign' && spawns(built.assignment)) return 'spawns inline in assign: start another actor with the `tell` action ({to, start}), or invoke an effect';
  if (type === 'xstate.spawnChild' && typeof built.src !== 'string') return 'spawns inline logic: name a registered effect instead';
  if (type === 'xstate.spawnChild' && built.id === undefined) return 'spawns a child without an id: give it one, so that it is found again after a restart';
  if (type === 'xstate.enqueueActions' && spawns(built.collect)) return 'spawns inside enqueueActions: invoke an effect instead';
  if (type.startsWith('xstate.') || !inline) return null;
  return `runs an inline function (${(action as { name?: string }).name || 'anonymous'}): give the action a name, so that the kernel can store and carry it out`;
}

/** Inline spawning shows only in the text of the assigner: XState hands it `spawn` as an argument. */
function spawns(assignment: unknown): boolean {
  const functions = typeof assignment === 'function' ? [assignment] : Object.values((assignment ?? {}) as Record<string, unknown>).filter((f) => typeof f === 'function');
  return functions.some((f) => /\bspawn(Child)?\b\s*[(,}]/.test(String(f)));
}
