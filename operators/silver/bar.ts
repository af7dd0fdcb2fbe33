import type { Bar, Values } from '../../graph/schema/index.ts';
import type { Trade } from '../../graph/schema/market.ts';
import { exact } from './exact.ts';

export type BarValues = Values<typeof Bar>;
export type TradeValues = Readonly<Values<typeof Trade>>;

export const emptyBar = (): BarValues => ({
  start: 0,
  end: 0,
  open: 0,
  high: 0,
  low: 0,
  close: 0,
  volume: 0,
  quote: 0,
  trades: 0,
  buy_volume: 0,
  first_id: 0,
  last_id: 0,
});

/** Begins a bar with its first trade; `start` and `end` become that trade's time. */
export function startBar(bar: BarValues, t: TradeValues): void {
  bar.start = t.time_ms;
  bar.end = t.time_ms;
  bar.open = t.px;
  bar.high = t.px;
  bar.low = t.px;
  bar.close = t.px;
  bar.volume = t.qty;
  bar.quote = exact(t.px * t.qty, 'quote');
  bar.trades = 1;
  bar.buy_volume = t.side === 'buy' ? t.qty : 0;
  bar.first_id = t.id;
  bar.last_id = t.id;
}

/** Adds a trade to everything that does not depend on the order of trades. */
export function addTrade(bar: BarValues, t: TradeValues): void {
  if (t.px > bar.high) bar.high = t.px;
  if (t.px < bar.low) bar.low = t.px;
  bar.volume = exact(bar.volume + t.qty, 'volume');
  bar.quote = exact(bar.quote + exact(t.px * t.qty, 'quote'), 'quote');
  if (t.side === 'buy') bar.buy_volume += t.qty;
  bar.trades++;
}
/** The next trade in the order of the file: it makes the close. */
export function addNext(bar: BarValues, t: TradeValues): void {
  addTrade(bar, t);
  bar.close = t.px;
  bar.last_id = t.id;
  bar.end = t.time_ms;
}
/** A trade in any order: ids, which the exchange gives in its own order, say which one opens and which one closes. */
export function addById(bar: BarValues, t: TradeValues): void {
  addTrade(bar, t);
  if (t.id < bar.first_id) {
    bar.first_id = t.id;
    bar.open = t.px;
  }
  if (t.id > bar.last_id) {
    bar.last_id = t.id;
    bar.close = t.px;
  }
}
