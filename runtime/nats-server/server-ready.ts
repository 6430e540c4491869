import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { ConfigError } from '../config.ts';
import type { NatsLogin } from '../nats-login.ts';
import { FLOOR, isBelow } from './find-server.ts';

/** What a server says of itself. `apiLevel`: 2 is 2.12. */
export type ServerInfo = { version: string; apiLevel: number };

type Try = { is: 'ready'; info: ServerInfo } | { is: 'refused' | 'silent'; why: string };

/** One attempt to log in and ask for the streams; never throws. */
export async function tryServer(login: NatsLogin, withJetStream = true): Promise<Try> {
  let nc;
  try {
    nc = await connect({ ...login, reconnect: false, timeout: 2000, maxReconnectAttempts: 0 });
  } catch (error) {
    const why = (error as Error).message;
    return { is: /authorization|authentication/i.test(`${(error as Error).name} ${why}`) ? 'refused' : 'silent', why };
  }
  try {
    const info = nc.info!;
    // An open server takes any login: it is not ours, and our journal doesn't belong there.
    if (!info.auth_required) return { is: 'refused', why: 'it asks for no password' };
    // The API level is the account's answer: it comes only once JetStream has read its store.
    const level = withJetStream ? (await (await jetstreamManager(nc, { timeout: 2000 })).getAccountInfo()).api.level ?? 0 : 0;
    return { is: 'ready', info: { version: info.version, apiLevel: level } };
  } catch (error) {
    return { is: 'silent', why: (error as Error).message };
  } finally {
    await nc.close().catch(() => undefined);
  }
}

/** Waits until the server takes this login and its JetStream answers. Throws ConfigError when it is too old or not ours, Error after `timeoutMs`. */
export async function serverReady(login: NatsLogin, timeoutMs: number, signal?: AbortSignal): Promise<ServerInfo> {
  const end = performance.now() + timeoutMs;
  let why = '';
  let refusals = 0;
  while (performance.now() < end && !signal?.aborted) {
    const t = await tryServer(login);
    if (t.is === 'ready') {
      if (isBelow(t.info.version, FLOOR)) throw new ConfigError([`${login.servers[0]} runs nats-server ${t.info.version}, Troupe needs ${FLOOR} or newer: upgrade it`]);
      return t.info;
    }
    // A server of ours that reloads its users may refuse once or twice.
    if (t.is === 'refused' && ++refusals >= 5) {
      throw notOurs(login.servers[0]!, t.why);
    }
    why = t.why;
    await delay(100);
  }
  throw new Error(`nats-server at ${login.servers[0]} did not answer within ${timeoutMs / 1000} s (${why}): see data/logs/nats.log`);
}

export const notOurs = (server: string, why: string): ConfigError =>
  new ConfigError([`the nats-server at ${server} is not ours (${why}): stop it, or set NATS_URL to another port`]);
