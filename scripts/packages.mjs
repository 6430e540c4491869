import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aptInstall, isRoot, onPath, root, run, SetupError, step, tail } from './steps.mjs';

const COMPILERS = ['python3', 'make', 'g++'];

/** Brings node_modules to what package-lock.json says, and better-sqlite3 to where it loads. */
export async function installPackages() {
  if (!installed()) {
    const ci = await step('Installing npm packages', () => run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']));
    if (ci.code !== 0) throw new SetupError(`npm ci failed:\n${tail(ci.output)}`);
  }
  if (await sqliteLoads()) return;
  let built = await step('Getting better-sqlite3\'s native part', rebuild);
  if (!(await sqliteLoads())) {
    const missing = COMPILERS.filter((name) => onPath(name).length === 0);
    if (missing.length === 0) throw new SetupError(`better-sqlite3 can't be built:\n${tail(built.output)}`);
    if (!isRoot()) throw new SetupError(`better-sqlite3 has no ready-made build here and needs a compiler. Run this once, then start again:\n  sudo apt-get install -y ${COMPILERS.join(' ')}`);
    const apt = await step(`Installing ${missing.join(', ')}`, () => aptInstall(COMPILERS));
    if (apt.code !== 0) throw new SetupError(`apt-get install ${COMPILERS.join(' ')} failed:\n${tail(apt.output)}`);
    built = await step('Building better-sqlite3', rebuild);
    if (!(await sqliteLoads())) throw new SetupError(`better-sqlite3 can't be built:\n${tail(built.output)}`);
  }
}

// What npm wrote down of the last install, against the lock: no stamp of our own to go stale.
function installed() {
  const was = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(was)) return false;
  const have = JSON.parse(readFileSync(was, 'utf8')).packages ?? {};
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(([path, p]) => path === '' || p.optional || p.devOptional || (have[path]?.version === p.version && existsSync(join(root, path))));
}

async function sqliteLoads() {
  const { code } = await run(process.execPath, ['-e', 'new (require("better-sqlite3"))(":memory:").prepare("select 1").get()']);
  return code === 0;
}

function rebuild() {
  // Node's own headers, where they came with it, save a download.
  const prefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(prefix, 'include', 'node', 'node.h')) ? { npm_config_nodedir: prefix } : {};
  return run('npm', ['rebuild', 'better-sqlite3'], { env: { ...process.env, ...nodedir } });
}
