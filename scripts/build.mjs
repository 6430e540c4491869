import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root, run, SetupError, step } from './steps.mjs';

const FOLDERS = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).include;
const DIST = join(root, 'dist');
const STAMP = join(DIST, '.stamp');

/** Builds dist/ when a source changed since the last time. Type errors are told; the program is built all the same. Gives how many. */
export async function build() {
  const sources = FOLDERS.flatMap((f) => files(join(root, f)));
  const hash = createHash('sha256');
  for (const file of [...sources, join(root, 'tsconfig.json'), join(root, 'package-lock.json')]) hash.update(`${relative(root, file)}\0`).update(readFileSync(file)).update('\0');
  const stamp = hash.digest('hex');
  const [last, errors] = existsSync(STAMP) ? readFileSync(STAMP, 'utf8').split(' ') : [];
  if (last === stamp && errors === '0') return 0;

  const { code, output } = await step('Building', () => run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.']));
  if (!existsSync(join(DIST, 'runtime', 'main.js'))) throw new SetupError(`the build failed:\n${output}`);
  if (code !== 0) console.log(output.trim());
  const built = new Set([...sources.map(outputOf), STAMP, join(DIST, '.tsbuildinfo')]);
  for (const file of files(DIST)) if (!built.has(file)) rmSync(file);
  for (const file of sources.filter((f) => !f.endsWith('.ts'))) {
    mkdirSync(dirname(outputOf(file)), { recursive: true });
    copyFileSync(file, outputOf(file));
  }
  const count = code === 0 ? 0 : Math.max(1, output.split('\n').filter((l) => /error TS\d+/.test(l)).length);
  writeFileSync(STAMP, `${stamp} ${count}`);
  return count;
}

const outputOf = (file) => join(DIST, relative(root, file)).replace(/\.ts$/, '.js');

function files(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(join(dir, e.name)) : e.isFile() ? [join(dir, e.name)] : [])).sort();
}
