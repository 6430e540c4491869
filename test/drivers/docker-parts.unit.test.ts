import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoted } from '../../runtime/drivers/docker/entry.ts';
import { asDriverError } from '../../runtime/drivers/docker/faults.ts';
import { cpuRatio, memoryBytes, type RawStats } from '../../runtime/drivers/docker/figures.ts';
import { isImageName } from '../../runtime/drivers/docker/image-name.ts';
import { linesOf } from '../../runtime/drivers/docker/log-frames.ts';
import { mountsOf } from '../../runtime/drivers/docker/mounts.ts';

describe('an image name', () => {
  it('follows the grammar of references', () => {
    for (const name of ['troupe', 'troupe:1', 'troupe:latest', 'a/b/c', 'registry.example.com/troupe:1.2-rc_3', 'localhost:5000/x', '[2001:db8::1]:5000/x', 'x@sha256:' + 'a'.repeat(64), 'r.io/x:1@sha256:' + '0'.repeat(64), 'a__b/c-d.e']) expect(isImageName(name), name).toBe(true);
    for (const name of ['', '../../x', '../x', 'img;rm', 'img rm', '-x', '--privileged', 'A', 'a//b', '/a', 'a/', 'a:', 'a:b:c/', 'a:-x', 'a@sha256:short', 'a\n', 'a\0b', '$(id)', 'a'.repeat(300), 'x:' + 't'.repeat(129), 'http://a/b', 'a.../b']) expect(isImageName(name), name).toBe(false);
  });

  it('is decided quickly, whatever the text', () => {
    const before = performance.now();
    for (const part of ['a-', 'a.', 'a/', '-', 'a_', 'a:']) isImageName(part.repeat(50_000));
    isImageName(`${'a.'.repeat(250)}!`);
    isImageName(`${'a-'.repeat(120)}!`);
    expect(performance.now() - before).toBeLessThan(500);
  });
});

describe('figures', () => {
  const cpu = (total: number, system: number, more = {}): RawStats => ({ cpu_stats: { cpu_usage: { total_usage: total }, system_cpu_usage: system, online_cpus: 4, ...more } });

  it('counts CPU as a share of one core', () => {
    expect(cpuRatio(cpu(300, 1400), cpu(200, 1000))).toBe(1);
    expect(cpuRatio(cpu(250, 1400), cpu(200, 1000))).toBe(0.5);
    expect(cpuRatio({ cpu_stats: { cpu_usage: { total_usage: 300, percpu_usage: [1, 2] }, system_cpu_usage: 1400 } }, cpu(200, 1000))).toBe(0.5);
  });

  it('is a number for whatever the daemon leaves out', () => {
    const some = fc.option(fc.double({ noNaN: false }), { nil: undefined });
    const raw = fc.record({
      cpu_stats: fc.option(fc.record({ cpu_usage: fc.option(fc.record({ total_usage: some, percpu_usage: fc.constantFrom(null, undefined, [], [1]) }), { nil: undefined }), system_cpu_usage: some, online_cpus: fc.constantFrom(0, 1, 2, undefined) }), { nil: undefined }),
      memory_stats: fc.option(fc.record({ usage: fc.option(fc.nat(), { nil: undefined }), stats: fc.option(fc.dictionary(fc.constantFrom('inactive_file', 'total_inactive_file'), fc.nat()), { nil: undefined }) }), { nil: undefined }),
    });
    fc.assert(fc.property(raw, fc.option(raw, { nil: undefined }), (now, before) => {
      expect(cpuRatio(now as RawStats, before as RawStats | undefined)).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(cpuRatio(now as RawStats, before as RawStats | undefined))).toBe(true);
      expect(memoryBytes(now as RawStats)).toBeGreaterThanOrEqual(0);
    }));
    expect(cpuRatio(cpu(300, 1400), {})).toBe(0);
    expect(cpuRatio(cpu(300, 1400), undefined)).toBe(0);
    expect(cpuRatio(cpu(100, 900), cpu(200, 1000))).toBe(0);
  });

  it('leaves the page cache out of memory, of either cgroup version', () => {
    expect(memoryBytes({ memory_stats: { usage: 100, stats: { total_inactive_file: 30 } } })).toBe(70);
    expect(memoryBytes({ memory_stats: { usage: 100, stats: { inactive_file: 40 } } })).toBe(60);
    expect(memoryBytes({ memory_stats: { usage: 100, stats: { inactive_file: 400 } } })).toBe(100);
    expect(memoryBytes({ memory_stats: {} })).toBe(0);
  });
});

