import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyOf, open, seal, SealError, type KeyRing } from '../../runtime/seal.ts';

const ring = (...kids: string[]): KeyRing => ({ current: kids.at(-1)!, keys: new Map(kids.map((k) => [k, randomBytes(32)])) });
const place = { account: 'a1', field: 'storage' };

it('opens what it sealed, under the same place only', () => {
  const r = ring('k1');
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), fc.string(), fc.string(), (plain, account, field, otherAccount, otherField) => {
    const e = seal(r, { account, field }, plain);
    expect(open(r, { account, field }, e).toString()).toBe(Buffer.from(plain).toString());
    if (account !== otherAccount || field !== otherField) expect(() => open(r, { account: otherAccount, field: otherField }, e)).toThrow(SealError);
  }), { numRuns: 300 });
});

it('refuses any single changed character', () => {
  const r = ring('k1');
  const e = seal(r, place, 'cookie=1');
  for (let i = 0; i < e.length; i++) {
    const swap = e[i] === 'A' ? 'B' : 'A';
    expect(() => open(r, place, e.slice(0, i) + swap + e.slice(i + 1)), `at ${i}`).toThrow(SealError);
  }
});

it('keeps opening with older keys after a rotation and names its key', () => {
  const old = ring('k1');
  const e = seal(old, place, 'x');
  const both: KeyRing = { current: 'k2', keys: new Map([...old.keys, ['k2', randomBytes(32)]]) };
  expect(open(both, place, e).toString()).toBe('x');
  expect(keyOf(seal(both, place, 'x'))).toBe('k2');
  expect(() => open(ring('k2'), place, e)).toThrow(/key k1 is not in the ring/);
});

it('never uses a nonce twice', () => {
  const r = ring('k1');
  const nonces = new Set(Array.from({ length: 20_000 }, () => seal(r, place, '').split(':')[2]));
  expect(nonces.size).toBe(20_000);
});

it('answers any text with SealError', () => {
  const r = ring('k1');
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map((s) => `v1:k1:${s}`), fc.constant('v1:k1:::')), (text) => {
    expect(() => open(r, place, text)).toThrow(SealError);
  }), { numRuns: 300 });
});
