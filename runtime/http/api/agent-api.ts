import { z } from 'zod';
import { agentHistory, countAgents, findAgent, listAgents, type AgentRow } from '../../read-model/queries/agents.ts';
import { found, type Call } from '../call.ts';
import { each } from '../fleet/each.ts';
import { freshId } from '../fresh-id.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { id, paging, pathId, readQuery } from './query.ts';
import { answer, listHeaders, mount, readBody } from './respond.ts';
import { agentBody } from './task-rows.ts';

const TAG = 'agents';
const MOST = 200;
const fields = {
  name: z.string().trim().min(1).max(100).optional(), worker_id: id.nullish(), worker: id.nullish(), group: id.optional(), group_name: id.optional(), account_id: id.nullish(), account: id.nullish(), url: z.string().max(4000).nullish(),
  viewport: z.strictObject({ width: z.number().int(), height: z.number().int() }).nullish(), shared: z.boolean().optional(),
};
const making = z.strictObject({ agent_id: id.optional(), ...fields });
const batch = z
  .strictObject({ action: z.enum(['create', 'close', 'restart']), agent_ids: z.array(id).min(1).max(MOST).optional(), count: z.number().int().min(1).max(MOST).optional(), agent: z.strictObject(fields).default({}) })
  .refine((b) => (b.action === 'create') === (b.count !== undefined) && (b.action !== 'create') === (b.agent_ids !== undefined), { path: ['action'], message: 'create needs count, close and restart need agent_ids' });
const listing = z.object({ status: z.string().regex(/^[a-z]+(,[a-z]+)*$/, 'must be states with commas').optional(), worker: id.optional(), group: id.optional(), search: z.string().max(100).optional(), ...paging(500) });

export const agentApi = (): Route[] => [
  ...mount('post', '/agents/batch', 'operate', { tag: TAG, summary: `Open \`count\` agents alike, or close or restart those that are named; ${MOST} at most`, body: batch, answer: '{success, results: [{agent_id, success, error, code}]}' }, async (call) => {
    const b = await readBody(call, batch);
    const ids = b.agent_ids ? [...new Set(b.agent_ids)] : Array.from({ length: b.count! }, () => freshId('a'));
    const results = await each(ids, async (agent) => {
      const done = await call.d.command({ kind: 'agent', id: agent }, b.action, b.action === 'create' ? inputOf(b.agent) : {}, call.about());
      return done.ok ? { agent_id: agent, success: true } : { agent_id: agent, success: false, error: (done as { message: string }).message, code: (done as { code: string }).code };
    });
    return answer(call, { success: results.every((r) => r.success), action: b.action, results });
  }),
  ...mount('get', '/agents', 'read', { tag: TAG, summary: 'Open agents; closed ones with status=closed', query: listing, answer: '{success, agents}' }, (call) => {
    const q = readQuery(call, listing);
    const rows = listAgents(call.d.db, q);
    return answer(call, { success: true, agents: rows.map(agentBody) }, 200, listHeaders(call, countAgents(call.d.db, q), { limit: q.limit, offset: q.offset, given: rows.length }));
  }),
  ...mount('post', ['/agents', '/agents/create'], 'operate', { tag: TAG, summary: 'Open an agent: one browser page that tasks work in', body: making, answer: '{success, agent_id}', status: 201 }, async (call) => {
    const { agent_id, ...given } = await readBody(call, making);
    const agent = agent_id ?? freshId('a');
    const done = await call.command({ kind: 'agent', id: agent }, 'create', inputOf(given));
    return answer(call, { success: true, agent_id: agent, id: agent, name: done.name ?? agent, status: 'opening' }, 201, { Location: `/api/v1/agents/${agent}` });
  }),
  ...mount('get', '/agents/:id', 'read', { tag: TAG, summary: 'One agent with its history', answer: '{success, agent}' }, (call) => {
    const a = one(call);
    const history = agentHistory(call.d.db, a.id, 100).map((h) => ({ timestamp: Math.floor(h.atMs / 1000), what: h.what, task_id: h.task, task_title: h.taskTitle, detail: h.detail }));
    return answer(call, { success: true, agent: { ...agentBody(a), history }, ...agentBody(a) });
  }),
  ...mount('delete', '/agents/:id', 'operate', { tag: TAG, summary: 'Close it; its task goes to another', answer: '{success, state}' }, (call) => act(call, 'close')),
  ...mount('post', '/agents/:id/close', 'operate', { tag: TAG, summary: 'Close it; its task goes to another', answer: '{success, state}' }, (call) => act(call, 'close')),
  ...mount('post', '/agents/:id/restart', 'operate', { tag: TAG, summary: 'Open its page anew', answer: '{success, state}' }, (call) => act(call, 'restart')),
];

type Given = { [K in keyof typeof fields]?: z.output<(typeof fields)[K]> };

function inputOf(g: Given): Record<string, unknown> {
  for (const [a, b] of [['worker', 'worker_id'], ['account', 'account_id'], ['group', 'group_name']] as const) if (g[a] != null && g[b] != null && g[a] !== g[b]) throw new Problem(422, 'invalid', `${a}: given twice, as ${a} and ${b}`, { field: a });
  const worker = g.worker ?? g.worker_id;
  const account = g.account ?? g.account_id;
  const group = g.group ?? g.group_name;
  return { ...(g.name ? { name: g.name } : {}), ...(worker ? { worker } : {}), ...(account ? { account } : {}), ...(group ? { group } : {}), ...(g.url ? { url: g.url } : {}), ...(g.viewport ? { viewport: g.viewport } : {}), ...(g.shared === undefined ? {} : { shared: g.shared }) };
}

async function act(call: Call, verb: 'close' | 'restart'): Promise<Response> {
  const a = one(call);
  const done = await call.command({ kind: 'agent', id: a.id }, verb);
  return answer(call, { success: true, agent_id: a.id, state: done.state });
}

const one = (call: Call): AgentRow => found(findAgent(call.d.db, pathId(call)), `agent ${call.param('id')}`);
