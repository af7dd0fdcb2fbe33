import { equal, ok } from 'node:assert/strict';
import type { OHLCV } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isNumber, isStamp } from './testing/stamp.ts';

/** Candles of one list, oldest first. `minutes`: length of a candle. */
export const ohlcvRules = (minutes: number): Rules<readonly OHLCV[]> => ({
  'there are candles': (list) => ok(list.length > 0),
  'each opens on its interval': (list) => {
    for (const [t] of list) {
      isStamp(t);
      equal(t % (minutes * 60_000), 0, `${t}`);
    }
  },
  'they follow each other without a hole': (list) => {
    for (let i = 1; i < list.length; i++) equal(list[i]![0]! - list[i - 1]![0]!, minutes * 60_000);
  },
  'high and low hold open and close': (list) => {
    for (const [, o, h, l, c] of list) {
      for (const v of [o, h, l, c]) isNumber(v, 'price');
      ok(h! >= Math.max(o!, c!) && l! <= Math.min(o!, c!), `${o} ${h} ${l} ${c}`);
    }
  },
  'no volume is below zero': (list) => {
    for (const [, , , , , v] of list) ok((v ?? 0) >= 0);
  },
});
