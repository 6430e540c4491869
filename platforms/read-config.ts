import { z } from 'zod';
import type { ConfigSchema, PlatformConfig } from './contract.ts';

export const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

const common = {
  platform: z.string().regex(ID, 'must be the folder\'s name: lower-case letters, digits and hyphens'),
  label: z.string().min(1).max(60),
  urls: z.record(z.string(), z.string().min(1)),
  selectors: z.record(z.string(), z.array(z.string().min(1)).min(1)),
  timeouts: z.record(z.string(), z.number().int().min(1).max(3_600_000)),
};

/** What every config.json holds, where a platform's module brings no schema of its own. */
export const platformConfig = z.strictObject(common);

/** A fault of a config.json: each issue with the path of its field. */
export class ConfigFault extends Error {
  readonly issues: readonly { field: string; message: string }[];
  constructor(issues: readonly { field: string; message: string }[]) {
    super(`config.json: ${issues.map((i) => `${i.field || 'top level'}: ${i.message}`).join('; ')}`);
    this.name = 'ConfigFault';
    this.issues = issues;
  }
}

export function parseConfig(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`config.json is not JSON: ${(error as Error).message}`);
  }
}

/** Throws ConfigFault. */
export function checkConfig(json: unknown, schema: ConfigSchema = platformConfig): PlatformConfig {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new ConfigFault(parsed.error.issues.map((i) => ({ field: i.path.join('.'), message: i.message })));
}
