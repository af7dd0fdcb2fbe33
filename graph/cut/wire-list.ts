import type { Vec } from '../schema/index.ts';
import { type ByteReader, ByteWriter, putNumbers, readNumbers } from './wire-bytes.ts';

/*
 * Lists are told by how they differ from the row before: a book's ladder has thousands of levels of which a few change. A row is its
 * length, then until it is complete: how many values of the row before are taken over, how many are passed over, how many new
 * ones follow, and these. In each batch the first row has none before it.
 */
/** How far behind a difference the two rows are searched for where they meet again. */
const REACH = 4;
/** After a row of which so little was taken over, this many are sent whole. */
const WHOLE_ROWS = 15;

export class OutLists {
  readonly #to = new ByteWriter();
  #before: Float64Array = new Float64Array(256);
  #length = 0;
  #values = 0;
  #whole = 0;

  /** Numbers in all rows so far. */
  get values(): number {
    return this.#values;
  }
  push({ data, start, end }: Vec): void {
    const to = this.#to;
    const n = end - start;
    to.count(n);
    this.#values += n;
    if (n > 0 && this.#whole > 0) {
      this.#whole--;
      this.#hunk(0, 0, data, start, end);
    } else if (n > 0) {
      const taken = this.#differences(data, start, end);
      this.#whole = this.#length > 0 && taken * 4 < n ? WHOLE_ROWS : 0;
    }
    if (n > this.#before.length) this.#before = new Float64Array(2 * n);
    if (n < 32) for (let i = 0; i < n; i++) this.#before[i] = data[start + i]!;
    else this.#before.set(data.subarray(start, end));
    this.#length = n;
  }
  #hunk(kept: number, passed: number, data: Float64Array, start: number, end: number): void {
    const to = this.#to;
    to.count(kept);
    to.count(passed);
    to.count(end - start);
    if (end > start) putNumbers(to, data, start, end, 0);
  }
  /** @returns how many values were taken over */
  #differences(data: Float64Array, start: number, end: number): number {
    const old = this.#before;
    const oldEnd = this.#length;
    let taken = 0;
    let i = 0;
    let j = start;
    while (j < end) {
      const keptFrom = j;
      while (i < oldEnd && j < end && isSame(old[i]!, data[j]!)) {
        i++;
        j++;
      }
      const kept = j - keptFrom;
      taken += kept;
      // From here on they differ, until they meet again.
      const [i0, j0] = [i, j];
      for (let met = false; !met && j < end; ) {
        met = false;
        for (let far = 1; far <= REACH && !met; far++)
          for (let near = far; near >= 0 && !met; near--) {
            if (this.#meets(i + near, data, j + far, end)) {
              i += near;
              j += far;
              met = true;
            } else if (near < far && this.#meets(i + far, data, j + near, end)) {
              i += far;
              j += near;
              met = true;
            }
          }
        if (met) break;
        i = Math.min(i + 1, oldEnd);
        j++;
      }
      j = Math.min(j, end);
      this.#hunk(kept, i - i0, data, j0, j);
    }
    return taken;
  }
  /** Two values in a row are the same on both sides, or both are over. */
  #meets(i: number, data: Float64Array, j: number, end: number): boolean {
    const old = this.#before;
    const oldEnd = this.#length;
    if (i >= oldEnd || j >= end) return i === oldEnd && j === end;
    if (!isSame(old[i]!, data[j]!)) return false;
    if (i + 1 >= oldEnd || j + 1 >= end) return i + 1 === oldEnd && j + 1 === end;
    return isSame(old[i + 1]!, data[j + 1]!);
  }

  write(to: ByteWriter): void {
    to.count(this.#values);
    to.append(this.#to.bytes.subarray(0, this.#to.at));
    this.#to.at = 0;
    this.#length = 0;
    this.#values = 0;
    this.#whole = 0;
  }
}
/** The same bits, as far as values of lists go: −0 is not 0, and "no value" is sent anew. */
const isSame = (a: number, b: number): boolean => a === b && (a !== 0 || 1 / a === 1 / b);

/** Lists as loaders read them: row i is values[offsets[i] … offsets[i + 1]). */
export interface InLists {
  readonly values: Float64Array;
  readonly offsets: Uint32Array;
}
/** More values in one column of one batch than anything sends: 1 GB. */
const MOST_VALUES = 2 ** 27;
export function readLists(from: ByteReader, n: number): InLists {
  const total = from.count();
  if (total > MOST_VALUES) throw new RangeError(`${total} values in lists`);
  const values = new Float64Array(total);
  const offsets = new Uint32Array(n + 1);
  let [old, oldEnd, at] = [0, 0, 0];
  for (let row = 0; row < n; row++) {
    const start = at;
    const end = start + from.count();
    if (end > total) throw new RangeError('a list is too long');
    while (at < end) {
      const kept = from.count();
      const passed = from.count();
      const news = from.count();
      if (kept + passed > oldEnd - old || kept + news > end - at || kept + passed + news === 0)
        throw new RangeError('a list does not follow the one before');
      values.copyWithin(at, old, old + kept);
      at += kept;
      old += kept + passed;
      if (news > from.bytes.length - from.at) throw new RangeError('a list ends too early');
      readNumbers(from, news, 0, values, at);
      at += news;
    }
    offsets[row + 1] = at;
    [old, oldEnd] = [start, at];
  }
  if (at !== total) throw new RangeError('lists are incomplete');
  return { values, offsets };
}
