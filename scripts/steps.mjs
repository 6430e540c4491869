import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Helpers of the set-up scripts. Plain Node: nothing is installed yet when they run. */

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const dataDir = () => process.env.TROUPE_DATA || process.env.DATA_DIR || join(root, 'data');
export const isRoot = () => process.getuid?.() === 0;

/** A failure that a person can mend: printed as it is, without a stack. */
export class SetupError extends Error {}

/** Does one step; says so when it takes over a second, and how long it has been every ten. */
export async function step(label, work) {
  const from = Date.now();
  const seconds = () => Math.round((Date.now() - from) / 1000);
  let said = false;
  const first = setTimeout(() => {
    said = true;
    console.log(`${label} …`);
  }, 1000);
  const more = setInterval(() => console.log(`${label} … ${seconds()} s`), 10_000);
  try {
    const result = await work();
    if (said) console.log(`${label}: done after ${seconds()} s`);
    return result;
  } finally {
    clearTimeout(first);
    clearInterval(more);
  }
}

/** Runs a program without a shell. Gives its code and output; -1 when it can't be started or ran out of time. */
export function run(command, args, { cwd = root, env = process.env, limitMs = 900_000 } = {}) {
  return new Promise((done) => {
    let output = '';
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => {
      output += `\nstopped after ${limitMs / 1000} s`;
      child.kill('SIGKILL');
    }, limitMs);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (output = (output + d).slice(-200_000)));
    child.on('error', (error) => {
      clearTimeout(timer);
      done({ code: -1, output: error.message });
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      done({ code: code ?? -1, output });
    });
  });
}

export const tail = (text, lines = 15) => text.trim().split('\n').slice(-lines).map((l) => `  ${l}`).join('\n');

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Every program of this name on the PATH. */
export function onPath(name) {
  // npm puts node_modules/.bin in front; a program there is not the machine's.
  return (process.env.PATH ?? '').split(delimiter).filter((d) => d !== '' && !d.includes('node_modules')).map((d) => join(d, name)).filter(isExecutable);
}

/** Installs packages of the distribution; only root can. */
export async function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env });
  const first = await install();
  if (first.code === 0) return first;
  const update = await run('apt-get', ['update'], { env });
  return update.code === 0 ? install() : update;
}
