/** What a recorder line carries, as positions in its buffer. `kind` none: no frame (a URL line, a reply, CSV). */
export class LineText {
  kind: 'none' | 'object' | 'array' = 'none';
  /** Name of the combined stream, '' for a bare frame. */
  stream = '';
  start = 0;
  end = 0;
  #lastStream = '';
  #lastBytes: Buffer = Buffer.alloc(0);

  /** Finds the frame of the line [start, end): `<time> {"stream":…,"data":{…}}` or `<time>: {…}` or `{…}`. */
  find(buf: Buffer, start: number, end: number): void {
    this.kind = 'none';
    this.stream = '';
    let p = start;
    while (p < end && isTimeOrSpace(buf[p]!)) p++;
    if (p >= end || buf[p] !== OPEN) return;
    let data = -1;
    let dataEnd = -1;
    let wrapped = false;
    let q = space(buf, p + 1, end);
    // Only the wrapper's own members are looked at; a bare frame shows itself by its first member.
    while (q < end && buf[q] === QUOTE) {
      const name = q + 1;
      const close = text(buf, name, end);
      if (close < 0) return;
      const isStream = is(buf, name, close, STREAM);
      const isData = !isStream && is(buf, name, close, DATA);
      if (!wrapped && !isStream && !isData) break;
      wrapped = true;
      q = space(buf, close + 1, end);
      if (buf[q] !== COLON) return;
      q = space(buf, q + 1, end);
      const after = value(buf, q, end);
      if (after < 0) return;
      if (isStream && buf[q] === QUOTE) this.#name(buf, q + 1, after - 1);
      else if (isData) {
        data = q;
        dataEnd = after;
      }
      q = space(buf, after, end);
      if (q >= end || buf[q] !== COMMA) break;
      q = space(buf, q + 1, end);
    }
    if (wrapped) {
      if (data < 0 || q >= end || buf[q] !== CLOSE) return;
      this.start = data;
      this.end = dataEnd;
    } else {
      const after = value(buf, p, end);
      if (after < 0) return;
      this.start = p;
      this.end = after;
    }
    this.kind = buf[this.start] === OPEN ? 'object' : buf[this.start] === BRACKET ? 'array' : 'none';
  }
  /** Streams repeat: most often the last one's text is the right one. */
  #name(buf: Buffer, start: number, end: number): void {
    if (!is(buf, start, end, this.#lastBytes) || this.#lastStream === '') {
      this.#lastStream = buf.toString('utf8', start, end);
      this.#lastBytes = Buffer.from(this.#lastStream);
    }
    this.stream = this.#lastStream;
  }
}

const OPEN = 123;
const CLOSE = 125;
const BRACKET = 91;
const QUOTE = 34;
const COLON = 58;
const COMMA = 44;
const STREAM = Buffer.from('stream');
const DATA = Buffer.from('data');

/** Digits, points, colons and blanks before the frame. */
const isTimeOrSpace = (c: number): boolean =>
  (c >= 48 && c <= 58) || c === 32 || c === 46 || c === 9 || c === 13 || c === 10;
function space(buf: Buffer, at: number, end: number): number {
  let p = at;
  while (p < end && (buf[p] === 32 || buf[p] === 9 || buf[p] === 13 || buf[p] === 10)) p++;
  return p;
}
function is(buf: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (buf[start + i] !== name[i]) return false;
  return true;
}
/** The closing quote of a text, or -1. */
function text(buf: Buffer, at: number, end: number): number {
  for (let p = at; p < end; p++) {
    const c = buf[p]!;
    if (c === QUOTE) return p;
    if (c === 92) p++;
  }
  return -1;
}
/** Behind the JSON value that begins at `at`, or -1 when it does not end. */
function value(buf: Buffer, at: number, end: number): number {
  const first = buf[at];
  if (first === QUOTE) {
    const close = text(buf, at + 1, end);
    return close < 0 ? -1 : close + 1;
  }
  if (first !== OPEN && first !== BRACKET) {
    let p = at;
    while (p < end && buf[p] !== COMMA && buf[p] !== 125 && buf[p] !== 93 && buf[p]! > 32) p++;
    return p > at ? p : -1;
  }
  let depth = 0;
  for (let p = at; p < end; p++) {
    const c = buf[p]!;
    if (c === QUOTE) {
      p = text(buf, p + 1, end);
      if (p < 0) return -1;
    } else if (c === OPEN || c === BRACKET) depth++;
    else if (c === CLOSE || c === 93) {
      depth--;
      if (depth === 0) return p + 1;
    }
  }
  return -1;
}
