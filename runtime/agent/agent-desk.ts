import { z } from 'zod';
import { agentRequest, type AgentHandle, type AgentVerb, type Answer, type MachineFacts } from '../../transport/protocol.ts';
import { DriverError, type LogPage } from '../drivers/contract.ts';
import type { LocalDriver, LocalHandle } from '../drivers/local/local-driver.ts';
import type { Keepers } from './keepers.ts';

export type DeskOptions = { machine: string; keepers: Keepers; driver: LocalDriver; facts: MachineFacts; logFile(key: string): string };

/** An answer must fit into one NATS message of 1 MiB. */
const LARGEST_LOG = 700_000;

/** Carries out what masters ask of this machine. Each request may come twice. */
export class AgentDesk {
  readonly #o: DeskOptions;
  readonly #stops = new Map<string, Promise<void>>();

  constructor(options: DeskOptions) {
    this.#o = options;
  }

  async answer(verb: string, data: unknown): Promise<Answer> {
    if (!Object.hasOwn(agentRequest, verb)) return { ok: false, code: 'bad-spec', message: `${JSON.stringify(verb.slice(0, 40))} is none of ${Object.keys(agentRequest).join(', ')}` };
    const read = agentRequest[verb as AgentVerb].safeParse(data);
    if (!read.success) return { ok: false, code: 'bad-spec', message: `${verb}: ${z.prettifyError(read.error).slice(0, 500)}` };
    try {
      return { ok: true, ...(await this.#does[verb as AgentVerb](read.data as never)) };
    } catch (error) {
      return { ok: false, code: error instanceof DriverError ? error.kind : 'failed', message: (error as Error).message };
    }
  }

  readonly #does: { [V in AgentVerb]: (body: z.output<(typeof agentRequest)[V]>) => Promise<object> } = {
    start: async ({ key, spec }) => ({ handle: this.#outward(await this.#o.keepers.start(key, spec)) }),
    stop: async ({ handle, graceMs, forMs }) => {
      const id = `${handle.nonce} ${graceMs}`;
      const local = this.#local(handle);
      let stop = this.#stops.get(id);
      if (!stop) {
        const keeper = this.#o.keepers.get(handle.key);
        stop = (keeper ? keeper.stop(local, graceMs) : this.#o.driver.stop(local, graceMs)).finally(() => this.#stops.delete(id));
        stop.catch(() => undefined);
        this.#stops.set(id, stop);
      }
      return { done: await within(stop.then(() => true), forMs, false) };
    },
    recover: async ({ handle }) => ({ is: await this.#o.driver.recover(this.#local(handle)) }),
    wait: async ({ handle, forMs, seen }) => {
      const keeper = this.#o.keepers.get(handle.key);
      if (seen) {
        keeper?.noticed(handle.nonce);
        return { exit: null };
      }
      const exit = await keeper?.exit(handle.nonce, forMs);
      if (exit !== undefined) return { exit: exit && { code: exit.code, signal: exit.signal, at: exit.at } };
      const limit = AbortSignal.timeout(Math.max(1, forMs));
      return { exit: await this.#o.driver.wait(this.#local(handle), limit).catch((error: Error) => (limit.aborted ? null : Promise.reject(error))) };
    },
    logs: async ({ handle, tail, sinceBytes }) => fitting(await this.#o.driver.logs(this.#local(handle), { tail, ...(sinceBytes === undefined ? {} : { sinceBytes }) })),
    stats: async ({ handle }) => ({ stats: await this.#o.driver.stats(this.#local(handle)) }),
    list: async () => {
      const items: { key: string; handle: AgentHandle }[] = [];
      for await (const { key, handle } of this.#o.driver.list()) items.push({ key, handle: this.#outward(handle) });
      return { items };
    },
    health: async () => ({ health: await this.#o.driver.health(), facts: this.#o.facts }),
  };

  #outward({ log: _, ...rest }: LocalHandle): AgentHandle {
    return { machine: this.#o.machine, ...rest };
  }

  // A path from outside would let a request read any file.
  #local({ machine, ...rest }: AgentHandle): LocalHandle {
    if (machine !== this.#o.machine) throw new DriverError('foreign', `${rest.key} belongs to machine ${machine}, this is ${this.#o.machine}`);
    return { ...rest, log: this.#o.logFile(rest.key) };
  }
}

/** The last lines that fit into one answer; a line longer than that is cut. */
export function fitting({ lines, next }: LogPage): LogPage {
  let room = LARGEST_LOG;
  const kept: string[] = [];
  for (let i = lines.length - 1; i >= 0 && room > 0; i--) {
    let line = lines[i]!;
    if (line.length > 100_000) line = `${line.slice(0, 100_000)}… (cut)`;
    room -= Buffer.byteLength(JSON.stringify(line)) + 1;
    if (room > 0 || kept.length === 0) kept.unshift(line);
  }
  return { lines: kept, next };
}

async function within<T>(work: Promise<T>, ms: number, otherwise: T): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const limit = new Promise<T>((done) => (late = setTimeout(done, ms, otherwise)));
  return Promise.race([work, limit]).finally(() => clearTimeout(late));
}
