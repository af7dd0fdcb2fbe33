import type { Fill } from './data.ts';
import { decimalText, parseDecimal } from './decimal.ts';

/**
 * A round trip: quantity that was opened by one order and closed by another. Matching is first in, first out per symbol;
 * partial fills of the same pair of orders are one round trip. Amounts are exact decimal texts in USDT.
 */
export interface RoundTrip {
  symbol: string;
  side: 'long' | 'short';
  qty: string;
  entry_ms: number;
  exit_ms: number;
  /** Quantity-weighted averages, for display. */
  entry_price: number;
  exit_price: number;
  /** Before fees. */
  gross: string;
  /** Fees of both ends, shared by quantity. */
  fees: string;
  net: string;
  /** Net over entry notional. */
  return: number;
  entry_reason: string;
  exit_reason: string;
}

const DIGITS = 8;
/** Prices × quantities have 16 decimals; sums are kept at that scale and never rounded. */
const WIDE = 2 * DIGITS;

interface Lot {
  order: string;
  time: number;
  long: boolean;
  price: bigint;
  left: bigint;
  /** Fee of what is left, at the wide scale. */
  fee: bigint;
  reason: string;
}
interface Open {
  /** The one that was opened after it, of any symbol. */
  next: Open | undefined;
  trip: RoundTrip;
  pair: string;
  qty: bigint;
  cost: bigint;
  proceeds: bigint;
  fees: bigint;
}

/** FIFO round trips of the fills, in order of their closing; open quantity at the end is no round trip. */
export const roundTrips = (fills: Iterable<Fill>): RoundTrip[] => [...eachRoundTrip(fills)];

/** The same one by one, each as soon as no fill can change it or one before it. */
export function* eachRoundTrip(fills: Iterable<Fill>): Generator<RoundTrip> {
  const lots = new Map<string, Lot[]>();
  const last = new Map<string, Open>();
  let first: Open | undefined;
  let newest: Open | undefined;
  let i = -1;
  for (const f of fills) {
    i++;
    const price = parseDecimal(f.price, DIGITS);
    const qty = parseDecimal(f.qty, DIGITS);
    const fee = parseDecimal(f.fee, DIGITS) * 10n ** BigInt(DIGITS);
    const order = f.order_id === '' ? `#${i}` : f.order_id;
    const book = lots.get(f.symbol) ?? [];
    lots.set(f.symbol, book);
    let left = qty;
    let feeLeft = fee;
    const buying = f.side === 'buy';
    while (left > 0n && book[0] !== undefined && book[0].long !== buying) {
      const lot = book[0];
      const q = left < lot.left ? left : lot.left;
      // Fees are shared by quantity; the last share of a fill takes what is left of it, so that nothing is lost to rounding.
      const entryFee = q === lot.left ? lot.fee : (lot.fee * q) / lot.left;
      lot.fee -= entryFee;
      const exitFee = q === left ? feeLeft : (feeLeft * q) / left;
      feeLeft -= exitFee;
      const pair = `${lot.order}\u0000${order}`;
      let open = last.get(f.symbol);
      if (open?.pair !== pair) {
        open = {
          next: undefined,
          pair,
          qty: 0n,
          cost: 0n,
          proceeds: 0n,
          fees: 0n,
          trip: {
            symbol: f.symbol,
            side: lot.long ? 'long' : 'short',
            qty: '0',
            entry_ms: lot.time,
            exit_ms: f.time_ms,
            entry_price: 0,
            exit_price: 0,
            gross: '0',
            fees: '0',
            net: '0',
            return: 0,
            entry_reason: lot.reason,
            exit_reason: f.reason,
          },
        };
        last.set(f.symbol, open);
        if (newest) newest.next = open;
        first ??= open;
        newest = open;
      }
      open.qty += q;
      open.cost += q * lot.price;
      open.proceeds += q * price;
      open.fees += entryFee + exitFee;
      open.trip.exit_ms = f.time_ms;
      lot.left -= q;
      left -= q;
      if (lot.left === 0n) book.shift();
    }
    if (left > 0n) book.push({ order, time: f.time_ms, long: buying, price, left, fee: feeLeft, reason: f.reason });
    while (first && last.get(first.trip.symbol) !== first) {
      const done = first;
      first = done.next;
      // Else one that is old holds all that came after it.
      done.next = undefined;
      yield finish(done);
    }
  }
  for (; first; first = first.next) yield finish(first);
}

function finish(o: Open): RoundTrip {
  const gross = o.trip.side === 'long' ? o.proceeds - o.cost : o.cost - o.proceeds;
  const net = gross - o.fees;
  return {
    ...o.trip,
    qty: decimalText(o.qty, DIGITS),
    entry_price: Number(o.cost) / Number(o.qty) / 10 ** DIGITS,
    exit_price: Number(o.proceeds) / Number(o.qty) / 10 ** DIGITS,
    gross: decimalText(gross, WIDE),
    fees: decimalText(o.fees, WIDE),
    net: decimalText(net, WIDE),
    return: o.cost === 0n ? 0 : Number(net) / Number(o.cost),
  };
}
