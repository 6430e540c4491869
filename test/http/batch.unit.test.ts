import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let headers: Record<string, string>;
beforeAll(async () => {
  f = await fixture();
  headers = { cookie: `${await f.cookie()}; troupe_lang=en`, 'hx-request': 'true' };
});
afterAll(() => f.close());
beforeEach(() => void (f.sent.length = 0));

const items = (html: string) => [...html.matchAll(/<li id="batch-([^"]+)"[^>]*>(.*?)<\/li>/gs)].map((m) => [m[1], m[2]!.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ').trim()]);
const preview = async (path: string) => (await f.get(path, headers)).text();

describe('many workers at once', () => {
  it('shows first what would happen to each, and sends nothing', async () => {
    const html = await preview('/workers/batch?action=stop&pick-worker-1=1&pick-worker-4=1&pick-ghost=1');
    expect(html).toContain('Stop: 1 of 3');
    expect(items(html)).toEqual([['worker-1', '本机 1 号 running'], ['worker-4', '夜间机 stopped it would change nothing'], ['ghost', 'ghost — is not there any more']]);
    expect([...html.matchAll(/name="(pick-[^"]+)"/g)].map((m) => m[1])).toEqual(['pick-worker-1']);
    expect(html).toContain('2 accounts move to other workers');
    expect(f.sent).toEqual([]);
    expect(await preview('/workers/batch?action=start&pick-worker-1=1')).toMatch(/disabled title="It would change nothing"/);
  });

  it('sends one command each, and tells how each went', async () => {
    f.answers.next = (s) => (s.to.id === 'worker-2' ? { ok: false, code: 'conflict', message: 'worker/worker-2 is stopping: STOP is not possible now' } : { ok: true, state: 'x', seq: 1 });
    const response = await f.post('/workers/batch', 'action=stop&pick-worker-1=1&pick-worker-2=1', headers);
    expect(f.sent.map((s) => [s.to.id, s.verb, s.by])).toEqual([['worker-1', 'stop', 'user:admin'], ['worker-2', 'stop', 'user:admin']]);
    expect(JSON.parse(response.headers.get('hx-trigger')!).toast.text).toBe('Stop: 1 of 2 done');
    expect(items(await response.text())).toEqual([['worker-1', '✓ 本机 1 号'], ['worker-2', '✕ 本机 2 号 worker/worker-2 is stopping: STOP is not possible now']]);
  });

  it('shows how far it is while they are on their way, in the dialog and over the list, and what became of each', async () => {
    f.answers.next = () => ({ ok: true, state: 'x', seq: 1 });
    const view = new Database(f.deps.db.name);
    const is = (id: string, status: string, error: string | null = null) => view.prepare('UPDATE worker_runtime SET status = ?, last_error = ? WHERE worker_id = ?').run(status, error, id);
    for (const id of ['worker-1', 'worker-2']) is(id, 'stopping');
    const html = await (await f.post('/workers/batch', 'action=restart&pick-worker-1=1&pick-worker-2=1', headers)).text();
    expect(html).toMatch(/<progress max="2" value="0"/);
    expect(items(html).map(([id, text]) => `${id} ${text![0]}`)).toEqual(['worker-1 ⟳', 'worker-2 ⟳']);
    const again = /hx-get="(\/workers\/batch\/[0-9a-f]{16})"/.exec(html)![1]!;
    // Whoever closed the dialog, or loads the page anew, finds it over the list.
    expect(await preview('/workers')).toContain(`hx-get="${again}?dialog=1"`);
    is('worker-1', 'running');
    await expect.poll(() => preview(again)).toMatch(/<progress max="2" value="1"/);
    expect(await preview(`${again}?dialog=1`)).toContain('<dialog');
    is('worker-2', 'error', 'exit 78: its configuration was refused, see its log');
    await expect.poll(() => preview(again)).not.toContain('hx-trigger');
    const end = await f.get(again, headers);
    expect(JSON.parse(end.headers.get('hx-trigger')!).toast.text).toBe('Restart: 1 of 2 done');
    expect(items(await end.text())).toEqual([['worker-1', '✓ 本机 1 号'], ['worker-2', '✕ 本机 2 号 exit 78: its configuration was refused, see its log']]);
    expect(await preview('/workers')).not.toContain('running-batches');
    expect((await f.get('/workers/batch/0123456789abcdef', headers)).status).toBe(404);
    expect((await f.get(again.replace('workers', 'accounts'), headers)).status).toBe(404);
    for (const id of ['worker-1', 'worker-2']) is(id, 'running');
    view.close();
  });

  it('refuses other actions, nobody, too many, and odd ids', async () => {
    for (const [body, status] of [['action=remove&pick-worker-1=1', 422], ['action=stop', 422], ['action=stop&pick-../x=1', 422], ['action=stop&pick-worker-1=1&pick-worker-1=1', 400], [`action=stop&${Array.from({ length: 51 }, (_, i) => `pick-w${i}=1`).join('&')}`, 413]] as const) {
      expect((await f.post('/workers/batch', body, headers)).status, body).toBe(status);
    }
    expect(f.sent).toEqual([]);
  });
});

describe('many accounts at once', () => {
  it('are paused, resumed and looked at where that changes something', async () => {
    const html = await preview('/accounts/batch?action=crawl&pick-a1=1&pick-a4=1');
    expect(items(html)).toEqual([['a1', '旗舰店 monitoring'], ['a4', '小样日记 expired Works while the account is monitored']]);
    f.answers.next = () => ({ ok: true, state: 'x', seq: 1 });
    await f.post('/accounts/batch', 'action=pause&pick-a1=1&pick-a2=1', headers);
    expect(f.sent.map((s) => `${s.to.kind}/${s.to.id} ${s.verb}`)).toEqual(['account/a1 pause', 'account/a2 pause']);
  });
});
