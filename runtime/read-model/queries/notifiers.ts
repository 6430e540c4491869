import type { NotifierConfig } from '../../../machines/notifier.ts';
import { all, json, one, type Db } from './read-model.ts';

export type NotifierRow = { id: string; name: string; sink: string; config: NotifierConfig; /** off, waiting, gathering */ status: string; gathered: number; nextMs: number | null; notices: number; messages: number };

export const listNotifiers = (db: Db): NotifierRow[] => all<Record<string, any>>(db, 'SELECT * FROM notifiers ORDER BY name, id').map(toRow);

export function findNotifier(db: Db, id: string): NotifierRow | null {
  const row = one<Record<string, any>>(db, 'SELECT * FROM notifiers WHERE id = $id', { id });
  return row && toRow(row);
}

const toRow = (r: Record<string, any>): NotifierRow => ({ id: r['id'], name: r['name'], sink: r['sink_id'], config: json<NotifierConfig>(r['config'], {} as NotifierConfig), status: r['status'], gathered: r['gathered'], nextMs: r['next_ms'], notices: r['notices'], messages: r['messages'] });
