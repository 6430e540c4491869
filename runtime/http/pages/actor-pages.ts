import { z } from 'zod';
import { kinds } from '../../../actors/kinds.ts';
import { actorPage, type ActorModel } from '../../../views/actor.ts';
import { actorsPage } from '../../../views/actors.ts';
import type { ChartNode } from '../../../views/chart.ts';
import { isId, isKind } from '../../../transport/subjects.ts';
import { actorKinds, findActor, listActors, listTurns, type ActorRow } from '../../read-model/queries/actors.ts';
import { json } from '../../read-model/queries/read-model.ts';
import { found, type Call } from '../call.ts';
import { chartNode } from '../chart-node.ts';
import { context, done, showPage } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { BadJson, parseStrict } from '../../strict-json.ts';

const PAGE = 40;
const TURNS = 60;
const charts = new Map<string, ChartNode>();

export function chartOf(kind: string): ChartNode | null {
  const binding = kinds.get(kind);
  if (!binding) return null;
  let chart = charts.get(kind);
  if (!chart) charts.set(kind, (chart = chartNode(binding.chart.machine)));
  return chart;
}

export const actorPages = (): Route[] => [
  page('get', '/actors', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const kind = /^[a-z][a-z-]{0,30}$/.exec(call.query('kind') ?? '')?.[0] ?? '';
    const search = (call.query('q') ?? '').slice(0, 100);
    const parked = call.query('parked') === '1';
    const at = Math.max(1, Number(/^\d{1,5}$/.exec(call.query('page') ?? '')?.[0] ?? 1));
    const rows = listActors(db, { kind: kind || undefined, search: search || undefined, parked: parked || undefined, limit: PAGE + 1, offset: (at - 1) * PAGE });
    return showPage(call, x, { title: x.t('nav.actors'), topics: ['actor', 'inbox', 'reply', 'notification'], main: actorsPage(x, { search, kind, parked, kinds: actorKinds(db), actors: rows.slice(0, PAGE), page: at, more: rows.length > PAGE }) });
  }),
  page('get', '/actors/:kind/:id', 'read', async (call) => {
    const x = context(call);
    const { kind, id } = address(call);
    const row = found(findActor(call.d.db, kind, id), `${kind}/${id}`);
    const turn = /^\d{1,9}$/.exec(call.query('turn') ?? '')?.[0];
    const model = turn ? await past(call, row, Number(turn)) : await present(call, row);
    return showPage(call, x, { title: `${kind}/${id}`, topics: [`${kind}/${id}`, 'inbox', 'reply', 'notification'], main: actorPage(x, model) });
  }),
  page('post', '/actors/:kind/:id/send', 'operate', async (call) => {
    const to = address(call);
    const f = await call.form(z.object({ event: z.string().regex(/^[A-Za-z][\w-]{0,60}$/, 'must be an event type'), fields: z.string().default('{}') }));
    const answer = await call.command(to, 'send', { event: { ...readFields(f.fields), type: f.event } });
    return done(call, 'done.sent', { state: String(answer.state ?? '') });
  }),
  ...(['retry-parked', 'skip-parked'] as const).map((verb) =>
    page('post', `/actors/:kind/:id/${verb}`, 'admin', async (call) => {
      await call.command(address(call), verb);
      return done(call, 'done.ok');
    })),
];

function readFields(text: string): Record<string, unknown> {
  try {
    const value = parseStrict(text.trim() || '{}');
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    throw new Problem(422, 'invalid', `fields: ${error.message}`, { field: 'fields' });
  }
  throw new Problem(422, 'invalid', 'fields: must be a JSON object, like {"interval": 20}', { field: 'fields' });
}

export function address(call: Call): { kind: string; id: string } {
  const kind = call.param('kind');
  const id = call.param('id');
  if (!isKind(kind) || !isId(id)) throw new Problem(404, 'not_found', 'an actor is kind/id, both in lower-case letters, digits and hyphens');
  return { kind, id };
}

