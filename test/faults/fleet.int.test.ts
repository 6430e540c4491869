import { afterEach, describe, expect, it } from 'vitest';
import { overlaps, simFleet, type SimFleet } from '../harness/sim-fleet.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

// A fortieth of the real times would let scheduling noise decide; a fifth does not.
const TIMES = { HEARTBEAT_INTERVAL_MS: '500', SUSPECT_AFTER_MS: '2500', OFFLINE_AFTER_MS: '5000', LEASE_FENCE_MS: '3000', LEASE_TTL_MS: '4000' };
const SIM = { heartbeatMs: 500, fenceMs: 3_000 };

let stage: Stage;
let fleet: SimFleet | null = null;
afterEach(async () => {
  await fleet?.close();
  fleet = null;
  await stage?.close();
});

const rows = <T>(sql: string, ...args: unknown[]): T[] => stage.rows<T>(sql, ...args);
const holders = () => Object.fromEntries(rows<{ id: string; w: string | null }>("SELECT id, assigned_worker_id w FROM accounts WHERE lease_state = 'held' ORDER BY id").map((r) => [r.id, r.w]));
const cmd = (actor: string, verb: string, payload: object = {}): Promise<any> => stage.command(actor, verb, payload);

async function world(workers: string[], accounts: number, sim: object = {}, env: Record<string, string> = {}) {
  stage = await openStage({ ...TIMES, ...env });
  await stage.master();
  fleet = await simFleet(stage.config, workers, { ...SIM, ...sim });
  for (let i = 0; i < accounts; i++) expect(await cmd(`account/a${i}`, 'create', { platform: 'sandbox', name: `A${i}`, monitorInterval: 5 })).toMatchObject({ ok: true });
  await until(() => Object.keys(holders()).length === accounts, 'every account has a worker');
  for (let i = 0; i < accounts; i++) expect(await cmd(`account/a${i}`, 'login')).toMatchObject({ ok: true });
  await until(() => rows("SELECT 1 FROM accounts WHERE login_status = 'logged_in'").length === accounts, 'every account is logged in');
}

