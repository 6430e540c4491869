import { listMetrics, type MetricRow, type MetricStep } from '../../read-model/queries/metrics.ts';
import type { Deps } from '../ports.ts';
import { Problem } from '../problem.ts';

const UNIT = { s: 1, m: 60, h: 3600, d: 86_400 };
const STEPS: readonly { step: MetricStep; seconds: number; reaches: number }[] = [
  { step: '10s', seconds: 10, reaches: 3600 },
  { step: '1m', seconds: 60, reaches: 86_400 },
  { step: '10m', seconds: 600, reaches: 30 * 86_400 },
];

export type Usage = { step: MetricStep; since: number; until: number; rows: MetricRow[] };

/** What a worker used in a period like 10m, 24h or 30d: rows of the finest step that reaches so far, and the newest seconds as they are heard. */
export function usageOf(d: Pick<Deps, 'db' | 'figures' | 'now'>, worker: string, period: string): Usage {
  const [, n, unit] = /^(\d{1,5})([smhd])$/.exec(period) ?? [];
  const seconds = Number(n) * UNIT[(unit ?? 's') as keyof typeof UNIT];
  const fit = STEPS.find((s) => seconds <= s.reaches);
  if (!unit || !fit || seconds < 1) throw new Problem(422, 'invalid', 'period: must be a time up to 30d, like 10m, 1h, 24h or 7d', { field: 'period' });
  const until = Math.floor(d.now() / 1000);
  const since = until - seconds;
  const stored = listMetrics(d.db, worker, fit.step, since);
  const end = stored.length > 0 ? stored.at(-1)!.at + fit.seconds : since;
  const heard = d.figures.series(worker, end * 1000).map((f) => ({ at: Math.floor(f.atMs / 1000), cpu: tenth(f.cpuPercent), memoryMb: f.memoryMb, tasks: f.crawl + f.reply + f.login, accounts: f.accounts, browsers: f.browsers }));
  // What is heard is finer than a wide period needs: its last word stands for the step that is under way.
  return { step: fit.step, since, until, rows: [...stored, ...(fit.step === '10s' ? heard : heard.slice(-1))] };
}

const tenth = (n: number) => Math.round(n * 10) / 10;
