import type { Decision, ScalerConfig } from '../../../machines/scaler.ts';
import { all, json, one, type Db } from './read-model.ts';

/** `status`: off, watching, scaling_out, scaling_in, cooling. Decisions newest first. */
export type ScalerRow = { group: string; status: string; config: ScalerConfig; decisions: Decision[]; lastActionMs: number | null; updatedAt: number };

export const listScalers = (db: Db): ScalerRow[] => all(db, 'SELECT * FROM scalers ORDER BY group_name').map(toScaler);
export const findScaler = (db: Db, group: string): ScalerRow | null => {
  const row = one(db, 'SELECT * FROM scalers WHERE group_name = $group', { group });
  return row && toScaler(row);
};

const toScaler = (r: Record<string, any>): ScalerRow => ({ group: r['group_name'], status: r['status'], config: json(r['config'], {} as ScalerConfig), decisions: json(r['decisions'], []), lastActionMs: r['last_action_ms'], updatedAt: r['updated_at'] });
