import type { Column, KeyInfo, ListColumn } from '../../../graph/schema/index.ts';
import { Candle } from './candle.ts';
import { DepthBook } from './depth-book.ts';
import type { LevelRange } from './encoder.ts';

// What the columns of a row say, in the order of the ports' schemas.

export const num = (columns: readonly Column[], column: number, row: number): number =>
  (columns[column] as Float64Array)[row]!;

/** Levels of a row as [px, qty, …], bids first; `at` is the column of the bids' prices. */
export function levelsOf(columns: readonly Column[], at: number, row: number): { levels: Float64Array; bids: number } {
  const list = (i: number): ListColumn => columns[at + i] as ListColumn;
  const bids = list(0).offsets[row + 1]! - list(0).offsets[row]!;
  const asks = list(2).offsets[row + 1]! - list(2).offsets[row]!;
  const levels = new Float64Array(2 * (bids + asks));
  fill(levels, 0, list(0), list(1), row, bids);
  fill(levels, bids, list(2), list(3), row, asks);
  return { levels, bids };
}
function fill(out: Float64Array, at: number, px: ListColumn, qty: ListColumn, row: number, n: number): void {
  const p = px.offsets[row]!;
  const q = qty.offsets[row]!;
  for (let i = 0; i < n; i++) {
    out[2 * (at + i)] = px.values[p + i]!;
    out[2 * (at + i) + 1] = qty.values[q + i]!;
  }
}
/** One side of a row's levels as they lie in its columns. */
export function rangeOf(columns: readonly Column[], at: number, row: number): LevelRange {
  const px = columns[at] as ListColumn;
  const qty = columns[at + 1] as ListColumn;
  return { px: px.values, qty: qty.values, from: px.offsets[row]!, to: px.offsets[row + 1]! };
}

/** Puts the snapshot of a row into a book; returns whether the book is in sync and was changed. */
export function takeSnapshot(book: DepthBook, columns: readonly Column[], row: number, us: number): boolean {
  const u = num(columns, 0, row);
  const time = num(columns, 1, row);
  const event = num(columns, 2, row);
  const { levels, bids } = levelsOf(columns, 3, row);
  const changed = book.snapshot(u, levels, bids);
  const nowMs = Math.floor(us / 1000);
  if (changed && !(book.timeMs >= time)) book.timeMs = Number.isNaN(time) ? nowMs : time;
  if (changed && !(book.eventMs >= event)) book.eventMs = Number.isNaN(event) ? nowMs : event;
  return changed;
}
/** The book as a snapshot alone shows it. */
export function bookOf(columns: readonly Column[], row: number, us: number): DepthBook {
  const book = new DepthBook();
  takeSnapshot(book, columns, row, us);
  return book;
}

/** A `kline` row. Its turnovers are doubles: they are exact to about 15 digits. */
export function klineOf(columns: readonly Column[], row: number, key: KeyInfo): Candle {
  const c = new Candle(num(columns, 0, row), num(columns, 1, row), num(columns, 3, row));
  c.high = num(columns, 4, row);
  c.low = num(columns, 5, row);
  c.close = num(columns, 6, row);
  c.volume = num(columns, 7, row);
  c.trades = num(columns, 9, row);
  c.buyVolume = num(columns, 10, row);
  const scale = key.pxScale * key.qtyScale;
  c.setQuotes(num(columns, 8, row) * scale, num(columns, 11, row) * scale);
  const first = num(columns, 12, row);
  const last = num(columns, 13, row);
  if (!Number.isNaN(first)) c.firstId = first;
  if (!Number.isNaN(last)) c.lastId = last;
  return c;
}
/** A `candle` row: one minute. */
export function candleOf(columns: readonly Column[], row: number): Candle {
  const start = num(columns, 0, row);
  const c = new Candle(start, start + 59_999, num(columns, 1, row));
  c.high = num(columns, 2, row);
  c.low = num(columns, 3, row);
  c.close = num(columns, 4, row);
  c.volume = num(columns, 5, row);
  return c;
}
