import { nextUser } from './agent/passwords.ts';
import type { Config } from './config.ts';
import { loadSecrets, readSecretFile, workerPassword, type NatsRole } from './secrets.ts';

/** What a process needs to speak to NATS as itself: the options of `connect`, `pass` spelled as there. */
export type NatsLogin = { servers: string[]; user: string; pass: string; inboxPrefix: string; name: string };

/** The login of a role. Its inbox prefix is the only one that the server lets it listen on; the operator has the nats CLI's own. */
export function natsLogin(config: Config, role: NatsRole): NatsLogin {
  const user = config.nats.user ?? role;
  const pass = given(config) ?? loadSecrets(config).nats[role];
  return { servers: config.nats.servers, user, pass, inboxPrefix: role === 'operator' ? '_INBOX' : `_INBOX_${role}`, name: `troupe ${role}` };
}

/** The login of a worker: its password is given, or derived from the pre-shared key. */
export function workerLogin(config: Config, workerId: string = config.worker.id): NatsLogin {
  const pass = given(config) ?? workerPassword(readSecretFile(config.nats.pskFile), workerId);
  return { servers: config.nats.servers, user: workerId, pass, inboxPrefix: `_INBOX_${workerId}`, name: `troupe ${workerId}` };
}

/** The same under the name that holders of the next pre-shared key have while there are two. */
export const nextLogin = (login: NatsLogin): NatsLogin => ({ ...login, user: nextUser(login.user) });

function given(config: Config): string | null {
  if (config.nats.password !== null) return config.nats.password;
  return config.nats.passwordFile === null ? null : readSecretFile(config.nats.passwordFile);
}
