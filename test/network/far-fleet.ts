import { expect } from 'vitest';
import { readJournal, type Stored } from '../harness/checker.ts';
import { openNetns } from '../harness/netns.ts';
import { overlaps, simFleet, type Act } from '../harness/sim-fleet.ts';
import type { SimLine } from '../harness/sim-main.ts';
import { built, openStage, until } from '../harness/stage.ts';
import { freePort } from '../setup/running-server.ts';

/** All in milliseconds. `ping` is the pace at which a worker's connection is proven. */
export type Windows = { heartbeat: number; suspect: number; offline: number; fence: number; lease: number; ping: number };
/** A fifth of the real ones: less would let the machine's scheduling decide. */
export const SCALED: Windows = { heartbeat: 500, suspect: 2_500, offline: 5_000, fence: 3_000, lease: 4_000, ping: 1_000 };
export const REAL: Windows = { heartbeat: 5_000, suspect: 15_000, offline: 25_000, fence: 15_000, lease: 20_000, ping: 5_000 };

export const envOf = (w: Windows): Record<string, string> => ({ HEARTBEAT_INTERVAL_MS: String(w.heartbeat), SUSPECT_AFTER_MS: String(w.suspect), OFFLINE_AFTER_MS: String(w.offline), LEASE_FENCE_MS: String(w.fence), LEASE_TTL_MS: String(w.lease) });

/** A master whose nats-server listens on a cable's end, and the network at the other end of the cable. */
export async function farStage(w: Windows, env: Record<string, string> = {}) {
  const net = openNetns();
  try {
    const stage = await openStage({ ...envOf(w), NATS_URL: `nats://${net.host}:${await freePort()}`, ...env });
    await stage.master();
    return { net, stage };
  } catch (error) {
    await net.close();
    throw error;
  }
}

/** Two workers at the far end of a cable, `far-1` and `far-2`, and two on this side; accounts that are logged in on all of them. */
export async function farFleet(w: Windows, accounts: number) {
  const { net, stage } = await farStage(w);
  const sim = { heartbeatMs: w.heartbeat, fenceMs: w.fence };
  const far = ['far-1', 'far-2'];
  const lines: SimLine[] = [];
  const child = net.spawn(process.execPath, [built('test', 'harness', 'sim-main.js')], {
    PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0], ...envOf(w),
    SIM_WORKERS: far.join(), SIM_OPTIONS: JSON.stringify(sim), SIM_PING_MS: String(w.ping),
  });
  let rest = '';
  child.stdout!.on('data', (d: Buffer) => {
    const whole = (rest + d.toString()).split('\n');
    rest = whole.pop()!;
    for (const line of whole) lines.push(JSON.parse(line) as SimLine);
  });
  const near = await simFleet(stage.config, ['near-1', 'near-2'], sim);
  const fleet = {
    net, stage, far,
    /** The newest word of a worker at the far end. */
    said: (id: string): SimLine | undefined => lines.findLast((l) => l.worker === id),
    lines: (id: string): SimLine[] => lines.filter((l) => l.worker === id),
    acts: (): Act[] => [...near.acts(), ...lines.flatMap((l) => l.acts)],
    link: (id: string): string | undefined => stage.rows<{ status: string }>('SELECT status FROM workers WHERE id = ?', id)[0]?.status,
    holders: (): Record<string, string | null> => Object.fromEntries(stage.rows<{ id: string; w: string | null }>("SELECT id, assigned_worker_id w FROM accounts WHERE lease_state = 'held' ORDER BY id").map((r) => [r.id, r.w])),
    /** The accounts that are at the far end. */
    theirs: (): string[] => Object.entries(fleet.holders()).filter(([, worker]) => far.includes(worker ?? '')).map(([a]) => a),
    journal: async (): Promise<Stored[]> => readJournal(await stage.operator()),
    /** Nobody acted under an older epoch once a newer one had been acted under. */
    alone: (): void => expect(overlaps(fleet.acts())).toEqual([]),
    async close(): Promise<void> {
      await near.close();
      await net.close();
      await stage.close();
    },
  };
  try {
    await until(() => far.every((id) => fleet.said(id)?.registered === 1) && far.every((id) => fleet.link(id) === 'connected'), 'the far end has registered');
    for (let i = 0; i < accounts; i++) expect(await stage.command(`account/a${i}`, 'create', { platform: 'sandbox', name: `A${i}`, monitorInterval: 5 })).toMatchObject({ ok: true });
    await until(() => Object.keys(fleet.holders()).length === accounts, 'every account has a worker');
    for (let i = 0; i < accounts; i++) expect(await stage.command(`account/a${i}`, 'login')).toMatchObject({ ok: true });
    await until(() => stage.rows("SELECT 1 FROM accounts WHERE login_status = 'logged_in'").length === accounts, 'every account is logged in');
    expect(fleet.theirs().length).toBeGreaterThan(0);
  } catch (error) {
    await fleet.close();
    throw error;
  }
  return fleet;
}
export type FarFleet = Awaited<ReturnType<typeof farFleet>>;
