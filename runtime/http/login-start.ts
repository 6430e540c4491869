import { Problem } from './problem.ts';
import type { Deps } from './ports.ts';

/** The ways into an account of this platform, the first being the usual one. Empty while nothing is known of it. */
export const methodsOf = (d: Pick<Deps, 'platformList'>, platform: string): string[] => d.platformList().find((p) => p.id === platform && p.ok)?.flows.map((f) => f.id) ?? [];

/** The method to start: the one that was asked for, or the platform's first. Throws 422 for one that the platform does not have. */
export function methodFor(d: Pick<Deps, 'platformList'>, platform: string, asked: string | undefined): string {
  const methods = methodsOf(d, platform);
  if (asked !== undefined && methods.length > 0 && !methods.includes(asked)) throw new Problem(422, 'invalid', `method: ${platform} has no login by ${asked}: use ${methods.join(', ')}`, { field: 'method' });
  return asked ?? methods[0] ?? 'qrcode';
}
