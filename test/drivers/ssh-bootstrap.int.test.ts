import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SshPool } from '../../runtime/drivers/ssh/pool.ts';
import { Remote } from '../../runtime/drivers/ssh/remote.ts';
import { SshDriver } from '../../runtime/drivers/ssh/ssh-driver.ts';
import { tar } from '../../runtime/drivers/tar.ts';
import { noSshd, pins, sshServer, type SshServer } from './ssh-server.ts';

describe('bootstrap over SSH', () => {
  if (noSshd !== null) return void it('needs a server', (t) => t.skip(noSshd!));
  let server: SshServer;
  let tools: string;
  const drivers: SshDriver[] = [];
  beforeAll(async () => {
    // A PATH with just what a machine needs, so that the test decides whether Chromium is there.
    tools = mkdtempSync(join(tmpdir(), 'troupe-tools-'));
    for (const name of ['tar', 'gzip']) symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(tools, name));
    symlinkSync(process.execPath, join(tools, 'node'));
    server = await sshServer(`SetEnv PATH=${tools}`);
  });
  afterAll(async () => {
    for (const driver of drivers) await driver.close();
    await server.close();
    rmSync(tools, { recursive: true });
  });
  const hostKeys = () => pins({ [`127.0.0.1:${server.port}`]: server.fingerprint() });
  const run = async (installDir: string) => {
    const driver = new SshDriver({ ...server.target, hostKeys: hostKeys(), installDir });
    drivers.push(driver);
    const steps: { step: string; text: string }[] = [];
    for await (const step of driver.bootstrap()) steps.push(step);
    return steps;
  };

  it('brings a worker that loads without this tree, once; a second run finds it there', async () => {
    const installDir = join(server.dir, 'install');
    await expect(run(installDir)).rejects.toMatchObject({ kind: 'missing', message: expect.stringContaining('apt-get install chromium') });
    expect(existsSync(installDir)).toBe(false);
    writeFileSync(join(tools, 'chromium'), '#!/bin/sh\n');
    chmodSync(join(tools, 'chromium'), 0o755);

    const first = await run(installDir);
    expect(new Set(first.map((s) => s.step))).toEqual(new Set(['node', 'chromium', 'bundle', 'copy', 'switch', 'done']));
    expect(readlinkSync(join(installDir, 'current'))).toMatch(/^versions\/\d+\.\d+\.\d+-[0-9a-f]{16}$/);
    expect(readdirSync(installDir).sort()).toEqual(['current', 'versions']);
    const at = (path: string) => join(installDir, 'current', path);
    expect(existsSync(at('dist/test'))).toBe(false);
    expect(execFileSync('sh', [at('bin/troupe'), 'worker', '--help'], { encoding: 'utf8' })).toContain('Usage: troupe worker');
    const loaded = execFileSync(process.execPath, ['--input-type=module', '-e', `
      const { startWorker } = await import(${JSON.stringify(pathToFileURL(at('dist/runtime/worker/start-worker.js')).href)});
      const { loadPlatforms } = await import(${JSON.stringify(pathToFileURL(at('dist/platforms/load.js')).href)});
      console.log(JSON.stringify([typeof startWorker, ...(await loadPlatforms('')).map(({ id, ok }) => id + ' ' + ok).sort()]));`], { encoding: 'utf8', cwd: tools });
    expect(JSON.parse(loaded)).toEqual(['function', 'douyin true', 'sandbox true', 'xiaohongshu true']);

    const before = performance.now();
    const second = await run(installDir);
    expect(second.map((s) => s.step)).toEqual(['node', 'chromium', 'done']);
    expect(second.at(-1)!.text).toContain('there already');
    expect(performance.now() - before).toBeLessThan(5000);
  }, 120_000);

  it('leaves the present version alone when what arrived is damaged or does not run there', async () => {
    const installDir = join(server.dir, 'other');
    mkdirSync(join(installDir, 'versions', 'one'), { recursive: true });
    writeFileSync(join(installDir, 'versions', 'one', 'package.json'), '{}');
    symlinkSync('versions/one', join(installDir, 'current'));
    const pool = new SshPool();
    const remote = new Remote({ pool, target: server.target, hostKeys: hostKeys(), limitMs: 20_000 });
    const send = async (archive: Buffer, sha256: string) => {
      const file = join(installDir, 'incoming.tgz');
      await remote.upload(file, archive);
      await remote.call('install', { installDir, archive: file, version: 'two', sha256, node: process.versions.node });
    };
    const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const broken = { path: 'node_modules/better-sqlite3/package.json', mode: 0o644, body: Buffer.from('{"main":"none.js"}') };
    const packed = gzipSync(tar([{ path: 'package.json', mode: 0o644, body: Buffer.from('{}') }]));
    const native = gzipSync(tar([broken]));
    const cut = Buffer.from(packed.subarray(0, packed.length - 9));
    await expect(send(packed, sum(cut))).rejects.toThrow(/not what was sent/);
    await expect(send(cut, sum(cut))).rejects.toThrow(/unpacked/);
    await expect(send(native, sum(native))).rejects.toMatchObject({ kind: 'missing', message: expect.stringContaining('install the same Node version') });
    expect(readlinkSync(join(installDir, 'current'))).toBe('versions/one');
    expect(readdirSync(installDir).sort()).toEqual(['current', 'versions']);
    expect(readdirSync(join(installDir, 'versions'))).toEqual(['one']);
    await send(packed, sum(packed));
    expect(readlinkSync(join(installDir, 'current'))).toBe('versions/two');
    expect(readFileSync(join(installDir, 'current', 'package.json'), 'utf8')).toBe('{}');
    await pool.close();
  });
});
