import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Keeper } from '../../runtime/agent/keeper.ts';
import { KeptStore, newKept } from '../../runtime/agent/kept-store.ts';
import type { Exit } from '../../runtime/drivers/contract.ts';
import type { LocalDriver, LocalHandle } from '../../runtime/drivers/local/local-driver.ts';
import { agentRequest } from '../../transport/protocol.ts';

const MIB = 1_048_576;

/** A keeper over processes that end when they are stopped, with exit code 0 as a worker does. */
function stage() {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-keeper-'));
  const ends = new Map<string, (exit: Exit) => void>();
  const stops: string[] = [];
  let n = 0;
  const driver = {
    start: async (_: unknown, key: string): Promise<LocalHandle> => ({ key, nonce: `n${++n}`, bootId: 'b', pid: n, startTime: '1', startedAt: Date.now(), log: '' }),
    wait: (h: LocalHandle) => new Promise<Exit>((done) => ends.set(h.nonce, done)),
    stop: async (h: LocalHandle) => {
      stops.push(h.nonce);
      ends.get(h.nonce)?.({ code: 0, signal: null, at: Date.now() });
    },
    stats: async () => null,
    recover: async () => 'running' as const,
  };
  const said: string[] = [];
  const keeper = new Keeper(newKept('w'), { driver: driver as unknown as LocalDriver, store: new KeptStore(join(dir, 'workers'), join(dir, 'secrets')), orphanMs: 50, log: (_, message) => void said.push(message) });
  onTestFinished(() => {
    keeper.close();
    rmSync(dir, { recursive: true });
  });
  const { spec } = agentRequest.start.parse({ key: 'w', spec: { command: 'x', args: [], env: {}, cwd: '/', limits: { memoryMb: 100, cpuCores: 1 }, restart: { delayMs: 0 } } });
  return { keeper, spec, stops, said };
}
const stats = (mb: number) => ({ rssBytes: mb * MIB, cpuRatio: 0, processes: 1 });

it('begins a worker anew that holds too much memory while no master looks after it, even if it ends well', async () => {
  const { keeper, spec, stops, said } = stage();
  const handle = await keeper.start(spec);
  await keeper.boundMemory(stats(100));
  expect(stops).toEqual([]);
  await keeper.boundMemory(stats(101));
  expect(stops).toEqual([handle.nonce]);
  expect(said).toContain('w is restarted: memory 101 MB over 100 MB');
  await expect.poll(() => keeper.status).toMatchObject({ state: 'running', restarts: 1 });
  expect(keeper.status.handle!.nonce).not.toBe(handle.nonce);
});

it('leaves that to a master that looks after it', async () => {
  const { keeper, spec, stops } = stage();
  const { nonce } = await keeper.start(spec);
  const waiting = keeper.exit(nonce, 200);
  await keeper.boundMemory(stats(500));
  expect(stops).toEqual([]);
  expect(await waiting).toBeNull();
  // Once it has been away for long enough, it is the agent's again.
  await expect.poll(async () => (await keeper.boundMemory(stats(500)), stops)).toEqual([nonce]);
});
