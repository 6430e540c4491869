import { randomInt } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Chromium } from './find-chromium.ts';
import type { Vault } from './vault.ts';

const shape = z.object({
  userAgent: z.string(),
  viewport: z.object({ width: z.number().int(), height: z.number().int() }),
  locale: z.string(),
  timezone: z.string(),
  deviceScaleFactor: z.number(),
  /** Seeds that stay the same for the account's whole life. */
  webgl: z.number().int(),
  canvas: z.number().int(),
  audio: z.number().int(),
  createdAt: z.number(),
});
export type Fingerprint = z.infer<typeof shape>;

const VIEWPORTS = [[1366, 768], [1440, 900], [1536, 864], [1600, 900], [1920, 1080]] as const;
const SEED = 2 ** 31;

export const userAgentOf = (major: number): string => `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`;

/** Another one, by chance. `major` is the version of the installed Chromium; the worker puts its own in. */
export function freshFingerprint(major: number, at: number): Fingerprint {
  const [width, height] = VIEWPORTS[randomInt(VIEWPORTS.length)] ?? VIEWPORTS[0];
  return {
    userAgent: userAgentOf(major), viewport: { width, height }, locale: 'zh-CN', timezone: 'Asia/Shanghai', deviceScaleFactor: 1,
    webgl: randomInt(SEED), canvas: randomInt(SEED), audio: randomInt(SEED), createdAt: at,
  };
}

/** The version of Chromium that a fingerprint names; 0 where none does yet. */
export const majorOf = (fingerprint: Record<string, unknown> | null): number => Number(/Chrome\/(\d+)/.exec(String(fingerprint?.['userAgent'] ?? ''))?.[1] ?? 0);

const parse = (text: string | null): Fingerprint | null => {
  try {
    return text === null ? null : shape.parse(JSON.parse(text));
  } catch {
    return null;
  }
};

/**
 * The account's fingerprint: the vault's, so that it follows the account between machines, else this machine's file, else a new one.
 * `stored`: the vault has it. The user agent always names the installed Chromium's version; all else never changes.
 */
export async function loadFingerprint(dir: string, account: string, chromium: Chromium, vault: Vault): Promise<{ fingerprint: Fingerprint; stored: Promise<void> }> {
  const file = join(dir, `${account}_fingerprint.json`);
  const sealed = await vault.get(account, 'fingerprint');
  const local = await readFile(file, 'utf8').catch(() => null);
  const found = { ...(parse(sealed) ?? parse(local) ?? freshFingerprint(chromium.major, Date.now())), userAgent: userAgentOf(chromium.major) };
  const text = JSON.stringify(found);
  const stored = text === sealed ? Promise.resolve() : vault.put(account, 'fingerprint', text);
  stored.catch(() => undefined);
  if (text !== local) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
  return { fingerprint: found, stored };
}
