import { defineConfig } from 'vitest/config';

// In CI a starved browser gets one second chance, and the report says so; `npm run test:faults` gives none.
const shared = { testTimeout: 60_000, hookTimeout: 60_000, retry: process.env['CI'] ? 1 : 0 };
// These watch real clocks beside real load, or browsers: one file at a time.
const ALONE = ['test/whole/**', 'test/network/**', 'test/drivers/**'];

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/**/*.unit.test.ts'], sequence: { groupOrder: 0 } } },
      { test: { ...shared, name: 'int', include: ['test/**/*.int.test.ts'], exclude: ALONE, maxWorkers: 2, sequence: { groupOrder: 1 } } },
      { test: { ...shared, name: 'alone', include: ['test/**/*.e2e.test.ts', ...ALONE.map((dir) => `${dir}/*.int.test.ts`)], maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});
