import { describe, expect, it } from 'vitest';
import { conversationId } from '../../actors/conversation-id.ts';
import { ruleConfig, ruleReplyId } from '../../actors/rule.ts';
import { Story } from './story.ts';

const talk = (more: object = {}) => new Story('conversation', { id: 'v1', account: 'a', type: 'comment', peer: 'u', peerName: 'U', post: 'p', postTitle: 'P', state: 'open', unreadSince: null, lastInAt: 500, by: 'user:a', ...more });

describe('a conversation', () => {
  it('has one id wherever it is worked out, and another for each account, person and post', () => {
    const of = (account: string, peer: string, post: string) => conversationId({ account, type: 'comment', peer, post });
    expect(of('a', 'u', 'p')).toBe(of('a', 'u', 'p'));
    expect(of('a', 'u', 'p')).toMatch(/^v[0-9a-f]{24}$/);
    const ids = [of('a', 'u', 'p'), of('b', 'u', 'p'), of('a', 'u2', 'p'), of('a', 'u', 'p2'), of('a', 'up', ''), conversationId({ account: 'a', type: 'message', peer: 'u' })];
    expect(new Set(ids).size).toBe(ids.length);
  });
  it('begins as the view knew it', () => {
    expect(talk().state).toBe('open');
    expect(talk({ state: 'waiting' }).state).toBe('waiting');
  });
  it('is assigned, labelled and noted in any state', () => {
    const s = talk();
    s.send('CLOSE');
    s.send('ASSIGN', { to: 'mei' });
    s.send('LABEL', { add: ['refund', 'vip'], remove: [] });
    s.send('LABEL', { add: ['late', 'vip'], remove: ['refund'] });
    s.send('NOTE', { text: 'called twice' });
    expect([s.state, s.context.assignee, s.context.labels, s.context.note]).toEqual(['closed', 'mei', ['vip', 'late'], 'called twice']);
  });
  it('wakes when its time has come, also after a longer or shorter snooze', () => {
    const s = talk();
    s.send('SNOOZE', { until: s.now + 60_000 });
    s.send('SNOOZE', { until: s.now + 3_600_000 });
    s.wait(3_599_999);
    expect([s.state, s.context.snoozedUntil]).toEqual(['snoozed', s.now + 1]);
    s.wait(1);
    expect([s.state, s.context.snoozedUntil]).toEqual(['open', null]);
    s.send('SNOOZE', { until: s.now + 60_000 });
    s.send('CLOSE');
    s.wait(60_000);
    expect(s.state).toBe('closed');
  });
  it.each([['WAIT', {}], ['CLOSE', {}], ['SNOOZE', { until: 9e12 }]])('a new item opens it again after %s, once for each message', (event, fields) => {
    const s = talk();
    s.send(event, fields);
    expect(s.send('ARRIVED', { seq: 7, found: 900 })).toBe(true);
    expect([s.state, s.context.unreadSince, s.context.lastInAt]).toEqual(['open', 900, 900]);
    s.send('CLOSE');
    expect(s.send('ARRIVED', { seq: 7, found: 900 })).toBe(false);
    expect(s.state).toBe('closed');
  });
  it('waits for the other side after an answer, but not after one that was written before they wrote again', () => {
    const s = talk({ lastInAt: 500 });
    s.send('ARRIVED', { seq: 3, found: 2000 });
    expect(s.send('ANSWERED', { written: 1500 })).toBe(false);
    expect(s.send('ANSWERED', { written: 2500 })).toBe(true);
    expect(s.state).toBe('waiting');
    s.send('CLOSE');
    expect(s.send('ANSWERED', { written: 2600 })).toBe(false);
  });
  it('knows since when it is unread', () => {
    const s = talk({ unreadSince: 400 });
    s.send('ARRIVED', { seq: 1, found: 600 });
    expect(s.context.unreadSince).toBe(400);
    s.send('READ');
    expect(s.context.unreadSince).toBeNull();
    expect(s.send('READ')).toBe(false);
  });
});

