import { request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

const MOST = 20_000;

/** Asks for `url` by the HTTP proxy on this machine's `port`. `ms` is the time to the first byte of the answer, connection and all. */
export async function lookThrough(port: number, url: string, signal: AbortSignal): Promise<{ status: number; text: string; ms: number }> {
  const began = performance.now();
  const target = new URL(url);
  const answer = target.protocol === 'https:' ? await overTunnel(port, target, signal) : await plain(port, target, signal);
  const ms = Math.round(performance.now() - began);
  let text = '';
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.length > MOST) break;
  }
  answer.destroy();
  return { status: answer.statusCode ?? 0, text, ms };
}

/** The address that an echo names: its whole text, or the first that is one in it. */
export function exitOf(text: string): string | null {
  if (isIP(text.trim())) return text.trim();
  return text.slice(0, MOST).match(/[0-9a-fA-F.:]{3,45}/g)?.find((word) => isIP(word)) ?? null;
}

const headers = (target: URL) => ({ host: target.host, 'user-agent': 'Mozilla/5.0', accept: '*/*', connection: 'close' });

const plain = (port: number, target: URL, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path: target.href, headers: headers(target), agent: false, signal }, resolve).on('error', (error) => reject(reasonOf(signal, error))).end();
  });

async function overTunnel(port: number, target: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const host = `${target.hostname}:${target.port || 443}`;
    httpRequest({ host: '127.0.0.1', port, method: 'CONNECT', path: host, headers: { host }, agent: false, signal })
      .on('connect', (response, made) => (response.statusCode === 200 ? resolve(made as Socket) : reject(new Error(`it does not let ${host} through: ${response.statusMessage || response.statusCode}`))))
      .on('error', (error) => reject(reasonOf(signal, error)))
      .end();
  });
  return new Promise((resolve, reject) => {
    const secure = tlsConnect({ socket, servername: isIP(target.hostname) ? '' : target.hostname });
    secure.on('error', reject);
    httpRequest({ createConnection: () => secure, path: `${target.pathname}${target.search}`, headers: headers(target), signal }, resolve).on('error', (error) => reject(reasonOf(signal, error))).end();
  });
}

const reasonOf = (signal: AbortSignal, error: Error): Error => (signal.aborted ? (signal.reason as Error) : error);
