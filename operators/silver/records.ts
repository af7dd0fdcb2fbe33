import { bool, int, ms, px, qty, record, text } from '../../graph/schema/index.ts';

const level = (side: string, n: number) => ({
  px: px({ nullable: true, doc: `${side}, level ${n} from the best; no value when the book is shorter` }),
  qty: qty({ nullable: true }),
});
const b = [1, 2, 3, 4, 5].map((n) => level('bid', n));
const a = [1, 2, 3, 4, 5].map((n) => level('ask', n));

/** Five levels each side, and what stands within 10 bp of mid. */
export const BookDepth = record('book_depth', 1, {
  u: int({ doc: 'update id of the applied diff' }),
  bid1_px: b[0]!.px,
  bid1_qty: b[0]!.qty,
  bid2_px: b[1]!.px,
  bid2_qty: b[1]!.qty,
  bid3_px: b[2]!.px,
  bid3_qty: b[2]!.qty,
  bid4_px: b[3]!.px,
  bid4_qty: b[3]!.qty,
  bid5_px: b[4]!.px,
  bid5_qty: b[4]!.qty,
  ask1_px: a[0]!.px,
  ask1_qty: a[0]!.qty,
  ask2_px: a[1]!.px,
  ask2_qty: a[1]!.qty,
  ask3_px: a[2]!.px,
  ask3_qty: a[2]!.qty,
  ask4_px: a[3]!.px,
  ask4_qty: a[3]!.qty,
  ask5_px: a[4]!.px,
  ask5_qty: a[4]!.qty,
  bid_10bp_qty: qty({ doc: 'sum of bid quantities within 10 bp of mid = (bid + ask) / 2, bounds included' }),
  ask_10bp_qty: qty({ doc: 'sum of ask quantities within 10 bp of mid, bounds included' }),
});

/** One comparison of a book ticker with the rebuilt book right after the diff of the same update id. */
export const BookCheck = record('book_check', 1, {
  u: int(),
  equal: bool('best bid and ask agree in price and size'),
});

/** One comparison of a kline update with the bar of the trades that it says it holds. */
export const KlineCheck = record('kline_check', 1, {
  start: ms({ doc: 'first millisecond of the minute' }),
  last_id: int({ doc: 'last trade id of the kline' }),
  closed: bool('the minute was over'),
  whole: bool('the last trade ends a trade or aggregate; otherwise volumes are compared with the bounds around it'),
  equal: bool('prices, volumes and count agree'),
  differs: text('names of the fields that differ, in the order of a bar'),
});

/** A bar of candles: no ids, no taker side. Times in ms, `end` exclusive. */
export const CandleBar = record('candle_bar', 1, {
  start: ms(),
  end: ms(),
  open: px(),
  high: px(),
  low: px(),
  close: px(),
  volume: qty(),
  candles: int({ doc: 'candles in the bar; fewer than its width holds when some are missing' }),
});
