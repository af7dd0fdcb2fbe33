import { equal, ok } from 'node:assert/strict';
import type { LastPrice, Ticker } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isDated, isNear, isNumber, isPositive } from './testing/stamp.ts';

/** Of 24 hours, from REST or a stream. */
export const TICKER: Rules<Ticker> = {
  'time and text of the time agree': isDated,
  'last, open, high and low are above zero': (t) => {
    for (const name of ['last', 'open', 'high', 'low'] as const) isPositive(t[name], name);
  },
  'last and close are one': (t) => equal(t.close, t.last),
  'the range holds open and last': (t) => {
    ok(t.high! >= Math.max(t.open!, t.last!), `high ${t.high}, open ${t.open}, last ${t.last}`);
    ok(t.low! <= Math.min(t.open!, t.last!), `low ${t.low}, open ${t.open}, last ${t.last}`);
  },
  'the change is last less open': (t) => isNear(t.change, t.last! - t.open!, 'change', 1e-8),
  'volumes are not below zero': (t) => {
    isNumber(t.baseVolume, 'base volume');
    isNumber(t.quoteVolume, 'quote volume');
    ok(t.baseVolume >= 0 && t.quoteVolume >= 0);
  },
  'the average price of the volume lies in the range': (t) => {
    if (t.vwap === undefined) return;
    ok(t.vwap >= t.low! * 0.999999 && t.vwap <= t.high! * 1.000001, `vwap ${t.vwap}, ${t.low} to ${t.high}`);
  },
};

export const BEST: Rules<Ticker> = {
  'bid and ask are above zero': (t) => {
    isPositive(t.bid, 'bid');
    isPositive(t.ask, 'ask');
  },
  'the bid is below the ask': (t) => ok(t.bid! < t.ask!, `${t.bid} and ${t.ask}`),
  'both have a quantity': (t) => {
    isPositive(t.bidVolume, 'bid volume');
    isPositive(t.askVolume, 'ask volume');
  },
};

export const LAST_PRICE: Rules<LastPrice> = {
  'the price is above zero': (p) => isPositive(p.price, 'price'),
};
