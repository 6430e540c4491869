import { pino } from 'pino';
import { createLogCap } from './log-cap.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Category = 'lifecycle' | 'task' | 'system' | 'error';
export type LogRow = { worker: string; level: Level; category: Category; message: string; details: Record<string, unknown>; at: number };
export type WorkerLog = (level: Level, category: Category, message: string, details?: Record<string, unknown>) => void;

const CAP = 2000;
/** Rows that are handed on; standard output has them all. */
const RATE = { perSecond: 100, burst: 500 };

/** Writes JSON lines to standard output and hands rows of level info and above on, a flood of them in part. Texts are capped at 2,000 characters. */
export function createWorkerLog(worker: string, send: (row: LogRow) => void): WorkerLog {
  const out = pino({ base: { worker }, level: process.env.LOG_LEVEL ?? 'info' });
  const may = createLogCap(RATE, (leftOut) => send({ worker, level: 'warn', category: 'system', message: `${leftOut} rows were left out here: more than ${RATE.perSecond} a second; standard output has them`, details: { leftOut }, at: Date.now() }));
  return (level, category, message, details = {}) => {
    const short = Object.fromEntries(Object.entries(details).map(([k, v]) => [k, typeof v === 'string' ? v.slice(0, CAP) : v]));
    out[level]({ category, ...short }, message.slice(0, CAP));
    if (level !== 'debug' && may()) send({ worker, level, category, message: message.slice(0, CAP), details: short, at: Date.now() });
  };
}
