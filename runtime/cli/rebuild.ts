import { existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'rebuild';
export const summary = 'delete this machine\'s views; they are built anew from the streams';
export const usage = `Usage: troupe rebuild [--yes]

Deletes the SQLite views of the master and the page. The next start reads the streams from their beginning.
Asks before; --yes doesn't. Not in SAFE MODE: there the view alone knows what the journal has lost.`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { yes: { type: 'boolean' } });
  const { dbPath } = ctx.config();
  const views = [dbPath, join(dirname(dbPath), 'web.db')].filter((f) => existsSync(f));
  if (views.length === 0) {
    ctx.out('there is no view here');
    return 0;
  }
  const users = processesWith(views);
  if (users.length > 0) {
    ctx.err(`troupe: the views are in use by ${users.map((p) => `process ${p}`).join(', ')}: stop Troupe first`);
    return 1;
  }
  if (!flags.yes && !(await agreed(`Delete ${views.join(' and ')}? [y/N] `))) {
    ctx.out('nothing was deleted');
    return 1;
  }
  for (const view of views) for (const suffix of ['-wal', '-shm', '']) rmSync(view + suffix, { force: true });
  ctx.out(`deleted ${views.join(' and ')}`);
  return 0;
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError('nobody is here to ask: give --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

/** Processes of this machine that hold one of the files open, as far as this user may see them. */
function processesWith(files: string[]): number[] {
  const holds = (pid: string): boolean => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => {
        try {
          return files.includes(readlinkSync(`/proc/${pid}/fd/${fd}`));
        } catch {
          return false;
        }
      });
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter((p) => /^\d+$/.test(p) && holds(p)).map(Number);
}
