import { z } from 'zod';
import { countActors, findActor, listActors, type ActorRow } from '../../read-model/queries/actors.ts';
import { found } from '../call.ts';
import { address } from '../pages/actor-pages.ts';
import type { Route } from '../routes.ts';
import { flag, paging, readQuery } from './query.ts';
import { answer, listHeaders, mount } from './respond.ts';
import { checked, readJson } from '../body.ts';

const TAG = 'actors';
const listing = z.object({ kind: z.string().regex(/^[a-z][a-z-]{0,30}$/, 'must be a kind').optional(), search: z.string().max(100).optional(), parked: flag.optional(), ...paging(50) });
const turns = z.object({ from: z.string().regex(/^\d{1,9}$/, 'must be an index').transform(Number).optional(), limit: paging(50).limit });
const sending = z.strictObject({ event: z.looseObject({ type: z.string().regex(/^[A-Za-z][\w-]{0,60}$/, 'must be an event type') }) });

export const actorApi = (): Route[] => [
  ...mount('get', '/actors', 'read', { tag: TAG, summary: 'Actors, what moved last first', query: listing, answer: '{success, actors}' }, (call) => {
    const q = readQuery(call, listing);
    const rows = listActors(call.d.db, q);
    return answer(call, { success: true, actors: rows.map(row) }, 200, listHeaders(call, countActors(call.d.db, { kind: q.kind, search: q.search, parked: q.parked }), { ...q, given: rows.length }));
  }),
  ...mount('get', '/actors/:kind/:id', 'read', { tag: TAG, summary: 'One actor: state, context, what is pending, what it would take', answer: '{success, actor}' }, async (call) => {
    const to = address(call);
    const { ok: _, ...actor } = await call.command(to, 'inspect');
    return answer(call, { success: true, actor });
  }),
  ...mount('get', '/actors/:kind/:id/history', 'read', { tag: TAG, summary: 'Its turns, newest first', query: turns, answer: '{success, entries}' }, async (call) => {
    const to = address(call);
    found(findActor(call.d.db, to.kind, to.id), `${to.kind}/${to.id}`);
    const { entries } = await call.command(to, 'history', readQuery(call, turns));
    return answer(call, { success: true, entries });
  }),
  ...mount('post', '/actors/:kind/:id/events', 'operate', { tag: TAG, summary: 'Send an event; answered once its turn is stored', body: sending, answer: '{success, state, seq}' }, async (call) => {
    const given = checked(sending, await readJson(call.c));
    const { ok: _, ...done } = await call.command(address(call), 'send', given);
    return answer(call, { success: true, ...done });
  }),
];

const row = (a: ActorRow): Record<string, unknown> => ({ actor: `${a.kind}/${a.id}`, kind: a.kind, id: a.id, version: a.version, index: a.index, status: a.status, state: a.state, parked: a.parked, at_ms: a.atMs, due_ms: a.dueMs });
