import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chromiumsUnder } from '../../runtime/browsers/chromium-processes.ts';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { SshDriver } from '../../runtime/drivers/ssh/ssh-driver.ts';
import { admitWorker } from '../../runtime/nats-server/admit-worker.ts';
import { workerPassword } from '../../runtime/secrets.ts';
import { runningServer } from '../setup/running-server.ts';
import { demoSite } from '../worker/demo-site.ts';
import { ScriptedMaster } from '../worker/scripted-master.ts';
import { until } from '../worker/until.ts';
import { freePort, noSshd, pins, sshServer } from './ssh-server.ts';

const WORKER = 'remote-1';

describe('a worker over SSH', () => {
  if (noSshd !== null) return void it('needs a server', (t) => t.skip(noSshd!));

  it('is brought there, registers, logs an account in with its own browser, and leaves nothing when stopped', async () => {
    const machine = await sshServer(`SetEnv TROUPE_CHROMIUM=${(await findChromium()).path}`);
    const server = await runningServer();
    await admitWorker(server.config, server.secrets, WORKER);
    const master = await ScriptedMaster.start(server);
    const site = await demoSite();
    const installDir = join(machine.dir, 'install');
    const driver = new SshDriver({ ...machine.target, hostKeys: pins({ [`127.0.0.1:${machine.port}`]: machine.fingerprint() }), installDir });
    try {
      for await (const { step } of driver.bootstrap()) expect(step).toBeTruthy();
      const current = join(installDir, 'current');
      const data = join(installDir, 'data');
      const handle = await driver.start({
        command: 'node', args: [join(current, 'dist', 'runtime', 'main.js'), 'worker'], cwd: current,
        env: { WORKER_ID: WORKER, NATS_URL: server.config.nats.servers.join(','), NATS_PASSWORD: workerPassword(server.secrets.psk, WORKER), TROUPE_DATA: data, HEADLESS: '1', WORKER_PORT: String(await freePort()), SANDBOX_URL: site.url },
      }, WORKER);
      await until('the worker to register', () => master.registrations.length > 0).catch(async (error: Error) => {
        throw new Error(`${error.message}: ${(await driver.logs(handle, { tail: 20 })).lines.join('\n')}`);
      });
      expect(master.registrations[0]).toMatchObject({ worker: WORKER, pid: handle.pid, capabilities: expect.arrayContaining(['sandbox']) });

      master.leases.set('acc-1', 1);
      await master.run(WORKER, 'login', 'login', { account: 'acc-1', platform: 'sandbox', worker: WORKER, epoch: 1, method: 'qrcode', proxy: null });
      const { url } = await master.event('login', 'QR');
      await site.scan(url as string);
      await site.confirm(url as string, 'mei');
      expect((await master.result('login')).error ?? null).toBeNull();
      const stats = await driver.stats(handle);
      expect(stats!.processes).toBeGreaterThan(1);

      const ended = driver.wait(handle, new AbortController().signal);
      await driver.stop(handle, 20_000);
      expect(await ended).toMatchObject({ code: 0, signal: null });
      expect(chromiumsUnder(data)).toEqual([]);
      expect(existsSync(`/proc/${handle.pid}`)).toBe(false);
    } finally {
      for await (const { handle } of driver.list()) await driver.stop(handle, 0);
      await driver.close();
      await master.stop();
      await site.stop();
      await server.stop();
      await machine.close();
    }
  }, 180_000);
});
