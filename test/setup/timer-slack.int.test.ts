import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LocalDriver } from '../../runtime/drivers/local/local-driver.ts';
import { SERVER_SLACK_NS } from '../../runtime/nats-server/spawn-server.ts';
import { withTimerSlack } from '../../runtime/timer-slack.ts';
import { runningServer } from './running-server.ts';

// A process may read its own, and root that of any.
const CAT = ['-c', 'cat /proc/self/timerslack_ns'] as const;
const usual = spawnSync('/bin/sh', CAT, { encoding: 'utf8' }).stdout.trim();

it('a process that is started so has it, what is started after it does not', () => {
  const within = withTimerSlack(2_000_000, () => spawnSync('/bin/sh', CAT, { encoding: 'utf8' }).stdout.trim());
  const after = spawnSync('/bin/sh', CAT, { encoding: 'utf8' }).stdout.trim();
  expect({ within, after }).toEqual({ within: '2000000', after: usual });
});

it('it is given back when the start fails', () => {
  expect(() => withTimerSlack(2_000_000, () => { throw new Error('no'); })).toThrow('no');
  expect(spawnSync('/bin/sh', CAT, { encoding: 'utf8' }).stdout.trim()).toBe(usual);
});

it.runIf(process.getuid?.() === 0)('every thread of a nats-server has it', async () => {
  const server = await runningServer();
  try {
    const threads = readdirSync(`/proc/${server.child.pid}/task`);
    expect(threads.length).toBeGreaterThan(1);
    for (const t of threads) expect(readFileSync(`/proc/${t}/timerslack_ns`, 'utf8').trim()).toBe(String(SERVER_SLACK_NS));
  } finally {
    await server.stop();
  }
});

it('the local driver keeps to it for the process that asks for it alone', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-slack-'));
  const driver = new LocalDriver({ runDir: join(dir, 'run'), logDir: join(dir, 'logs'), pollMs: 20 });
  try {
    const said = async (key: string, timerSlackNs?: number) => {
      const handle = await driver.start({ command: '/bin/sh', args: [...CAT], env: {}, cwd: dir, ...(timerSlackNs ? { timerSlackNs } : {}) }, key);
      await driver.wait(handle, AbortSignal.timeout(10_000));
      return (await driver.logs(handle, { tail: 1 })).lines.at(-1);
    };
    expect(await said('late', 3_000_000)).toBe('3000000');
    expect(await said('usual')).toBe(usual);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
