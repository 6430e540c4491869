import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { describeConfig } from '../../runtime/config.ts';
import { systemApi } from '../../runtime/http/api/system-api.ts';
import { packageRoot } from '../../runtime/package-root.ts';

export const deployDir = join(packageRoot(), 'deploy');

/** Every document of a file below deploy/; throws where one doesn't parse. */
export function documents(file: string): Record<string, any>[] {
  return parseAllDocuments(readFileSync(join(deployDir, file), 'utf8'), { merge: true }).map((doc) => {
    if (doc.errors[0]) throw new Error(`${file}: ${doc.errors[0].message}`);
    return doc.toJS() as Record<string, any>;
  });
}

export const yamlFiles = (): string[] => readdirSync(deployDir, { recursive: true, encoding: 'utf8' }).filter((f) => /\.ya?ml$/.test(f)).sort();

// Read by Chromium, not by us.
const OTHERS = ['HOME'];

/** Names that nobody would read. */
export function unknownVariables(names: string[]): string[] {
  const known = new Set([...describeConfig().map((r) => r.name), ...OTHERS]);
  return names.filter((n) => !known.has(n));
}

/** What the page answers without a sign-in, of itself. */
export const openRoutes = (): string[] => systemApi({} as never, () => []).filter((r) => r.needs === 'public').map((r) => r.path);

/** `4Gi`, `512Mi`, `4G`, `256M` in bytes. */
export function bytesOf(amount: string): number {
  const [, n, unit] = /^(\d+)(Ki|Mi|Gi|K|M|G)$/.exec(amount) ?? [];
  if (n === undefined || unit === undefined) throw new Error(`${amount} is no amount of memory`);
  // Docker's G is 2^30 too.
  return Number(n) * 1024 ** ('KMG'.indexOf(unit[0]!) + 1);
}

/** What looks like a password: an assignment of one, or a long random word. */
export function passwordsIn(text: string): string[] {
  const lines = text.split('\n').filter((l) => !l.trimStart().startsWith('#'));
  return lines.filter((l) => /\b[0-9a-f]{32,}\b/.test(l) || /(PASSWORD|SECRET|TOKEN|PSK)\w*(?<!_FILE)["']?\s*[:=,]/.test(l) || /\/\/[^/\s]+:[^/\s]+@/.test(l) || /^\s*(data|stringData):\s*$/.test(l) && text.includes('kind: Secret'));
}
