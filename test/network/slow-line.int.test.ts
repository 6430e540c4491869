import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSite, type Site } from '../../platforms/sandbox/site/start-site.ts';
import { chromiumsUnder, killChromium } from '../../runtime/browsers/chromium-processes.ts';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { BUCKET } from '../../transport/subjects.ts';
import { lastOf, readJournal } from '../harness/checker.ts';
import { simFleet, type SimFleet } from '../harness/sim-fleet.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';
import { tcpProxy, type Line } from '../harness/tcp-proxy.ts';
import { freePort, serverEnv } from '../setup/running-server.ts';
import { envOf, SCALED } from './far-fleet.ts';

let stage: Stage;
let line: Awaited<ReturnType<typeof tcpProxy>>;
let fleet: SimFleet;
let worker: ChildProcess | null = null;
let site: Site;
let master: NatsConnection;
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'troupe-far-'));
});
afterEach(async () => {
  await fleet?.close();
  if (worker && worker.exitCode === null && worker.signalCode === null) {
    worker.kill('SIGKILL');
    await once(worker, 'exit');
  }
  await Promise.all(chromiumsUnder(home).map(killChromium));
  await line?.close();
  await site?.stop();
  await master?.close();
  await stage?.close();
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

describe.runIf(process.env['FAULTS'] === 'all')('a line of 1 Mbit on which everything comes 200 to 400 ms late, each way', () => {
  it('takes nobody offline in a minute, and shows a login\'s code within 3 s (F33)', async () => {
    stage = await openStage(envOf(SCALED));
    await stage.master();
    site = await startSite({ port: 0, dataDir: join(stage.config.dataDir, 'site') });
    const nats = new URL(stage.config.nats.servers[0]!);
    const port = await freePort();
    const quality: Line = {};
    line = await tcpProxy({ host: '127.0.0.1', port }, { host: nats.hostname, port: Number(nats.port) }, quality);
    const servers = [`nats://127.0.0.1:${port}`];
    const names = Array.from({ length: 20 }, (_, i) => `slow-${i}`);
    fleet = await simFleet({ ...stage.config, nats: { ...stage.config.nats, servers } }, names, { heartbeatMs: SCALED.heartbeat, fenceMs: SCALED.fence });
    mkdirSync(join(home, 'data'), { mode: 0o700 });
    worker = spawn(join(packageRoot(), 'bin', 'troupe'), ['worker', '--id', 'far', '--group', 'far'], {
      cwd: home, stdio: 'ignore',
      env: { ...serverEnv(), HOME: home, TROUPE_DATA: join(home, 'data'), NATS_URL: servers[0], WORKER_PSK_FILE: stage.config.nats.pskFile, WORKER_PORT: String(await freePort()), SANDBOX_URL: site.url, TROUPE_CHROMIUM: (await findChromium()).path, ...envOf(SCALED) },
    });
    const connected = () => stage.rows("SELECT 1 FROM workers WHERE status = 'connected'").length;
    await until(() => connected() === names.length + 1, 'all are connected', 40_000);
    const nc = await stage.operator();
    master = await connect(natsLogin(stage.config, 'master'));
    const pictures = await new Kvm(master).open(BUCKET.pictures);
    const known = new Set<string>();
    nc.subscribe('troupe.hb.far', { callback: (_, msg) => msg.json<{ accounts: { account: string }[] }>().accounts.forEach((a) => known.add(a.account)) });
    /** How long a login's code takes, ms. */
    const code = async (account: string): Promise<number> => {
      expect(await stage.command(`account/${account}`, 'create', { platform: 'sandbox', name: account, group: 'far' })).toMatchObject({ ok: true });
      await until(() => stage.rows("SELECT 1 FROM accounts WHERE id = ? AND lease_state = 'held' AND assigned_worker_id = 'far'", account).length > 0, 'it has a worker');
      await until(() => known.has(account), 'its worker knows that');
      const { login } = await stage.command(`account/${account}`, 'login');
      const asked = performance.now();
      const qr = await until(async () => lastOf(await readJournal(nc), `login/${login}`)?.after.context.qr, 'the code is known', 30_000);
      // The page has it when both are there: the event, and the picture that it names.
      await until(async () => pictures.get(qr.picture), 'the code is shown', 10_000);
      return performance.now() - asked;
    };
    await code('first');
    const good = await code('good');
    Object.assign(quality, { delayMs: 300, jitterMs: 100, bytesPerSecond: 125_000 } satisfies Line);
    const taken: number[] = [];
    for (const account of ['bad-1', 'bad-2', 'bad-3']) taken.push(await code(account));
    const bad = taken.sort((a, b) => a - b)[1]!;
    const before = fleet.workers.reduce((sum, w) => sum + w.confirmed, 0);
    const SECONDS = 60;
    const fenced = new Set<string>();
    for (const end = performance.now() + SECONDS * 1_000; performance.now() < end; await sleep(50)) for (const w of fleet.workers) if (!w.mayAct()) fenced.add(w.id);
    const heard = fleet.workers.reduce((sum, w) => sum + w.confirmed, 0) - before;
    console.log(`the code after ${taken.map(Math.round).join(', ')} ms, on a good line after ${Math.round(good)} ms; ${heard} reports confirmed in ${SECONDS} s, ${line.accepted()} connections`);
    expect(heard).toBeGreaterThan(0.95 * names.length * SECONDS * (1_000 / SCALED.heartbeat));
    expect((await readJournal(nc)).filter((s) => ['OFFLINE', 'SUSPECT'].includes(s.entry.event.type)).map((s) => s.actor)).toEqual([]);
    expect([...fenced]).toEqual([]);
    expect(bad).toBeLessThan(3_000);
  }, 180_000);
});
