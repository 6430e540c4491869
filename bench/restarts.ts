import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LocalDriver } from '../runtime/drivers/local/local-driver.ts';
import { packageRoot } from '../runtime/package-root.ts';
import { median } from './quantiles.ts';

/** A process that has loaded what a worker is made of, and calls home then. */
const script = (port: number) => ['--input-type=module', '-e', `await import(${JSON.stringify(pathToFileURL(join(packageRoot(), 'dist', 'runtime', 'worker', 'start-worker.js')).href)}); (await import('node:net')).connect(${port}, '127.0.0.1')`];

/** Milliseconds from kill -9 to the next process running: by the local driver, and by a bare spawn on the exit event. Medians of turns. */
export async function measureRestarts(times: number): Promise<{ driver: number; bare: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-restarts-'));
  const calls: (() => void)[] = [];
  const home = createServer((socket) => (socket.on('error', () => {}), calls.shift()?.())).listen(0, '127.0.0.1');
  await once(home, 'listening');
  const { port } = home.address() as AddressInfo;
  const runs = () => new Promise<void>((resolve) => calls.push(resolve));
  const driver = new LocalDriver({ runDir: join(dir, 'run'), logDir: join(dir, 'logs') });
  const never = new AbortController().signal;
  const spec = { command: process.execPath, args: script(port), env: { PATH: process.env['PATH']! }, cwd: dir };
  const took = { driver: [] as number[], bare: [] as number[] };
  for (let i = 0; i < times; i++) {
    let up = runs();
    const handle = await driver.start(spec, 'one');
    await up;
    let from = performance.now();
    process.kill(handle.pid!, 'SIGKILL');
    await driver.wait(handle, never);
    up = runs();
    const again = await driver.start(spec, 'one');
    await up;
    took.driver.push(performance.now() - from);
    await driver.stop(again, 0);

    up = runs();
    const bare = spawn(spec.command, spec.args, { stdio: 'ignore', env: spec.env });
    await up;
    from = performance.now();
    bare.kill('SIGKILL');
    await once(bare, 'exit');
    up = runs();
    const next = spawn(spec.command, spec.args, { stdio: 'ignore', env: spec.env });
    await up;
    took.bare.push(performance.now() - from);
    next.kill('SIGKILL');
    await once(next, 'exit');
  }
  home.close();
  rmSync(dir, { recursive: true, force: true });
  return { driver: median(took.driver), bare: median(took.bare) };
}
