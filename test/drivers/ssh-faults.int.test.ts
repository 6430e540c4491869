import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Exit } from '../../runtime/drivers/contract.ts';
import { SshPool } from '../../runtime/drivers/ssh/pool.ts';
import { Remote } from '../../runtime/drivers/ssh/remote.ts';
import { SshDriver, type SshHandle, type SshOptions } from '../../runtime/drivers/ssh/ssh-driver.ts';
import { noSshd, pins, sshServer, type SshServer } from './ssh-server.ts';

// Says that it hangs, and does, while it is told to.
const HANGS = 'cd "$(dirname "$0")"; if [ -e hang ]; then : > hanging; sleep 60; fi; exec sh -c "$SSH_ORIGINAL_COMMAND"';
const FOREVER = 'console.log("up"); setInterval(() => {}, 1000)';

describe('faults over SSH', () => {
  if (noSshd !== null) return void it('needs a server', (t) => t.skip(noSshd!));
  let server: SshServer;
  let installDir: string;
  let driver: SshDriver;
  const drivers: SshDriver[] = [];
  const handles: SshHandle[] = [];
  beforeAll(async () => {
    server = await sshServer();
    installDir = join(server.dir, 'install');
  });
  afterAll(() => server.close());
  const known = () => pins({ [`127.0.0.1:${server.port}`]: server.fingerprint() });
  const make = (more: Partial<SshOptions> = {}) => {
    const made = new SshDriver({ ...server.target, hostKeys: known(), installDir, pollMs: 30, pool: new SshPool(), ...more });
    drivers.push(made);
    return made;
  };
  beforeEach(() => {
    driver = make();
  });
  afterEach(async () => {
    server.signal('SIGCONT');
    await server.down();
    await server.up();
    driver = make();
    for (const handle of handles.splice(0)) await driver.stop(handle, 0);
    for (const each of drivers.splice(0)) await each.close();
    rmSync(installDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
  const start = async (script: string, more: { key?: string; env?: Record<string, string>; args?: string[] } = {}, by = driver) => {
    const handle = await by.start({ command: process.execPath, args: ['-e', script, ...(more.args ?? [])], env: more.env ?? {}, cwd: server.dir }, more.key ?? 'w');
    handles.push(handle);
    return handle;
  };
  const lines = async (handle: SshHandle) => (await driver.logs(handle, { tail: 100 })).lines;
  /** The server with other settings, for the rest of a test. */
  const served = async (settings: string) => {
    await server.down();
    await server.up(settings);
  };
  /** A command that sshd runs around each of ours; files go through untouched. */
  const around = async (body: string) => {
    const script = join(server.dir, 'around');
    writeFileSync(script, `#!/bin/sh\ncase "$SSH_ORIGINAL_COMMAND" in *sftp*) exec ${sftpServer()} ;; esac\n${body}\n`);
    chmodSync(script, 0o755);
    await served(`ForceCommand ${script}`);
  };
  /** Returns once a command hangs; the next will not. */
  const hangs = async () => {
    await expect.poll(() => existsSync(join(server.dir, 'hanging')), { timeout: 15_000 }).toBe(true);
    for (const name of ['hang', 'hanging']) rmSync(join(server.dir, name));
  };
  const authLines = (since: number) => server.log().slice(since).split('\n').filter((l) => /userauth|Failed|Accepted|Postponed/.test(l) && !/userauth_banner/.test(l));

  it('asks a person about a host key that nobody has accepted, and shows no credential before', async () => {
    const before = server.log().length;
    const asked = pins({});
    for (const auth of [server.target.auth, { password: 'canary-5b1e' }]) {
      await expect(make({ hostKeys: asked, auth }).start({ command: 'true', args: [], env: {}, cwd: '/' }, 'w')).rejects.toMatchObject({ kind: 'host-key-unknown', details: { fingerprint: server.fingerprint(), host: '127.0.0.1', port: server.port } });
    }
    expect(asked.offers).toEqual([[`127.0.0.1:${server.port}`, server.fingerprint()], [`127.0.0.1:${server.port}`, server.fingerprint()]]);
    await expect.poll(() => server.log().slice(before)).toMatch(/Disconnected|Connection (closed|reset)/);
    expect(authLines(before)).toEqual([]);
    asked.entries[`127.0.0.1:${server.port}`] = server.fingerprint();
    expect(await make({ hostKeys: asked }).health()).toEqual({ is: 'healthy', why: '' });
    expect(authLines(before).join()).toMatch(/Accepted publickey/);
  });

  it('refuses a changed host key before any secret is sent', async () => {
    const hostKeys = known();
    expect((await make({ hostKeys }).health()).is).toBe('healthy');
    server.newHostKey();
    await served('');
    const before = server.log().length;
    const refused = make({ hostKeys, auth: { password: 'canary-5b1e' } });
    await expect(refused.list()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ kind: 'host-key-changed', message: expect.stringContaining(server.fingerprint()) });
    await expect.poll(() => server.log().slice(before)).toMatch(/Disconnected|Connection (closed|reset)/);
    expect(authLines(before)).toEqual([]);
    expect(hostKeys.offers.at(-1)).toEqual([`127.0.0.1:${server.port}`, server.fingerprint()]);
  });

  it('says so when the key or the password is refused, or nothing listens', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(server.dir, 'stranger')]);
    await expect(make({ auth: { privateKey: readFileSync(join(server.dir, 'stranger'), 'utf8') } }).stats({} as SshHandle)).rejects.toMatchObject({ kind: 'auth', message: expect.stringContaining('authorized_keys') });
    const wrong = make({ auth: { password: 'canary-5b1e' } });
    const failure = await wrong.stats({} as SshHandle).catch((e: Error) => e);
    expect(failure).toMatchObject({ kind: 'auth', message: expect.stringContaining('password') });
    expect(JSON.stringify(failure) + String(failure)).not.toContain('canary-5b1e');
    await server.down();
    await expect(driver.stats({} as SshHandle)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('is the SSH server running') });
    expect(await driver.health()).toMatchObject({ is: 'unhealthy' });
  });

  it('opens a key with its passphrase', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'open sesame', '-f', join(server.dir, 'locked')]);
    writeFileSync(join(server.dir, 'authorized_keys'), readFileSync(join(server.dir, 'locked.pub')), { flag: 'a' });
    const privateKey = readFileSync(join(server.dir, 'locked'), 'utf8');
    expect((await make({ auth: { privateKey, passphrase: 'open sesame' } }).health()).is).toBe('healthy');
    expect(() => make({ auth: { privateKey } })).toThrow(/passphrase/);
    expect(() => make({ auth: { privateKey, passphrase: 'wrong' } })).toThrow(/passphrase/);
  });

  it('adopts what a start left whose answer was lost with the link', async () => {
    await around('sh -c "$SSH_ORIGINAL_COMMAND" > /dev/null; kill -9 $PPID');
    const script = `require("fs").appendFileSync("starts", "x"); ${FOREVER}`;
    await expect(start(script)).rejects.toMatchObject({ kind: 'unreachable' });
    await served('');
    const noted = JSON.parse(readFileSync(join(installDir, 'run', 'w', 'handle.json'), 'utf8')) as SshHandle;
    const handle = await start(script);
    expect(handle).toEqual(noted);
    await expect.poll(() => lines(handle)).toContain('up');
    expect(readFileSync(join(server.dir, 'starts'), 'utf8')).toBe('x');
    rmSync(join(server.dir, 'starts'));
  });

  it('adopts what a start left that died between its note and the pid', async () => {
    const handle = await start(FOREVER);
    writeFileSync(join(handle.dir, 'handle.json'), JSON.stringify({ ...handle, pid: null, startTime: null }));
    expect(await make().start({ command: 'false', args: [], env: {}, cwd: '/' }, 'w')).toEqual(handle);
  });

  it('gives up a hung machine at the limit, and works on once it answers', async () => {
    const slow = make({ limitMs: 3000 });
    const handle = await start(FOREVER, {}, slow);
    server.signal('SIGSTOP');
    const at = performance.now();
    await expect(slow.recover(handle)).rejects.toMatchObject({ kind: 'timeout' });
    expect(performance.now() - at).toBeLessThan(6000);
    server.signal('SIGCONT');
    await expect.poll(() => slow.recover(handle).catch((e: Error) => e.message), { timeout: 15_000 }).toBe('running');
  });

  it('gives up a command that hangs, and leaves other operations alone', async () => {
    await around(HANGS);
    const slow = make({ limitMs: 3000 });
    writeFileSync(join(server.dir, 'hang'), '');
    const hung = slow.health();
    await hangs();
    expect((await slow.health()).is).toBe('healthy');
    expect(await hung).toMatchObject({ is: 'unhealthy', why: expect.stringContaining('3 s') });
    expect((await slow.health()).is).toBe('healthy');
  });

  it('notices a link that dies in the middle of an operation', async () => {
    await around(HANGS);
    expect((await driver.health()).is).toBe('healthy');
    writeFileSync(join(server.dir, 'hang'), '');
    const asked = driver.stats({ nonce: 'x' } as SshHandle).catch((e: unknown) => e);
    await hangs();
    await server.down();
    expect(await asked).toMatchObject({ kind: 'unreachable' });
    await server.up();
    expect((await driver.health()).is).toBe('healthy');
  });

  it('takes a link that is down for no exit, and tells the true one later', async () => {
    const handle = await start(`require("fs").watch(".", (_, name) => { if (name === "end") process.exit(5) }); ${FOREVER}`);
    await expect.poll(() => lines(handle)).toContain('up');
    let exit: Exit | null = null;
    const ended = driver.wait(handle, new AbortController().signal).then((e) => (exit = e));
    await delay(200);
    await server.down();
    await delay(500);
    expect(exit).toBeNull();
    await server.up();
    await delay(500);
    expect(exit).toBeNull();
    expect(await driver.recover(handle)).toBe('running');
    await server.down();
    writeFileSync(join(server.dir, 'end'), '');
    await expect.poll(() => existsSync(`/proc/${handle.pid}`)).toBe(false);
    expect(exit).toBeNull();
    await server.up();
    expect(await ended).toMatchObject({ code: 5, signal: null });
    rmSync(join(server.dir, 'end'));
  });

  it('tells what to install where there is no node, or one too old', async () => {
    const empty = join(server.dir, 'empty');
    mkdirSync(empty, { recursive: true });
    await served(`SetEnv PATH=${empty}`);
    await expect(start(FOREVER)).rejects.toMatchObject({ kind: 'missing', message: expect.stringMatching(/install Node 20\.19 or newer/) });
    expect((await driver.health()).is).toBe('undetected');
    writeFileSync(join(empty, 'old.cjs'), 'Object.defineProperty(process.versions, "node", { value: "18.20.4" })');
    writeFileSync(join(empty, 'node'), `#!/bin/sh\nexec ${process.execPath} -r ${empty}/old.cjs "$@"\n`);
    chmodSync(join(empty, 'node'), 0o755);
    await expect(start(FOREVER)).rejects.toMatchObject({ kind: 'missing', message: expect.stringMatching(/18\.20\.4.*too old/) });
    writeFileSync(join(empty, 'node'), '#!/bin/sh\necho "SyntaxError: Unexpected token" >&2; exit 1\n');
    await expect(start(FOREVER)).rejects.toMatchObject({ kind: 'missing', message: expect.stringContaining('SyntaxError') });
  });

  it('hears its answer through noise: a banner, a long motd, half lines, lines that look like answers', async () => {
    writeFileSync(join(server.dir, 'banner'), 'BANNER '.repeat(4_000));
    writeFileSync(join(server.dir, 'motd'), `${'x'.repeat(99)}\n`.repeat(10_500));
    await around(`cat ${join(server.dir, 'motd')}; echo noise >&2; echo 'TROUPE{"id":"0","ok":true,"value":null}'; echo 'TROUPE{'; printf 'no end of line'; sh -c "$SSH_ORIGINAL_COMMAND"; echo bye`);
    await server.down();
    await server.up(`Banner ${join(server.dir, 'banner')}\nForceCommand ${join(server.dir, 'around')}`);
    const handle = await start(FOREVER);
    expect(await driver.recover(handle)).toBe('running');
    await expect.poll(() => lines(handle)).toEqual(['up']);
    writeFileSync(join(server.dir, 'banner'), 'BANNER '.repeat(20_000));
    await expect(make().recover(handle)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('banner') });
  });

  it('runs nothing that stands in settings: keys, values, arguments, folders', async () => {
    const canary = join(server.dir, 'canary');
    const touch = `touch ${canary}`;
    const hostile = [`$(${touch})`, `\`${touch}\``, `"; ${touch}; "`, `'; ${touch}; '`, `' && ${touch} #`, `\n${touch}\n`, `|${touch}`, `\\'; ${touch}`, '${IFS}', 'TROUPE{"ok":true}', '\u0001\u001b[31m', 'ünï 🎭', '', '%s%n', `'"'"'; ${touch}; '`, '--inspect=0.0.0.0:1'];
    const names = ['A', 'PATH_X', '_'];
    const env = Object.fromEntries(hostile.map((value, i) => [`${names[i % 3]}${i}`, value]));
    const folder = join(server.dir, `a $(${touch.replaceAll('/', ':')}) '"; b`);
    mkdirSync(folder);
    const odd = make({ installDir: join(server.dir, `in '$(id)' "st\`all`) });
    const handle = await odd.start({ command: process.execPath, args: ['-e', 'console.log(JSON.stringify({ env: process.env, args: process.argv.slice(1), cwd: process.cwd() }))', '--', ...hostile], env, cwd: folder }, 'w');
    expect(await odd.wait(handle, new AbortController().signal)).toMatchObject({ code: 0 });
    const got = JSON.parse((await odd.logs(handle, { tail: 5 })).lines.join('\n')) as { env: object; args: string[]; cwd: string };
    expect(got.env).toMatchObject(env);
    expect(got.args).toEqual(hostile);
    expect(got.cwd).toBe(folder);
    await odd.stop(handle, 0);
    for (const value of hostile) await expect(driver.start({ command: 'true', args: [], env: {}, cwd: '/' }, value)).rejects.toMatchObject({ kind: 'bad-key' });
    for (const value of hostile) await expect(driver.start({ command: 'true', args: [], env: { [`A${value}=`]: '' }, cwd: '/' }, 'w')).rejects.toMatchObject({ kind: 'bad-spec' });
    for (const value of hostile.slice(0, 4)) await expect(driver.start({ command: `${value}/none`, args: [], env: {}, cwd: '/' }, 'w')).rejects.toMatchObject({ kind: 'spawn' });
    expect(existsSync(canary)).toBe(false);
  });

  it('keeps secrets in a file of mode 0600 that is gone once the process runs', async () => {
    const handle = await start(FOREVER, { env: { SECRET: 'canary-91c4' } });
    expect(statSync(join(installDir, 'run', 'w')).mode & 0o777).toBe(0o700);
    const names = readdirSync(handle.dir);
    expect(names.filter((n) => n.startsWith('env-'))).toEqual([]);
    for (const name of names) {
      expect(statSync(join(handle.dir, name)).mode & 0o777, name).toBe(0o600);
      expect(readFileSync(join(handle.dir, name), 'utf8')).not.toContain('canary-91c4');
    }
    const commands = readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map((n) => tryRead(`/proc/${n}/cmdline`)).join('\n');
    expect(commands).not.toContain('canary-91c4');
    expect(server.log()).not.toContain('canary-91c4');
    // A file that a broken link left behind is gone with the next start.
    const left = join(handle.dir, 'env-0.json');
    writeFileSync(left, '{}');
    utimesSync(left, 1, 1);
    expect(await start('', { env: {} })).toEqual(handle);
    expect(existsSync(left)).toBe(false);
    const remote = new Remote({ pool: new SshPool({ idleMs: 50 }), target: server.target, hostKeys: known(), limitMs: 5000 });
    await remote.upload(join(installDir, 'new', 'deep', 'file'), Buffer.from('x'));
    expect(statSync(join(installDir, 'new', 'deep', 'file')).mode & 0o777).toBe(0o600);
    expect(statSync(join(installDir, 'new')).mode & 0o777).toBe(0o700);
    // A folder that others may enter gets no process.
    chmodSync(join(installDir, 'run', 'w'), 0o755);
    await expect(make().start({ command: 'true', args: [], env: { SECRET: 'canary-91c4' }, cwd: '/' }, 'w')).rejects.toMatchObject({ kind: 'bad-spec', message: expect.stringContaining('this user alone') });
    expect(readdirSync(handle.dir).filter((n) => n.startsWith('env-'))).toEqual([]);
    chmodSync(join(installDir, 'run', 'w'), 0o700);
  });

  it('tells what it may adopt: the whole table', async () => {
    const handle = await start('const c = require("child_process").spawn("sleep", ["60"]); console.log("child " + c.pid); setInterval(() => {}, 1000)');
    await expect.poll(async () => (await lines(handle)).join()).toMatch(/child \d+/);
    const pid = Number(/child (\d+)/.exec((await lines(handle)).join())![1]);
    const ended = await start('', { key: 'ended' });
    await driver.wait(ended, new AbortController().signal);
    // Stopped, the parent can't collect its child.
    process.kill(handle.pid!, 'SIGSTOP');
    const zombie = { ...handle, pid, startTime: readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]! };
    expect(await driver.recover(zombie)).toBe('running');
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
    const table: [string, SshHandle, 'running' | 'gone'][] = [
      ['ours', handle, 'running'],
      ['a stranger by nonce', { ...handle, nonce: 'ffff' }, 'gone'],
      ['a stranger by start time', { ...handle, startTime: String(BigInt(handle.startTime!) + 1n) }, 'gone'],
      ['another boot', { ...handle, bootId: '00000000-0000-0000-0000-000000000000' }, 'gone'],
      ['pid 1', { ...handle, pid: 1, nonce: 'ffff' }, 'gone'],
      ['ended', ended, 'gone'],
      ['a zombie', zombie, 'gone'],
    ];
    for (const [name, each, verdict] of table) expect(await make().recover(each), name).toBe(verdict);
    // What is no longer ours is not touched either.
    for (const [name, each, verdict] of table) if (verdict === 'gone' && each.nonce === 'ffff') await driver.stop(each, 50).then(() => expect(existsSync(`/proc/${handle.pid}/exe`), name).toBe(true));
    process.kill(handle.pid!, 'SIGCONT');
  });

  it('keeps memory within its limit where that machine can, and says who does', async () => {
    // It eats when told: one that is dead already is in no group any more.
    const hungry = join(server.dir, 'hungry');
    rmSync(hungry, { force: true });
    const eat = `const kept = []; setInterval(() => { if (require('fs').existsSync(${JSON.stringify(hungry)})) kept.push(Buffer.alloc(20e6, 1)); }, 50); console.log('up')`;
    const handle = await driver.start({ command: process.execPath, args: ['-e', eat], env: {}, cwd: server.dir, limits: { memoryMb: 128, cpuCores: 1 } }, 'w');
    handles.push(handle);
    expect(['scope', 'cgroup', 'watched']).toContain(handle.limits);
    // The handle that another master finds says the same.
    for await (const { handle: found } of driver.list()) expect(found).toEqual(handle);
    if (handle.limits !== 'watched') expect(readFileSync(`/proc/${handle.pid}/cgroup`, 'utf8')).toMatch(/troupe-|run-.*\.scope/);
    writeFileSync(hungry, '');
    if (handle.limits === 'watched') {
      await expect.poll(async () => (await driver.stats(handle))?.rssBytes ?? 0, { timeout: 20_000 }).toBeGreaterThan(200 * 1_048_576);
      return;
    }
    expect(await driver.wait(handle, AbortSignal.timeout(30_000))).toMatchObject({ code: null, signal: 'SIGKILL' });
    await driver.stop(handle, 0);
    expect(existsSync(`/sys/fs/cgroup/memory/troupe-${handle.nonce.slice(0, 16)}`) || existsSync(`/sys/fs/cgroup/troupe-${handle.nonce.slice(0, 16)}`)).toBe(false);
    await expect(driver.start({ command: '/no/such/program', args: [], env: {}, cwd: server.dir, limits: { memoryMb: 128, cpuCores: 1 } }, 'w')).rejects.toMatchObject({ kind: 'spawn', message: expect.stringContaining('/no/such/program') });
    expect((await start(FOREVER)).limits).toBeUndefined();
    // Where systemd gives a scope, that is taken: here one that only says what it was asked.
    const bin = join(server.dir, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'systemd-run'), `#!/bin/sh\necho "$@" >> ${bin}/asked\nwhile [ "$1" != "--" ]; do shift; done\nshift\nexec "$@"\n`, { mode: 0o755 });
    if (process.getuid!() !== 0) return;
    await served(`SetEnv PATH=${bin}:${process.env['PATH']}`);
    const scoped = await driver.start({ command: process.execPath, args: ['-e', FOREVER], env: {}, cwd: server.dir, limits: { memoryMb: 512, cpuCores: 1.5 } }, 'scoped');
    handles.push(scoped);
    expect(scoped.limits).toBe('scope');
    expect(readFileSync(join(bin, 'asked'), 'utf8')).toContain(`-p MemoryMax=${768 * 1_048_576} -p CPUQuota=150% -- ${process.execPath}`);
    await expect.poll(() => lines(scoped)).toContain('up');
    expect(await driver.recover(scoped)).toBe('running');
  });

  it('keeps a log within its size while nobody looks', async () => {
    const small = make({ maxLogBytes: 20_000 });
    const handle = await start('const s = "x".repeat(99); let n = 0; const t = setInterval(() => { for (let i = 0; i < 50; i++) console.log(s); if (++n === 60) { console.log("end"); clearInterval(t) } }, 50)', {}, small);
    await small.wait(handle, new AbortController().signal);
    expect(statSync(join(handle.dir, 'output.log')).size).toBeLessThan(100_000);
    expect(statSync(join(handle.dir, 'output.log.1')).size).toBeLessThan(100_000);
    expect((await lines(handle)).at(-1)).toBe('end');
  });

  it('waits for room where a server allows fewer sessions than we would open, for files too', async () => {
    await served('MaxSessions 2');
    const pool = new SshPool();
    const tight = make({ pool });
    const remote = new Remote({ pool, target: server.target, hostKeys: known(), limitMs: 20_000 });
    const answers = await Promise.all([...Array.from({ length: 8 }, () => tight.health()), ...Array.from({ length: 3 }, (_, i) => remote.upload(join(installDir, 'tight', String(i)), Buffer.from('x')).then(() => ({ is: 'healthy', why: '' })))]);
    expect(answers.filter((h) => h.is !== 'healthy')).toEqual([]);
    expect(server.log()).toMatch(/no more sessions/);
    await served('MaxSessions 0');
    expect((await make({ pool: new SshPool(), limitMs: 3_000 }).health()).why).toMatch(/MaxSessions/);
  }, 90_000);

  it('shares one connection between drivers, has no more sessions than a server allows, and closes it when idle', async () => {
    const before = server.log().length;
    const pool = new SshPool({ idleMs: 200 });
    const many = [make({ pool }), make({ pool })];
    const found = await Promise.all(Array.from({ length: 30 }, (_, i) => many[i % 2]!.health()));
    expect(found.every((h) => h.is === 'healthy')).toBe(true);
    expect(server.log().slice(before).match(/Accepted publickey/g)).toHaveLength(1);
    expect(pool.size).toBe(1);
    await expect.poll(() => pool.size).toBe(0);
    // While one link says goodbye, the next is opened.
    const closing = pool.close();
    expect((await many[0]!.health()).is).toBe('healthy');
    await closing;
    expect((await many[1]!.health()).is).toBe('healthy');
    await expect.poll(() => pool.size).toBe(0);
    // Another credential is another connection, whatever the address.
    await make({ pool, auth: { password: 'wrong' } }).health();
    expect((await many[0]!.health()).is).toBe('healthy');
    expect((await make({ pool, hostKeys: pins({}) }).health()).why).toContain('nobody has accepted');
  }, 90_000);
});

const sftpServer = () => ['/usr/lib/openssh/sftp-server', '/usr/libexec/openssh/sftp-server', '/usr/lib/ssh/sftp-server'].find((f) => existsSync(f)) ?? 'sftp-server';

function tryRead(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
