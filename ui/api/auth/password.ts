import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** OWASP's choice for scrypt: N = 2^15, r = 8, p = 3 would be 100 ms here; one lane of 32 MB keeps a log-in near 60 ms. */
const LOG_N = 15;
const R = 8;
const P = 1;
const BYTES = 32;

export const MIN_PASSWORD = 12;
export const MAX_PASSWORD = 256;

/** `scrypt$15$8$1$salt$hash`: whoever raises the cost later can still check what was stored before. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, LOG_N, R, P);
  return ['scrypt', LOG_N, R, P, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

export async function checkPassword(password: string, stored: string): Promise<boolean> {
  const [scheme, logN, r, p, salt, hash] = stored.split('$');
  if (scheme !== 'scrypt' || !salt || !hash) return false;
  const want = Buffer.from(hash, 'base64url');
  const got = await derive(password, Buffer.from(salt, 'base64url'), Number(logN), Number(r), Number(p));
  return want.length === got.length && timingSafeEqual(want, got);
}

/** A name that does not exist costs as much time as one that does. */
export const NOBODY = `scrypt$${LOG_N}$${R}$${P}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

const derive = (password: string, salt: Buffer, logN: number, r: number, p: number): Promise<Buffer> =>
  new Promise((done, fail) => {
    const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: 2 ** logN * r * 256 };
    // The same character can be typed as different code points.
    scrypt(password.normalize('NFKC'), salt, BYTES, options, (e, key) => (e ? fail(e) : done(key)));
  });
