import { connect as open, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

/** NATS spoken by hand over TCP: what the nats CLI, or anything else, would say. */
class Wire {
  private readonly socket: Socket;
  private text = '';
  private sid = 0;
  private readonly inbox = `_INBOX.raw${Date.now()}`;

  constructor(port: number, user: string, pass: string) {
    this.socket = open(port, '127.0.0.1');
    this.socket.on('data', (d) => {
      this.text += d.toString('utf8');
      if (this.text.includes('PING\r\n')) {
        this.text = this.text.replace('PING\r\n', '');
        this.socket.write('PONG\r\n');
      }
    });
    this.socket.write(`CONNECT ${JSON.stringify({ user, pass, verbose: false, pedantic: false, headers: true, no_responders: true, lang: 'hand', version: '1' })}\r\n`);
  }

  publish(subject: string, payload: string, reply = '', headers: Record<string, string> = {}): void {
    const head = Object.keys(headers).length ? `NATS/1.0\r\n${Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n` : '';
    const h = Buffer.byteLength(head);
    const all = h + Buffer.byteLength(payload);
    this.socket.write(head ? `HPUB ${subject} ${reply ? `${reply} ` : ''}${h} ${all}\r\n${head}${payload}\r\n` : `PUB ${subject} ${reply ? `${reply} ` : ''}${all}\r\n${payload}\r\n`);
  }

  /** The payload of the first answer. */
  async request(subject: string, payload: string, headers: Record<string, string> = {}): Promise<any> {
    const sid = ++this.sid;
    const reply = `${this.inbox}.${sid}`;
    this.socket.write(`SUB ${reply} ${sid}\r\n`);
    this.publish(subject, payload, reply, headers);
    const found = await until(() => new RegExp(`H?MSG ${reply.replaceAll('.', '\\.')} ${sid}[^\\r]*\\r\\n`).exec(this.text), `an answer on ${subject}`, 10_000);
    const sizes = found[0].trim().split(' ').slice(3).map(Number);
    const start = found.index + found[0].length;
    const total = sizes.at(-1)!;
    const head = found[0].startsWith('H') ? sizes.at(-2)! : 0;
    await until(() => Buffer.byteLength(this.text.slice(start)) >= total, 'the whole answer');
    const body = Buffer.from(this.text.slice(start)).subarray(head, total).toString('utf8');
    return body === '' ? null : JSON.parse(body);
  }

  close(): void {
    this.socket.destroy();
  }
}

describe('with raw protocol lines over TCP, as the operator', () => {
  let stage: Stage;
  let wire: Wire;
  beforeEach(async () => {
    stage = await openStage();
    await stage.master();
    const login = natsLogin(stage.config, 'operator');
    wire = new Wire(Number(new URL(login.servers[0]!).port), login.user, login.pass);
  });
  afterEach(async () => {
    wire.close();
    await stage.close();
  });

  it('commands an actor, reads its journal, publishes to its inbox, and lists the service', async () => {
    const made = await wire.request('troupe.cmd.account.raw-1.create', JSON.stringify({ platform: 'sandbox', name: 'Raw' }), { 'Nats-Msg-Id': 'one' });
    expect(made).toMatchObject({ ok: true, actor: 'account/raw-1', index: 1 });
    expect(await wire.request('troupe.cmd.account.raw-1.create', JSON.stringify({ platform: 'sandbox', name: 'Raw' }), { 'Nats-Msg-Id': 'one' })).toMatchObject({ ok: true, repeated: true });
    expect(await wire.request('troupe.cmd.account.raw-1.create', JSON.stringify({ platform: 'sandbox', name: 'Raw' }), { 'Nats-Msg-Id': 'two' })).toMatchObject({ ok: false, code: 'duplicate' });
    expect(await wire.request('troupe.cmd.account.raw-1.update', JSON.stringify({ monitorInterval: 1 }))).toMatchObject({ ok: false, code: 'invalid', field: 'monitorInterval' });
    expect(await wire.request('troupe.cmd.account.raw-2.pause', '{}')).toMatchObject({ ok: false, code: 'not_found' });
    expect(await wire.request('troupe.cmd.nothing.x.pause', '{}')).toMatchObject({ ok: false, code: 'not_found', field: 'kind' });
    expect(await wire.request('troupe.cmd.account.raw-1.fly', '{}')).toMatchObject({ ok: false, code: 'not_found', field: 'verb' });
    expect(await wire.request('troupe.cmd.account.raw-1.pause', '{"')).toMatchObject({ ok: false, code: 'invalid', field: 'payload' });

    expect(await wire.request('troupe.in.account.raw-1.PAUSE', '{}')).toMatchObject({ stream: 'TROUPE_IN' });
    await until(async () => (await wire.request('troupe.cmd.account.raw-1.inspect', '')).context.paused, 'the inbox event is taken');

    const last = await wire.request('$JS.API.DIRECT.GET.TROUPE_JOURNAL.troupe.journal.account.raw-1', '');
    expect(last).toMatchObject({ version: 'account-v3', event: { type: 'PAUSE' } });
    expect(await wire.request('$SRV.PING', '')).toMatchObject({ name: 'troupe', type: 'io.nats.micro.v1.ping_response' });
    expect((await wire.request('$SRV.INFO.troupe', '')).endpoints[0].subject).toBe('troupe.cmd.*.*.*');
    expect((await wire.request('$SRV.STATS.troupe', '')).endpoints[0].num_requests).toBeGreaterThan(5);
  });

  it('bad inbox messages change nothing and stop nobody', async () => {
    await wire.request('troupe.cmd.account.raw-1.create', JSON.stringify({ platform: 'sandbox', name: 'Raw' }));
    const before = (await wire.request('troupe.cmd.account.raw-1.inspect', '')).index;
    const bad: [string, string][] = [
      ['troupe.in.account.raw-1.PAUSE', '{'], ['troupe.in.account.raw-1.PAUSE', '[]'], ['troupe.in.account.raw-1.PAUSE', 'null'], ['troupe.in.account.raw-1.PAUSE', '{"unknown":1}'],
      ['troupe.in.account.raw-1.NOSUCH', '{}'], ['troupe.in.account.raw-1.xstate%2Einit', '{}'], ['troupe.in.account.raw-1.constructor', '{}'], ['troupe.in.account.raw-1.__proto__', '{}'], ['troupe.in.account.raw-1.toString', '{}'], ['troupe.in.account.raw-1.~done', '{"token":"account/raw-1/1/0","output":{}}'],
      ['troupe.in.account.nobody.PAUSE', '{}'], ['troupe.in.martian.x.PAUSE', '{}'], ['troupe.in.account.raw-1.%ZZ', '{}'], ['troupe.in.account.raw-1.ASSIGN', '{"worker":5}'],
      ['troupe.in.account.raw-1.LOGIN_DONE', `{"login":"${'x'.repeat(10_000)}"}`],
    ];
    for (const [subject, body] of bad) await wire.request(subject, body);
    expect(await wire.request('troupe.in.account.raw-1.PAUSE', '{}')).toMatchObject({ stream: 'TROUPE_IN' });
    await until(async () => (await wire.request('troupe.cmd.account.raw-1.inspect', '')).context.paused, 'the good one behind them is taken');
    const entries = (await wire.request('troupe.cmd.account.raw-1.history', '{}')).entries.filter((e: { index: number }) => e.index > before);
    expect(entries.map((e: { event: string }) => e.event)).toEqual(['PAUSE']);
  });
});
