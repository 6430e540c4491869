import { connect, type NatsConnection } from '@nats-io/transport-node';
import { gatherWrites } from './gather-writes.ts';

export type { NatsConnection };
export type Access = { servers: string | string[]; user: string; pass: string; name?: string; inboxPrefix?: string };

/** A connection that never gives up, and notices a dead link within 10 s. Each user has an inbox prefix of its own. */
export async function openConnection({ servers, user, pass, name, inboxPrefix: prefix }: Access): Promise<NatsConnection> {
  const nc = await connect({
    servers: typeof servers === 'string' ? servers.split(',').map((s) => s.trim()) : servers,
    user,
    pass,
    name: name ?? user,
    inboxPrefix: prefix ?? inboxPrefix(user),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    pingInterval: 5_000,
    maxPingOut: 2,
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    timeout: 5_000,
  });
  gatherWrites(nc);
  return nc;
}

/** A client that may read `_INBOX.>` reads everybody's answers: each user gets its own root. */
export const inboxPrefix = (user: string): string => `_INBOX_${user}`;
