import { existsSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Platform, PlatformConfig, PlatformModule } from './contract.ts';
import { freshImports } from './fresh-imports.ts';
import { kit } from './kit.ts';
import { checkConfig, ID, parseConfig } from './read-config.ts';

export type LoadedPlatform = {
  id: string;
  ok: boolean;
  reason: string | null;
  platform: Platform | null;
  config: PlatformConfig | null;
  /** Makes it anew from another configuration: against a replica. */
  create: ((config: PlatformConfig) => Promise<Platform>) | null;
  /** The folder of its config.json; null where there is none. */
  dir: string | null;
  own: boolean;
};

const HERE = dirname(fileURLToPath(import.meta.url));
/** Compiled code finds the JSON files in the sources that it was built from. */
const SOURCES = basename(dirname(HERE)) === 'dist' ? join(HERE, '..', '..', 'platforms') : HERE;
const METHODS = ['login', 'check', 'comments', 'messages', 'prepare', 'find'] as const;
const NO_PLATFORMS = ['base', 'generic'];

export type LoadOptions = {
  /** How long importing a module, and its `create`, may take, ms. */
  limitMs?: number;
  /** Folders of `extra` that are known to do harm, with the reason. */
  leftOut?: ReadonlyMap<string, string>;
  /** Told before a folder of `extra` is touched. */
  next?(id: string): void;
};

/**
 * Loads every platform folder with a config.json and a platform module (or `"extends": "generic"`), the product's own and those of
 * `extra` (default: TROUPE_PLATFORMS_DIR). A bad one is listed with its reason and stops no other. Never rejects.
 */
export async function loadPlatforms(extra = process.env.TROUPE_PLATFORMS_DIR, options: LoadOptions = {}): Promise<LoadedPlatform[]> {
  const own = await ownIds();
  const loaded = await Promise.all(own.map((id) => loadFrom(id, join(HERE, id), join(SOURCES, id), null, options)));
  if (!extra) return loaded;
  try {
    const root = await realpath(extra);
    await assertPrivate(root);
    for (const id of await folders(root)) loaded.push(await loadExtra(root, id, options));
  } catch (error) {
    loaded.push(bad('extra', null, `TROUPE_PLATFORMS_DIR ${extra}: ${messageOf(error)}`));
  }
  return loaded;
}

/** Loads one folder of `root` anew, past what was imported before. Never rejects. */
export async function loadExtra(root: string, id: string, options: LoadOptions = {}): Promise<LoadedPlatform> {
  const dir = join(root, id);
  const known = options.leftOut?.get(id);
  if (known !== undefined) return bad(id, dir, known);
  if ((await ownIds()).includes(id)) return bad(id, dir, `${dir}: a built-in platform has this name; rename the folder`);
  options.next?.(id);
  return loadFrom(id, dir, dir, root, options);
}

export const ownIds = (): Promise<string[]> => folders(HERE);

/** The folders that may be platforms. */
export async function folders(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((e) => (e.isDirectory() || e.isSymbolicLink()) && !NO_PLATFORMS.includes(e.name) && !e.name.startsWith('.') && e.name !== 'node_modules').map((e) => e.name).sort();
}

