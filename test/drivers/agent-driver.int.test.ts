import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { machine, master, type Machine } from '../agent/running-agent.ts';
import { driverCases } from '../contracts/driver.case.ts';
import { runningServer, type RunningServer } from '../setup/running-server.ts';

let server: RunningServer;
let boss: Awaited<ReturnType<typeof master>>;
let box: Machine;
beforeAll(async () => {
  server = await runningServer();
  boss = await master(server);
  box = await machine(server, 'box-1');
  await box.up();
});
afterAll(async () => {
  await box?.close();
  await boss?.close();
  await server?.stop();
});

// One agent for all: its logs go with each case, so that no line of an earlier one is taken for the present one's.
driverCases('agent', async () => ({ make: () => box.driver(boss.nc), adoptedExit: { code: null, signal: 'SIGTERM' }, close: async () => rmSync(join(box.dir, 'agent', 'logs'), { recursive: true, force: true }) }));
