import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isId } from '../../transport/subjects.ts';
import type { Config } from '../config.ts';
import { workerPassword, writeWhole, type Secrets } from '../secrets.ts';
import { rolePermissions, workerPermissions, type Permissions } from './permissions.ts';

export const usersFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-users.conf');
// Names of NATS users, and of the processes that `up` runs beside the workers.
const RESERVED = new Set(['master', 'web', 'operator', 'nats', 'sandbox']);
const workersFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-workers.json');

/** Ids of the workers that have a NATS user. */
export function knownWorkers(config: Pick<Config, 'dataDir'>): string[] {
  const file = workersFile(config);
  if (!existsSync(file)) return [];
  let ids: unknown;
  try {
    ids = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    ids = null;
  }
  if (!Array.isArray(ids) || !ids.every((id): id is string => typeof id === 'string' && isId(id))) {
    throw new Error(`${file}: must be a list of worker ids; delete it and start the workers again to rebuild it`);
  }
  return ids;
}

/** Writes the users with a worker more (or none more). Tells whether the file changed. */
export function writeUsers(config: Pick<Config, 'dataDir'>, secrets: Pick<Secrets, 'nats' | 'psk'>, ...added: string[]): boolean {
  for (const id of added) if (!isId(id)) throw new Error(`worker id ${JSON.stringify(id)}: must be 1 to 63 of a-z, 0-9 and hyphens`);
  const ids = [...new Set([...knownWorkers(config), ...added])].sort();
  const taken = ids.find((id) => RESERVED.has(id));
  if (taken) throw new Error(`worker id ${taken}: is the name of a part of Troupe; choose another`);
  const body = usersText(secrets, ids);
  const file = usersFile(config);
  if (existsSync(file) && readFileSync(file, 'utf8') === body) return false;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  writeWhole(workersFile(config), `${JSON.stringify(ids)}\n`);
  writeWhole(file, body);
  return true;
}

function usersText(secrets: Pick<Secrets, 'nats' | 'psk'>, workers: string[]): string {
  const users = [
    ...(['master', 'web', 'operator'] as const).map((role) => user(role, secrets.nats[role], rolePermissions(role))),
    ...workers.map((id) => user(id, workerPassword(secrets.psk, id), workerPermissions(id))),
  ];
  return `# Written by Troupe. Holds passwords: keep it at mode 0600.\nauthorization {\n  users: [\n${users.join('\n')}\n  ]\n}\n`;
}

const list = (subjects: string[]) => `[${subjects.map((s) => JSON.stringify(s)).join(', ')}]`;
const side = (p: { allow: string[]; deny?: string[] }) => `{ allow: ${list(p.allow)}${p.deny ? `, deny: ${list(p.deny)}` : ''} }`;

function user(name: string, password: string, p: Permissions): string {
  const responses = p.responses ? `\n        allow_responses: { max: ${p.responses.max}, expires: "${p.responses.expires}" }` : '';
  return `    {
      user: "${name}", password: "${password}"
      permissions: {
        publish: ${side(p.publish)}
        subscribe: ${side(p.subscribe)}${responses}
      }
    }`;
}
