import { expect, it } from 'vitest';
import { Book } from '../../runtime/master/book.ts';

const book = (mine: (actor: string) => boolean = () => true) => {
  let freed = 0;
  return { b: new Book(mine, () => freed++), freed: () => freed };
};
const work = (more: object = {}) => ({ worker: 'w', type: 'test', agent: null, account: null, ...more });

it('counts windows and shells of what is out, once from the placing to the end', () => {
  const { b, freed } = book();
  b.reserve('task/a', { worker: 'w', what: 'page', agent: null, account: null });
  expect(b.load('w')).toEqual({ windows: 1, shells: 0 });
  b.given('t1', 'task/a', 'work', work());
  expect(b.load('w')).toEqual({ windows: 1, shells: 0 });
  b.given('t2', 'agent/x', 'keep', { worker: 'w' });
  b.given('t3', 'task/b', 'work', work({ type: 'shell' }));
  b.given('t4', 'task/c', 'work', work({ agent: 'x', account: 'acc' }));
  b.given('t5', 'monitor/acc', 'crawl', { worker: 'w' });
  expect(b.load('w')).toEqual({ windows: 2, shells: 1 });
  expect([b.inAgent('x'), b.withAccount('acc')]).toEqual(['task/c', 'task/c']);
  for (const t of ['t1', 't2', 't3', 't4', 't4', 't5']) b.over(t);
  expect(b.load('w')).toEqual({ windows: 0, shells: 0 });
  expect([b.inAgent('x'), b.withAccount('acc')]).toEqual([null, null]);
  expect(freed()).toBe(4);
});

it('an agent that the next task has already is not freed by the last one', () => {
  const { b } = book();
  b.given('t1', 'task/a', 'work', work({ agent: 'x' }));
  b.reserve('task/b', { worker: 'w', what: 'none', agent: 'x', account: null });
  b.over('t1');
  expect(b.inAgent('x')).toBe('task/b');
});

it('counts what workers run for other masters, and nothing twice', () => {
  const { b } = book((actor) => actor === 'task/mine');
  b.given('t1', 'task/mine', 'work', work());
  expect(b.heard('w', [{ actor: 'task/mine', is: 'page' }, { actor: 'task/theirs', is: 'page' }, { actor: 'agent/theirs', is: 'agent' }, { actor: 'task/s', is: 'shell' }, { actor: 'task/in', is: 'none' }])).toBe(true);
  expect(b.load('w')).toEqual({ windows: 3, shells: 1 });
  expect(b.heard('w', [{ actor: 'task/x', is: 'page' }, { actor: 'agent/y', is: 'agent' }, { actor: 'task/z', is: 'shell' }])).toBe(false);
  expect(b.heard('w', [])).toBe(true);
  expect(b.load('w')).toEqual({ windows: 1, shells: 0 });
});

it('room is free as soon as its worker says that it has ended, and no other worker can say so', () => {
  const { b, freed } = book();
  b.given('t1', 'task/a', 'work', work());
  b.ended('t1', 'other');
  expect([b.load('w').windows, freed()]).toEqual([1, 0]);
  b.ended('t1', 'w');
  b.over('t1');
  expect([b.load('w').windows, freed()]).toEqual([0, 1]);
});
