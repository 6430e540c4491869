import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isId } from '../../transport/subjects.ts';
import { agentPassword, agentUser, JOIN_USER, joinPassword } from '../agent/passwords.ts';
import type { Config } from '../config.ts';
import { workerPassword, writeWhole, type Secrets } from '../secrets.ts';
import { agentPermissions, joinPermissions, rolePermissions, workerPermissions, type Permissions } from './permissions.ts';

export const usersFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-users.conf');
// Names of NATS users, and of the processes that `up` runs beside the workers.
const RESERVED = new Set(['master', 'web', 'operator', 'nats', 'sandbox', JOIN_USER]);
const workersFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-workers.json');
const machinesFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-machines.json');

/** Machines whose agent has a NATS user, each with the installation that it belongs to. */
export type Machines = Record<string, string>;

/** The machines that have joined. */
export function knownMachines(config: Pick<Config, 'dataDir'>): Machines {
  const file = machinesFile(config);
  if (!existsSync(file)) return {};
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    found = null;
  }
  const fits = typeof found === 'object' && found !== null && !Array.isArray(found) && Object.entries(found).every(([id, install]) => isId(id) && typeof install === 'string' && /^[0-9a-f]{32}$/.test(install));
  if (!fits) throw new Error(`${file}: must map machines to installations; delete it and the agents join again`);
  return found as Machines;
}

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
  const before = knownWorkers(config);
  const machines = knownMachines(config);
  const ids = [...new Set([...before, ...added])].sort();
  // One that an earlier release let in stays, as long as no machine has its name.
  const taken = ids.find((id) => RESERVED.has(id) || (id.startsWith('agent-') && (!before.includes(id) || id.slice('agent-'.length) in machines)));
  if (taken) throw new Error(`worker id ${taken}: is the name of a part of Troupe${taken.startsWith('agent-') ? ' (agent-… are the agents of machines)' : ''}; choose another`);
  return write(config, secrets, ids, machines);
}

/** Writes the users with a machine's agent more. Tells whether the file changed; throws when a worker has the agent's name. */
export function writeMachine(config: Pick<Config, 'dataDir'>, secrets: Pick<Secrets, 'nats' | 'psk'>, machine: string, install: string): boolean {
  if (!isId(machine)) throw new Error(`machine ${JSON.stringify(machine)}: must be 1 to 63 of a-z, 0-9 and hyphens`);
  const workers = knownWorkers(config);
  if (workers.includes(agentUser(machine))) throw new Error(`machine ${machine}: the worker ${agentUser(machine)} has the name of its agent; choose another name with --machine`);
  return write(config, secrets, workers, { ...knownMachines(config), [machine]: install });
}

function write(config: Pick<Config, 'dataDir'>, secrets: Pick<Secrets, 'nats' | 'psk'>, workers: string[], machines: Machines): boolean {
  const body = usersText(secrets, workers, machines);
  const file = usersFile(config);
  if (existsSync(file) && readFileSync(file, 'utf8') === body) return false;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  writeWhole(workersFile(config), `${JSON.stringify(workers)}\n`);
  writeWhole(machinesFile(config), `${JSON.stringify(machines)}\n`);
  writeWhole(file, body);
  return true;
}

function usersText(secrets: Pick<Secrets, 'nats' | 'psk'>, workers: string[], machines: Machines): string {
  const users = [
    ...(['master', 'web', 'operator'] as const).map((role) => user(role, secrets.nats[role], rolePermissions(role))),
    user(JOIN_USER, joinPassword(secrets.psk), joinPermissions()),
    ...workers.map((id) => user(id, workerPassword(secrets.psk, id), workerPermissions(id))),
    ...Object.entries(machines).sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, install]) => user(agentUser(id), agentPassword(secrets.psk, id, install), agentPermissions(id))),
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
