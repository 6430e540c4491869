import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Driver, Exit, Spec } from '../../runtime/drivers/contract.ts';

export type DriverUnderTest<Handle> = {
  /** The same place each time it is called: a second driver stands for a master that was born again. */
  make(): Driver<Handle>;
  close(): Promise<void>;
  /** A folder that the processes and this test both see under one path; made and removed by the suite when absent. */
  dir?: string;
  /** Where Node is, for the processes. */
  node?: string;
  /** What a place of this kind needs in a Spec besides: an image, say. */
  more?: Partial<Spec>;
  /** Whether a process lives, by the pid that it has for itself. */
  alive?(pid: number): boolean | Promise<boolean>;
  /** How an adopted process that TERM ended is reported: by default nobody saw its end. */
  adoptedExit?: Partial<Exit>;
};

const never = () => new AbortController().signal;

/** What every driver must do. The programs are Node scripts given as text. */
export function driverCases<Handle>(name: string, setUp: () => Promise<DriverUnderTest<Handle>>): void {
  describe(`driver ${name}`, () => {
    let dir: string;
    let under: DriverUnderTest<Handle>;
    let driver: Driver<Handle>;
    const started: Handle[] = [];

    beforeEach(async () => {
      under = await setUp();
      dir = under.dir ?? mkdtempSync(join(tmpdir(), 'troupe-driver-'));
      driver = under.make();
    });
    afterEach(async () => {
      for (const handle of started.splice(0)) await driver.stop(handle, 0);
      await under.close();
      rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    });

    const spec = (script: string, env: Record<string, string> = {}): Spec => ({ command: under.node ?? process.execPath, args: ['-e', script], env, cwd: dir, ...under.more });
    const start = async (script: string, key = 'worker-1', env: Record<string, string> = {}) => {
      const handle = await driver.start(spec(script, env), key);
      started.push(handle);
      return handle;
    };
    const alive = (pid: number) => (under.alive ?? lives)(pid);
    const line = (handle: Handle, text: string) =>
      expect.poll(async () => (await driver.logs(handle, { tail: 100 })).lines, { timeout: 15_000 }).toContain(text);

    it('is healthy here', async () => {
      expect(await driver.health()).toEqual({ is: 'healthy', why: '' });
    });

    it('starts a process with its environment, and tells how it ended', async () => {
      const handle = await start('console.log("hello " + process.env.WORKER_ID); process.exitCode = 7', 'worker-1', { WORKER_ID: 'worker-1' });
      expect(await driver.wait(handle, never())).toMatchObject({ code: 7, signal: null });
      await line(handle, 'hello worker-1');
      expect(await driver.recover(handle)).toBe('gone');
    });

    it('starts once a key, however often it is asked', async () => {
      const script = 'require("fs").appendFileSync("starts", "x"); setInterval(() => {}, 1000); console.log("up")';
      const handles = await Promise.all([start(script), start(script), under.make().start(spec(script), 'worker-1')]);
      await line(handles[0]!, 'up');
      expect(handles[1]).toEqual(handles[0]);
      expect(handles[2]).toEqual(handles[0]);
      expect(readFileSync(join(dir, 'starts'), 'utf8')).toBe('x');
    });

    it('is adopted by the next driver, which can wait for it and stop it', async () => {
      const handle = await start('setInterval(() => {}, 1000); console.log("up")');
      await line(handle, 'up');
      const next = under.make();
      const plain = JSON.parse(JSON.stringify(handle)) as Handle;
      expect(await next.recover(plain)).toBe('running');
      const found = [];
      for await (const each of next.list()) found.push(each);
      expect(found).toEqual([{ key: 'worker-1', handle: plain }]);
      const ended = next.wait(plain, never());
      await next.stop(plain, 5000);
      expect(await ended).toMatchObject(under.adoptedExit ?? { code: null, signal: null });
      expect(await next.recover(plain)).toBe('gone');
      expect((await next.list()[Symbol.asyncIterator]().next()).done).toBe(true);
    });

    it('lets it finish within the grace', async () => {
      const handle = await start('process.on("SIGTERM", () => { require("fs").writeFileSync("bye", ""); process.exit(3) }); setInterval(() => {}, 1000); console.log("up")');
      await line(handle, 'up');
      const ended = driver.wait(handle, never());
      await driver.stop(handle, 10_000);
      expect(await ended).toMatchObject({ code: 3, signal: null });
      expect(existsSync(join(dir, 'bye'))).toBe(true);
    });

    it('kills one that ignores TERM, with all its children', async () => {
      const child = 'process.on("SIGTERM", () => {}); console.log("child " + process.pid); setInterval(() => {}, 1000)';
      const handle = await start(`
        process.on("SIGTERM", () => console.log("ignored"));
        require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { detached: true, stdio: "inherit" });
        setInterval(() => {}, 1000)`);
      await expect.poll(async () => (await driver.logs(handle, { tail: 10 })).lines.join(' '), { timeout: 15_000 }).toMatch(/child \d+/);
      const pid = Number(/child (\d+)/.exec((await driver.logs(handle, { tail: 10 })).lines.join(' '))![1]);
      expect(await alive(pid)).toBe(true);
      await driver.stop(handle, 300);
      expect(await driver.recover(handle)).toBe('gone');
      await expect.poll(() => alive(pid)).toBe(false);
    });

    it('stops twice, and stops what is gone, without complaint', async () => {
      const handle = await start('');
      await driver.wait(handle, never());
      await driver.stop(handle, 1000);
      await driver.stop(handle, 1000);
    });

    it('starts again under the same key after an end', async () => {
      const one = await start('');
      await driver.wait(one, never());
      const two = await start('setInterval(() => {}, 1000)');
      expect(two).not.toEqual(one);
      expect(await driver.recover(two)).toBe('running');
      expect(await driver.recover(one)).toBe('gone');
      // A late stop of the earlier start must not reach the later one.
      await driver.stop(one, 0);
      expect(await driver.recover(two)).toBe('running');
    });

    it('reads logs from the end and from where it left off', async () => {
      const handle = await start('for (let i = 1; i <= 500; i++) console.log("line " + i)');
      await driver.wait(handle, never());
      const last = await driver.logs(handle, { tail: 2 });
      expect(last.lines).toEqual(['line 499', 'line 500']);
      expect(await driver.logs(handle, { tail: 10, sinceBytes: last.next })).toEqual({ lines: [], next: last.next });
    });

    it('measures memory and CPU', async () => {
      const handle = await start('const held = Buffer.alloc(20_000_000, 1); console.log("up"); for (;;) held[0] = 2');
      await line(handle, 'up');
      await driver.stats(handle);
      await expect.poll(async () => (await driver.stats(handle))!.cpuRatio, { interval: 300, timeout: 15_000 }).toBeGreaterThan(0.1);
      expect((await driver.stats(handle))!.rssBytes).toBeGreaterThan(10_000_000);
      await driver.stop(handle, 0);
      expect(await driver.stats(handle)).toBeNull();
    });

    it('stops waiting when told to', async () => {
      const handle = await start('setInterval(() => {}, 1000)');
      const abort = new AbortController();
      const waiting = driver.wait(handle, abort.signal);
      abort.abort();
      await expect(waiting).rejects.toThrow(/abort/i);
      expect(await driver.recover(handle)).toBe('running');
    });

    it('names what can\'t be started', async () => {
      await expect(driver.start({ ...spec(''), command: './no-such-program' }, 'worker-1')).rejects.toMatchObject({ kind: 'spawn', message: expect.stringContaining('no-such-program') });
      await expect(driver.start(spec('', { 'A=B': '1' }), 'worker-1')).rejects.toMatchObject({ kind: 'bad-spec' });
      await expect(driver.start({ ...spec(''), cwd: join(dir, 'nowhere') }, 'worker-1')).rejects.toMatchObject({ kind: 'bad-spec', message: expect.stringContaining('nowhere') });
      for (const key of ['../x', 'a/b', '', '-rf', 'A', 'a'.repeat(64)]) await expect(driver.start(spec(''), key)).rejects.toMatchObject({ kind: 'bad-key' });
      expect((await driver.list()[Symbol.asyncIterator]().next()).done).toBe(true);
    });
  });
}

/** A zombie counts as dead. */
function lives(pid: number): boolean {
  try {
    return !/^[ZX]$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) (.).*$/s, '$1'));
  } catch {
    return false;
  }
}
