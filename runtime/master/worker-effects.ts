import { setTimeout as delay } from 'node:timers/promises';
import type { Exit, WorkerConfig } from '../../machines/worker.ts';
import type { Mux } from '../../transport/mux.ts';
import type { FxAnswer, FxRequest } from '../../transport/protocol.ts';
import { subjects } from '../../transport/subjects.ts';
import type { Config } from '../config.ts';
import type { AgentDriver, AgentSpec } from '../drivers/agent/agent-driver.ts';
import type { SshDriver } from '../drivers/ssh/ssh-driver.ts';
import { DriverError, type Driver } from '../drivers/contract.ts';
import type { Drivers } from '../drivers/drivers.ts';
import { admitWorker } from '../nats-server/admit-worker.ts';
import { readPsks, type Secrets } from '../secrets.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Liveness } from './liveness.ts';
import { specOf } from './worker-spec.ts';

type Input = { id: string; generation: number; version: number; handle: unknown; graceMs: number; config: WorkerConfig };
export type WorkerEffectsOptions = { config: Config; secrets: Secrets; drivers: Drivers; mux: Mux; liveness: Liveness; open(reference: string): Promise<string | null> };

const PASSES = new Set(['unreachable', 'timeout', 'busy']);

/** What the worker chart asks of the outside: start, watch and end one process through its driver. */
export function workerEffects({ config, secrets, drivers, mux, liveness, open }: WorkerEffectsOptions): Record<'prepare' | 'spawn' | 'watch' | 'kill', MasterEffect> {
  /** Starts under way, by worker: a stop that breaks one off waits until it is known what was started. */
  const starting = new Map<string, Promise<unknown>>();
  return {
    async prepare({ config: wanted }: Input, { signal, say }) {
      return named(async () => {
        const driver = (await drivers.of(wanted)) as unknown as SshDriver;
        for await (const { step, text } of driver.bootstrap()) {
          signal.throwIfAborted();
          say({ type: 'STEP', step, text });
        }
        return null;
      });
    },
    spawn({ id, config: wanted, version }: Input, { signal }) {
      const work = named(async () => {
        const driver = await drivers.of(wanted);
        await admitWorker(config, secrets, id);
        const sealed: Record<string, string> = {};
        for (const [name, reference] of Object.entries(wanted.secret_env)) {
          const value = await open(reference);
          if (value === null) throw new EffectFailed('refused', `secret_env: the value of ${name} is gone; set it again`);
          sealed[name] = value;
        }
        const spec = specOf({ config, secrets: readPsks(config), id, wanted, version, sealed });
        if (wanted.deployment_type === 'agent') {
          const { place } = await (driver as unknown as AgentDriver).facts();
          Object.assign(spec, { command: place.node, args: [place.main, ...spec.args.slice(1)], cwd: wanted.working_directory ?? place.cwd });
          spec.env['TROUPE_DATA'] = place.dataDir;
          Object.assign(spec, { restart: { auto: wanted.auto_restart, delayMs: wanted.restart_delay_ms, maxAttempts: wanted.max_restart_attempts } } satisfies Partial<AgentSpec>);
        }
        signal.throwIfAborted();
        const handle = (await driver.start(spec, id)) as { pid?: number | null };
        return { handle, pid: typeof handle.pid === 'number' ? handle.pid : null };
      }).finally(() => starting.get(id) === work && starting.delete(id));
      starting.set(id, work);
      return work;
    },
    async watch({ id, handle, config: wanted }: Input, { again, signal }) {
      if (!handle) throw new EffectFailed('unknown', 'it has no process to watch');
      const driver = await drivers.of(wanted);
      // A place that can't be reached says nothing about the process there: the heartbeat does.
      const there = again ? await patiently(() => driver.recover(handle), signal) : 'running';
      if (there === 'gone') {
        liveness.exited(id);
        return { code: null, signal: null, unseen: true } satisfies Exit;
      }
      const exit = await patiently(() => driver.wait(handle, signal), signal);
      liveness.exited(id);
      return { code: exit.code, signal: exit.signal } satisfies Exit;
    },
    async kill({ id, handle, graceMs, config: wanted, generation }: Input, { signal }) {
      await starting.get(id)?.catch(() => undefined);
      if (!handle && generation === 0) {
        await stopElsewhere(mux, liveness, id, graceMs, signal);
        return { code: null, signal: null };
      }
      const driver = await drivers.of(wanted);
      // Its start was broken off before the handle was known: the key finds what there is.
      const found = handle ?? (await byKey(driver, id));
      if (!found) {
        if (liveness.state(id) === 'connected') await stopElsewhere(mux, liveness, id, graceMs, signal);
        return { code: null, signal: null };
      }
      const waiting = driver.wait(found, AbortSignal.timeout(graceMs + 10_000)).catch(() => null);
      await named(() => driver.stop(found, graceMs));
      liveness.exited(id);
      const exit = await Promise.race([waiting, delay(500, null)]);
      return { code: exit?.code ?? null, signal: exit?.signal ?? null };
    },
  };
}

/** Asks a worker that no driver of ours has started to end by itself, and waits until it is silent. */
async function stopElsewhere(mux: Mux, liveness: Liveness, id: string, graceMs: number, signal: AbortSignal): Promise<void> {
  const incarnation = liveness.incarnation(id);
  if (!incarnation || liveness.state(id) === 'offline') return;
  const answer = await mux.json<FxAnswer>(subjects.fx(id), { op: 'stop', graceMs, incarnation } satisfies FxRequest, { timeout: 5_000 }).catch(() => null);
  if (!answer?.taken) throw new EffectFailed('refused', `it was started elsewhere and does not answer: end it where it runs${answer?.reason ? ` (${answer.reason})` : ''}`);
  const until = performance.now() + graceMs + 10_000;
  while (performance.now() < until) {
    const still = await mux.json<FxAnswer>(subjects.fx(id), { op: 'signal', token: '-', id: '-', data: null } satisfies FxRequest, { timeout: 1_000 }).catch(() => null);
    if (!still) break;
    await delay(200, undefined, { signal });
  }
  liveness.exited(id);
}

async function byKey(driver: Driver<unknown>, key: string): Promise<unknown> {
  for await (const each of driver.list()) if (each.key === key) return each.handle;
  return null;
}

/** Tries again while a place can't be reached. */
async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let wait = 500; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DriverError) || !PASSES.has(error.kind)) throw error;
      await delay(wait, undefined, { signal });
    }
  }
}

/** A driver's words are meant for an operator. */
async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DriverError) throw new EffectFailed(error.kind, error.message);
    throw error;
  }
}
