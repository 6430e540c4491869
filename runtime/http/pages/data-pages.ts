import { z } from 'zod';
import { dataPage, eraseDialog, oldLines } from '../../../views/data.ts';
import { keepDays } from '../../read-model/keep-days.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { listErasures, personOf } from '../../read-model/queries/erasures.ts';
import { countOld } from '../../read-model/retention.ts';
import { exportTalks } from '../../talks/export-talks.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import { readFleetSettings, saveFleetSettings } from '../fleet/settings.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { readQuery } from '../api/query.ts';

const MOST_ACCOUNTS = 500;
const ERASURES = 20;
const MOST: Record<string, number> = { taskDays: 90, talkDays: 3650 };
const NAMES = Object.keys(keepDays.shape) as (keyof typeof keepDays.shape)[];

const day = z.string().regex(/^(\d{4}-\d{2}-\d{2})?$/, 'must be a day like 2026-11-30').transform((v) => (v === '' ? undefined : Date.parse(`${v}T00:00:00Z`))).refine((v) => v === undefined || Number.isFinite(v), 'must be a day that there is');
export const exportQuery = z.object({ format: z.enum(['csv', 'jsonl']).default('csv'), account: z.string().regex(/^([a-z0-9][a-z0-9-]{0,62})?$/, 'must be an account').transform((v) => v || undefined).optional(), from: day.optional(), until: day.optional() });

/** Retention, export and deletion. */
export const dataPages = (): Route[] => [
  page('get', '/settings/data', 'admin', async (call) => {
    const x = context(call);
    const { db, settings } = call.d;
    const kept = await readFleetSettings(settings);
    return showPage(call, x, {
      title: x.t('data.title'), topics: ['erasure', 'inbox', 'reply', 'notification'],
      main: dataPage(x, { keep: NAMES.map((name) => ({ name, value: kept[name], most: MOST[name] ?? 365, optional: name === 'talkDays' })), accounts: listAccounts(db, { limit: MOST_ACCOUNTS }).map(({ id, name }) => ({ id, name })), erasures: listErasures(db, ERASURES) }),
    });
  }),
  page('post', '/settings/data/look', 'admin', async (call) => {
    const old = countOld(call.d.db as never, call.d.now(), readKeep(await readForm(call.c)));
    return showPiece(oldLines(context(call), Object.entries(old).map(([name, o]) => ({ name, ...o }))));
  }),
  page('post', '/settings/data/keep', 'admin', async (call) => {
    await saveFleetSettings(call.d.settings, readKeep(await readForm(call.c)));
    await call.note('RETENTION_CHANGED', 'settings/data');
    return done(call, 'done.saved');
  }),
  page('get', '/settings/data/export', 'admin', (call) => exportAnswer(call)),
  page('get', '/settings/data/erase', 'admin', (call) => {
    const talk = call.query('talk') ?? '';
    const p = found(personOf(call.d.db, talk), 'this conversation');
    return showPiece(eraseDialog(context(call), { talk, ...p }));
  }),
  page('post', '/settings/data/erase', 'admin', async (call) => {
    const { talk, sure } = await call.form(z.object({ talk: z.string(), sure: z.string().optional() }));
    if (sure !== '1') throw new Problem(422, 'invalid', 'sure: tick that it can not be undone', { field: 'sure' });
    const p = found(personOf(call.d.db, talk), 'this conversation');
    await call.command({ kind: 'erasure', id: freshId('e') }, 'create', { platform: p.platform, person: p.id });
    return done(call, 'done.erasing');
  }),
  page('post', '/settings/data/erasures/:id/retry', 'admin', async (call) => {
    await call.command({ kind: 'erasure', id: call.param('id') }, 'retry');
    return done(call, 'done.ok');
  }),
];

/** A whole export as a file; it is kept in the audit that somebody took it along. */
export async function exportAnswer(call: Call): Promise<Response> {
  const q = readQuery(call, exportQuery);
  if (q.from !== undefined && q.until !== undefined && q.until <= q.from) throw new Problem(422, 'invalid', 'until: must be after from', { field: 'until' });
  await call.note('TALKS_EXPORTED', q.account ? `account/${q.account}` : 'talks');
  return new Response(exportTalks(call.d.db, q), { headers: { 'Content-Type': q.format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8', 'Content-Disposition': `attachment; filename="conversations-${new Date(call.d.now()).toISOString().slice(0, 10)}.${q.format}"`, 'Cache-Control': 'no-store' } });
}

/** Numbers of a form; an empty one is as long as the stream keeps it. */
function readKeep(form: Record<string, string>): z.infer<typeof keepDays> {
  return checked(keepDays, Object.fromEntries(NAMES.map((name) => [name, (form[name] ?? '').trim() === '' ? (name === 'talkDays' ? null : Number.NaN) : Number(form[name])])));
}
