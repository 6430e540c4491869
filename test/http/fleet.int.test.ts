import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as groups from '../../runtime/cli/groups.ts';
import * as machines from '../../runtime/cli/machines.ts';
import * as workers from '../../runtime/cli/workers.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection } from '../../transport/connection.ts';
import { until } from '../harness/stage.ts';
import { wholeSystem, type WholeSystem } from './whole-system.ts';

let s: WholeSystem;
beforeAll(async () => {
  s = await wholeSystem();
}, 60_000);
afterAll(() => s?.close());

const config = async (id: string) => (await s.api('GET', `/worker-configs/${id}`)).body;

async function cli(verb: typeof workers, ...args: string[]): Promise<{ code: number; out: string }> {
  const out: string[] = [];
  const code = await verb.run(args, { env: {}, config: () => s.stage.config, out: (l) => void out.push(l), err: (l) => void out.push(l) });
  return { code, out: out.join('\n') };
}

describe('the fleet, with a real master behind the page', () => {
  it('keeps versions of a configuration and brings one back, its secrets sealed all the way', async () => {
    const SECRET = 'canary-token-5p2v';
    expect((await s.api('POST', '/worker-configs', { worker_id: 'ant', name: 'Ant', auto_start: false, groups: ['gpu'], secret_env: { TOKEN: SECRET }, env_variables: { A: '1' } })).status).toBe(201);
    await until(async () => (await config('ant')).version === 1, 'it is in the view');
    expect((await s.api('PATCH', '/worker-configs/ant', { max_accounts: 4, secret_env: { TOKEN: '•••' }, env_variables: { A: '2' } })).status).toBe(200);
    await until(async () => (await config('ant')).version === 2, 'the second version is in the view');
    const { body } = await s.api('GET', '/worker-configs/ant/versions');
    expect(body.versions.map((v: any) => [v.version, v.by, v.changes])).toEqual([[2, 'token:tests', [{ field: 'max_accounts', from: '10', to: '4' }, { field: 'env_variables.A', from: '1', to: '2' }]], [1, 'token:tests', []]]);
    expect((await s.api('POST', '/worker-configs/ant/revert', { version: 1 })).body).toMatchObject({ success: true, kept: [] });
    await until(async () => (await config('ant')).version === 3, 'the third version is in the view');
    expect(await config('ant')).toMatchObject({ max_accounts: 10, env_variables: { A: '1' }, secret_env: { TOKEN: '•••' } });
    expect((await s.api('PATCH', '/worker-configs/ant', { secret_env: { TOKEN: null } })).status).toBe(200);
    await until(async () => Object.keys((await config('ant')).secret_env).length === 0, 'the secret is gone');
    expect(s.printed()).not.toContain(SECRET);
    expect(await s.page('/workers/ant')).not.toContain(SECRET);
  });

  it('exports what it imports', async () => {
    const file = await (await fetch(`${s.base}/api/v1/worker-configs/export`, { headers: { authorization: `Bearer ${s.token}` } })).text();
    const send = async (text: string, query = '') => (await fetch(`${s.base}/api/v1/worker-configs/import${query}`, { method: 'POST', headers: { authorization: `Bearer ${s.token}`, 'content-type': 'application/yaml' }, body: text })).json() as any;
    expect((await send(file, '?dry_run=1')).items.map((i: any) => i.action)).toEqual((await send(file, '?dry_run=1')).items.map(() => 'unchanged'));
    const done = await send(file.replace('max_accounts: 10', 'max_accounts: 6'));
    expect(done).toMatchObject({ success: true, dry_run: false });
    const changed = done.items.find((i: any) => i.action === 'update').worker_id;
    await until(async () => (await config(changed)).max_accounts === 6, 'the import is in the view');
  });

  it('keeps settings, templates and autoscaling where masters find them', async () => {
    expect((await s.api('PUT', '/worker-templates/base', { from: 'ant', port: 4100 })).status).toBe(200);
    expect((await s.api('GET', '/worker-templates')).body.templates).toMatchObject([{ name: 'base', config: { port: 4100, groups: ['gpu'] } }]);
    expect((await s.api('PUT', '/fleet/settings', { strategy: 'round-robin' })).status).toBe(200);
    expect((await s.api('GET', '/fleet/settings')).body.settings).toMatchObject({ strategy: 'round-robin' });
    expect((await s.api('POST', '/scalers', { group_name: 'gpu', min: 1, max: 2, target: 5, template: 'base', dry_run: true })).status).toBe(201);
    await until(async () => (await s.api('GET', '/scalers/gpu')).body.scaler?.decisions.length > 0, 'the scaler has decided', 20_000);
    expect((await s.api('GET', '/scalers/gpu')).body.scaler).toMatchObject({ status: 'watching', decisions: [{ do: 'out', want: 1, dry_run: true }] });
  });

  it('takes a key for SSH and shows what is public of it', async () => {
    const { private: pem, public: line } = ssh2.utils.generateKeyPairSync('ed25519');
    const made = await s.api('POST', '/ssh-keys', { comment: 'deploy', private_key: pem });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    await until(async () => (await s.api('GET', '/ssh-keys')).body.keys[0]?.status === 'stored', 'the key is read');
    const { keys } = (await s.api('GET', '/ssh-keys')).body;
    expect(keys[0]).toMatchObject({ type: 'ssh-ed25519', fingerprint: expect.stringMatching(/^SHA256:/), public_key: line.trim().split(' ').slice(0, 2).join(' ') });
    expect(JSON.stringify(keys)).not.toContain(pem.split('\n')[1]);
  });

  it('hears machines, and lists workers, machines and groups on a terminal', async () => {
    const nc = await openConnection(natsLogin(s.stage.config, 'master'));
    const beat = (seq: number) => nc.publish('troupe.mhb.rack-9', JSON.stringify({ machine: 'rack-9', incarnation: 'i1', seq, at: Date.now(), host: 'rack-9.lan', os: 'Debian', arch: 'x64', cpus: 4, memoryTotalBytes: 8e9, version: '0', node: '20', chromium: null, place: { node: 'n', main: 'm', cwd: '/', dataDir: '/' }, cpuRatio: 0.25, memoryFreeBytes: 2e9, diskFreeBytes: 1e9, diskTotalBytes: 4e9, workers: [] }));
    let seq = 0;
    await until(async () => {
      beat(++seq);
      return (await s.api('GET', '/machines')).body.machines[0]?.usage?.cpu_ratio === 0.25;
    }, 'the machine and its figures are shown');
    await nc.close();
    const { code, out } = await cli(workers);
    expect(code).toBe(0);
    expect(out).toMatch(/^WORKER +STATE +LINK/);
    expect(out).toMatch(/\nant +stopped +disconnected +0\/\d+ +local +\d+ +default,gpu +defined/);
    const named = JSON.parse((await cli(workers, '--group', 'gpu', '--json')).out) as { workers: { id: string }[] };
    expect(named.workers.map((w) => w.id)).toEqual(['ant']);
    expect((await cli(workers, '--status', 'running')).out).toMatch(/\nw1 +running +connected/);
    expect((await cli(machines as never)).out).toMatch(/\nrack-9 +agent +rack-9\.lan +connected/);
    expect((await cli(groups as never)).out).toMatch(/\ngpu +0\/1 +0\/\d+ +0 +watching/);
    await expect(cli(workers, '--group', 'No')).rejects.toThrow(/--group "No"/);
    await expect(cli(workers, '--status', 'tired')).rejects.toThrow(/--status "tired"/);
  });
});
