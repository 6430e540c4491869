import { describe, expect, it } from 'vitest';
import { conform } from '../../runtime/conform/conform.ts';
import { corpus } from './corpus/index.ts';

describe('the durable kernel does what XState does', () => {
  it('covers at least 60 charts', () => expect(corpus.length).toBeGreaterThanOrEqual(60));
  for (const { name, machine, runs } of corpus) {
    it(name, async () => {
      for (const run of runs) expect(await conform(machine, { ...run, name })).toBeNull();
    });
  }
});
