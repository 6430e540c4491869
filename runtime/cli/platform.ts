import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ID } from '../../platforms/read-config.ts';
import { loadExtra, loadPlatforms, ownIds, type LoadedPlatform } from '../../platforms/load.ts';
import { checkPlatform, type CheckResult } from '../platform-check/check-platform.ts';
import { loopFaults, loopFaultsFile } from '../platform-check/loop-faults.ts';
import { probePlatforms } from '../platform-check/probe-platforms.ts';
import { skeleton } from '../platform-check/skeleton.ts';
import { packageRoot } from '../package-root.ts';
import { textTable } from '../text-table.ts';
import { readArgs, UsageError, type VerbContext } from '../verb.ts';

export const name = 'platform';
export const summary = 'list the platforms, check one against the contract, begin a new one';
export const words = ['list', 'check', 'new'] as const;
export const usage = `Usage: troupe platform list|check|new [NAME] [flags]

  list             which there are, and why one is not usable; [--dir DIR] [--json]
  check NAME       that it loads, that its selectors can be read, and the whole contract on its replica, in a real Chromium;
                   [--dir DIR] [--replica FILE] [--json]. The replica is replica.js in its folder.
  new NAME         a folder with a whole small platform, its replica and a test; [--generic]: by config.json alone; [--dir DIR] [--json]

DIR is the folder of platforms of one's own, TROUPE_PLATFORMS_DIR by default.
Ends with 1 when a platform is not usable or a check fails.`;

const LIMIT = 10_000;
const DIR = { dir: { type: 'string' }, json: { type: 'boolean' } } as const;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const [verb, ...more] = args;
  if (verb === 'list') return list(more, ctx);
  if (verb === 'check') return check(more, ctx);
  if (verb === 'new') return begin(more, ctx);
  throw new UsageError(`say what to do: troupe platform ${words.join('|')}`);
}

const dirOf = (given: string | undefined, ctx: VerbContext): string | null => (given === undefined ? ctx.config().platformsDir : resolve(given));

async function list(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, DIR);
  const dir = dirOf(flags.dir, ctx) ?? '';
  // Those of this installation may have done harm to a worker of it.
  const { list: all } = await probePlatforms(dir, LIMIT, flags.dir === undefined ? loopFaults(loopFaultsFile(ctx.config().dataDir), dir) : undefined);
  if (flags.json) ctx.out(JSON.stringify({ platforms: all }, null, 2));
  else {
    for (const line of textTable(['PLATFORM', 'NAME', 'STATE', 'LOGIN', 'CAN'], all.map((p) => [p.own ? p.id : `${p.id} *`, p.label, p.ok ? 'ok' : 'failed', p.flows.map((f) => f.id).join(', '), abilities(p.can)]))) ctx.out(line);
    for (const p of all) if (!p.ok) ctx.err(`troupe: platform ${p.id} is not usable: ${p.reason}`);
  }
  return all.every((p) => p.ok) ? 0 : 1;
}

const abilities = (can: object | null): string => Object.entries(can ?? {}).filter(([, v]) => v === true).map(([k]) => k).join(', ');

async function check(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { ...DIR, replica: { type: 'string' } }, { least: 1, names: 'the NAME of a platform is' });
  const id = rest[0]!;
  if (flags.replica !== undefined && !existsSync(flags.replica)) throw new UsageError(`--replica ${flags.replica}: there is no such file`);
  const tell = flags.json ? undefined : (r: CheckResult) => {
    ctx.out(`${r.ok ? '✓' : '✗'} ${r.name} (${r.ms} ms)`);
    for (const line of r.why?.split('\n') ?? []) ctx.out(`    ${line}`);
  };
  const report = await checkPlatform(await loadedOne(id, dirOf(flags.dir, ctx)), { replica: flags.replica, codeDir: join(packageRoot(), 'dist/platforms', id), tell });
  if (flags.json) ctx.out(JSON.stringify(report, null, 2));
  else if (!report.ok) ctx.err(`troupe: platform ${id}: ${report.results.filter((r) => !r.ok).length} of ${report.results.length} checks failed`);
  else if (report.replica === null) ctx.out(`${id} loads. It has no replica.js, so nothing was tried on pages: \`troupe platform new\` shows what one looks like.`);
  else ctx.out(`${id} keeps the contract: ${report.results.length} checks passed.`);
  return report.ok ? 0 : 1;
}

async function loadedOne(id: string, dir: string | null): Promise<LoadedPlatform> {
  const own = await ownIds();
  if (own.includes(id)) return (await loadPlatforms('')).find((p) => p.id === id)!;
  if (!dir || !existsSync(join(dir, id))) throw new UsageError(`there is no platform "${id.slice(0, 60)}"${dir ? ` in ${dir}` : ': name the folder that holds it by --dir or TROUPE_PLATFORMS_DIR'}; built in are ${own.join(', ')}`);
  // A module that never lets go must not take this process with it.
  const { leftOut, list: all } = await probePlatforms(dir, LIMIT);
  const extra = all.find((p) => p.id === 'extra' && !p.ok);
  if (extra && !all.some((p) => p.id === id)) throw new UsageError(extra.reason ?? 'the folder is not usable');
  return loadExtra(resolve(dir), id, { limitMs: LIMIT, leftOut });
}

async function begin(args: string[], ctx: VerbContext): Promise<number> {
  const { flags, rest } = readArgs(args, { ...DIR, generic: { type: 'boolean' } }, { least: 1, names: 'the NAME of the new platform is' });
  const id = rest[0]!;
  const root = dirOf(flags.dir, ctx);
  if (!ID.test(id) || id.length > 31) throw new UsageError(`"${id.slice(0, 60)}" is no name of a platform: 1 to 31 lower-case letters, digits and hyphens`);
  if ([...(await ownIds()), 'base', 'generic'].includes(id)) throw new UsageError(`"${id}" is built in: take another name`);
  if (!root) throw new UsageError('say where: --dir DIR, or set TROUPE_PLATFORMS_DIR');
  const folder = join(root, id);
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new UsageError(`${folder} is there already, and is left as it is`);
  const made = existsSync(root) ? [folder] : [root, folder];
  mkdirSync(folder, { recursive: true });
  // Whatever the umask is: a folder that others may write to is never loaded.
  for (const dir of made) chmodSync(dir, 0o755);
  const files = Object.entries(skeleton(id, flags.generic === true));
  for (const [file, text] of files) {
    writeFileSync(join(folder, file), text, { flag: 'wx', mode: 0o644 });
    chmodSync(join(folder, file), 0o644);
  }
  if (flags.json) ctx.out(JSON.stringify({ platform: id, folder, files: files.map(([file]) => file) }, null, 2));
  else {
    ctx.out(`${folder}: ${files.map(([file]) => file).join(', ')}`);
    ctx.out(`Next: troupe platform check ${id}${flags.dir === undefined ? '' : ` --dir ${flags.dir}`}, then make config.json and replica.js those of the real site.`);
  }
  return 0;
}
