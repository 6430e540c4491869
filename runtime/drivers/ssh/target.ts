import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import ssh2 from 'ssh2';
import { DriverError } from '../contract.ts';

/** A key is the text of the key itself, from the key store; never a path. */
export type SshAuth = { privateKey: string; passphrase?: string } | { password: string };

export type SshTarget = { host: string; port: number; user: string; auth: SshAuth };

/** Who may answer under an address. Fingerprints are `SHA256:base64`, as ssh-keygen prints them. */
export interface HostKeys {
  /** The fingerprint that a person has accepted for `host:port` (IPv6 in brackets); null when nobody has. */
  pinned(hostPort: string): Promise<string | null>;
  /** A server showed a key that is not the pinned one. */
  offered(hostPort: string, fingerprint: string): void;
}

const HOST = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$/;
const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/;

/** Throws 'bad-spec' with the field and the fix. */
export function checkTarget({ host, port, user, auth }: SshTarget): void {
  if (!HOST.test(host) && isIP(host) === 0) throw bad('ssh_host', host, 'must be a host name or an IP address, without user, port or options');
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw bad('ssh_port', port, 'must be 1 to 65535');
  if (!USER.test(user)) throw bad('ssh_user', user, 'must be a login name: letters, digits, dots, hyphens and underscores, starting with a letter');
  if ('password' in auth) {
    if (auth.password === '') throw new DriverError('bad-spec', 'ssh_password is empty: give a password, or choose a key');
    return;
  }
  const key = ssh2.utils.parseKey(auth.privateKey, auth.passphrase);
  if (!(key instanceof Error)) return;
  if (/encrypted/i.test(key.message) && auth.passphrase === undefined) throw new DriverError('bad-spec', 'the SSH key is encrypted: give its passphrase too');
  if (/integrity|passphrase|decrypt|bad decrypt/i.test(key.message)) throw new DriverError('bad-spec', 'the SSH key can\'t be opened with this passphrase: check the passphrase');
  throw new DriverError('bad-spec', 'the SSH key is not a private key: store the text of an OpenSSH or PEM private key');
}

export const hostPort = (t: Pick<SshTarget, 'host' | 'port'>): string => `${isIP(t.host) === 6 ? `[${t.host}]` : t.host}:${t.port}`;

/** Names a credential without telling it. */
export const authId = (auth: SshAuth): string =>
  createHash('sha256').update(JSON.stringify('password' in auth ? ['password', auth.password] : ['key', auth.privateKey, auth.passphrase ?? null])).digest('base64url');

export const fingerprintOf = (key: Buffer): string => `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

const bad = (field: string, value: unknown, fix: string) => new DriverError('bad-spec', `${field} ${JSON.stringify(String(value).slice(0, 80))}: ${fix}`, { field });
