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
const SAFE = /^[A-Za-z0-9_:@$!*'()+,;=-]*$/;
const utf8 = new TextEncoder();

function escaped(s: string): string {
  if (SAFE.test(s)) return s;
  let out = '';
  for (const c of s)
    if (SAFE.test(c)) out += c;
    else for (const b of utf8.encode(c)) out += `%${b.toString(16).toUpperCase().padStart(2, '0')}`;
  return out;
}

/** How edges name a document. */
export const documentId = (collection: string, key: string): string => `${collection}/${key}`;
