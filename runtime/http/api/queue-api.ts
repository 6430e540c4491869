import { z } from 'zod';
import { listPauses, queueLanes } from '../../read-model/queries/queues.ts';
import type { Call } from '../call.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { gateId, gateNameHint } from '../work/gate-id.ts';
import { answer, mount, readBody } from './respond.ts';
import { withIso } from './shape.ts';

const TAG = 'queues';
const pausing = z.strictObject({ scope: z.enum(['fleet', 'group', 'platform', 'account', 'queue', 'kind']), name: z.string().max(80).default(''), reason: z.string().max(300).default('') });

export const queueApi = (): Route[] => [
  ...mount('get', '/queues', 'read', { tag: TAG, summary: 'One queue a group and lane: how many wait and run, since when the oldest waits, how many ended in the last minute', answer: '{success, queues}' }, (call) =>
    answer(call, { success: true, queues: queueLanes(call.d.db, call.d.now()).map((q) => withIso({ group_name: q.group, lane: q.lane, depth: q.depth, running: q.running, oldest_at: q.oldestMs && Math.floor(q.oldestMs / 1000), done_last_minute: q.doneLastMinute, failed_last_minute: q.failedLastMinute, paused: q.paused })) })),
  ...mount('get', '/pauses', 'read', { tag: TAG, summary: 'What is held', answer: '{success, pauses}' }, (call) => answer(call, { success: true, pauses: listPauses(call.d.db).map((p) => withIso({ scope: p.scope, name: p.name, by: p.by, reason: p.reason, since_at: Math.floor(p.sinceMs / 1000) })) })),
  ...mount('post', '/pauses', 'operate', { tag: TAG, summary: 'Hold new work of everything, a group, a platform, an account, a queue (group.lane) or a type of task; what runs goes on', body: pausing, answer: '{success, state}', status: 201 }, (call) => act(call, 'pause')),
  ...mount('post', '/pauses/resume', 'operate', { tag: TAG, summary: 'Let it go on', body: pausing, answer: '{success, state}' }, (call) => act(call, 'resume')),
];

async function act(call: Call, verb: 'pause' | 'resume'): Promise<Response> {
  const { scope, name, reason } = await readBody(call, pausing);
  const gate = gateId(scope, name);
  if (!gate) throw new Problem(422, 'invalid', gateNameHint(scope), { field: 'name' });
  const done = await call.command({ kind: 'gate', id: gate }, verb, verb === 'pause' ? { reason } : {});
  return answer(call, { success: true, scope, name: scope === 'fleet' ? 'fleet' : name, state: done.state }, verb === 'pause' ? 201 : 200);
}
