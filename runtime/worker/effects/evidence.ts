import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright';
import type { Evidence } from '../../../transport/protocol.ts';
import type { EffectContext } from './effect-context.ts';
import { zipEntries } from './zip-entries.ts';

/** Of one account within an hour: a site that is down must not fill the store. */
const MOST = 12;
const HOUR = 3_600_000;
const PICTURE_LIMIT = 2_000_000;
const TRACE_LIMIT = 3_000_000;
/** Taller pages are cut: a JPEG of more takes long and shows nothing. */
const TALLEST = 8000;

const kept = new Map<string, number[]>();
type Traced = { ready: Promise<boolean>; id: string; calls: number };
const traced = new WeakMap<BrowserContext, Traced>();

/**
 * Notes what is done on the pages of this context, from now to `keepEvidence` or `dropTrace`. Costs little: calls and their times, no pictures,
 * no contents. `dir` is where the browser was told to put traces: Playwright itself never takes away what was dropped there.
 */
export async function beginTrace(context: BrowserContext, title: string, dir: string): Promise<boolean> {
  const it = traced.get(context) ?? { ready: context.tracing.start({ screenshots: false, snapshots: false }).then(() => true, () => false), id: randomBytes(6).toString('hex'), calls: 0 };
  traced.set(context, it);
  if (!(await it.ready)) return false;
  const name = (n: number) => `${it.id}-${n}`;
  const began = await context.tracing.startChunk({ title, name: name(++it.calls) }).then(() => true, () => false);
  // The one before is still copied from.
  for (const end of ['trace', 'network', 'stacks']) await rm(join(dir, `${name(it.calls - 2)}.${end}`), { force: true });
  return began;
}

export const dropTrace = (context: BrowserContext): Promise<void> => context.tracing.stopChunk().catch(() => undefined);

/** A full-page picture, or null. */
export async function pictureOf(page: Page): Promise<Buffer | null> {
  try {
    const { width, height } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight }));
    const whole = height <= TALLEST;
    const body = await page.screenshot({ type: 'jpeg', quality: 60, timeout: 5000, fullPage: true, ...(whole ? {} : { clip: { x: 0, y: 0, width: Math.min(width, 4000), height: TALLEST } }) });
    return body.length <= PICTURE_LIMIT ? body : await page.screenshot({ type: 'jpeg', quality: 40, timeout: 5000 });
  } catch {
    // In the midst of a navigation there is no whole page, but what is to be seen.
    return page.screenshot({ type: 'jpeg', quality: 60, timeout: 3000 }).catch(() => null);
  }
}

/** Stores a picture of the page; null when there is none, or too many were kept this hour. */
export async function keepPicture(ctx: EffectContext, account: string, page: Page): Promise<string | null> {
  if (!mayKeep(account)) return null;
  const body = await pictureOf(page);
  return body && store(ctx, account, 'picture.jpg', body, 'image/jpeg');
}

/** Ends the trace of a call that failed, and stores it with a picture of what the page shows. Never throws. */
export async function keepEvidence(ctx: EffectContext, about: { account: string; context: BrowserContext; page: Page | null; tracing: boolean }): Promise<Evidence | null> {
  const { account, context, page, tracing } = about;
  if (!page || page.isClosed() || !mayKeep(account)) {
    if (tracing) await dropTrace(context);
    return null;
  }
  const body = await pictureOf(page);
  const zip = tracing ? await traceOf(context) : null;
  const picture = body && (await store(ctx, account, 'picture.jpg', body, 'image/jpeg'));
  const trace = zip && (await store(ctx, account, 'trace.zip', zip, 'application/zip'));
  return picture || trace ? { picture, trace } : null;
}

function mayKeep(account: string): boolean {
  const now = Date.now();
  const times = (kept.get(account) ?? []).filter((at) => at > now - HOUR);
  if (times.length >= MOST) return false;
  kept.set(account, [...times, now]);
  return true;
}

async function store(ctx: EffectContext, account: string, name: string, body: Buffer, type: string): Promise<string | null> {
  const object = `evidence/${account}/${Date.now().toString(36)}-${randomBytes(4).toString('hex')}-${name}`;
  return ctx.link.keep(object, body, type).then(() => object, (error: Error) => {
    ctx.log('debug', 'task', `no ${name} of a failure: ${error.message}`, { account });
    return null;
  });
}

async function traceOf(context: BrowserContext): Promise<Buffer | null> {
  const dir = await mkdtemp(join(tmpdir(), 'troupe-trace-'));
  try {
    const path = join(dir, 'trace.zip');
    await context.tracing.stopChunk({ path });
    const zip = await readFile(path);
    return zip.length <= TRACE_LIMIT && !(await holdsSession(zip, context)) ? zip : null;
  } catch {
    return null;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** A platform that looked at its cookies has them in the trace: such a one is never stored. */
async function holdsSession(zip: Buffer, context: BrowserContext): Promise<boolean> {
  const secrets = (await context.cookies()).map((c) => c.value).filter((v) => v.length >= 8);
  const texts = zipEntries(zip).map((b) => b.toString('utf8'));
  return secrets.some((secret) => texts.some((text) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1))));
}
