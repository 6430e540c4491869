/** Runs a part until TERM or INT, then stops it in order; a second signal ends at once. Gives the exit code. */
export async function runUntilSignal(start: () => Promise<{ stop(graceMs: number): Promise<void> }>, graceMs: number): Promise<number> {
  const part = await start();
  await new Promise<void>((done) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.once(name, () => {
        for (const again of ['SIGTERM', 'SIGINT'] as const) process.once(again, () => process.exit(130));
        done();
      });
    }
  });
  await part.stop(graceMs);
  return 0;
}
