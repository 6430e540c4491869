import { workerPatchFields } from '../../../actors/worker.ts';
import type { Bucket } from '../ports.ts';

type Json = Record<string, unknown>;
/** What a template never holds: whose it is, and secrets. */
const OWN = ['worker_id', 'name', 'secret_env', 'ssh_password'];
const PREFIX = 'template.';

export const templateFields = workerPatchFields.omit({ name: true, secret_env: true, ssh_password: true });

/** A configuration without what is one worker's own. */
export const templateOf = (config: Json): Json => Object.fromEntries(Object.entries(config).filter(([k]) => !OWN.includes(k)));

export async function findTemplate(settings: Bucket, name: string): Promise<Json | null> {
  const bytes = await settings.get(PREFIX + name);
  return bytes && (JSON.parse(Buffer.from(bytes).toString('utf8')) as Json);
}

export async function listTemplates(settings: Bucket): Promise<{ name: string; config: Json }[]> {
  const names = (await settings.keys()).filter((k) => k.startsWith(PREFIX)).map((k) => k.slice(PREFIX.length)).sort();
  const found = await Promise.all(names.map(async (name) => ({ name, config: await findTemplate(settings, name) })));
  return found.filter((t): t is { name: string; config: Json } => t.config !== null);
}

export const saveTemplate = (settings: Bucket, name: string, config: Json): Promise<void> => settings.put(PREFIX + name, JSON.stringify(templateOf(config)));
export const dropTemplate = (settings: Bucket, name: string): Promise<void> => settings.delete(PREFIX + name);
