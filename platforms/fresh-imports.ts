import { register } from 'node:module';

/** What a module of `?troupe=…` imports by a relative path is imported anew as well. */
const HOOK = `export async function resolve(name, context, next) {
  const found = await next(name, context);
  if (!name.startsWith('.') || !context.parentURL || found.url.includes('?')) return found;
  const mark = new URL(context.parentURL).searchParams.get('troupe');
  return mark ? { ...found, url: found.url + '?troupe=' + mark } : found;
}`;

let done = false;

/** Lets changed files of a plugin be imported again. Without the means for it only its first file is. */
export function freshImports(): void {
  if (done) return;
  done = true;
  if (typeof register === 'function') register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
}
