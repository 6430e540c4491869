import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { createVitals } from '../../runtime/worker/vitals.ts';
import { until } from './until.ts';

const MB = 1024 * 1024;

test('memory and CPU are those of the process with its children and theirs', async () => {
  const vitals = createVitals(tmpdir(), 200);
  const alone = await until('the first figures', () => (vitals().diskFreeBytes ? vitals() : null));
  // A child that does nothing, and below it one that is large and busy.
  const busy = `const b = Buffer.alloc(${200 * MB}, 1); for (;;) b[0]++;`;
  const child = spawn(process.execPath, ['-e', `const c = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(busy)}], { stdio: 'ignore' }); process.on('SIGTERM', () => { c.kill('SIGKILL'); c.on('exit', () => process.exit()); }); setInterval(() => {}, 1000);`], { stdio: 'ignore' });
  try {
    await until('its memory to show', () => vitals().rssBytes > alone.rssBytes + 180 * MB);
    await until('its work to show', () => vitals().cpuRatio > 0.2);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await until('its memory to be gone again', () => vitals().rssBytes < alone.rssBytes + 100 * MB);
  expect(vitals().cpuRatio).toBeGreaterThanOrEqual(0);
});
