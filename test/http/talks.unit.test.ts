import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { conversationId } from '../../actors/conversation-id.ts';
import { ruleConfig } from '../../actors/rule.ts';
import { TalkRows } from '../../runtime/read-model/project-talks.ts';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let headers: Record<string, string>;
let token: string;
beforeEach(async () => {
  f = await fixture();
  headers = { cookie: `${await f.cookie()}; troupe_lang=en`, 'hx-request': 'true' };
  token = await f.token('operate');
});
afterEach(() => f.close());

const change = (work: (db: Database.Database) => void) => {
  const db = new Database(f.deps.db.name);
  work(db);
  db.close();
};
const page = async (path: string) => (await f.get(path, headers)).text();
const post = (path: string, fields: Record<string, string>) => f.post(path, new URLSearchParams(fields).toString(), headers);
const toast = (response: Response) => JSON.parse(response.headers.get('hx-trigger') ?? '{}').toast as { text: string; bad?: boolean; undo?: { url: string } };
const api = async (method: string, path: string, body?: object) => {
  const response = await f.app.request(`http://localhost:3000/api/v1${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) }, ...(body ? { body: JSON.stringify(body) } : {}) });
  return { status: response.status, body: (await response.json()) as Record<string, any> };
};
const comments = conversationId({ account: 'a1', type: 'comment', peer: 'u4', post: 'p2' });
const messages = conversationId({ account: 'a1', type: 'message', peer: 'u2' });
const verbs = () => f.sent.map((s) => `${s.to.id} ${s.verb}`);

describe('what is done with conversations', () => {
  it('makes the actor first where there is none, and keeps the way back', async () => {
    const response = await post('/inbox/act', { do: 'close', ids: `${comments},${messages}` });
    expect(toast(response)).toMatchObject({ text: 'Conversations closed: 2', undo: { url: expect.stringMatching(/^\/inbox\/undo\/u[0-9a-f]{10}$/) } });
    expect(verbs().sort()).toEqual([comments, messages].flatMap((id) => [`${id} close`, `${id} create`]).sort());
    expect(f.sent.find((s) => s.verb === 'create' && s.to.id === comments)!.payload).toMatchObject({ account: 'a1', type: 'comment', peer: 'u4', post: 'p2', state: 'open', unreadSince: expect.any(Number) });
    f.sent.length = 0;
    const undo = toast(response).undo!.url;
    expect(toast(await post(undo, {}))).toMatchObject({ text: 'Undone' });
    expect(verbs().sort()).toEqual([`${comments} open`, `${messages} open`].sort());
    const again = await post(undo, {});
    expect([again.status, toast(again).text]).toEqual([409, 'Too late to undo, or undone already']);
  });
  it('leaves alone what is so already, and goes back to what each was', async () => {
    change((db) => db.exec(`UPDATE conversations SET acted = 1, state = 'snoozed', snoozed_ms = 4000000000000, assignee = 'mei', labels = '["a","b"]' WHERE id = '${comments}'`));
    expect(toast(await post('/inbox/act', { do: 'label', ids: comments, add: 'a, c，d' }))).toMatchObject({ text: 'Conversations relabelled: 1' });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'label', payload: { add: ['c', 'd'], remove: [] } });
    const closed = toast(await post('/inbox/act', { do: 'close', ids: comments }));
    await post(closed.undo!.url, {});
    expect(f.sent.at(-1)).toMatchObject({ verb: 'snooze', payload: { until: 4_000_000_000_000 } });
    const assigned = toast(await post('/inbox/act', { do: 'assign', ids: comments, to: '' }));
    await post(assigned.undo!.url, {});
    expect(f.sent.at(-1)).toMatchObject({ verb: 'assign', payload: { to: 'mei' } });
    change((db) => db.exec(`UPDATE conversations SET state = 'closed' WHERE id = '${comments}'`));
    expect(toast(await post('/inbox/act', { do: 'close', ids: comments }))).toEqual({ text: 'There was nothing to change' });
  });
  it('marks as read and unread, and back', async () => {
    const read = toast(await post('/inbox/act', { do: 'read', ids: `${comments},${messages}` }));
    expect(f.marks).toMatchObject([{ account: 'a1', what: { comments: ['pc20'], messages: ['pm9'], conversations: expect.arrayContaining([comments, messages]), unread: false } }]);
    await post(read.undo!.url, {});
    expect(f.marks.at(-1)).toMatchObject({ what: { comments: ['pc20'], unread: true } });
    change((db) => new TalkRows(db).read('a1', ['pc20'], [], true));
    await post('/inbox/act', { do: 'unread', ids: comments });
    expect(f.marks.at(-1)).toMatchObject({ what: { comments: ['pc20'], messages: [], unread: true } });
  });
  it('does what it can, says how much that was, and takes back just that', async () => {
    f.answers.next = ({ to, verb }) => (to.id === messages && verb === 'close' ? { ok: false, code: 'unavailable', message: 'no master is running' } : { ok: true, state: 'open' });
    const some = toast(await post('/inbox/act', { do: 'close', ids: `${comments},${messages}` }));
    expect(some.text).toBe('1 of 2 conversations done; no answer for the others, try them again');
    f.answers.next = () => ({ ok: false, code: 'unavailable', message: 'no master is running' });
    expect((await post(some.undo!.url, {})).status).toBe(503);
    expect((await post('/inbox/act', { do: 'close', ids: messages })).status).toBe(503);
    f.answers.next = () => ({ ok: true, state: 'open' });
    f.sent.length = 0;
    expect(toast(await post(some.undo!.url, {})).text).toBe('Undone');
    expect(verbs()).toEqual([`${comments} open`]);
  });
  it.each<[string, Record<string, string>, number, string]>([
    ['nobody there', { do: 'close', ids: 'v1' }, 404, 'conversation'], ['no such act', { do: 'burn', ids: 'x' }, 422, 'do'], ['a past time', { do: 'snooze', until: '5' }, 422, 'until'], ['a day that is none', { do: 'snooze', until: 'at', at: 'soon' }, 422, 'at'], ['a stranger', { do: 'assign', to: 'nobody' }, 422, 'to'], ['a label that is too long', { do: 'label', add: 'x'.repeat(41) }, 422, 'add'], ['a note that is too long', { do: 'note', note: 'x'.repeat(2001) }, 422, 'text'],
  ])('is refused with what is wrong: %s', async (_, fields, status, says) => {
    const response = await post('/inbox/act', { ids: comments, ...fields });
    expect(response.status).toBe(status);
    expect(JSON.stringify(JSON.parse(response.headers.get('hx-trigger')!))).toContain(says);
    expect(f.sent).toEqual([]);
  });
  it('takes no more than it can do at once', async () => {
    const response = await post('/inbox/act', { do: 'close', ids: Array.from({ length: 201 }, (_, i) => `v${i}`).join(',') });
    expect(response.status).toBe(422);
  });
});

describe('the page', () => {
  it('opens the talk of an item, with what may be done, and forms for what is asked', async () => {
    const html = await page('/inbox?item=c21');
    expect(html).toContain(`id="thread-${comments}"`);
    expect(/name="item"[^>]*value="c21"/.test(html)).toBe(true);
    for (const what of ['assign', 'snooze', 'label']) expect(await page(`/inbox/ask/${what}?ids=${comments}`), what).toContain(`value="${comments}"`);
    expect(await page(`/inbox/ask/assign?ids=${comments}`)).toContain('Me (admin)');
  });
  it('shows readers no way to act', async () => {
    f.deps.users.put('reader', JSON.stringify({ name: 'reader', hash: 'x', scope: 'read', first: false, changedAt: f.clock.now - 1000 }));
    const html = await (await f.get(`/inbox?c=${comments}`, { cookie: await f.cookie('reader') })).text();
    expect(html).toContain(`id="thread-${comments}"`);
    expect(html).not.toMatch(/data-talk-act|reply-box|data-pick/);
  });
  it('stays under 100 kB, also with long texts and a long talk', async () => {
    change((db) => {
      const talks = new TalkRows(db);
      db.transaction(() => {
        for (let i = 0; i < 3_000; i++) talks.comment('a1', { id: `big${i}`, text: `第 ${i} 条：${'这个颜色太好看了请问还有货吗'.repeat(4)}`, author: { id: `big${i % 300}`, name: `Somebody with a name ${i % 300}` }, post: { id: 'p0', title: '秋冬新款开箱｜三件搞定通勤' }, at: f.clock.now + i }, f.clock.now + i);
        for (let i = 0; i < 200; i++) talks.message('a1', { id: `long${i}`, text: '我的订单三天了还没发货'.repeat(6), sender: { id: 'long', name: 'Long' }, direction: 'inbound', at: f.clock.now + i }, f.clock.now + i);
      })();
    });
    const html = await page(`/inbox?c=${conversationId({ account: 'a1', type: 'message', peer: 'long' })}`);
    expect(Buffer.byteLength(html)).toBeLessThan(100_000);
    expect(html.includes('&amp;before=')).toBe(true);
  });
  it('keeps a draft for each user and talk, and drops it when the reply is sent', async () => {
    await post('/inbox/draft', { c: comments, text: 'half a sentence' });
    expect(await page(`/inbox?c=${comments}`)).toContain('half a sentence');
    expect(await page(`/inbox?c=${messages}`)).not.toContain('half a sentence');
    await post('/replies', { item: 'c21', c: comments, text: 'a whole one', key: '0123456789abcdef' });
    expect(await page(`/inbox?c=${comments}`)).not.toContain('half a sentence');
  });
  it('saves a filter as a tab of one user, under one name once', async () => {
    await post('/inbox/filters', { name: 'Refunds', query: 'label=refund&state=open&after=5.5&evil=1' });
    await post('/inbox/filters', { name: 'Refunds', query: 'state=all&label=refund' });
    const html = await page('/inbox');
    expect(html.match(/>Refunds</g)).toHaveLength(1);
    expect(html).toContain('href="/inbox?state=all&amp;label=refund"');
    expect(html).not.toContain('evil');
    f.deps.users.put('other', JSON.stringify({ name: 'other', hash: 'x', scope: 'operate', first: false, changedAt: f.clock.now - 1000 }));
    expect(await (await f.get('/inbox', { cookie: await f.cookie('other') })).text()).not.toContain('Refunds');
    const id = /\/inbox\/filters\/(f[0-9a-f]{10})\/remove/.exec(html)![1]!;
    await post(`/inbox/filters/${id}/remove`, {});
    expect(await page('/inbox')).not.toContain('Refunds');
    expect((await post(`/inbox/filters/${id}/remove`, {})).status).toBe(404);
  });
  it('offers canned answers filled in for the talk', async () => {
    expect(toast(await post('/canned', { title: 'Greeting', text: 'Hello {{nickname}}, about {{post}}', group: '' }))).toMatchObject({ text: 'Created Greeting' });
    const bad = await post('/canned', { title: 'Bad', text: 'Hello {{nmae}}' });
    expect(JSON.parse(bad.headers.get('hx-trigger')!)['invalid-field']).toMatchObject({ field: 'text', text: expect.stringContaining('{{nmae}}') });
    expect(await page(`/inbox/canned?c=${comments}&q=gree`)).toContain('data-canned-text="Hello 阿哲的厨房, about 周末去哪儿：城市露营指南"');
    expect(await page(`/inbox/canned?c=${comments}&q=nothing`)).toContain('No canned answer fits');
    expect(await page('/canned')).toContain('Hello {{nickname}}, about {{post}}');
  });
});

describe('replies', () => {
  it('are as long as the platform takes, in the form and in the API', async () => {
    const response = await post('/replies', { item: 'c21', text: 'x'.repeat(501), key: '0123456789abcdef' });
    expect(JSON.parse(response.headers.get('hx-trigger')!)['invalid-field']).toMatchObject({ field: 'text', text: expect.stringContaining('500') });
    expect((await api('POST', '/replies', { account_id: 'a1', comment_id: 'pc20', content: '🎈'.repeat(501) })).body).toMatchObject({ status: 422, field: 'text' });
    expect((await api('POST', '/replies', { account_id: 'a1', comment_id: 'pc20', content: '🎈'.repeat(500) })).status).toBe(201);
  });
  it('go at a time, or when somebody says yes; from the page they can be taken back for five seconds', async () => {
    await post('/replies', { item: 'c21', text: 'now', key: '0123456789abcdef' });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'create', payload: { text: 'now', holdMs: 5000 } });
    await post('/replies', { item: 'c21', text: 'later', key: '0123456789abcde0', send_at: '2036-05-01T09:00', approve: '1' });
    expect(f.sent.at(-1)!.payload).toMatchObject({ sendAt: new Date('2036-05-01T09:00').getTime(), approve: true });
    expect(f.sent.at(-1)!.payload).not.toHaveProperty('holdMs');
    expect((await post('/replies', { item: 'c21', text: 'past', key: '0123456789abcde1', send_at: '2001-01-01T09:00' })).status).toBe(422);
    expect((await api('POST', '/replies', { account_id: 'a1', comment_id: 'pc20', content: 'x', send_at: '2036-05-01T01:00:00Z' })).status).toBe(201);
    expect(f.sent.at(-1)).toMatchObject({ payload: { sendAt: Date.UTC(2036, 4, 1, 1) } });
  });
  it('taken back give their words back', async () => {
    change((db) => db.exec(`UPDATE replies SET status = 'held', by = 'user:admin' WHERE id = 'r3'`));
    const response = await post('/replies/r3/cancel', {});
    expect(JSON.parse(response.headers.get('hx-trigger')!)['restore-draft']).toEqual({ talk: comments, text: expect.stringContaining('M 码') });
  });
  it('that need a person show what was seen, and three ways on', async () => {
    change((db) => db.exec(`UPDATE replies SET evidence = '{"picture":"shot-1","saw":"<b>two others</b>"}' WHERE id = 'r3'`));
    f.deps.result = async (name) => (name === 'shot-1' ? new Uint8Array([0x89, 0x50, 0x4e, 0x47]) : null);
    const html = await page('/replies');
    for (const text of ['It is there', 'Send again', 'Give up', '&lt;b&gt;two others&lt;/b&gt;', '/replies/r3/evidence']) expect(html).toContain(text);
    const picture = await f.get('/replies/r3/evidence', headers);
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/png']);
    expect((await f.get('/replies/r0/evidence', headers)).status).toBe(404);
  });
  it('sent again answer with the new attempt, or with a conflict; never with ok for nothing', async () => {
    f.answers.next = ({ verb }) => (verb === 'resend' ? { ok: true, state: 'replaced', reply: 'r3-2' } : { ok: true, state: 'queued.claiming' });
    expect((await api('POST', '/replies/r3/resend', {})).body).toMatchObject({ success: true, reply_id: 'r3-2', retry_of: 'r3', state: 'replaced' });
    // One that failed is over: another one is made, linked to it, and only once.
    change((db) => db.exec(`UPDATE replies SET target_id = 'pc20' WHERE id = 'r5'; UPDATE replies SET reply_type = 'comment' WHERE id = 'r5'`));
    const sent = await api('POST', '/replies/r5/resend', {});
    expect(sent).toMatchObject({ status: 201, body: { retry_of: 'r5', reply_id: expect.stringMatching(/^r[0-9a-f]{24}$/) } });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'create', payload: { retryOf: 'r5' } });
    change((db) => db.exec(`UPDATE replies SET retry_of = 'r5' WHERE id = 'r0'`));
    expect(await api('POST', '/replies/r5/resend', {})).toMatchObject({ status: 409, body: { code: 'conflict', detail: expect.stringContaining('r0') } });
    f.answers.next = () => ({ ok: false, code: 'conflict', message: 'reply/r0 is posted: RESEND is not possible now' });
    expect((await api('POST', '/replies/r1/resend', {})).status).toBe(409);
  });
});

describe('rules', () => {
  const rule = (id: string, status: string, config: object) => change((db) => db.prepare('INSERT INTO rules (id, name, status, position, config, matched, answered, created_by, created_ms, updated_ms) VALUES (?, ?, ?, 1, ?, 0, 0, ?, 1, 1)').run(id, id, status, JSON.stringify(ruleConfig.parse({ name: id, ...config })), 'user:admin'));
  const form = { name: 'Price', order: '5', how: 'any', words: 'price\n 价格 \n', canned: '', text: 'Hi {{nickname}}', comment: '1', per_hour: '20', per_person: '24', max_age: '24', stop: '1' };
  it('are made on the page, with what is wrong beside its field', async () => {
    expect(toast(await post('/rules', form))).toMatchObject({ text: 'Created Price' });
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'rule' }, verb: 'create', payload: { name: 'Price', order: 5, match: { words: ['price', '价格'], all: false }, types: ['comment'], answer: { text: 'Hi {{nickname}}' }, stop: true, approve: false } });
    const refused = async (more: Record<string, string>) => JSON.parse((await post('/rules', { ...form, ...more })).headers.get('hx-trigger')!)['invalid-field'].field as string;
    expect([await refused({ words: '' }), await refused({ how: 'pattern', pattern: '(a)\\1' }), await refused({ text: 'Hi {{x}}' }), await refused({ canned: 'gone' }), await refused({ accounts: 'nobody' }), await refused({ per_hour: '0' }), await refused({ platforms: 'mars' }), await refused({ comment: '' })]).toEqual(['words', 'pattern', 'text', 'canned', 'accounts', 'per_hour', 'platforms', 'comment']);
  });
  it('can be tried: which would fit, in their order, and what each would say', async () => {
    rule('live', 'live', { match: { words: ['price'] }, answer: { text: 'Hi {{nickname}}' }, accounts: ['a2'] });
    rule('never', 'live', { match: { words: ['price'] }, answer: { text: 'never' }, order: 200 });
    rule('off', 'off', { match: { words: ['price'] }, answer: { text: 'off' }, order: 1 });
    expect((await api('POST', '/rules/try', { text: 'the PRICE?' })).body.matches).toEqual([{ id: 'live', name: 'live', status: 'live', matched: 'price', answer: 'Hi 小明', stops: true }]);
    expect((await api('POST', '/rules/try', { text: 'the price?', account_id: 'a1' })).body.matches.map((m: { id: string }) => m.id)).toEqual(['never']);
    expect(await (await post('/rules/try', { text: 'price' })).text()).toContain('Hi 小明');
    expect(await (await post('/rules/try', { text: 'nothing' })).text()).toContain('No rule fits');
  });
  it('are made, changed and switched by the API', async () => {
    const made = await api('POST', '/rules', { name: 'R', match: { pattern: 'a+b' }, answer: { text: 'x' } });
    expect(made).toMatchObject({ status: 201, body: { rule: { perHour: 20, perPersonHours: 24, stop: true } } });
    expect(await api('POST', '/rules', { name: 'R', match: { pattern: '(a)\\1' }, answer: { text: 'x' } })).toMatchObject({ status: 422, body: { field: 'match.pattern', detail: expect.stringContaining('looks back or ahead') } });
    rule('one', 'dry_run', { match: { words: ['x'] }, answer: { text: 'y' } });
    expect((await api('PATCH', '/rules/one', { perHour: 3 })).body.rule).toMatchObject({ perHour: 3, match: { words: ['x'] } });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'update', payload: { perHour: 3 } });
    for (const verb of ['live', 'dry-run', 'off']) expect((await api('POST', `/rules/one/${verb}`, {})).status).toBe(200);
    expect((await api('GET', '/rules/one/log')).body).toMatchObject({ success: true, log: [] });
    expect((await api('GET', '/rules')).body.rules).toHaveLength(1);
  });
});

describe('the API of conversations', () => {
  it('lists, shows, acts and takes back', async () => {
    const list = (await api('GET', '/conversations?state=open&limit=5')).body;
    expect(list.conversations).toHaveLength(5);
    const next = (await api('GET', `/conversations?state=open&limit=5&after=${list.next}`)).body;
    expect(next.conversations[0].id).not.toBe(list.conversations[4].id);
    const one = (await api('GET', `/conversations/${comments}`)).body;
    expect(one).toMatchObject({ conversation: { id: comments, account_id: 'a1', type: 'comment', unread: 1, last_at_iso: expect.any(String) }, items: [{ platform_id: 'pc20' }], replies: [{ id: 'r3', status: 'needs_human' }], post: { id: 'p2' } });
    const done = (await api('POST', `/conversations/${comments}/label`, { add: ['vip'] })).body;
    expect(done).toMatchObject({ changed: true, undo: expect.any(String), conversation_id: comments });
    expect((await api('POST', '/conversations/undo', { undo: done.undo })).status).toBe(200);
    expect(f.sent.at(-1)).toMatchObject({ verb: 'label', payload: { add: [], remove: ['vip'] } });
    expect((await api('POST', '/conversations/close', { ids: [comments, messages] })).body).toMatchObject({ changed: 2, of: 2 });
    expect((await api('POST', `/conversations/${comments}/snooze`, { until: '2036-01-01T00:00:00Z' })).body.changed).toBe(true);
    expect(await api('POST', `/conversations/${comments}/assign`, { to: 'nobody' })).toMatchObject({ status: 422, body: { field: 'to' } });
    expect((await api('GET', '/conversations/v0')).status).toBe(404);
    expect((await api('GET', '/conversations?after=nonsense')).body).toMatchObject({ status: 422, field: 'after' });
    expect((await api('GET', '/conversations?search=%E9%93%BE%E6%8E%A5')).body.conversations.length).toBeGreaterThan(0);
  });
  it('keeps canned answers and filters', async () => {
    expect((await api('PUT', '/canned-answers/hello', { title: 'Hello', text: 'Hi {{nickname}}' })).body.answer).toEqual({ id: 'hello', title: 'Hello', text: 'Hi {{nickname}}', group: '' });
    expect(await api('PUT', '/canned-answers/hello', { title: 'Hello', text: '{{oops}}' })).toMatchObject({ status: 422, body: { field: 'text' } });
    expect((await api('GET', '/canned-answers')).body.answers).toHaveLength(1);
    expect((await api('DELETE', '/canned-answers/hello')).status).toBe(200);
    expect((await api('GET', '/canned-answers/hello')).status).toBe(404);
    const made = (await api('POST', '/inbox-filters', { name: 'Mine', query: 'assignee=me' })).body.filter;
    expect((await api('GET', '/inbox-filters')).body.filters).toEqual([made]);
    expect((await api('DELETE', `/inbox-filters/${made.id}`)).status).toBe(200);
  });
});
