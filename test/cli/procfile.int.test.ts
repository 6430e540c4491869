import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect } from '@nats-io/transport-node';
import { natsLogin } from '../../runtime/nats-login.ts';
import { loadSecrets } from '../../runtime/secrets.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { pageAddress } from '../../runtime/supervisor/parts.ts';
import { loadConfig } from '../../runtime/config.ts';
import { freePort, ownConfig, serverEnv } from '../setup/running-server.ts';

it('each line is an exec: signals reach the program itself', () => {
  const lines = readFileSync(join(packageRoot(), 'Procfile'), 'utf8').trim().split('\n');
  expect(lines.map((l) => l.split(':')[0])).toEqual(['nats', 'master', 'web', 'worker']);
  for (const line of lines) expect(line).toMatch(/^[a-z]+: exec /);
});

it('runs the whole graph under foreman: the page answers, the worker is connected, and all of it ends', { timeout: 120_000 }, async () => {
  const { env } = await ownConfig();
  // Foreman gives each process a PORT of its own; LISTEN is the page's.
  const own: Record<string, string> = { ...env, LISTEN: env['PORT']!, PORT: String(await freePort()), TROUPE_DEMO: '0', STOP_GRACE_MS: '3000' };
  const config = loadConfig({ ...own, PORT: env['PORT'] });
  loadSecrets(config);
  const inherited = Object.fromEntries(['TROUPE_NATS_SERVER', 'TROUPE_CHROMIUM'].flatMap((n) => (process.env[n] ? [[n, process.env[n]]] : []))) as Record<string, string>;
  const nf = spawn(process.execPath, [join(packageRoot(), 'node_modules', 'foreman', 'nf.js'), 'start'], { cwd: packageRoot(), env: { ...serverEnv(), HOME: config.dataDir, ...inherited, ...own }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const s of [nf.stdout, nf.stderr]) s.on('data', (d) => (out += String(d)));
  try {
    await expect.poll(() => fetch(`${pageAddress(config)}/livez`).then((r) => r.status, () => out.slice(-500)), { timeout: 60_000 }).toBe(200);
    const nc = await connect({ ...natsLogin(config, 'operator') });
    const beats: string[] = [];
    nc.subscribe('troupe.hb.*', { callback: (_, m) => void beats.push(m.subject) });
    await expect.poll(() => beats, { timeout: 60_000 }).toContain('troupe.hb.worker-1');
    await nc.close();
  } finally {
    // Foreman hears Ctrl-C alone.
    nf.kill('SIGINT');
    if (nf.exitCode === null) await once(nf, 'exit');
  }
  await expect.poll(() => running(config.dataDir), { timeout: 20_000 }).toEqual([]);
  rmSync(config.dataDir, { recursive: true, maxRetries: 20, retryDelay: 100 });
});

function running(dataDir: string): string[] {
  return readdirSync('/proc').filter((p) => {
    if (!/^\d+$/.test(p) || Number(p) === process.pid) return false;
    try {
      return readFileSync(`/proc/${p}/environ`, 'latin1').includes(dataDir);
    } catch {
      return false;
    }
  });
}
