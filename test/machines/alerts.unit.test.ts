import { describe, expect, it } from 'vitest';
import { alertRule } from '../../actors/alert.ts';
import { sinkConfig } from '../../actors/sink.ts';
import { alertText, type Breach } from '../../machines/alert.ts';
import { Story } from './story.ts';

const MINUTE = 60_000;
const rule = (more: object = {}) => alertRule.parse({ name: 'Backlog', metric: 'tasks_pending', threshold: 100, clear: 80, for_seconds: 600, ...more });
const alert = (more: object = {}, builtin = false) => new Story('alert', { id: 'x', rule: rule(more), builtin });
const see = (s: Story, ...breaching: Breach[]) => s.send('SEEN', { breaching });
const fleet = (value: number): Breach => ({ subject: '-', value });
const asked = (s: Story) => Object.values(s.entry.pending.effects).map((e) => (e.input as { id: string; what: string; text: string }));

describe('an alert', () => {
  it('fires only when the breach has lasted', () => {
    const s = alert();
    expect(see(s)).toBe(false);
    see(s, fleet(120));
    expect(s.state).toBe('pending');
    s.wait(600_000 - 1);
    expect(s.state).toBe('pending');
    s.wait(1);
    expect(s.state).toBe('firing.loud');
    expect(asked(s)).toMatchObject([{ id: 'x-1-1', what: 'firing', text: '120 over 100' }]);
  });

  it('that passes before is told to nobody', () => {
    const s = alert();
    see(s, fleet(120));
    s.wait(5 * MINUTE);
    see(s);
    expect(s.state).toBe('ok');
    s.wait(60 * MINUTE);
    expect([s.state, s.context.episode, s.running]).toEqual(['ok', 0, []]);
  });

  it('fires at once where nothing has to last, says again when told to, and says that it is over', () => {
    const s = alert({ for_seconds: 0, repeat_minutes: 30 });
    see(s, fleet(120));
    s.done('announce', null);
    s.wait(30 * MINUTE);
    expect(asked(s)).toMatchObject([{ id: 'x-1-2', what: 'firing' }]);
    s.done('announce', null);
    see(s);
    expect(s.state).toBe('resolved');
    expect(asked(s)).toMatchObject([{ id: 'x-1-3', what: 'resolved' }]);
    s.done('announce', null);
    s.wait(MINUTE);
    expect([s.state, s.context.since]).toEqual(['ok', null]);
    see(s, fleet(130));
    expect(s.context.episode).toBe(2);
  });

  it('is taken on by somebody: no more word, until somebody new is beyond the limit, or it is over', () => {
    const s = alert({ metric: 'worker_down', for_seconds: 0, threshold: 0, clear: null, repeat_minutes: 5 });
    see(s, { subject: 'w1', value: 1 });
    s.done('announce', null);
    s.send('ACKNOWLEDGE', { by: 'user:ann' });
    expect([s.state, s.context.acknowledgedBy]).toEqual(['acknowledged', 'user:ann']);
    s.wait(60 * MINUTE);
    expect(s.running).toEqual([]);
    see(s, { subject: 'w1', value: 1 }, { subject: 'w2', value: 1 });
    expect(s.state).toBe('firing.loud');
    expect(asked(s)[0]!.text).toBe('w1; w2');
    s.done('announce', null);
    s.send('ACKNOWLEDGE', { by: 'user:ann' });
    // Fewer is no news.
    see(s, { subject: 'w2', value: 1 });
    expect(s.state).toBe('acknowledged');
    see(s);
    expect(s.state).toBe('resolved');
  });

  it('is silent while it is snoozed, before and after it fires, and speaks when that is over', () => {
    const s = alert({ for_seconds: 0 });
    s.send('SNOOZE', { minutes: 60, by: 'user:ann' });
    see(s, fleet(120));
    expect([s.state, s.running]).toEqual(['firing.snoozed', []]);
    s.wait(59 * MINUTE);
    expect(s.running).toEqual([]);
    s.wait(MINUTE);
    expect([s.state, s.running]).toEqual(['firing.loud', ['announce']]);
    s.send('SNOOZE', { minutes: 10, by: 'user:ann' });
    expect(s.state).toBe('firing.snoozed');
    s.send('WAKE');
    expect(s.state).toBe('firing.loud');
    s.send('SNOOZE', { minutes: 10, by: 'user:ann' });
    see(s);
    expect([s.state, s.context.snoozedUntil]).toEqual(['resolved', null]);
  });

  it('with another limit looks anew, switched off looks at nothing, and is not removed where it comes with Troupe', () => {
    const s = alert({ for_seconds: 0 }, true);
    see(s, fleet(120));
    s.send('UPDATE', { rule: { threshold: 500, clear: null } });
    expect([s.state, s.context.breaching]).toEqual(['ok', []]);
    s.send('UPDATE', { rule: { enabled: false } });
    expect(s.state).toBe('off');
    expect(see(s, fleet(9_999))).toBe(false);
    expect(s.send('REMOVE')).toBe(false);
    const own = alert();
    own.send('REMOVE');
    expect(own.state).toBe('removed');
  });

  it('says what is wrong in a line, however many there are', () => {
    const many = Array.from({ length: 9 }, (_, i) => ({ subject: `w${i}`, value: 0.91234567 }));
    expect(alertText({ op: 'above', threshold: 0.8 }, many)).toBe('w0: 0.9123 over 0.8; w1: 0.9123 over 0.8; w2: 0.9123 over 0.8; 6 more');
    expect(alertText({ op: 'below', threshold: 3 }, [fleet(2)])).toBe('2 under 3');
  });
});

