import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright';

export type Chromium = { path: string; version: string; major: number };

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const FIXED = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** The first Chromium that runs: TROUPE_CHROMIUM, the PATH, the usual places, Playwright's own. Throws with what to do when there is none. */
export async function findChromium(env: NodeJS.ProcessEnv = process.env): Promise<Chromium> {
  if (env.TROUPE_CHROMIUM) {
    const found = await probe(env.TROUPE_CHROMIUM);
    if (!found) throw new Error(`TROUPE_CHROMIUM is ${env.TROUPE_CHROMIUM}, which does not run: give the path of a Chromium or Chrome`);
    return found;
  }
  const onPath = (env.PATH ?? '').split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)));
  for (const path of new Set([...onPath, ...FIXED, bundled()])) {
    const found = existsSync(path) ? await probe(path) : null;
    if (found) return found;
  }
  throw new Error('no Chromium found: install the package chromium, run `npx playwright install chromium`, or set TROUPE_CHROMIUM');
}

const bundled = (): string => {
  try {
    return chromium.executablePath();
  } catch {
    return '';
  }
};

async function probe(path: string): Promise<Chromium | null> {
  try {
    accessSync(path, constants.X_OK);
    const { stdout } = await promisify(execFile)(path, ['--version', '--no-sandbox'], { timeout: 15_000 });
    const version = /(\d+)\.\d+\.\d+\.\d+/.exec(stdout);
    return version?.[1] ? { path, version: version[0], major: Number(version[1]) } : null;
  } catch {
    return null;
  }
}
