import { Server } from 'proxy-chain';
import { z } from 'zod';
import type { Vault } from './vault.ts';

/** A proxy as the account's record has it; the password is in the vault's field `proxy`. */
export const proxySpec = z.object({
  protocol: z.enum(['http', 'https', 'socks5']),
  server: z.string().min(1),
  username: z.string().nullish(),
}).nullish();
export type ProxySpec = z.infer<typeof proxySpec>;

/** An address for Chromium that holds no credentials: they stay in this process. */
export type ProxyDoor = { server: string; close(): Promise<void> };

/** Opens a door to the account's proxy on this machine; Chromium reaches it under `name` alone. */
export async function openProxyDoor(account: string, spec: ProxySpec, vault: Vault, name: string): Promise<ProxyDoor | null> {
  if (!spec) return null;
  const address = `${spec.protocol}://${spec.server.replace(/^[a-z0-9]+:\/\//i, '')}`;
  if (!URL.canParse(address)) throw new Error(`proxy server "${spec.server}" is no address: give host:port`);
  const password = spec.username ? ((await vault.get(account, 'proxy')) ?? '') : '';
  const upstreamProxyUrl = spec.username ? address.replace('://', `://${encodeURIComponent(spec.username)}:${encodeURIComponent(password)}@`) : address;
  const server = new Server({ host: '127.0.0.1', port: 0, prepareRequestFunction: () => ({ upstreamProxyUrl }) });
  await server.listen();
  return { server: `http://${name}:${server.port}`, close: () => server.close(true) };
}
