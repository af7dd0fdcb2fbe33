import { type Block, type Column, type KeyTable, LARGE_BLOCK_ROWS } from '../../graph/schema/index.ts';
import { NO_KEY } from './file-rows.ts';
import { fillAlike, type Interleaved, scatterColumns, scatterEnvelope } from './interleave-rows.ts';
import { FIELDS, type ListValues, PORT, PORTS, type Segment } from './row-store.ts';
import type { Track } from './run-keys.ts';
import { copyRows } from './sound-columns.ts';
import type { Arena } from './spilled.ts';

/** A block with where its rows come from: what the quality report needs beyond the rows. */
export interface DecodedBlock extends Block {
  /** Index into the reader's `files`. */
  file: Int32Array;
  /** Line (or row) in the file, from 1. */
  line: Float64Array;
  /** Bit 0: received before its predecessor in the file. */
  flags: Uint8Array;
}
export const isDecoded = (b: Block): b is DecodedBlock => 'flags' in b;

/** How far a file has been taken. */
export interface Cursor {
  track: Track;
  position: number;
  segment: number;
  loaded: Segment | null;
  /** What is not in memory is read in here, one segment after the other. */
  arena: Arena;
  i: number;
  /** Time of the row at the cursor; Infinity at the end. */
  t: number;
  /** Number of the track's first row in the loaded segment. */
  first: number;
  nextLate: number;
  /** Rows of each port that lie before the cursor in the segment. */
  portRow: Int32Array;
}

const EMPTY = new Float64Array(0);

/** The block that rows of decoded files are put into, amounts as integers. One for all: it holds until the next one is begun. */
export class BlockFiller {
  readonly block: DecodedBlock;
  readonly #pxScale: Float64Array;
  readonly #qtyScale: Float64Array;
  /** Key of each port row in the block, for the scales. */
  readonly #keyOfRow: (Int32Array | undefined)[] = new Array(PORTS.length).fill(undefined);
  readonly #counts = new Int32Array(PORTS.length);

  constructor(keys: KeyTable) {
    this.#pxScale = Float64Array.from(keys.list, (k) => k.pxScale);
    this.#qtyScale = Float64Array.from(keys.list, (k) => k.qtyScale);
    this.block = {
      n: 0,
      seq0: 0,
      t: new Float64Array(LARGE_BLOCK_ROWS),
      port: new Uint8Array(LARGE_BLOCK_ROWS),
      key: new Int32Array(LARGE_BLOCK_ROWS),
      row: new Int32Array(LARGE_BLOCK_ROWS),
      file: new Int32Array(LARGE_BLOCK_ROWS),
      line: new Float64Array(LARGE_BLOCK_ROWS),
      flags: new Uint8Array(LARGE_BLOCK_ROWS),
      ports: PORTS.map((_, p) => ({
        n: 0,
        columns: FIELDS[p]!.map(
          (f): Column =>
            f.kind === 'text' ? [] : f.kind === 'list' ? { values: EMPTY, offsets: new Int32Array(1) } : EMPTY,
        ),
      })),
    };
  }
  /** @param seq0 number of its first row */
  begin(seq0: number): void {
    this.block.n = 0;
    this.block.seq0 = seq0;
    for (const p of this.block.ports) p.n = 0;
  }

  /** Takes what stands next in an order over all files, whose rows are all of this port. */
  takeInOrder(port: number, cursors: readonly Cursor[], order: Interleaved): void {
    const b = this.block;
    const from = b.n;
    const keys = this.#keyOfRow[port] ?? this.#allocate(port);
    const out = b.ports[port]!;
    const row = out.n;
    const n = order.take(b.t, from);
    fillAlike(b, from, n, port, row);
    b.n = n;
    out.n = row + n - from;
    for (let k = 0; k < cursors.length; k++) {
      if (order.count(k) === 0) continue;
      const c = cursors[k]!;
      const s = c.loaded!;
      const index = c.track.keyOf[s.one!.key]!;
      const places = order.places(k);
      scatterEnvelope(b, places, c.position, index, s.line, s.flags, c.i, keys, row - from);
      scatterColumns(FIELDS[port]!, s.ports[port]!.columns, c.portRow[port]!, out.columns, places, row - from, [
        this.#pxScale[index]!,
        this.#qtyScale[index]!,
      ]);
    }
  }

  /** Takes `run` rows of a file from its cursor on, which may be moved afterwards. */
  take(c: Cursor, run: number): void {
    const b = this.block;
    const s = c.loaded!;
    if (c.track.lateRows[c.nextLate] === c.first + c.i) {
      this.#lateLetter(c);
      return;
    }
    if (s.one !== null && s.one.key !== NO_KEY) {
      this.#copyAlike(c, run, s.one.port, c.track.keyOf[s.one.key]!);
      return;
    }
    const counts = this.#counts;
    counts.fill(0);
    const keyOf = c.track.keyOf;
    let n = b.n;
    for (let i = c.i; i < c.i + run; i++, n++) {
      const p = s.port[i]!;
      const key = s.key[i]!;
      const index = key === NO_KEY ? NO_KEY : keyOf[key]!;
      const row = b.ports[p]!.n + counts[p]!++;
      b.t[n] = s.t[i]!;
      b.port[n] = p;
      b.key[n] = index;
      b.row[n] = row;
      b.file[n] = c.position;
      b.line[n] = s.line[i]!;
      b.flags[n] = s.flags[i]!;
      let keys = this.#keyOfRow[p];
      if (keys === undefined) keys = this.#allocate(p);
      keys[row] = index;
    }
    b.n = n;
    for (let p = 0; p < counts.length; p++) if (counts[p]! > 0) this.#copyPort(p, s, c.portRow[p]!, counts[p]!);
  }

