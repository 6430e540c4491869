import { existsSync } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Platform, PlatformConfig } from './contract.ts';

export type LoadedPlatform = { id: string; ok: boolean; reason: string | null; platform: Platform | null; config: PlatformConfig | null };

const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
const IMPORT_LIMIT = 10_000;
const HERE = dirname(fileURLToPath(import.meta.url));
/** Compiled code finds the JSON files in the sources that it was built from. */
const SOURCES = basename(dirname(HERE)) === 'dist' ? join(HERE, '..', '..', 'platforms') : HERE;
const METHODS = ['login', 'check', 'comments', 'messages', 'prepare', 'find'] as const;

export const platformConfig = z.strictObject({
  platform: z.string().regex(ID),
  label: z.string().min(1).max(60),
  urls: z.record(z.string(), z.string().min(1)),
  selectors: z.record(z.string(), z.array(z.string().min(1)).min(1)),
  timeouts: z.record(z.string(), z.number().int().min(1).max(3_600_000)),
});

/**
 * Loads every platform folder with a config.json and a platform module, the product's own and those of `extra`
 * (default: TROUPE_PLATFORMS_DIR). A bad one is listed with its reason and stops no other. Never rejects.
 */
export async function loadPlatforms(extra = process.env.TROUPE_PLATFORMS_DIR): Promise<LoadedPlatform[]> {
  const own = await folders(HERE);
  const loaded = await Promise.all(own.map((id) => load(id, join(HERE, id), join(SOURCES, id), null)));
  if (!extra) return loaded;
  try {
    const root = await realpath(extra);
    await assertPrivate(root);
    for (const id of await folders(root)) {
      loaded.push(own.includes(id) ? bad(id, `${join(root, id)}: a built-in platform has this name; rename the folder`) : await load(id, join(root, id), join(root, id), root));
    }
  } catch (error) {
    loaded.push(bad('extra', `TROUPE_PLATFORMS_DIR ${extra}: ${messageOf(error)}`));
  }
  return loaded;
}

async function folders(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((e) => (e.isDirectory() || e.isSymbolicLink()) && e.name !== 'base' && !e.name.startsWith('.')).map((e) => e.name).sort();
}

async function load(id: string, codeDir: string, configDir: string, jail: string | null): Promise<LoadedPlatform> {
  try {
    if (!ID.test(id)) throw new Error('the folder name must be lower-case letters, digits and hyphens');
    const code = ['platform.js', 'platform.mjs', 'platform.ts'].map((name) => join(codeDir, name)).find((path) => existsSync(path));
    if (!code) throw new Error('no platform.js in the folder');
    const configPath = join(configDir, 'config.json');
    if (jail) for (const path of [codeDir, code, configPath]) await assertInside(path, jail);
    const config = readConfig(await readFile(configPath, 'utf8'));
    if (config.platform !== id) throw new Error(`config.json names platform "${config.platform}", the folder is "${id}": make them equal`);
    const module = (await limit(import(pathToFileURL(code).href), 'importing the module')) as { create?: unknown };
    if (typeof module.create !== 'function') throw new Error('the module exports no function `create`');
    const platform = (await limit(Promise.resolve(module.create(config)), 'create')) as Platform;
    assertShape(platform, id);
    return { id, ok: true, reason: null, platform, config };
  } catch (error) {
    return bad(id, messageOf(error));
  }
}

function readConfig(text: string): PlatformConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`config.json is not JSON: ${messageOf(error)}`);
  }
  const parsed = platformConfig.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(`config.json: ${parsed.error.issues.map((i) => `${i.path.join('.') || 'top level'}: ${i.message}`).join('; ')}`);
}

function assertShape(platform: Platform, id: string): void {
  if (platform === null || typeof platform !== 'object') throw new Error('`create` returned no platform');
  if (platform.id !== id) throw new Error(`the platform calls itself "${String(platform.id)}", the folder is "${id}"`);
  const missing = METHODS.filter((name) => typeof platform[name] !== 'function');
  if (missing.length) throw new Error(`the platform lacks ${missing.join(', ')}`);
  if (!Array.isArray(platform.flows) || typeof platform.can !== 'object') throw new Error('the platform lacks flows or can');
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

const limit = <T>(work: Promise<T>, what: string): Promise<T> => {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(`${what} took over ${IMPORT_LIMIT / 1000} s`)), IMPORT_LIMIT)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};
const bad = (id: string, reason: string): LoadedPlatform => ({ id, ok: false, reason: reason.slice(0, 500), platform: null, config: null });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
