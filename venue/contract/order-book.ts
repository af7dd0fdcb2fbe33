import { equal, ok } from 'node:assert/strict';
import type { MarketInterface, OrderBook } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isMultiple, isPositive, isStamp } from './testing/stamp.ts';

type Level = readonly (number | undefined)[];
const levels = (b: OrderBook): Level[] => [...b.bids, ...b.asks];

export const bookRules = (market: MarketInterface): Rules<OrderBook> => ({
  'it has both sides': (b) => ok(b.bids.length > 0 && b.asks.length > 0),
  'bids fall strictly': (b) => sorted(b.bids, -1),
  'asks rise strictly': (b) => sorted(b.asks, 1),
  'the best bid is below the best ask': (b) =>
    ok((b.bids[0]?.[0] ?? Number.NaN) < (b.asks[0]?.[0] ?? Number.NaN), `${b.bids[0]} and ${b.asks[0]}`),
  'prices and quantities are above zero': (b) => {
    for (const [px, qty] of levels(b)) {
      isPositive(px, 'price');
      isPositive(qty, 'quantity');
    }
  },
  'prices are ticks and quantities lots': (b) => {
    for (const [px, qty] of levels(b)) {
      isMultiple(px!, market.precision.price!, 'price');
      isMultiple(qty!, market.precision.amount!, 'quantity');
    }
  },
  'it has an update id': (b) => ok(Number.isInteger(b.nonce), `nonce ${b.nonce}`),
  'it is of its symbol': (b) => equal(b.symbol, market.symbol),
});

/** What the rest of a program may keep of a book: ccxt goes on changing the one that it gave. */
export const copyOf = (b: OrderBook): OrderBook => ({
  ...b,
  bids: b.bids.map((l) => [...l] as (typeof b.bids)[number]),
  asks: b.asks.map((l) => [...l] as (typeof b.asks)[number]),
  timestamp: b.timestamp,
  datetime: b.datetime,
  nonce: b.nonce,
  symbol: b.symbol,
});

/** Of the books of a stream, in the order of their coming. */
export const BOOK_STREAM: Rules<readonly OrderBook[]> = {
  'update ids never fall': (list) => {
    for (let i = 1; i < list.length; i++)
      ok(list[i]!.nonce! >= list[i - 1]!.nonce!, `${list[i - 1]!.nonce} before ${list[i]!.nonce}`);
  },
  'update ids move on': (list) => ok(list.at(-1)!.nonce! > list[0]!.nonce!),
  'updates carry their time': (list) => isStamp(list.at(-1)!.timestamp),
};

function sorted(side: readonly Level[], sign: 1 | -1): void {
  for (let i = 1; i < side.length; i++)
    ok((side[i]![0]! - side[i - 1]![0]!) * sign > 0, `${side[i - 1]![0]} before ${side[i]![0]}`);
}
