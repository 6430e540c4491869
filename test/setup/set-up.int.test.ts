import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';

let dir: string;
let server: Server | null = null;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'troupe-setup-'))));
afterEach(() => {
  server?.close();
  server = null;
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

function node(args: string[], env: Record<string, string>): Promise<{ code: number; out: string }> {
  return new Promise((done) => {
    execFile(process.execPath, args, { cwd: packageRoot(), env, timeout: 120_000 }, (error, stdout, stderr) => done({ code: error ? Number(error.code ?? 1) : 0, out: stdout + stderr }));
  });
}

/** The nats-server step alone, with nothing on the PATH but what it needs. */
const ensure = (env: Record<string, string>) =>
  node(['--input-type=module', '-e', `import { ensureNatsServer } from ${JSON.stringify(join(packageRoot(), 'scripts', 'nats-server.mjs'))}; console.log('at ' + await ensureNatsServer())`], { PATH: programs(), TROUPE_DATA: join(dir, 'data'), ...env });

function programs(): string {
  const bin = join(dir, 'bin');
  if (!existsSync(bin)) {
    mkdirSync(bin);
    for (const name of ['sh', 'tar', 'gzip']) symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(bin, name));
  }
  return bin;
}

/** A release as the project publishes it, holding a program that says `version`. */
async function release(version: string, sum?: string): Promise<string> {
  const name = `nats-server-v2.15.1-linux-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`;
  mkdirSync(join(dir, name));
  writeFileSync(join(dir, name, 'nats-server'), `#!/bin/sh\necho nats-server: ${version}\n`, { mode: 0o755 });
  execFileSync('tar', ['-czf', `${name}.tar.gz`, name], { cwd: dir });
  const body = readFileSync(join(dir, `${name}.tar.gz`));
  const sums = `${'0'.repeat(64)}  other.tar.gz\n${sum ?? createHash('sha256').update(body).digest('hex')}  ${name}.tar.gz\n`;
  server = createServer((req, res) => {
    if (req.url === '/v2.15.1/SHA256SUMS') res.end(sums);
    else if (req.url === `/v2.15.1/${name}.tar.gz`) res.end(body);
    else res.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('nats-server', () => {
  const target = () => join(dir, 'data', 'bin', 'nats-server');

  it('is fetched from its release, checked, and found there the next time', async () => {
    const TROUPE_NATS_RELEASES = await release('v2.15.1');
    // On a busy machine the step says before that it goes on.
    expect(await ensure({ TROUPE_NATS_RELEASES })).toEqual({ code: 0, out: expect.stringContaining(`at ${target()}\n`) });
    expect(statSync(target()).mode & 0o111).not.toBe(0);
    expect(await ensure({ TROUPE_NATS_RELEASES: 'http://127.0.0.1:9' })).toEqual({ code: 0, out: `at ${target()}\n` });
  });

  it('is refused under a wrong checksum, with what to do by hand', async () => {
    const { code, out } = await ensure({ TROUPE_NATS_RELEASES: await release('v2.15.1', 'f'.repeat(64)) });
    expect(code).not.toBe(0);
    expect(out).toMatch(/has the checksum [0-9a-f]{64}, the release says f{64}/);
    expect(out).toContain('TROUPE_NATS_SERVER=/path/to/nats-server npm start');
    expect(existsSync(target())).toBe(false);
  });

  it('is refused when too old, wherever it comes from', async () => {
    const { out } = await ensure({ TROUPE_NATS_RELEASES: await release('v2.11.9') });
    expect(out).toContain('it is only 2.11.9');
    writeFileSync(join(programs(), 'nats-server'), '#!/bin/sh\necho nats-server: v2.10.27\n', { mode: 0o755 });
    expect((await ensure({ TROUPE_NATS_RELEASES: 'http://127.0.0.1:9' })).code).not.toBe(0);
    const named = await ensure({ TROUPE_NATS_SERVER: join(programs(), 'nats-server') });
    expect(named.out).toMatch(/TROUPE_NATS_SERVER=.* is 2\.10\.27, Troupe needs 2\.12 or newer/);
  });

  it('is taken from the PATH when new enough', async () => {
    writeFileSync(join(programs(), 'nats-server'), '#!/bin/sh\necho nats-server: v2.12.0\n', { mode: 0o755 });
    expect((await ensure({ TROUPE_NATS_RELEASES: 'http://127.0.0.1:9' })).out).toBe(`at ${join(programs(), 'nats-server')}\n`);
  });
});

it('counts what vitest reports, and fails when a file can\'t be loaded', async () => {
  const { code, out } = await node(['--input-type=module', '-e', `
    import { count } from ${JSON.stringify(join(packageRoot(), 'scripts', 'count.mjs'))};
    const file = (status, ...tests) => ({ status, assertionResults: tests.map((t) => ({ status: t })) });
    const sum = (passed, failed, files, code) => JSON.stringify(count({ numPassedTests: passed, numFailedTests: failed, testResults: files }, code));
    console.log([sum(2, 0, [file('passed', 'passed', 'passed')], 0), sum(1, 1, [file('failed', 'passed', 'failed')], 1), sum(1, 0, [file('passed', 'passed'), file('failed')], 1), sum(1, 0, [file('passed', 'passed')], 1), JSON.stringify(count(null, 1))].join(' '))`], { PATH: process.env['PATH']! });
  expect(code).toBe(0);
  expect(out.trim().split(' ').map((t) => JSON.parse(t) as object)).toEqual([
    { passed: 2, failed: 0 }, { passed: 1, failed: 1 }, { passed: 1, failed: 1 }, { passed: 1, failed: 1 }, { passed: 0, failed: 1 },
  ]);
});
