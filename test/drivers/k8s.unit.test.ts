import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { linesSince } from '../../runtime/drivers/k8s/log-lines.ts';
import { checkImage, podName } from '../../runtime/drivers/k8s/names.ts';
import { beginningOf, exitOf } from '../../runtime/drivers/k8s/pod-state.ts';
import { envFile } from '../../runtime/drivers/k8s/pod-template.ts';
import { quantity } from '../../runtime/drivers/k8s/quantity.ts';
import { packageRoot } from '../../runtime/package-root.ts';

it('reads quantities', () => {
  for (const [text, value] of [['250m', 0.25], ['1', 1], ['1.5', 1.5], ['123456789n', 0.123456789], ['128Mi', 134_217_728], ['1Gi', 1_073_741_824], ['2k', 2000], ['1e3', 1000], ['0', 0]] as const) {
    expect(quantity(text), text).toBeCloseTo(value, 9);
  }
  for (const text of ['', 'x', '1 Mi', '1MiB', 'NaN', 'Infinity', '--1', undefined, null, 5]) expect(quantity(text), String(text)).toBeNull();
});

it('any environment comes back from its file as it was, and none of it is run', () => {
  const value = fc.string({ unit: 'binary', maxLength: 40 }).filter((v) => !v.includes('\0') && Buffer.from(v).toString() === v);
  const env = fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,10}$/).map((n) => `T_${n}`), value, { maxKeys: 6 });
  const dir = mkdtempSync(join(tmpdir(), 'troupe-env-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const program = 'set -a; . "$1"; set +a; exec "$0" -e "process.stdout.write(JSON.stringify(process.env))"';
  fc.assert(
    fc.property(env, (vars) => {
      writeFileSync(join(dir, 'env'), envFile({ ...vars, X: "$(exit 9) `exit 9` ' \" \\ \n;exit 9" }));
      const out = JSON.parse(execFileSync('/bin/sh', ['-c', program, process.execPath, join(dir, 'env')], { env: { PATH: '/usr/bin:/bin' } }).toString()) as Record<string, string>;
      for (const [name, text] of Object.entries(vars)) expect(out[name]).toBe(text);
    }),
    { numRuns: 15 },
  );
  for (const name of ['A=B', 'a b', '$(x)', '', '1A', 'A\nB']) expect(() => envFile({ [name]: '1' }), name).toThrow(/env name/);
  expect(() => envFile({ A: 'a\0b' })).toThrow(/NUL/);
});

it('each key has a valid name of its own', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/), fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/), (a, b) => {
      expect(podName(a)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
      expect(podName(a) === podName(b)).toBe(a === b);
    }),
  );
});

it('knows an image reference', () => {
  for (const good of ['troupe', 'troupe:latest', 'node:20-bookworm-slim', 'registry.example:5000/a/b:1.2', `a/b@sha256:${'0'.repeat(64)}`]) expect(checkImage(good)).toBe(good);
  for (const bad of ['', 'A', 'a b', '-x', 'a:b:c', 'a@sha256:1', 'a/../b', '$(x)', 'a\n', 'x'.repeat(600)]) expect(() => checkImage(bad), bad).toThrow(/pod.image/);
});

it('reads on in a log where it left off, to the microsecond', () => {
  const text = '2026-01-01T00:00:00.000001000Z one\n2026-01-01T00:00:00.000002999Z two\nrest\n2026-01-01T00:00:01Z \n';
  const all = linesSince(text, 10, undefined);
  expect(all.lines).toEqual(['one', 'two', 'rest', '']);
  expect(all.next).toBe(Date.UTC(2026, 0, 1, 0, 0, 1) * 1000);
  expect(linesSince(text, 10, all.next)).toEqual({ lines: [], next: all.next });
  expect(linesSince(text, 10, Date.UTC(2026, 0, 1) * 1000 + 1).lines).toEqual(['two', 'rest', '']);
  expect(linesSince(text, 1, undefined).lines).toEqual(['']);
  expect(linesSince('', 5, 7)).toEqual({ lines: [], next: 7 });
});

it('tells an end from what only looks like one', () => {
  const state = (s: object, phase = 'Running', started = false) => ({ status: { phase, containerStatuses: [{ name: 'worker', state: s, started }] } }) as never;
  expect(exitOf(state({ running: {} }))).toBeNull();
  expect(exitOf({ status: { phase: 'Unknown', reason: 'NodeLost' } } as never)).toBeNull();
  expect(exitOf({ status: { phase: 'Pending' } } as never)).toBeNull();
  expect(exitOf({ status: { phase: 'Failed', reason: 'Evicted' } } as never)).toMatchObject({ code: null, signal: null });
  expect(exitOf(state({ terminated: { exitCode: 78 } }))).toMatchObject({ code: 78, signal: null });
  expect(exitOf(state({ terminated: { exitCode: 137, reason: 'OOMKilled' } }))).toMatchObject({ code: null, signal: 'SIGKILL' });
  expect(exitOf(state({ terminated: { exitCode: 139 } }))).toMatchObject({ code: null, signal: 'SIGSEGV' });
  expect(exitOf(state({ terminated: { exitCode: 255 } }))).toMatchObject({ code: 255, signal: null });
  expect(beginningOf(state({ running: {} }))).toEqual({ is: 'pending' });
  expect(beginningOf(state({ running: {} }, 'Running', true))).toEqual({ is: 'started' });
  expect(beginningOf(state({ waiting: { reason: 'ContainerCreating' } }, 'Pending'))).toEqual({ is: 'pending' });
  expect(beginningOf(state({ waiting: { reason: 'ErrImagePull', message: 'not found' } }, 'Pending'))).toMatchObject({ is: 'failed', kind: 'missing' });
  expect(beginningOf(state({ terminated: { exitCode: 126, message: 'troupe-cwd\n' } }, 'Failed'))).toMatchObject({ is: 'failed', kind: 'bad-spec' });
});

it('the client is loaded only when Kubernetes is used', () => {
  const dir = join(packageRoot(), 'runtime', 'drivers', 'k8s');
  for (const file of readdirSync(dir)) expect(readFileSync(join(dir, file), 'utf8'), file).not.toMatch(/^import (?!type).*@kubernetes/m);
});
