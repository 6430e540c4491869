import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server } from 'proxy-chain';
import { z } from 'zod';
import type { Vault } from './vault.ts';

/** A proxy as effects bring it: an account's own, whose password is in the account's vault field `proxy`, or one with an `id`, which rises in `version` when it is changed. */
export const proxySpec = z.object({
  id: z.string().optional(),
  version: z.number().optional(),
  protocol: z.enum(['http', 'https', 'socks5']),
  server: z.string().min(1),
  username: z.string().nullish(),
  /** False where it has a name without a password. */
  secret: z.boolean().optional(),
}).nullish();
export type ProxySpec = z.infer<typeof proxySpec>;

/** An address for Chromium that holds no credentials: they stay in this process. */
export type ProxyDoor = {
  server: string;
  port: number;
  /** What the proxy itself has last done wrong since then (`performance.now()`), or null. A site that can't be reached is not its fault. */
  fault(since: number): string | null;
  close(): Promise<void>;
};

/** Opens a door to the account's proxy on this machine; Chromium reaches it under `name` alone. */
export async function openProxyDoor(account: string, spec: ProxySpec, vault: Vault, name: string): Promise<ProxyDoor | null> {
  if (!spec) return null;
  const password = spec.username && spec.secret !== false ? ((await vault.get(account, spec.id ? `proxy@${spec.id}` : 'proxy')) ?? '') : '';
  return openDoor(spec, password, name);
}

/** The same with a password that is known already. Throws when the server is no address. */
export async function openDoor(spec: NonNullable<ProxySpec>, password: string, name: string): Promise<ProxyDoor> {
  const address = `${spec.protocol}://${spec.server.replace(/^[a-z0-9]+:\/\//i, '')}`;
  if (!URL.canParse(address)) throw new Error(`proxy server "${spec.server}" is no address: give host:port`);
  const upstreamProxyUrl = spec.username ? address.replace('://', `://${encodeURIComponent(spec.username)}:${encodeURIComponent(password)}@`) : address;
  const door = new Door(upstreamProxyUrl);
  await door.listen();
  return { server: `http://${name}:${door.port}`, port: door.port, fault: (since) => door.faultSince(since), close: () => door.close(true) };
}

/** Words of proxy-chain for what the proxy itself did; the rest is about sites. */
const ITS_OWN: readonly [RegExp, (m: RegExpExecArray) => string | null][] = [
  [/^Failed to authenticate upstream proxy: (\d+)/, (m) => (m[1] === '407' || m[1] === '401' ? 'it refuses the user name or password' : null)],
  [/Socks5 Authentication failed/i, () => 'it refuses the user name or password'],
  [/Socks5 proxy rejected connection/i, () => null],
  [/ECONNREFUSED/, () => 'it refuses the connection'],
  [/ENOTFOUND|EAI_AGAIN/, () => 'its name is not known'],
  [/ETIMEDOUT|timed out/i, () => 'it does not answer in time'],
  [/ECONNRESET|EPIPE|socket hang up|Socket closed/i, () => 'it drops the connection'],
  [/EHOSTUNREACH|ENETUNREACH/, () => 'it can not be reached'],
  [/certificate|SSL|TLS/i, () => 'its certificate is not good'],
  [/^Failed to connect to upstream (?:SOCKS )?proxy/, () => 'it does not speak this protocol'],
];

/** What a status of proxy-chain's own says, where a plain request has no words. */
const BY_STATUS: Record<number, string> = { 504: 'it does not answer in time', 593: 'its name is not known', 594: 'it refuses the connection', 595: 'it drops the connection', 596: 'it drops the connection', 597: 'it refuses the user name or password', 599: 'it does not let the request through' };

/** proxy-chain tells a browser of a dead proxy by a page with a text. Here the connection breaks instead, so that nothing can take that page for the site. */
class Door extends Server {
  private last: { at: number; message: string } | null = null;

  constructor(upstreamProxyUrl: string) {
    super({ host: '127.0.0.1', port: 0, prepareRequestFunction: () => ({ upstreamProxyUrl }) });
  }

  faultSince(since: number): string | null {
    return this.last && this.last.at >= since ? this.last.message : null;
  }

  private blame(message: string): void {
    this.last = { at: performance.now(), message };
  }

  override log(_connection: unknown, said: string): void {
    if (!/upstream/.test(said)) return;
    const [rule, match] = ITS_OWN.map(([pattern, words]) => [words, pattern.exec(said)] as const).find(([, m]) => m) ?? [];
    const message = match ? rule!(match) : null;
    if (message) this.blame(message);
  }

  override async onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
    response.end = ((...args: unknown[]) => {
      const fault = response.headersSent ? undefined : BY_STATUS[response.statusCode];
      if (fault === undefined) return end(...args);
      this.blame(fault);
      request.socket.destroy();
      return response;
    }) as typeof response.end;
    await super.onRequest(request, response);
  }

  override failRequest(request: IncomingMessage, error: NodeJS.ErrnoException): void {
    const status = (error as { statusCode?: number }).statusCode;
    if (status !== undefined && BY_STATUS[status]) {
      this.blame(BY_STATUS[status]);
      request.socket.destroy();
    } else super.failRequest(request, error);
  }
}
