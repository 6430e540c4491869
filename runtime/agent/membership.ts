import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import { answer, type JoinRequest, type MachineFacts } from '../../transport/protocol.ts';
import { isId, subjects } from '../../transport/subjects.ts';
import { ConfigError } from '../config.ts';
import { hostId } from '../host-name.ts';
import type { NatsLogin } from '../nats-login.ts';
import { tryServer } from '../nats-server/server-ready.ts';
import { readSecretFile, writeWhole } from '../secrets.ts';
import { agentPassword, agentUser, JOIN_USER, joinPassword, nextUser, pskName } from './passwords.ts';

const shape = z.object({ machine: z.string().refine(isId), install: z.string(), password: z.string().nullable() });
/** Who this machine is to the masters. `password` is null until it has joined. */
export type Identity = z.infer<typeof shape>;

/** The masters or their NATS can't be reached at the very first start: exit code 2. */
export class NotReached extends Error {
  readonly exitCode = 2;
}

export type MembershipOptions = { file: string; servers: string[]; pskFile: string; /** From the command line; else what it joined as, else the host's name. */ machine: string | null; replace: boolean; log: (message: string) => void };

/** The machine's own NATS login, kept at mode 0600: the pre-shared key may be taken away once it has joined. */
export class Membership {
  readonly #o: MembershipOptions;
  #me: Identity;
  #replace: boolean;

  constructor(options: MembershipOptions) {
    this.#o = options;
    this.#replace = options.replace;
    const before = read(options.file);
    const machine = options.machine ?? before?.machine ?? hostId('machine');
    if (!isId(machine)) throw new ConfigError([`--machine ${JSON.stringify(machine.slice(0, 80))}: must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit`]);
    this.#me = before?.machine === machine ? before : { machine, install: before?.install ?? randomBytes(16).toString('hex'), password: null };
  }

  get machine(): string {
    return this.#me.machine;
  }

  get joined(): boolean {
    return this.#me.password !== null;
  }

  get login(): NatsLogin {
    const user = agentUser(this.machine);
    return { servers: this.#o.servers, user, pass: this.#me.password ?? '', inboxPrefix: `_INBOX_${user}`, name: `troupe ${user}` };
  }

  /** The first join. Throws NotReached after `withinMs`, ConfigError for what waiting doesn't mend. */
  async first(facts: MachineFacts, withinMs: number): Promise<void> {
    const psk = readSecretFile(this.#o.pskFile);
    const end = performance.now() + withinMs;
    let refused = 0;
    for (;;) {
      const outcome = await this.#join(psk, facts);
      if (outcome.is === 'joined') return;
      if (outcome.is === 'taken') throw new ConfigError([outcome.why]);
      // A server that reads its users again may refuse for a moment.
      if (outcome.is === 'refused' && ++refused >= 5) throw new ConfigError([`NATS at ${this.#o.servers.join(', ')} refuses the user ${JOIN_USER} (${outcome.why}): WORKER_PSK_FILE (${this.#o.pskFile}) must hold the masters' key, and a master of this version must have started once`]);
      if (performance.now() > end) throw new NotReached(`could not join within ${withinMs / 1000} s: ${outcome.why}`);
      await delay(Math.min(500, withinMs));
    }
  }

  /** Returns once NATS takes the machine's own login; joins again where it doesn't and the key is there. */
  async ready(facts: MachineFacts, signal: AbortSignal): Promise<void> {
    let told = { why: '', at: -Infinity };
    for (let tries = 0; !signal.aborted; tries++) {
      const t = await tryServer(this.login, false);
      if (t.is === 'ready') return;
      // The first refusal may be a server that reads its users again.
      if (t.is === 'silent' || tries > 0) {
        const why = t.is === 'silent' ? `NATS at ${this.#o.servers.join(', ')} does not answer (${t.why})` : await this.#joinAgain(facts);
        if (why === null) return;
        if (why !== told.why || performance.now() - told.at > 30_000) {
          this.#o.log(`${why}; workers are kept running meanwhile`);
          told = { why, at: performance.now() };
        }
      }
      await delay(1000, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Null once it has joined again, else why it can't. */
  async #joinAgain(facts: MachineFacts): Promise<string | null> {
    if (!existsSync(this.#o.pskFile)) return `NATS refuses ${this.login.user}: was this machine joined anew elsewhere? Put the pre-shared key back (${this.#o.pskFile}) to join again`;
    const outcome = await Promise.resolve().then(() => this.#join(readSecretFile(this.#o.pskFile), facts)).catch((error: Error) => ({ is: 'silent' as const, why: error.message }));
    return outcome.is === 'joined' ? null : outcome.why;
  }

  async #join(psk: string, facts: MachineFacts): Promise<{ is: 'joined' } | { is: 'silent' | 'refused' | 'taken'; why: string }> {
    const { machine, install } = this.#me;
    const login = { servers: this.#o.servers, user: JOIN_USER, pass: joinPassword(psk), inboxPrefix: `_INBOX_${JOIN_USER}`, name: `troupe join ${machine}` };
    let t = await tryServer(login, false);
    if (t.is === 'refused') {
      login.user = nextUser(JOIN_USER);
      t = await tryServer(login, false);
    }
    if (t.is !== 'ready') return { is: t.is, why: t.is === 'silent' ? `NATS at ${this.#o.servers.join(', ')} does not answer (${t.why}): set NATS_URL or --master` : t.why };
    try {
      const nc = await connect({ ...login, reconnect: false, timeout: 2000 });
      try {
        const request: JoinRequest = { machine, install, replace: this.#replace, key: pskName(psk), facts };
        const reply = answer.parse((await nc.request(subjects.join(machine), JSON.stringify(request), { timeout: 15_000 })).json());
        if (!reply.ok) return { is: reply.code === 'conflict' ? 'taken' : 'silent', why: reply.message };
      } finally {
        await nc.close();
      }
    } catch (error) {
      return { is: 'silent', why: `no master answered (${(error as Error).message}): is one running?` };
    }
    this.#me = { ...this.#me, password: agentPassword(psk, machine, install) };
    this.#replace = false;
    mkdirSync(dirname(this.#o.file), { recursive: true, mode: 0o700 });
    writeWhole(this.#o.file, `${JSON.stringify(this.#me)}\n`);
    return { is: 'joined' };
  }
}

function read(file: string): Identity | null {
  if (!existsSync(file)) return null;
  try {
    return shape.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw new ConfigError([`${file}: is damaged; delete it, and this machine joins again with the pre-shared key and --replace`]);
  }
}

