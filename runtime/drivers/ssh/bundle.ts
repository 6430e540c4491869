import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packageRoot } from '../../package-root.ts';
import { DriverError } from '../contract.ts';
import { tar, type TarEntry } from '../tar.ts';

/** What a worker needs to run elsewhere. The version names its content. */
export type Bundle = { version: string; files: number; pack(): Promise<{ archive: Buffer; sha256: string }> };

// What no program loads: a native package's sources and by-products, types, maps, prose, tests.
const SKIPPED = [
  /(^|\/)better-sqlite3\/(deps|src)\//,
  /(^|\/)better-sqlite3\/build\/(?!Release\/better_sqlite3\.node$)/,
  /(^|\/)zod\/src\//,
  /^node_modules\/.*\/(\.github|test|tests|coverage|benchmarks|examples)\//,
  /\.(d\.[cm]?ts|map|md|markdown|tsbuildinfo)$/,
];

const IMPORT = /\b(?:from|import)\s+['"]([^'"\n]+)['"]|(?:\bimport|\b(?:require|createRequire\([^)]*\))(?:\.resolve)?)\(\s*['"]([^'"\n]+)['"]\s*\)/g;

/** The built program without tests, and those packages that a worker's code leads to. */
export function workerBundle(root = packageRoot()): Bundle {
  const entries: TarEntry[] = [];
  const dist = join(root, 'dist');
  if (!existsSync(join(dist, 'runtime', 'main.js'))) throw new DriverError('missing', 'this Troupe is not built, so there is nothing to copy: run npm run build');
  const code = files(dist).filter((f) => !/^(test|bench)\//.test(relative(dist, f)));
  const start = code.filter((f) => /^(runtime\/(main|cli\/worker)\.js$|platforms\/)/.test(relative(dist, f)));
  const packages = packagesOf(start, root);
  const platforms = files(join(root, 'platforms')).filter((f) => f.endsWith('.json'));
  for (const file of [join(root, 'package.json'), join(root, 'bin', 'troupe'), ...platforms, ...code, ...packages.flatMap((p) => files(p, false))]) {
    const path = relative(root, file).split(sep).join('/');
    if (!SKIPPED.some((pattern) => pattern.test(path))) entries.push({ path, mode: (statSync(file).mode & 0o111) === 0 ? 0o644 : 0o755, body: readFileSync(file) });
  }
  const hash = createHash('sha256');
  for (const e of entries) hash.update(`${e.path}\0${e.mode}\0${e.body.length}\0`).update(e.body);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    version: `${version}-${hash.digest('hex').slice(0, 16)}`,
    files: entries.length,
    async pack() {
      const archive = await promisify(gzip)(tar(entries), { level: 6 });
      return { archive, sha256: createHash('sha256').update(archive).digest('hex') };
    },
  };
}

/** Folders of the packages that these files reach by imports, and of what those packages ask for in turn. */
function packagesOf(start: string[], root: string): string[] {
  const seen = new Set<string>();
  const names = new Set<string>();
  const queue = [...start];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file) || !existsSync(file) || !file.endsWith('.js')) continue;
    seen.add(file);
    for (const [, a, b] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const name = (a ?? b)!;
      if (name.startsWith('.')) queue.push(join(dirname(file), name));
      else if (!name.startsWith('node:') && !builtinModules.includes(name)) names.add(name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'));
    }
  }
  const found = new Set<string>();
  const add = (name: string, from: string) => {
    const dir = installed(name, from, root);
    if (dir === null || found.has(dir)) return;
    found.add(dir);
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Record<string, Record<string, string> | undefined>;
    for (const each of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) add(each, dir);
  };
  for (const name of names) add(name, root);
  return [...found].sort();
}

/** As Node looks for a package: in each node_modules on the way up. */
function installed(name: string, from: string, root: string): string | null {
  for (let dir = from; dir.startsWith(root); dir = dirname(dir)) {
    const candidate = join(dir, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return null;
}

function files(dir: string, nested = true): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? (nested || e.name !== 'node_modules' ? files(join(dir, e.name), nested) : []) : e.isFile() ? [join(dir, e.name)] : []))
    .sort();
}
