import { notifierConfig, notifierPatch } from '../../../actors/notifier.ts';
import { findNotifier, listNotifiers, type NotifierRow } from '../../read-model/queries/notifiers.ts';
import { checked, readJson } from '../body.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import type { Route } from '../routes.ts';
import { pathId } from './query.ts';
import { answer, mount } from './respond.ts';

const TAG = 'notifications';

/** Where notifications go. Fields are camelCase on both paths, as those of rules are. */
export const notificationRuleApi = (): Route[] => [
  ...mount('get', '/notification-rules', 'read', { tag: TAG, summary: 'Rules by which notifications go to webhooks and mailboxes', answer: '{success, rules}' }, (call) => answer(call, { success: true, rules: listNotifiers(call.d.db).map(row) })),
  ...mount('get', '/notification-rules/:id', 'read', { tag: TAG, summary: 'One rule', answer: '{success, rule}' }, (call) => answer(call, { success: true, rule: row(one(call)) })),
  ...mount('post', '/notification-rules', 'operate', { tag: TAG, summary: 'Make a rule: `sink` is one of /alert-sinks; without `types` and `accounts` it takes all; `digestMinutes` gathers for so long, 0 sends at once. A webhook gets {id, event: "notifications", rule, severity, text, items, more, at}, signed as alerts are; the same id is the same message', body: notifierConfig, answer: '{success, rule}', status: 201 }, async (call) => {
    const config = checked(notifierConfig, await readJson(call.c));
    const id = freshId('n');
    await call.command({ kind: 'notifier', id }, 'create', config);
    return answer(call, { success: true, rule: { id, ...config } }, 201, { Location: `/api/v1/notification-rules/${id}` });
  }),
  ...(['patch', 'put'] as const).flatMap((method) => mount(method, '/notification-rules/:id', 'operate', { tag: TAG, summary: 'Change a rule; fields that are not given stay', body: notifierPatch, answer: '{success, rule}' }, async (call) => {
    const r = one(call);
    const patch = checked(notifierPatch, await readJson(call.c));
    await call.command({ kind: 'notifier', id: r.id }, 'update', patch);
    return answer(call, { success: true, rule: { ...row(r), ...patch } });
  })),
  ...(['enable', 'disable', 'flush'] as const).flatMap((verb) => mount('post', `/notification-rules/:id/${verb}`, 'operate', { tag: TAG, summary: verb === 'flush' ? 'Send now what is gathered' : verb === 'enable' ? 'Switch a rule on; it counts from then on' : 'Switch a rule off; what is gathered goes out', answer: '{success, state}' }, async (call) => {
    const done = await call.command({ kind: 'notifier', id: one(call).id }, verb);
    return answer(call, { success: true, state: done.state });
  })),
  ...mount('delete', '/notification-rules/:id', 'operate', { tag: TAG, summary: 'Remove a rule', answer: '{success}' }, async (call) => {
    await call.command({ kind: 'notifier', id: one(call).id }, 'remove');
    return answer(call, { success: true });
  }),
];

const one = (call: Call): NotifierRow => found(findNotifier(call.d.db, pathId(call)), `notification rule ${call.param('id')}`);
const row = (r: NotifierRow): Record<string, unknown> => ({ id: r.id, status: r.status, ...r.config, gathered: r.gathered, next_at: r.nextMs === null ? null : new Date(r.nextMs).toISOString(), notices: r.notices, messages: r.messages });
