import type { PlatformConfig } from '../contract.ts';
import type { Field } from './extract.ts';
import { selectorsOf } from './locate.ts';

/** Selectors of config.json as a field; `a.title@href` takes an attribute instead of the text. A name that is not there gives nothing. */
export function fieldOf(config: PlatformConfig, name: string): Field {
  if (!config.selectors[name]) return { from: [] };
  return { from: selectorsOf(config, name).map(partOf) };
}

function partOf(selector: string): string | { css: string; attribute: string } {
  const [, css = '', attribute] = /^(.*?)(?:@([a-zA-Z_][\w:.-]*))?$/s.exec(selector) ?? [];
  return attribute ? { css: css || ':scope', attribute } : css || ':scope';
}
