import ssh2, { type Client } from 'ssh2';
import { DriverError } from '../contract.ts';
import { asDriverError } from './faults.ts';
import { authId, fingerprintOf, hostPort, type HostKeys, type SshTarget } from './target.ts';

// OpenSSH allows ten sessions a connection.
const SESSIONS = 8;

type Link = { client: Client; users: number; waiting: (() => void)[]; idle: NodeJS.Timeout | null; closed: boolean; retired: boolean; why: DriverError | null; onClose: Set<(why: DriverError) => void> };

export type PoolOptions = {
  /** A link without work is closed after this, ms. */
  idleMs?: number;
  keepaliveMs?: number;
};

/** SSH connections: one for each user, credential, address and pinned host key, shared by whoever asks. */
export class SshPool {
  readonly #idleMs: number;
  readonly #keepaliveMs: number;
  readonly #links = new Map<string, Promise<Link>>();

  constructor(options: PoolOptions = {}) {
    this.#idleMs = options.idleMs ?? 60_000;
    this.#keepaliveMs = options.keepaliveMs ?? 10_000;
  }

  /** Runs `work` on a link; the whole of it, connecting included, has `limitMs`. A link that breaks or is late is not used again. */
  async use<T>(target: SshTarget, hostKeys: HostKeys, limitMs: number, work: (client: Client, signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new DriverError('timeout', `${hostPort(target)} did not answer within ${limitMs / 1000} s`);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(late), limitMs);
    const aborted = new Promise<never>((_, fail) => limit.signal.addEventListener('abort', () => fail(limit.signal.reason as Error), { once: true }));
    aborted.catch(() => {});
    let link: Link | null = null;
    let leave = () => {};
    const broke = (why: DriverError) => limit.abort(why);
    try {
      link = await Promise.race([this.#link(target, hostKeys, limitMs), aborted]);
      const place = this.#enter(link);
      leave = () => place.leave();
      await Promise.race([place.turn, aborted]);
      link.onClose.add(broke);
      if (link.closed) throw link.why ?? asDriverError(new Error('it closed'), target);
      return await Promise.race([work(link.client, limit.signal), aborted]);
    } catch (error) {
      if (link && limit.signal.reason === late) link.retired = true;
      throw asDriverError(error, target);
    } finally {
      clearTimeout(timer);
      link?.onClose.delete(broke);
      leave();
      // Whoever still works on it learns that nobody waits any more.
      limit.abort(late);
    }
  }

  /** How many connections are open or being opened. */
  get size(): number {
    return this.#links.size;
  }

  /** Ends all connections; the next use opens one again. */
  async close(): Promise<void> {
    for (const opening of [...this.#links.values()]) {
      const link = await opening.catch(() => null);
      if (link) end(link);
    }
  }

  async #link(target: SshTarget, hostKeys: HostKeys, limitMs: number): Promise<Link> {
    const pinned = await hostKeys.pinned(hostPort(target));
    const key = JSON.stringify([target.user, authId(target.auth), target.host, target.port, pinned]);
    const known = this.#links.get(key);
    if (known) {
      const link = await known;
      if (!link.closed && !link.retired) return link;
      if (this.#links.get(key) === known) this.#links.delete(key);
      return this.#link(target, hostKeys, limitMs);
    }
    const opening = this.#open(target, hostKeys, pinned, limitMs);
    this.#links.set(key, opening);
    const forget = () => this.#links.get(key) === opening && this.#links.delete(key);
    try {
      const link = await opening;
      link.client.once('close', forget);
      if (link.closed) forget();
      return link;
    } catch (error) {
      forget();
      throw error;
    }
  }

  #open(target: SshTarget, hostKeys: HostKeys, pinned: string | null, limitMs: number): Promise<Link> {
    return new Promise<Link>((done, fail) => {
      const client = new ssh2.Client();
      const link: Link = { client, users: 0, waiting: [], idle: null, closed: false, retired: false, why: null, onClose: new Set() };
      let verdict: DriverError | null = null;
      client.on('ready', () => {
        this.#rest(link);
        done(link);
      });
      client.on('error', (error) => {
        link.why = verdict ?? asDriverError(error, target);
        fail(link.why);
      });
      client.on('close', () => {
        link.closed = true;
        if (link.idle) clearTimeout(link.idle);
        link.why ??= asDriverError(new Error('the other side closed it'), target);
        fail(link.why);
        for (const tell of link.onClose) tell(link.why);
        for (const wake of link.waiting.splice(0)) wake();
      });
      client.on('keyboard-interactive', (_name, _instructions, _lang, prompts, finish) => finish('password' in target.auth && prompts.length === 1 ? [target.auth.password] : []));
      client.connect({
        host: target.host,
        port: target.port,
        username: target.user,
        ...('password' in target.auth ? { password: target.auth.password, tryKeyboard: true } : { privateKey: target.auth.privateKey, passphrase: target.auth.passphrase }),
        readyTimeout: limitMs,
        keepaliveInterval: this.#keepaliveMs,
        keepaliveCountMax: 3,
        // Asked before anything secret is sent; without it ssh2 would take any key.
        hostVerifier: (hostKey: Buffer) => {
          const fingerprint = fingerprintOf(hostKey);
          if (fingerprint === pinned) return true;
          verdict = refusal(target, pinned, fingerprint);
          hostKeys.offered(hostPort(target), fingerprint);
          return false;
        },
      });
    });
  }

  /** Gives what leaves again; to be called whether or not its turn came. */
  #enter(link: Link): { turn: Promise<void>; leave(): void } {
    if (link.idle) clearTimeout(link.idle);
    link.idle = null;
    let inside = link.users < SESSIONS;
    if (inside) link.users++;
    let wake = () => {};
    const turn = inside ? Promise.resolve() : new Promise<void>((done) => (wake = () => ((inside = true), done())));
    if (!inside) link.waiting.push(wake);
    return {
      turn,
      leave: () => {
        const next = inside ? link.waiting.shift() : undefined;
        if (next) next();
        else if (inside) link.users--;
        else link.waiting.splice(link.waiting.indexOf(wake) >>> 0, 1);
        this.#rest(link);
      },
    };
  }

  #rest(link: Link): void {
    if (link.users > 0 || link.closed) return;
    if (link.retired) return void link.client.destroy();
    if (link.idle) clearTimeout(link.idle);
    link.idle = setTimeout(() => end(link), this.#idleMs);
    link.idle.unref();
  }
}

/** Says goodbye; from here on nobody new gets this link. */
function end(link: Link): void {
  link.retired = true;
  link.client.end();
}

/** The pool of this process. */
export const sharedPool = new SshPool();

function refusal(target: SshTarget, pinned: string | null, fingerprint: string): DriverError {
  const details = { fingerprint, host: target.host, port: target.port, ...(pinned === null ? {} : { pinned }) };
  if (pinned === null) return new DriverError('host-key-unknown', `${hostPort(target)} shows the host key ${fingerprint}, which nobody has accepted yet: compare it with that machine (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) and accept it`, details);
  return new DriverError('host-key-changed', `${hostPort(target)} shows the host key ${fingerprint} instead of ${pinned}: it is another machine, or someone in between. Nothing secret was sent. Accept the new key only when you know why it changed`, details);
}
