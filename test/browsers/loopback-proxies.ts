import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Server as ProxyServer } from 'proxy-chain';

export type Stop = { port: number; stop(): Promise<void> };

/** An HTTP proxy that wants a name and a password; `seen` are the hosts that were asked for by it. */
export async function httpProxy(user: string, password: string, port = 0): Promise<Stop & { seen: string[] }> {
  const seen: string[] = [];
  const proxy = new ProxyServer({ host: '127.0.0.1', port, prepareRequestFunction: (r) => {
    if (r.username === user && r.password === password) seen.push(`${r.hostname}:${r.port}`);
    return { requestAuthentication: r.username !== user || r.password !== password };
  } });
  await proxy.listen();
  return { port: proxy.port, seen, stop: () => proxy.close(true) };
}

/** For loopback and tests alone: anybody has its key. */
export const CERTIFICATE = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2IWX6XUqKzsC6Rin
vA0ady0C0pVl9pwwmUVO25gtO2OhRANCAAT1GjiYqPo3Sdn4/bY48gnoOU7T1rAW
53YFH3AhXG2nN6G1HHIrEQIbYJdyL1K2wrF+62IlZVssh/RSZsyi/Dkl
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUS4sy7JkVb1vzDp9IdVG3NfQs+HswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzEwNDQyM1oYDzIxMjYxMTAz
MTA0NDIzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT1GjiYqPo3Sdn4/bY48gnoOU7T1rAW53YFH3AhXG2nN6G1HHIrEQIb
YJdyL1K2wrF+62IlZVssh/RSZsyi/Dklo28wbTAdBgNVHQ4EFgQUbLNgiHM98r3b
A5/69luziQnXYy4wHwYDVR0jBBgwFoAUbLNgiHM98r3bA5/69luziQnXYy4wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgNwYCixOcc/R5G/W5wh7Tg+i+a7oxBYbIeiralfiZMB8CIE+N
SELwZxOcZUqpjd8bLZk85/Ms8np8yvg29SfK9EMO
-----END CERTIFICATE-----`,
};

/** The same behind TLS. */
export async function httpsProxy(user: string, password: string): Promise<Stop & { seen: string[] }> {
  const seen: string[] = [];
  const proxy = new ProxyServer({ host: '127.0.0.1', port: 0, serverType: 'https', httpsOptions: CERTIFICATE, prepareRequestFunction: (r) => {
    if (r.username === user && r.password === password) seen.push(`${r.hostname}:${r.port}`);
    return { requestAuthentication: r.username !== user || r.password !== password };
  } });
  await proxy.listen();
  return { port: proxy.port, seen, stop: () => proxy.close(true) };
}

/** A SOCKS5 proxy (RFC 1928, 1929) that wants a name and a password. */
export async function socksProxy(user: string, password: string): Promise<Stop & { seen: string[] }> {
  const seen: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy());
    void serve(socket, user, password, seen).catch(() => socket.destroy());
  });
  const port = await listening(server);
  return { port, seen, stop: () => closed(server, open) };
}

async function serve(socket: Socket, user: string, password: string, seen: string[]): Promise<void> {
  const hello = await take(socket);
  if (!hello.subarray(2).includes(2)) return void socket.end(Buffer.from([5, 0xff]));
  socket.write(Buffer.from([5, 2]));
  const auth = await take(socket);
  const name = auth.subarray(2, 2 + auth[1]!).toString();
  const word = auth.subarray(3 + auth[1]!, 3 + auth[1]! + auth[2 + auth[1]!]!).toString();
  const good = name === user && word === password;
  socket.write(Buffer.from([1, good ? 0 : 1]));
  if (!good) return void socket.end();
  const ask = await take(socket);
  const host = ask[3] === 1 ? [...ask.subarray(4, 8)].join('.') : ask.subarray(5, 5 + ask[4]!).toString();
  const port = ask.readUInt16BE(ask[3] === 1 ? 8 : 5 + ask[4]!);
  seen.push(`${host}:${port}`);
  const out = connect(port, host);
  out.on('connect', () => {
    socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    socket.pipe(out).pipe(socket);
  }).on('error', () => socket.end(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])));
  socket.on('close', () => out.destroy());
}

const take = (socket: Socket): Promise<Buffer> => new Promise((resolve, reject) => {
  socket.once('data', resolve);
  socket.once('close', () => reject(new Error('closed')));
});

/** Answers with the address that asked, as text or as JSON (`/json`), or as the status that its path names. */
export async function echoSite(): Promise<Stop & { url: string }> {
  const server = createHttp((request, response) => {
    const status = Number(/^\/(\d{3})$/.exec(request.url ?? '')?.[1] ?? 200);
    const ip = (request.socket.remoteAddress ?? '').replace('::ffff:', '');
    response.writeHead(status, { 'content-type': 'text/plain' }).end(request.url === '/json' ? JSON.stringify({ ip, more: 1 }) : ip);
  });
  const port = await listening(server);
  return { port, url: `http://127.0.0.1:${port}/`, stop: () => closed(server, new Set()) };
}

/** A port on which nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await closed(server, new Set());
  return port;
}

const listening = (server: Server): Promise<number> => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

async function closed(server: Server | HttpServer, open: Set<Socket>): Promise<void> {
  for (const socket of open) socket.destroy();
  if ('closeAllConnections' in server) server.closeAllConnections();
  await new Promise((done) => server.close(done));
}
