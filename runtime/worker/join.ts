import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { answer, type WorkerJoin } from '../../transport/protocol.ts';
import { subjects } from '../../transport/subjects.ts';
import { JOIN_USER, joinPassword, nextUser } from '../agent/passwords.ts';
import { ConfigError, type Config } from '../config.ts';
import { nextLogin, workerLogin } from '../nats-login.ts';
import { tryServer } from '../nats-server/server-ready.ts';
import { readSecretFile } from '../secrets.ts';

/**
 * Asks the masters for a NATS user when the server doesn't know this worker yet; only holders of the pre-shared key can.
 * Returns once the server takes the worker's login; waits for one that does not answer.
 */
export async function joinAsWorker(config: Config, log: (message: string) => void): Promise<void> {
  if (config.nats.user !== null || config.nats.password !== null || config.nats.passwordFile !== null) return;
  const { id } = config.worker;
  const psk = readSecretFile(config.nats.pskFile);
  const join = { servers: config.nats.servers, user: JOIN_USER, pass: joinPassword(psk), inboxPrefix: `_INBOX_${JOIN_USER}`, name: `troupe join ${id}` };
  const began = performance.now();
  for (let refused = 0, told = ''; ; await delay(500)) {
    const own = await tryServer(workerLogin(config), false);
    if (own.is === 'ready') return;
    // One that is late may yet refuse: taken for a server that is not there, the worker would wait for ever without having joined.
    if (own.is === 'silent') {
      const text = `${id} waits for NATS at ${config.nats.servers.join(', ')}: is it up?`;
      if (text !== told && performance.now() - began > 2000) log((told = text));
      continue;
    }
    if ((await tryServer(nextLogin(workerLogin(config)), false)).is === 'ready') return;
    let as = join;
    let asked = await tryServer(as, false);
    if (asked.is === 'refused') asked = await tryServer((as = { ...join, user: nextUser(JOIN_USER) }), false);
    // A server that reads its users again may refuse for a moment.
    if (asked.is === 'refused' && ++refused >= 10) throw new ConfigError([`NATS at ${config.nats.servers.join(', ')} takes neither ${id} nor ${JOIN_USER}: WORKER_PSK_FILE (${config.nats.pskFile}) must hold the masters' key`]);
    if (asked.is !== 'ready') continue;
    const why = await request(as, id);
    if (why === null) return;
    if (why.for === 'ever') throw new ConfigError([why.text]);
    if (why.text !== told) log((told = why.text));
  }
}

async function request(login: Parameters<typeof connect>[0], id: string): Promise<{ for: 'ever' | 'now'; text: string } | null> {
  try {
    const nc = await connect({ ...login, reconnect: false, timeout: 2000 });
    try {
      const reply = answer.parse((await nc.request(subjects.join(id), JSON.stringify({ worker: id } satisfies WorkerJoin), { timeout: 15_000 })).json());
      return reply.ok ? null : { for: reply.code === 'invalid' ? 'ever' : 'now', text: `${id} may not join yet: ${reply.message}` };
    } finally {
      await nc.close();
    }
  } catch (error) {
    return { for: 'now', text: `${id} waits for a master to let it join (${(error as Error).message})` };
  }
}
