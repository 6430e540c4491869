import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let hook: Awaited<ReturnType<typeof webhook>>;
afterEach(async () => {
  await stage?.close();
  hook?.server.closeAllConnections();
  hook?.server.close();
});

const SECRET = 'canary-webhook-secret-0815';
type Got = { id: string; alert: string; status: string; text: string; signed: boolean; answered: number };

/** A webhook that can be made to answer anything; `hang` answers nothing. */
async function webhook() {
  const got: Got[] = [];
  const is = { answer: 200 as number | 'hang' };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (d: Buffer) => (body += d.toString()));
    request.on('end', () => {
      const [, t, v1] = /^t=(\d+),v1=(.*)$/.exec(String(request.headers['x-troupe-signature']))!;
      const { id, alert, status, text } = JSON.parse(body) as Got;
      got.push({ id, alert, status, text, signed: createHmac('sha256', SECRET).update(`${t}.${body}`).digest('hex') === v1, answered: is.answer === 'hang' ? 0 : is.answer });
      if (is.answer !== 'hang') response.writeHead(is.answer).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, got, is, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in` };
}

it('an alarm reaches a webhook once and signed, whatever that answers at first, and holds nothing up; that NATS is down reaches it without NATS (F45)', async () => {
  hook = await webhook();
  stage = await openStage({ ALERT_INTERVAL_MS: '200', HEARTBEAT_INTERVAL_MS: '300', LEASE_FENCE_MS: '900', SUSPECT_AFTER_MS: '1000', LEASE_TTL_MS: '1500', OFFLINE_AFTER_MS: '3000' });
  await stage.master();
  const cmd = (actor: string, verb: string, payload: object = {}) => stage.command(actor, verb, payload);
  const ofAlert = (alert: string) => hook.got.filter((g) => g.alert === alert);
  await until(() => stage.rows("SELECT 1 FROM alerts WHERE builtin = 1 AND status <> 'off'").length >= 10, 'the rules that come with it are there');
  expect(await cmd('sink/ops', 'create', { name: 'Ops', type: 'webhook', url: hook.url, secret: SECRET })).toMatchObject({ ok: true });
  expect(await cmd('sink/ops', 'test')).toMatchObject({ ok: true });
  await until(() => hook.got.length === 1, 'the test arrives');
  expect(hook.got[0]).toMatchObject({ alert: 'test', signed: true });

  // A worker that can't start: its alarm meets a webhook that is broken.
  hook.is.answer = 500;
  expect(await cmd('alert/worker-down', 'update', { for_seconds: 0 })).toMatchObject({ ok: true });
  await cmd('worker/lame', 'create', { name: 'lame', deployment_type: 'local', command_args: ['--no-such-flag'], auto_start: false, auto_restart: false });
  await cmd('worker/lame', 'start');
  await until(() => ofAlert('worker-down').length === 1, 'it is tried');
  await until(() => stage.rows("SELECT 1 FROM sinks WHERE status = 'waiting' AND error = 'it answered 500'").length === 1, 'the sink says why it waits');
  // Whoever asks for something else meanwhile waits for nothing.
  hook.is.answer = 'hang';
  expect(await cmd('sink/ops', 'retry')).toMatchObject({ ok: true });
  await until(() => ofAlert('worker-down').length === 2, 'it hangs');
  const began = performance.now();
  for (let i = 0; i < 5; i++) expect(await cmd(`account/a${i}`, 'create', { platform: 'sandbox', name: `A${i}` })).toMatchObject({ ok: true });
  expect(performance.now() - began).toBeLessThan(5_000);
  hook.is.answer = 200;
  // A changed sink begins anew with what it has kept.
  expect(await cmd('sink/ops', 'update', { name: 'Ops again' })).toMatchObject({ ok: true });
  await until(() => ofAlert('worker-down').some((g) => g.answered === 200), 'it arrives', 30_000);
  const tries = ofAlert('worker-down');
  expect([new Set(tries.map((g) => g.id)).size, new Set(tries.map((g) => g.text)).size, tries.every((g) => g.signed)]).toEqual([1, 1, true]);
  expect(await cmd('alert/worker-down', 'acknowledge')).toMatchObject({ ok: true, state: 'acknowledged' });
  expect(await cmd('worker/lame', 'remove')).toMatchObject({ ok: true });
  await until(() => ofAlert('worker-down').some((g) => g.status === 'resolved'), 'that it is over arrives too');
  await until(() => stage.rows("SELECT 1 FROM alerts WHERE id = 'worker-down' AND status = 'resolved'").length === 1, 'the view says so too');

  // The secret is sealed in the streams and in the file that is for when there are none.
  const kept = join(stage.config.dataDir, 'alert-sinks.json');
  await until(() => readFileSync(kept, 'utf8').includes('Ops again'), 'the sink is kept beside the streams');
  expect(readFileSync(kept, 'utf8')).not.toContain(SECRET);
  expect(statSync(kept).mode & 0o777).toBe(0o600);
  await stage.killServer();
  await until(() => ofAlert('bus-down').length === 1, 'that NATS is down arrives while it is', 20_000);
  expect(ofAlert('bus-down')[0]).toMatchObject({ status: 'firing', signed: true, text: expect.stringContaining('has not answered for 1 s') });
  await stage.startServer();
  await until(() => ofAlert('bus-down').some((g) => g.status === 'resolved'), 'and that it is back', 20_000);
}, 120_000);
