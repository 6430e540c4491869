import { DriverError } from '../contract.ts';
import { hostPort, type SshTarget } from './target.ts';

type SshFault = Error & { level?: string; code?: string | number };

/** What went wrong with a link, in words for a person who looks after that machine. */
export function asDriverError(error: unknown, target: SshTarget): DriverError {
  if (error instanceof DriverError) return error;
  const { level, code, message } = error as SshFault;
  const where = hostPort(target);
  if (level === 'client-authentication') return new DriverError('auth', `${target.user}@${where} refused our ${'password' in target.auth ? 'password: check it' : 'key: add its public half to that user\'s authorized_keys'}`);
  if (level === 'client-timeout' || code === 'ETIMEDOUT' || /timed out/i.test(message)) return new DriverError('timeout', `${where} did not answer in time`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new DriverError('unreachable', `${target.host} has no address: check the host's name`);
  if (code === 'ECONNREFUSED') return new DriverError('unreachable', `nothing listens on ${where}: is the SSH server running there?`);
  if (/Bad packet length/i.test(message)) return new DriverError('unreachable', `${where} sends more at once than SSH allows: shorten its banner (35,000 bytes at most)`);
  return new DriverError('unreachable', `the link to ${where} failed: ${message}`);
}

/** Faults that may pass by themselves: worth another try, and no news of the process. */
export const mayPass = (error: unknown): boolean => error instanceof DriverError && ['unreachable', 'timeout', 'busy'].includes(error.kind);
