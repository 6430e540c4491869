import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import { AGENT_STATES, agentActions, agentPage, agentsPage, newAgentDialog, type AgentCard, type AgentsFilter } from '../../../views/agents.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { agentCounts, agentHistory, countAgents, findAgent, listAgents, type AgentAsk, type AgentRow } from '../../read-model/queries/agents.ts';
import { listTasks } from '../../read-model/queries/tasks.ts';
import { listWorkers, workerGroups } from '../../read-model/queries/workers.ts';
import type { Db } from '../../read-model/queries/read-model.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { readPage } from '../work/paging.ts';
import { batchRoutes } from './batch.ts';

const MOST = 500;
const optional = z.string().trim().max(200).default('');
const opening = z.object({ name: optional, count: z.string().regex(/^\d{1,2}$/, 'must be a number from 1 to 50').transform(Number).refine((n) => n >= 1 && n <= 50, 'must be a number from 1 to 50').default(1), url: optional, group: optional, worker: optional, account: optional });

/** Agents: a wall of what they show, one of them, new ones. */
export const agentPages = (): Route[] => [
  page('get', '/agents', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const filter = readFilter(call);
    const total = countAgents(db, ask(filter));
    const at = readPage(call, total);
    return showPage(call, x, { title: x.t('nav.agents'), topics: ['agent', 'inbox', 'reply', 'notification'], main: agentsPage(x, { agents: listAgents(db, { ...ask(filter), limit: at.size, offset: (at.page - 1) * at.size }).map(card), filter, workers: listWorkers(db, { limit: MOST }).map((w) => w.id), counts: counts(db), ...at, total, mayAct: x.scope !== 'read' }) });
  }),
  ...batchRoutes({
    base: '/agents', kind: 'agent', actions: agentActions,
    item(call, _x, _verb, id) {
      const a = findAgent(call.d.db, id);
      return a && { id, name: a.name, state: a.status, group: 'agent', why: null };
    },
  }),
  page('get', '/agents/new', 'operate', (call) => showPiece(newAgentDialog(context(call), { groups: workerGroups(call.d.db), workers: listWorkers(call.d.db, { limit: MOST }).map((w) => w.id), accounts: listAccounts(call.d.db, { limit: MOST }).map((a) => ({ id: a.id, name: a.name })) }))),
  page('post', '/agents', 'operate', async (call) => {
    const f = await call.form(opening);
    for (let n = 1; n <= f.count; n++) {
      await call.command({ kind: 'agent', id: freshId('a') }, 'create', {
        ...(f.name ? { name: f.count > 1 ? `${f.name} ${n}` : f.name } : {}), ...(f.url ? { url: f.url } : {}), ...(f.group ? { group: f.group } : {}), ...(f.worker ? { worker: f.worker } : {}), ...(f.account ? { account: f.account } : {}),
      });
    }
    return done(call, 'done.agents-open', { n: f.count });
  }),
  page('get', '/agents/:id', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const a = one(call);
    return showPage(call, x, {
      title: a.name, topics: [`agent/${a.id}`, 'task', 'inbox', 'reply', 'notification'],
      main: agentPage(x, {
        card: card(a), worker: a.worker, viewport: a.viewport && `${a.viewport.width} × ${a.viewport.height}`, by: null, mayAct: x.scope !== 'read',
        history: agentHistory(db, a.id, 30).map((h) => ({ ...h, task: h.task ? { id: h.task, title: h.taskTitle ?? h.task } : null })),
        tasks: listTasks(db, { agent: a.id, limit: 12 }).map((t) => ({ id: t.id, seq: t.seq, title: t.title, status: t.status, createdMs: t.createdMs })),
      }),
    });
  }),
  ...(['close', 'restart'] as const).map((verb) => page('post', `/agents/:id/${verb}`, 'operate', async (call) => {
    const a = one(call);
    await call.command({ kind: 'agent', id: a.id }, verb);
    return done(call, `done.${verb}`, { name: a.name });
  })),
];

function one(call: Call): AgentRow {
  const id = call.param('id');
  if (!ID.test(id)) throw new Problem(404, 'not_found', 'an agent is named in lower-case letters, digits and hyphens');
  return found(findAgent(call.d.db, id), `agent ${id}`);
}

function readFilter(call: Call): AgentsFilter {
  const status = call.query('status') ?? '';
  return { q: call.query('q') ?? '', status: (AGENT_STATES as readonly string[]).includes(status) ? status : '', worker: /^[a-z0-9-]{1,63}$/.exec(call.query('worker') ?? '')?.[0] ?? '' };
}

const ask = (f: AgentsFilter): AgentAsk => ({ search: f.q || undefined, status: f.status || undefined, worker: f.worker || undefined });

function counts(db: Db): { all: number; idle: number; busy: number; error: number } {
  const { closed: _, ...open } = agentCounts(db);
  return { all: Object.values(open).reduce((a, b) => a + b, 0), idle: open['idle'] ?? 0, busy: open['busy'] ?? 0, error: open['error'] ?? 0 };
}

const card = (a: AgentRow): AgentCard => ({
  id: a.id, name: a.name, status: a.status, worker: a.worker, account: a.account, group: a.group, url: a.url, title: a.title, task: a.task ? { id: a.task, title: a.taskTitle ?? a.task } : null,
  why: a.why, error: a.error, restarts: a.restarts, createdMs: a.createdMs, live: (a.status === 'idle' || a.status === 'busy') && a.worker !== null,
});
