import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { sshMachineId } from '../../runtime/master/machine-desk.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { noSshd, sshServer, type SshServer } from '../drivers/ssh-server.ts';
import { freePort, serverEnv } from '../setup/running-server.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

const TIMES = { HEARTBEAT_INTERVAL_MS: '500', SUSPECT_AFTER_MS: '3000', OFFLINE_AFTER_MS: '6000', LEASE_FENCE_MS: '4000', LEASE_TTL_MS: '5000', STOP_GRACE_MS: '3000', BROWSER_MODE: 'context' };
let stage: Stage;
let sshd: SshServer | null = null;
let agent: ChildProcess | null = null;
const dirs: string[] = [];
beforeEach(async () => {
  stage = await openStage({ ...TIMES, TROUPE_CHROMIUM: (await findChromium()).path });
});
afterEach(async () => {
  for (const { id } of rows<{ id: string }>("SELECT worker_id id FROM worker_runtime WHERE status NOT IN ('stopped', 'error')")) await cmd(`worker/${id}`, 'kill').catch(() => {});
  await until(() => rows("SELECT 1 FROM worker_runtime WHERE status NOT IN ('stopped', 'error')").length === 0, 'all workers have ended').catch(() => {});
  if (agent && agent.exitCode === null && agent.signalCode === null) {
    agent.kill('SIGKILL');
    await once(agent, 'exit');
  }
  agent = null;
  await sshd?.close();
  sshd = null;
  await stage.close();
  for (const d of dirs.splice(0)) rmSync(d, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const rows = <T>(sql: string, ...args: unknown[]): T[] => stage.rows<T>(sql, ...args);
const seen = (id: string) => rows<{ status: string; cause: string; last_error: string | null; process_id: number | null }>('SELECT status, cause, last_error, process_id FROM worker_runtime WHERE worker_id = ?', id)[0];
const cmd = (actor: string, verb: string, payload: object = {}): Promise<any> => stage.command(actor, verb, payload);
const is = async (id: string, status: string, ms = 40_000) => {
  const found = await until(() => seen(id)?.status === status && seen(id), '', ms).catch(() => null);
  if (!found) throw new Error(`${id} is not ${status} but ${JSON.stringify(seen(id))}`);
  return found;
};

it('a worker over SSH: its machine is accepted by a person, it runs, outlives its master, and ends in order; a changed key stops everything', async (t) => {
  if (noSshd) return t.skip(noSshd);
  sshd = await sshServer();
  const dir = mkdtempSync(join(tmpdir(), 'troupe-far-'));
  dirs.push(dir);
  symlinkSync(packageRoot(), join(dir, 'current'));
  let master = await stage.master();
  const private_key = readFileSync(join(sshd.keys, 'user'), 'utf8');
  expect(await cmd('key/one', 'create', { comment: 'test', private_key })).toMatchObject({ ok: true });
  await until(() => rows<{ f: string }>("SELECT fingerprint f FROM ssh_keys WHERE id = 'one' AND status = 'stored'")[0]?.f?.startsWith('SHA256:'), 'the key is read');
  const config = { name: 'far', deployment_type: 'remote', ssh_host: '127.0.0.1', ssh_port: sshd.port, ssh_user: userInfo().username, ssh_directory: dir, port: await freePort(), auto_start: false, env_variables: { TROUPE_CHROMIUM: (await findChromium()).path }, secret_env: { SITE_TOKEN: 'canary-7f3a' } };
  expect(await cmd('worker/far', 'create', { ...config, ssh_key_id: 'nope' })).toMatchObject({ ok: false, field: 'ssh_key_id' });
  expect(await cmd('worker/far', 'create', { ...config, ssh_key_id: 'one' })).toMatchObject({ ok: true });
  expect(await cmd('worker/far', 'start')).toMatchObject({ ok: true });
  expect((await is('far', 'error')).cause).toContain('nobody has accepted yet');
  const machine = sshMachineId(`127.0.0.1:${sshd.port}`);
  await until(() => rows<{ t: string }>('SELECT trust t FROM machines WHERE id = ?', machine)[0]?.t === 'offered', 'its key is shown');
  expect(await cmd(`machine/${machine}`, 'accept', { fingerprint: `SHA256:${'x'.repeat(43)}` })).toMatchObject({ ok: false });
  expect(await cmd(`machine/${machine}`, 'accept', { fingerprint: sshd.fingerprint() })).toMatchObject({ ok: true });
  const { process_id } = await is('far', 'running');
  expect(readFileSync(`/proc/${process_id}/environ`, 'utf8')).toContain('SITE_TOKEN=canary-7f3a');
  // The master dies with SIGKILL: the worker lives on, and the next master has it again.
  await stage.kill(master);
  master = await stage.master();
  await until(() => rows<{ s: string }>("SELECT status s FROM workers WHERE id = 'far'")[0]?.s === 'connected', 'it is connected');
  expect(seen('far')).toMatchObject({ status: 'running', process_id });
  expect(await cmd('worker/far', 'stop', { timeout: 10_000 })).toMatchObject({ ok: true });
  await is('far', 'stopped');
  // Another key under the same address: nothing is started there.
  sshd.newHostKey();
  await sshd.down();
  await sshd.up();
  expect(await cmd('worker/far', 'start')).toMatchObject({ ok: true });
  expect((await is('far', 'error')).cause).toMatch(/host key/);
  await until(() => rows<{ t: string }>('SELECT trust t FROM machines WHERE id = ?', machine)[0]?.t === 'changed', 'the change is seen');
  // Nothing of what is secret is in the journal.
  const journal = rows<{ entry: string }>('SELECT entry FROM actors').map((r) => r.entry).join('\n');
  expect(journal).not.toContain('canary-7f3a');
  expect(journal).not.toContain(private_key.split('\n')[1]!);
}, 180_000);

it('a worker on a machine whose agent has joined: it runs there, is mended there while no master is up, and is taken over', async () => {
  const home = mkdtempSync(join(tmpdir(), 'troupe-agent-'));
  dirs.push(home);
  let master = await stage.master();
  mkdirSync(join(home, 'data'), { mode: 0o700 });
  agent = spawn(join(packageRoot(), 'bin', 'troupe'), ['agent', '--machine', 'box', '--orphan-after', '3'], {
    cwd: home, stdio: 'ignore',
    env: { ...serverEnv(), HOME: home, TROUPE_DATA: join(home, 'data'), NATS_URL: stage.config.nats.servers[0]!, WORKER_PSK_FILE: stage.config.nats.pskFile, AGENT_PORT: String(await freePort()), TROUPE_CHROMIUM: (await findChromium()).path, LOG_LEVEL: 'error' },
  });
  await until(() => rows<{ s: string }>("SELECT status s FROM machines WHERE id = 'box'")[0]?.s === 'connected', 'the machine has joined', 40_000);
  expect(await cmd('worker/inside', 'create', { name: 'inside', deployment_type: 'agent', machine: 'box', port: await freePort(), restart_delay_ms: 1000 })).toMatchObject({ ok: true });
  expect(await cmd('worker/other', 'create', { name: 'other', deployment_type: 'agent', machine: 'elsewhere' })).toMatchObject({ ok: false, field: 'machine' });
  expect(await cmd('worker/inside', 'start')).toMatchObject({ ok: true });
  const { process_id } = await is('inside', 'running');
  await stage.kill(master);
  process.kill(process_id!, 'SIGKILL');
  // Nobody but the agent is there to see it.
  const again = await until(() => findWorker('inside').find((pid) => pid !== process_id), 'the agent has started it again', 60_000);
  master = await stage.master();
  await until(() => rows<{ s: string }>("SELECT status s FROM workers WHERE id = 'inside'")[0]?.s === 'connected' && seen('inside')?.status === 'running', 'the master has it again', 60_000);
  expect(findWorker('inside')).toEqual([again]);
  expect(await cmd('worker/inside', 'stop')).toMatchObject({ ok: true });
  await is('inside', 'stopped');
  expect(findWorker('inside')).toEqual([]);
  agent.kill('SIGKILL');
  await until(() => rows<{ s: string }>("SELECT status s FROM machines WHERE id = 'box'")[0]?.s === 'offline', 'the machine is known to be silent', 20_000);
}, 240_000);

/** Processes that are this worker, by their environment. */
function findWorker(id: string): number[] {
  return readdirSync('/proc').filter((n) => /^\d+$/.test(n)).flatMap((n) => {
    try {
      const args = readFileSync(`/proc/${n}/cmdline`, 'utf8').split('\0');
      return args[2] === 'worker' && readFileSync(`/proc/${n}/environ`, 'utf8').split('\0').includes(`WORKER_ID=${id}`) ? [Number(n)] : [];
    } catch {
      return [];
    }
  });
}
