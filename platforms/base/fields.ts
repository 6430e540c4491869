import type { PlatformConfig } from '../contract.ts';
import type { Field } from './extract.ts';
import { selectorsOf } from './locate.ts';

/** Selectors of config.json as a field; `a.title@href` takes an attribute instead of the text. A name that is not there gives nothing. */
export function fieldOf(config: PlatformConfig, name: string): Field {
  if (!config.selectors[name]) return { from: [] };
  const list = selectorsOf(config, name);
  const attribute = list.find((s) => s.includes('@'))?.split('@')[1];
  return { from: list.map((s) => s.split('@')[0] || ':scope'), ...(attribute ? { attribute } : {}) };
}
