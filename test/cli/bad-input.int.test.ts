import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { admitWorker } from '../../runtime/nats-server/admit-worker.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { ownConfig, runningServer, serverEnv, type RunningServer } from '../setup/running-server.ts';

// The built program: `npm test` builds before it runs the tests.
const bin = join(packageRoot(), 'bin', 'troupe');
const picked = Object.fromEntries(['TROUPE_NATS_SERVER', 'TROUPE_CHROMIUM'].flatMap((n) => (process.env[n] ? [[n, process.env[n]]] : []))) as Record<string, string>;
let dir: string;
let env: Record<string, string>;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-bad-'));
  env = { ...serverEnv(), HOME: dir, ...(await ownConfig({ TROUPE_DEMO: '0', TROUPE_LOCAL_WORKER: '0', ...picked })).env };
});
afterAll(() => {
  for (const d of [dir, env['TROUPE_DATA']!]) rmSync(d, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((c) => void (c.exitCode === null && c.signalCode === null && c.kill('SIGKILL'))));

function troupe(args: string[], more: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(bin, args, { cwd: dir, env: { ...env, ...more }, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return { status, stdout, stderr };
}

/** One that runs on while it is looked at. */
function begin(args: string[], more: Record<string, string> = {}) {
  const child = spawn(bin, args, { cwd: dir, env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const run = { child, out: '', err: '', ended: once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null })) };
  child.stdout.on('data', (d: Buffer) => void (run.out += d.toString()));
  child.stderr.on('data', (d: Buffer) => void (run.err += d.toString()));
  return run;
}
const says = (run: { out: string; err: string }, text: string | RegExp) => expect.poll(() => run.out + run.err, { timeout: 30_000 }).toMatch(text);

describe('a reader that leaves', () => {
  it.each([[['--help']], [['worker', '--help']], [['--version']], [['doctor', '--json']]])('before anything of %j was read ends it with 0, quietly', async (args) => {
    const run = begin(args);
    run.child.stdout!.destroy();
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.err).toBe('');
  });

  it('after the first lines of many ends it with 0, quietly', async () => {
    const file = join(dir, 'runs.mjs');
    writeFileSync(file, `export { alertMachine as machine } from ${JSON.stringify(pathToFileURL(join(dir, 'chart.mjs')).href)};\nexport const runs = Array.from({ length: 4000 }, (_, i) => ({ name: 'run ' + i + ' ' + 'x'.repeat(100), steps: [] }));\n`);
    writeFileSync(join(dir, 'chart.mjs'), `import { createMachine } from ${JSON.stringify(import.meta.resolve('xstate'))};\nexport const alertMachine = createMachine({ id: 'c', initial: 'a', states: { a: {} } });\n`);
    const whole = troupe(['conform', file]);
    expect([whole.status, whole.stderr]).toEqual([0, '']);
    expect(whole.stdout.length).toBeGreaterThan(400_000);
    const run = begin(['conform', file]);
    run.child.stdout!.once('data', () => run.child.stdout!.destroy());
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.err).toBe('');
    expect(run.out.length).toBeLessThan(whole.stdout.length);
    const shell = spawnSync('bash', ['-c', `"${bin}" conform "${file}" | head -n 1; echo "\${PIPESTATUS[0]}"`], { cwd: dir, env, encoding: 'utf8' });
    expect([shell.stderr, shell.stdout.split('\n')[1]]).toEqual(['', '0']);
  });

  it('from the start, with every stream closed, harms nothing', () => {
    const shell = spawnSync('bash', ['-c', `"${bin}" --help >&-; echo $? >&2; "${bin}" upp 2>&-; echo $? >&2`], { cwd: dir, env, encoding: 'utf8' });
    expect(shell.stderr).toBe('0\n2\n');
  });

  it('is told when the disk takes no more', () => {
    const shell = spawnSync('bash', ['-c', `"${bin}" --help > /dev/full`], { cwd: dir, env, encoding: 'utf8' });
    expect([shell.status, shell.stderr]).toEqual([1, expect.stringMatching(/^troupe: what it prints can't be written: .*ENOSPC.*\n$/)]);
  });

  it('of `up` stops its parts in order', { timeout: 120_000 }, async () => {
    const own = await ownConfig({ TROUPE_DEMO: '0', TROUPE_LOCAL_WORKER: '0', STOP_GRACE_MS: '5000', ...picked });
    const run = begin(['up'], own.env);
    await says(run, /master +started/);
    run.child.stdout!.destroy();
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.err).toBe('');
    const alive = () => readdirSync('/proc').filter((p) => /^\d+$/.test(p) && Number(p) !== process.pid && knows(p, own.config.dataDir));
    await expect.poll(alive).toEqual([]);
    expect(readdirSync(own.config.dataDir)).not.toContain('up.pid');
    rmSync(own.config.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
});

function knows(pid: string, text: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text) || readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
  } catch {
    return false;
  }
}

describe('Ctrl-C', () => {
  let server: RunningServer;
  let own: Record<string, string>;
  beforeAll(async () => {
    server = await runningServer();
    const { config, secrets } = server;
    await admitWorker(config, secrets, 'w1');
    // A browser is asked for its version only.
    writeFileSync(join(dir, 'chromium'), '#!/bin/sh\necho Chromium 130.0.6723.58\n', { mode: 0o755 });
    own = { TROUPE_DATA: config.dataDir, NATS_URL: config.nats.servers[0]!, PORT: String(config.http.ports[0]), WORKER_PORT: env['SANDBOX_PORT']!, WORKER_ID: 'w1', TROUPE_CHROMIUM: join(dir, 'chromium'), PARTITIONS: '4' };
  });
  afterEach(() => void server.child.kill('SIGCONT'));
  afterAll(() => server?.stop());

  const UP = { master: 'master is up', web: 'the page is up', worker: 'registered with the master' } as const;
  async function up(part: keyof typeof UP) {
    const run = begin([part], own);
    await says(run, UP[part]);
    // The last that a worker opens: from then on it hears signals.
    if (part === 'worker') await expect.poll(() => fetch(`http://127.0.0.1:${own['WORKER_PORT']}/healthz`).then((r) => r.status, () => 0), { timeout: 30_000 }).toBe(200);
    return run;
  }

  it('once ends every part in order with 0', async () => {
    const master = await up('master');
    const runs = [await up('web'), await up('worker')];
    for (const run of [...runs, master]) {
      run.child.kill('SIGINT');
      expect(await run.ended).toEqual({ code: 0, signal: null });
      expect(run.err).toBe('');
    }
    expect(runs[1]!.out).toContain('stopped');
  });

  it.each([['SIGINT', 130], ['SIGTERM', 143]] as const)('twice, or %s after it, ends at once what hangs while it stops', async (again, code) => {
    const master = await up('master');
    const worker = await up('worker');
    // NATS holds still, so that the worker's last words can't be delivered.
    server.child.kill('SIGSTOP');
    worker.child.kill('SIGINT');
    await says(worker, 'stopping: what runs may finish');
    await says(worker, /\bstopped\b/);
    expect(worker.child.exitCode).toBeNull();
    worker.child.kill(again);
    expect(await worker.ended).toEqual({ code, signal: null });
    master.child.kill('SIGKILL');
    await master.ended;
  });

  it('while it waits for NATS ends it too', async () => {
    server.child.kill('SIGSTOP');
    for (const part of ['master', 'web', 'worker']) {
      const run = begin([part], own);
      await expect.poll(() => { try { return readFileSync(`/proc/${run.child.pid}/cmdline`, 'latin1').includes('main.js'); } catch { return false; } }).toBe(true);
      run.child.kill('SIGINT');
      const { code, signal } = await run.ended;
      expect(signal === 'SIGINT' || code === 130, `${part}: ${code} ${signal}`).toBe(true);
    }
  });
});

describe('arguments', () => {
  const forms = (word: string): [string[], number][] => [
    [[word], 2], [[`--${word}`], 2], [['up', word], 2], [['up', `--${word}`], 2], [['doctor', `--json=${word}`], 2], [['doctor', `-${word}`], 2], [['inspect', word], 2], [['inspect', `worker/${word}`], 2], [['replay', 'worker/w', word], 2],
    [['send', 'worker/w', 'START', word], 2], [['conform', word], 2], [['secrets', word], 2], [['journal', word], 2], [['worker', '--id', word], 78], [['worker', '--master', word], 78],
  ];

  it('of 100,000 characters are refused in a short line', () => {
    for (const [args, code] of forms('x'.repeat(100_000))) {
      const { status, stdout, stderr } = troupe(args);
      const form = args.map((a) => a.slice(0, 12)).join(' ');
      expect([status, stdout], form).toEqual([code, '']);
      expect(stderr, form).toMatch(/^troupe: .{10,650}\n$/);
    }
  });

  it('with control characters are never echoed as they are', () => {
    const word = '\u001b[31mred\u001b]0;title\u0007\u009b1mbold\u0085\u007f\b\r\u202eabc\ntroupe: all is well';
    for (const [args, code] of forms(word)) {
      const { status, stdout, stderr } = troupe(args);
      const form = JSON.stringify(args);
      expect([status, stdout], form).toEqual([code, '']);
      expect(stderr, form).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
      expect(stderr, form).not.toMatch(/^troupe: all is well/m);
    }
    expect(troupe([word]).stderr).toContain('\\u001b[31mred');
  });

  it('ask for colours in vain: nothing but a terminal may get them', () => {
    const more = { FORCE_COLOR: '1', CLICOLOR_FORCE: '1', TERM: 'xterm-256color', COLORTERM: 'truecolor' };
    for (const args of [['--help'], ['up', '--help'], ['doctor'], ['doctor', '--json'], ['upp'], ['worker', '--id', '-']]) {
      const { stdout, stderr } = troupe(args, more);
      expect(stdout + stderr, args.join(' ')).not.toContain('\u001b');
    }
  });
});

describe('a data folder that is not ours to use', () => {
  const VERBS = [['up'], ['master'], ['web'], ['worker'], ['nats', '--prepare'], ['send', 'worker/w', 'START'], ['inspect', 'worker/w'], ['secrets', 'add-key'], ['rebuild', '--yes']];
  const root = process.getuid!() === 0;
  // Root without its capabilities is a user like any other.
  const plain = (args: string[], data: string) => spawnSync(root ? 'setpriv' : bin, [...(root ? ['--bounding-set=-all', '--inh-caps=-all', bin] : []), ...args], { cwd: dir, env: { ...env, TROUPE_DATA: data }, encoding: 'utf8' });

  it.each(VERBS.map((v) => [v]))('is named in one line by %j, with what to do', (args) => {
    const data = join(dir, 'locked');
    mkdirSync(data, { recursive: true });
    if (root) chownSync(data, 65_534, 65_534);
    chmodSync(data, root ? 0o700 : 0);
    const { status, stdout, stderr } = plain(args, data);
    expect([status, stdout, stderr]).toEqual([78, '', `troupe: the data folder ${data} may not be read and written by this user: give it to the user that runs Troupe (chown), or set TROUPE_DATA to another\n`]);
  });

  it('is named when it is a file, or below one', () => {
    const file = join(dir, 'a-file');
    writeFileSync(file, '');
    expect(plain(['web'], file)).toMatchObject({ status: 78, stderr: `troupe: the data folder ${file} is a file: move it away, or set TROUPE_DATA to another\n` });
    expect(plain(['up'], join(file, 'data'))).toMatchObject({ status: 78, stderr: `troupe: the data folder ${join(file, 'data')} lies below a file: move that away, or set TROUPE_DATA to another\n` });
  });

  it('is a finding among others for the doctor', () => {
    const { status, stdout } = plain(['doctor', '--json'], join(dir, 'a-file'));
    const findings = JSON.parse(stdout) as { check: string; is: string }[];
    expect([status, findings.find((f) => f.check === 'data folder')!.is, findings.find((f) => f.check === 'node')!.is]).toEqual([1, 'fail', 'ok']);
  });
});
