import { z } from 'zod';
import { scaler as bound, scalerConfig } from '../../../actors/scaler.ts';
import { fleetSettings } from '../../master/fleet-settings.ts';
import { findScaler, listScalers, type ScalerRow } from '../../read-model/queries/scalers.ts';
import { checked } from '../body.ts';
import { found, type Call } from '../call.ts';
import { fleetGroups } from '../fleet/groups.ts';
import { readFleetSettings, saveFleetSettings } from '../fleet/settings.ts';
import type { Route } from '../routes.ts';
import { keepDays, someKeepDays } from '../../read-model/keep-days.ts';
import { id, pathId } from './query.ts';
import { answer, mount, readBody, readCamelBody } from './respond.ts';

const TAG = 'fleet';
const creating = scalerConfig.safeExtend({ group_name: id });
const patching = bound.commands['update']!.schema;
const settings = z.strictObject({ strategy: fleetSettings.shape.strategy.unwrap().optional(), taskStrategy: fleetSettings.shape.taskStrategy.unwrap().optional(), ...someKeepDays }).refine((v) => Object.keys(v).length > 0, `name at least one of strategy, taskStrategy, ${Object.keys(keepDays.shape).join(', ')}`);

export const fleetApi = (): Route[] => [
  ...mount('get', '/groups', 'read', { tag: TAG, summary: 'Groups with their workers, room, accounts, and why accounts wait', answer: '{success, groups}' }, (call) => answer(call, {
    success: true,
    groups: fleetGroups(call.d).map((g) => ({
      name: g.name, workers: g.workers.map((w) => ({ worker_id: w.id, status: w.status, link_status: w.link, assigned_accounts: w.assigned, max_accounts: w.maxAccounts, strict: w.config.group_strict })), running: g.running, capacity: g.capacity, assigned_accounts: g.assigned, accounts: g.accounts,
      waiting: g.waiting.map((w) => ({ account_id: w.id, account_name: w.name, reason: w.why })), scaler: g.scaler && scalerRow(g.scaler),
    })),
  })),
  ...mount('get', '/scalers', 'read', { tag: TAG, summary: 'Autoscaling of groups', answer: '{success, scalers}' }, (call) => answer(call, { success: true, scalers: listScalers(call.d.db).map(scalerRow) })),
  ...mount('post', '/scalers', 'operate', { tag: TAG, summary: 'Begin to scale a group', body: creating, answer: '{success, scaler}', status: 201 }, async (call) => {
    const { group_name, ...config } = await readBody(call, creating);
    const done = await call.command({ kind: 'scaler', id: group_name }, 'create', config);
    return answer(call, { success: true, scaler: { group_name, ...config, status: done.state } }, 201, { Location: `/api/v1/scalers/${group_name}` });
  }),
  ...mount('get', '/scalers/:id', 'read', { tag: TAG, summary: 'Autoscaling of one group, with its decisions', answer: '{success, scaler}' }, (call) => answer(call, { success: true, scaler: scalerRow(one(call)) })),
  ...(['patch', 'put'] as const).flatMap((method) => mount(method, '/scalers/:id', 'operate', { tag: TAG, summary: 'Change the autoscaling of a group; fields that are not given stay', body: patching, answer: '{success, scaler}' }, async (call) => {
    const row = one(call);
    const patch = (await readBody(call, patching)) as Record<string, unknown>;
    checked(scalerConfig, { ...row.config, ...patch });
    await call.command({ kind: 'scaler', id: row.group }, 'update', patch);
    return answer(call, { success: true, scaler: { ...scalerRow(row), ...patch } });
  })),
  ...mount('delete', '/scalers/:id', 'operate', { tag: TAG, summary: 'Scale this group no more; its workers stay', answer: '{success}' }, async (call) => {
    const row = one(call);
    await call.command({ kind: 'scaler', id: row.group }, 'remove');
    return answer(call, { success: true, group_name: row.group });
  }),
  ...mount('get', '/fleet/settings', 'read', { tag: TAG, summary: 'What is set for the whole fleet', answer: '{success, settings}' }, async (call) => answer(call, { success: true, settings: await readFleetSettings(call.d.settings) })),
  ...mount('put', '/fleet/settings', 'admin', { tag: TAG, summary: 'Set how accounts and tasks are spread over workers, and how long finished tasks are shown', body: settings, answer: '{success, settings}' }, async (call) => {
    return answer(call, { success: true, settings: await saveFleetSettings(call.d.settings, await readCamelBody(call, settings)) });
  }),
];

const one = (call: Call): ScalerRow => found(findScaler(call.d.db, pathId(call)), `autoscaling of ${call.param('id')}`);

const scalerRow = (s: ScalerRow): Record<string, unknown> => ({
  group_name: s.group, status: s.status, ...s.config, last_action_at: s.lastActionMs && new Date(s.lastActionMs).toISOString(),
  decisions: s.decisions.map((d) => ({ at: new Date(d.at).toISOString(), do: d.do, have: d.have, want: d.want, why: d.why, worker: d.worker, dry_run: d.dry, error: d.error })),
});
