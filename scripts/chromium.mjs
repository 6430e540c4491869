import { createRequire } from 'node:module';
import { join } from 'node:path';
import { aptInstall, isExecutable, isRoot, onPath, root, run, SetupError, step, tail } from './steps.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
// Without a font for Chinese, pictures of such pages show boxes.
const PACKAGES = ['chromium', 'fonts-wqy-zenhei'];
const LIMIT_MS = 180_000;

/** A Chromium that runs: TROUPE_CHROMIUM, an installed one, Playwright's, else the distribution's. Gives its path; null, having said the one command, when only root could install it. */
export async function ensureChromium() {
  const named = process.env.TROUPE_CHROMIUM;
  if (named) {
    if (isExecutable(named)) return named;
    throw new SetupError(`TROUPE_CHROMIUM=${named} is not a program: name another, or unset it`);
  }
  const here = NAMES.flatMap(onPath)[0] ?? (await playwrights());
  if (here) return here;

  const fetched = await step('Downloading Chromium', () => run(process.execPath, [join(root, 'node_modules', 'playwright', 'cli.js'), 'install', 'chromium'], { limitMs: LIMIT_MS }));
  const own = fetched.code === 0 ? await playwrights() : null;
  if (own) return own;

  if (isRoot() && onPath('apt-get').length > 0) {
    const apt = await step('Installing Chromium from the distribution', () => aptInstall(PACKAGES));
    const path = NAMES.flatMap(onPath)[0];
    if (path) return path;
    console.log(`Chromium could not be installed:\n${tail(apt.output)}`);
  } else {
    console.log('Chromium is missing: workers can\'t open accounts until it is there. Run this once:\n  sudo apt-get install -y ' + PACKAGES.join(' '));
  }
  return null;
}

/** Playwright's own Chromium, when it is there and its libraries are too. */
async function playwrights() {
  const path = createRequire(join(root, 'package.json'))('playwright').chromium.executablePath();
  if (!path || !isExecutable(path)) return null;
  return (await run(path, ['--version'], { limitMs: 20_000 })).code === 0 ? path : null;
}
