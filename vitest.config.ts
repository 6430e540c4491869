import { defineConfig } from 'vitest/config';

// In CI a starved browser gets one second chance, and the report says so; `npm run test:faults` gives none.
const shared = { testTimeout: 60_000, hookTimeout: 60_000, retry: process.env['CI'] ? 1 : 0 };

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/**/*.unit.test.ts'], sequence: { groupOrder: 0 } } },
      // Real servers and browsers on two cores: a second file at once only makes both late.
      { test: { ...shared, name: 'real', include: ['test/**/*.{int,e2e}.test.ts'], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