describe('a fleet', () => {
  it('spreads accounts, and loses none when a worker is cut off: others have them in time, the old one is told and registers again (F28, F29)', async () => {
    await world(['s1', 's2', 's3'], 6);
    expect(Object.values(holders()).sort()).toEqual(['s1', 's1', 's2', 's2', 's3', 's3']);
    const lost = fleet!.of('s1');
    const theirs = Object.entries(holders()).filter(([, w]) => w === 's1').map(([a]) => a);
    // Short: nothing happens.
    lost.isolate(true);
    await new Promise((r) => setTimeout(r, 1_500));
    lost.isolate(false);
    await lost.beat();
    expect(rows('SELECT status FROM workers WHERE id = ?', 's1')).toEqual([{ status: 'connected' }]);
    // Long: its accounts go elsewhere within 7 s (35 s at full scale) of its last report.
    lost.isolate(true);
    const from = performance.now();
    await until(() => theirs.every((a) => holders()[a] && holders()[a] !== 's1'), 'its accounts are elsewhere');
    expect(performance.now() - from).toBeLessThan(7_500);
    expect(lost.mayAct()).toBe(false);
    expect(rows<{ moved_reason: string }>('SELECT moved_reason FROM accounts WHERE id = ?', theirs[0]!)[0]!.moved_reason).toContain('s1 is offline');
    expect(rows("SELECT 1 FROM notifications WHERE related_id = 's1' AND type = 'system'").length).toBeGreaterThan(0);
    const before = lost.registered;
    lost.isolate(false);
    await until(() => lost.registered > before && rows<{ status: string }>('SELECT status FROM workers WHERE id = ?', 's1')[0]!.status === 'connected', 'it has registered again');
    await until(() => fleet!.acts().filter((a) => theirs.includes(a.account) && a.worker !== 's1').length > 3, 'the others work for them');
    expect(overlaps(fleet!.acts())).toEqual([]);
  }, 90_000);

  it('empties a worker that drains before it ends it, and takes it back when told', async () => {
    await world(['s1', 's2'], 4);
    expect(await cmd('worker/s1', 'drain')).toMatchObject({ ok: true });
    await until(() => Object.values(holders()).filter((w) => w === 's2').length === 4, 'all is with the other');
    await until(() => rows<{ status: string }>('SELECT status FROM worker_runtime WHERE worker_id = ?', 's1')[0]!.status === 'stopped', 'it has ended');
    expect(fleet!.of('s1').stopped).toBe(true);
    expect(overlaps(fleet!.acts())).toEqual([]);
  }, 60_000);

  it('serves groups: an account of a group waits for a worker of it, and a strict one takes no others', async () => {
    await world(['s1'], 1);
    expect(await cmd('account/g1', 'create', { platform: 'sandbox', name: 'G', group: 'gpu' })).toMatchObject({ ok: true });
    const gpu = await simFleet(stage.config, ['g1'], { ...SIM, groups: ['gpu'] });
    await until(() => holders()['g1'] === 'g1', 'the worker of the group has it');
    expect(await cmd('worker/g1', 'update', { group_strict: true, group_name: 'gpu' })).toMatchObject({ ok: true });
    await until(() => rows<{ groups: string }>('SELECT groups FROM workers WHERE id = ?', 'g1')[0]!.groups === '["gpu"]', 'it is strict');
    for (let i = 5; i < 9; i++) expect(await cmd(`account/a${i}`, 'create', { platform: 'sandbox', name: `A${i}` })).toMatchObject({ ok: true });
    await until(() => Object.keys(holders()).length === 6, 'all have a worker');
    expect(Object.entries(holders()).filter(([, w]) => w === 'g1').map(([a]) => a)).toEqual(['g1']);
    await gpu.close();
  }, 60_000);

  it('moves an account by command to where it is sent, and only under its own epoch', async () => {
    await world(['s1', 's2'], 2);
    const [account, worker] = Object.entries(holders())[0]! as [string, string];
    const other = worker === 's1' ? 's2' : 's1';
    const { epoch } = rows<{ epoch: number }>('SELECT lease_epoch epoch FROM accounts WHERE id = ?', account)[0]!;
    expect(await cmd(`account/${account}`, 'move', { epoch: epoch + 7, to: other })).toMatchObject({ ok: false, code: 'conflict' });
    expect(await cmd(`account/${account}`, 'move', { epoch, to: 'nobody' })).toMatchObject({ ok: false, code: 'not_found', field: 'to' });
    expect(await cmd(`account/${account}`, 'move', { epoch, to: other })).toMatchObject({ ok: true });
    await until(() => holders()[account] === other, 'it is there');
    expect(overlaps(fleet!.acts())).toEqual([]);
  }, 60_000);

  it('keeps to fewer accounts and to other groups when a configuration says so, as far as others have room', async () => {
    await world(['s1', 's2'], 4);
    expect(await cmd('worker/s1', 'update', { max_accounts: 1 })).toMatchObject({ ok: true });
    await until(() => Object.values(holders()).filter((w) => w === 's2').length === 3, 'one is left');
    expect(await cmd('worker/s1', 'update', { group_name: 'gpu', group_strict: true })).toMatchObject({ ok: true });
    await until(() => Object.values(holders()).filter((w) => w === 's2').length === 4, 'it has none of another group');
    expect(overlaps(fleet!.acts())).toEqual([]);
  }, 60_000);

  it('tells a running worker of a new version of its configuration, and knows what it runs', async () => {
    await world(['s1'], 1);
    fleet!.of('s1').configVersion = 1;
    expect(await cmd('worker/s1', 'update', { max_accounts: 3 })).toMatchObject({ ok: true });
    await until(() => rows<{ a: number }>('SELECT runs_applied a FROM worker_runtime WHERE worker_id = ?', 's1')[0]!.a === 2, 'it has taken it on');
    expect(rows('SELECT version, json_extract(config, \'$.max_accounts\') n FROM worker_config_versions WHERE worker_id = ? ORDER BY version', 's1')).toEqual([{ version: 1, n: 10 }, { version: 2, n: 3 }]);
    expect(rows<{ n: number }>('SELECT max_accounts n FROM workers WHERE id = ?', 's1')[0]!.n).toBe(3);
    await until(() => rows("SELECT 1 FROM metrics WHERE step = '10s' AND worker_id = 's1' AND memory_mb > 90").length > 0, 'its figures are kept', 25_000);
  }, 60_000);
});
