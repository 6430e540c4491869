import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type BrowserContext } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EffectContext } from '../../runtime/worker/effects/effect-context.ts';
import { beginTrace, dropTrace, keepEvidence } from '../../runtime/worker/effects/evidence.ts';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { launchOptions } from '../../runtime/browsers/launch-options.ts';

const kept = new Map<string, Buffer>();
const ctx = { link: { keep: async (name: string, body: Buffer) => void kept.set(name, body) }, log: () => undefined } as unknown as EffectContext;
let server: Server;
let browser: Browser;
let dir: string;
let context: BrowserContext;
beforeAll(async () => {
  server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'sid=a-long-secret-value' }).end('<body style="height: 30000px">Tall</body>'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  dir = mkdtempSync(join(tmpdir(), 'traces-'));
  browser = await chromium.launch({ ...launchOptions(await findChromium(), true), tracesDir: dir });
  context = await browser.newContext();
});
afterAll(async () => {
  await browser?.close();
  server?.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** A JPEG's height in pixels, from its frame header. */
function heightOf(jpeg: Buffer): number {
  for (let at = 2; at < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2)) if ([0xc0, 0xc1, 0xc2].includes(jpeg[at + 1]!)) return jpeg.readUInt16BE(at + 5);
  throw new Error('no frame');
}

test('a trace is kept of the call that failed alone; one that holds the session is not; pictures and their number are bounded', async () => {
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(await beginTrace(context, 'one that went well', dir)).toBe(true);
  await page.locator('.went-well').count();
  await dropTrace(context);

  expect(await beginTrace(context, 'one that fails', dir)).toBe(true);
  await page.locator('.not-there').click({ timeout: 50 }).catch(() => undefined);
  const first = await keepEvidence(ctx, { account: 'a1', context, page, tracing: true });
  expect(heightOf(kept.get(first!.picture!)!)).toBe(8000);
  const trace = kept.get(first!.trace!)!;
  expect(trace.length).toBeLessThan(50_000);

  expect(await beginTrace(context, 'one that reads cookies', dir)).toBe(true);
  expect((await context.cookies())[0]!.value).toBe('a-long-secret-value');
  // Whether a trace holds what a call gave back is up to Playwright; that it does is shown by a call that takes it as an argument.
  await page.locator('body').evaluate((_, secret) => secret, 'a-long-secret-value');
  expect(await keepEvidence(ctx, { account: 'a1', context, page, tracing: true })).toEqual({ picture: expect.any(String), trace: null });

  // However many calls go well, their traces do not pile up.
  for (let n = 0; n < 15; n++) {
    await beginTrace(context, 'one of many', dir);
    await page.locator('body').count();
    await dropTrace(context);
  }
  expect(readdirSync(dir).filter((f) => /^[0-9a-f]{12}-/.test(f)).length).toBeLessThanOrEqual(6);

  const many = [];
  for (let n = 0; n < 12; n++) many.push(await keepEvidence(ctx, { account: 'a1', context, page, tracing: false }));
  expect(many.filter((e) => e !== null)).toHaveLength(10);
  // Another account has room of its own; a page that is gone leaves nothing.
  await page.close();
  expect(await keepEvidence(ctx, { account: 'a2', context, page, tracing: false })).toBeNull();
});
