import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { addKey, loadSecrets, SecretError, workerPassword } from '../../runtime/secrets.ts';
import { open, seal } from '../../runtime/seal.ts';

let dataDir: string;
const config = () => ({ dataDir, secretsDir: join(dataDir, 'secrets') });
beforeEach(() => void (dataDir = mkdtempSync(join(tmpdir(), 'troupe-secrets-'))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

it('makes the secrets once, for its owner only', () => {
  const first = loadSecrets(config());
  expect(loadSecrets(config())).toEqual(first);
  expect(statSync(config().secretsDir).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(config().secretsDir)) expect(statSync(join(config().secretsDir, name)).mode & 0o777, name).toBe(0o600);
  expect(new Set([first.psk, ...Object.values(first.nats)]).size).toBe(4);
  expect(first.admin).toMatch(/^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
  expect(readdirSync(dataDir).filter((n) => n.endsWith('.tmp'))).toEqual([]);
});

const names = ['nats-master', 'nats-web', 'nats-operator', 'worker-psk', 'kek.json', 'admin-password'];
it.each(names.flatMap((n) => [[n, 'missing'], [n, 'truncated'], [n, 'empty'], [n, 'world-readable']]))('refuses %s when it is %s, naming the file and no value', (name, how) => {
  loadSecrets(config());
  const file = join(config().secretsDir, name);
  const value = readFileSync(file, 'utf8').trim();
  if (how === 'missing') rmSync(file);
  if (how === 'truncated') truncateSync(file, 10);
  if (how === 'empty') writeFileSync(file, '');
  if (how === 'world-readable') chmodSync(file, 0o644);
  let error: unknown;
  try {
    loadSecrets(config());
  } catch (e) {
    error = e;
  }
  expect(error).toBeInstanceOf(SecretError);
  const { message, exitCode } = error as SecretError;
  expect(exitCode).toBe(78);
  expect(message.startsWith(`${file}: `)).toBe(true);
  expect(message).not.toContain('\n');
  expect(message).not.toContain(value);
  if (how === 'world-readable') expect(message).toContain('chmod 600');
});

it('refuses a folder that others may enter', () => {
  loadSecrets(config());
  chmodSync(config().secretsDir, 0o755);
  expect(() => loadSecrets(config())).toThrow(/chmod 700/);
});

it('refuses a key that is not the one that sealed this data', () => {
  loadSecrets(config());
  const other = mkdtempSync(join(tmpdir(), 'troupe-secrets-'));
  loadSecrets({ dataDir: other, secretsDir: join(other, 'secrets') });
  cpSync(join(other, 'secrets', 'kek.json'), join(config().secretsDir, 'kek.json'));
  expect(() => loadSecrets(config())).toThrow(/kek\.json: key k1 is not the one/);
  rmSync(other, { recursive: true, maxRetries: 20, retryDelay: 100 });
});

it('never makes a new key over sealed data', () => {
  loadSecrets(config());
  rmSync(config().secretsDir, { recursive: true, maxRetries: 20, retryDelay: 100 });
  expect(() => loadSecrets(config())).toThrow(/put the folder back/);
  expect(existsSync(config().secretsDir)).toBe(false);
});

it('rotates: a new key seals, the old one still opens', () => {
  const place = { account: 'a', field: 'f' };
  const sealed = seal(loadSecrets(config()).ring, place, 'x');
  expect(addKey(config())).toBe('k2');
  const { ring } = loadSecrets(config());
  expect(ring.current).toBe('k2');
  expect(open(ring, place, sealed).toString()).toBe('x');
});

it('derives a password for each worker', () => {
  const { psk } = loadSecrets(config());
  expect(workerPassword(psk, 'worker-1')).toMatch(/^[0-9a-f]{64}$/);
  expect(workerPassword(psk, 'worker-1')).not.toBe(workerPassword(psk, 'worker-2'));
});
