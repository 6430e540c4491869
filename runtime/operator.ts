import { jetstream } from '@nats-io/jetstream';
import { openConnection, type NatsConnection } from '../transport/connection.ts';
import { withHeaders } from '../transport/mux.ts';
import type { Answer } from '../transport/protocol.ts';
import { HEADER, parseAddress, STREAM, subjects, type Address } from '../transport/subjects.ts';
import type { Config } from './config.ts';
import { natsLogin } from './nats-login.ts';
import { SILENCE, UsageError, type VerbContext } from './verb.ts';

/** A terminal's hand on a running Troupe: the NATS user `operator`, as the nats CLI would be. */
export class Operator {
  readonly nc: NatsConnection;
  private constructor(nc: NatsConnection) {
    this.nc = nc;
  }

  static async open(config: Config): Promise<Operator> {
    const login = natsLogin(config, 'operator');
    const nc = await Promise.race([openConnection({ ...login, name: 'troupe cli' }), new Promise<null>((r) => setTimeout(r, 5_000, null).unref())]);
    if (!nc) throw Object.assign(new Error(`NATS does not answer at ${login.servers.join(', ')}: is troupe up, and is NATS_URL right?`), { exitCode: 69 });
    return new Operator(nc);
  }

  async command(to: Address, verb: string, payload: unknown, id?: string, timeout = 10_000): Promise<Answer> {
    const set = { [HEADER.by]: 'operator:cli', ...(id ? { [HEADER.id]: id } : {}) };
    const msg = await this.nc.request(subjects.cmd(to, verb), JSON.stringify(payload), { timeout, headers: withHeaders(set) }).catch((error: Error) => {
      throw Object.assign(new Error(`no master answered (${error.message}): is one running?`), { exitCode: 69 });
    });
    return msg.json<Answer>();
  }

  /** The stored entries of one actor, or of all of them, oldest first. */
  async *journal(of?: Address): AsyncGenerator<{ subject: string; seq: number; bytes: Uint8Array }> {
    const consumer = await jetstream(this.nc).consumers.get(STREAM.journal, { filter_subjects: of ? [subjects.journal(of)] : undefined } as never);
    let left = (await consumer.info()).num_pending;
    while (left > 0) {
      const messages = await consumer.fetch({ max_messages: Math.min(left, 1_000), expires: 5_000 });
      let got = 0;
      for await (const m of messages) {
        got++;
        yield { subject: m.subject, seq: m.seq, bytes: m.data };
      }
      if (got === 0) throw new Error('the journal stopped answering');
      left -= got;
    }
  }

  close(): Promise<void> {
    return this.nc.close();
  }
}

/** Work beside a running Troupe: opened for it, and closed whatever it ends with. Throws with exit code 69 when NATS does not answer. */
export async function withOperator<T>(ctx: VerbContext, work: (operator: Operator) => Promise<T>): Promise<T> {
  const operator = await Operator.open(ctx.config());
  try {
    return await work(operator);
  } finally {
    await operator.close();
  }
}

/** Looks again while no server answers, as when the leader of a stream was just lost: nothing is changed by looking. Throws the last silence after `forMs`. */
export async function patiently<T>(look: () => Promise<T>, forMs = 30_000): Promise<T> {
  for (const until = performance.now() + forMs; ; ) {
    try {
      return await look();
    } catch (error) {
      if (!SILENCE.has((error as Error).name) || performance.now() > until) throw error;
      await new Promise((r) => setTimeout(r, 300));
    }
  }
}

type Told = { ok: boolean; message?: unknown; [field: string]: unknown };

/** Tells an answer on the terminal, whole with --json; the exit code. */
export function sayAnswer(ctx: VerbContext, answer: Told, json: boolean, said: string | ((answer: Told) => string)): number {
  if (json) ctx.out(JSON.stringify(answer));
  else if (!answer.ok) ctx.err(`troupe: ${String(answer.message)}`);
  else ctx.out(typeof said === 'string' ? said : said(answer));
  return answer.ok ? 0 : 1;
}

export function actorWord(word: string): Address {
  const to = parseAddress(word);
  if (!to) throw new UsageError(`${JSON.stringify(word)} is no actor: use kind/id, like account/demo-1`);
  return to;
}
