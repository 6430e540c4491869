import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './steps.mjs';

/** The tests that kill and break things, round after round: what fails once in many is a fault too. FAULTS=all brings the long forms, which CI leaves out. Rounds: the first word, else 5. */
const rounds = Number(process.argv[2] ?? 5);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('npm run test:faults [-- ROUNDS]: ROUNDS is a whole number, 1 or more');
  process.exit(2);
}
const failed = [];
for (let round = 1; round <= rounds; round++) {
  console.log(`\nRound ${round} of ${rounds}`);
  if (spawnSync(process.execPath, [join(root, 'scripts', 'test.mjs'), 'test/faults', 'test/whole', 'test/network', 'test/daily'], { stdio: 'inherit', env: { ...process.env, WHOLE_REPLIES: '300', FAULTS: 'all' } }).status !== 0) failed.push(round);
}
console.log(failed.length === 0 ? `\n${rounds} rounds, all passed` : `\n${failed.length} of ${rounds} rounds failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
