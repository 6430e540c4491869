import type { Action } from './chart.ts';
import type { Command } from './entry.ts';

type Params = Record<string, any>;

/** XState's action list as plain JSON commands, in order. Throws on what can't be stored; the actor is then parked. */
export function lower(actions: readonly Action[]): Command[] {
  const commands: Command[] = [];
  for (const { type, params } of actions) {
    const command = lowerOne(type, (params ?? {}) as Params, params);
    if (command) commands.push({ n: commands.length, ...command } as Command);
  }
  return commands;
}

type Bare = Command extends infer C ? (C extends Command ? Omit<C, 'n'> : never) : never;

function lowerOne(type: string, p: Params, raw: unknown): Bare | null {
  switch (type) {
    case 'xstate.spawnChild': {
      const child = p.actorRef?.id ?? p.id;
      if (typeof p.src !== 'string') throw new Error(`child ${child} is spawned with inline logic: invoke an effect by name`);
      return { do: 'run', child, src: p.src, input: p.input ?? null };
    }
    case 'xstate.stopChild':
      return p.id === undefined ? null : { do: 'abort', child: p.id };
    case 'xstate.raise':
      return p.delay === undefined ? null : { do: 'arm', timer: p.id ?? p.event.type, event: p.event, delay: delayOf(p.delay, p.event.type) };
    case 'xstate.cancel':
      return { do: 'disarm', timer: String(typeof raw === 'string' ? raw : p.sendId) };
    case 'xstate.sendTo':
      if (typeof p.to?.src === 'string') return { do: 'signal', child: p.to.id, data: p.event };
      return { do: 'arm', timer: p.id ?? p.event.type, event: p.event, delay: p.delay === undefined ? 0 : delayOf(p.delay, p.event.type) };
    case 'xstate.emit':
      return { do: 'emit', event: p.event };
    case 'xstate.log':
      return null;
    case 'tell':
      return { do: 'tell', to: String(p.to), ...('start' in p ? { start: p.start } : { event: p.event }) };
    case 'signal':
      return { do: 'signal', child: String(p.effect), data: p.data };
    default:
      if (type.startsWith('xstate.')) throw new Error(`${type} is not supported in a durable chart`);
      return { do: 'act', type, params: raw ?? null };
  }
}

function delayOf(delay: unknown, of: string): number {
  if (typeof delay !== 'number' || !Number.isFinite(delay) || delay < 0) throw new Error(`the delay of ${of} is ${String(delay)}: give a finite number of milliseconds, 0 or more`);
  return delay;
}