describe('a rule', () => {
  const rule = (more: object = {}) => new Story('rule', { id: 'x', by: 'user:a', config: ruleConfig.parse({ name: 'Price', match: { words: ['price'] }, answer: { text: 'ask us' }, ...more }) });
  const item = (n: number, more: { person?: string; seen?: boolean; long?: boolean; reply?: null } = {}) => ({
    did: { item: `c${n}`, account: 'a', type: 'comment', target: `t${n}`, conversation: 'v1', person: more.person ?? `p${n}`, name: 'N', text: 'price?', answer: 'ask us', why: null },
    reply: more.reply === null ? null : { id: ruleReplyId('x', 'a', `comment:t${n}`), account: 'a', text: 'ask us' }, seen: more.seen ?? false, long: more.long ?? false,
  });
  const live = (more: object = {}) => {
    const s = rule(more);
    s.send('GO_LIVE');
    return s;
  };
  it('only says what it would do until it is let loose', () => {
    const s = rule();
    expect(s.state).toBe('dry_run');
    s.send('MATCHED', item(1));
    expect([s.context.last.outcome, s.context.last.reply, s.tells, s.context.counts]).toEqual(['would', null, [], { matched: 1, answered: 0 }]);
    s.send('GO_LIVE');
    s.send('MATCHED', item(2));
    expect([s.context.last.outcome, s.tells]).toEqual(['answered', [`reply/${ruleReplyId('x', 'a', 'comment:t2')} ~start`]]);
  });
  it('takes an item once, however often it hears of it', () => {
    const s = live();
    expect(s.send('MATCHED', item(1))).toBe(true);
    expect(s.send('MATCHED', item(1))).toBe(false);
    expect(s.context.counts).toEqual({ matched: 1, answered: 1 });
  });
  it('answers one person once a day, by what it knows and by what the log knows', () => {
    const s = live();
    s.send('MATCHED', item(1, { person: 'same' }));
    s.send('MATCHED', item(2, { person: 'same' }));
    expect(s.context.last.outcome).toBe('per_person');
    s.send('MATCHED', item(3, { person: 'other', seen: true }));
    expect(s.context.last.outcome).toBe('per_person');
    s.wait(24 * 3_600_000 + 60_000);
    s.send('MATCHED', item(4, { person: 'same' }));
    expect(s.context.last.outcome).toBe('answered');
    const free = live({ perPersonHours: 0 });
    for (const n of [1, 2]) free.send('MATCHED', item(n, { person: 'same', seen: true }));
    expect(free.context.counts.answered).toBe(2);
  });
  it('keeps to so many an hour', () => {
    const s = live({ perHour: 3 });
    for (let n = 0; n < 4; n++) {
      s.send('MATCHED', item(n));
      s.wait(60_000);
    }
    expect([s.context.last.outcome, s.context.counts]).toEqual(['per_hour', { matched: 4, answered: 3 }]);
    s.wait(57 * 60_000);
    s.send('MATCHED', item(9));
    expect(s.context.last.outcome).toBe('answered');
  });
  it('sends nothing that is too long or not there, and nothing while it is off', () => {
    const s = live();
    s.send('MATCHED', item(1, { long: true }));
    expect([s.context.last.outcome, s.tells]).toEqual(['too_long', []]);
    s.send('MATCHED', item(2, { reply: null }));
    expect([s.context.last.outcome, s.tells]).toEqual(['no_answer', []]);
    s.send('OFF');
    expect(s.send('MATCHED', item(3))).toBe(false);
  });
  it('stays small', () => {
    const s = live({ perHour: 200, perPersonHours: 1 });
    for (let n = 0; n < 600; n++) {
      s.send('MATCHED', item(n));
      s.wait(20_000);
    }
    expect(JSON.stringify(s.context).length).toBeLessThan(9_000);
  });
});

