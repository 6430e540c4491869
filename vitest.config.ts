import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.{unit,int,e2e}.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Real servers and browsers: more files at once than cores only makes them late.
    maxWorkers: 2,
  },
});
