import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.{unit,int,e2e}.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Real servers and browsers on two cores: a second file at once only makes both late.
    maxWorkers: 1,
    // In CI a starved browser gets one second chance, and the report says so; `npm run test:faults` gives none.
    retry: process.env['CI'] ? 1 : 0,
  },
});
