import type { Db } from './read-model.ts';

/** SQL: the cordoned machine that the worker of configuration `c` goes to, by its id; null when there is none. */
export const CORDON = `(SELECT m.id FROM machines m WHERE m.cordoned = 1 AND (c.deployment_type = 'agent' AND m.is_a = 'agent' AND m.id = c.machine OR c.deployment_type = 'remote' AND m.is_a = 'ssh' AND m.host = c.ssh_host AND m.port = c.ssh_port))`;

type Place = { deployment_type?: unknown; machine?: unknown; ssh_host?: unknown; ssh_port?: unknown };

/** The cordoned machine that this worker goes to. */
export const cordonOf = (db: Db, worker: string): string | null => (db.prepare(`SELECT ${CORDON} FROM worker_configs c WHERE c.worker_id = ?`).pluck().get(worker) as string | null | undefined) ?? null;

/** The same of a configuration that is no worker's yet, as a template is. */
export function cordonAt(db: Db, place: Place): string | null {
  const text = (v: unknown, fallback: string) => (typeof v === 'string' ? v : fallback);
  const c = { type: text(place.deployment_type, 'local'), machine: text(place.machine, ''), host: text(place.ssh_host, ''), port: typeof place.ssh_port === 'number' ? place.ssh_port : 22 };
  return (db.prepare(`SELECT ${CORDON} FROM (SELECT @type deployment_type, @machine machine, @host ssh_host, @port ssh_port) c`).pluck().get(c) as string | null | undefined) ?? null;
}

/** What to do about it. */
export const cordonWords = (machine: string): string => `machine ${machine} is cordoned, so nothing is started there: uncordon it under Machines (or troupe.cmd.machine.${machine}.uncordon), or give the worker another machine`;
