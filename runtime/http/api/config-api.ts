import { z } from 'zod';
import { workerConfig, workerPatch, RESERVED_WORKER_IDS } from '../../../actors/worker.ts';
import { countWorkers, findWorker, findWorkerByConfig, listWorkers, type WorkerRow } from '../../read-model/queries/workers.ts';
import { checked, readFileBody, readJson } from '../body.ts';
import { found, type Call } from '../call.ts';
import { exportFile, readImport, type ImportItem } from '../fleet/config-file.ts';
import { changeWorker, guardShell, readsValues, revertWorker, versionsOf } from '../fleet/config-service.ts';
import { DOTS, shown } from '../fleet/config-shape.ts';
import { dropTemplate, findTemplate, listTemplates, saveTemplate, templateFields } from '../fleet/templates.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { flag, id, paging, pathId, readQuery } from './query.ts';
import { answer, listHeaders, mount, readBody } from './respond.ts';
import { toSnake, withIso } from './shape.ts';

const TAG = 'workers';
type Json = Record<string, unknown>;
const configId = z.string().regex(/^([0-9]{1,9}|[a-z0-9][a-z0-9-]{0,62})$/, 'must be the number or the worker_id of a configuration');
const newId = id.refine((v) => !RESERVED_WORKER_IDS.includes(v), `must not be ${RESERVED_WORKER_IDS.join(', ')}`);
const creating = workerConfig.safeExtend({ worker_id: newId });
const fromTemplate = creating.safeExtend({ template: id.optional().meta({ description: 'the template that fills in what is not given' }) });
const patching = workerPatch.safeExtend({ worker_id: z.string().optional() });
const template = templateFields.extend({ from: id.optional().meta({ description: 'the worker whose configuration it is made of' }) });
const formats = z.object({ format: z.enum(['yaml', 'json']).default('yaml') });
const importing = z.object({ dry_run: flag.default(false) });
const listing = z.object({ group: id.optional(), ...paging(500) });

