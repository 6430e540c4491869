import { z } from 'zod';
import { platformRows } from '../platform-rows.ts';
import type { Route } from '../routes.ts';
import { testSelectors } from '../selector-test.ts';
import { id } from './query.ts';
import { answer, mount, readBody } from './respond.ts';

const TAG = 'platforms';
const testing = z.strictObject({ account_id: id });

export const platformApi = (): Route[] => [
  ...mount('get', '/platforms', 'read', { tag: TAG, summary: 'The platforms: state with the reason, ways to log in, abilities, accounts, workers that have them', answer: '{success, platforms}' }, (call) =>
    answer(call, { success: true, platforms: platformRows(call.d).map((p) => ({
      id: p.id, label: p.label, ok: p.ok, reason: p.reason, built_in: p.own, methods: p.flows.map((f) => f.id), accounts: p.accounts, workers: p.workers,
      can: p.can && { comments: p.can.comments, messages: p.can.messages, reply_comment: p.can.replyComment, reply_message: p.can.replyMessage, max_length: p.can.maxLength, verify_reliable: p.can.verifyReliable },
    })) })),
  ...mount('post', '/platforms/:id/test', 'operate', { tag: TAG, summary: 'Which selectors of the platform match now, in the browser of one of its accounts; reads only', body: testing, answer: '{success, pages, rows}', also: { 409: 'the account is not logged in, or not used yet' } }, async (call) => {
    const { account_id } = await readBody(call, testing);
    const report = await testSelectors(call.d, call.param('id'), account_id);
    await call.note('selectors tested', `account/${account_id}`);
    // The names are the configuration's own and stay as they are on both mounts.
    return new Response(JSON.stringify({ success: true, ...report }), { headers: { 'Content-Type': 'application/json; charset=utf-8' } });
  }),
];
