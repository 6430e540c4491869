import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let headers: Record<string, string>;
beforeEach(async () => {
  f = await fixture();
  headers = { cookie: `${await f.cookie()}; troupe_lang=en`, 'hx-request': 'true' };
});
afterEach(() => f.close());

const change = (sql: string) => {
  const db = new Database(f.deps.db.name);
  db.exec(sql);
  db.close();
};
const page = async (path: string) => (await f.get(path, headers)).text();

describe('the same words again', () => {
  const conflict = () => ({ ok: false as const, code: 'conflict', message: 'the same words under this comment are queued already (reply r1a)', field: 'text' });
  it('are refused beside the box, in the reader’s words', async () => {
    f.answers.next = conflict;
    const response = await f.post('/replies', 'item=c20&text=hello&key=0123456789abcdef', headers);
    expect(response.status).toBe(409);
    const trigger = JSON.parse(response.headers.get('hx-trigger')!);
    expect(trigger['invalid-field']).toEqual({ field: 'text', text: 'The same words under this comment are already there: queued. Change them, or decide about the first one' });
    expect(trigger.toast.bad).toBe(true);
    expect(response.headers.get('hx-reswap')).toBe('none');
    expect(f.marks).toEqual([]);
  });

  it('are a 409 that names the field in the API', async () => {
    f.answers.next = conflict;
    const response = await f.app.request('http://localhost:3000/api/v1/replies', { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${await f.token('operate')}`, 'content-type': 'application/json' }, body: JSON.stringify({ account_id: 'a1', comment_id: 'pc19', content: 'x' }) });
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ code: 'conflict', field: 'text', detail: conflict().message });
  });
});

describe('a reply that is not there yet', () => {
  it('waits, and is not called faulty, while it is queued', async () => {
    change(`UPDATE replies SET error_message = 'quiet hours until 8:00' WHERE status = 'queued'`);
    for (const path of ['/replies?status=queued']) {
      const html = await page(path);
      expect(html).toMatch(/<small class="sub">waits: quiet hours until 8:00<\/small>/);
      expect(html).not.toContain('bad-text');
    }
  });

  it('says how often the platform was asked', async () => {
    expect(await page('/replies')).toContain('could not be confirmed on the platform');
    change(`UPDATE replies SET looked = 2 WHERE status = 'needs_human'`);
    expect(await page('/replies')).toContain('asked 2 times; the platform does not show it');
  });
});

it('notifications tell states in the reader’s language', async () => {
  change(`INSERT INTO notifications (key, type, related_id, account_id, title, content, data, created_at, created_ms) VALUES
    ('reply-r3-9', 'system', 'r3', 'a1', 'Shop', 'a reply waits for a decision: no answer within 2 minutes after the leave to send', '{}', 1, 1),
    ('account-a4-11', 'account_status', NULL, 'a4', 'Shop', 'expired', '{"login_status":"expired"}', 1, 1)`);
  const html = (await (await f.get('/notifications', { ...headers, cookie: `${await f.cookie()}; troupe_lang=zh-CN` })).text());
  expect(html).toContain('备用机: 已崩溃');
  expect(html).toContain('一条回复需要你来决定：允许发送后 2 分钟内没有答复');
  expect(html).toMatch(/<span class="line-text">已过期<\/span>/);
});
