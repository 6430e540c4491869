import type { Chromium } from './find-chromium.ts';
import { userAgentOf, type Fingerprint } from './fingerprint.ts';

const ARGS = [
  '--disable-blink-features=AutomationControlled',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-gpu',
  '--disable-quic',
];

/** No proxy takes UDP: a page's WebRTC would go around it, and tell the machine's own address. */
export const NO_UDP = '--webrtc-ip-handling-policy=disable_non_proxied_udp';

/** How a Chromium process is started. Root can't use Chromium's sandbox; everybody else does. */
export const launchOptions = (chromium: Chromium, headless: boolean, more: readonly string[] = []) => ({
  executablePath: chromium.path,
  headless,
  chromiumSandbox: process.getuid?.() !== 0,
  args: [...ARGS, ...more],
  handleSIGINT: false,
  handleSIGTERM: false,
  handleSIGHUP: false,
  timeout: 30_000,
});

/** How a window without an account looks: like any visitor with this Chromium. */
export const freeContextOptions = (chromium: Chromium, viewport: { width: number; height: number }, proxy: string | null) => ({
  userAgent: userAgentOf(chromium.major),
  viewport,
  acceptDownloads: true,
  ...(proxy ? { proxy: { server: proxy } } : {}),
});

/** How an account's context looks to the sites it visits. */
export const contextOptions = (fingerprint: Fingerprint, proxy: string | null) => ({
  userAgent: fingerprint.userAgent,
  viewport: fingerprint.viewport,
  locale: fingerprint.locale,
  timezoneId: fingerprint.timezone,
  deviceScaleFactor: fingerprint.deviceScaleFactor,
  isMobile: false,
  hasTouch: false,
  acceptDownloads: false,
  ...(proxy ? { proxy: { server: proxy } } : {}),
});
