import type { Field, Schema } from '../../graph/schema/index.ts';
import { MARKET_PORTS } from '../../graph/schema/index.ts';
import type { SegmentHome } from './segment-home.ts';
import type { Arena } from './spilled.ts';

/** Ports in the order in which blocks number them. */
export const PORTS: readonly { readonly name: string; readonly schema: Schema }[] = Object.entries(MARKET_PORTS).map(
  ([name, schema]) => Object.freeze({ name, schema }),
);
/** Number of each port in a block. */
export const PORT = Object.freeze(
  Object.fromEntries(PORTS.map((p, i) => [p.name, i])) as { readonly [K in keyof typeof MARKET_PORTS]: number },
);
/** The fields of each port, in schema order. */
export const FIELDS: readonly (readonly Field[])[] = PORTS.map((p) => Object.values(p.schema.fields));

/** Rows of all ports together in one segment: small enough to hold one per input file while merging. */
export const SEGMENT_ROWS = 4096;

/** A receive time below its predecessor's. */
export const STEPPED_BACK = 1;

/** Numbers, or bools as 0 and 1. */
export type Values = Float64Array | Uint8Array;
export interface ListValues {
  values: Float64Array;
  /** Row i is values[offsets[i] .. offsets[i+1]). */
  offsets: Int32Array;
}
export type StoredColumn = Float64Array | string[] | ListValues;

/** A sealed run of decoded rows; amounts are still doubles in units. `ports[p]` is null when the port has no row in it. */
export interface Segment {
  n: number;
  /** The port and the key of all rows, where that is known. */
  one: { port: number; key: number } | null;
  t: Float64Array;
  port: Uint8Array;
  /** The file's own key number. */
  key: Int32Array;
  line: Float64Array;
  flags: Uint8Array;
  ports: ({ n: number; columns: StoredColumn[] } | null)[];
}

class ListBuffer {
  values = new Float64Array(4096);
  readonly offsets = new Int32Array(SEGMENT_ROWS + 1);
  /** Sets row `row` (rows are set in order) to source[from..to). */
  set(row: number, source: Float64Array, from: number, to: number): void {
    const start = this.offsets[row]!;
    const end = start + (to - from);
    if (end > this.values.length) {
      const grown = new Float64Array(Math.max(end, this.values.length * 2));
      grown.set(this.values.subarray(0, start));
      this.values = grown;
    }
    // A plain loop: most diffs have a handful of levels, where subarray and set cost more than the copy.
    const values = this.values;
    for (let i = from, j = start; i < to; i++, j++) values[j] = source[i]!;
    this.offsets[row + 1] = end;
  }
}

/** The rows of one port that are being decoded. Column arrays are indexed by the field's place in the schema. */
export class PortBuffer {
  n = 0;
  readonly numbers: Float64Array[] = [];
  readonly texts: string[][] = [];
  readonly lists: ListBuffer[] = [];
  readonly fields: readonly Field[];
  constructor(fields: readonly Field[]) {
    this.fields = fields;
    for (let i = 0; i < fields.length; i++) {
      const kind = fields[i]!.kind;
      if (kind === 'text') this.texts[i] = [];
      else if (kind === 'list') this.lists[i] = new ListBuffer();
      else this.numbers[i] = new Float64Array(SEGMENT_ROWS);
    }
  }
  /** What it holds: arrays that are used again. */
  seal(): { n: number; columns: StoredColumn[] } {
    const n = this.n;
    const columns = this.fields.map((f, i): StoredColumn => {
      if (f.kind === 'text') {
        const column = this.texts[i]!;
        this.texts[i] = [];
        return column;
      }
      if (f.kind !== 'list') return this.numbers[i]!.subarray(0, n);
      const list = this.lists[i]!;
      return { values: list.values.subarray(0, list.offsets[n]!), offsets: list.offsets.subarray(0, n + 1) };
    });
    this.n = 0;
    return { n, columns };
  }
}

/**
 * The decoded rows of one file, in row order, with times that never decrease. Full segments go to `home`, which keeps
 * them in memory or in a temporary file.
 */
export class RowStore {
  n = 0;
  readonly t = new Float64Array(SEGMENT_ROWS);
  readonly port = new Uint8Array(SEGMENT_ROWS);
  readonly key = new Int32Array(SEGMENT_ROWS);
  readonly line = new Float64Array(SEGMENT_ROWS);
  readonly flags = new Uint8Array(SEGMENT_ROWS);
  readonly ports: (PortBuffer | undefined)[] = new Array(PORTS.length).fill(undefined);
  /** Rows in sealed segments. */
  sealedRows = 0;
  readonly segments: { n: number; t0: number; id: number }[] = [];
  readonly #home: SegmentHome;

  constructor(home: SegmentHome) {
    this.#home = home;
  }

  /** Adds a row's envelope and returns the port's buffer, whose row `n - 1` the caller must fill completely. */
  begin(port: number, key: number, t: number, line: number, flags: number): PortBuffer {
    if (this.n === SEGMENT_ROWS) this.seal();
    const i = this.n++;
    this.t[i] = t;
    this.port[i] = port;
    this.key[i] = key;
    this.line[i] = line;
    this.flags[i] = flags;
    const buffer = this.buffer(port);
    buffer.n++;
    return buffer;
  }

  /** Rows that the open segment still takes: `beginMany` takes no more. */
  get room(): number {
    if (this.n === SEGMENT_ROWS) this.seal();
    return SEGMENT_ROWS - this.n;
  }
  /** Adds the envelopes of `count` rows of one key, of one port each; returns nothing: the caller fills the ports' next rows. */
  beginMany(ports: Uint8Array, t: Values, from: number, count: number, key: number, line: number): void {
    const { n: at, t: times, port, line: lines } = this;
    for (let i = 0; i < count; i++) {
      times[at + i] = t[from + i]!;
      port[at + i] = ports[from + i]!;
      lines[at + i] = line + i;
    }
    this.key.fill(key, at, at + count);
    this.flags.fill(0, at, at + count);
    this.n = at + count;
  }
  /** The buffer of a port; its next row is `n`, which the caller counts up. */
  buffer(port: number): PortBuffer {
    let buffer = this.ports[port];
    if (buffer === undefined) {
      buffer = new PortBuffer(FIELDS[port]!);
      this.ports[port] = buffer;
    }
    return buffer;
  }

  /** Rows so far; the number of the row that `begin` adds next. */
  get rows(): number {
    return this.sealedRows + this.n;
  }

  seal(): void {
    const n = this.n;
    if (n === 0) return;
    const segment: Segment = {
      n,
      one: null,
      t: this.t.subarray(0, n),
      port: this.port.subarray(0, n),
      key: this.key.subarray(0, n),
      line: this.line.subarray(0, n),
      flags: this.flags.subarray(0, n),
      ports: this.ports.map((p) => (p === undefined || p.n === 0 ? null : p.seal())),
    };
    this.segments.push({ n, t0: segment.t[0]!, id: this.#home.add(segment) });
    this.sealedRows += n;
    this.n = 0;
  }

  /** A segment that the home holds already; nothing may be added behind it. */
  adopt(n: number, t0: number, id: number): void {
    this.segments.push({ n, t0, id });
    this.sealedRows += n;
  }

  load(index: number, arena?: Arena): Segment {
    return this.#home.load(this.segments[index]!.id, arena);
  }
}
