import type { Binding } from '../../actors/binding.ts';
import { commandsOf, decodeEntry, hashOf, statePaths, type Entry } from '../../actors/entry.ts';
import type { WorkerContext } from '../../machines/worker.ts';
import type { Mux } from '../../transport/mux.ts';
import { address, STREAM, type Address } from '../../transport/subjects.ts';
import type { Db } from '../read-model/store.ts';
import { allowedEvents, type Common } from './commands.ts';
import type { Engine } from './engine.ts';
import { keepParked, readParked } from './parked.ts';

type Stored = { entry: Entry; seq: number; hash: string };

/** What a worker's process has printed, as its driver has it. */
export type Output = (worker: WorkerContext, tail: number) => Promise<string[]>;

/** Verbs that every kind has: inspect, history, turn, retry-parked, skip-parked; and output, of a worker. */
export function commonVerbs(mux: Mux, engine: Engine, bindings: ReadonlyMap<string, Binding>, db: Db, output: Output): Record<string, Common> {
  const missing = (to: Address) => ({ ok: false as const, code: 'not_found', message: `there is no ${address(to)}`, field: 'id' });
  const at = async (seq: number): Promise<Stored> => {
    const msg = await mux.request(`$JS.API.DIRECT.GET.${STREAM.journal}`, JSON.stringify({ seq }));
    if ((msg.headers?.code ?? 0) !== 0) throw new Error(`journal message ${seq} is not there any more`);
    return { entry: decodeEntry(msg.data), seq, hash: hashOf(msg.data) };
  };
  return {
    async inspect(to) {
      const actor = address(to);
      const head = await engine.host.head(actor);
      if (!head) return missing(to);
      const binding = bindings.get(to.kind)!;
      const { entry } = head;
      const after = entry.after as { status: string; value: unknown; context: unknown; output?: unknown };
      return {
        ok: true, actor, state: statePaths(after.value), value: after.value, status: after.status, context: after.context, output: after.output ?? null,
        index: entry.index, seq: head.seq, version: entry.version, at: entry.at, epoch: entry.epoch,
        pending: {
          effects: Object.entries(entry.pending.effects).map(([token, e]) => ({ token, id: e.child, src: e.src, input: e.input, on: binding.effects[e.src]?.on ?? 'master', since: e.at })),
          timers: Object.entries(entry.pending.timers).map(([token, t]) => ({ token, id: t.timer, due: t.due, event: t.event.type })),
          tells: Object.entries(entry.pending.tells).map(([id, t]) => ({ id, to: t.to, event: t.event?.type ?? '~start' })),
        },
        parked: engine.host.parkedReason(actor),
        // A task says why it waits to no journal: it is what the masters see.
        ...(to.kind === 'task' ? { why: (db.prepare('SELECT why FROM tasks WHERE id = ?').pluck().get(to.id) as string | null | undefined) ?? null } : {}),
        allowed: allowedEvents(binding, entry),
      };
    },
    async history(to, payload) {
      const limit = Math.min(Math.max(1, Number(payload.limit ?? 50) || 50), 500);
      const from = Number(payload.from ?? Number.MAX_SAFE_INTEGER);
      const rows = db.prepare('SELECT idx AS "index", seq, at_ms AS at, event, by, state FROM turns WHERE kind = ? AND id = ? AND idx <= ? ORDER BY idx DESC LIMIT ?').all(to.kind, to.id, from, limit);
      return { ok: true, actor: address(to), entries: rows };
    },
    async turn(to, payload) {
      const index = Number(payload.index);
      const row = db.prepare('SELECT seq FROM turns WHERE kind = ? AND id = ? AND idx = ?').get(to.kind, to.id, index) as { seq: number } | undefined;
      if (!row) return { ok: false, code: 'not_found', message: `${address(to)} has no turn ${payload.index}`, field: 'index' };
      const { entry, seq } = await at(row.seq);
      const after = entry.after as { value: unknown; context: unknown };
      return { ok: true, actor: address(to), entry: { ...entry, commands: commandsOf(entry), seq, state: statePaths(after.value), value: after.value, context: after.context } };
    },
    async output(to, payload) {
      if (to.kind !== 'worker') return { ok: false, code: 'not_found', message: `a ${to.kind} prints nothing; only workers do`, field: 'kind' };
      const head = await engine.host.head(address(to));
      if (!head) return missing(to);
      const { context } = head.entry.after as { context: WorkerContext };
      if (!context.handle && !context.lastHandle) return { ok: true, lines: [], why: 'it has no process that was started from here' };
      try {
        return { ok: true, lines: await output(context, Math.min(Math.max(1, Number(payload.tail ?? 200) || 200), 2000)) };
      } catch (error) {
        return { ok: false, code: 'unavailable', message: (error as Error).message };
      }
    },
    'retry-parked': (to) => release(mux, engine, to, false),
    'skip-parked': (to) => release(mux, engine, to, true),
  };
}

/** Puts what waits for a parked actor to it again, in order; `skip` leaves the first out. What fails again stays on the list. */
async function release(mux: Mux, engine: Engine, to: Address, skip: boolean): ReturnType<Common> {
  const actor = address(to);
  const held = await readParked(mux, to);
  if (held.length === 0 && engine.host.parkedReason(actor) === null) return { ok: false, code: 'conflict', message: `${actor} is not parked` };
  if (skip && held.length > 0) await keepParked(mux, to, held.splice(1), held[0]!.error).then((rest) => held.splice(0, 1, ...rest));
  engine.host.release(actor);
  let taken = 0;
  for (const [i, { inbound }] of held.entries()) {
    const outcome = await engine.ask(actor, inbound);
    if (outcome.is === 'taken') taken++;
    if (outcome.is === 'parked') {
      await keepParked(mux, to, held.slice(i), outcome.why);
      return { ok: false, code: 'parked', message: `${actor} is parked again: ${outcome.why}` };
    }
  }
  await keepParked(mux, to, [], null);
  const head = await engine.host.head(actor);
  if (head) engine.host.adopt(actor, head.entry.pending);
  return { ok: true, actor, taken, skipped: skip ? 1 : 0, state: head ? statePaths((head.entry.after as { value: unknown }).value) : null, seq: head?.seq ?? 0 };
}
