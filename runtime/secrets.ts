import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from './config.ts';
import type { KeyRing } from './seal.ts';

/** A secret that can't be used. One line that names the file and the fix, never the value; exit code 78. */
export class SecretError extends Error {
  readonly exitCode = 78;
  constructor(file: string, why: string) {
    super(`${file}: ${why}`);
    this.name = 'SecretError';
  }
}

export type NatsRole = 'master' | 'web' | 'operator';

export type Secrets = {
  nats: Record<NatsRole, string>;
  /** Pre-shared key of the workers: `workerPassword` derives each one's password. */
  psk: string;
  /** The one that takes its place, while both are accepted; null at other times. */
  nextPsk: string | null;
  ring: KeyRing;
  /** Password of `admin` until it is changed on the page. */
  admin: string;
};

const FILES = { master: 'nats-master', web: 'nats-web', operator: 'nats-operator', psk: 'worker-psk', nextPsk: 'worker-psk.next', installation: 'installation', kek: 'kek.json', admin: 'admin-password' } as const;

/** Reads the secrets, making all of them when there are none. Throws SecretError on any that is missing, damaged or readable by others. */
export function loadSecrets(config: Pick<Config, 'dataDir' | 'secretsDir'>): Secrets {
  const dir = config.secretsDir;
  if (!existsSync(dir)) make(config);
  refuseOthers(dir, 'directory');
  const token = (name: string) => readToken(join(dir, name));
  const ring = readRing(join(dir, FILES.kek));
  compareRing(join(dir, FILES.kek), checkFile(config), ring);
  return {
    nats: { master: token(FILES.master), web: token(FILES.web), operator: token(FILES.operator) },
    ...readPsks(config),
    ring,
    admin: readSecret(join(dir, FILES.admin), /^[a-z0-9-]{12,64}$/),
  };
}

/** The workers' keys as their files have them now: another process may change them. */
export function readPsks(config: Pick<Config, 'secretsDir'>): { psk: string; nextPsk: string | null } {
  const file = (name: string) => join(config.secretsDir, name);
  const psk = readToken(file(FILES.psk));
  return { psk, nextPsk: existsSync(file(FILES.nextPsk)) ? readToken(file(FILES.nextPsk)) : null };
}

/** Makes the next pre-shared key; both are good from then on. Throws where there is one already. */
export function addPsk(config: Pick<Config, 'dataDir' | 'secretsDir'>): string {
  const { psk, nextPsk } = loadSecrets(config);
  const file = join(config.secretsDir, FILES.nextPsk);
  if (nextPsk !== null) throw new SecretError(file, 'is there already: finish that rotation with troupe secrets drop-psk first');
  // Containers and pods are known by a mark that was made of the first key.
  if (!existsSync(join(config.secretsDir, FILES.installation))) writeWhole(join(config.secretsDir, FILES.installation), `${installationMark(psk)}\n`);
  writeWhole(file, `${randomBytes(32).toString('hex')}\n`);
  return file;
}

/** Puts the next key in the place of the old one, in one step. */
export function dropPsk(config: Pick<Config, 'dataDir' | 'secretsDir'>): void {
  const file = join(config.secretsDir, FILES.nextPsk);
  if (loadSecrets(config).nextPsk === null) throw new SecretError(file, 'is not there: begin with troupe secrets add-psk');
  renameSync(file, join(config.secretsDir, FILES.psk));
}

const installationMark = (psk: string): string => createHash('sha256').update(`troupe installation ${psk}`).digest('hex').slice(0, 12);

/** The same for every master of one Troupe, and no other's, whatever becomes of its keys. */
export function installationOf(config: Pick<Config, 'secretsDir'>, psk: string): string {
  const file = join(config.secretsDir, FILES.installation);
  return existsSync(file) ? readSecret(file, /^[0-9a-f]{12}$/) : installationMark(psk);
}

/** A worker's NATS password: HMAC-SHA256 of its id under the pre-shared key, in hex. */
export const workerPassword = (psk: string, workerId: string): string => createHmac('sha256', psk).update(`troupe worker ${workerId}`).digest('hex');

/** One secret from a file that only its owner may read. */
export function readSecretFile(file: string): string {
  return readSecret(file, /^\S{8,512}$/);
}

/** Adds a key and makes it current; the older ones still open. Gives its id. */
export function addKey(config: Pick<Config, 'dataDir' | 'secretsDir'>): string {
  const { ring } = loadSecrets(config);
  const kid = `k${Math.max(...[...ring.keys.keys()].map((k) => Number(k.slice(1)) || 0)) + 1}`;
  const keys = new Map([...ring.keys, [kid, randomBytes(32)]]);
  // The checks first: a crash between the two leaves a check without its key, which harms nothing.
  writeCheck(checkFile(config), { current: kid, keys });
  writeWhole(join(config.secretsDir, FILES.kek), ringText({ current: kid, keys }));
  return kid;
}

/** The keys as their file has them now: read again when it was replaced. */
export function freshRing(config: Pick<Config, 'dataDir' | 'secretsDir'>): () => KeyRing {
  const file = join(config.secretsDir, FILES.kek);
  let known: { of: string; ring: KeyRing } | null = null;
  return () => {
    const stat = statSync(file, { throwIfNoEntry: false });
    const of = `${stat?.ino}:${stat?.mtimeMs}`;
    if (known?.of !== of) known = { of, ring: loadSecrets(config).ring };
    return known.ring;
  };
}