describe('a reply that does not go out at once', () => {
  const reply = (more: object = {}) => new Story('reply', { id: 'r', account: 'a', platform: 'sandbox', to: { type: 'comment', comment: 'c', post: 'p' }, text: 'hi', by: 'user:a', conversation: 'v1', ...more });
  const needsHuman = () => {
    const s = reply();
    s.done('claim', { worker: 'w1', epoch: 3, proxy: null });
    s.progress('post', 'LEAVE', { epoch: 3 });
    s.fail('post', 'network', 'maybe');
    s.wait(300_000);
    expect(s.state).toBe('needs_human');
    return s;
  };
  it('waits for a yes, which may mend its words; a no ends it', () => {
    const s = reply({ approve: true });
    expect([s.state, s.running]).toEqual(['awaiting_approval', []]);
    s.send('APPROVE', { text: 'better', by: 'user:boss' });
    expect([s.state, s.context.text, s.context.decidedBy, s.running]).toEqual(['queued.claiming', 'better', 'user:boss', ['claim']]);
    const no = reply({ approve: true });
    no.send('REJECT', { by: 'user:boss' });
    expect([no.state, no.context.decidedBy]).toEqual(['rejected', 'user:boss']);
  });
  it('waits for its time, which may be changed, and goes by it also after its approval', () => {
    const s = reply({ sendAt: 1_000_000 + 60_000, approve: true });
    s.send('APPROVE', { by: 'user:boss' });
    expect(s.state).toBe('scheduled');
    s.send('CHANGE', { sendAt: s.now + 7_200_000, text: 'later' });
    s.wait(7_199_999);
    expect(s.state).toBe('scheduled');
    s.wait(1);
    expect([s.state, s.context.text]).toEqual(['queued.claiming', 'later']);
    const now = reply({ sendAt: 2_000_000_000 });
    now.send('SEND_NOW');
    expect(now.state).toBe('queued.claiming');
    const gone = reply({ sendAt: 2_000_000_000 });
    gone.send('CANCEL');
    expect(gone.state).toBe('cancelled');
    expect(reply({ sendAt: 5 }).state).toBe('queued.claiming');
  });
  it('can be taken back for a moment, then goes', () => {
    const s = reply({ holdMs: 5_000 });
    expect([s.state, s.running]).toEqual(['held', []]);
    s.wait(5_000);
    expect(s.state).toBe('queued.claiming');
    const back = reply({ holdMs: 5_000 });
    back.send('CANCEL');
    back.wait(60_000);
    expect(back.state).toBe('cancelled');
  });
  it('sent again is another reply, linked to this one; nothing is sent twice by one word', () => {
    const s = needsHuman();
    s.send('RESEND', { by: 'user:b' });
    expect([s.state, s.context.replacedBy, s.tells]).toEqual(['replaced', 'r-2', ['reply/r-2 ~start']]);
    const [tell] = s.commands.filter((c) => c.do === 'tell') as unknown as { start: Record<string, unknown> }[];
    expect(tell!.start).toMatchObject({ id: 'r-2', retryOf: 'r', first: 'r', tries: 2, by: 'user:b', text: 'hi', conversation: 'v1' });
    expect(s.send('RESEND')).toBe(false);
    const third = new Story('reply', { ...tell!.start, id: 'r-2' });
    third.done('claim', { worker: 'w1', epoch: 3, proxy: null });
    third.progress('post', 'LEAVE', { epoch: 3 });
    third.fail('post', 'network', 'maybe');
    third.wait(300_000);
    third.send('RESEND');
    expect(third.context.replacedBy).toBe('r-3');
  });
  it('keeps what was seen when the platform was asked, and tells its talk when it is there', () => {
    const s = reply();
    s.done('claim', { worker: 'w1', epoch: 3, proxy: null });
    s.progress('post', 'LEAVE', { epoch: 3 });
    s.fail('post', 'network', 'maybe');
    s.wait(10_000);
    s.done('claim', { worker: 'w1', epoch: 4, proxy: null });
    s.done('find', { remoteId: null, reliable: true, evidence: { picture: 'shot-1', saw: 'two other answers' } });
    expect(s.context.evidence).toEqual({ picture: 'shot-1', saw: 'two other answers' });
    s.wait(10_000);
    s.done('claim', { worker: 'w1', epoch: 4, proxy: null });
    s.done('find', { remoteId: 'x', reliable: true });
    expect([s.state, s.context.evidence.picture, s.tells]).toEqual(['posted', 'shot-1', ['conversation/v1 ANSWERED']]);
  });
});
