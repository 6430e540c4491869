import { z } from 'zod';
import { exportAccounts } from '../../accounts/account-file.ts';
import { importAccounts, planned, type Imported } from '../accounts/import-accounts.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { readTable } from '../body.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { flag, id, readQuery } from './query.ts';
import { answer, mount } from './respond.ts';

const TAG = 'accounts';
const exporting = z.object({ format: z.enum(['csv', 'json']).default('csv'), tag: z.string().max(30).optional(), group_name: id.optional(), proxy_id: id.optional(), archived: flag.optional() });
const importing = z.object({ dry_run: flag.optional().meta({ description: 'true: only says what would happen' }), skip_bad: flag.optional().meta({ description: 'true: rows that are good are imported although others are bad' }) });

/** Accounts as a file, out and in. */
export const accountFileApi = (): Route[] => [
  ...mount('get', '/accounts/export', 'read', { tag: TAG, summary: 'Accounts as CSV or JSON, as the import takes them; no secret is in it', query: exporting, answer: 'the file' }, (call) => {
    const q = readQuery(call, exporting);
    const text = exportAccounts(listAccounts(call.d.db, { tag: q.tag, group: q.group_name, proxy: q.proxy_id, archived: q.archived, limit: 100_000 }), q.format);
    return new Response(text, { headers: { 'Content-Type': q.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8', 'Content-Disposition': `attachment; filename="accounts.${q.format}"` } });
  }),
  ...mount('post', '/accounts/import', 'operate', { tag: TAG, summary: 'Takes a file (text/csv or application/json) as the export gives it: rows without an id are new accounts, those with a known id change it. With one row bad nothing is done, unless skip_bad is true', query: importing, answer: '{success, dry_run, created, updated, unchanged, bad, failed, rows: [{line, what, id, name, fields, errors: [{field, message}], error}]}', also: { 422: 'a row is bad, or the file can not be read: nothing was done' } }, async (call) => {
    const q = readQuery(call, importing);
    const { text, format } = await readTable(call.c);
    const plan = planned(call, text, format);
    if (plan.rows === null) throw new Problem(422, 'invalid', plan.fault, { field: 'body' });
    const bad = plan.rows.filter((r) => r.what === 'bad').length;
    const refused = bad > 0 && !q.skip_bad && !q.dry_run;
    const rows: Imported[] = q.dry_run || refused ? plan.rows.map((r) => ({ ...r, error: null })) : await importAccounts(call, plan.rows);
    const n = (what: string) => rows.filter((r) => r.what === what && r.error === null).length;
    const first = rows.find((r) => r.what === 'bad');
    const why = refused ? { error: `line ${first!.line}: ${first!.errors[0]!.field ? `${first!.errors[0]!.field}: ` : ''}${first!.errors[0]!.message}: nothing was imported`, code: 'invalid', status: 422 } : {};
    return answer(call, { success: !refused, ...why, dry_run: q.dry_run ?? false, created: n('create'), updated: n('update'), unchanged: n('same'), bad, failed: rows.filter((r) => r.error !== null).length, rows: rows.map((r) => ({ line: r.line, what: r.what, id: r.id, name: r.name, fields: r.what === 'update' ? Object.keys(r.payload) : [], errors: r.errors, error: r.error })) }, refused ? 422 : 200);
  }),
];
