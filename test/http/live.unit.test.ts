import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Live } from '../../runtime/http/live.ts';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let cookie: string;
beforeEach(async () => {
  f = await fixture();
  cookie = await f.cookie();
});
afterEach(() => f.close());

type Event = { event: string; data: unknown };

/** Reads one event of a stream; comments are passed over. */
function reader(response: Response): { next(): Promise<Event | null>; cancel(): Promise<void> } {
  const stream = response.body!.getReader();
  let buffer = '';
  return {
    async next() {
      for (;;) {
        const end = buffer.indexOf('\n\n');
        if (end >= 0) {
          const block = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          const field = (name: string) => block.split('\n').find((l) => l.startsWith(`${name}: `))?.slice(name.length + 2);
          if (field('event')) return { event: field('event')!, data: JSON.parse(field('data')!) };
          continue;
        }
        const { done, value } = await stream.read();
        if (done) return null;
        buffer += new TextDecoder().decode(value);
      }
    },
    cancel: () => stream.cancel(),
  };
}

const open = (query: string, headers: Record<string, string> = {}) => f.get(`/events?${query}`, { cookie, ...headers });

describe('the live connection', () => {
  it('tells a page of its own topics, many changes at once', async () => {
    const r = reader(await open(`topics=account,worker/worker-1&since=${f.deps.live.position}`));
    f.deps.live.changed(['reply', 'account/a1']);
    f.deps.live.changed(['account', 'worker/worker-2']);
    f.deps.live.changed(['worker/worker-1']);
    expect(await r.next()).toEqual({ event: 'changed', data: ['account/a1', 'account', 'worker/worker-1'] });
    await r.cancel();
    expect(f.deps.live.open).toBe(0);
  });

  it('says at most two things a second', async () => {
    const r = reader(await open(`topics=account&since=${f.deps.live.position}`));
    f.deps.live.changed(['account']);
    await r.next();
    const began = performance.now();
    for (let i = 0; i < 50; i++) f.deps.live.changed([`account/a${i}`]);
    expect((await r.next())!.data).toHaveLength(50);
    expect(performance.now() - began).toBeGreaterThan(400);
    await r.cancel();
  });

  it('tells what was missed since the page was drawn', async () => {
    const since = f.deps.live.position;
    f.deps.live.changed(['account/a1']);
    const r = reader(await open(`topics=account&since=${since}`));
    expect(await r.next()).toEqual({ event: 'changed', data: ['account/a1'] });
    await r.cancel();
  });

  it.each(['garbage', '', 'x.1', '../..', `${'9'.repeat(400)}`, 'undefined.NaN', '%00'])('draws everything anew for the Last-Event-ID %s', async (id) => {
    const r = reader(await open('topics=account', { 'last-event-id': id }));
    expect(await r.next()).toEqual({ event: 'changed', data: ['all'] });
    await r.cancel();
  });

  it('draws everything anew for a position that is forgotten, or was never reached', async () => {
    const since = f.deps.live.position;
    for (let i = 0; i < 600; i++) f.deps.live.changed(['account']);
    for (const id of [since, f.deps.live.position.replace(/\d+$/, '99999')]) {
      const r = reader(await open('topics=account', { 'last-event-id': id }));
      expect(await r.next()).toEqual({ event: 'changed', data: ['all'] });
      await r.cancel();
    }
  });

  it('allows a user ten, and no one without a session', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, () => open('topics=account')));
    expect(many.map((m) => m.status)).toEqual(Array(10).fill(200));
    expect((await open('topics=account')).status).toBe(429);
    await many[0]!.body!.cancel();
    const again = await open('topics=account');
    expect(again.status).toBe(200);
    for (const m of [...many.slice(1), again]) await m.body!.cancel();
    expect((await f.get('/events?topics=account', { 'hx-request': 'true' })).status).toBe(401);
  });

  it('ends within five seconds of signing out', async () => {
    const r = reader(await open(`topics=account&since=${f.deps.live.position}`));
    const began = performance.now();
    await f.post('/sign-out', '', { cookie });
    expect(await r.next()).toMatchObject({ event: 'signed-out' });
    expect(await r.next()).toBeNull();
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('a page that reads nothing (F34)', () => {
  it('is cut off with what it was not told forgotten, and the others are told on', async () => {
    vi.useFakeTimers();
    try {
      const live = new Live();
      const listen = (user: string) => live.listen({ user, topics: ['worker'], since: null, stillIn: async () => true })!;
      const stuck = listen('stuck');
      const reader = listen('well').getReader();
      let heard = 0;
      const reading = (async () => {
        while (!(await reader.read()).done) heard++;
      })();
      for (let i = 0; i < 200; i++) {
        live.changed(['worker']);
        await vi.advanceTimersByTimeAsync(600);
      }
      expect(live.open).toBe(1);
      expect(heard).toBeGreaterThan(150);
      // What was kept for it is bounded, however long nobody read.
      let kept = 0;
      for await (const _ of stuck) kept++;
      expect(kept).toBeLessThan(80);
      live.close();
      await reading;
    } finally {
      vi.useRealTimers();
    }
  });
});
