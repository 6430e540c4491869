import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { alertPatch, alertRule, METRICS } from '../../../actors/alert.ts';
import { sinkConfig, sinkPatch } from '../../../actors/sink.ts';
import { alertsPage, ruleDialog, sinkDialog } from '../../../views/alerts.ts';
import { findAlert, findSink, listAlerts, listSinks, type AlertRow, type SinkRow } from '../../read-model/queries/alerts.ts';
import { checked } from '../body.ts';
import { found, type Call } from '../call.ts';
import { alertLine, sinkLine } from '../fleet/alert-rows.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { scopeCovers } from '../users.ts';

const number = z.string().trim().regex(/^-?\d{1,12}(\.\d{1,6})?$/, 'must be a number').transform(Number);
const orNone = (of: z.ZodType<unknown, string>) => z.string().trim().default('').transform((v) => v || null).pipe(z.union([z.null(), of]));
const ruleForm = z.object({ name: z.string(), metric: z.string(), op: z.string(), threshold: number, clear: orNone(number as never), for_seconds: number, repeat_minutes: number, severity: z.string(), only: orNone(z.string()) });
const text = z.string().trim().default('').transform((v) => v || null);
const sinkForm = z.object({
  type: z.enum(['webhook', 'email']), name: z.string(), least: z.string(), enabled: z.literal('1').optional().transform((v) => v === '1'), url: text, secret: text, host: text, port: number.optional(), security: z.string().optional(), user: text, password: text, from: text,
  to: z.string().default('').transform((v) => v.split(/[\s,;]+/).filter(Boolean)),
});

export const newSinkId = (): string => `s${randomBytes(5).toString('hex')}`;
export const newRuleId = (): string => `r${randomBytes(5).toString('hex')}`;

export const alertPages = (): Route[] => [
  page('get', '/alerts', 'read', (call) => {
    const x = context(call);
    return showPage(call, x, { title: x.t('nav.alerts'), topics: ['alert', 'sink', 'inbox', 'reply', 'notification'], main: alertsPage(x, { alerts: listAlerts(call.d.db).map(alertLine), sinks: listSinks(call.d.db).map(sinkLine), mayAct: scopeCovers(call.who.scope, 'operate'), mayDecide: call.who.scope === 'admin' }) });
  }),
  page('get', '/alerts/new', 'operate', (call) => showPiece(ruleDialog(context(call), { id: '', isNew: true, name: '', metric: 'tasks_pending', op: 'above', threshold: 100, clear: null, forSeconds: 60, repeatMinutes: 0, severity: 'warning', only: '', metrics: Object.keys(METRICS) }))),
  page('post', '/alerts', 'operate', async (call) => {
    const rule = checked(alertRule, { ...(await call.form(ruleForm)) });
    await call.command({ kind: 'alert', id: newRuleId() }, 'create', rule);
    return done(call, 'done.created', { name: rule.name });
  }),
  page('get', '/alerts/sinks/new', 'admin', (call) => showPiece(sinkDialog(context(call), { id: '', isNew: true, type: call.query('type') === 'email' ? 'email' : 'webhook', name: '', least: 'warning', url: '', host: '', port: 587, security: 'starttls', user: '', from: '', to: '', hasSecret: false, hasPassword: false }))),
  page('post', '/alerts/sinks', 'admin', async (call) => {
    const { type, port, security, ...f } = await call.form(sinkForm);
    const config = checked(sinkConfig, { type, ...f, ...(port === undefined ? {} : { port }), ...(security === undefined ? {} : { security }) });
    await call.command({ kind: 'sink', id: newSinkId() }, 'create', config);
    return done(call, 'done.created', { name: config.name });
  }),
  page('get', '/alerts/sinks/:id/edit', 'admin', (call) => {
    const { id, config: c } = oneSink(call);
    return showPiece(sinkDialog(context(call), { id, isNew: false, type: c.type, name: c.name, least: c.least, url: c.url ?? '', host: c.host ?? '', port: c.port, security: c.security, user: c.user ?? '', from: c.from ?? '', to: c.to.join(', '), hasSecret: c.secret !== null, hasPassword: c.password !== null }));
  }),
  page('post', '/alerts/sinks/:id', 'admin', async (call) => {
    const s = oneSink(call);
    const { type: _, secret, password, port, security, url, host, user, from, to, ...f } = await call.form(sinkForm);
    const own = s.config.type === 'webhook' ? { url } : { host, user, from, to, ...(port === undefined ? {} : { port }), ...(security === undefined ? {} : { security }) };
    // A secret that nobody typed stays.
    await call.command({ kind: 'sink', id: s.id }, 'update', checked(sinkPatch, { ...f, ...own, ...(secret ? { secret } : {}), ...(password ? { password } : {}) }));
    return done(call, 'done.saved');
  }),
  ...(['test', 'retry', 'remove'] as const).map((verb) => page('post', `/alerts/sinks/:id/${verb}`, 'admin', async (call) => {
    await call.command({ kind: 'sink', id: oneSink(call).id }, verb);
    return done(call, verb === 'remove' ? 'done.removed' : verb === 'test' ? 'done.tested' : 'done.ok');
  })),
  ...(['on', 'off'] as const).map((to) => page('post', `/alerts/sinks/:id/${to}`, 'admin', async (call) => {
    await call.command({ kind: 'sink', id: oneSink(call).id }, 'update', { enabled: to === 'on' });
    return done(call, 'done.saved');
  })),
  page('get', '/alerts/:id/edit', 'operate', (call) => {
    const { id, rule: r } = one(call);
    return showPiece(ruleDialog(context(call), { id, isNew: false, name: r.name, metric: r.metric, op: r.op, threshold: r.threshold, clear: r.clear, forSeconds: r.for_seconds, repeatMinutes: r.repeat_minutes, severity: r.severity, only: r.only ?? '', metrics: Object.keys(METRICS) }));
  }),
  page('post', '/alerts/:id', 'operate', async (call) => {
    await call.command(at(call), 'update', checked(alertPatch, { ...(await call.form(ruleForm)) }));
    return done(call, 'done.saved');
  }),
  page('post', '/alerts/:id/snooze', 'operate', async (call) => {
    const { minutes } = await call.form(z.object({ minutes: z.string().regex(/^\d{1,5}$/, 'must be minutes').transform(Number) }));
    await call.command(at(call), 'snooze', { minutes });
    return done(call, 'done.ok');
  }),
  ...(['acknowledge', 'wake', 'enable', 'disable', 'remove'] as const).map((verb) => page('post', `/alerts/:id/${verb}`, 'operate', async (call) => {
    await call.command(at(call), verb);
    return done(call, verb === 'remove' ? 'done.removed' : 'done.ok');
  })),
];

const one = (call: Call): AlertRow => found(findAlert(call.d.db, call.param('id')), `alert ${call.param('id')}`);
const at = (call: Call) => ({ kind: 'alert', id: one(call).id });
const oneSink = (call: Call): SinkRow => found(findSink(call.d.db, call.param('id')), `sink ${call.param('id')}`);
