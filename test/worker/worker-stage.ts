import { expect } from 'vitest';
import { admitWorker } from '../../runtime/nats-server/admit-worker.ts';
import { workerLogin } from '../../runtime/nats-login.ts';
import { startWorker, type Worker, type WorkerOptions } from '../../runtime/worker/start-worker.ts';
import { runningServer, type RunningServer } from '../setup/running-server.ts';
import { demoSite, type DemoSite } from './demo-site.ts';
import { ScriptedMaster } from './scripted-master.ts';

export type WorkerStage = { server: RunningServer; master: ScriptedMaster; site: DemoSite; worker: Worker; login(account: string, user: string): Promise<void>; stop(): Promise<void> };

export const WORKER = 'worker-1';

export const workerOptions = (server: RunningServer, more: Partial<WorkerOptions> = {}): WorkerOptions => {
  const { servers, user, pass } = workerLogin(server.config, WORKER);
  return { workerId: WORKER, servers, user, pass, dataDir: server.config.dataDir, heartbeatMs: 500, maxAccounts: 10, mode: 'profile', group: 'default', maxConcurrent: 3, headless: true, ...more };
};

/** A real nats-server with our permissions, a scripted master, the sandbox site, and a worker with a real Chromium. */
export async function workerStage(more: Partial<WorkerOptions> = {}): Promise<WorkerStage> {
  const server = await runningServer();
  await admitWorker(server.config, server.secrets, WORKER);
  const master = await ScriptedMaster.start(server);
  const site = await demoSite();
  process.env.SANDBOX_URL = site.url;
  const worker = await startWorker(workerOptions(server, more));
  return {
    server, master, site, worker,
    async login(account, user) {
      master.leases.set(account, 1);
      const token = `login-${account}`;
      expect(await master.run(WORKER, 'login', token, { account, platform: 'sandbox', worker: WORKER, epoch: 1, method: 'qrcode', proxy: null })).toEqual({ taken: true });
      const { url } = await master.event(token, 'QR');
      await site.scan(url as string);
      await site.confirm(url as string, user);
      const { error } = await master.result(token);
      if (error) throw new Error(`login of ${account}: ${error.message}`);
    },
    async stop() {
      await worker.stop(1000);
      await master.stop();
      await site.stop();
      await server.stop();
    },
  };
}
