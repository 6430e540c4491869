import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Exit, Spec } from '../../runtime/drivers/contract.ts';
import { DockerDriver, type DockerDriverOptions, type DockerHandle } from '../../runtime/drivers/docker/docker-driver.ts';
import { dockerServer, IMAGE, openFolder } from './docker-server.ts';

const FOREVER = 'console.log("up"); setInterval(() => {}, 1000)';
const never = () => new AbortController().signal;
const server = await dockerServer();

describe('faults of a real dockerd', () => {
  if (typeof server === 'string') return void it('needs a daemon', (t) => t.skip(server));
  const { docker, socketPath } = server;
  let dir: string;
  let driver: DockerDriver;
  const make = (more: Partial<DockerDriverOptions> = {}) => new DockerDriver({ docker: { socketPath }, namespace: 'test', allowedMounts: [dir], network: 'none', pollMs: 50, ...more });
  beforeEach(() => {
    dir = openFolder();
    driver = make();
  });
  afterEach(async () => {
    for (const { Id } of await docker.listContainers({ all: true })) await docker.getContainer(Id).remove({ force: true });
    rmSync(dir, { recursive: true, force: true });
  });
  afterAll(() => server.close());
  const spec = (script: string, more: Partial<Spec> = {}, container: Partial<Spec['container']> = {}): Spec => ({ command: process.execPath, args: ['-e', script], env: {}, cwd: '/tmp', ...more, container: { image: IMAGE, ...container } });
  const lines = async (handle: DockerHandle) => (await driver.logs(handle, { tail: 1000 })).lines;
  const print = async (script: string, more: Partial<Spec> = {}, container: Partial<Spec['container']> = {}) => {
    const handle = await driver.start(spec(`console.log(JSON.stringify(${script}))`, more, container), 'print');
    expect(await driver.wait(handle, never())).toMatchObject({ code: 0 });
    return JSON.parse((await lines(handle)).join('')) as never;
  };

  it('takes a daemon that is away for no exit, and tells the true one later', async () => {
    const handle = await driver.start(spec('setInterval(() => { if (require("fs").existsSync("end")) process.exit(5) }, 50); console.log("up")', { cwd: dir }, { volumes: [`${dir}:${dir}`] }), 'w');
    let exit: Exit | null = null;
    const ended = driver.wait(handle, never()).then((e) => (exit = e));
    await delay(200);
    await server.down();
    await expect(driver.recover(handle)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('start it') });
    await expect(driver.start(spec(''), 'other')).rejects.toMatchObject({ kind: 'unreachable' });
    expect((await driver.health()).is).toBe('undetected');
    await delay(Number(process.env['DAEMON_AWAY_MS'] ?? 1000));
    expect(exit).toBeNull();
    await server.up();
    expect(await driver.recover(handle)).toBe('running');
    expect(exit).toBeNull();
    await server.down();
    writeFileSync(join(dir, 'end'), '');
    await delay(500);
    expect(exit).toBeNull();
    await server.up();
    expect(await ended).toMatchObject({ code: 5 });
  }, 120_000);

  it('gives up a daemon that hangs at the limit', async () => {
    const slow = make({ limitMs: 500 });
    const handle = await slow.start(spec(FOREVER), 'w');
    const pid = Number(readFileSync(join(server.dir, 'pid'), 'utf8'));
    process.kill(pid, 'SIGSTOP');
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') T ');
    try {
      await expect(slow.recover(handle)).rejects.toMatchObject({ kind: 'timeout', message: expect.stringContaining('0.5 s') });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(await slow.recover(handle)).toBe('running');
  });

  it('reports a container that someone removed as gone', async () => {
    const handle = await driver.start(spec(FOREVER), 'w');
    const ended = driver.wait(handle, never());
    await docker.getContainer(handle.id).remove({ force: true });
    expect(await ended).toMatchObject({ signal: null });
    expect(await make().wait(handle, never())).toMatchObject({ code: null, signal: null });
    expect(await driver.recover(handle)).toBe('gone');
    expect(await driver.stats(handle)).toBeNull();
    expect(await driver.logs(handle, { tail: 5 })).toEqual({ lines: [], next: 0 });
    await driver.stop(handle, 1000);
  });

  it('adopts by its labels only: the whole table', async () => {
    const running = await driver.start(spec(FOREVER), 'running');
    expect(await make().start(spec(''), 'running')).toEqual(running);
    await expect(make({ namespace: 'another' }).start(spec(''), 'running')).rejects.toMatchObject({ kind: 'foreign', message: expect.stringContaining('troupe-running') });

    await docker.createContainer({ name: 'troupe-foreign', Image: IMAGE, Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } }).then((c) => c.start());
    await expect(driver.start(spec(''), 'foreign')).rejects.toMatchObject({ kind: 'foreign' });
    expect((await docker.getContainer('troupe-foreign').inspect()).State.Running).toBe(true);

    const paused = await driver.start(spec(FOREVER), 'paused');
    await docker.getContainer(paused.id).pause();
    expect(await driver.recover(paused)).toBe('running');
    expect(await make().start(spec(''), 'paused')).toEqual(paused);
    await driver.stop(paused, 0);
    expect(await driver.recover(paused)).toBe('gone');

    const ended = await driver.start(spec(''), 'ended');
    await driver.wait(ended, never());
    expect(await make().recover(ended)).toBe('gone');
    const again = await make().start(spec(FOREVER), 'ended');
    expect(again.id).not.toBe(ended.id);

    expect(await driver.recover({ ...running, id: 'f'.repeat(64) })).toBe('gone');
    const found = [];
    for await (const { handle } of driver.list()) found.push(handle);
    expect(found).toHaveLength(2);
    expect(found).toEqual(expect.arrayContaining([running, again]));
    const others = [];
    for await (const each of make({ namespace: 'another' }).list()) others.push(each);
    expect(others).toEqual([]);
  });

  it('takes over from a start that died between create and start', async () => {
    const labels = { 'troupe.key': 'w', 'troupe.nonce': 'a', 'troupe.namespace': 'test', 'troupe.started': '1' };
    const left = await docker.createContainer({ name: 'troupe-w', Image: IMAGE, Cmd: ['sleep', '1000'], Labels: labels, HostConfig: { NetworkMode: 'none' } });
    const handle = await driver.start(spec(FOREVER), 'w');
    expect(handle.id).not.toBe(left.id);
    expect(await driver.recover(handle)).toBe('running');
  });

  it('gives a container few rights and its limits, and no secret to inspect', async () => {
    const handle = await driver.start(spec(FOREVER, { env: { SECRET: 'canary-c0de' }, limits: { memoryMb: 256, cpuCores: 0.5 } }), 'w');
    const info = await docker.getContainer(handle.id).inspect();
    expect(JSON.stringify(info)).not.toContain('canary-c0de');
    expect(info.Name).toBe('/troupe-w');
    expect(info.HostConfig).toMatchObject({ NanoCpus: 5e8, Memory: 256 * 1024 * 1024, PidsLimit: 512, CapDrop: ['ALL'], Privileged: false, RestartPolicy: { Name: 'no' } });
    expect(info.HostConfig.SecurityOpt).toContain('no-new-privileges:true');
    await driver.stop(handle, 0);
    const inside = await print('{ secret: process.env.SECRET, status: require("fs").readFileSync("/proc/self/status", "utf8"), uid: process.getuid(), files: require("fs").readdirSync("/.troupe"), mode: require("fs").statSync("/.troupe").mode & 0o777 }', { env: { SECRET: 'canary-c0de' } });
    expect(inside).toMatchObject({ secret: 'canary-c0de', uid: 10001, files: ['started'], mode: 0o700 });
    expect((inside as { status: string }).status).toMatch(/NoNewPrivs:\s+1/);
    expect((inside as { status: string }).status).toMatch(/CapEff:\s+0+\n/);
    expect((inside as { status: string }).status).toMatch(/CapBnd:\s+0+\n/);
  });

  it('lets a browser build its own sandbox, and nothing with it', async () => {
    const tried = `["-Ur true", "-Urn true", "-Urm mount -t tmpfs none /tmp"].map((args) => require("child_process").spawnSync("unshare", args.replace("true", process.execPath + " -v").split(" ")).status)`;
    expect(await print(tried)).toEqual([0, 0, expect.any(Number)]);
    expect((await print(tried) as number[])[2]).not.toBe(0);
    // Under Docker's own profile the sandbox would have to be off.
    driver = make({ securityOpt: [] });
    expect((await print(tried) as number[])[0]).not.toBe(0);
  });

  it('passes hostile values as they are, and runs nothing in them', async () => {
    const touch = `touch ${dir}/canary; echo > ${dir}/canary`;
    const hostile = [`$(${touch})`, `\`${touch}\``, `'; ${touch}; '`, `"; ${touch}; "`, `'\\''; ${touch}; '`, `\n${touch}\n`, `a\\`, '', 'ünï 🎭', `$IFS`, `'`, `-n`];
    const env = Object.fromEntries(hostile.map((value, i) => [`V${i}`, value]));
    const got = await print('{ env: process.env, args: process.argv.slice(1) }', { env, args: ['-e', 'console.log(JSON.stringify({ env: process.env, args: process.argv.slice(1), files: require("fs").readdirSync(".") }))', '--', ...hostile], cwd: dir }, { volumes: [`${dir}:${dir}`] });
    expect(got).toMatchObject({ env, args: hostile, files: ['.here'] });
  });

  it('mounts only what it may', async () => {
    writeFileSync(join(dir, 'read'), 'hello');
    expect(await print(`[require("fs").readFileSync("/data/read", "utf8"), (() => { try { require("fs").writeFileSync("/data/x", ""); return "written" } catch (e) { return e.code } })()]`, {}, { volumes: [`${dir}:/data:ro`] })).toEqual(['hello', 'EROFS']);
    mkdirSync(join(dir, 'in'));
    symlinkSync('/etc', join(dir, 'out'));
    const all = make({ allowedMounts: [dir, server.dir, '/'] });
    for (const [volume, reason] of [
      ['/:/host', 'whole file system'], [`${socketPath}:/s`, 'Docker socket'], [`${server.dir}:/s`, 'Docker socket'], ['/var/run/docker.sock:/s', /Docker socket|does not exist/],
      [`${dir}/out:/data`, 'only what is below'], ['/etc:/data', 'only what is below'], [`${dir}/../..:/data`, /only what is below|whole/], [dirname(dir) + ':/data', /only what is below|Docker socket/],
      [`${dir}/none:/data`, 'does not exist'], [`${dir}:/`, 'belongs to the image'], [`${dir}:/proc/x`, 'belongs to the image'], [`${dir}:/.troupe`, 'belongs to the image'],
      ['data:/data', 'absolute'], [`${dir}:data`, 'absolute'], [`${dir}:/data:rw,z`, 'host:container'], [dir, 'host:container'], [`${dir}:/a:ro:x`, 'host:container'],
    ] as const) {
      await expect(all.start(spec(FOREVER, {}, { volumes: [volume] }), 'w'), volume).rejects.toMatchObject({ kind: 'bad-spec', message: expect.stringMatching(reason) });
    }
    await expect(make({ allowedMounts: [] }).start(spec(FOREVER, {}, { volumes: [`${dir}:/data`] }), 'w')).rejects.toMatchObject({ kind: 'bad-spec' });
    expect(await docker.listContainers({ all: true, filters: { name: ['troupe-w'] } })).toEqual([]);
  });

  it('names what is wrong with a request', async () => {
    const wrong: [Partial<Spec>, Partial<Spec['container']>, string, RegExp][] = [
      [{}, { image: '../../x' }, 'bad-spec', /docker_image/],
      [{}, { image: 'img;rm' }, 'bad-spec', /docker_image/],
      [{}, { image: '--privileged' }, 'bad-spec', /docker_image/],
      [{}, { image: 'not-here/troupe:9' }, 'missing', /docker pull not-here\/troupe:9/],
      [{}, { network: 'host' }, 'bad-spec', /docker_network/],
      [{}, { network: 'container:other' }, 'bad-spec', /docker_network/],
      [{}, { network: 'no-such-net' }, 'missing', /docker network create no-such-net/],
      [{}, { restartPolicy: 'always' as 'no' }, 'bad-spec', /one supervisor/],
      [{ limits: { memoryMb: 1, cpuCores: 1 } }, {}, 'bad-spec', /memory/],
      [{ limits: { memoryMb: 256, cpuCores: 0 } }, {}, 'bad-spec', /cpu_cores/],
      [{ limits: { memoryMb: 256, cpuCores: 4000 } }, {}, 'bad-spec', /CPUs/],
      [{ command: '--help' }, {}, 'bad-spec', /command/],
      [{ cwd: 'relative' }, {}, 'bad-spec', /absolute/],
    ];
    for (const [more, container, kind, message] of wrong) await expect(driver.start(spec(FOREVER, more, container), 'w'), JSON.stringify([more, container])).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
    await expect(driver.start({ ...spec(FOREVER), container: undefined }, 'w')).rejects.toMatchObject({ kind: 'bad-spec', message: expect.stringContaining('docker_image') });
    expect(() => make({ user: { uid: 0, gid: 0 } })).toThrow(/root/);
    expect(await docker.listContainers({ all: true })).toEqual([]);
    expect(await make({ docker: { socketPath: join(dir, 'none.sock') } }).health()).toMatchObject({ is: 'undetected', why: expect.stringContaining('none.sock') });
  });

  it('reads both streams in order, long lines whole, and on from where it left off', async () => {
    const handle = await driver.start(spec(`
      const fs = require("fs");
      fs.writeSync(1, "one\\n"); fs.writeSync(2, "two\\n"); fs.writeSync(1, "x".repeat(50000) + "\\n"); fs.writeSync(1, "\\x01\\x00\\x00\\x00 odd\\n");
      setInterval(() => { if (fs.existsSync("/tmp/more")) { fs.rmSync("/tmp/more"); fs.writeSync(1, "later\\n") } }, 20);
      process.on("SIGTERM", () => { fs.writeSync(1, "no end"); process.exit() });
      process.on("SIGHUP", () => fs.writeFileSync("/tmp/more", ""))`), 'w');
    await expect.poll(async () => (await lines(handle)).length).toBe(4);
    const page = await driver.logs(handle, { tail: 100 });
    expect(new Set(page.lines)).toEqual(new Set(['one', 'two', 'x'.repeat(50_000), '\u0001\0\0\0 odd']));
    expect(await driver.logs(handle, { tail: 100, sinceBytes: page.next })).toEqual({ lines: [], next: page.next });
    await docker.getContainer(handle.id).kill({ signal: 'SIGHUP' });
    await expect.poll(async () => (await driver.logs(handle, { tail: 100, sinceBytes: page.next })).lines).toEqual(['later']);
    await docker.getContainer(handle.id).kill({ signal: 'SIGTERM' });
    await driver.wait(handle, never());
    expect((await driver.logs(handle, { tail: 2 })).lines).toEqual(['later', 'no end']);
    expect((await driver.logs(handle, { tail: 0 })).lines).toEqual([]);
  });

  it('has figures without NaN, and none for what does not run', async () => {
    const handle = await driver.start(spec(FOREVER), 'w');
    const first = await driver.stats(handle);
    expect(JSON.stringify(first)).not.toContain('null');
    expect(first).toMatchObject({ cpuRatio: 0 });
    expect(first!.processes).toBeGreaterThan(0);
    await docker.getContainer(handle.id).kill();
    await driver.wait(handle, never());
    expect(await driver.stats(handle)).toBeNull();
  });

  it('names an image without a shell', async () => {
    const archive = (await import('../../runtime/drivers/tar.ts')).tar([{ path: 'hello', mode: 0o644, body: Buffer.from('x') }]);
    const file = join(dir, 'image.tar');
    writeFileSync(file, archive);
    const progress = await docker.importImage(file, { repo: 'troupe-empty', tag: '1' });
    await new Promise((done) => docker.modem.followProgress(progress, done));
    await expect(driver.start(spec('', {}, { image: 'troupe-empty:1' }), 'w')).rejects.toMatchObject({ kind: 'spawn', message: expect.stringContaining('/bin/sh') });
    expect(await docker.listContainers({ all: true })).toEqual([]);
  });
});
