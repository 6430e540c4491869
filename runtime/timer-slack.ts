import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';

/**
 * Starts a process whose timers, and those of all that it starts, may be late by so many nanoseconds: Linux gives a new process the measure
 * of the thread that starts it (PR_SET_TIMERSLACK). Where that can't be set it is started as always.
 */
export function withTimerSlack<T>(ns: number, start: () => T): T {
  const own = ownSlack();
  if (own === null || !write(own.file, String(ns))) return start();
  try {
    return start();
  } finally {
    write(own.file, own.ns);
  }
}

function ownSlack(): { file: string; ns: string } | null {
  try {
    const file = `/proc/${readlinkSync('/proc/thread-self').split('/').at(-1)}/timerslack_ns`;
    return { file, ns: readFileSync(file, 'utf8').trim() };
  } catch {
    return null;
  }
}

function write(file: string, ns: string): boolean {
  try {
    writeFileSync(file, ns);
    return true;
  } catch {
    return false;
  }
}
