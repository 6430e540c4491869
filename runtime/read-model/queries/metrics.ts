import { all, type Db } from './read-model.ts';

export type MetricStep = '10s' | '1m' | '10m';
/** What a worker used: means of the step. CPU in % of one core, memory in MB; `at` in epoch seconds. */
export type MetricRow = { at: number; cpu: number; memoryMb: number; tasks: number; accounts: number; browsers: number };

export const listMetrics = (db: Db, worker: string, step: MetricStep, since: number): MetricRow[] =>
  all(db, 'SELECT at, cpu, memory_mb memoryMb, tasks, accounts, browsers FROM metrics WHERE step = $step AND worker_id = $worker AND at >= $since ORDER BY at', { step, worker, since });
