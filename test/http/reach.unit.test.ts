import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Metrics } from '../../runtime/http/metrics.ts';
import { routeTable } from '../../runtime/http/route-table.ts';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let cookie: string;
beforeAll(async () => {
  f = await fixture({ fleet: true, work: true, accounts: true });
  cookie = await f.cookie();
});
afterAll(() => f.close());

const text = async (path: string) => {
  // One page a second: nobody is held back for asking too often.
  f.clock.now += 1000;
  const answer = await f.get(path, { cookie });
  expect([429, 500], path).not.toContain(answer.status);
  return answer.text();
};
/** What a person gets to by links, buttons that open something and forms that ask, as routes: `/tasks/:id` for all tasks. */
const targets = (page: string) => [...page.matchAll(/\s(?:href|src|hx-get|hx-sse:connect|data-live|data-plots)="(\/[^"?#]*)/g)].map((m) => m[1]!);

/** Routes that scripts ask, that are typed in or that are old addresses. */
const NOT_BY_LINK = /^\/(sign-in|events|agent-hub|static|notifications\/fresh|inbox\/(canned|read|ask)|schedules\/preview|task-templates\/(param|pick)|tasks\/step|settings\/data\/export|livez|readyz|healthz|health|openapi\.json|metrics|mcp|api)/;

describe('every page', () => {
  it('is reached by links from the first one', async () => {
    const pages = routeTable(new Metrics(f.deps)).filter((r) => r.method === 'get' && !r.path.includes(':') && !NOT_BY_LINK.test(r.path)).map((r) => r.path);
    const seen = new Set<string>(['/', '/inbox?q=M', '/inbox?item=c20']);
    for (const path of seen) {
      if (/\/(export|screenshot|view|cast|batch)|^\/(api\/|events|static|pictures|openapi)/.test(path) || path.split('/').length > 4) continue;
      // One of a kind is enough: each page of a task has the same links.
      const kind = path.replace(/[^/]*\d[^/]*/g, ':id');
      if (kind !== path && seen.has(kind)) continue;
      if (kind !== path) seen.add(kind);
      if (!path.includes(':')) for (const to of targets(await text(path))) seen.add(to);
    }
    expect(pages.filter((p) => !seen.has(p))).toEqual([]);
  });

  it('shows in the menu under which entry it stands', async () => {
    for (const [path, entry] of [['/canned', '/replies'], ['/rules', '/replies'], ['/proxies', '/accounts'], ['/groups', '/workers'], ['/tasks', '/hub'], ['/alerts', '/hub'], ['/schedules', '/hub'], ['/api', '/settings'], ['/notifications/rules', '/notifications']] as const) {
      const nav = /<nav aria-label[\s\S]*?<\/nav>/.exec(await text(path))![0];
      expect([...nav.matchAll(/<a href="([^"]*)" aria-current="page"/g)].map((m) => m[1]), path).toEqual([entry]);
    }
  });
});