export const configApi = (): Route[] => [
  ...mount('post', '/worker-configs', 'operate', { tag: TAG, summary: 'Create a worker; `template` fills in what is not given', body: fromTemplate, answer: 'the configuration', status: 201 }, async (call) => {
    const given = toSnake(await readJson(call.c));
    const name = given !== null && typeof given === 'object' && 'template' in given ? checked(z.object({ template: id.optional() }), given).template : undefined;
    const base = name === undefined ? {} : found(await findTemplate(call.d.settings, name), `template ${name}`);
    const { template: _, ...own } = (given ?? {}) as Json;
    const { worker_id, ...config } = checked(creating, given !== null && typeof given === 'object' && !Array.isArray(given) ? { ...base, ...own } : given);
    refuseDots(config);
    const shell = guardShell(call, `worker/${worker_id}`, {}, config);
    const done = await call.command({ kind: 'worker', id: worker_id }, 'create', config);
    await shell();
    const stored = findWorker(call.d.db, worker_id);
    return answer(call, { success: true, ...(stored ? configRow(call, stored) : { worker_id, ...shown(config as never, readsValues(call)) }), state: done.state }, 201, { Location: `/api/v1/worker-configs/${worker_id}` });
  }),
  ...mount('get', '/worker-configs', 'read', { tag: TAG, summary: 'All configurations, as a bare array', query: listing, answer: 'an array' }, (call) => {
    const { group, limit, offset } = readQuery(call, listing);
    const rows = listWorkers(call.d.db, { group, limit, offset });
    return answer(call, rows.map((w) => configRow(call, w)), 200, listHeaders(call, countWorkers(call.d.db, { group }), { limit, offset, given: rows.length }));
  }),
  ...mount('get', '/worker-configs/export', 'read', { tag: TAG, summary: 'Every configuration as a file; values of secrets are •••', query: formats, answer: 'YAML, or JSON' }, (call) => {
    const { format } = readQuery(call, formats);
    const day = new Date(call.d.now()).toISOString().slice(0, 10);
    return new Response(exportFile(call, format), { headers: { 'Content-Type': format === 'json' ? 'application/json; charset=utf-8' : 'application/yaml; charset=utf-8', 'Content-Disposition': `attachment; filename="troupe-workers-${day}.${format}"` } });
  }),
  ...mount('post', '/worker-configs/import', 'operate', { tag: TAG, summary: 'Takes a file as the export gives it (application/yaml or application/json): new workers are created, known ones get the fields that are given. dry_run=1 only says what would happen; with one item invalid nothing is done', query: importing, answer: '{success, dry_run, items: [{worker_id, action, field, reason, changes}]}', also: { 422: 'an item is invalid: nothing was done' } }, async (call) => {
    const { dry_run } = readQuery(call, importing);
    const { text, format } = await readFileBody(call.c);
    const items = readImport(call, text, format);
    const done = dry_run ? null : await applyImport(call, items);
    const success = dry_run ? items.every((i) => i.action !== 'invalid') : done !== null && done.every((d) => d.error === null);
    return answer(call, { success, dry_run, items: items.map(({ send: _, ...i }, n) => ({ ...i, ...(done ? { error: done[n]!.error } : {}) })) }, !dry_run && done === null ? 422 : 200);
  }),
  ...mount('get', '/worker-configs/:id', 'read', { tag: TAG, summary: 'One configuration, by number or worker_id', answer: 'the configuration' }, (call) => answer(call, configRow(call, byConfig(call)))),
  ...(['patch', 'put'] as const).flatMap((method) =>
    mount(method, '/worker-configs/:id', 'operate', { tag: TAG, summary: 'Change a configuration; fields that are not given stay', body: patching, answer: 'the configuration' }, async (call) => {
      const row = byConfig(call);
      const { worker_id, ...patch } = await readBody(call, patching);
      if (worker_id !== undefined && worker_id !== row.id) throw new Problem(422, 'invalid', 'worker_id: is fixed once created', { field: 'worker_id' });
      const sent = await changeWorker(call, row, patch);
      const secrets = { ...row.config.secret_env, ...(sent['secret_env'] as object | undefined) } as Record<string, string | null>;
      const next = { ...row.config, ...sent, secret_env: Object.fromEntries(Object.entries(secrets).filter(([, v]) => v !== null)) };
      return answer(call, { success: true, ...configRow(call, { ...row, config: next as WorkerRow['config'] }) });
    })),
  ...mount('delete', '/worker-configs/:id', 'operate', { tag: TAG, summary: 'Remove a configuration; its worker must be stopped', answer: '{success}' }, async (call) => {
    const row = byConfig(call);
    await call.command({ kind: 'worker', id: row.id }, 'remove');
    return answer(call, { success: true, worker_id: row.id });
  }),
  ...mount('get', '/worker-configs/:id/versions', 'read', { tag: TAG, summary: 'Its versions, newest first, each with what it changed', query: z.object({ limit: paging(50).limit }), answer: '{success, version, runs, versions: [{version, by, at, changes: [{field, from, to}]}]}' }, (call) => {
    const row = byConfig(call);
    const versions = versionsOf(call, row.id, readQuery(call, z.object({ limit: paging(50).limit })).limit);
    return answer(call, { success: true, worker_id: row.id, version: row.version, runs: row.runs, versions: versions.map((v) => withIso({ version: v.version, by: v.by, changed_at: Math.floor(v.atMs / 1000), at: new Date(v.atMs).toISOString(), changes: v.changes })) });
  }),
  ...mount('post', '/worker-configs/:id/revert', 'operate', { tag: TAG, summary: 'Bring the fields of a version back as a new one; sealed values stay as they are', body: z.strictObject({ version: z.number().int().min(1) }), answer: '{success, changes, kept}' }, async (call) => {
    const row = byConfig(call);
    const { version } = await readBody(call, z.strictObject({ version: z.number().int().min(1) }));
    return answer(call, { success: true, worker_id: row.id, version, ...(await revertWorker(call, row, version)) });
  }),
  ...mount('get', '/worker-templates', 'read', { tag: TAG, summary: 'Templates of workers', answer: '{success, templates}' }, async (call) => answer(call, { success: true, templates: (await listTemplates(call.d.settings)).map((t) => ({ name: t.name, config: shownTemplate(call, t.config) })) })),
  ...mount('get', '/worker-templates/:id', 'read', { tag: TAG, summary: 'One template', answer: '{success, template}' }, async (call) => {
    const name = pathId(call);
    return answer(call, { success: true, template: { name, config: shownTemplate(call, found(await findTemplate(call.d.settings, name), `template ${name}`)) } });
  }),
  ...mount('put', '/worker-templates/:id', 'operate', { tag: TAG, summary: 'Save a template: fields of a configuration, or `from` a worker. It holds no name and no secrets', body: template, answer: '{success, template}' }, async (call) => {
    const name = pathId(call);
    const { from, ...given } = await readBody(call, template);
    refuseDots(given);
    const base = from === undefined ? {} : found(findWorker(call.d.db, from), `worker ${from}`).config;
    const config = { ...base, ...given };
    const shell = guardShell(call, `template/${name}`, (await findTemplate(call.d.settings, name)) ?? {}, config);
    await saveTemplate(call.d.settings, name, config);
    await shell();
    return answer(call, { success: true, template: { name, config: shownTemplate(call, (await findTemplate(call.d.settings, name))!) } });
  }),
  ...mount('delete', '/worker-templates/:id', 'operate', { tag: TAG, summary: 'Remove a template; workers made of it stay', answer: '{success}' }, async (call) => {
    const name = pathId(call);
    found(await findTemplate(call.d.settings, name), `template ${name}`);
    await dropTemplate(call.d.settings, name);
    return answer(call, { success: true, name });
  }),
];

