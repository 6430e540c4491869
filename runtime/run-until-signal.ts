import { constants } from 'node:os';

/** Runs a part until TERM or INT, then stops it in order and gives 0; a second signal ends at once with 128 and its number. */
export async function runUntilSignal(start: () => Promise<{ stop(graceMs: number): Promise<void> }>, graceMs: number): Promise<number> {
  const part = await start();
  await new Promise<void>((done) => {
    let asked = false;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (asked) process.exit(128 + constants.signals[name]);
        asked = true;
        done();
      });
    }
  });
  await part.stop(graceMs);
  return 0;
}
