import { defineConfig } from 'vitest/config';

// In CI a starved browser gets two more chances, and the report says so; `npm run test:faults` gives none.
// Browsers of tests are what is waited for: they stand behind nobody, but where a test is about that.
const shared = { testTimeout: 60_000, hookTimeout: 60_000, retry: process.env['CI'] ? 2 : 0, env: { BROWSER_NICE: '0' } };
// These watch real clocks beside a whole graph of processes: two files at a time.
const ALONE = ['test/whole/**', 'test/network/**', 'test/setup/nats-cluster.int.test.ts', 'test/worker/worker-faults.e2e.test.ts', 'test/worker/worker-process.e2e.test.ts'];
const inOrder = ['unit', 'int', 'e2e', 'alone'];
const project = (name: string, test: { include: string[]; exclude?: string[]; maxWorkers?: number }) => ({ test: { ...shared, ...test, name, sequence: { groupOrder: inOrder.indexOf(name) } } });

export default defineConfig({
  test: {
    projects: [
      project('unit', { include: ['test/**/*.unit.test.ts'], maxWorkers: 3 }),
      // Servers and processes, which mostly wait; then browsers, which don't.
      project('int', { include: ['test/**/*.int.test.ts'], exclude: ALONE, maxWorkers: 6 }),
      project('e2e', { include: ['test/**/*.e2e.test.ts'], exclude: ALONE, maxWorkers: 3 }),
      project('alone', { include: ['test/whole/*.e2e.test.ts', 'test/network/*.int.test.ts', ...ALONE.filter((f) => f.endsWith('.ts'))], maxWorkers: 2 }),
    ],
  },
});
