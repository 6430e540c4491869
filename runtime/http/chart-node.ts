import type { AnyStateMachine, StateNode } from 'xstate';
import type { ChartNode } from '../../views/chart.ts';

/** An XState machine as plain data to draw: states, effects and ways out, nothing of its code. */
export function chartNode(machine: AnyStateMachine): ChartNode {
  return walk(machine.root as StateNode<any, any>);
}

function walk(node: StateNode<any, any>): ChartNode {
  const path = node.path.join('.');
  const initial = node.type === 'compound' ? node.initial.target?.[0] : undefined;
  return {
    key: node.path.length === 0 ? node.machine.id : node.key,
    path,
    type: node.type,
    initial: initial ? initial.path.join('.') : null,
    invokes: node.invoke.map((i) => (typeof i.src === 'string' ? i.src : i.id)),
    tags: node.tags,
    moves: [...node.transitions.entries()].flatMap(([event, list]) => list.map((t) => ({ event: named(event), guard: guardName(t.guard), targets: (t.target ?? []).map((n) => n.path.join('.')) }))).concat(
      (node.always ?? []).map((t) => ({ event: 'always', guard: guardName(t.guard), targets: (t.target ?? []).map((n) => n.path.join('.')) })),
    ),
    children: Object.values(node.states).map((s) => walk(s as StateNode<any, any>)),
  };
}

/** `xstate.after.300000.login-v1.open` and its like in the words of the chart. */
function named(event: string): string {
  const after = /^xstate\.after\.([^.]+)\./.exec(event);
  if (after) return `after ${/^\d+$/.test(after[1]!) ? duration(Number(after[1])) : after[1]}`;
  const settled = /^xstate\.(done|error)\.(actor|state)\.(.+)$/.exec(event);
  return settled ? `${settled[1]}: ${settled[3]!.split('.').at(-1)}` : event;
}

const duration = (ms: number): string => (ms >= 60_000 && ms % 60_000 === 0 ? `${ms / 60_000} min` : ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`);

function guardName(guard: unknown): string | null {
  if (!guard) return null;
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'object' && 'type' in guard) return String(guard.type);
  const name = typeof guard === 'function' ? guard.name : '';
  return name === '' || name === 'guard' ? '…' : name;
}
