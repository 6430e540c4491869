import { z } from 'zod';
import { accountImportDialog, type AccountImport } from '../../../views/account-dialogs.ts';
import { exportAccounts } from '../../accounts/account-file.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { importAccounts, planned } from '../accounts/import-accounts.ts';
import { fileOf } from '../accounts/file-of.ts';
import { context, done, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { accountFilter } from './account-pages.ts';

/** Accounts as a file, out and in: a look first, then the deed. Stands before what has an id in the same place. */
export const accountFilePages = (): Route[] => [
  page('get', '/accounts/export', 'read', (call) => {
    const format = call.query('format') === 'json' ? 'json' : 'csv';
    const { ask } = accountFilter(call);
    return fileOf(exportAccounts(listAccounts(call.d.db, { ...ask, limit: 100_000 }), format), format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8', `accounts.${format}`);
  }),
  page('get', '/accounts/import', 'operate', (call) => showPiece(accountImportDialog(context(call), { text: '', format: 'csv', fault: null, rows: null, done: false }))),
  page('post', '/accounts/import', 'operate', async (call) => {
    const x = context(call);
    const f = await call.form(z.object({ file: z.string(), format: z.enum(['csv', 'json']), do: z.enum(['look', 'go']).default('look'), skip: z.literal('1').optional() }));
    const plan = planned(call, f.file, f.format);
    const model: AccountImport = { text: f.file, format: f.format, fault: plan.fault, rows: plan.rows && plan.rows.map((r) => ({ ...r, fields: r.what === 'update' ? Object.keys(r.payload) : [], error: null })), done: false };
    const bad = plan.rows?.some((r) => r.what === 'bad') ?? true;
    if (f.do === 'look' || plan.rows === null || (bad && !f.skip)) return showPiece(accountImportDialog(x, model));
    const results = await importAccounts(call, plan.rows);
    const ok = results.filter((r) => r.error === null && (r.what === 'create' || r.what === 'update')).length;
    return done(call, 'done.accounts-imported', { n: ok }, accountImportDialog(x, { ...model, done: true, rows: model.rows!.map((r, i) => ({ ...r, error: results[i]!.error })) }));
  }),
];
