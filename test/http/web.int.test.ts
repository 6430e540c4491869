import { connect } from 'node:net';
import { Kvm } from '@nats-io/kv';
import { jetstream } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWeb } from '../../runtime/http/main.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection, type NatsConnection } from '../../transport/connection.ts';
import { createStreams } from '../../transport/streams.ts';
import { BUCKET, HEADER, subjects } from '../../transport/subjects.ts';
import { runningServer, type RunningServer } from '../setup/running-server.ts';

let server: RunningServer;
let master: NatsConnection;
let web: Awaited<ReturnType<typeof startWeb>>;
let base: string;
let cookie: string;

beforeAll(async () => {
  server = await runningServer();
  master = await openConnection(natsLogin(server.config, 'master'));
  await createStreams(master, 16, null);
  web = await startWeb({ ...server.config, logLevel: 'fatal' });
  base = `http://127.0.0.1:${web.ports[0]}`;
});
afterAll(async () => {
  await web?.stop();
  await master?.close();
  await server?.stop();
});

const post = (path: string, body: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(base + path, { method: 'POST', redirect: 'manual', headers: { origin: base, 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(body) });
const page = (path: string, headers: Record<string, string> = {}) => fetch(base + path, { redirect: 'manual', headers: { cookie, 'accept-language': 'en', ...headers } });

describe('the page on a real nats-server, with no right but its own', () => {
  it('is ready, and lets the first administrator in', async () => {
    expect(await (await fetch(`${base}/readyz?verbose`)).text()).toMatch(/nats ok[\s\S]*sqlite ok/);
    expect((await post('/sign-in', { user: 'admin', password: 'wrong' })).status).toBe(401);
    const response = await post('/sign-in', { user: 'admin', password: server.secrets.admin });
    expect(response.status).toBe(303);
    cookie = response.headers.getSetCookie()[0]!.split(';')[0]!;
    expect((await page('/')).status).toBe(200);
  });

  it('makes and revokes tokens; a revoked one is dead within a second', async () => {
    const made = await post('/settings/tokens', { name: 'ci', scope: 'read' }, { cookie });
    const token = /trp_\w+?_[\w-]{43}/.exec(await made.text())![0];
    const ask = () => fetch(`${base}/api/v1/accounts`, { headers: { authorization: `Bearer ${token}` } });
    expect((await ask()).status).toBe(200);
    await post(`/settings/tokens/${token.split('_')[1]}/revoke`, {}, { cookie });
    expect((await ask()).status).toBe(401);
  });

  it('says that no master is there, and hands commands to one that is', async () => {
    const alone = await fetch(`${base}/api/v1/workers/worker-1/start`, { method: 'POST', headers: { cookie, origin: base } });
    expect([alone.status, ((await alone.json()) as { code: string }).code]).toEqual([503, 'unavailable']);
    const heard: { subject: string; by: string | undefined; body: unknown }[] = [];
    const sub = master.subscribe(subjects.cmd({ kind: 'worker', id: 'worker-1' }, '*'), {
      callback: (_, msg) => {
        heard.push({ subject: msg.subject, by: msg.headers?.get(HEADER.by), body: msg.json() });
        msg.respond(JSON.stringify({ ok: true, state: 'active.process.stopping.ending', seq: 7 }));
      },
    });
    await master.flush();
    const stopped = await fetch(`${base}/api/v1/workers/worker-1/stop`, { method: 'POST', headers: { cookie, origin: base, 'content-type': 'application/json' }, body: '{"graceful":false}' });
    expect(await stopped.json()).toMatchObject({ success: true, status: 'stopping' });
    expect(heard).toEqual([{ subject: 'troupe.cmd.worker.worker-1.stop', by: 'user:admin', body: { graceful: false } }]);
    sub.unsubscribe();
  });

  it('shows what was found at once on a page that is open, and passes on what was read', async () => {
    const events = await page('/events?topics=inbox');
    const reader = events.body!.getReader();
    const item = { id: 'c1', text: 'found by a crawl', author: { id: 'u1', name: 'Ana' }, post: { id: 'p1', title: 'A post' }, at: Date.now() };
    await jetstream(master).publish(subjects.data('a1', 'comment'), JSON.stringify({ at: Date.now(), items: [item] }));
    let text = '';
    while (!text.includes('"inbox"')) text += new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
    expect(await (await page('/inbox')).text()).toContain('found by a crawl');
    expect((await post('/inbox/read', { item: 'c1' }, { cookie })).status).toBe(204);
    await expect.poll(async () => ((await (await page('/api/v1/comments?unread=true')).json()) as { comments: unknown[] }).comments.length).toBe(0);
  });

  it('serves pictures from their bucket, and figures from heartbeats', async () => {
    await (await new Kvm(master).open(BUCKET.pictures)).put('pic-1', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2]));
    const picture = await page('/pictures/pic-1');
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    const events = await page('/events?topics=heartbeat');
    const reader = events.body!.getReader();
    await reader.read();
    master.publish(subjects.hb('worker-1'), JSON.stringify({ worker: 'worker-1', incarnation: 'i', seq: 1, at: Date.now(), rssBytes: 1e8, cpuRatio: 0.5, browsers: 2, busy: { crawl: 1, reply: 0, login: 0 }, accounts: [] }));
    master.publish(subjects.hb('worker-2'), '{"worker":"worker-1","not":"a heartbeat"}');
    let text = '';
    while (!text.includes('heartbeat')) text += new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
  });

  it('cuts off headers that are too large or never end, and serves the others meanwhile', async () => {
    const talk = (text: string) => new Promise<string>((resolve) => {
      const socket = connect(web.ports[0]!, '127.0.0.1', () => socket.write(text));
      let said = '';
      socket.on('data', (d) => (said += d.toString()));
      socket.on('close', () => resolve(said));
      socket.on('error', () => resolve(said));
    });
    expect(await talk(`GET /accounts HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    const began = performance.now();
    const slow = talk('GET /accounts HTTP/1.1\r\nHost: localhost\r\n');
    expect((await fetch(`${base}/livez`)).status).toBe(200);
    expect(await slow).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - began).toBeLessThan(15_000);
  }, 20_000);

  it('names a port that is taken, and the fix', async () => {
    await expect(startWeb({ ...server.config, dbPath: `${server.config.dataDir}/other/view.db`, logLevel: 'fatal' })).rejects.toThrow(/port \d+ on 127\.0\.0\.1 is in use: set PORT/);
  });
});