  /** Rows of one port and one key. */
  #copyAlike(c: Cursor, run: number, port: number, index: number): void {
    const b = this.block;
    const s = c.loaded!;
    const keys = this.#keyOfRow[port] ?? this.#allocate(port);
    const { n } = b;
    const row = b.ports[port]!.n;
    const end = c.i + run;
    b.t.set(s.t.subarray(c.i, end), n);
    b.line.set(s.line.subarray(c.i, end), n);
    b.flags.set(s.flags.subarray(c.i, end), n);
    b.port.fill(port, n, n + run);
    b.key.fill(index, n, n + run);
    b.file.fill(c.position, n, n + run);
    for (let i = 0; i < run; i++) b.row[n + i] = row + i;
    keys.fill(index, row, row + run);
    b.n = n + run;
    this.#copyPort(port, s, c.portRow[port]!, run, index);
  }

  #allocate(p: number): Int32Array {
    const keys = new Int32Array(LARGE_BLOCK_ROWS);
    this.#keyOfRow[p] = keys;
    this.block.ports[p]!.columns = FIELDS[p]!.map(
      (f): Column =>
        f.kind === 'text'
          ? new Array<string>(LARGE_BLOCK_ROWS).fill('')
          : f.kind === 'list'
            ? { values: new Float64Array(1024), offsets: new Int32Array(LARGE_BLOCK_ROWS + 1) }
            : new Float64Array(LARGE_BLOCK_ROWS),
    );
    return keys;
  }

  /** @param key of all rows, where that is known */
  #copyPort(p: number, s: Segment, from: number, count: number, key = NO_KEY): void {
    const out = this.block.ports[p]!;
    const at = out.n;
    const keys = this.#keyOfRow[p]!;
    const fields = FIELDS[p]!;
    const source = s.ports[p]!.columns;
    for (let f = 0; f < fields.length; f++) {
      const field = fields[f]!;
      if (field.kind === 'text') {
        const from_ = source[f] as string[];
        const to = out.columns[f] as string[];
        for (let j = 0; j < count; j++) to[at + j] = from_[from + j]!;
      } else if (field.kind === 'list') {
        const scale = field.of === 'px' ? this.#pxScale : field.of === 'qty' ? this.#qtyScale : null;
        copyList(source[f] as ListValues, from, out.columns[f] as ListValues, at, count, keys, scale);
      } else {
        const values = source[f] as Float64Array;
        const to = out.columns[f] as Float64Array;
        const scale = field.kind === 'px' ? this.#pxScale : field.kind === 'qty' ? this.#qtyScale : null;
        if (scale !== null && key === NO_KEY) scaleByKey(values, from, to, at, count, scale, keys);
        else if (scale !== null) scaleAll(values, from, to, at, count, scale[key]!);
        else if (field.kind === 'money') scaleAll(values, from, to, at, count, 1e8);
        else copyRows(values, from, to, at, count);
      }
    }
    out.n = at + count;
  }

  /** A row that turned out to be unusable after decoding: a dead letter in its place. */
  #lateLetter(c: Cursor): void {
    const b = this.block;
    const s = c.loaded!;
    const p = PORT.dead_letter;
    if (this.#keyOfRow[p] === undefined) this.#allocate(p);
    const late = c.track.late.get(c.first + c.i)!;
    const out = b.ports[p]!;
    const row = out.n++;
    const n = b.n++;
    b.t[n] = s.t[c.i]!;
    b.port[n] = p;
    b.key[n] = NO_KEY;
    b.row[n] = row;
    b.file[n] = c.position;
    b.line[n] = s.line[c.i]!;
    b.flags[n] = 0;
    (out.columns[0] as string[])[row] = c.track.file;
    (out.columns[1] as Float64Array)[row] = s.line[c.i]!;
    (out.columns[2] as string[])[row] = late.code;
    (out.columns[3] as string[])[row] = late.message;
    (out.columns[4] as string[])[row] = late.raw;
  }
}

/** Amounts as whole numbers. Adding 0 turns −0 into 0. */
function scaleAll(values: Float64Array, from: number, to: Float64Array, at: number, n: number, by: number): void {
  for (let j = 0; j < n; j++) to[at + j] = Math.round(values[from + j]! * by) + 0;
}
/** The same, each by the scale of its row's key. */
function scaleByKey(
  values: Float64Array,
  from: number,
  to: Float64Array,
  at: number,
  n: number,
  scale: Float64Array,
  keys: Int32Array,
): void {
  for (let j = 0; j < n; j++) to[at + j] = Math.round(values[from + j]! * scale[keys[at + j]!]!) + 0;
}

function copyList(
  source: ListValues,
  from: number,
  out: ListValues,
  at: number,
  count: number,
  keys: Int32Array,
  scale: Float64Array | null,
): void {
  let o = at === 0 ? 0 : out.offsets[at]!;
  out.offsets[at] = o;
  const need = o + source.offsets[from + count]! - source.offsets[from]!;
  if (need > out.values.length) {
    const grown = new Float64Array(Math.max(need, out.values.length * 2));
    grown.set(out.values.subarray(0, o));
    out.values = grown;
  }
  const values = out.values;
  for (let j = 0; j < count; j++) {
    const end = source.offsets[from + j + 1]!;
    const k = scale === null ? 1 : scale[keys[at + j]!]!;
    for (let i = source.offsets[from + j]!; i < end; i++)
      values[o++] = scale === null ? source.values[i]! : Math.round(source.values[i]! * k) + 0;
    out.offsets[at + j + 1] = o;
  }
}
