import { setTimeout as delay } from 'node:timers/promises';
import { NoRespondersError, RequestError, type NatsConnection } from '@nats-io/nats-core';
import { z } from 'zod';
import { agentHandle, answer, machineFacts, type AgentHandle, type AgentVerb, type MachineFacts, type RestartRule } from '../../../transport/protocol.ts';
import { isId, subjects } from '../../../transport/subjects.ts';
import { DriverError, type Driver, type DriverFault, type Exit, type Health, type LogPage, type LogRequest, type Spec, type Stats } from '../contract.ts';

export type { AgentHandle };

/** `restart`: how the agent mends the worker while no master looks after it. */
export type AgentSpec = Spec & { restart?: Partial<RestartRule> };

export type AgentOptions = {
  /** As the user `master`. */
  nc: NatsConnection;
  machine: string;
  /** Limit of every operation but `wait` and a stop's grace, ms. */
  timeoutMs?: number;
  /** Time between two attempts of a `wait` that nobody answers, ms. */
  pollMs?: number;
  /** How long one request of a `wait` or a `stop` stays open, at most 20,000 ms: an agent that dies meanwhile is asked again after that. */
  openMs?: number;
};

const SLACK_MS = 5000;
const exitShape = z.object({ code: z.number().nullable(), signal: z.string().nullable(), at: z.number() }).nullable();

/** Processes on a machine whose `troupe agent` has joined. They run on, and are restarted there, while no master is about. */
export class AgentDriver implements Driver<AgentHandle> {
  readonly name = 'agent';
  readonly can = { logs: true, stats: true } as const;
  readonly #nc: NatsConnection;
  readonly #machine: string;
  readonly #timeoutMs: number;
  readonly #pollMs: number;
  readonly #openMs: number;

  constructor({ nc, machine, timeoutMs = 20_000, pollMs = 500, openMs = 20_000 }: AgentOptions) {
    if (!isId(machine)) throw new DriverError('bad-spec', `machine ${JSON.stringify(machine.slice(0, 80))}: must be 1 to 63 of a-z, 0-9 and hyphens`);
    this.#nc = nc;
    this.#machine = machine;
    this.#timeoutMs = timeoutMs;
    this.#pollMs = pollMs;
    this.#openMs = openMs;
  }

  async health(): Promise<Health> {
    try {
      return z.object({ health: z.object({ is: z.enum(['undetected', 'unhealthy', 'healthy']), why: z.string() }) }).parse(await this.#ask('health', {})).health;
    } catch (error) {
      return { is: 'undetected', why: (error as Error).message };
    }
  }

  /** What the machine says of itself: among it, of what a Spec for it is made. */
  async facts(): Promise<MachineFacts> {
    return z.object({ facts: machineFacts }).parse(await this.#ask('health', {})).facts;
  }

  async start(spec: AgentSpec, key: string): Promise<AgentHandle> {
    const { command, args, env, cwd, limits, restart } = spec;
    return z.object({ handle: agentHandle }).parse(await this.#ask('start', { key, spec: { command, args, env, cwd, limits, restart } })).handle;
  }

  async recover(handle: AgentHandle): Promise<'running' | 'gone'> {
    return z.object({ is: z.enum(['running', 'gone']) }).parse(await this.#ask('recover', { handle })).is;
  }

  /** A machine that doesn't answer is no exit. */
  async wait(handle: AgentHandle, signal: AbortSignal): Promise<Exit> {
    const stopped = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason as Error);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    stopped.catch(() => undefined);
    for (;;) {
      signal.throwIfAborted();
      try {
        const asked = this.#ask('wait', { handle, forMs: this.#openMs }, this.#openMs + Math.min(SLACK_MS, this.#openMs));
        asked.catch(() => undefined);
        const exit = z.object({ exit: exitShape }).parse(await Promise.race([asked, stopped])).exit;
        if (exit) {
          await Promise.race([this.#notice(handle), stopped]);
          return exit;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!passes(error) || this.#nc.isClosed()) throw error;
        await delay(this.#pollMs, undefined, { signal });
      }
    }
  }

  async stop(handle: AgentHandle, graceMs: number): Promise<void> {
    const end = performance.now() + graceMs + this.#timeoutMs;
    for (;;) {
      try {
        const { done } = z.object({ done: z.boolean() }).parse(await this.#ask('stop', { handle, graceMs, forMs: this.#openMs }, this.#openMs + Math.min(SLACK_MS, this.#openMs)));
        if (done) return;
      } catch (error) {
        if (!passes(error) || performance.now() > end) throw error;
        await delay(this.#pollMs);
      }
    }
  }

  async logs(handle: AgentHandle, request: LogRequest): Promise<LogPage> {
    return z.object({ lines: z.array(z.string()), next: z.number() }).parse(await this.#ask('logs', { handle, ...request }));
  }

  async stats(handle: AgentHandle): Promise<Stats | null> {
    return z.object({ stats: z.object({ rssBytes: z.number(), cpuRatio: z.number(), processes: z.number() }).nullable() }).parse(await this.#ask('stats', { handle })).stats;
  }

  async *list(): AsyncIterable<{ key: string; handle: AgentHandle }> {
    yield* z.object({ items: z.array(z.object({ key: z.string(), handle: agentHandle })) }).parse(await this.#ask('list', {})).items;
  }

  /** From here on the master decides. Should the agent not hear it, it restarts the worker, and the next `start` adopts that. */
  async #notice(handle: AgentHandle): Promise<void> {
    for (let i = 0; i < 3; i++) {
      try {
        await this.#ask('wait', { handle, forMs: 0, seen: true }, 2000);
        return;
      } catch (error) {
        if (!passes(error)) return;
        await delay(this.#pollMs);
      }
    }
  }

  async #ask(verb: AgentVerb, body: object, timeout = this.#timeoutMs): Promise<unknown> {
    let reply;
    try {
      const msg = await this.#nc.request(subjects.agent(this.#machine, verb), JSON.stringify(body), { timeout });
      reply = answer.parse(msg.json());
    } catch (error) {
      if (error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders())) {
        throw new DriverError('unreachable', `no agent answers on machine ${this.#machine}: is \`troupe agent\` running there, and has it joined?`);
      }
      throw new DriverError('timeout', `the agent of machine ${this.#machine} did not answer ${verb} within ${timeout / 1000} s (${(error as Error).message}): is the machine up?`);
    }
    if (reply.ok) return reply;
    throw new DriverError((FAULTS.has(reply.code) ? reply.code : 'stuck') as DriverFault, reply.message);
  }
}

const FAULTS = new Set<string>(['bad-key', 'bad-spec', 'spawn', 'stuck', 'busy', 'unreachable', 'timeout', 'auth', 'host-key-unknown', 'host-key-changed', 'foreign', 'missing'] satisfies DriverFault[]);
const passes = (error: unknown): boolean => error instanceof DriverError && (error.kind === 'unreachable' || error.kind === 'timeout');
