import { realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { DriverError } from '../contract.ts';

export type Mount = { Type: 'bind'; Source: string; Target: string; ReadOnly: boolean };

export type MountRules = {
  /** Folders below which a mount may begin. */
  allowed: string[];
  /** Where the daemon listens: never to be seen in a container. */
  sockets: string[];
  /** The daemon runs elsewhere: its links can't be followed from here, so the text of the path decides. */
  remote: boolean;
};

const TAKEN = ['/', '/.troupe', '/proc', '/sys', '/dev', '/etc', '/bin', '/sbin', '/lib', '/lib64', '/usr'];

/** `host:container[:ro|rw]` to binds. Throws 'bad-spec' for whatever leads out of the allowed folders. */
export function mountsOf(volumes: readonly string[], rules: MountRules): Mount[] {
  return volumes.map((text) => {
    const refuse = (why: string) => new DriverError('bad-spec', `docker_volumes ${JSON.stringify(text.slice(0, 120))}: ${why}`, { field: 'docker_volumes' });
    const [source, target, mode = 'rw', ...more] = text.split(':');
    if (source === undefined || target === undefined || more.length > 0 || !['ro', 'rw'].includes(mode)) throw refuse('must be host:container, or host:container:ro');
    if (/[\x00-\x1f\x7f]/.test(text) || !posix.isAbsolute(source) || !posix.isAbsolute(target)) throw refuse('both paths must be absolute, without control characters');
    const inside = trimmed(target);
    if (TAKEN.some((t) => inside === t || (t !== '/' && below(inside, t)))) throw refuse(`${inside} belongs to the image: mount somewhere else`);
    const from = real(source, rules.remote);
    if (from === null) throw refuse(`${source} does not exist: make it first`);
    if (from === '/') throw refuse('the whole file system is never mounted');
    for (const socket of ['/run/docker.sock', '/var/run/docker.sock', ...rules.sockets].flatMap((s) => [s, real(s, rules.remote) ?? s])) {
      if (from === socket || below(socket, from)) throw refuse('it would show the Docker socket to the container');
    }
    if (!rules.remote && statSync(from).isSocket()) throw refuse('sockets are not mounted');
    if (!rules.allowed.some((root) => isBelow(from, real(root, rules.remote)))) throw refuse(rules.allowed.length > 0 ? `only what is below ${rules.allowed.join(', ')} may be mounted` : 'no folder is allowed for mounts: name some in the driver\'s settings');
    return { Type: 'bind', Source: from, Target: inside, ReadOnly: mode === 'ro' };
  });
}

const trimmed = (path: string) => posix.normalize(path).replace(/(?<=.)\/$/, '');
const below = (path: string, root: string) => path.startsWith(`${root}/`);
const isBelow = (path: string, root: string | null) => root !== null && root !== '/' && (path === root || below(path, root));

function real(path: string, remote: boolean): string | null {
  if (remote) return trimmed(path);
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
