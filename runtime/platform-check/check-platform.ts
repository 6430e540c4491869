import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LoadedPlatform } from '../../platforms/load.ts';
import type { ReplicaModule } from '../../platforms/replica.ts';
import { openSession, type Session } from './check-session.ts';
import { contractChecks } from './contract-checks.ts';
import { onReplica } from './on-replica.ts';
import { selectorFaults } from './selector-syntax.ts';

export type CheckResult = { name: string; ok: boolean; ms: number; why: string | null };
export type Report = { platform: string; ok: boolean; replica: string | null; results: CheckResult[] };

const EACH = 60_000;

/**
 * Checks one platform: that it loads, that its selectors can be read, and the whole contract on its replica, in a real Chromium.
 * `replica`: a module's path; by default replica.js beside config.json or beside the compiled code. `tell` sees each result at once. Never rejects for what the platform does.
 */
export async function checkPlatform(loaded: LoadedPlatform, options: { replica?: string; codeDir?: string; tell?(result: CheckResult): void } = {}): Promise<Report> {
  const results: CheckResult[] = [];
  const run = async (name: string, work: () => Promise<void>): Promise<boolean> => {
    const began = performance.now();
    const why = await within(work()).then(() => null, (error: unknown) => wordsOf(error));
    const result = { name, ok: why === null, ms: Math.round(performance.now() - began), why };
    results.push(result);
    options.tell?.(result);
    return result.ok;
  };
  const report = (replica: string | null): Report => ({ platform: loaded.id, ok: results.every((r) => r.ok), replica, results });

  const loads = await run('loads: folder, config.json, module', async () => {
    if (!loaded.ok) throw new Error(loaded.reason ?? 'no reason given');
  });
  if (!loads || !loaded.config) return report(null);
  const { selectors } = loaded.config;
  await run('every selector can be read', async () => {
    const faults = await selectorFaults(selectors);
    if (faults.length > 0) throw new Error(faults.map((f) => `config.json: ${f.field}: ${f.message}`).join('\n'));
  });
  const path = options.replica ? resolve(options.replica) : [loaded.dir, options.codeDir].flatMap((dir) => (dir ? [join(dir, 'replica.js'), join(dir, 'replica.mjs')] : [])).find((p) => existsSync(p)) ?? null;
  if (path === null) return report(null);

  let session: Awaited<ReturnType<typeof openSession>> | null = null;
  let stop: (() => Promise<void>) | null = null;
  try {
    const stands = await run('its replica starts', async () => {
      const module = (await import(pathToFileURL(path).href)) as Partial<ReplicaModule>;
      if (typeof module.start !== 'function') throw new Error(`${path} exports no function \`start\``);
      const replica = await module.start();
      stop = () => replica.stop();
      const stage = await onReplica(loaded, replica);
      stop = () => stage.stop();
      session = await openSession(stage);
    });
    if (stands && session) for (const check of contractChecks) {
      const well = await run(check.name, () => check.run(session!));
      await (session as Session).tidy();
      if (!well && check.first) break;
    }
  } finally {
    await (session as { close(): Promise<void> } | null)?.close().catch(() => undefined);
    await (stop as (() => Promise<void>) | null)?.().catch(() => undefined);
  }
  return report(path);
}

const within = <T>(work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout;
  return Promise.race([work, new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`it took over ${EACH / 1000} s`)), EACH)))]).finally(() => clearTimeout(timer));
};

const wordsOf = (error: unknown): string => {
  if (!(error instanceof Error)) return `it threw ${JSON.stringify(error) ?? String(error)}, which is no Error`;
  const { kind } = error as { kind?: string };
  return (kind && error.name === 'PlatformFault' ? `${kind}: ${error.message}` : error.message).slice(0, 1500);
};