async function loadFrom(id: string, codeDir: string, configDir: string, jail: string | null, options: LoadOptions): Promise<LoadedPlatform> {
  const limitMs = options.limitMs ?? 10_000;
  try {
    if (!ID.test(id)) throw new Error('the folder name must be lower-case letters, digits and hyphens');
    const configPath = join(configDir, 'config.json');
    const own = codeIn(codeDir);
    if (!existsSync(configPath)) throw new Error(own ? 'no config.json in the folder' : 'no platform.js and no config.json in the folder');
    if (jail) for (const path of [codeDir, configPath, ...(own ? [own] : [])]) await assertInside(path, jail);
    const json = parseConfig(await readFile(configPath, 'utf8'));
    const extended = (json as { extends?: unknown } | null)?.extends;
    if (extended !== undefined && extended !== 'generic') throw new Error(`config.json: extends: must be "generic", not ${JSON.stringify(extended).slice(0, 60)}`);
    if (extended !== undefined && own) throw new Error(`config.json: extends: the folder has a module of its own (${basename(own)}): take out one of the two`);
    const code = extended === 'generic' ? codeIn(join(HERE, 'generic')) : own;
    if (!code) throw new Error('no platform.js in the folder, and config.json has no "extends": "generic"');
    const module = (await limit(import(await address(code, jail !== null && extended === undefined)), limitMs, 'importing the module')) as Partial<PlatformModule>;
    if (typeof module.create !== 'function') throw new Error('the module exports no function `create`');
    const config = checkConfig(json, module.schema);
    if (config.platform !== id) throw new Error(`config.json names platform "${config.platform}", the folder is "${id}": make them equal`);
    const given = module.create;
    const create = (of: PlatformConfig): Promise<Platform> => limit((async () => given(of, kit))(), limitMs, 'create');
    const platform = await create(config);
    assertShape(platform, id);
    return { id, ok: true, reason: null, platform, config, create, dir: configDir, own: jail === null };
  } catch (error) {
    return { ...bad(id, configDir, messageOf(error)), own: jail === null };
  }
}

const codeIn = (dir: string): string | undefined => ['platform.js', 'platform.mjs', 'platform.ts'].map((name) => join(dir, name)).find((path) => existsSync(path));

/** A file that was imported once stays as it was under its address: a changed one needs another. */
async function address(code: string, fresh: boolean): Promise<string> {
  const { href } = pathToFileURL(code);
  if (fresh) freshImports();
  return fresh ? `${href}?troupe=${Math.round((await newest(dirname(code))) * 1000)}` : href;
}

async function newest(dir: string): Promise<number> {
  const times = await Promise.all((await readdir(dir, { withFileTypes: true })).filter((e) => e.isFile()).map(async (e) => (await stat(join(dir, e.name))).mtimeMs));
  return Math.max(0, ...times);
}

function assertShape(platform: Platform, id: string): void {
  if (platform === null || typeof platform !== 'object') throw new Error('`create` returned no platform');
  if (platform.id !== id) throw new Error(`the platform calls itself "${String(platform.id)}", the folder is "${id}"`);
  const missing = METHODS.filter((name) => typeof platform[name] !== 'function');
  if (missing.length) throw new Error(`the platform lacks ${missing.join(', ')}`);
  if (!Array.isArray(platform.flows) || platform.can === null || typeof platform.can !== 'object') throw new Error('the platform lacks flows or can');
}

/** A folder that others may write to could be swapped under us; a link out of the root could be anything. */
async function assertInside(path: string, root: string): Promise<void> {
  const real = await realpath(path);
  if (real !== root && !real.startsWith(root + sep)) throw new Error(`${path} leads outside ${root}: copy the files instead of linking them`);
  await assertPrivate(real);
}

async function assertPrivate(path: string): Promise<void> {
  const mode = (await stat(path)).mode;
  if (mode & 0o022) throw new Error(`${path} can be changed by other users (mode ${(mode & 0o777).toString(8)}): chmod go-w it`);
}

const limit = <T>(work: Promise<T>, ms: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout;
  work.catch(() => undefined);
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`${what} took over ${ms / 1000} s`)), ms)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};
const bad = (id: string, dir: string | null, reason: string): LoadedPlatform => ({ id, ok: false, reason: reason.slice(0, 500), platform: null, config: null, create: null, dir, own: false });
/** Plugins throw anything. */
export const messageOf = (error: unknown): string => {
  if (error instanceof Error) return error.message || error.name;
  try {
    return `it threw ${JSON.stringify(error) ?? String(error)}`;
  } catch {
    return 'it threw something that is no error';
  }
};
