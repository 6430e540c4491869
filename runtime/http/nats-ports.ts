import { headers as natsHeaders, NoRespondersError, nuid, RequestError, TimeoutError, type NatsConnection } from '@nats-io/nats-core';
import { jetstream } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import { answer, heartbeat, machineHeartbeat, type Heartbeat, type MachineHeartbeat, type Note } from '../../transport/protocol.ts';
import { HEADER, subjects } from '../../transport/subjects.ts';
import type { Bucket, Commands, Deps } from './ports.ts';

const PATIENCE_MS = 10_000;

/** Commands by NATS request. What goes wrong on the way is an answer too, with the way out. */
export const natsCommands = (nc: NatsConnection): Commands => async (to, verb, payload, { by, id, request }) => {
  const headers = natsHeaders();
  headers.set(HEADER.by, by);
  if (id) headers.set(HEADER.id, id);
  if (request) headers.set(HEADER.request, request);
  try {
    const reply = await nc.request(subjects.cmd(to, verb), JSON.stringify(payload), { timeout: PATIENCE_MS, headers });
    return answer.parse(reply.json());
  } catch (error) {
    if (error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders())) return { ok: false, code: 'unavailable', message: 'no master is running: start one with troupe up or troupe master' };
    if (error instanceof TimeoutError || error instanceof RequestError) return { ok: false, code: 'timeout', message: `no answer within ${PATIENCE_MS / 1000} s: it may still happen; look at its state before trying again` };
    return { ok: false, code: 'unavailable', message: `NATS: ${(error as Error).message}` };
  }
};

/** A bucket that first-time set-up made. It is looked up when first used, so that pages start before it. */
export function natsBucket(nc: NatsConnection, name: string): Bucket {
  const kvm = new Kvm(nc);
  let opening: Promise<KV> | null = null;
  const kv = () => (opening ??= kvm.open(name).catch((error: unknown) => {
    opening = null;
    throw error;
  }));
  return {
    async get(key) {
      const entry = await (await kv()).get(key);
      return entry && entry.operation === 'PUT' ? entry.value : null;
    },
    async put(key, value) {
      await (await kv()).put(key, value);
    },
    async create(key, value) {
      try {
        await (await kv()).create(key, value);
        return true;
      } catch (error) {
        if (/wrong last sequence/i.test((error as Error).message)) return false;
        throw error;
      }
    },
    async delete(key) {
      await (await kv()).delete(key);
    },
    async keys() {
      const found: string[] = [];
      for await (const key of await (await kv()).keys()) found.push(key);
      return found;
    },
  };
}

export const natsMarks = (nc: NatsConnection): Deps['markRead'] => async (account, what, by) => {
  await jetstream(nc).publish(subjects.data(account, 'read'), JSON.stringify({ ...what, at: Date.now(), by }));
};

/** Stores a line of the audit; one that can't be stored is in the log, and what it tells of goes on. */
export const natsAudit = (nc: NatsConnection, now: () => number, failed: (line: Note, why: string) => void): Deps['audit'] => async (what) => {
  const line: Note = { is: 'audit', key: `n${nuid.next()}`, at: now(), ...what };
  try {
    await jetstream(nc).publish(subjects.note('audit', 'web'), JSON.stringify(line), { msgID: line.key, timeout: 2000, retries: 2 });
  } catch (error) {
    failed(line, (error as Error).message);
  }
};

/** Hands on every heartbeat that is one. */
export const hearBeats = (nc: NatsConnection, take: (beat: Heartbeat) => void): void =>
  hear(nc, subjects.hb('*'), (body, subject) => {
    const beat = heartbeat.safeParse(body);
    if (beat.success && subject === subjects.hb(beat.data.worker)) take(beat.data);
  });

/** The same of machines' agents. */
export const hearMachines = (nc: NatsConnection, take: (beat: MachineHeartbeat) => void): void =>
  hear(nc, subjects.mhb('*'), (body, subject) => {
    const beat = machineHeartbeat.safeParse(body);
    if (beat.success && subject === subjects.mhb(beat.data.machine)) take(beat.data);
  });

function hear(nc: NatsConnection, subject: string, take: (body: unknown, subject: string) => void): void {
  nc.subscribe(subject, {
    callback: (error, msg) => {
      if (error) return;
      try {
        take(msg.json(), msg.subject);
      } catch {
        // Not JSON: a stranger's message, of no use here.
      }
    },
  });
}
