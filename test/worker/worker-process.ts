import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { chromiumsUnder } from '../../runtime/browsers/chromium-processes.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { admitWorker } from '../../runtime/nats-server/admit-worker.ts';
import type { WorkerOptions } from '../../runtime/worker/start-worker.ts';
import { runningServer, type RunningServer } from '../setup/running-server.ts';
import { demoSite, type DemoSite } from './demo-site.ts';
import { ScriptedMaster } from './scripted-master.ts';
import { until } from './until.ts';
import { WORKER, workerOptions } from './worker-stage.ts';

export type WorkerProcess = { child: ChildProcess; exit: Promise<{ code: number | null; signal: string | null }> };

/** A stage whose workers are processes of their own, from the built code, so that they can be killed and stopped. */
export async function processStage(more: Partial<WorkerOptions> = {}) {
  const server: RunningServer = await runningServer();
  await admitWorker(server.config, server.secrets, WORKER);
  const master = await ScriptedMaster.start(server);
  const site: DemoSite = await demoSite();
  const children: WorkerProcess[] = [];
  const start = async (env: Record<string, string> = {}): Promise<WorkerProcess> => {
    const main = join(packageRoot(), 'dist', 'test', 'worker', 'worker-main.js');
    if (!existsSync(main)) throw new Error('build first: npx tsc -p .');
    const before = master.registrations.length;
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, SANDBOX_URL: site.url, WORKER_OPTIONS: JSON.stringify(workerOptions(server, more)), ...env },
      stdio: ['ignore', process.env.SHOW_WORKER ? 'inherit' : 'ignore', 'inherit'],
    });
    const exit = once(child, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null }));
    const made = { child, exit };
    children.push(made);
    await until('the worker to register', () => master.registrations.length > before);
    return made;
  };
  return {
    server, master, site, start,
    async login(account: string, user: string) {
      master.leases.set(account, 1);
      const token = `login-${account}-${master.registrations.length}`;
      expect(await master.run(WORKER, 'login', token, { account, platform: 'sandbox', worker: WORKER, epoch: 1, method: 'qrcode', proxy: null })).toEqual({ taken: true });
      const { url } = await master.event(token, 'QR');
      await site.scan(url as string);
      await site.confirm(url as string, user);
      const { error } = await master.result(token);
      if (error) throw new Error(error.message);
    },
    async stop() {
      for (const { child, exit } of children) {
        child.kill('SIGKILL');
        await exit;
      }
      await until('their browsers to end', () => chromiumsUnder(server.config.dataDir).length === 0);
      await master.stop();
      await site.stop();
      await server.stop();
    },
  };
}
