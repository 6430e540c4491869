import { DriverError } from '../contract.ts';

type ApiFault = Error & { statusCode?: number; code?: string; json?: { message?: string } | null };

export const statusOf = (error: unknown): unknown => (error instanceof DriverError ? error.details['status'] : undefined);
export const isAway = (error: unknown): boolean => error instanceof DriverError && (error.kind === 'unreachable' || error.kind === 'timeout');

/** What the daemon answered, or why it didn't, in words. `where` names the daemon. */
export function asDriverError(error: unknown, where: string): DriverError {
  if (error instanceof DriverError) return error;
  const { statusCode, code, message, json } = error as ApiFault;
  const reason = (json?.message ?? message).trim();
  if (statusCode === undefined) {
    if (code === 'EACCES' || code === 'EPERM') return new DriverError('auth', `this user may not talk to Docker at ${where}: add it to the group docker`);
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return new DriverError('unreachable', `Docker does not run at ${where}: start it (for example: systemctl start docker)`);
    return new DriverError('unreachable', `the link to Docker at ${where} failed: ${reason}`);
  }
  if (statusCode === 401 || statusCode === 403) return new DriverError('auth', `Docker refuses us: ${reason}`, { status: statusCode });
  const image = /no such image:?\s*(\S+)/i.exec(reason)?.[1];
  if (image !== undefined) return new DriverError('missing', `the image ${image} is not on that machine: docker pull ${image}`, { status: statusCode, image });
  const network = /network (\S+) not found/i.exec(reason)?.[1];
  if (network !== undefined) return new DriverError('missing', `the network ${network} is not there: docker network create ${network}`, { status: statusCode, network });
  if (/executable file not found|no such file or directory|OCI runtime|exec format/i.test(reason)) return new DriverError('spawn', `Docker can't run it: ${reason}: the image must have /bin/sh`, { status: statusCode });
  if (statusCode === 400 || statusCode === 404 || statusCode === 409 || statusCode === 422) return new DriverError('bad-spec', `Docker refuses it: ${reason}`, { status: statusCode });
  return new DriverError('spawn', `Docker failed: ${reason}`, { status: statusCode });
}