function make(config: Pick<Config, 'dataDir' | 'secretsDir'>): void {
  if (existsSync(checkFile(config))) {
    throw new SecretError(config.secretsDir, 'is missing, but data sealed with its key exists: put the folder back from your backup');
  }
  mkdirSync(dirname(config.secretsDir), { recursive: true, mode: 0o700 });
  sweepDrafts(dirname(config.secretsDir));
  const draft = `${config.secretsDir}.${process.pid}.tmp`;
  mkdirSync(draft, { mode: 0o700 });
  const put = (name: string, value: string) => writeFileSync(join(draft, name), value, { mode: 0o600, flush: true });
  for (const name of [FILES.master, FILES.web, FILES.operator, FILES.psk]) put(name, `${randomBytes(32).toString('hex')}\n`);
  const ring: KeyRing = { current: 'k1', keys: new Map([['k1', randomBytes(32)]]) };
  put(FILES.kek, ringText(ring));
  put(FILES.admin, `${password()}\n`);
  chmodSync(draft, 0o700);
  try {
    renameSync(draft, config.secretsDir);
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!existsSync(config.secretsDir)) throw error;
    return;
  }
  writeCheck(checkFile(config), ring);
}

/** 20 letters and digits that no one confuses, in groups of five: 98 bits. */
function password(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  let out = '';
  while (out.length < 20) for (const b of randomBytes(32)) if (b < 248 && out.length < 20) out += alphabet[b % 31];
  return out.match(/.{5}/g)!.join('-');
}

// Kept outside the folder of secrets: tells a foreign key from the one that sealed this data.
const checkFile = (config: Pick<Config, 'dataDir'>) => join(config.dataDir, 'kek-check.json');
const checkOf = (key: Buffer) => createHmac('sha256', key).update('troupe kek check').digest('base64url').slice(0, 22);

function writeCheck(file: string, ring: KeyRing): void {
  const checks = Object.fromEntries([...ring.keys].map(([kid, key]) => [kid, checkOf(key)]));
  writeWhole(file, `${JSON.stringify(checks)}\n`);
}

function compareRing(kekFile: string, check: string, ring: KeyRing): void {
  if (!existsSync(check)) return writeCheck(check, ring);
  let known: Record<string, unknown>;
  try {
    known = JSON.parse(readFileSync(check, 'utf8')) as Record<string, unknown>;
  } catch {
    throw new SecretError(check, 'is damaged: delete it if you are sure that data/secrets/kek.json is the right one');
  }
  for (const [kid, key] of ring.keys) {
    const want = known[kid];
    const is = Buffer.from(checkOf(key));
    if (typeof want === 'string' && (want.length !== is.length || !timingSafeEqual(Buffer.from(want), is))) {
      throw new SecretError(kekFile, `key ${kid} is not the one that sealed this data: put the right file back from your backup`);
    }
  }
}

const ringText = (ring: KeyRing) =>
  `${JSON.stringify({ current: ring.current, keys: Object.fromEntries([...ring.keys].map(([k, v]) => [k, v.toString('base64url')])) })}\n`;

function readRing(file: string): KeyRing {
  const body = readSecret(file, /^\{.*\}$/);
  try {
    const { current, keys } = JSON.parse(body) as { current: string; keys: Record<string, string> };
    const ring = { current, keys: new Map(Object.entries(keys).map(([k, v]) => [k, Buffer.from(v, 'base64url')])) };
    if (ring.keys.has(current) && [...ring.keys.values()].every((k) => k.length === 32)) return ring;
  } catch {
    // Told below, in the same words as a key of the wrong length.
  }
  throw new SecretError(file, 'is damaged: put it back from your backup, sealed data can\'t be opened without it');
}

const readToken = (file: string) => readSecret(file, /^[0-9a-f]{64}$/);

function readSecret(file: string, shape: RegExp): string {
  if (!existsSync(file)) throw new SecretError(file, 'is missing: put it back from your backup');
  refuseOthers(file, 'file');
  let value: string;
  try {
    value = readFileSync(file, 'utf8').trim();
  } catch {
    throw new SecretError(file, `can't be read by this user: give it to the user that runs Troupe (chown)`);
  }
  if (!shape.test(value)) throw new SecretError(file, 'is empty, cut short or not what was written: put it back from your backup');
  return value;
}

function refuseOthers(file: string, what: 'file' | 'directory'): void {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  throw new SecretError(file, `may be read by others (mode ${mode.toString(8).padStart(4, '0')}): run chmod ${what === 'file' ? '600' : '700'} ${file}`);
}

/** Replaces a file in one step, mode 0600. */
export function writeWhole(file: string, body: string): void {
  // Containers that share a folder have the same process ids.
  const draft = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(draft, body, { mode: 0o600, flush: true });
  renameSync(draft, file);
}

// Leftovers of a first start that was killed half-way.
function sweepDrafts(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    const pid = /^secrets\.(\d+)\.tmp$/.exec(name)?.[1];
    if (pid && !existsSync(`/proc/${pid}`)) rmSync(join(dataDir, name), { recursive: true });
  }
}
