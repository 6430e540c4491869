import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSite, type Site } from '../../platforms/sandbox/site/start-site.ts';
import { chromiumsUnder } from '../../runtime/browsers/chromium-processes.ts';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { lastOf, readJournal } from '../harness/checker.ts';
import { noNetns, type Netns } from '../harness/netns.ts';
import { until, type Stage } from '../harness/stage.ts';
import { freePort, serverEnv } from '../setup/running-server.ts';
import { envOf, farStage, SCALED } from './far-fleet.ts';

const ALL = process.env['FAULTS'] === 'all';

type Row = { time: number; msg: string };

let net: Netns | null = null;
let stage: Stage | null = null;
let site: Site | null = null;
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'troupe-far-'));
});
afterEach(async () => {
  await net?.close();
  await site?.stop();
  await stage?.close();
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

it('a worker whose cable is pulled, without a word to either side: it closes its browsers before it is offline, notices the dead connection by its pings, and is back when the cable is (F29, F31)', async (t) => {
  if (noNetns) return t.skip(noNetns);
  const opened = await farStage(SCALED);
  const s = opened.stage;
  net = opened.net;
  stage = s;
  site = await startSite({ host: net.host, port: 0, dataDir: join(s.config.dataDir, 'site') });
  mkdirSync(join(home, 'data'), { mode: 0o700 });
  const child = net.spawn(join(packageRoot(), 'bin', 'troupe'), ['worker', '--id', 'far'], {
    ...serverEnv(), HOME: home, TROUPE_DATA: join(home, 'data'), NATS_URL: s.config.nats.servers[0], WORKER_PSK_FILE: s.config.nats.pskFile, WORKER_PORT: String(await freePort()),
    SANDBOX_URL: site.url, BROWSER_MODE: 'profile', TROUPE_CHROMIUM: (await findChromium()).path, ...envOf(SCALED),
  }, home);
  const log: Row[] = [];
  let rest = '';
  child.stdout!.on('data', (d: Buffer) => {
    const whole = (rest + d.toString()).split('\n');
    rest = whole.pop()!;
    for (const line of whole) if (line.startsWith('{')) log.push(JSON.parse(line) as Row);
  });
  const says = (text: string, since = 0): Row | undefined => log.find((row) => row.time >= since && row.msg.includes(text));
  const link = () => s.rows<{ status: string }>("SELECT status FROM workers WHERE id = 'far'")[0]?.status;
  const journal = async () => readJournal(await s.operator());
  const browsers = () => chromiumsUnder(home).length;
  await until(() => link() === 'connected', 'the worker has registered', 30_000);
  expect(await s.command('account/a', 'create', { platform: 'sandbox', name: 'A' })).toMatchObject({ ok: true });
  const code = async () => {
    const { login } = await s.command('account/a', 'login');
    await until(async () => lastOf(await journal(), `login/${login}`)?.after.context.qr, 'the code is shown', 40_000);
    return login as string;
  };
  const login = await code();
  expect(browsers()).toBe(1);

  const at = Date.now();
  net.cable(false);
  await until(() => browsers() === 0, 'its browser is closed', 15_000);
  const closed = Date.now();
  const offline = await until(async () => (await journal()).find((e) => e.actor === 'worker/far' && e.entry.event.type === 'OFFLINE')?.entry.at as number | undefined, 'it is offline', 15_000);
  expect(says('is given up: no heartbeat was confirmed', at)!.time).toBeLessThan(offline);
  expect(offline - at).toBeLessThan(SCALED.offline + 1_500);
  await until(async () => lastOf(await journal(), `login/${login}`)?.after.value === 'failed', 'the login has failed', 10_000);
  // Pings every 5 s, two of them unanswered: its link's own pace, which no setting changes.
  const noticed = await until(() => says('the connection to NATS is lost', at), 'the dead connection is noticed', 17_000);
  expect(noticed.time - at).toBeLessThan(16_000);

  // Packets vanish for so long that the kernel asks for the new connection ever more seldom.
  if (ALL) {
    net.drop('both');
    net.cable(true);
    await sleep(noticed.time + 9_000 - Date.now());
  }
  const mended = Date.now();
  if (ALL) net.heal();
  else net.cable(true);
  await until(() => says('registered with the master', mended) && link() === 'connected', 'it has registered again', 30_000);
  expect(Date.now() - mended).toBeLessThan(6_000);
  console.log(`browser closed after ${closed - at} ms, offline after ${offline - at} ms, noticed after ${noticed.time - at} ms, registered again ${Date.now() - mended} ms after the cable was back`);
  await code();
  expect(browsers()).toBe(1);
}, 150_000);
