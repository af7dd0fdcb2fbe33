import { type Column, type Field, LARGE_BLOCK_ROWS } from '../../graph/schema/index.ts';
import type { DecodedBlock } from './block-filler.ts';
import { FIELDS, type StoredColumn } from './row-store.ts';

/**
 * Merging of files whose rows are all of one port and of one key each, such as the candles of many instruments: the order first,
 * from the times alone, then each file's rows to their places, column by column. Loops over plain columns stand by themselves: V8 compiles
 * them once, whatever else there is to do.
 */
export class Interleaved {
  readonly #times: readonly Float64Array[];
  /** Row of each file that comes next, and its time; Infinity at the end. */
  readonly #at: Int32Array;
  readonly #heads: Float64Array;
  /** File of each place that was taken last. */
  readonly #who = new Int32Array(LARGE_BLOCK_ROWS);
  /** The places of file k: `#places` from #starts[k] up to #starts[k + 1]. */
  readonly #places = new Int32Array(LARGE_BLOCK_ROWS);
  readonly #starts: Int32Array;

  /** @param files the open segment's times and the row in it; null at the end of a file */
  constructor(files: readonly ({ t: Float64Array; i: number } | null)[]) {
    this.#times = files.map((f) => f?.t ?? new Float64Array(0));
    this.#at = Int32Array.from(files, (f) => f?.i ?? 0);
    this.#heads = Float64Array.from(files, (f) => (f ? f.t[f.i]! : Number.POSITIVE_INFINITY));
    this.#starts = new Int32Array(files.length + 1);
  }

  /** Writes the times of the rows that come next to t[from], t[from + 1], …, until the block is full or a segment ends. @returns where they end */
  take(t: Float64Array, from: number): number {
    const n = takeInOrder(this.#times, this.#at, this.#heads, this.#who, t, from);
    sortByFile(this.#who, from, n, this.#starts, this.#places);
    return n;
  }
  count(k: number): number {
    return this.#starts[k + 1]! - this.#starts[k]!;
  }
  places(k: number): Int32Array {
    return this.#places.subarray(this.#starts[k]!, this.#starts[k + 1]!);
  }
}

/** By (time, file, row): at one time all rows of a file come before those of the next one. */
function takeInOrder(
  times: readonly Float64Array[],
  at: Int32Array,
  heads: Float64Array,
  who: Int32Array,
  t: Float64Array,
  from: number,
): number {
  const files = heads.length;
  let n = from;
  let now = Number.POSITIVE_INFINITY;
  for (let k = 0; k < files; k++) if (heads[k]! < now) now = heads[k]!;
  while (now < Number.POSITIVE_INFINITY) {
    let then = Number.POSITIVE_INFINITY;
    for (let k = 0; k < files; k++) {
      if (heads[k] === now) {
        const own = times[k]!;
        let i = at[k]!;
        do {
          if (n === LARGE_BLOCK_ROWS) {
            at[k] = i;
            return n;
          }
          t[n] = now;
          who[n++] = k;
          i++;
        } while (i < own.length && own[i] === now);
        at[k] = i;
        // The file's next segment may begin with the same time.
        if (i === own.length) return n;
        heads[k] = own[i]!;
      }
      if (heads[k]! < then) then = heads[k]!;
    }
    now = then;
  }
  return n;
}

function sortByFile(who: Int32Array, from: number, n: number, starts: Int32Array, places: Int32Array): void {
  starts.fill(0);
  const last = starts.length - 1;
  for (let i = from; i < n; i++) starts[who[i]! + 1]!++;
  for (let k = 0; k < last; k++) starts[k + 1]! += starts[k]!;
  // Each start moves to the end of its file, which is the start of the next one.
  for (let i = from; i < n; i++) places[starts[who[i]!]!++] = i;
  for (let k = last; k > 0; k--) starts[k] = starts[k - 1]!;
  starts[0] = 0;
}

/** Texts and lists have no place of their own in a column of numbers. */
export const canInterleave = (port: number): boolean =>
  !FIELDS[port]!.some((f) => f.kind === 'text' || f.kind === 'list' || f.kind === 'money');

/** What rows of one port have in common: places [from, to) of the block, rows from `row` on of the port. */
export function fillAlike(b: DecodedBlock, from: number, to: number, port: number, row: number): void {
  b.port.fill(port, from, to);
  const rows = b.row;
  for (let i = from; i < to; i++) rows[i] = row + i - from;
}

/** Rows from `first` on of one file, to their places. @param shift what a place's row in its port is more than the place */
export function scatterEnvelope(
  { key, file, line: toLine, flags: toFlags }: DecodedBlock,
  places: Int32Array,
  position: number,
  index: number,
  line: Float64Array,
  flags: Uint8Array,
  first: number,
  keys: Int32Array,
  shift: number,
): void {
  for (let j = 0; j < places.length; j++) {
    const place = places[j]!;
    key[place] = index;
    file[place] = position;
    toLine[place] = line[first + j]!;
    toFlags[place] = flags[first + j]!;
    keys[place + shift] = index;
  }
}

/** Amounts become integers on the way. */
export function scatterColumns(
  fields: readonly Field[],
  from: readonly StoredColumn[],
  first: number,
  to: readonly Column[],
  places: Int32Array,
  shift: number,
  [pxScale, qtyScale]: readonly [number, number],
): void {
  for (let f = 0; f < fields.length; f++) {
    const { kind } = fields[f]!;
    const source = from[f] as Float64Array;
    const target = to[f] as Float64Array;
    if (kind === 'px') scatterScaled(source, first, target, places, shift, pxScale);
    else if (kind === 'qty') scatterScaled(source, first, target, places, shift, qtyScale);
    else scatter(source, first, target, places, shift);
  }
}
function scatterScaled(
  source: Float64Array,
  first: number,
  target: Float64Array,
  places: Int32Array,
  shift: number,
  scale: number,
): void {
  // Adding 0 turns −0 into 0.
  for (let j = 0; j < places.length; j++) target[places[j]! + shift] = Math.round(source[first + j]! * scale) + 0;
}
function scatter(source: Float64Array, first: number, target: Float64Array, places: Int32Array, shift: number): void {
  for (let j = 0; j < places.length; j++) target[places[j]! + shift] = source[first + j]!;
}