describe('a multiplexed log', () => {
  const frame = (stream: number, text: string) => {
    const body = Buffer.from(text);
    const head = Buffer.alloc(8);
    head[0] = stream;
    head.writeUInt32BE(body.length, 4);
    return Buffer.concat([head, body]);
  };
  const at = '2026-01-02T03:04:05.123456789Z';

  it('gives lines with their times, cut lines joined, each stream for itself', () => {
    const log = Buffer.concat([frame(1, `${at} one\n`), frame(1, `${at} long `), frame(2, `${at} error\n`), frame(1, `${at} line\r\n`), frame(1, `${at} rest`)]);
    expect(linesOf(log).map((l) => l.text)).toEqual(['one', 'error', 'long line', 'rest']);
    expect(linesOf(log)[0]!.at).toBe(BigInt(Date.parse('2026-01-02T03:04:05Z')) * 1_000_000n + 123_456_789n);
  });

  it('survives empty, cut and odd input', () => {
    expect(linesOf(Buffer.alloc(0))).toEqual([]);
    const whole = Buffer.concat([frame(1, `${at} one\n`), frame(1, `${at} two\n`)]);
    for (let size = 0; size < whole.length; size++) expect(linesOf(whole.subarray(0, size)).map((l) => l.text)).toEqual(size < whole.length / 2 ? [] : ['one']);
    expect(linesOf(frame(1, 'no time\n'))).toEqual([{ at: 0n, text: 'no time' }]);
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void linesOf(Buffer.from(bytes))));
  });
});

describe('the environment file', () => {
  it('gives a shell each value as it is', () => {
    const values = fc.sample(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom("'", '"', '$', '`', '\\', '\n', '(', ')', ' ', ';', 'a', '!') })), { numRuns: 150, seed: 7 }).map((v) => v.replaceAll('\0', '').toWellFormed());
    const script = values.map((v, i) => `V${i}=${quoted(v)}\n`).join('');
    const run = spawnSync('/bin/sh', ['-s'], { input: `set -a\n${script}set +a\nexec "${process.execPath}" -e 'console.log(JSON.stringify(process.env))'\n`, encoding: 'utf8', env: {} });
    const got = JSON.parse(run.stdout) as Record<string, string>;
    values.forEach((value, i) => expect(got[`V${i}`]).toBe(value));
  });
});

describe('mounts of a daemon elsewhere', () => {
  const rules = { allowed: ['/srv/troupe'], sockets: [], remote: true };
  it('go by the text of the path', () => {
    expect(mountsOf(['/srv/troupe/data:/data:ro'], rules)).toEqual([{ Type: 'bind', Source: '/srv/troupe/data', Target: '/data', ReadOnly: true }]);
    for (const volume of ['/srv/troupe/../x:/data', '/srv/troupe2:/data', '/srv:/data', '/:/data', '/run/docker.sock:/data', '/var/run:/data']) expect(() => mountsOf([volume], rules), volume).toThrow();
  });
});

describe('a fault of the daemon', () => {
  const answer = (statusCode: number, message: string) => Object.assign(new Error('x'), { statusCode, json: { message } });
  it('says what to do', () => {
    expect(asDriverError(answer(404, 'No such image: a/b:1'), 'd')).toMatchObject({ kind: 'missing', message: expect.stringContaining('docker pull a/b:1') });
    expect(asDriverError(answer(404, 'network net-1 not found'), 'd')).toMatchObject({ kind: 'missing', message: expect.stringContaining('docker network create net-1') });
    expect(asDriverError(Object.assign(new Error('x'), { code: 'EACCES' }), 'd')).toMatchObject({ kind: 'auth', message: expect.stringContaining('group docker') });
    expect(asDriverError(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'd')).toMatchObject({ kind: 'unreachable' });
    expect(asDriverError(answer(500, 'disk full'), 'd')).toMatchObject({ kind: 'spawn', message: expect.stringContaining('disk full') });
    expect(asDriverError(answer(400, 'Minimum memory limit allowed is 6MB'), 'd')).toMatchObject({ kind: 'bad-spec' });
  });
});
