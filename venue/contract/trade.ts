import { equal, ok } from 'node:assert/strict';
import type { MarketInterface, Trade } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isDated, isMultiple, isNear, isNumber, isPositive } from './testing/stamp.ts';

/** A trade of the market. */
export const tradeRules = (market: MarketInterface): Rules<Trade> => ({
  'time and text of the time agree': isDated,
  'it has an id': (t) => ok(/^\d+$/.test(t.id ?? ''), `id ${t.id}`),
  'it is of its symbol': (t) => equal(t.symbol, market.symbol),
  'price and amount are above zero': (t) => {
    isPositive(t.price, 'price');
    isPositive(t.amount, 'amount');
  },
  'the price is a tick and the amount a lot': (t) => {
    isMultiple(t.price!, market.precision.price!, 'price');
    isMultiple(t.amount!, market.precision.amount!, 'amount');
  },
  'its cost is price times amount': (t) => isNear(t.cost, t.price! * t.amount!, 'cost'),
  'its side is buy or sell': (t) => ok(t.side === 'buy' || t.side === 'sell', `side ${t.side}`),
});

/** A trade of the account's own. */
export const fillRules = (market: MarketInterface): Rules<Trade> => ({
  ...tradeRules(market),
  'it says whether it made or took': (t) => ok(t.takerOrMaker === 'maker' || t.takerOrMaker === 'taker'),
  'it names its order': (t) => ok(/^\d+$/.test(t.order ?? ''), `order ${t.order}`),
  'its fee has cost and currency': (t) => {
    isNumber(t.fee?.cost, 'fee');
    ok(t.fee?.currency, 'no currency of the fee');
  },
});

/** In the order of their coming. */
export const TRADE_STREAM: Rules<readonly Trade[]> = {
  'ids rise strictly: none twice, none out of turn': (list) => {
    for (let i = 1; i < list.length; i++)
      ok(Number(list[i]!.id) > Number(list[i - 1]!.id), `${list[i - 1]!.id} before ${list[i]!.id}`);
  },
  'times never fall': (list) => {
    for (let i = 1; i < list.length; i++) ok(list[i]!.timestamp! >= list[i - 1]!.timestamp!);
  },
};
