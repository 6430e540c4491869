import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Keys by id; `current` seals, all of them open. Each key is 32 bytes. */
export type KeyRing = { current: string; keys: ReadonlyMap<string, Buffer> };

/** What a sealed value belongs to. It can't be opened under another account or field. */
export type SealPlace = { account: string; field: string };

/** A sealed value that doesn't open. Says which account and field, never a key or a byte of the value. */
export class SealError extends Error {
  constructor(place: SealPlace, why: string) {
    super(`the sealed ${place.field} of account ${place.account} can't be opened: ${why}`);
    this.name = 'SealError';
  }
}

const KID = /^[a-z0-9-]{1,32}$/;
const B64 = /^[A-Za-z0-9_-]*$/;

/** AES-256-GCM; gives `v1:kid:nonce:ciphertext:tag`, the last three base64url. */
export function seal(ring: KeyRing, place: SealPlace, plaintext: string | Buffer): string {
  const kid = ring.current;
  const key = ring.keys.get(kid);
  if (!key) throw new SealError(place, `key ${kid} is not in the ring`);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associated(place, kid));
  const ct = Buffer.concat([cipher.update(plaintext as Buffer), cipher.final()]);
  return ['v1', kid, nonce.toString('base64url'), ct.toString('base64url'), cipher.getAuthTag().toString('base64url')].join(':');
}

/** The plaintext; throws SealError when the envelope, the key, the place or a single bit is wrong. */
export function open(ring: KeyRing, place: SealPlace, envelope: string): Buffer {
  const parts = envelope.split(':');
  const [version, kid = '', nonce = '', ct = '', tag = ''] = parts;
  if (parts.length !== 5 || version !== 'v1' || !KID.test(kid) || ![nonce, ct, tag].every((p) => B64.test(p))) throw new SealError(place, 'it is not a v1 envelope');
  const key = ring.keys.get(kid);
  if (!key) throw new SealError(place, `key ${kid} is not in the ring`);
  const iv = exact(nonce, 12, place);
  const authTag = exact(tag, 16, place);
  const body = Buffer.from(ct, 'base64url');
  if (body.toString('base64url') !== ct) throw new SealError(place, 'it was changed');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
    decipher.setAAD(associated(place, kid));
    decipher.setAuthTag(authTag);
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch {
    throw new SealError(place, 'it was changed, or it belongs elsewhere');
  }
}

/** The key id of an envelope: what rotation looks at. Null when it is no envelope. */
export function keyOf(envelope: string): string | null {
  const [version, kid] = envelope.split(':');
  return version === 'v1' && kid && KID.test(kid) ? kid : null;
}

// Lengths in front, so that no two places give the same bytes.
function associated(place: SealPlace, kid: string): Buffer {
  return Buffer.from([place.account, place.field, kid].map((p) => `${Buffer.byteLength(p)}:${p}`).join('|'));
}

function exact(encoded: string, bytes: number, place: SealPlace): Buffer {
  const b = Buffer.from(encoded, 'base64url');
  // Base64 has spare bits at the end: only the canonical spelling is taken.
  if (b.length !== bytes || b.toString('base64url') !== encoded) throw new SealError(place, 'it was changed');
  return b;
}
