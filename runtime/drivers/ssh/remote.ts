import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { DriverError, type DriverFault } from '../contract.ts';
import { findFrame } from './frame.ts';
import type { SshPool } from './pool.ts';
import type { HostKeys, SshTarget } from './target.ts';

// A login shell of any kind takes this in single quotes; it is the same for every request, and what varies goes by stdin.
export const LOADER = 'let t="";process.stdin.setEncoding("utf8").on("data",d=>{t+=d}).on("end",()=>{const i=t.indexOf(String.fromCharCode(0));new Function("require","request",t.slice(0,i))(require,JSON.parse(t.slice(i+1)))})';
export const COMMAND = `/bin/sh -c 'command -v node >/dev/null 2>&1 || { echo; echo TROUPE-NO-NODE; exit 127; }; exec node -e "${LOADER.replaceAll('"', '\\"')}"'`;

let text: string | null = null;
/** What runs on the other machine. */
export const program = (): string => (text ??= readFileSync(join(import.meta.dirname, 'remote.cjs'), 'utf8'));

const MAX_OUTPUT = 8 * 1024 * 1024;
const CHUNK = 32 * 1024;
/** sshd counts a session until it has reaped it: where it has no room for one more, it may have it in a moment. At most half of an operation's time goes into asking. */
const ROOM_WITHIN_MS = 10_000;

export type RemoteOptions = { pool: SshPool; target: SshTarget; hostKeys: HostKeys; limitMs: number };

/** Requests to the program on the other machine, and files for it. Each has a limit in time. */
export class Remote {
  readonly #o: RemoteOptions;
  constructor(options: RemoteOptions) {
    this.#o = options;
  }

  async call<T>(op: string, request: Record<string, unknown>, limitMs = this.#o.limitMs): Promise<T> {
    const id = randomBytes(8).toString('hex');
    const { output, errors } = await this.#use(limitMs, (client, signal) => run(client, COMMAND, `${program()}\0${JSON.stringify({ ...request, id, op })}`, signal, roomOf(limitMs)));
    const frame = findFrame(output, id);
    if (frame?.ok) return frame.value as T;
    if (frame) throw new DriverError(frame.kind as DriverFault, frame.message, frame.details);
    if (/^TROUPE-NO-NODE$/m.test(output)) throw new DriverError('missing', `there is no node on the PATH of ${this.#o.target.user}@${this.#o.target.host}: install Node 20.19 or newer there, for SSH sessions too (for example: apt-get install nodejs, or a link in /usr/local/bin)`);
    const said = (errors.trim() || output.trim()).slice(-300);
    // Node was there and never ran our program to its end.
    if (/SyntaxError|bad option/.test(errors)) throw new DriverError('missing', `the node on that machine is too old or broken: install Node 20.19 or newer there. It said: ${said}`);
    throw new DriverError('unreachable', `the link to ${this.#o.target.host} ended before the answer came${said ? `; it said: ${said}` : ''}`);
  }

  /** Writes a new file of mode 0600; its folders are made with mode 0700. Each part has the limit, the whole has none. */
  async upload(file: string, body: Buffer, onPart: (sent: number) => void = () => {}): Promise<void> {
    const whole = this.#o.limitMs * (1 + Math.ceil(body.length / CHUNK));
    await this.#use(whole, async (client, signal) => {
      const sftp = await this.#within<SFTPWrapper>((done) => void withRoom<SFTPWrapper>((next) => client.sftp(next), signal, roomOf(this.#o.limitMs)).then((s) => done(null, s), done), 'the SFTP subsystem does not answer');
      try {
        await this.#folders(sftp, file.slice(0, file.lastIndexOf('/')));
        const handle = await this.#within<Buffer>((done) => sftp.open(file, 'wx', 0o600, done), `${file} can't be written`);
        for (let at = 0; at < body.length; at += CHUNK) {
          const size = Math.min(CHUNK, body.length - at);
          await this.#within<void>((done) => sftp.write(handle, body, at, size, at, done), `${file} can't be written`);
          onPart(at + size);
        }
        await this.#within<void>((done) => sftp.close(handle, done), `${file} can't be written`);
      } finally {
        sftp.end();
      }
    });
  }

  async #folders(sftp: SFTPWrapper, dir: string): Promise<void> {
    const there = await new Promise<boolean>((done) => sftp.stat(dir, (error, found) => done(!error && found.isDirectory())));
    if (there || dir === '') return;
    await this.#folders(sftp, dir.slice(0, dir.lastIndexOf('/')));
    // Another start may make it at the same moment: only its absence afterwards is a fault.
    await this.#within<void>((done) => sftp.mkdir(dir, { mode: 0o700 }, (error) => sftp.stat(dir, (e) => done(e ? error ?? e : undefined))), `${dir} can't be made`);
  }

  #within<T>(ask: (done: (error?: Error | null, value?: T) => void) => void, what: string): Promise<T> {
    return new Promise<T>((done, fail) => {
      const timer = setTimeout(() => fail(new DriverError('timeout', `${this.#o.target.host}: ${what}: no answer within ${this.#o.limitMs / 1000} s`)), this.#o.limitMs);
      ask((error, value) => {
        clearTimeout(timer);
        if (!error) return done(value as T);
        const refused = /subsystem/i.test(error.message) || /permission|failure|no such/i.test(error.message);
        fail(refused ? new DriverError('missing', `${this.#o.target.user}@${this.#o.target.host}: ${what}: ${error.message}: that user needs SFTP and a folder that it may write to`) : error);
      });
    });
  }

  #use<T>(limitMs: number, work: (client: Client, signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#o.pool.use(this.#o.target, this.#o.hostKeys, limitMs, work);
  }
}

const roomOf = (limitMs: number): number => Math.min(ROOM_WITHIN_MS, limitMs / 2);

/** Opens a session, asking again for a while where the server has as many as it allows. */
async function withRoom<T>(open: (done: (error: Error | undefined, session: T) => void) => void, signal: AbortSignal, withinMs: number): Promise<T> {
  const until = performance.now() + withinMs;
  for (let wait = 25; ; wait = Math.min(wait * 2, 400)) {
    signal.throwIfAborted();
    try {
      return await new Promise<T>((done, fail) => open((error, session) => (error ? fail(error) : done(session))));
    } catch (error) {
      if (!/Channel open failure/.test((error as Error).message)) throw error;
      if (performance.now() + wait > until) throw new DriverError('busy', `the SSH server opens no further session (${(error as Error).message}): is MaxSessions in its sshd_config at least 2?`);
      await delay(wait, undefined, { signal });
    }
  }
}

/** Runs one command to its end. Output past the limit is dropped from the front: the answer comes last. */
async function run(client: Client, command: string, input: string, signal: AbortSignal, roomMs: number): Promise<{ output: string; errors: string }> {
  const channel = await withRoom<ClientChannel>((done) => client.exec(command, done), signal, roomMs);
  return new Promise((done, fail) => {
    const parts: Buffer[] = [];
    let size = 0;
    let errors = '';
    channel.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      while (size > MAX_OUTPUT && parts.length > 1) size -= parts.shift()!.length;
    });
    channel.stderr.on('data', (part: Buffer) => (errors = (errors + part.toString('utf8')).slice(-2000)));
    channel.on('error', fail);
    channel.on('close', () => done({ output: Buffer.concat(parts).toString('utf8'), errors }));
    signal.addEventListener('abort', () => channel.close(), { once: true });
    channel.end(input);
  });
}
