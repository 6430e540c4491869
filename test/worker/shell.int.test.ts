import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskNote } from '../../transport/protocol.ts';
import { readStat } from '../../runtime/drivers/local/proc.ts';
import type { EffectContext } from '../../runtime/worker/effects/effect-context.ts';
import { work } from '../../runtime/worker/effects/work.ts';
import { WorkerFault } from '../../runtime/worker/fault.ts';
import { reapShells } from '../../runtime/worker/shell/shell-process.ts';
import { until } from './until.ts';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'shell-'))));
afterEach(async () => {
  await reapShells(join(dir, 'running'));
  rmSync(dir, { recursive: true, force: true });
});

function stage(allowed = true, memoryMb = 2048) {
  const notes: Omit<TaskNote, 'at' | 'attempt'>[] = [];
  const kept = new Map<string, string>();
  const abort = new AbortController();
  const ctx = {
    token: 't', signal: abort.signal, log: () => undefined, assertHeld: () => undefined, emit: () => undefined, note: (row: (typeof notes)[number]) => void notes.push(row),
    shell: { allowed, dir, limits: { memoryMb, cpuCores: 1 } }, link: { keep: async (name: string, bytes: Buffer) => void kept.set(name, bytes.toString()) },
  } as unknown as EffectContext;
  const run = (command: string, more: object = {}, timeoutMs = 30_000) =>
    work(ctx, { worker: 'w', incarnation: 'i', account: null, platform: null, epoch: null, proxy: null, task: 't1', attempt: 1, type: 'shell', title: 'T', payload: { command, ...more }, agent: null, timeoutMs }) as Promise<{ result: { out: string; err: string }; artefacts: { object: string; bytes: number }[] }>;
  return { run, notes, kept, abort, rows: (level: string) => notes.filter((n) => n.level === level).map((n) => n.text) };
}
const fault = (p: Promise<unknown>) => p.then((v) => { throw new Error(`it went well: ${JSON.stringify(v)}`); }, (e: { kind: string; message: string }) => [e.kind, e.message]);
const pids = (name: string) => readFileSync(join(dir, name), 'utf8').trim().split(/\s+/).map(Number);
const alive = (name: string) => pids(name).filter((pid) => readStat(pid) !== null);
/** A child, a grandchild that left the group, and one that left its parents, all noted. */
const family = (file: string) => `echo $$ > ${file}; sleep 300 & echo $! >> ${file}; setsid sh -c 'echo $$ >> ${file}; sleep 300' & (setsid sh -c 'sleep 300 & echo $! >> ${file}' &) ; while [ $(wc -l < ${file}) -lt 4 ]; do sleep 0.02; done; echo ready`;

describe('shell tasks', () => {
  it('stream their output, answer its end, and see nothing of the worker\'s own environment', async () => {
    process.env['TROUPE_TEST_SECRET'] = 'hush';
    const s = stage();
    const done = await s.run('echo one; echo two >&2; printf "no end"; env | sort; pwd; cat', { env: { NAME: 'ann' } });
    delete process.env['TROUPE_TEST_SECRET'];
    expect(done.result).toMatchObject({ exitCode: 0, err: 'two\n', out: expect.stringMatching(/^one\nno end/) });
    expect(done.result.out).toContain('NAME=ann\n');
    expect(done.result.out).not.toMatch(/hush|NODE_|VITEST/);
    expect(done.result.out.trimEnd().split('\n').at(-1)).toBe(join(dir, 't1-1'));
    expect([s.rows('out')[0], s.rows('err')]).toEqual(['one', ['two']]);
    expect(readdirSync(dir)).toEqual(['running']);
    expect(readdirSync(join(dir, 'running'))).toEqual([]);
  });

  it('fail with their exit and last words; a long output is kept whole', async () => {
    const s = stage();
    expect(await fault(s.run('echo bad luck >&2; exit 3'))).toEqual(['exit-code', 'the command ended with exit 3: bad luck']);
    expect(await fault(s.run('kill -9 $$'))).toMatchObject(['exit-code', expect.stringMatching(/137|SIGKILL/)]);
    const long = await s.run('i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done');
    expect(s.kept.get(long.artefacts[0]!.object)!.split('\n')).toHaveLength(3001);
    expect(long.result.out.length).toBeLessThanOrEqual(8000);
  });

  it('are refused where they may not run or can\'t', async () => {
    expect(await fault(stage(false).run('true'))).toEqual(['refused', 'this worker runs no shell tasks: start it with --allow-shell']);
    for (const more of [{ env: { 'A B': '1' } }, { env: { TROUPE_NONCE: 'x' } }, { cwd: 'relative' }, { cwd: join(dir, 'gone') }]) expect((await fault(stage().run('true', more)))[0], JSON.stringify(more)).toBe('refused');
    expect((await fault(stage().run('  ')))[0]).toBe('refused');
  });

  it('are killed with all that they started: when they are ended, and what they leave running when they end', async () => {
    const late = stage();
    const family1 = join(dir, 'late');
    const ended = fault(late.run(`${family(family1)}; sleep 300`));
    await until('it runs', () => late.rows('out').includes('ready'));
    late.abort.abort(new WorkerFault('timeout', 'not finished within 1 s'));
    expect(await ended).toEqual(['timeout', 'not finished within 1 s']);
    expect(pids('late')).toHaveLength(4);
    expect(alive('late')).toEqual([]);
    await stage().run(family(join(dir, 'end')));
    expect(pids('end')).toHaveLength(4);
    expect(alive('end')).toEqual([]);
  });

  it('can\'t use more memory than they may', async () => {
    expect((await fault(stage(true, 128).run(`exec ${process.execPath} -e 'const a=[]; for(;;) a.push(Buffer.alloc(10_000_000, 1))'`)))[0]).toBe('exit-code');
  });

  it('go with a worker that is killed; what left its group is found by the next', async () => {
    const script = `import { ShellProcess } from '${resolve('runtime/worker/shell/shell-process.ts')}'; new ShellProcess({ command: process.argv[1], cwd: '${dir}', env: {}, limits: { memoryMb: 2048, cpuCores: 1 }, timeoutMs: 60000, notes: '${join(dir, 'running')}' }); setInterval(() => undefined, 1000);`;
    const built = script.replace(/\.ts'/, ".js'").replace(`${resolve('runtime')}`, resolve('dist/runtime'));
    const worker = spawn(process.execPath, ['--input-type=module', '-e', built, `${family(join(dir, 'orphans'))}; sleep 300`], { stdio: ['ignore', 'ignore', 'inherit'] });
    try {
      await until('it runs', () => existsSync(join(dir, 'orphans')) && pids('orphans').length === 4);
      worker.kill('SIGKILL');
      await until('its group is gone', () => alive('orphans').length <= 2);
      expect(await reapShells(join(dir, 'running'))).toBe(1);
      expect(alive('orphans')).toEqual([]);
      expect(readdirSync(join(dir, 'running'))).toEqual([]);
    } finally {
      worker.kill('SIGKILL');
    }
  });
});
