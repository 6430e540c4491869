import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerLogin } from '../../runtime/nats-login.ts';
import { startWorker, type Worker } from '../../runtime/worker/start-worker.ts';
import { echoSite, httpProxy, socksProxy } from '../browsers/loopback-proxies.ts';
import { built, until } from '../harness/stage.ts';
import { readJournal } from '../harness/checker.ts';
import { wholeSystem, type WholeSystem } from '../http/whole-system.ts';
import { demoSite, type DemoSite } from '../worker/demo-site.ts';

let s: WholeSystem;
let site: DemoSite;
let worker: Worker;
let echo: Awaited<ReturnType<typeof echoSite>>;
let http: Awaited<ReturnType<typeof httpProxy>>;
let socks: Awaited<ReturnType<typeof socksProxy>>;
const WORD = 's3cret/ä';

beforeAll(async () => {
  [site, echo, http, socks] = await Promise.all([demoSite(), echoSite(), httpProxy('me', WORD), socksProxy('me', WORD)]);
  process.env.SANDBOX_URL = site.url;
  s = await wholeSystem({ wire: false, env: { TROUPE_PROXY_CHECK_URL: echo.url } });
  const { servers, user, pass } = workerLogin(s.stage.config, 'w1');
  worker = await startWorker({ workerId: 'w1', servers, user, pass, dataDir: join(s.stage.config.dataDir, 'worker'), heartbeatMs: 500, maxAccounts: 10, mode: 'context', group: 'default', maxConcurrent: 3, headless: true });
  writeFileSync(join(s.stage.config.dataDir, 'word'), `${WORD}\n`, { mode: 0o600 });
}, 60_000);
afterAll(async () => {
  await worker?.stop(500);
  if (process.env['RECORD']) await record();
  await s?.close();
  await Promise.all([site?.stop(), echo?.stop(), http?.stop(), socks?.stop()]);
});

const cli = (args: string[], input = ''): Promise<{ code: number | null; out: string; err: string }> =>
  new Promise((done) => {
    const child = spawn(process.execPath, [built('runtime', 'main.js'), ...args], { env: { PATH: process.env['PATH']!, TROUPE_DATA: s.stage.config.dataDir, NATS_URL: s.stage.config.nats.servers[0]! } });
    const said = { out: '', err: '' };
    child.stdout.on('data', (d: Buffer) => (said.out += d.toString()));
    child.stderr.on('data', (d: Buffer) => (said.err += d.toString()));
    child.once('close', (code) => done({ code, ...said }));
    child.stdin.end(input);
  });
const proxy = async (id: string) => (await s.api('GET', `/proxies/${id}`)).body.proxy;
const proxyIs = (id: string, status: string) => until(async () => {
  const p = await proxy(id);
  return p.status === status && !p.checking && p;
}, `proxy ${id} is ${status}`);
const account = async (id: string) => (await s.api('GET', `/accounts/${id}`)).body.account;
const accountIs = (id: string, what: string, good: (a: any) => unknown, ms?: number) => until(async () => {
  const a = await account(id);
  return good(a) && a;
}, `account ${id} ${what}`, ms);
const notices = async (like: string) => (await s.api('GET', '/notifications?limit=200')).body.notifications.filter((n: { content: string }) => n.content.includes(like));
let mine = '';

