import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as ProxyServer } from 'proxy-chain';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { BrowserPool, type PoolOptions } from '../../runtime/browsers/browser-pool.ts';
import { chromiumsUnder } from '../../runtime/browsers/chromium-processes.ts';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { identify } from '../../runtime/browsers/process-identity.ts';
import { until } from '../worker/until.ts';

let dir: string;
let site: Server;
let url: string;
const sealed = new Map<string, string>();
const pools: BrowserPool[] = [];

const pool = async (more: Partial<PoolOptions> = {}): Promise<BrowserPool> => {
  const made = new BrowserPool({
    dir, mode: 'profile', chromium: await findChromium(), headless: true, allow: [new URL(url).host], log: () => undefined,
    vault: { get: async (account, field) => sealed.get(`${account}/${field}`) ?? null, put: async (account, field, value) => void sealed.set(`${account}/${field}`, value) },
    ...more,
  });
  pools.push(made);
  return made;
};
const visit = (p: BrowserPool, account: string, path = '/', proxy: Parameters<BrowserPool['use']>[1] = null) =>
  p.use(account, proxy, async ({ context }) => {
    const page = await context.newPage();
    await page.goto(url + path);
    const text = await page.locator('body').innerText();
    await page.close();
    return text;
  });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pool-'));
  sealed.clear();
  site = createServer((request, response) => {
    if (request.url === '/set') response.setHeader('set-cookie', 'who=me; Max-Age=3600; Path=/');
    response.setHeader('content-type', 'text/plain').end(JSON.stringify({ cookie: request.headers.cookie ?? null, agent: request.headers['user-agent'], language: request.headers['accept-language'] }));
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((p) => p.closeAll(false)));
  site.closeAllConnections();
  await new Promise((done) => site.close(done));
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

test('a fingerprint is made once, agrees with the browser, and comes back from the vault', async () => {
  const first = await pool();
  const seen = JSON.parse(await visit(first, 'acc-1')) as { agent: string; language: string };
  const { major } = await findChromium();
  expect(seen.agent).toContain(`Chrome/${major}.0.0.0`);
  expect(seen.agent).not.toContain('Headless');
  expect(seen.language).toContain('zh-CN');
  const inside = await first.use('acc-1', null, async ({ context }) => {
    const page = await context.newPage();
    return page.evaluate(() => ({ zone: Intl.DateTimeFormat().resolvedOptions().timeZone, width: innerWidth, scale: devicePixelRatio, driver: navigator.webdriver }));
  });
  const file = join(dir, 'fingerprints', 'acc-1_fingerprint.json');
  const made = JSON.parse(readFileSync(file, 'utf8')) as { viewport: { width: number } };
  expect(inside).toEqual({ zone: 'Asia/Shanghai', width: made.viewport.width, scale: 1, driver: false });
  expect(statSync(file).mode & 0o077).toBe(0);
  expect(statSync(join(dir, 'browser_acc-1')).mode & 0o077).toBe(0);
  await first.closeAll(true);
  rmSync(join(dir, 'fingerprints'), { recursive: true, maxRetries: 20, retryDelay: 100 });
  await visit(await pool(), 'acc-1');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(made);
});

test('a session is saved to the vault when the browser closes and restored into an empty profile, not over a newer one', async () => {
  const first = await pool();
  await visit(first, 'acc-1', '/set');
  await first.closeAll(true);
  expect(sealed.get('acc-1/storage')).toContain('"who"');
  rmSync(join(dir, 'browser_acc-1'), { recursive: true, maxRetries: 20, retryDelay: 100 });
  const second = await pool();
  expect(await visit(second, 'acc-1')).toContain('who=me');
  await second.closeAll(true);
  expect(readdirSync(join(dir, 'storage-states'))).toEqual(['acc-1_storage.json']);
  expect(readFileSync(join(dir, 'storage-states', 'acc-1_storage.json'), 'utf8')).not.toContain('who');
});

test('a profile that Chromium can not open is set aside, and its session comes back from the vault', async () => {
  const first = await pool();
  await visit(first, 'acc-1', '/set');
  await first.closeAll(true);
  const profile = join(dir, 'browser_acc-1');
  rmSync(profile, { recursive: true, maxRetries: 20, retryDelay: 100 });
  mkdirSync(join(profile, 'Local State', 'in-the-way'), { recursive: true });
  writeFileSync(join(profile, 'Default'), 'a file where a folder belongs');
  expect(await visit(await pool(), 'acc-1')).toContain('who=me');
});

test('a damaged cookie file costs no session', async () => {
  const first = await pool();
  await visit(first, 'acc-1', '/set');
  await first.closeAll(true);
  const cookies = ['Default/Cookies', 'Default/Network/Cookies'].map((p) => join(dir, 'browser_acc-1', p)).filter((p) => existsSync(p));
  expect(cookies).toHaveLength(1);
  writeFileSync(cookies[0]!, 'not a database');
  expect(await visit(await pool(), 'acc-1')).toContain('who=me');
});

test('a second pool on a live profile is refused and kills nothing; after release it may have it', async () => {
  const first = await pool();
  await visit(first, 'acc-1');
  const pid = chromiumsUnder(dir)[0]!.process.pid;
  const second = await pool();
  await expect(visit(second, 'acc-1')).rejects.toThrow(`in use by process ${process.pid}`);
  expect(await second.reap(dir)).toBe(0);
  expect(chromiumsUnder(dir)[0]!.process.pid).toBe(pid);
  await first.closeAll(true);
  await visit(second, 'acc-1');
});

test.each(['another-host-4242', `${identify(1).host}-1`])('a stale SingletonLock of %s does not keep a profile closed', async (target) => {
  const profile = join(dir, 'browser_acc-1');
  mkdirSync(profile, { recursive: true });
  symlinkSync(target, join(profile, 'SingletonLock'));
  writeFileSync(`${profile}.lock`, JSON.stringify({ ...identify(process.pid), host: 'another-host' }));
  expect(await visit(await pool(), 'acc-1')).toContain('agent');
});

test('uses that come while a browser closes or opens wait for it', async () => {
  const p = await pool();
  await Promise.all([visit(p, 'acc-1'), visit(p, 'acc-1'), visit(p, 'acc-2')]);
  expect(chromiumsUnder(dir)).toHaveLength(2);
  const closing = p.close('acc-1', true);
  expect(await visit(p, 'acc-1')).toContain('agent');
  await closing;
  expect(p.count).toBe(2);
});

test('an idle browser is closed, a busy one is not', async () => {
  const p = await pool({ idleMs: 400 });
  let release = () => {};
  const held = p.use('busy', null, () => new Promise<void>((done) => (release = done)));
  await visit(p, 'idle');
  await until('the idle browser to close', () => p.count === 1 && chromiumsUnder(dir).length === 1);
  expect(p.accounts()).toEqual(['busy']);
  release();
  await held;
  await until('the other to close', () => p.count === 0 && chromiumsUnder(dir).length === 0);
});

test('a proxy with a password is used, and the password is in no command line', async () => {
  const asked: { who: string; to: string }[] = [];
  const proxy = new ProxyServer({ host: '127.0.0.1', port: 0, prepareRequestFunction: ({ username, password, port, request }) => {
    asked.push({ who: `${username}:${password}`, to: `${port}${/favicon/.test(request.url ?? '') ? ' icon' : ''}` });
    return { requestAuthentication: username !== 'me' || password !== 's3cret/ä' };
  } });
  await proxy.listen();
  sealed.set('acc-1/proxy', 's3cret/ä');
  try {
    const p = await pool();
    expect(await visit(p, 'acc-1', '/', { protocol: 'http', server: `127.0.0.1:${proxy.port}`, username: 'me' })).toContain('agent');
    expect(asked.map((a) => a.who)).toContain('me:s3cret/ä');
    const line = readFileSync(`/proc/${chromiumsUnder(dir)[0]!.process.pid}/cmdline`, 'utf8');
    expect(line).toContain('--proxy-server=');
    expect(line).not.toContain('s3cret');
    expect(line).not.toContain(String(proxy.port));
    expect(line.includes('--no-sandbox')).toBe(process.getuid?.() === 0);
    // Chromium may ask for things of its own, and for a page's icon, at any time: what counts is the page's own address.
    const through = () => asked.filter((a) => a.to === new URL(url).port).length;
    const before = through();
    expect(before).toBeGreaterThan(0);
    await visit(p, 'acc-1', '/', null);
    expect(through()).toBe(before);
  } finally {
    await proxy.close(true);
  }
});

test('screenshots get safe names', async () => {
  const p = await pool();
  await p.use('acc-1', null, async ({ context, screenshot }) => screenshot(await context.newPage(), '../../Evil name\0.png'));
  expect(readdirSync(join(dir, 'screenshots'))).toEqual(['acc-1_-evil-name-png.png']);
});

test.each(['profile', 'context'] as const)('a page in mode %s reaches nothing of this machine but what is allowed, by no way that pages have', async (mode) => {
  const reached: string[] = [];
  const secret = createServer((request, response) => {
    reached.push(request.url ?? '');
    response.setHeader('access-control-allow-origin', '*').end('secret');
  });
  secret.on('upgrade', (request, socket) => (reached.push(`ws ${request.url}`), socket.destroy()));
  await new Promise<void>((done) => secret.listen(0, '127.0.0.1', done));
  const { port } = secret.address() as AddressInfo;
  site.removeAllListeners('request').on('request', (request, response) => {
    if (request.url === '/away') return response.writeHead(302, { location: `http://127.0.0.1:${port}/redirected` }).end();
    if (request.url === '/file') return response.setHeader('content-disposition', 'attachment; filename=x.bin').end('x');
    response.setHeader('content-type', 'text/html').end('<title>fine</title>');
  });
  try {
    const p = await pool({ mode });
    await p.use('acc-1', null, async ({ context }) => {
      const page = await context.newPage();
      await page.goto(url);
      expect(await page.title()).toBe('fine');
      for (const host of ['127.0.0.1', 'localhost', '127.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', 'x.localhost']) {
        expect(await page.evaluate((to) => fetch(to).then((r) => r.text(), () => 'kept off'), `http://${host}:${port}/${host}`), host).toBe('kept off');
      }
      expect(await page.evaluate((to) => new Promise((done) => Object.assign(new WebSocket(to), { onopen: () => done('open'), onerror: () => done('kept off') })), `ws://127.0.0.1:${port}/ws`)).toBe('kept off');
      expect(await page.evaluate(() => fetch('/away').then(() => 'there', () => 'kept off'))).toBe('kept off');
      await expect(page.goto(`${url}/away`)).rejects.toThrow('ERR_NAME_NOT_RESOLVED');
      const next = await context.newPage();
      await next.goto(url);
      expect(await next.evaluate(() => fetch('file:///etc/hostname').then(() => 'there', () => 'kept off'))).toBe('kept off');
      const [download] = await Promise.all([next.waitForEvent('download'), next.goto(`${url}/file`).catch(() => undefined)]);
      expect(await download.failure()).toMatch(/accept|cancel/i);
    });
    expect(reached).toEqual([]);
    await p.closeAll(false);
    const open = await pool({ mode, allow: [new URL(url).host, `127.0.0.1:${port}`] });
    await open.use('acc-1', null, async ({ context }) => {
      const page = await context.newPage();
      await page.goto(url);
      expect(await page.evaluate((to) => fetch(to).then((r) => r.text()), `http://127.0.0.1:${port}/`)).toBe('secret');
    });
  } finally {
    secret.closeAllConnections();
    await new Promise((done) => secret.close(done));
  }
});

test.runIf(existsSync('/proc'))('a browser stands behind its worker on a full machine', async () => {
  vi.stubEnv('BROWSER_NICE', '10');
  onTestFinished(() => void vi.unstubAllEnvs());
  const p = await pool();
  await p.use('acc-1', null, async ({ context }) => {
    const page = await context.newPage();
    await page.goto(`${url}/`);
    const [main] = chromiumsUnder(dir);
    // Chromium gives its renderers priorities of their own: those count inside its session.
    const threads = readdirSync(`/proc/${main!.process.pid}/task`).map((t) => Number(readFileSync(`/proc/${main!.process.pid}/task/${t}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[16]));
    expect(Math.min(...threads)).toBe(10);
    const group = `/proc/${main!.process.pid}/autogroup`;
    if (existsSync(group) && readFileSync(group, 'utf8').trim() !== '') expect(readFileSync(group, 'utf8')).toContain('nice 10');
  });
});
