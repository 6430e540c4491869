import { pino } from 'pino';

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Category = 'lifecycle' | 'task' | 'system' | 'error';
export type LogRow = { worker: string; level: Level; category: Category; message: string; details: Record<string, unknown>; at: number };
export type WorkerLog = (level: Level, category: Category, message: string, details?: Record<string, unknown>) => void;

const CAP = 2000;

/** Writes JSON lines to standard output and hands each row of level info and above on. Texts are capped at 2,000 characters. */
export function createWorkerLog(worker: string, send: (row: LogRow) => void): WorkerLog {
  const out = pino({ base: { worker }, level: process.env.LOG_LEVEL ?? 'info' });
  return (level, category, message, details = {}) => {
    const short = Object.fromEntries(Object.entries(details).map(([k, v]) => [k, typeof v === 'string' ? v.slice(0, CAP) : v]));
    out[level]({ category, ...short }, message.slice(0, CAP));
    if (level !== 'debug') send({ worker, level, category, message: message.slice(0, CAP), details: short, at: Date.now() });
  };
}
