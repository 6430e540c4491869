import { z } from 'zod';
import { scalerConfig } from '../../../actors/scaler.ts';
import { ID } from '../../../transport/subjects.ts';
import { groupsPage, rebalanceDialog, scalerDialog, type GroupCard } from '../../../views/groups.ts';
import { fleetSettings } from '../../master/fleet-settings.ts';
import { STRATEGIES } from '../../master/assignment.ts';
import { findScaler, type ScalerRow } from '../../read-model/queries/scalers.ts';
import { checked } from '../body.ts';
import { found, type Call } from '../call.ts';
import { fleetGroups, type Group } from '../fleet/groups.ts';
import { rebalance } from '../fleet/rebalance.ts';
import { readFleetSettings, saveFleetSettings } from '../fleet/settings.ts';
import { listTemplates } from '../fleet/templates.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';

const number = z.string().regex(/^\d{1,9}(\.\d{1,3})?$/, 'must be a number').transform(Number);
const flag = z.literal('1').optional().transform((v) => v === '1');
const form = z.object({ enabled: flag, dry_run: flag, min: number, max: number, metric: z.string(), target: number, cooldown_seconds: number, template: z.string().default('') });
const groupForm = z.object({ group: z.string().regex(ID, 'must be a group').or(z.literal('')).default('') });

export const groupPages = (): Route[] => [
  page('get', '/groups', 'read', async (call) => {
    const x = context(call);
    const names = new Set((await listTemplates(call.d.settings)).map((t) => t.name));
    const { strategy } = await readFleetSettings(call.d.settings);
    return showPage(call, x, { title: x.t('nav.groups'), topics: ['worker', 'account', 'scaler', 'inbox', 'reply', 'notification'], main: groupsPage(x, { groups: fleetGroups(call.d).map((g) => card(g, names)), strategy, strategies: STRATEGIES, mayDecide: call.who.scope === 'admin' }) });
  }),
  page('post', '/fleet/settings', 'admin', async (call) => {
    const f = await call.form(z.object({ strategy: fleetSettings.shape.strategy.unwrap() }));
    await saveFleetSettings(call.d.settings, f);
    return done(call, 'done.saved');
  }),
  page('get', '/fleet/rebalance', 'operate', async (call) => {
    const { group } = checked(groupForm, { group: call.query('group') ?? '' });
    return showPiece(rebalanceDialog(context(call), { group, moves: await rebalance(call, { dryRun: true, group: group || undefined }), done: false }));
  }),
  page('post', '/fleet/rebalance', 'operate', async (call) => {
    const { group } = await call.form(groupForm);
    const moves = await rebalance(call, { dryRun: false, group: group || undefined });
    return done(call, 'done.rebalanced', { ok: moves.filter((m) => m.error === null).length, all: moves.length }, rebalanceDialog(context(call), { group, moves, done: true }));
  }),
  page('get', '/groups/:id/scaler', 'operate', async (call) => {
    const group = groupName(call);
    const s = findScaler(call.d.db, group);
    const c = s?.config;
    const templates = (await listTemplates(call.d.settings)).map((t) => t.name);
    return showPiece(scalerDialog(context(call), { group, isNew: s === null, enabled: c?.enabled ?? true, dryRun: c?.dry_run ?? true, min: c?.min ?? 1, max: c?.max ?? 5, metric: c?.metric ?? 'accounts', target: c?.target ?? 8, cooldown: c?.cooldown_seconds ?? 60, template: c?.template ?? templates[0] ?? '', templates }));
  }),
  page('post', '/groups/:id/scaler', 'operate', async (call) => {
    const group = groupName(call);
    const config = checked(scalerConfig, await call.form(form));
    await call.command({ kind: 'scaler', id: group }, findScaler(call.d.db, group) ? 'update' : 'create', config);
    return done(call, 'done.saved');
  }),
  ...(['on', 'off'] as const).map((to) => page('post', `/groups/:id/scaler/${to}`, 'operate', async (call) => {
    const s = found(findScaler(call.d.db, groupName(call)), `autoscaling of ${call.param('id')}`);
    await call.command({ kind: 'scaler', id: s.group }, 'update', { enabled: to === 'on' });
    return done(call, 'done.saved');
  })),
];

function groupName(call: Call): string {
  const name = call.param('id');
  if (!ID.test(name)) throw new Problem(404, 'not_found', 'a group is named in lower-case letters, digits and hyphens');
  return name;
}

const card = (g: Group, templates: ReadonlySet<string>): GroupCard => ({
  name: g.name, running: g.running, capacity: g.capacity, assigned: g.assigned, accounts: g.accounts, waiting: g.waiting.map(({ id, name, why }) => ({ id, name, why })),
  workers: g.workers.map((w) => ({ id: w.id, status: w.status, link: w.link, assigned: w.assigned, max: w.maxAccounts, others: w.groups.filter((o) => o !== g.name && o !== 'default'), strict: w.config.group_strict })),
  scaler: g.scaler && scalerCard(g.scaler, templates),
});

const scalerCard = (s: ScalerRow, templates: ReadonlySet<string>): NonNullable<GroupCard['scaler']> => ({
  status: s.status, enabled: s.config.enabled, dryRun: s.config.dry_run, min: s.config.min, max: s.config.max, metric: s.config.metric, target: s.config.target, cooldown: s.config.cooldown_seconds, template: s.config.template, templateMissing: !templates.has(s.config.template), decisions: s.decisions,
});
