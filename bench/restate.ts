import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { packageRoot } from '../runtime/package-root.ts';
import { freePort } from '../test/setup/running-server.ts';

// Some 220 MB, and under the Business Source License: who wants the row installs it, into this folder or one that the variable names.
const folder = resolve(process.env['TROUPE_BENCH_RESTATE'] ?? packageRoot());

/** Restate's server and a TypeScript service of one durable object a key, each a process of its own. Null where they are not installed. */
export async function openRestate() {
  const find = createRequire(join(folder, 'package.json')).resolve;
  let server: string;
  try {
    server = join(dirname(find(`@restatedev/restate-server-${process.platform}-${process.arch}/package.json`)), 'bin', 'restate-server');
    find('@restatedev/restate-sdk');
  } catch {
    return null;
  }
  if (!existsSync(server)) return null;
  const dir = mkdtempSync(join(tmpdir(), 'bench-restate-'));
  const [ingress, admin, node, service] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const own = { RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`, RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`, RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`, RESTATE_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: '1' };
  const children: ChildProcess[] = [
    spawn(server, ['--base-dir', dir], { env: { PATH: process.env['PATH'], HOME: dir, ...own }, stdio: 'ignore' }),
    spawn(process.execPath, [join(packageRoot(), 'dist', 'bench', 'restate-service.js'), folder, String(service)], { stdio: 'ignore' }),
  ];
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const post = (port: number, path: string, body: string) =>
    new Promise<number>((resolve, reject) => {
      const ask = request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers: { 'content-type': 'application/json' } }, (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode ?? 0));
      });
      ask.once('error', reject);
      ask.end(body);
    });
  const end = performance.now() + 60_000;
  while (!(await post(admin, '/deployments', JSON.stringify({ uri: `http://127.0.0.1:${service}` })).then((s) => s < 300, () => false))) {
    if (performance.now() > end) throw new Error('Restate does not take the service within 60 s');
    await new Promise((r) => setTimeout(r, 250));
  }
  return {
    /** Turns a second (get state, set state) of `callers` at once over `keys` objects, for `seconds`. */
    async turns(callers: number, keys: number, seconds: number): Promise<number> {
      let done = 0;
      let next = 0;
      const from = performance.now();
      const until = from + seconds * 1000;
      await Promise.all(
        Array.from({ length: callers }, async () => {
          while (performance.now() < until) if ((await post(ingress, `/count/k${next++ % keys}/up`, '1')) < 300) done++;
        }),
      );
      return done / ((performance.now() - from) / 1000);
    },
    close(): void {
      agent.destroy();
      for (const c of children) c.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
