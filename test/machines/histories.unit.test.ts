import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kinds } from '../../actors/kinds.ts';
import { replay } from '../../actors/replay.ts';

const kindOf = (file: string): string => file.replace(/(-v\d+)?\.json$/, '');
const DIR = join(import.meta.dirname, '..', 'histories');

/** Journals of a real run. A change of a chart that breaks one breaks the actors that live in somebody's journal: give it a new version and a migration. */
describe('recorded histories replay to the same bytes', () => {
  for (const file of readdirSync(DIR)) {
    it(file, () => {
      const history = (JSON.parse(readFileSync(join(DIR, file), 'utf8')) as object[]).map((e) => Buffer.from(JSON.stringify(e)));
      expect(history.length).toBeGreaterThan(3);
      expect(replay(kinds.get(kindOf(file))!, history)).toEqual({ turns: history.length, problem: null });
    });
  }
});
