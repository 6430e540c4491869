import { describe, expect, it } from 'vitest';
import { notifier as bound, notifierConfig } from '../../actors/notifier.ts';
import type { Notice } from '../../machines/notice.ts';
import type { Place } from '../../machines/notifier.ts';
import type { SinkMessage } from '../../machines/sink.ts';
import { Story } from './story.ts';

const MINUTE = 60_000;
const rule = (more: object = {}): Story => new Story('notifier', bound.commands['create']!.input!(notifierConfig.parse({ name: 'Urgent ones', sink: 'ops', ...more }), { id: 'n1', by: 'user:ann' } as never));
const notice = (n: number, more: Partial<Notice> = {}): Notice => ({ key: `k${n}`, type: 'comment', account: 'a', accountName: 'Shop', title: 'Li', content: `text ${n}`, priority: 'normal', at: 1_000 + n, ...more });
const tell = (s: Story, places: Place[], src = 'TROUPE_DATA', more: Partial<Notice> = {}) => s.send('NOTICES', { src, items: places.map((place) => ({ place, notice: notice(place[0] * 10 + place[1], more) })), to: places.at(-1)! });
const messages = (s: Story): SinkMessage[] => s.commands.flatMap((c) => (c.do === 'tell' ? [(c.event as unknown as { message: SinkMessage }).message] : []));
const keys = (m: SinkMessage | undefined) => m?.notice?.items.map((i) => i.key);

describe('a notification rule', () => {
  it('sends at once, what came together in one message', () => {
    const s = rule();
    tell(s, [[5, 0], [5, 1]]);
    expect(messages(s).map(keys)).toEqual([['k50', 'k51']]);
    expect(messages(s)[0]).toMatchObject({ alert: 'notification', severity: 'info', text: '[Shop] Li: text 50\n[Shop] Li: text 51' });
    expect(s.context).toMatchObject({ counts: { notices: 2, messages: 1 }, seen: { TROUPE_DATA: [5, 1] } });
  });

  it('sends nothing twice, in whatever pieces it comes again', () => {
    const s = rule();
    tell(s, [[5, 0], [5, 1]]);
    tell(s, [[5, 0], [5, 1]]);
    expect(messages(s)).toEqual([]);
    tell(s, [[5, 1], [6, 0]]);
    expect(messages(s).map(keys)).toEqual([['k60']]);
    tell(s, [[2, 0]], 'TROUPE_JOURNAL');
    expect(messages(s).map(keys)).toEqual([['k20']]);
    expect(s.context['seen']).toEqual({ TROUPE_DATA: [6, 0], TROUPE_JOURNAL: [2, 0] });
  });

  it('gives one message the id of its notifications, so that its sink knows a repetition', () => {
    const [a, b] = [rule(), rule()];
    for (const s of [a, b]) tell(s, [[5, 0]]);
    expect(messages(a)[0]!.id).toBe(messages(b)[0]!.id);
  });

  it('gathers for a digest, counted from the first, and names no more than fifty', () => {
    const s = rule({ digestMinutes: 15 });
    tell(s, [[1, 0]]);
    expect([s.state, messages(s)]).toEqual(['live.gathering', []]);
    s.wait(10 * MINUTE);
    tell(s, Array.from({ length: 60 }, (_, i): Place => [2, i]), 'TROUPE_DATA', { priority: 'urgent' });
    expect(messages(s)).toEqual([]);
    s.wait(5 * MINUTE);
    const [digest] = messages(s);
    expect([digest!.notice!.items.length, digest!.notice!.more, digest!.severity, digest!.name]).toEqual([50, 11, 'critical', '61 · Urgent ones']);
    expect(s.context).toMatchObject({ batch: [], more: 0, counts: { notices: 61, messages: 1 } });
    expect(s.state).toBe('live.waiting');
    const { index } = s.entry;
    s.wait(60 * MINUTE);
    expect(s.entry.index).toBe(index);
  });

  it('lets a digest go when asked, when it is switched off, and when it is to gather no more', () => {
    for (const [event, payload, state] of [['FLUSH', {}, 'live.waiting'], ['OFF', {}, 'off'], ['UPDATE', { config: { digestMinutes: 0 } }, 'live.waiting']] as const) {
      const s = rule({ digestMinutes: 60 });
      tell(s, [[1, 0]]);
      s.send(event, payload);
      expect([messages(s).map(keys), s.state], event).toEqual([[['k10']], state]);
    }
  });

  it('tells nothing of what was noticed while it was off', () => {
    const s = rule({ enabled: false });
    expect(s.state).toBe('off');
    tell(s, [[1, 0]]);
    expect(messages(s)).toEqual([]);
    s.wait(5_000);
    s.send('ON');
    expect([s.state, s.context['since']]).toEqual(['live.waiting', s.now]);
  });

  it('sends to a new place from the moment that it is given one', () => {
    const s = rule();
    s.send('UPDATE', { config: { sink: 'mail' } });
    tell(s, [[1, 0]]);
    expect(s.commands.find((c) => c.do === 'tell')).toMatchObject({ to: 'sink/mail' });
  });
});
