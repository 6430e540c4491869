import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSecrets } from '../../runtime/secrets.ts';
import { deployDir } from './manifests.ts';

type Keys = {
  share(dataDir: string, keys: string, load: typeof loadSecrets): void;
  takeServer(from: string, dataDir: string): void;
  takeWeb(from: string, dataDir: string, load: typeof loadSecrets): void;
  takeWorker(from: string, dataDir: string): void;
};
const { share, takeServer, takeWeb, takeWorker } = (await import(join(deployDir, 'keys.mjs'))) as Keys;

let root: string;
const at = (...parts: string[]) => join(root, ...parts);
const secrets = (dataDir: string) => loadSecrets({ dataDir, secretsDir: join(dataDir, 'secrets') });
const text = (file: string) => readFileSync(file, 'utf8');
const mode = (file: string) => statSync(file).mode & 0o777;
/** As Kubernetes mounts one: links to a folder of a date, readable by all. */
const mounted = (from: string, names: string[]) => {
  mkdirSync(at('keys', '..2026_01_01'), { recursive: true });
  symlinkSync('..2026_01_01', at('keys', '..data'));
  for (const name of names) {
    writeFileSync(at('keys', '..2026_01_01', name), readFileSync(join(from, name)), { mode: 0o644 });
    symlinkSync(join('..data', name), at('keys', name));
  }
};

beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'troupe-keys-'))));
afterEach(() => rmSync(root, { recursive: true }));

describe('keys of compose', () => {
  beforeEach(() => {
    for (const dir of [at('data'), at('keys', 'web'), at('keys', 'worker')]) mkdirSync(dir, { recursive: true });
    share(at('data'), at('keys'), loadSecrets);
  });

  it('gives the page its password and the first one of admin, and a folder that it can read', () => {
    expect(secrets(at('keys', 'web')).nats.web).toBe(secrets(at('data')).nats.web);
    expect(secrets(at('keys', 'web')).admin).toBe(secrets(at('data')).admin);
  });

  it('keeps the key of sealed data and the other passwords from the page', () => {
    const [page, all] = [secrets(at('keys', 'web')), secrets(at('data'))];
    expect(page.ring.keys.get('k1')!.equals(all.ring.keys.get('k1')!)).toBe(false);
    expect([page.nats.master, page.nats.operator, page.psk]).not.toContain(all.nats.master);
    expect(page.nats.operator).not.toBe(all.nats.operator);
    expect(page.psk).not.toBe(all.psk);
  });

  it('gives the workers one file, which others may not read', () => {
    expect(readdirSync(at('keys', 'worker'))).toEqual(['worker-psk']);
    expect(text(at('keys', 'worker', 'worker-psk'))).toBe(text(at('data', 'secrets', 'worker-psk')));
    expect(mode(at('keys', 'worker', 'worker-psk'))).toBe(0o600);
  });

  it('changes nothing when it runs again', () => {
    const before = [secrets(at('data')), secrets(at('keys', 'web'))];
    share(at('data'), at('keys'), loadSecrets);
    expect([secrets(at('data')), secrets(at('keys', 'web'))]).toEqual(before);
  });
});

describe('keys of Kubernetes', () => {
  beforeEach(() => void secrets(at('first')));
  const files = () => readdirSync(at('first', 'secrets'));

  it('the server takes the whole set, at the mode that is asked for', () => {
    mounted(at('first', 'secrets'), files());
    mkdirSync(at('data'));
    takeServer(at('keys'), at('data'));
    expect(secrets(at('data'))).toEqual(secrets(at('first')));
    expect(mode(at('data', 'secrets'))).toBe(0o700);
  });

  it('a set that is there stays: its keys may be newer', () => {
    mounted(at('first', 'secrets'), files());
    secrets(at('data'));
    const before = text(at('data', 'secrets', 'kek.json'));
    takeServer(at('keys'), at('data'));
    expect(text(at('data', 'secrets', 'kek.json'))).toBe(before);
  });

  it('a copy that was broken off is begun again', () => {
    mounted(at('first', 'secrets'), files());
    mkdirSync(at('data', 'secrets.copy-x'), { recursive: true });
    writeFileSync(at('data', 'secrets.copy-x', 'kek.json'), 'half');
    takeServer(at('keys'), at('data'));
    expect(secrets(at('data'))).toEqual(secrets(at('first')));
  });

  it('servers of a cluster that begin at once take one whole set', async () => {
    mounted(at('first', 'secrets'), files());
    mkdirSync(at('data'));
    const run = () => new Promise((done, fail) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', `import { takeServer } from ${JSON.stringify(pathToFileURL(join(deployDir, 'keys.mjs')).href)}; takeServer(${JSON.stringify(at('keys'))}, ${JSON.stringify(at('data'))})`], { stdio: 'ignore' });
      child.once('error', fail).once('exit', done);
    });
    expect(await Promise.all([run(), run(), run(), run()])).toEqual([0, 0, 0, 0]);
    expect(readdirSync(at('data'))).toEqual(['secrets']);
    expect(secrets(at('data'))).toEqual(secrets(at('first')));
  });

  it('the page takes its two, the worker its one', () => {
    mounted(at('first', 'secrets'), ['nats-web', 'admin-password', 'worker-psk']);
    takeWeb(at('keys'), at('web'), loadSecrets);
    takeWorker(at('keys'), at('worker'));
    expect(secrets(at('web')).nats.web).toBe(secrets(at('first')).nats.web);
    expect(secrets(at('web')).admin).toBe(secrets(at('first')).admin);
    expect(readdirSync(at('worker', 'secrets'))).toEqual(['worker-psk']);
    expect(mode(at('worker', 'secrets', 'worker-psk'))).toBe(0o600);
  });
});