type Entry = { after?: { context?: unknown }; pending?: Pending; commands?: unknown; event?: { type: string }; at?: number };
type Pending = { effects?: Record<string, { child: string; src: string; at: number }>; timers?: Record<string, { timer: string; due: number; event: { type: string } }>; tells?: Record<string, unknown> };

/** As it is now: by its master, or by the view while no master answers. */
export async function present(call: Call, row: ActorRow): Promise<ActorModel> {
  const to = { kind: row.kind, id: row.id };
  const answer = await call.d.command(to, 'inspect', {}, call.about());
  const base = common(call, row);
  if (answer.ok) {
    const a = answer as unknown as { state: string; context: unknown; index: number; version: string; status: string; allowed: string[]; parked: string | null; pending: { effects: { token: string; id: string; src: string; on: string; since: number }[]; timers: { id: string; due: number; event: string }[]; tells: unknown[] } };
    return {
      ...base, state: a.state, active: a.state.split(','), allowed: a.allowed, version: a.version, index: a.index, parked: a.parked, done: a.status !== 'active', context: a.context, silent: null,
      pending: { effects: a.pending.effects.map((e) => ({ token: e.token, id: e.id, src: e.src, on: e.on, sinceMs: e.since })), timers: a.pending.timers.map((t) => ({ id: t.id, dueMs: t.due, event: eventWords(t.event) })), tells: a.pending.tells.length },
    };
  }
  const entry = json<Entry>((call.d.db.prepare('SELECT entry FROM actors WHERE kind = ? AND id = ?').get(row.kind, row.id) as { entry: string }).entry, {});
  const effects = Object.entries(entry.pending?.effects ?? {}).map(([token, e]) => ({ token, id: e.child, src: e.src, on: null, sinceMs: e.at }));
  const timers = Object.values(entry.pending?.timers ?? {}).map((t) => ({ id: t.timer, dueMs: t.due, event: eventWords(t.event.type) }));
  return { ...base, context: entry.after?.context ?? null, pending: { effects, timers, tells: Object.keys(entry.pending?.tells ?? {}).length }, silent: (answer as { message: string }).message };
}

/** As it was after one turn: the chart lit as it was then. */
async function past(call: Call, row: ActorRow, index: number): Promise<ActorModel> {
  const answer = await call.command({ kind: row.kind, id: row.id }, 'turn', { index });
  const e = answer.entry as { state: string; context: unknown; event: unknown; commands: unknown; at: number; version: string };
  return { ...common(call, row), state: e.state, active: e.state.split(','), version: e.version, index, context: e.context, past: { index, atMs: e.at, event: e.event, commands: e.commands } };
}

function common(call: Call, row: ActorRow): ActorModel {
  const before = /^\d{1,9}$/.exec(call.query('before') ?? '')?.[0];
  const turns = listTurns(call.d.db, { kind: row.kind, id: row.id, before: before ? Number(before) : undefined, limit: TURNS + 1 });
  const shown = turns.slice(0, TURNS);
  return {
    kind: row.kind, id: row.id, state: row.state, active: row.state.split(','), allowed: [], version: row.version, index: row.index, parked: row.parked, done: row.status !== 'active', chart: chartOf(row.kind), context: null,
    pending: { effects: [], timers: [], tells: 0 },
    history: shown.map((t) => ({ index: t.index, atMs: t.atMs, event: eventWords(t.event), by: t.by, state: t.state })),
    older: turns.length > TURNS ? `/actors/${row.kind}/${row.id}?before=${shown.at(-1)!.index}` : null, past: null, silent: null,
  };
}

/** The kernel's own event names in a reader's words. */
export function eventWords(event: string): string {
  const after = /^xstate\.after\.([^.]+)\./.exec(event);
  if (after) return `after ${after[1]}`;
  const settled = /^xstate\.(done|error)\.\w+\.(.+)$/.exec(event);
  return settled ? `${settled[1]}: ${settled[2]!.split('.').at(-1)}` : event;
}
