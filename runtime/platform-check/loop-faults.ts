import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** What was written down of a platform that never let go of its worker: when, for how long, and where in its code. */
const loopFault = z.object({ at: z.number(), ms: z.number(), where: z.string().max(300) });

export const loopFaultsFile = (dataDir: string): string => join(dataDir, 'platform-loops.json');

/** Platforms of `extra` that once never let go of their worker and have not been changed since, with the reason why they are left out. */
export function loopFaults(file: string, extra: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [id, fault] of Object.entries(read(file))) {
    const said = loopFault.safeParse(fault);
    if (!said.success || changedSince(join(extra, id), said.data.at)) continue;
    const { at, ms, where } = said.data;
    found.set(id, `it held its worker for ${Math.round(ms / 1000)} s at ${where}, a loop without an end, and is switched off since ${new Date(at).toISOString()}: mend it; as soon as a file of its folder changes it is loaded again`);
  }
  return found;
}

function read(file: string): object {
  try {
    const all = JSON.parse(readFileSync(file, 'utf8')) as unknown;
    return all !== null && typeof all === 'object' ? all : {};
  } catch {
    return {};
  }
}

/** A file that is put back with its old date has been changed, too. */
function changedSince(dir: string, at: number): boolean {
  try {
    return readdirSync(dir, { recursive: true }).map(String).some((name) => {
      if (name.includes('node_modules')) return false;
      const s = statSync(join(dir, name));
      return s.isFile() && Math.max(s.mtimeMs, s.ctimeMs) > at;
    });
  } catch {
    return true;
  }
}
