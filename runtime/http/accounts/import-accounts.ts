import { FileFault, planImport, type FileFormat, type ImportRow } from '../../accounts/account-file.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { proxyNames } from '../../read-model/queries/proxies.ts';
import type { Call } from '../call.ts';
import { each } from '../fleet/each.ts';
import { freshId } from '../fresh-id.ts';

/** What became of a row; `error` is why its command was refused. */
export type Imported = ImportRow & { error: string | null };

/** The file as rows, or why it can't be read as a whole. */
export function planned(call: Call, text: string, format: FileFormat): { rows: ImportRow[]; fault: null } | { rows: null; fault: string } {
  try {
    return { rows: planImport(text, format, { accounts: listAccounts(call.d.db, { limit: 100_000, archived: null }), proxies: proxyNames(call.d.db), platforms: call.d.platforms() }), fault: null };
  } catch (error) {
    if (error instanceof FileFault) return { rows: null, fault: error.message };
    throw error;
  }
}

/** Does what the rows say, but for bad ones. */
export async function importAccounts(call: Call, rows: ImportRow[]): Promise<Imported[]> {
  const done: Imported[] = rows.map((r) => ({ ...r, error: null }));
  const about = call.about();
  await each(done, async (row) => {
    if (row.what !== 'create' && row.what !== 'update') return;
    row.id ??= freshId('a');
    const answer = await call.d.command({ kind: 'account', id: row.id }, row.what, row.payload, about);
    if (!answer.ok) row.error = (answer as { message: string }).message;
  });
  return done;
}
