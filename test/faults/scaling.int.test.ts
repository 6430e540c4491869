import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, expect, it } from 'vitest';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let master: NatsConnection;
afterEach(async () => {
  await master?.close();
  await stopAll();
  await stage?.close();
});

const rows = <T>(sql: string, ...args: unknown[]): T[] => stage.rows<T>(sql, ...args);
const running = () => rows<{ id: string }>("SELECT worker_id id FROM worker_runtime WHERE status = 'running' ORDER BY 1").map((r) => r.id);
const cmd = (actor: string, verb: string, payload: object = {}): Promise<any> => stage.command(actor, verb, payload);

async function world() {
  stage = await openStage({ HEARTBEAT_INTERVAL_MS: '500', SUSPECT_AFTER_MS: '3000', OFFLINE_AFTER_MS: '6000', LEASE_FENCE_MS: '4000', LEASE_TTL_MS: '5000', STOP_GRACE_MS: '2000', BROWSER_MODE: 'context', TROUPE_CHROMIUM: (await findChromium()).path });
  await stage.master();
  master = await connect(natsLogin(stage.config, 'master'));
}
async function stopAll(): Promise<void> {
  if (!stage) return;
  for (const id of rows<{ id: string }>('SELECT worker_id id FROM worker_configs').map((r) => r.id)) {
    await cmd(`scaler/${id}`, 'remove').catch(() => {});
    await cmd(`worker/${id}`, 'kill').catch(() => {});
  }
  await until(() => rows("SELECT 1 FROM worker_runtime WHERE status NOT IN ('stopped', 'error')").length === 0, 'all workers have ended').catch(() => {});
}

it('scales a group out with its load and in again, by workers of its own that it drains, and says why', async () => {
  await world();
  await (await new Kvm(master).open('troupe-settings')).put('template.small', JSON.stringify({ deployment_type: 'local', port: 42_000 + Math.floor(Math.random() * 8_000), max_accounts: 10, drain_timeout_ms: 5_000 }));
  expect(await cmd('scaler/gpu', 'create', { min: 1, max: 2, target: 2, cooldown_seconds: 5, template: 'nowhere' })).toMatchObject({ ok: true });
  const decisions = () => JSON.parse(rows<{ d: string }>("SELECT decisions d FROM scalers WHERE group_name = 'gpu'")[0]?.d ?? '[]') as { do: string; worker: string | null; why: string; error: string | null }[];
  await until(() => decisions()[0]?.error?.includes('there is no template nowhere'), 'it says that its template is missing', 15_000);
  expect(await cmd('scaler/gpu', 'update', { template: 'small' })).toMatchObject({ ok: true });
  await until(() => running().join() === 'gpu-auto-1', 'the minimum runs', 30_000);
  expect(rows('SELECT groups FROM workers')).toEqual([{ groups: '["gpu","default"]' }]);
  for (let i = 0; i < 3; i++) {
    await cmd(`account/a${i}`, 'create', { platform: 'sandbox', name: `A${i}`, group: 'gpu' });
  }
  await until(() => running().join() === 'gpu-auto-1,gpu-auto-2', 'the load has a second one', 30_000);
  expect(decisions()[0]).toMatchObject({ do: 'out', worker: 'gpu-auto-2', why: '3 accounts at 2 a worker ask for 2; 1 run' });
  for (let i = 0; i < 3; i++) await cmd(`account/a${i}`, 'remove');
  await until(() => running().length === 1, 'one has gone again', 45_000);
  expect(decisions().find((d) => d.do === 'in')?.why).toContain('ask for 0, 1 at least; 2 run');
}, 150_000);

it('starts a worker anew that uses too much memory, and names the cause', async () => {
  await world();
  const eater = join(stage.config.dataDir, 'eater.cjs');
  writeFileSync(eater, 'globalThis.kept = Buffer.alloc(560 * 1048576, 1);');
  const config = { name: 'hungry', max_memory_mb: 512, port: 41_000 + Math.floor(Math.random() * 900), auto_start: false, env_variables: { NODE_OPTIONS: `--require=${eater}` } };
  expect(await cmd('worker/hungry', 'create', config)).toMatchObject({ ok: false, field: 'env_variables', message: expect.stringContaining('NODE_OPTIONS') });
  expect(await cmd('worker/hungry', 'create', { ...config, allow_loader_variables: true })).toMatchObject({ ok: true });
  expect(await cmd('worker/hungry', 'start')).toMatchObject({ ok: true });
  const seen = () => rows<{ cause: string; restarts: string }>('SELECT cause, restarts FROM worker_runtime')[0];
  await until(() => seen()?.restarts.includes('memory 0.6 GB over 0.5 GB'), 'it was started anew', 60_000);
  expect(seen()!.cause).toMatch(/^restarted: memory 0\.6 GB over 0\.5 GB$|^memory/);
}, 120_000);
