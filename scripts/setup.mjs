import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { ensureChromium } from './chromium.mjs';
import { ensureNatsServer } from './nats-server.mjs';
import { installPackages } from './packages.mjs';
import { root, SetupError } from './steps.mjs';

/** Makes this machine ready, from a bare one on. Gives what was found; a second run takes under a second. */
export async function setUp() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) throw new SetupError(`Node ${process.versions.node} is too old: install Node 20.19 or newer`);
  if (process.platform !== 'linux') throw new SetupError(`Troupe runs on Linux, this is ${process.platform}`);
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'));
  await installPackages();
  const natsServer = await ensureNatsServer();
  const chromium = await ensureChromium();
  return { natsServer, chromium, typeErrors: await build() };
}

/** Runs a script's work; what a person can mend ends it with one message and code 1. */
export async function asScript(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await asScript(setUp);
