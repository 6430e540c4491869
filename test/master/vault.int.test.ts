import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kvm } from '@nats-io/kv';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../../runtime/cli/secrets.ts';
import { Vault } from '../../runtime/master/vault.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { keyOf } from '../../runtime/seal.ts';
import { freshRing, loadSecrets } from '../../runtime/secrets.ts';
import { openConnection, type NatsConnection } from '../../transport/connection.ts';
import { createStreams } from '../../transport/streams.ts';
import { runningServer, type RunningServer } from '../setup/running-server.ts';

let server: RunningServer;
let nc: NatsConnection;
let vault: Vault;
let said: string[];
beforeEach(async () => {
  server = await runningServer();
  nc = await openConnection(natsLogin(server.config, 'master'));
  await createStreams(nc, 4, null);
  vault = await Vault.open(nc, freshRing(server.config));
  said = [];
});
afterEach(async () => {
  await nc.close();
  await server.stop();
});

const secrets = (...args: string[]) => run(args, { env: {}, config: () => server.config, out: (l) => void said.push(l), err: (l) => void said.push(l) });
const stored = async () => {
  const kv = await new Kvm(nc).open('troupe-vault');
  const found: Record<string, string | null> = {};
  for await (const key of await kv.keys()) found[key] = keyOf((await kv.get(key))!.string());
  return found;
};

it('rotates while a master runs: everything is under the new key, and it opens and seals on', async () => {
  await vault.put('a-1', 'session', 'cookies of a-1');
  await vault.put('a-2', 'answer-77', '123456');
  expect(await secrets('rotate')).toBe(0);
  expect(said).toEqual(['2 values sealed anew with k2']);
  expect(await stored()).toEqual({ 'a-1.session': 'k2', 'a-2.answer-77': 'k2' });
  expect(await vault.get('a-1', 'session')).toBe('cookies of a-1');
  expect(await vault.get('a-2', 'answer-77')).toBe('123456');
  await vault.put('a-3', 'session', 'later');
  expect((await stored())['a-3.session']).toBe('k2');
  expect([...loadSecrets(server.config).ring.keys.keys()]).toEqual(['k1', 'k2']);
  const shown = said.join('\n');
  for (const key of Object.values(JSON.parse(readFileSync(join(server.config.secretsDir, 'kek.json'), 'utf8')).keys as Record<string, string>)) expect(shown).not.toContain(key);
});

it('in two steps: a value under either key opens between them', async () => {
  await vault.put('a-1', 'session', 'old');
  expect(await secrets('add-key')).toBe(0);
  await vault.put('a-2', 'session', 'new');
  expect(await stored()).toEqual({ 'a-1.session': 'k1', 'a-2.session': 'k2' });
  expect([await vault.get('a-1', 'session'), await vault.get('a-2', 'session')]).toEqual(['old', 'new']);
  await secrets('reseal');
  expect(await stored()).toEqual({ 'a-1.session': 'k2', 'a-2.session': 'k2' });
  said = [];
  await secrets('reseal');
  expect(said).toEqual(['0 values sealed anew with k2']);
});

it('loses nothing that is written meanwhile', async () => {
  const ids = Array.from({ length: 60 }, (_, i) => `a-${i}`);
  await Promise.all(ids.map((id) => vault.put(id, 'session', 'before')));
  await secrets('add-key');
  const [, ...puts] = await Promise.all([vault.reseal(), ...ids.map(async (id, i) => (i % 2 === 0 ? vault.put(id, 'session', 'meanwhile') : null))]);
  expect(puts).toHaveLength(60);
  for (const [i, id] of ids.entries()) expect(await vault.get(id, 'session'), id).toBe(i % 2 === 0 ? 'meanwhile' : 'before');
  expect(new Set(Object.values(await stored()))).toEqual(new Set(['k2']));
});

it('makes no key while NATS is away', async () => {
  server.child.kill('SIGKILL');
  await expect(secrets('rotate')).rejects.toThrow(/did not answer/);
  expect(loadSecrets(server.config).ring.current).toBe('k1');
});

it('names what it takes', async () => {
  await expect(secrets('turn')).rejects.toThrow('"turn" is none of rotate, add-key, reseal');
});
