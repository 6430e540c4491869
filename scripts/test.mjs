import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count } from './count.mjs';
import { asScript, setUp } from './setup.mjs';
import { root } from './steps.mjs';

/** Everything that CI runs: set-up, build with type check, all tests. The last line is `N passed, N failed`. */
await asScript(async () => {
  const { natsServer, chromium, typeErrors } = await setUp();
  const scratch = mkdtempSync(join(tmpdir(), 'troupe-test-'));
  const summary = join(scratch, 'summary.json');
  const env = { ...process.env, TROUPE_NATS_SERVER: natsServer, ...(chromium && { TROUPE_CHROMIUM: chromium }) };
  const args = [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${summary}`, ...process.argv.slice(2)];
  const code = await new Promise((done) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
    child.on('error', () => done(1));
    child.on('exit', (c) => done(c ?? 1));
  });
  const { passed, failed } = count(read(summary), code);
  rmSync(scratch, { recursive: true });
  if (typeErrors > 0) console.log(`\n${typeErrors} type errors (above, at the build)`);
  console.log(`\n${passed} passed, ${failed + typeErrors} failed`);
  process.exitCode = failed + typeErrors > 0 || code !== 0 ? 1 : 0;
});

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
