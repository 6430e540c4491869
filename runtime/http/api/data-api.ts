import { z } from 'zod';
import { keepDays, someKeepDays } from '../../read-model/keep-days.ts';
import { listErasures, personBy } from '../../read-model/queries/erasures.ts';
import { countOld } from '../../read-model/retention.ts';
import { readFleetSettings } from '../fleet/settings.ts';
import { freshId } from '../fresh-id.ts';
import { exportAnswer, exportQuery } from '../pages/data-pages.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { answer, mount, readBody, readCamelBody } from './respond.ts';

const TAG = 'data';
const erasing = z.strictObject({ platform: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be a platform id'), person: z.string().trim().min(1, 'must be the platform\'s id of the person').max(200), dry_run: z.boolean().default(false) });
const looking = z.strictObject(someKeepDays);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** What is kept, taken along and deleted. What is set is part of /fleet/settings. */
export const dataApi = (): Route[] => [
  ...mount('post', '/retention/preview', 'admin', { tag: TAG, summary: 'How many rows would go by what is set, or by days given here; nothing is deleted', body: looking, answer: '{success, days, would_delete}' }, async (call) => {
    const given = await readCamelBody(call, looking);
    const days = keepDays.parse({ ...(await readFleetSettings(call.d.settings)), ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)) });
    return answer(call, { success: true, days, would_delete: Object.fromEntries(Object.entries(countOld(call.d.db as never, call.d.now(), days)).map(([name, o]) => [name, { rows: o.rows, oldest_at: iso(o.oldestMs) }])) });
  }),
  ...mount('get', '/talk-export', 'admin', { tag: TAG, summary: 'Comments, messages and replies as one file: format=csv or jsonl, of one account, found from a day on and before another', query: exportQuery, answer: 'a file' }, (call) => exportAnswer(call)),
  ...mount('get', '/erasures', 'admin', { tag: TAG, summary: 'Deletions of what people wrote, the newest first; whom they were about is not kept', answer: '{success, erasures}' }, (call) => answer(call, { success: true, erasures: listErasures(call.d.db, 200).map((e) => ({ id: e.id, platform: e.platform, status: e.status, erased: e.erased, error: e.error, created_by: e.by, created_at: iso(e.createdMs), done_at: iso(e.doneMs) })) })),
  ...mount('post', '/erasures', 'admin', { tag: TAG, summary: 'Delete what one person wrote to all accounts of a platform, by the platform\'s id of the person. Comments and messages leave the streams and every view; replies and notes about them leave the views at once, and the journal when it ages (90 days). It can\'t be undone; `dry_run` counts', body: erasing, answer: '{success, erasure, found}', status: 202 }, async (call) => {
    const { platform, person, dry_run } = await readBody(call, erasing);
    const { accounts, comments, messages, replies } = personBy(call.d.db, platform, person);
    const about = { accounts, comments, messages, replies };
    if (dry_run) return answer(call, { success: true, dry_run: true, found: about });
    if (accounts === 0) throw new Problem(404, 'not_found', `person: no account of ${platform} knows this person`, { field: 'person' });
    const id = freshId('e');
    await call.command({ kind: 'erasure', id }, 'create', { platform, person });
    return answer(call, { success: true, erasure: { id, platform, status: 'erasing' }, found: about }, 202, { Location: '/api/v1/erasures' });
  }),
];
