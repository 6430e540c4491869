import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sinkConfig } from '../../actors/sink.ts';
import type { SinkConfig, SinkMessage } from '../../machines/sink.ts';
import { NotDelivered, postAlert, webhookBody } from '../../runtime/alerts/post.ts';

const servers: (Server | TcpServer)[] = [];
afterEach(() => {
  for (const s of servers.splice(0)) {
    if ('closeAllConnections' in s) s.closeAllConnections();
    s.close();
  }
});

const SECRET = 'canary-secret-7711';
const message: SinkMessage = { id: 'worker-down-3-1', alert: 'worker-down', name: 'Worker down', what: 'firing', severity: 'critical', breaching: [{ subject: 'w1', value: 1 }], text: 'w1', at: 1_800_000_000_000 };
const opened = { secret: SECRET, password: 'canary-password' };

describe('a webhook', () => {
  async function hook(answer: (request: IncomingMessage) => number | null | { location: string }) {
    const got: { headers: IncomingMessage['headers']; body: string }[] = [];
    const server = createHttp((request, response) => {
      let body = '';
      request.on('data', (d: Buffer) => (body += d.toString()));
      request.on('end', () => {
        got.push({ headers: request.headers, body });
        const status = answer(request);
        if (status === null) return;
        if (typeof status === 'object') response.writeHead(302, status).end();
        else response.writeHead(status).end('x'.repeat(100_000));
      });
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return { got, config: sinkConfig.parse({ name: 'h', type: 'webhook', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`, secret: SECRET }) as SinkConfig };
  }

  it('gets one signed message with the id of its event, the same bytes each time', async () => {
    const { got, config } = await hook(() => 204);
    for (let i = 0; i < 2; i++) await postAlert(config, message, opened);
    expect(got[0]!.body).toBe(got[1]!.body);
    expect(JSON.parse(got[0]!.body)).toEqual({ id: 'worker-down-3-1', alert: 'worker-down', name: 'Worker down', status: 'firing', severity: 'critical', text: 'w1', breaching: [{ subject: 'w1', value: 1 }], at: '2027-01-15T08:00:00.000Z' });
    expect(got[0]!.headers['x-troupe-event']).toBe('worker-down-3-1');
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(got[0]!.headers['x-troupe-signature']))!;
    expect(createHmac('sha256', SECRET).update(`${t}.${got[0]!.body}`).digest('hex')).toBe(v1);
    expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(60);
    expect(webhookBody(message)).not.toContain(SECRET);
  });

  it('that answers 500, leads elsewhere, hangs or is not there has not got it, and is said so without a secret', async () => {
    const said = async (config: SinkConfig, limit = 5_000) => postAlert(config, message, opened, limit).then(() => 'delivered', (e: Error) => (e instanceof NotDelivered ? `${e.kind}: ${e.message}` : String(e)));
    expect(await said((await hook(() => 500)).config)).toBe('refused: it answered 500');
    // A redirect would hand the signed message to whoever it names.
    const other = await hook(() => 200);
    expect(await said((await hook(() => ({ location: other.config.url! }))).config)).toBe('refused: it answered 302');
    expect(other.got).toEqual([]);
    expect(await said((await hook(() => null)).config, 200)).toBe('timeout: no answer within 0.2 s');
    const gone = await hook(() => 200);
    servers.splice(servers.length - 1, 1)[0]!.close();
    await once(await closed(gone.config), 'close').catch(() => undefined);
    expect(await said(gone.config)).toBe('unreachable: it can\'t be reached: ECONNREFUSED');
  });

  /** Resolves once nothing listens there any more. */
  async function closed(config: SinkConfig): Promise<TcpServer> {
    const server = createTcp();
    server.listen(Number(new URL(config.url!).port), '127.0.0.1');
    await once(server, 'listening');
    return server.close();
  }
});

describe('e-mail', () => {
  /** Speaks as much SMTP as it takes. */
  async function smtp(refuse: RegExp | null = null) {
    const said: string[] = [];
    const server = createTcp((socket) => {
      let data = false;
      socket.write('220 test ESMTP\r\n');
      socket.on('error', () => undefined);
      let rest = '';
      socket.on('data', (chunk) => {
        const lines = (rest + chunk.toString()).split('\r\n');
        rest = lines.pop()!;
        for (const line of lines) {
          said.push(line);
          if (data) {
            if (line !== '.') continue;
            data = false;
            socket.write('250 stored\r\n');
          } else if (refuse?.test(line)) socket.write(/^AUTH/.test(line) ? '535 no\r\n' : '550 no such mailbox\r\n');
          else if (line === 'STARTTLS') socket.write('502 no\r\n');
          else if (/^EHLO/.test(line)) socket.write('250-test\r\n250 AUTH PLAIN\r\n');
          else if (/^AUTH/.test(line)) socket.write('235 ok\r\n');
          else if (line === 'DATA') (data = true), socket.write('354 go\r\n');
          else socket.write(line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
        }
      });
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const config = sinkConfig.parse({ name: 'm', type: 'email', host: '127.0.0.1', port: (server.address() as AddressInfo).port, security: 'none', user: 'troupe', password: 'x', from: 'troupe@example.com', to: ['ops@example.com', 'ann@example.com'] }) as SinkConfig;
    return { said, config };
  }

  it('goes to everyone with what is wrong in its subject', async () => {
    const { said, config } = await smtp();
    await postAlert(config, message, opened);
    expect(said.filter((l) => /^RCPT/.test(l))).toEqual(['RCPT TO:<ops@example.com>', 'RCPT TO:<ann@example.com>']);
    expect(said).toEqual(expect.arrayContaining(['Subject: Critical: Worker down', 'Message-ID: <worker-down-3-1@troupe>', 'Event worker-down-3-1']));
    expect(said.find((l) => /^AUTH PLAIN/.test(l))).toBe(`AUTH PLAIN ${Buffer.from('\0troupe\0canary-password').toString('base64')}`);
  });

  it('that is refused says by whom, never the password; encryption that is asked for is not left out', async () => {
    for (const [refuse, words] of [[/^AUTH/, 'refused the user troupe'], [/^RCPT/, 'answered 550']] as const) {
      const failure = await postAlert((await smtp(refuse)).config, message, opened).catch((e: Error) => e);
      expect(String(failure)).toContain(words);
      expect(String(failure) + JSON.stringify(failure)).not.toContain('canary');
    }
    const { said, config } = await smtp();
    await expect(postAlert({ ...config, security: 'starttls' }, message, opened)).rejects.toThrow(NotDelivered);
    expect(said.filter((l) => /^(AUTH|MAIL)/.test(l))).toEqual([]);
  });
});
