import { anonymizeProxy, closeAnonymizedProxy } from 'proxy-chain';
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

export async function openProxyDoor(account: string, spec: ProxySpec, vault: Vault): Promise<ProxyDoor | null> {
  if (!spec) return null;
  const server = `${spec.protocol}://${spec.server.replace(/^[a-z0-9]+:\/\//i, '')}`;
  if (!URL.canParse(server)) throw new Error(`proxy server "${spec.server}" is no address: give host:port`);
  if (!spec.username) return { server, close: async () => undefined };
  const password = (await vault.get(account, 'proxy')) ?? '';
  const local = await anonymizeProxy(server.replace('://', `://${encodeURIComponent(spec.username)}:${encodeURIComponent(password)}@`));
  return { server: local, close: async () => void (await closeAnonymizedProxy(local, true)) };
}
