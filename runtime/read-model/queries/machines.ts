import { all, json, one, type Db } from './read-model.ts';

export type HostKey = { fingerprint: string; at: number };
export type MachineRow = {
  id: string;
  is: 'agent' | 'ssh';
  name: string;
  host: string;
  port: number | null;
  /** connected, disconnected, suspect, offline */
  link: string;
  /** unknown, offered, trusted, changed */
  trust: string;
  pinned: HostKey | null;
  offered: HostKey | null;
  acceptedBy: string | null;
  facts: { host: string; os: string; arch: string; cpus: number; memoryTotalBytes: number; version: string; node: string; chromium: string | null } | null;
  cordoned: boolean;
  createdAt: number;
  updatedAt: number;
};
export type KeyRow = { id: string; comment: string; /** reading, stored, unreadable, removing */ status: string; type: string | null; fingerprint: string | null; publicKey: string | null; error: string | null; createdAt: number };

export const listMachines = (db: Db): MachineRow[] => all(db, 'SELECT * FROM machines ORDER BY is_a, id').map(toMachine);
export const findMachine = (db: Db, id: string): MachineRow | null => {
  const row = one(db, 'SELECT * FROM machines WHERE id = $id', { id });
  return row && toMachine(row);
};
export const listKeys = (db: Db): KeyRow[] => all(db, 'SELECT * FROM ssh_keys ORDER BY created_at, id').map(toKey);
export const findKey = (db: Db, id: string): KeyRow | null => {
  const row = one(db, 'SELECT * FROM ssh_keys WHERE id = $id', { id });
  return row && toKey(row);
};

/** Which workers go to which machine: by the agent's name, or by the SSH host and port. */
export const workersByMachine = (db: Db): { worker: string; machine: string | null; host: string | null; port: number; status: string }[] =>
  all(db, `SELECT c.worker_id worker, CASE WHEN c.deployment_type = 'agent' THEN c.machine END machine, CASE WHEN c.deployment_type = 'remote' THEN c.ssh_host END host, c.ssh_port port, COALESCE(r.status, 'stopped') status
    FROM worker_configs c LEFT JOIN worker_runtime r ON r.worker_id = c.worker_id WHERE c.deployment_type IN ('agent', 'remote') ORDER BY c.id`);

const toMachine = (r: Record<string, any>): MachineRow => ({ id: r['id'], is: r['is_a'], name: r['name'], host: r['host'], port: r['port'], link: r['status'], trust: r['trust'], pinned: json(r['pinned'], null), offered: json(r['offered'], null), acceptedBy: r['accepted_by'], facts: json(r['facts'], null), cordoned: r['cordoned'] === 1, createdAt: r['created_at'], updatedAt: r['updated_at'] });
const toKey = (r: Record<string, any>): KeyRow => ({ id: r['id'], comment: r['comment'], status: r['status'], type: r['type'], fingerprint: r['fingerprint'], publicKey: r['public_key'], error: r['error'], createdAt: r['created_at'] });
