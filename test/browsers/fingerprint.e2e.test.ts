import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrowserPool } from '../../runtime/browsers/browser-pool.ts';
import { findChromium, type Chromium } from '../../runtime/browsers/find-chromium.ts';
import { httpProxy } from './loopback-proxies.ts';
import { freshFingerprint, loadFingerprint, majorOf, userAgentOf } from '../../runtime/browsers/fingerprint.ts';

type Hints = { ua: string; platform: string; webdriver: boolean; brands: { brand: string; version: string }[]; hinted: string; full: { brand: string; version: string }[]; zone: string; languages: readonly string[]; window: number[] };

let dir: string;
let site: Server;
let url: string;
let chromium: Chromium;
const sealed = new Map<string, string>();
const vault = { get: async (account: string, field: string) => sealed.get(`${account}/${field}`) ?? null, put: async (account: string, field: string, value: string) => void sealed.set(`${account}/${field}`, value) };

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'fingerprint-'));
  chromium = await findChromium();
  site = createServer((request, response) => response.setHeader('accept-ch', 'sec-ch-ua-full-version-list, sec-ch-ua-platform').setHeader('content-type', 'text/plain').end(JSON.stringify(request.headers)));
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  site.closeAllConnections();
  await new Promise((done) => site.close(done));
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** What a site hears of a browser, and what its scripts see. */
const seen = async (mode: 'profile' | 'context', folder: string): Promise<{ headers: IncomingHttpHeaders; hints: Hints; kept: unknown }> => {
  const pool = new BrowserPool({ dir: join(dir, folder), mode, chromium, headless: true, allow: [new URL(url).host], vault, log: () => undefined });
  try {
    return await pool.use('acc-1', null, async ({ context, fingerprint }) => {
      const page = await context.newPage();
      // What `accept-ch` asks for comes with the second request.
      await page.goto(url);
      await page.goto(url);
      const headers = JSON.parse(await page.locator('body').innerText()) as IncomingHttpHeaders;
      const hints = await page.evaluate(async () => {
        const data = (navigator as unknown as { userAgentData: { brands: Hints['brands']; platform: string; getHighEntropyValues(names: string[]): Promise<{ fullVersionList: Hints['full'] }> } }).userAgentData;
        return { ua: navigator.userAgent, platform: navigator.platform, webdriver: navigator.webdriver, brands: data.brands, hinted: data.platform, full: (await data.getHighEntropyValues(['fullVersionList'])).fullVersionList, zone: Intl.DateTimeFormat().resolvedOptions().timeZone, languages: navigator.languages, window: [innerWidth, innerHeight] };
      });
      return { headers, hints, kept: fingerprint };
    });
  } finally {
    await pool.closeAll(false);
  }
};

describe('a fingerprint', () => {
  it('is one with what the installed browser says of itself, by every way that a site can ask', async () => {
    const { headers, hints, kept } = await seen('profile', 'w1');
    const f = kept as ReturnType<typeof freshFingerprint>;
    expect([headers['user-agent'], hints.ua]).toEqual([userAgentOf(chromium.major), userAgentOf(chromium.major)]);
    const version = (list: { brand: string; version: string }[]) => list.find((b) => b.brand === 'Chromium' || b.brand === 'Google Chrome')?.version;
    expect([version(hints.brands), version(hints.full)]).toEqual([String(chromium.major), chromium.version]);
    expect(headers['sec-ch-ua']).toContain(`"Chromium";v="${chromium.major}"`);
    expect(headers['sec-ch-ua-full-version-list']).toContain(chromium.version);
    expect([headers['sec-ch-ua-platform'], hints.hinted, /Linux/.test(hints.platform), /Linux/.test(hints.ua)]).toEqual(['"Linux"', 'Linux', true, true]);
    expect(JSON.stringify([headers, hints])).not.toMatch(/headless/i);
    expect([hints.webdriver, hints.zone, hints.languages[0], hints.window]).toEqual([false, f.timezone, f.locale, [f.viewport.width, f.viewport.height]]);
  });

  it('stays the same on another worker, and in the other mode', async () => {
    const before = sealed.get('acc-1/fingerprint');
    const { kept, hints } = await seen('context', 'w2');
    expect([JSON.stringify(kept), sealed.get('acc-1/fingerprint')]).toEqual([before, before]);
    expect(hints.ua).toBe(userAgentOf(chromium.major));
  });

  it('is not betrayed by WebRTC, which goes around every proxy', async () => {
    const proxy = await httpProxy('me', 'word');
    sealed.set('acc-2/proxy', 'word');
    const ways = async (mode: 'profile' | 'context', by: Parameters<BrowserPool['use']>[1]): Promise<string[]> => {
      const pool = new BrowserPool({ dir: join(dir, `rtc-${mode}-${by ? 1 : 0}`), mode, chromium, headless: true, vault, log: () => undefined });
      try {
        return await pool.use('acc-2', by, async ({ context }) => (await context.newPage()).evaluate(() => new Promise<string[]>((done) => {
          const link = new RTCPeerConnection();
          const all: string[] = [];
          link.createDataChannel('x');
          link.onicecandidate = (event) => (event.candidate ? all.push(event.candidate.candidate) : done(all));
          void link.createOffer().then((offer) => link.setLocalDescription(offer));
        })));
      } finally {
        await pool.closeAll(false);
      }
    };
    try {
      const by = { protocol: 'http', server: `127.0.0.1:${proxy.port}`, username: 'me' } as const;
      expect((await ways('profile', null)).length).toBeGreaterThan(0);
      expect([await ways('profile', by), await ways('context', by)]).toEqual([[], []]);
    } finally {
      await proxy.stop();
    }
  });

  it('names the new version once the browser is a new one, and changes in nothing else', async () => {
    const was = JSON.parse(sealed.get('acc-1/fingerprint')!) as Record<string, unknown>;
    const { fingerprint, stored } = await loadFingerprint(join(dir, 'w3'), 'acc-1', { ...chromium, major: chromium.major + 1 }, vault);
    await stored;
    expect(fingerprint).toEqual({ ...was, userAgent: userAgentOf(chromium.major + 1) });
    expect(majorOf(fingerprint)).toBe(chromium.major + 1);
  });

  it('that was made anew by the master goes before what a machine had kept', async () => {
    const mine = join(dir, 'w3', 'acc-1_fingerprint.json');
    const made = freshFingerprint(majorOf(JSON.parse(readFileSync(mine, 'utf8')) as Record<string, unknown>), 42);
    sealed.set('acc-1/fingerprint', JSON.stringify(made));
    const { fingerprint } = await loadFingerprint(join(dir, 'w3'), 'acc-1', chromium, vault);
    expect(fingerprint).toEqual({ ...made, userAgent: userAgentOf(chromium.major) });
    expect(JSON.parse(readFileSync(mine, 'utf8'))).toEqual(fingerprint);
    // A file that was cut short is no reason to fail.
    writeFileSync(mine, '{"userAgent":');
    expect((await loadFingerprint(join(dir, 'w3'), 'acc-1', chromium, vault)).fingerprint).toEqual(fingerprint);
  });
});
