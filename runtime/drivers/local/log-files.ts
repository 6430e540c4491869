import { closeSync, copyFileSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LogPage, LogRequest } from '../contract.ts';

const MAX_READ = 1024 * 1024;

/** Opens a log for a child to append to; what was there goes to `.1`. */
export function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (existsSync(file) && statSync(file).size > 0) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/** Keeps a growing log below `maxBytes`: copied to `.1` and emptied, so that its writer goes on in the same file. */
export function boundLog(file: string, maxBytes: number): void {
  try {
    if (statSync(file).size <= maxBytes) return;
    copyFileSync(file, `${file}.1`);
    truncateSync(file, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    // A full disk: old lines go, so that the writer lives.
    if (code === 'ENOSPC') return truncateSync(file, 0);
    throw error;
  }
}

/** The last lines, the older part included, or those after `sinceBytes`; at most 1 MiB of each part. */
export function readLog(file: string, request: LogRequest): LogPage {
  const page = readPart(file, request.sinceBytes ?? 0);
  const older = request.sinceBytes === undefined && page.lines.length < request.tail ? readPart(`${file}.1`, 0).lines : [];
  return { lines: request.tail > 0 ? [...older, ...page.lines].slice(-request.tail) : [], next: page.next };
}

function readPart(file: string, sinceBytes: number): LogPage {
  if (!existsSync(file)) return { lines: [], next: 0 };
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    // Smaller than where the reader was: it was emptied meanwhile.
    const since = sinceBytes <= size ? sinceBytes : 0;
    const from = Math.max(since, size - MAX_READ);
    const buffer = Buffer.alloc(size - from);
    const body = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from));
    // A line still being written waits for the next request.
    const end = body.lastIndexOf(10) + 1;
    const lines = body.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    if (from > since) lines.shift();
    return { lines, next: from + end };
  } finally {
    closeSync(fd);
  }
}