export function byConfig(call: Call): WorkerRow {
  const asked = checked(z.object({ id: configId }), { id: call.param('id') }).id;
  return found((/^\d+$/.test(asked) ? findWorkerByConfig(call.d.db, Number(asked)) : null) ?? findWorker(call.d.db, asked), `configuration ${asked}`);
}

/** Nothing is done when one item is invalid: null. Else the result of each. */
export async function applyImport(call: Call, items: ImportItem[]): Promise<{ worker_id: string; error: string | null }[] | null> {
  if (items.some((i) => i.action === 'invalid')) return null;
  const done: { worker_id: string; error: string | null }[] = [];
  for (const item of items) {
    const shell = guardShell(call, `worker/${item.worker_id}`, findWorker(call.d.db, item.worker_id)?.config ?? {}, item.send ?? {});
    const result = item.send === null ? { ok: true as const } : await call.d.command({ kind: 'worker', id: item.worker_id }, item.action === 'create' ? 'create' : 'update', item.send, call.about());
    if (result.ok) await shell();
    done.push({ worker_id: item.worker_id, error: result.ok ? null : (result as { message: string }).message });
  }
  return done;
}

function refuseDots(config: Json): void {
  for (const field of ['env_variables', 'secret_env']) {
    const name = Object.entries((config[field] as Json | undefined) ?? {}).find(([, v]) => v === DOTS)?.[0];
    if (name) throw new Problem(422, 'invalid', `${field}: ${DOTS} is no value for ${name}: give one`, { field });
  }
  if (config['ssh_password'] === DOTS) throw new Problem(422, 'invalid', `ssh_password: ${DOTS} is no password: give one`, { field: 'ssh_password' });
}

const shownTemplate = (call: Call, config: Json): Json => {
  const { secret_env: _, ssh_password: __, ...rest } = shown(config as never, readsValues(call));
  return rest;
};

export const configRow = (call: Call, w: WorkerRow): Json => withIso({
  id: w.configId, ...shown(w.config, readsValues(call)), worker_id: w.id, ssh_key_path: w.config.ssh_key_id, version: w.version, runs: w.runs, status: w.status, created_at: w.createdAt, updated_at: w.updatedAt,
});
