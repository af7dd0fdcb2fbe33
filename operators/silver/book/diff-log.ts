import type { RecordView, Values, Vec } from '../../../graph/schema/index.ts';
import type { Depth } from '../../../graph/schema/market.ts';

/**
 * The last depth diffs as one flat buffer, oldest first: those not applied yet (a recording starts with diffs, the
 * snapshot comes later), and behind them some that were, so that a snapshot older than the book can still be used.
 * A diff is [size, U, u, pu, bids, asks, bid prices…, bid quantities…, ask prices…, ask quantities…].
 */
export interface DiffLog {
  data: Float64Array;
  head: number;
  tail: number;
  /** Diffs in [head, tail). */
  count: number;
  /** Offset of the first diff that was not applied. */
  next: number;
}
export const HEADER = 6;

export const createLog = (): DiffLog => ({ data: new Float64Array(4096), head: 0, tail: 0, count: 0, next: 0 });

/** Appends a diff; then forgets the oldest until at most `keep` are left. */
export function append(log: DiffLog, d: RecordView<typeof Depth> | Values<typeof Depth>, keep: number): void {
  const nb = d.bid_px.length;
  const na = d.ask_px.length;
  const size = HEADER + 2 * (nb + na);
  if (log.tail + size > log.data.length) makeRoom(log, size);
  const { data } = log;
  let o = log.tail;
  data[o] = size;
  data[o + 1] = d.first_u;
  data[o + 2] = d.u;
  data[o + 3] = d.pu;
  data[o + 4] = nb;
  data[o + 5] = na;
  o = copy(data, o + HEADER, d.bid_px);
  o = copy(data, o, d.bid_qty);
  o = copy(data, o, d.ask_px);
  log.tail = copy(data, o, d.ask_qty);
  log.count++;
  while (log.count > keep) {
    log.head += data[log.head]!;
    log.count--;
  }
  if (log.next < log.head) log.next = log.head;
}

/** Copied by hand: the lists are short, and a view of a buffer would be garbage per diff. */
function copy(to: Float64Array, from: number, list: Vec): number {
  const { data, start } = list;
  const n = list.end - start;
  for (let i = 0; i < n; i++) to[from + i] = data[start + i]!;
  return from + n;
}

function makeRoom(log: DiffLog, size: number): void {
  const used = log.tail - log.head;
  const from = log.data;
  if ((used + size) * 2 > from.length) log.data = new Float64Array(2 * (used + size));
  log.data.set(from.subarray(log.head, log.tail));
  log.next -= log.head;
  log.tail = used;
  log.head = 0;
}
