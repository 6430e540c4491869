import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, expect, it } from 'vitest';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let hook: Awaited<ReturnType<typeof webhook>>;
afterEach(async () => {
  await stage?.close();
  hook?.server.closeAllConnections();
  hook?.server.close();
});

const SECRET = 'canary-webhook-secret-0815';
type Got = { id: string; event: string; rule: string; items: { key: string; type: string; account: string; title: string; content: string; priority: string; at: string }[]; more: number; signed: boolean };

async function webhook() {
  const got: Got[] = [];
  const is = { answer: 200 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (d: Buffer) => (body += d.toString()));
    request.on('end', () => {
      const [, t, v1] = /^t=(\d+),v1=(.*)$/.exec(String(request.headers['x-troupe-signature']))!;
      if (is.answer === 200) got.push({ ...(JSON.parse(body) as Got), signed: createHmac('sha256', SECRET).update(`${t}.${body}`).digest('hex') === v1 });
      response.writeHead(is.answer).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, got, is, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in` };
}

it('each notification goes out once, signed, to those that want it, though the master is killed and the receiver is away', async () => {
  hook = await webhook();
  stage = await openStage({ ALERT_INTERVAL_MS: '60000' });
  let master = await stage.master();
  const nc = await connect(natsLogin(stage.config, 'master'));
  const found = (account: string, from: number, n: number) => jetstream(nc).publish(`troupe.data.${account}.comment`, JSON.stringify({ at: Date.now(), items: Array.from({ length: n }, (_, i) => ({ id: `c${from + i}`, text: `words ${from + i}`, author: { id: `u${i}`, name: 'Li' }, post: { id: 'p', title: 'A post' }, at: Date.now() })) }), { msgID: `f-${account}-${from}` });
  try {
    for (const id of ['shop', 'other']) expect(await stage.command(`account/${id}`, 'create', { platform: 'sandbox', name: id })).toMatchObject({ ok: true });
    expect(await stage.command('notifier/early', 'create', { name: 'Nowhere', sink: 'ops' })).toMatchObject({ ok: false, code: 'not_found', field: 'sink' });
    expect(await stage.command('sink/ops', 'create', { name: 'Ops', type: 'webhook', url: hook.url, secret: SECRET })).toMatchObject({ ok: true });
    await until(() => stage.rows('SELECT 1 FROM sinks').length === 1, 'the sink is seen');
    await found('shop', 0, 3);
    await until(() => stage.rows('SELECT 1 FROM comments').length === 3, 'what was found before is there');
    expect(await stage.command('notifier/shop', 'create', { name: 'The shop', sink: 'ops', accounts: ['shop'], types: ['comment'] })).toMatchObject({ ok: true });
    await until(() => stage.rows('SELECT 1 FROM notifiers').length === 1, 'the rule is seen');
    expect(await stage.command('sink/ops', 'remove')).toMatchObject({ ok: false, code: 'conflict', message: expect.stringContaining('The shop') });

    const sent = () => hook.got.flatMap((g) => g.items.map((i) => i.key));
    await found('shop', 100, 2);
    await found('other', 200, 5);
    await until(() => sent().length === 2, 'two go out');
    expect(hook.got[0]).toMatchObject({ event: 'notifications', rule: 'The shop', more: 0, signed: true, items: [{ type: 'comment', account: 'shop', title: 'Li', content: 'words 100' }, { content: 'words 101' }] });

    // The receiver is away, and the master dies under what it has to send.
    hook.is.answer = 503;
    for (let i = 0; i < 20; i++) await found('shop', 300 + 10 * i, 10);
    await until(() => stage.rows("SELECT 1 FROM sinks WHERE status = 'waiting'").length === 1, 'the sink waits');
    await stage.kill(master);
    await found('shop', 900, 5);
    master = await stage.master();
    hook.is.answer = 200;
    await until(async () => (await stage.command('sink/ops', 'retry'), sent().length >= 207), 'all of them arrive', 40_000);
    const wanted = [...Array.from({ length: 2 }, (_, i) => 100 + i), ...Array.from({ length: 200 }, (_, i) => 300 + i), ...Array.from({ length: 5 }, (_, i) => 900 + i)].map((n) => `comment-shop-c${n}`);
    expect(sent().sort()).toEqual(wanted.sort());
    expect(hook.got.every((g) => g.signed)).toBe(true);
    expect(stage.rows('SELECT notices, status FROM notifiers')).toEqual([{ notices: 207, status: 'waiting' }]);

    expect(await stage.command('notifier/shop', 'disable')).toMatchObject({ ok: true });
    await found('shop', 2_000, 1);
    expect(await stage.command('notifier/shop', 'update', { digestMinutes: 60 })).toMatchObject({ ok: true });
    expect(await stage.command('notifier/shop', 'enable')).toMatchObject({ ok: true });
    await found('shop', 3_000, 2);
    await until(() => stage.rows('SELECT gathered FROM notifiers').some((r) => (r as { gathered: number }).gathered === 2), 'two are gathered');
    expect(sent()).toHaveLength(207);
    expect(await stage.command('notifier/shop', 'flush')).toMatchObject({ ok: true });
    await until(() => sent().length === 209, 'the digest goes out');
    expect(hook.got.at(-1)!.items.map((i) => i.content)).toEqual(['words 3000', 'words 3001']);
  } finally {
    await nc.close();
  }
}, 90_000);
