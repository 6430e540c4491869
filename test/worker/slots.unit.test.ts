import { expect, test } from 'vitest';
import { Slots } from '../../runtime/worker/slots.ts';

const held = () => {
  let release = () => {};
  const until = new Promise<void>((done) => (release = done));
  return { until, release };
};
const turn = () => new Promise((done) => setImmediate(done));
const never = new AbortController().signal;

test('so many work at once, the others in order, and an aborted one leaves the queue', async () => {
  const slots = new Slots(2);
  const started: number[] = [];
  const gates = [held(), held(), held(), held()];
  const aborts = gates.map(() => new AbortController());
  const runs = gates.map((gate, n) => slots.run(aborts[n]!.signal, async () => {
    started.push(n);
    await gate.until;
  }));
  await turn();
  expect(started).toEqual([0, 1]);
  aborts[2]!.abort(new Error('not needed'));
  await expect(runs[2]).rejects.toThrow('not needed');
  gates[1]!.release();
  await turn();
  expect(started).toEqual([0, 1, 3]);
  for (const gate of gates) gate.release();
  await Promise.all([runs[0], runs[1], runs[3]]);
});

test('work that fails gives its place back', async () => {
  const slots = new Slots(1);
  await expect(slots.run(never, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await slots.run(never, async () => 'next')).toBe('next');
});
