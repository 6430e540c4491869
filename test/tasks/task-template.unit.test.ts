import { describe, expect, it } from 'vitest';
import { expandTemplate, holes, taskTemplate, templateFromTask } from '../../runtime/tasks/task-template.ts';

const prices = taskTemplate.parse({
  params: [
    { name: 'page', type: 'url', required: true },
    { name: 'most', type: 'number', default: 5, min: 1, max: 50 },
    { name: 'deep', type: 'boolean' },
    { name: 'kind', type: 'choice', options: ['new', 'used'], default: 'new' },
    { name: 'words', type: 'lines' },
    { name: 'account', type: 'text' },
  ],
  task: { title: '{{kind}} prices of {{page}}', payload: { url: '{{page}}', actions: [{ tool: 'extract', args: { most: '{{most}}', deep: '{{deep}}', words: '{{words}}' } }] }, requirements: { account: '{{account}}' }, after: null },
});

describe('a template of tasks', () => {
  it('fills its holes, and gives a hole that stands alone the value with its type', () => {
    expect(expandTemplate(prices, { page: 'https://shop.example/a', most: '7', deep: '1', words: 'red\n\n blue ' })).toEqual({
      title: 'new prices of https://shop.example/a',
      payload: { url: 'https://shop.example/a', actions: [{ tool: 'extract', args: { most: 7, deep: true, words: ['red', 'blue'] } }] },
      requirements: {},
      after: null,
    });
  });
  it.each([
    [{}, 'page: is required'],
    [{ page: 'ftp://x' }, 'page: must be an address that begins with http:// or https://'],
    [{ page: 'https://x', most: 'many' }, 'most: must be a number'],
    [{ page: 'https://x', most: 51 }, 'most: must be at most 50'],
    [{ page: 'https://x', most: 0 }, 'most: must be at least 1'],
    [{ page: 'https://x', deep: 'perhaps' }, 'deep: must be true or false'],
    [{ page: 'https://x', kind: 'stolen' }, 'kind: must be one of new, used'],
    [{ page: 'https://x', account: {} }, 'account: must be a text'],
    [{ page: 'https://x', color: 'red' }, 'color: the template has no such parameter; it has page, most, deep, kind, words, account'],
  ])('refuses %j', (given, why) => {
    expect(() => expandTemplate(prices, given)).toThrow(why);
  });
  it('does not fill values again that look like holes', () => {
    const t = taskTemplate.parse({ params: [{ name: 'a' }, { name: 'b' }], task: { title: '{{a}} and {{b}}' } });
    expect(expandTemplate(t, { a: '{{b}}', b: 'x' })).toEqual({ title: '{{b}} and x' });
  });
  it.each([
    [{ task: { title: 'x {{y}}' } }, '{{y}} has no parameter: add one of this name'],
    [{ params: [{ name: 'a' }, { name: 'a' }], task: { title: 'x' } }, 'a is there twice'],
    [{ params: [{ name: 'a', type: 'choice' }], task: { title: 'x' } }, 'a is a choice without options'],
    [{ params: [{ name: 'a', min: 3, max: 2 }], task: { title: 'x' } }, 'must not be over max (2)'],
    [{ params: [{ name: '1a' }], task: { title: 'x' } }, 'must be 1 to 40 letters'],
    [{ task: { title: ' ' } }, 'must not be empty'],
  ])('is refused as %j', (template, why) => {
    expect(taskTemplate.safeParse(template).error?.issues[0]?.message).toContain(why);
  });
  it('is made from a task', () => {
    expect(templateFromTask({ title: 'Look', type: 'scrape', priority: 8, key: 'once', payload: { url: 'https://x' }, group: null }).task).toEqual({ title: 'Look', type: 'scrape', priority: 8, payload: { url: 'https://x' } });
    expect(holes(prices.task)).toEqual(['kind', 'page', 'most', 'deep', 'words', 'account']);
  });
});
