import { createHash } from 'node:crypto';

/** Longest key that every driver takes. */
const MAX = 254;

/**
 * A `_key` from its parts, joined by dots: characters that some driver does not take become %XX (dots inside a part
 * too), and what would be too long keeps its beginning and ends in its hash. Different parts give different keys.
 */
export function documentKey(...parts: readonly (string | number)[]): string {
  const key = parts.map((p) => (typeof p === 'number' ? String(p) : escaped(p))).join('.');
  if (key.length <= MAX) return key;
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 40);
  return `${key.slice(0, MAX - hash.length - 1)}@${hash}`;
}

export const KEY_SHAPE = /^[A-Za-z0-9_:@$!*'()+,;=.%-]{1,254}$/;
const UNSAFE = /[^A-Za-z0-9_:@$!*'()+,;=-]/gu;
const escaped = (s: string): string => s.replace(UNSAFE, percent);

const hex = (b: number): string => `%${b.toString(16).toUpperCase().padStart(2, '0')}`;
const utf8 = new TextEncoder();
const percent = (c: string): string => {
  const code = c.charCodeAt(0);
  return code < 128 ? hex(code) : Array.from(utf8.encode(c), hex).join('');
};

/** How edges name a document. */
export const documentId = (collection: string, key: string): string => `${collection}/${key}`;
