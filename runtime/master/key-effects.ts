import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import { EffectFailed, type MasterEffect } from './effects.ts';
import { ownerOf, type Vault } from './vault.ts';

/** Reads a private key once to learn what it is, and destroys it when it is removed. */
export function keyEffects(vault: () => Vault | null): Record<'readKey' | 'forgetKey', MasterEffect> {
  return {
    async readKey({ secret, passphrase }: { secret: string; passphrase: string | null }) {
      const text = await vault()?.open(secret);
      if (!text) throw new EffectFailed('refused', 'the key is not in the vault any more: add it again');
      const opened = passphrase === null ? undefined : ((await vault()?.open(passphrase)) ?? undefined);
      const key = ssh2.utils.parseKey(text, opened);
      if (key instanceof Error) throw new EffectFailed('refused', /passphrase|encrypted/i.test(key.message) ? 'the key needs its passphrase, or has another one: add it again with the right one' : 'it is not a private key that OpenSSH would read');
      const one = Array.isArray(key) ? key[0]! : key;
      const blob = one.getPublicSSH();
      return { type: one.type, fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`, publicKey: `${one.type} ${blob.toString('base64')}` };
    },
    async forgetKey({ id }: { id: string }) {
      await vault()?.forget(ownerOf({ kind: 'key', id }));
      return null;
    },
  };
}
