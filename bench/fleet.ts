import { setTimeout as sleep } from 'node:timers/promises';
import { simFleet } from '../test/harness/sim-fleet.ts';
import { until } from '../test/harness/stage.ts';
import { openPages } from './pages.ts';
import { quantiles } from './quantiles.ts';
import { openTroupe } from './troupe.ts';

export type FleetFigures = {
  minutes: number; confirmed: number; expected: number; suspected: number; offline: number; loopP99: number; share: number; rss: number;
  pages: { path: string; p95: number; kilobytes: number }[]; elsewhereMs: number;
};

const WORKERS = 1_000;
const ACCOUNTS = 500;
const HEARTBEAT = 5_000;
const PATHS = ['/workers', '/workers/map', '/api/v1/workers'];

/** Simulated workers of the real windows under one real master and its page; in the end one of them falls silent. */
export async function measureFleet(minutes: number): Promise<FleetFigures> {
  const troupe = await openTroupe('always');
  const { stage } = troupe;
  await troupe.start();
  const names = Array.from({ length: WORKERS }, (_, i) => `sim-${i + 1}`);
  const fleet = await simFleet(stage.config, names, { heartbeatMs: HEARTBEAT, fenceMs: stage.config.timing.fence }, 8);
  for (let i = 0; i < ACCOUNTS; i++) await troupe.create(`a-${i}`);
  const holder = (account: string) => stage.rows<{ w: string | null }>("SELECT assigned_worker_id w FROM accounts WHERE id = ? AND lease_state = 'held'", account)[0]?.w;
  await until(() => stage.rows("SELECT 1 FROM accounts WHERE lease_state = 'held'").length === ACCOUNTS, 'every account has a worker', 60_000);
  const web = await openPages(stage, 0, 0, 0);
  const base = `http://127.0.0.1:${stage.config.http.ports[0]}`;
  await until(async () => ((await (await fetch(`${base}/api/v1/workers?limit=1`)).json()) as { success: boolean }).success, 'the page has the workers', 60_000);

  const heard = { SUSPECT: 0, OFFLINE: 0 };
  const nc = await stage.operator();
  nc.subscribe('troupe.journal.worker.*', { callback: (_, msg) => {
    const { type } = msg.json<{ event: { type: string } }>().event;
    if (type === 'SUSPECT' || type === 'OFFLINE') heard[type]++;
  } });
  const confirmed = () => fleet.workers.reduce((sum, w) => sum + w.confirmed, 0);
  const before = await troupe.counts();
  const from = performance.now();
  const start = confirmed();
  const took = new Map(PATHS.map((path) => [path, { times: [] as number[], bytes: 0 }]));
  const end = from + minutes * 60_000;
  while (performance.now() < end) {
    for (const [path, seen] of took) {
      const asked = performance.now();
      const answer = await fetch(base + path);
      seen.bytes = (await answer.arrayBuffer()).byteLength;
      if (answer.status !== 200) throw new Error(`${path} answers ${answer.status}`);
      seen.times.push(performance.now() - asked);
    }
    await sleep(1_000);
  }
  const after = await troupe.counts();
  const wall = performance.now() - from;
  const sum = confirmed() - start;
  const figures = {
    minutes, confirmed: sum, expected: Math.round((WORKERS * wall) / HEARTBEAT), suspected: heard.SUSPECT, offline: heard.OFFLINE,
    loopP99: after.loopP99, share: (after.cpuMs - before.cpuMs) / wall, rss: after.rss,
    pages: [...took].map(([path, { times, bytes }]) => ({ path, p95: quantiles(times.slice(3)).p95, kilobytes: bytes / 1000 })),
  };

  const silent = fleet.of(holder('a-0')!);
  const theirs = stage.rows<{ id: string }>('SELECT id FROM accounts WHERE assigned_worker_id = ?', silent.id).map((r) => r.id);
  await silent.beat();
  silent.isolate(true);
  const lost = performance.now();
  await until(() => theirs.every((a) => ![null, undefined, silent.id].includes(holder(a))), 'its accounts are elsewhere', 60_000);
  const elsewhereMs = performance.now() - lost;
  await fleet.close();
  web.close();
  await troupe.close();
  return { ...figures, elsewhereMs };
}
