import { existsSync } from 'node:fs';

export type Surroundings = { platform: NodeJS.Platform; env: Record<string, string | undefined>; exists(path: string): boolean };

/** Order: what somebody said, Kubernetes, a container, the operating system. `seed` asks for the container first, as the seed wrote it. */
export function detectGroup(said: string | null, rule: 'troupe' | 'seed', at: Surroundings = { platform: process.platform, env: process.env, exists: existsSync }): string {
  if (said !== null) return said;
  // A pod that gets no token has no such folder; the variable it always has.
  const k8s = at.exists('/var/run/secrets/kubernetes.io') || (rule !== 'seed' && at.env['KUBERNETES_SERVICE_HOST']) ? 'k8s' : null;
  const docker = at.exists('/.dockerenv') ? 'docker' : null;
  const found = rule === 'seed' ? (docker ?? k8s) : (k8s ?? docker);
  return found ?? { linux: 'linux', darwin: 'darwin', win32: 'windows' }[at.platform as 'linux'] ?? 'default';
}
