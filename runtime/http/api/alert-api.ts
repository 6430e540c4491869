import { alert as bound, alertPatch, alertRule } from '../../../actors/alert.ts';
import { sinkConfig, sinkPatch } from '../../../actors/sink.ts';
import { findAlert, findSink, listAlerts, listSinks, type AlertRow, type SinkRow } from '../../read-model/queries/alerts.ts';
import { found, type Call } from '../call.ts';
import { sinkTarget, unitOf } from '../fleet/alert-rows.ts';
import { newRuleId, newSinkId } from '../pages/alert-pages.ts';
import type { Route } from '../routes.ts';
import { pathId } from './query.ts';
import { answer, mount, readBody } from './respond.ts';

const TAG = 'alerts';
const snoozing = bound.commands['snooze']!.schema;

export const alertApi = (): Route[] => [
  ...mount('get', '/alerts', 'read', { tag: TAG, summary: 'Alerts with their state, what is wrong first', answer: '{success, alerts}' }, (call) => answer(call, { success: true, alerts: listAlerts(call.d.db).map(alertRow) })),
  ...mount('get', '/alerts/:id', 'read', { tag: TAG, summary: 'One alert with its history', answer: '{success, alert}' }, (call) => {
    const a = one(call);
    return answer(call, { success: true, alert: { ...alertRow(a), history: a.history.map((h) => ({ at: new Date(h.at).toISOString(), what: h.what, by: h.by ?? null })) } });
  }),
  ...mount('post', '/alerts/:id/acknowledge', 'operate', { tag: TAG, summary: 'Take a firing alert on: it says no more until somebody new is beyond the limit, or it is over', answer: '{success, state}' }, (call) => command(call, 'acknowledge')),
  ...mount('post', '/alerts/:id/snooze', 'operate', { tag: TAG, summary: 'Silence for `minutes` (60), firing or not', body: snoozing, answer: '{success, state}' }, async (call) => command(call, 'snooze', await readBody(call, snoozing))),
  ...mount('post', '/alerts/:id/wake', 'operate', { tag: TAG, summary: 'End its silence', answer: '{success, state}' }, (call) => command(call, 'wake')),
  ...mount('get', '/alert-rules', 'read', { tag: TAG, summary: 'Rules', answer: '{success, rules}' }, (call) => answer(call, { success: true, rules: listAlerts(call.d.db).map(ruleRow) })),
  ...mount('get', '/alert-rules/:id', 'read', { tag: TAG, summary: 'One rule', answer: '{success, rule}' }, (call) => answer(call, { success: true, rule: ruleRow(one(call)) })),
  ...mount('post', '/alert-rules', 'operate', { tag: TAG, summary: 'Make a rule', body: alertRule, answer: '{success, rule}', status: 201 }, async (call) => {
    const rule = await readBody(call, alertRule);
    const id = newRuleId();
    await call.command({ kind: 'alert', id }, 'create', rule);
    return answer(call, { success: true, rule: { id, builtin: false, ...rule } }, 201, { Location: `/api/v1/alert-rules/${id}` });
  }),
  ...(['patch', 'put'] as const).flatMap((method) => mount(method, '/alert-rules/:id', 'operate', { tag: TAG, summary: 'Change a rule; fields that are not given stay', body: alertPatch, answer: '{success, rule}' }, async (call) => {
    const a = one(call);
    const patch = await readBody(call, alertPatch);
    await call.command({ kind: 'alert', id: a.id }, 'update', patch);
    return answer(call, { success: true, rule: { ...ruleRow(a), ...patch } });
  })),
  ...(['enable', 'disable'] as const).flatMap((verb) => mount('post', `/alert-rules/:id/${verb}`, 'operate', { tag: TAG, summary: verb === 'enable' ? 'Switch a rule on' : 'Switch a rule off', answer: '{success, state}' }, (call) => command(call, verb))),
  ...mount('delete', '/alert-rules/:id', 'operate', { tag: TAG, summary: 'Remove a rule; those that come with Troupe can only be switched off', answer: '{success, state}' }, (call) => command(call, 'remove')),
  ...mount('get', '/alert-sinks', 'admin', { tag: TAG, summary: 'Where alerts are told: webhooks and mailboxes, without their secrets', answer: '{success, sinks}' }, (call) => answer(call, { success: true, sinks: listSinks(call.d.db).map(sinkRow) })),
  ...mount('post', '/alert-sinks', 'admin', { tag: TAG, summary: 'Add a webhook (`url`, `secret`) or a mailbox (`host`, `from`, `to`); secrets are sealed and never shown', body: sinkConfig, answer: '{success, sink}', status: 201 }, async (call) => {
    const config = await readBody(call, sinkConfig);
    const id = newSinkId();
    await call.command({ kind: 'sink', id }, 'create', config);
    return answer(call, { success: true, sink: { id, name: config.name, type: config.type } }, 201, { Location: `/api/v1/alert-sinks/${id}` });
  }),
  ...mount('patch', '/alert-sinks/:id', 'admin', { tag: TAG, summary: 'Change a sink; secrets that are not given stay', body: sinkPatch, answer: '{success, sink}' }, async (call) => {
    const s = oneSink(call);
    await call.command({ kind: 'sink', id: s.id }, 'update', await readBody(call, sinkPatch));
    return answer(call, { success: true, sink: { id: s.id } });
  }),
  ...(['test', 'retry'] as const).flatMap((verb) => mount('post', `/alert-sinks/:id/${verb}`, 'admin', { tag: TAG, summary: verb === 'test' ? 'Send a test; whether it arrived is seen at the sink' : 'Try what is kept now', answer: '{success, state}' }, async (call) => {
    const done = await call.command({ kind: 'sink', id: oneSink(call).id }, verb);
    return answer(call, { success: true, id: call.param('id'), state: done.state });
  })),
  ...mount('delete', '/alert-sinks/:id', 'admin', { tag: TAG, summary: 'Remove a sink and its secrets', answer: '{success}' }, async (call) => {
    await call.command({ kind: 'sink', id: oneSink(call).id }, 'remove');
    return answer(call, { success: true, id: call.param('id') });
  }),
];

const one = (call: Call): AlertRow => found(findAlert(call.d.db, pathId(call)), `alert ${call.param('id')}`);
const oneSink = (call: Call): SinkRow => found(findSink(call.d.db, pathId(call)), `sink ${call.param('id')}`);

async function command(call: Call, verb: string, payload: unknown = {}): Promise<Response> {
  const { id } = one(call);
  const done = await call.command({ kind: 'alert', id }, verb, payload);
  return answer(call, { success: true, id, state: done.state });
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const alertRow = (a: AlertRow): Record<string, unknown> => ({ id: a.id, name: a.name, status: a.status, severity: a.severity, metric: a.rule.metric, unit: unitOf(a.rule.metric), threshold: a.rule.threshold, breaching: a.breaching, text: a.text, since: iso(a.sinceMs), fired_at: iso(a.firedMs), resolved_at: iso(a.resolvedMs), acknowledged_by: a.acknowledgedBy, snoozed_until: iso(a.snoozedMs) });
const ruleRow = (a: AlertRow): Record<string, unknown> => ({ id: a.id, builtin: a.builtin, ...a.rule });
const sinkRow = (s: SinkRow): Record<string, unknown> => ({ id: s.id, name: s.name, type: s.type, target: sinkTarget(s), least: s.config.least, enabled: s.enabled, status: s.status, kept: s.kept, sent: s.sent, dropped: s.dropped, error: s.error, last_sent_at: iso(s.lastSentMs), next_try_at: iso(s.nextMs) });
