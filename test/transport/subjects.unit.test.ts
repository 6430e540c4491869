import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, decodeEvent, encodeEvent, isId, parseAddress, parseCommand, parseInbox, partitionOf, subjects, VERB } from '../../transport/subjects.ts';

const id = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
const kind = fc.stringMatching(/^[a-z][a-z-]{0,30}$/);

describe('subjects', () => {
  it('any event type comes back from its token, and never looks like a verb of the kernel', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (type) => {
        const token = encodeEvent(type);
        expect(token).toMatch(/^[A-Za-z0-9_%-]+$/);
        expect(decodeEvent(token)).toBe(type);
        expect(Object.values(VERB)).not.toContain(token);
      }),
    );
  });

  it('an inbox subject names its actor, with and without the partition', () => {
    fc.assert(
      fc.property(kind, id, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), id, (k, i, type, worker) => {
        const to = { kind: k, id: i };
        const plain = subjects.inbox(to, type);
        expect(parseInbox(plain)).toEqual({ to, token: encodeEvent(type), worker: null });
        expect(parseInbox(plain.replace('troupe.in.', 'troupe.in.7.'))).toEqual({ to, token: encodeEvent(type), worker: null });
        expect(parseInbox(subjects.inboxFrom(to, VERB.done, worker))).toEqual({ to, token: VERB.done, worker });
        expect(parseCommand(subjects.cmd(to, 'start'))).toEqual({ to, verb: 'start' });
        expect(parseAddress(address(to))).toEqual(to);
      }),
    );
  });

  it('ids are as narrow as file names and subjects need them', () => {
    for (const bad of ['', '../../etc', 'a/b', '-rf', '.', 'A', '中文', 'a b', '*', '>', 'a.b', 'a'.repeat(64), 'a\n', '%00', 'con '] ) expect(isId(bad), bad).toBe(false);
    for (const good of ['a', '0', 'worker-1', 'a'.repeat(63)]) expect(isId(good), good).toBe(true);
  });

  it('what is no subject of ours is null', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        expect(() => [parseInbox(text), parseCommand(text), parseAddress(text), decodeEvent(text)]).not.toThrow();
      }),
    );
    for (const bad of ['troupe.in.a', 'troupe.in.A.x.E', 'troupe.in.a.b.c.d.e.f', 'troupe.out.a.b.c']) expect(parseInbox(bad)).toBeNull();
  });

  it('spreads actors over all partitions', () => {
    const seen = new Set(Array.from({ length: 400 }, (_, i) => partitionOf({ kind: 'account', id: `a${i}` }, 16)));
    expect(seen.size).toBe(16);
  });
});
