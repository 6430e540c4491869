import { workerConfig } from '../../../actors/worker.ts';
import type { WorkerConfig } from '../../../machines/worker.ts';
import { listVersions, versionsBetween } from '../../read-model/queries/versions.ts';
import type { WorkerRow } from '../../read-model/queries/workers.ts';
import { found, type Call } from '../call.ts';
import { Problem } from '../problem.ts';
import { diffConfigs, SEALED, withoutDots, type Change } from './config-shape.ts';

type Json = Record<string, unknown>;

/** Whoever may read the values of plain variables. */
export const readsValues = (call: Call): boolean => call.who.scope === 'admin';

/** Whoever may let workers run shell tasks. */
export const allowsShell = (call: Call): boolean => call.who.scope === 'admin';

/** Refuses a configuration that lets its worker run shell tasks, or ends that, unless an admin sends it. Gives what keeps the change in the audit once it is made. */
export function guardShell(call: Call, about: string, stored: { allow_shell?: boolean }, given: { allow_shell?: unknown }): () => Promise<void> {
  const is = stored.allow_shell ?? false;
  if (given.allow_shell === undefined || given.allow_shell === is) return async () => {};
  if (!allowsShell(call)) throw new Problem(403, 'forbidden', ADMIN_ALONE, { field: 'allow_shell' });
  return () => call.note(is ? 'SHELL_FORBIDDEN' : 'SHELL_ALLOWED', about);
}
export const ADMIN_ALONE = 'allow_shell: only an admin may change it: tasks could then run any program as the worker\'s user';

/** Changes some fields of a worker; what belongs together is checked together. Gives what was sent. */
export async function changeWorker(call: Call, row: WorkerRow, given: Json): Promise<Json> {
  const patch = withoutDots(given, row.config);
  checkWhole(row.config, patch);
  const shell = guardShell(call, `worker/${row.id}`, row.config, patch);
  await call.command({ kind: 'worker', id: row.id }, 'update', patch);
  await shell();
  return patch;
}

/** Fields that need each other: an SSH worker its host, a container its image. Speaks only of what the patch is about. */
export function checkWhole(stored: WorkerConfig, patch: Json): void {
  const { worker_id: _, ...whole } = { ...stored, ...patch, secret_env: {} };
  const read = workerConfig.safeParse(whole);
  if (read.success) return;
  const about = read.error.issues.find((i) => 'deployment_type' in patch || String(i.path[0]) in patch);
  if (about) throw new Problem(422, 'invalid', `${about.path.join('.')}: ${about.message}`, { field: about.path.join('.') });
}

export type Version = { version: number; by: string | null; atMs: number; changes: Change[] };

/** The versions, newest first, each with what it changed. */
export function versionsOf(call: Call, worker: string, limit: number): Version[] {
  const rows = listVersions(call.d.db, worker, limit + 1);
  return rows.slice(0, limit).map((v, i) => ({ version: v.version, by: v.by, atMs: v.atMs, changes: rows[i + 1] ? diffConfigs(rows[i + 1]!.config, v.config, readsValues(call)) : [] }));
}

/** Fields that a process takes on only when it starts: what differs between the version that it runs and the newest. */
export function fieldsToApply(call: Call, w: WorkerRow): string[] {
  if (!w.runs || w.runs.applied >= w.version) return [];
  const rows = versionsBetween(call.d.db, w.id, w.runs.started, w.version);
  const [newest, oldest] = [rows[0], rows.at(-1)];
  return newest && oldest ? [...new Set(diffConfigs(oldest.config, newest.config, true).map((c) => c.field.split('.')[0]!))] : [];
}

/** A version as it can be edited on: sealed values, which no version keeps, are today's. */
export function versionConfig(call: Call, row: WorkerRow, version: number): WorkerConfig {
  const old = found(versionsBetween(call.d.db, row.id, version, version)[0] ?? null, `version ${version} of ${row.id}`).config;
  return { ...row.config, ...old, ...Object.fromEntries(SEALED.map((f) => [f, row.config[f]])) };
}

/** Brings the fields of an earlier version back, but for sealed ones, whose values are not kept in versions. */
export async function revertWorker(call: Call, row: WorkerRow, version: number): Promise<{ changes: Change[]; kept: string[] }> {
  const old = found(versionsBetween(call.d.db, row.id, version, version)[0] ?? null, `version ${version} of ${row.id}`).config;
  const changes = diffConfigs(row.config, { ...row.config, ...old }, readsValues(call));
  const isSealed = (c: Change) => (SEALED as readonly string[]).includes(c.field.split('.')[0]!);
  const open = changes.filter((c) => !isSealed(c));
  const patch = Object.fromEntries([...new Set(open.map((c) => c.field.split('.')[0]!))].map((f) => [f, old[f as keyof WorkerConfig]]));
  if (open.length > 0) {
    checkWhole(row.config, patch);
    const shell = guardShell(call, `worker/${row.id}`, row.config, patch);
    await call.command({ kind: 'worker', id: row.id }, 'update', patch);
    await shell();
  }
  return { changes: open, kept: changes.filter(isSealed).map((c) => c.field) };
}
