import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isId } from '../../transport/subjects.ts';
import { agentPassword, agentUser, JOIN_USER, joinPassword, nextUser } from '../agent/passwords.ts';
import type { Config } from '../config.ts';
import { readPsks, workerPassword, writeWhole, type Secrets } from '../secrets.ts';
import { agentPermissions, joinPermissions, rolePermissions, workerPermissions, type Permissions } from './permissions.ts';

export const usersFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-users.conf');
// Names of NATS users, and of the processes that `up` runs beside the workers.
const RESERVED = new Set(['master', 'web', 'operator', 'nats', 'sandbox', JOIN_USER]);
const workersFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-workers.json');
const machinesFile = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'nats-machines.json');

type Folder = Pick<Config, 'dataDir' | 'secretsDir'>;
type Keys = Pick<Secrets, 'nats' | 'psk'>;

/** Machines whose agent has a NATS user, each with the installation that it belongs to. */
export type Machines = Record<string, string>;

/** The machines that have joined. */
export const knownMachines = (config: Pick<Config, 'dataDir'>): Machines => Object.fromEntries(Object.entries(readMachines(config)).map(([id, kept]) => [id, kept.split(':')[0]!]));

/** `installation`, or `installation:password` where the password is kept as it was made: it outlives the key. */
function readMachines(config: Pick<Config, 'dataDir'>): Machines {
  const file = machinesFile(config);
  if (!existsSync(file)) return {};
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    found = null;
  }
  const fits = typeof found === 'object' && found !== null && !Array.isArray(found) && Object.entries(found).every(([id, kept]) => isId(id) && typeof kept === 'string' && /^[0-9a-f]{32}(:[0-9a-f]{64})?$/.test(kept));
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
export function writeUsers(config: Folder, secrets: Keys, ...added: string[]): boolean {
  for (const id of added) if (!isId(id)) throw new Error(`worker id ${JSON.stringify(id)}: must be 1 to 63 of a-z, 0-9 and hyphens`);
  const before = knownWorkers(config);
  const machines = readMachines(config);
  const ids = [...new Set([...before, ...added])].sort();
  // One that an earlier release let in stays, as long as no machine has its name.
  const taken = ids.find((id) => RESERVED.has(id) || (id.startsWith('agent-') && (!before.includes(id) || id.slice('agent-'.length) in machines)));
  if (taken) throw new Error(`worker id ${taken}: is the name of a part of Troupe${taken.startsWith('agent-') ? ' (agent-… are the agents of machines)' : ''}; choose another`);
  return write(config, secrets, ids, machines);
}

/** Writes the users with a machine's agent more. Tells whether the file changed; throws when a worker has the agent's name. */
export function writeMachine(config: Folder, secrets: Keys, machine: string, install: string, psk = secrets.psk): boolean {
  if (!isId(machine)) throw new Error(`machine ${JSON.stringify(machine)}: must be 1 to 63 of a-z, 0-9 and hyphens`);
  const workers = knownWorkers(config);
  if (workers.includes(agentUser(machine))) throw new Error(`machine ${machine}: the worker ${agentUser(machine)} has the name of its agent; choose another name with --machine`);
  return write(config, secrets, workers, { ...readMachines(config), [machine]: `${install}:${agentPassword(psk, machine, install)}` });
}

/** Takes the users of these workers away. Tells whether the file changed. */
export function dropUsers(config: Folder, secrets: Keys, gone: ReadonlySet<string>): boolean {
  const workers = knownWorkers(config);
  if (!workers.some((id) => gone.has(id))) return false;
  return write(config, secrets, workers.filter((id) => !gone.has(id)), readMachines(config));
}

/** Keeps each agent's password as it is, whatever becomes of the key that it was made of. */
export function keepAgents(config: Folder, secrets: Keys): void {
  const machines = Object.entries(readMachines(config)).map(([id, kept]) => [id, kept.includes(':') ? kept : `${kept}:${agentPassword(secrets.psk, id, kept)}`]);
  write(config, secrets, knownWorkers(config), Object.fromEntries(machines) as Machines);
}

function write(config: Folder, secrets: Keys, workers: string[], machines: Machines): boolean {
  const body = usersText({ nats: secrets.nats, ...keysNow(config, secrets) }, workers, machines);
  const file = usersFile(config);
  if (existsSync(file) && readFileSync(file, 'utf8') === body) return false;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  writeWhole(workersFile(config), `${JSON.stringify(workers)}\n`);
  writeWhole(machinesFile(config), `${JSON.stringify(machines)}\n`);
  writeWhole(file, body);
  return true;
}

/** Another process may have begun or ended a rotation since ours read its keys. */
const keysNow = (config: Folder, secrets: Keys): { psk: string; nextPsk: string | null } => (existsSync(config.secretsDir) ? readPsks(config) : { psk: secrets.psk, nextPsk: null });

function usersText(secrets: Pick<Secrets, 'nats' | 'psk' | 'nextPsk'>, workers: string[], machines: Machines): string {
  /** Under the key's own name, and under the next one's while there are two. */
  const both = (name: string, password: (psk: string) => string, p: Permissions) => [user(name, password(secrets.psk), p), ...(secrets.nextPsk === null ? [] : [user(nextUser(name), password(secrets.nextPsk), p)])];
  const users = [
    ...(['master', 'web', 'operator'] as const).map((role) => user(role, secrets.nats[role], rolePermissions(role))),
    ...both(JOIN_USER, joinPassword, joinPermissions()),
    ...workers.flatMap((id) => both(id, (psk) => workerPassword(psk, id), workerPermissions(id))),
    ...Object.entries(machines).sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, kept]) => user(agentUser(id), kept.split(':')[1] ?? agentPassword(secrets.psk, id, kept), agentPermissions(id))),
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
