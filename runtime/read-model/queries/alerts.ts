import type { AlertMoment, AlertRule, Breach } from '../../../machines/alert.ts';
import type { SinkConfig } from '../../../machines/sink.ts';
import { all, json, one, type Db } from './read-model.ts';

export type AlertRow = {
  id: string;
  name: string;
  /** off, ok, pending, firing, snoozed, acknowledged, resolved */
  status: string;
  severity: string;
  builtin: boolean;
  rule: AlertRule;
  breaching: Breach[];
  /** What is wrong, in a line; empty while nothing is. */
  text: string;
  sinceMs: number | null;
  firedMs: number | null;
  resolvedMs: number | null;
  acknowledgedBy: string | null;
  snoozedMs: number | null;
  history: AlertMoment[];
  error: string | null;
  updatedMs: number;
};
export type SinkRow = { id: string; name: string; type: string; enabled: boolean; config: SinkConfig; /** off, idle, sending, waiting, removing */ status: string; kept: number; sent: number; dropped: number; error: string | null; lastSentMs: number | null; nextMs: number | null };

/** What is wrong first, then what waits, then the rest by name. */
const RANK = `CASE status WHEN 'firing' THEN 0 WHEN 'acknowledged' THEN 1 WHEN 'snoozed' THEN 2 WHEN 'pending' THEN 3 WHEN 'resolved' THEN 4 WHEN 'ok' THEN 5 ELSE 6 END`;

export const listAlerts = (db: Db): AlertRow[] => all(db, `SELECT * FROM alerts ORDER BY ${RANK}, CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, name, id`).map(toAlert);
/** Those that somebody should know of: they fire, whether somebody has taken them on or not. */
export const openAlerts = (db: Db): AlertRow[] => listAlerts(db).filter((a) => ['firing', 'acknowledged', 'snoozed'].includes(a.status));
export const findAlert = (db: Db, id: string): AlertRow | null => {
  const row = one(db, 'SELECT * FROM alerts WHERE id = $id', { id });
  return row && toAlert(row);
};
/** How many are in each state. */
export const countAlerts = (db: Db): Record<string, number> => Object.fromEntries(all<{ status: string; n: number }>(db, 'SELECT status, COUNT(*) n FROM alerts GROUP BY 1').map((r) => [r.status, r.n]));

export const listSinks = (db: Db): SinkRow[] => all(db, 'SELECT * FROM sinks ORDER BY name, id').map(toSink);
export const findSink = (db: Db, id: string): SinkRow | null => {
  const row = one(db, 'SELECT * FROM sinks WHERE id = $id', { id });
  return row && toSink(row);
};

const toAlert = (r: Record<string, any>): AlertRow => ({
  id: r['id'], name: r['name'], status: r['status'], severity: r['severity'], builtin: r['builtin'] === 1, rule: json<AlertRule>(r['rule'], {} as AlertRule), breaching: json(r['breaching'], []), text: r['text'],
  sinceMs: r['since_ms'], firedMs: r['fired_ms'], resolvedMs: r['resolved_ms'], acknowledgedBy: r['acknowledged_by'], snoozedMs: r['snoozed_ms'], history: json(r['history'], []), error: r['error'], updatedMs: r['updated_ms'],
});
const toSink = (r: Record<string, any>): SinkRow => ({
  id: r['id'], name: r['name'], type: r['type'], enabled: r['enabled'] === 1, config: json<SinkConfig>(r['config'], {} as SinkConfig), status: r['status'], kept: r['kept'], sent: r['sent'], dropped: r['dropped'], error: r['error'], lastSentMs: r['last_sent_ms'], nextMs: r['next_ms'],
});
