import { ApiError } from '../contract.ts';

/** A request's parameters as text, and what their signature was made over. */
export interface RequestText {
  /** Decoded; the query wins over the body. Without `signature`. */
  readonly values: Record<string, string>;
  /** Query and body as they were sent, without the signature. */
  readonly payload: string;
  readonly signature: string | undefined;
}

/** More parameters than any endpoint has. */
const MOST = 256;

/**
 * Reads query string and form body.
 * @throws ApiError −1100 (not decodable, control characters), −1101 (too many, or one name twice in one part)
 */
export function readRequest(query: string, body: string): RequestText {
  const values = Object.create(null) as Record<string, string>;
  const read = { signature: undefined as string | undefined };
  const signedBody = body === '' ? '' : part(body, values, read);
  const fromBody = read.signature;
  read.signature = undefined;
  let signedQuery = '';
  if (query !== '') {
    if (body === '') signedQuery = part(query, values, read);
    else {
      const own = Object.create(null) as Record<string, string>;
      signedQuery = part(query, own, read);
      for (const name in own) values[name] = own[name]!;
    }
  }
  return { values, payload: signedQuery + signedBody, signature: read.signature ?? fromBody };
}

function part(text: string, values: Record<string, string>, read: { signature: string | undefined }): string {
  const pairs = text.split('&');
  if (pairs.length > MOST) throw new ApiError(-1101, 'Too many parameters sent for this endpoint.');
  let signature = -1;
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i]!;
    if (pair === '') continue;
    const eq = pair.indexOf('=');
    const name = decode(eq < 0 ? pair : pair.slice(0, eq), 'name');
    const value = eq < 0 ? '' : decode(pair.slice(eq + 1), name);
    if (name === 'signature') {
      if (read.signature !== undefined) throw duplicate();
      read.signature = value;
      signature = i;
    } else {
      if (name in values) throw duplicate();
      values[name] = value;
    }
  }
  if (signature < 0) return text;
  pairs.splice(signature, 1);
  return pairs.join('&');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

function decode(text: string, name: string): string {
  let out = text;
  if (/[%+]/.test(text)) {
    try {
      out = decodeURIComponent(text.replaceAll('+', ' '));
    } catch {
      throw illegal(name);
    }
  }
  if (CONTROL.test(out)) throw illegal(name);
  return out;
}

const illegal = (name: string): ApiError =>
  new ApiError(-1100, `Illegal characters found in parameter '${/^\w{1,40}$/.test(name) ? name : 'name'}'.`);
const duplicate = (): ApiError => new ApiError(-1101, 'Duplicate values for a parameter detected.');
