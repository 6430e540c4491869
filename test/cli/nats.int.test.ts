import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { natsLogin } from '../../runtime/nats-login.ts';
import { serverWith } from '../../runtime/nats-server/left-over.ts';
import { serverReady } from '../../runtime/nats-server/server-ready.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { ownConfig, serverEnv } from '../setup/running-server.ts';

const runs: { child: ChildProcess; out: string }[] = [];
let dataDir: string;
const configFile = () => join(dataDir, 'nats-server.conf');
afterEach(async () => {
  for (const { child } of runs.splice(0)) if (child.exitCode === null && child.signalCode === null) await ended(child, 'SIGTERM');
  const left = serverWith(configFile());
  if (left) process.kill(left.pid, 'SIGKILL');
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
const ended = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
  child.kill(signal);
  return (await once(child, 'exit'))[0] as number | null;
};

it('`troupe nats --follow-users` that was killed leaves its server to the next one; one that runs is not touched', async () => {
  const own = await ownConfig(process.env['TROUPE_NATS_SERVER'] ? { TROUPE_NATS_SERVER: process.env['TROUPE_NATS_SERVER'] } : {});
  dataDir = own.config.dataDir;
  const begin = () => {
    const run = { child: spawn(join(packageRoot(), 'bin', 'troupe'), ['nats', '--follow-users'], { cwd: dataDir, env: { ...serverEnv(), ...own.env }, stdio: ['ignore', 'pipe', 'pipe'] }), out: '' };
    for (const s of [run.child.stdout, run.child.stderr]) s.on('data', (d) => (run.out += String(d)));
    runs.push(run);
    return run;
  };
  const pid = () => Number(readFileSync(join(dataDir, 'nats-server.pid'), 'utf8'));
  const first = begin();
  await serverReady(natsLogin(own.config, 'master'), 15_000);
  const server = pid();
  expect(serverWith(configFile())).toEqual({ pid: server, left: false });

  const second = begin();
  const [code] = (await once(second.child, 'exit')) as [number];
  expect([code, second.out]).toEqual([1, expect.stringContaining(`nats-server (pid ${server}) runs with ${configFile()} already: stop what started it`)]);
  expect(serverWith(configFile())?.pid).toBe(server);

  await ended(first.child, 'SIGKILL');
  expect(serverWith(configFile())).toEqual({ pid: server, left: true });
  const third = begin();
  await expect.poll(() => third.out, { timeout: 15_000 }).toContain(`nats-server (pid ${server}) was left by one that was killed: stopping it`);
  await expect.poll(() => serverWith(configFile()), { timeout: 15_000 }).toEqual({ pid: expect.not.closeTo(server, 0), left: false });
  await serverReady(natsLogin(own.config, 'master'), 15_000);
  expect(await ended(third.child, 'SIGTERM')).toBe(0);
  expect(serverWith(configFile())).toBeNull();
}, 60_000);
