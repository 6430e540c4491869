import type { NatsConnection } from '@nats-io/nats-core';
import { joinRequest, workerJoin, type Answer, type MachineFacts } from '../../transport/protocol.ts';
import { parseMachine, subjects } from '../../transport/subjects.ts';
import type { Config } from '../config.ts';
import { admitMachine, admitWorker, MachineTaken } from '../nats-server/admit-worker.ts';
import type { Secrets } from '../secrets.ts';

export type ServeJoins = {
  nc: NatsConnection;
  config: Config;
  secrets: Secrets;
  log: (level: 'info' | 'warn', message: string) => void;
  /** A machine has a user of its own now, or asked for it again. */
  joined(machine: string, facts: MachineFacts): void;
};

/** Answers machines that ask to join; one master answers each. Only holders of the pre-shared key get to ask. */
export function serveJoins({ nc, config, secrets, log, joined }: ServeJoins): { stop(): void } {
  // One at a time: each rewrites the file of users.
  let last: Promise<void> = Promise.resolve();
  const admit = async (subject: string, data: unknown): Promise<Answer> => {
    const machine = parseMachine(subject);
    const worker = workerJoin.safeParse(data);
    if (worker.success && worker.data.worker === machine) return admitOne(machine);
    const read = joinRequest.safeParse(data);
    if (!read.success || machine === null || read.data.machine !== machine) return { ok: false, code: 'invalid', message: `the request of ${subject} can't be read: does the agent have the master's version?` };
    const { install, replace, key, facts } = read.data;
    try {
      await admitMachine(config, secrets, machine, install, replace, key ?? null);
    } catch (error) {
      const taken = error instanceof MachineTaken;
      log('warn', `machine ${machine} may not join: ${(error as Error).message}`);
      return { ok: false, code: taken ? 'conflict' : 'unavailable', message: (error as Error).message };
    }
    log('info', `machine ${machine} has joined from ${facts.host}`);
    joined(machine, facts);
    return { ok: true };
  };
  const admitOne = async (worker: string): Promise<Answer> => {
    try {
      await admitWorker(config, secrets, worker);
    } catch (error) {
      log('warn', `worker ${worker} may not join: ${(error as Error).message}`);
      return { ok: false, code: /^worker id /.test((error as Error).message) ? 'invalid' : 'unavailable', message: (error as Error).message };
    }
    log('info', `worker ${worker} has joined`);
    return { ok: true };
  };
  const sub = nc.subscribe(subjects.join('*'), {
    queue: 'joins',
    callback: (error, msg) => {
      if (error) return;
      last = last.then(async () => {
        const answer = await Promise.resolve().then(() => admit(msg.subject, msg.json())).catch((e: Error): Answer => ({ ok: false, code: 'invalid', message: e.message }));
        if (!nc.isClosed()) msg.respond(JSON.stringify(answer));
      });
    },
  });
  return { stop: () => void (nc.isClosed() || sub.unsubscribe()) };
}
