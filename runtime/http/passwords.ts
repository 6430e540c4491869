import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const COST = { N: 32_768, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

const derive = (password: string, salt: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => scrypt(password.normalize('NFKC'), salt, 32, COST, (error, key) => (error ? reject(error) : resolve(key))));

/** `scrypt$N$r$p$salt$key`, base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), (await derive(password, salt)).toString('base64url')].join('$');
}

const NOBODY = `scrypt$32768$8$1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Takes the same time for a user who does not exist (`hash` null) as for a wrong password. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const [, , , , salt = '', key = ''] = (hash ?? NOBODY).split('$');
  const want = Buffer.from(key, 'base64url');
  const is = await derive(password.slice(0, 1000), Buffer.from(salt, 'base64url'));
  return hash !== null && want.length === is.length && timingSafeEqual(want, is);
}
