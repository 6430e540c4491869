import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import { importDialog, saveTemplateDialog, templatesDialog } from '../../../views/config-files.ts';
import type { Ctx } from '../../../views/context.ts';
import { workerDefaults } from '../../../actors/worker.ts';
import { findWorker } from '../../read-model/queries/workers.ts';
import { applyImport } from '../api/config-api.ts';
import { found, type Call } from '../call.ts';
import { readImport, type ImportItem } from '../fleet/config-file.ts';
import { dropTemplate, findTemplate, listTemplates, saveTemplate } from '../fleet/templates.ts';
import { context, done, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';

const line = (i: ImportItem, error: string | null = null) => ({ worker: i.worker_id, action: i.action, field: i.field, reason: i.reason, changes: i.changes, error });

/** Dialogs of the fleet: import, templates. */
export const fleetDialogs = (): Route[] => [
  page('get', '/fleet/import', 'operate', (call) => showPiece(importDialog(context(call), { text: '', format: 'yaml', items: null, done: false }))),
  page('post', '/fleet/import', 'operate', async (call) => {
    const f = await call.form(z.object({ file: z.string().default(''), do: z.enum(['look', 'go']).default('look') }));
    const x = context(call);
    const format = /^\s*[{[]/.test(f.file) ? 'json' : 'yaml';
    const items = asField(() => readImport(call, f.file, format));
    const did = f.do === 'go' ? await applyImport(call, items) : null;
    if (!did) return showPiece(importDialog(x, { text: f.file, format, items: items.map((i) => line(i)), done: false }));
    return done(call, 'done.imported', { ok: did.filter((d) => d.error === null).length, all: did.length }, importDialog(x, { text: '', format, items: items.map((i, n) => line(i, did[n]!.error)), done: true }));
  }),
  page('get', '/fleet/templates', 'operate', async (call) => showPiece(await templates(call, context(call)))),
  page('get', '/fleet/templates/from/:id', 'operate', (call) => {
    const w = worker(call);
    return showPiece(saveTemplateDialog(context(call), { worker: w.id, suggested: w.group === 'default' ? w.deploymentType : w.group }));
  }),
  page('post', '/fleet/templates/from/:id', 'operate', async (call) => {
    const w = worker(call);
    const { name } = await call.form(z.object({ name: z.string().regex(ID, 'must be 1 to 63 of a-z, 0-9 and hyphens') }));
    await saveTemplate(call.d.settings, name, w.config);
    return done(call, 'done.template', { name });
  }),
  page('post', '/fleet/templates/:id/remove', 'operate', async (call) => {
    const name = call.param('id');
    if (!ID.test(name)) throw new Problem(404, 'not_found', 'there is no such template');
    found(await findTemplate(call.d.settings, name), `template ${name}`);
    await dropTemplate(call.d.settings, name);
    return done(call, 'done.removed', {}, await templates(call, context(call)));
  }),
];

const worker = (call: Call) => found(findWorker(call.d.db, call.param('id')), `worker ${call.param('id')}`);

async function templates(call: Call, x: Ctx) {
  const list = await listTemplates(call.d.settings);
  return templatesDialog(x, list.map(({ name, config }) => {
    const c = { ...workerDefaults, ...config } as typeof workerDefaults;
    return { name, type: c.deployment_type, group: c.group_name, maxAccounts: c.max_accounts, memoryMb: c.max_memory_mb };
  }));
}

/** What is wrong with the text is said at its field. */
function asField<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Problem) throw new Problem(422, error.code, error.message, { field: 'file' });
    throw error;
  }
}