describe('proxies and accounts with a real master, page, worker and browser', () => {
  it('a proxy that is added is looked through by its door, and a bad one says what is wrong', async () => {
    const good = await cli(['proxy', 'add', `http://me@127.0.0.1:${http.port}`, '--id', 'p-http', '--name', 'H', '--password-file', join(s.stage.config.dataDir, 'word')]);
    expect([good.code, good.err]).toEqual([0, '']);
    expect((await s.api('POST', '/proxies', { id: 'p-socks', name: 'S', protocol: 'socks5', server: `127.0.0.1:${socks.port}`, username: 'me', password: WORD, check_every: 0 })).status).toBe(201);
    await s.api('POST', '/proxies', { id: 'p-bad', name: 'B', protocol: 'http', server: `127.0.0.1:${http.port}`, username: 'me', password: 'wrong', check_every: 0 });
    for (const id of ['p-http', 'p-socks']) expect(await proxyIs(id, 'healthy')).toMatchObject({ last_check: { ok: true, latency_ms: expect.any(Number), exit_address: '127.0.0.1', worker_id: 'w1', error: null } });
    expect(await proxyIs('p-bad', 'failing')).toMatchObject({ last_check: { ok: false, error: 'it refuses the user name or password' } });
    expect(http.seen).toContain(new URL(echo.url).host);
    const checked = await cli(['proxy', 'check', 'p-http', 'p-socks', 'p-bad']);
    expect([checked.code, checked.out.match(/works: \d+ ms, out at 127\.0\.0\.1/g)?.length, checked.err]).toEqual([1, 2, expect.stringContaining('p-bad fails: it refuses the user name or password')]);
    const nowhere = await cli(['proxy', 'check', 'p-socks', '--worker', 'w9']);
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining('worker w9 does not run')]);
    expect((await notices('the proxy fails'))).toHaveLength(1);
    const everything = s.stage.rows<{ entry: string }>('SELECT entry FROM actors').map((r) => r.entry).join() + (await s.page('/proxies')) + s.printed();
    expect(everything).not.toContain(WORD);
  });

  it('accounts come from a file: looked at first, and nothing where a row is bad', async () => {
    const csv = 'platform,name,group,tags,proxy,monitor_interval\nsandbox,Mei,,vip;shop,H,5\nnowhere,X,,,,5\n';
    const post = (query: string, body: string) => fetch(`${s.base}/api/v1/accounts/import${query}`, { method: 'POST', headers: { authorization: `Bearer ${s.token}`, 'content-type': 'text/csv' }, body });
    const looked = await post('?dry_run=true', csv);
    expect([looked.status, await looked.json()]).toMatchObject([200, { created: 1, bad: 1, rows: [{ line: 2, what: 'create' }, { line: 3, what: 'bad', errors: [{ field: 'platform' }] }] }]);
    expect((await post('', csv)).status).toBe(422);
    expect((await s.api('GET', '/accounts')).body.accounts).toEqual([]);
    const done = (await (await post('?skip_bad=true', csv)).json()) as { created: number; rows: { id: string }[] };
    expect(done.created).toBe(1);
    mine = done.rows[0]!.id;
    await accountIs(mine, 'is there', (a) => a?.name !== null);
    expect(await account(mine)).toMatchObject({ account_name: 'Mei', tags: ['vip', 'shop'], proxy_id: 'p-http', monitor_interval: 5 });
    const out = await cli(['account', 'export', '--tag', 'vip']);
    expect(out.out.split(/\r?\n/)[1]).toBe(`${mine},sandbox,Mei,,,"vip;shop",p-http,5,60,24,6,60,,,,false`);
    expect((await cli(['account', 'list', '--tag', 'vip'])).out).toMatch(new RegExp(`${mine} \\(Mei\\)`));
    const same = await cli(['account', 'import', '-', '--dry-run'], out.out);
    expect([same.code, same.err, same.out.trim()]).toEqual([0, '', '0 would be created, 0 would be changed, 1 unchanged']);
  });

  it('its login and its rounds go out by the proxy', async () => {
    const before = http.seen.length;
    const { session_id: login } = (await s.api('POST', `/accounts/${mine}/login`, {})).body;
    const url = await until(async () => (await s.api('GET', `/login-sessions/${login}`)).body.session?.qr_code_url as string | null, 'the code is shown');
    await site.scan(url);
    await site.confirm(url, 'mei');
    await accountIs(mine, 'is monitored', (a) => a.activity === 'monitoring' && a.last_round?.error === null);
    expect(http.seen.slice(before)).toContain(new URL(site.url).host);
    expect((await s.api('GET', `/accounts/${mine}/rounds`)).body.rounds[0]).toMatchObject({ comments: expect.any(Number), error: null });
    await s.api('POST', `/accounts/${mine}/check`);
    expect(await accountIs(mine, 'was looked at', (a) => a.last_check)).toMatchObject({ last_check: { ok: true }, login_status: 'logged_in', days_left: expect.any(Number) });
  });

  it('a proxy that fails never looks like a session that is gone', async () => {
    const { port } = http;
    await http.stop();
    await s.api('POST', `/accounts/${mine}/crawl`);
    const failing = await accountIs(mine, 'says that its proxy fails', (a) => /^the proxy .* fails/.test(a.last_round?.error ?? ''));
    expect(failing).toMatchObject({ login_status: 'logged_in', activity: 'monitoring', monitor_state: 'backing_off', reason: null });
    await s.api('POST', `/accounts/${mine}/check`);
    expect(await accountIs(mine, 'could not be looked at', (a) => a.last_check?.ok === false)).toMatchObject({ login_status: 'logged_in', last_check: { why: expect.stringMatching(/^the proxy .* fails: it refuses the connection$/) } });
    expect(await s.page(`/accounts/${mine}`)).toMatch(/The proxy fails[\s\S]*still logged in/);
    for (let i = 0; i < 2; i++) await cli(['proxy', 'check', 'p-http']);
    await proxyIs('p-http', 'failing');
    expect((await s.api('GET', `/notifications?limit=200`)).body.notifications.filter((n: { type: string; content: string }) => n.type === 'account_status' && /expired|ended|fails/.test(n.content))).toEqual([]);
    http = await httpProxy('me', WORD, port);
    await cli(['proxy', 'check', 'p-http']);
    await proxyIs('p-http', 'healthy');
    expect([(await notices('the proxy fails')).length, (await notices('the proxy works again')).length]).toEqual([2, 1]);
    await s.api('POST', `/accounts/${mine}/crawl`);
    await accountIs(mine, 'goes on', (a) => a.last_round?.error === null);
  });

  it('another proxy is taken only when somebody says so twice, and then used', async () => {
    expect(await s.api('PATCH', `/accounts/${mine}`, { proxy_id: 'p-socks' })).toMatchObject({ status: 409, body: { field: 'confirm' } });
    expect(await s.api('POST', `/accounts/${mine}/rotate-proxy`, {})).toMatchObject({ status: 409, body: { field: 'confirm' } });
    expect(await s.api('PATCH', `/accounts/${mine}`, { proxy_id: 'nobody', confirm: true })).toMatchObject({ status: 404 });
    expect(await s.api('PATCH', `/accounts/${mine}`, { tags: ['a'] })).toMatchObject({ status: 200 });
    const before = socks.seen.length;
    expect(await s.api('POST', `/accounts/${mine}/rotate-proxy`, { confirm: true })).toMatchObject({ status: 200, body: { proxy_id: 'p-socks', previous_proxy_id: 'p-http' } });
    await accountIs(mine, 'has the other', (a) => a.proxy_id === 'p-socks');
    await s.api('POST', `/accounts/${mine}/crawl`);
    await until(() => socks.seen.slice(before).includes(new URL(site.url).host), 'its browser goes by the other');
    expect(await s.api('DELETE', '/proxies/p-socks')).toMatchObject({ status: 409, body: { field: 'confirm' } });
  });

  it('without one of its own it goes by its worker\'s; one that is removed is nobody\'s any more', async () => {
    expect(await s.api('PATCH', '/worker-configs/w1', { proxy_id: 'nobody' })).toMatchObject({ status: 404 });
    expect((await s.api('PATCH', '/worker-configs/w1', { proxy_id: 'p-http' })).status).toBe(200);
    const before = http.seen.length;
    await s.api('PATCH', `/accounts/${mine}`, { proxy_id: null, confirm: true });
    await until(async () => (await s.api('GET', '/worker-configs/w1')).body.proxy_id === 'p-http', 'the worker has it');
    await accountIs(mine, 'has none of its own', (a) => a.proxy_id === null);
    await until(async () => {
      await s.api('POST', `/accounts/${mine}/crawl`);
      return http.seen.slice(before).includes(new URL(site.url).host);
    }, 'its browser goes by the worker\'s');
    expect((await s.api('DELETE', '/proxies/p-http?confirm=true')).status).toBe(200);
    await until(async () => (await s.api('GET', '/worker-configs/w1')).body.proxy_id === null && (await s.api('GET', '/proxies/p-http')).status === 404, 'it is gone, and no worker names it');
  });

  it('gets another fingerprint with its session kept, goes into the archive and comes back', async () => {
    const was = (await s.api('GET', `/accounts/${mine}/fingerprint`)).body.fingerprint;
    expect(await s.api('POST', `/accounts/${mine}/fingerprint`, {})).toMatchObject({ status: 409, body: { field: 'confirm' } });
    await s.api('POST', `/accounts/${mine}/fingerprint`, { confirm: true });
    const now = await until(async () => {
      const f = (await s.api('GET', `/accounts/${mine}/fingerprint`)).body.fingerprint;
      return f.createdAt !== was.createdAt && f;
    }, 'it has another');
    expect(Object.keys(now).sort()).toEqual(Object.keys(was).sort());
    await accountIs(mine, 'is monitored again', (a) => a.activity === 'monitoring');
    await s.api('POST', `/accounts/${mine}/crawl`);
    const at = Date.now();
    await accountIs(mine, 'goes on with its session', (a) => a.last_round?.error === null && a.last_round.at > at);
    await s.api('POST', `/accounts/${mine}/archive`);
    expect(await accountIs(mine, 'is in the archive', (a) => a.lease_state === 'none')).toMatchObject({ archived: true, login_status: 'logged_in', assigned_worker_id: null });
    expect([(await s.api('GET', '/accounts')).body.accounts.length, (await s.api('GET', '/accounts?archived=true')).body.accounts.length]).toEqual([0, 1]);
    await s.api('POST', `/accounts/${mine}/unarchive`);
    await accountIs(mine, 'is back', (a) => a.activity === 'monitoring');
  });

  it('a session that the platform has ended is known by its check, and told of once', async () => {
    await site.control('logout-all');
    await s.stage.command(`monitor/${mine}`, 'send', { event: { type: 'OFF' } });
    await s.api('POST', `/accounts/${mine}/check`);
    await accountIs(mine, 'has expired', (a) => a.login_status === 'expired');
    const told = (await s.api('GET', '/notifications?limit=200')).body.notifications.filter((n: { data?: { login_status?: string } }) => n.data?.login_status === 'expired');
    expect(told).toHaveLength(1);
  });
});

/** The journals of this run as histories: a chart that changes later has to read them. */
async function record(): Promise<void> {
  const dir = join(import.meta.dirname, '..', 'histories');
  mkdirSync(dir, { recursive: true });
  const nc = await s.stage.operator();
  for (const [actor, file] of [[`account/${mine}`, 'account-v3'], ['proxy/p-http', 'proxy']] as const) {
    const entries = (await readJournal(nc)).filter((e) => e.actor === actor).slice(0, 30).map((e) => e.bytes.toString('utf8'));
    writeFileSync(join(dir, `${file}.json`), `[\n${entries.join(',\n')}\n]\n`);
  }
}
