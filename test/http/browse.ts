import { getRequestListener } from '@hono/node-server';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright';
import QRCode from 'qrcode';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { fixture, type Fixture } from './fixture.ts';
import type { SeedText } from './seed.ts';

let browser: Browser;
const open: { f: Fixture; server: Server }[] = [];

export async function openBrowser(): Promise<void> {
  browser = await chromium.launch({ executablePath: (await findChromium()).path, args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-gpu', '--disable-quic'] });
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
  for (const { f, server } of open.splice(0)) {
    f.deps.live.close();
    server.closeAllConnections();
    server.close();
    f.close();
  }
}

/** The seeded app on a port of its own. */
export async function site(text?: SeedText): Promise<{ f: Fixture; base: string }> {
  const f = await fixture({ fleet: true, work: true, accounts: true, ...(text ? { text } : {}) });
  await f.deps.pictures.put('qr1', await QRCode.toBuffer('https://sandbox.example/qr', { width: 240 }));
  // Real time, so that limits by the second and countdowns pass.
  f.deps.now = () => Date.now();
  const server = createServer(getRequestListener(f.app.fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ f, server });
  return { f, base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A signed-in reader; `complaints` are what the console said, violations of the policy among them. */
export async function visitor(f: Fixture, base: string, more: { width?: number; lang?: string; scheme?: 'dark' | 'light' } = {}): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: more.width ?? 1280, height: 844 }, locale: more.lang ?? 'en-US', colorScheme: more.scheme ?? 'light' });
  const [name, value] = (await f.cookie()).split('=') as [string, string];
  await context.addCookies([{ name, value, url: base }]);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(e.message));
  return { context, page, complaints };
}