describe('a sink', () => {
  const sink = (more: object = {}) => new Story('sink', { id: 'x', config: sinkConfig.parse({ name: 'hook', type: 'webhook', url: 'https://example.com/', secret: 'sixteen-letters-or-more', ...more }) });
  const send = (s: Story, id: string) => s.send('SEND', { message: { id, alert: 'a', name: 'A', what: 'firing', severity: 'warning', breaching: [], text: 't', at: s.now } });
  const front = (s: Story) => Object.values(s.entry.pending.effects).map((e) => (e.input as { message: { id: string } }).message.id);

  it('sends one after the other, each once', () => {
    const s = sink();
    send(s, 'm1');
    expect(send(s, 'm1')).toBe(false);
    send(s, 'm2');
    expect(front(s)).toEqual(['m1']);
    s.done('post', null);
    expect(front(s)).toEqual(['m2']);
    s.done('post', null);
    expect([s.state, s.context.sent]).toEqual(['idle', 2]);
  });

  it('keeps what it can\'t deliver, tries later and later, and gives up after a day (F45)', () => {
    const s = sink();
    s.rnd = 0;
    send(s, 'm1');
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      s.fail('post', 'http');
      waits.push((s.context.nextAt - s.now) / 1000);
      s.wait(s.context.nextAt - s.now);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600]);
    while (s.context.dropped === 0) {
      s.fail('post', 'http');
      if (s.state === 'waiting') s.wait(600_000);
    }
    expect([s.state, s.context.outbox, s.context.error]).toEqual(['idle', [], 'it was http']);
    expect(s.now - 1_000_000).toBeGreaterThan(86_400_000);
  });

  it('keeps fifty at most while it waits, the newest, and the one that is on its way', () => {
    const s = sink();
    for (let i = 0; i < 80; i++) send(s, `m${i}`);
    expect([s.context.outbox.length, s.context.outbox[0].id, s.context.outbox.at(-1).id, s.context.dropped]).toEqual([50, 'm0', 'm79', 30]);
  });

  it('goes on with what it has under a new configuration, and forgets it when it is switched off', () => {
    const s = sink();
    send(s, 'm1');
    s.fail('post', 'http');
    s.send('UPDATE', { config: { url: 'https://other.example/' } });
    expect(s.state).toBe('sending');
    s.send('UPDATE', { config: { enabled: false } });
    expect([s.state, s.context.outbox]).toEqual(['off', []]);
    expect(send(s, 'm2')).toBe(false);
  });

  it('says at once whether a test arrived', () => {
    const s = sink();
    s.send('TEST');
    s.fail('post', 'http');
    expect([s.state, s.context.error]).toEqual(['idle', 'it was http']);
  });
});
