import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { noNetns } from '../harness/netns.ts';
import { until } from '../harness/stage.ts';
import { farFleet, REAL, SCALED, type FarFleet, type Windows } from './far-fleet.ts';

const ALL = process.env['FAULTS'] === 'all';

let fleet: FarFleet | null = null;
afterEach(async () => {
  await fleet?.close();
  fleet = null;
});

/** When the journal says that it happened, ms since the epoch. */
type Moments = { offline: number; moved: number };

/** The far end is lost by `cut` for longer than it may be silent: its accounts are worked for on this side, in time, and it stops before that by itself. */
async function lost(f: FarFleet, w: Windows, cut: () => void): Promise<{ theirs: string[]; at: number; moments: Moments }> {
  const theirs = f.theirs();
  const at = Date.now();
  cut();
  await until(() => theirs.every((a) => f.holders()[a]?.startsWith('near')), 'their accounts are on this side', w.offline * 1.6 + 5_000);
  const journal = await f.journal();
  const offline = journal.filter((s) => s.entry.event.type === 'OFFLINE' && f.far.some((id) => s.actor === `worker/${id}`) && s.entry.at > at).map((s) => s.entry.at as number);
  const leased = (a: string): number => journal.find((s) => s.actor === `account/${a}` && s.entry.at > at && s.entry.after.context.lease?.worker.startsWith('near'))!.entry.at;
  const moments = { offline: Math.min(...offline), moved: Math.max(...theirs.map(leased)) };
  expect(offline).toHaveLength(f.far.length);
  // Within 35 s of the last report where the silence allowed is 25 s.
  expect(moments.moved - at).toBeLessThan(w.offline * 1.4);
  for (const id of f.far) {
    const fenced = f.lines(id).find((l) => l.at > at && !l.mayAct)!;
    expect(fenced, `${id} has stopped by itself`).toBeDefined();
    expect(fenced.at).toBeLessThan(moments.offline);
    expect(f.lines(id).filter((l) => l.at > fenced.at).flatMap((l) => l.acts)).toEqual([]);
  }
  return { theirs, at, moments };
}

/** Back again: told that it is not known, registered once more, and given nothing that went elsewhere. */
async function found(f: FarFleet, w: Windows, { theirs, at }: { theirs: string[]; at: number }): Promise<void> {
  const mark = Date.now();
  await until(() => f.far.every((id) => f.said(id)!.registered >= 2 && f.link(id) === 'connected'), 'the far end has registered again', w.offline + 20_000);
  for (const id of f.far) expect(f.lines(id).find((l) => l.at > at && l.registered >= 2)!.leases.filter((a) => theirs.includes(a))).toEqual([]);
  console.log(`registered again ${Date.now() - mark} ms after the line was mended`);
  await until(() => theirs.every((a) => f.acts().some((act) => act.account === a && act.from > mark && act.worker.startsWith('near'))), 'this side works on for them', 40_000);
  f.alone();
}

describe.each([['scaled to a fifth', SCALED, true], ['at their real length', REAL, ALL]] as const)('a network that is cut off, windows %s', (_, w, on) => {
  it.runIf(on)('for less than a worker may be silent: nothing moves and nobody is offline; for longer: the accounts move in time, the worker has stopped by itself, and registers again (F28, F29)', async (t) => {
    if (noNetns) return t.skip(noNetns);
    fleet = await farFleet(w, 4);
    const f = fleet;
    const before = f.holders();
    const from = Date.now();
    f.net.drop('both');
    await sleep(w.offline * 0.4);
    f.net.heal();
    const heard = f.far.map((id) => f.said(id)!.confirmed);
    await sleep(w.offline);
    expect(f.holders()).toEqual(before);
    expect(f.far.map(f.link)).toEqual(['connected', 'connected']);
    expect((await f.journal()).filter((s) => s.entry.event.type === 'OFFLINE')).toEqual([]);
    await until(() => f.far.every((id, i) => f.acts().some((a) => a.worker === id && a.from > from) && f.said(id)!.confirmed > heard[i]!), 'the far end is heard and works again', 30_000);
    f.alone();

    const gone = await lost(f, w, () => f.net.drop('both'));
    f.net.heal();
    await found(f, w, gone);
  }, w === REAL ? 300_000 : 90_000);
});

describe.runIf(ALL)('a line that is lost in part', () => {
  it.for(['out', 'in'] as const)('one way only, %s: as if it were cut (F30)', { timeout: 120_000 }, async (way, t) => {
    if (noNetns) return t.skip(noNetns);
    fleet = await farFleet(SCALED, 4);
    const f = fleet;
    const gone = await lost(f, SCALED, () => f.net.drop(way));
    f.net.heal();
    await found(f, SCALED, gone);
  });

  it('that flaps: connections and consumers do not pile up, and nobody acts twice (F32)', async (t) => {
    if (noNetns) return t.skip(noNetns);
    fleet = await farFleet(SCALED, 4);
    const f = fleet;
    const monitor = async (path: string): Promise<any> => (await fetch(`http://127.0.0.1:${f.stage.config.nats.monitorPort}/${path}`)).json();
    const count = async () => ({ consumers: (await monitor('jsz?accounts=1')).consumers as number, connections: (await monitor('connz')).num_connections as number, ever: (await monitor('varz')).total_connections as number });
    const before = await count();
    const FLAPS = 10;
    for (let i = 0; i < FLAPS; i++) {
      f.net.cable(false);
      await sleep(3_000);
      f.net.cable(true);
      await sleep(3_000);
    }
    await until(() => f.far.every((id) => f.link(id) === 'connected'), 'the far end is there', 30_000);
    await until(async () => (await count()).connections <= before.connections, 'no connection is left over', 20_000);
    const after = await count();
    console.log(`${FLAPS} flaps: ${JSON.stringify({ before, after, reconnects: f.far.map((id) => f.said(id)!.connects - 1) })}`);
    expect(after.consumers).toBe(before.consumers);
    // A worker that finds its line gone tries at most once each 400 ms; only what reaches the server counts.
    expect(after.ever - before.ever).toBeLessThanOrEqual(f.far.length * FLAPS * 3);
    f.alone();
  }, 180_000);
});
