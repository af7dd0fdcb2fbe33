import { deepEqual, equal, ok } from 'node:assert/strict';
import type { MarketInterface, MinMax } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isPositive } from './testing/stamp.ts';

const ranges = (m: MarketInterface): [string, MinMax | undefined][] =>
  Object.entries(m.limits).map(([name, range]) => [name, range as MinMax | undefined]);

export const MARKET: Rules<MarketInterface> = {
  'its symbol is made of base and quote': (m) => {
    ok(m.symbol.startsWith(`${m.base}/${m.quote}`), m.symbol);
    equal(m.id, `${m.baseId}${m.quoteId}`);
  },
  'it is active': (m) => equal(m.active, true),
  'it is of exactly one kind': (m) => equal([m.spot, m.swap, m.future, m.option].filter((k) => k === true).length, 1),
  'tick and lot are above zero': (m) => {
    isPositive(m.precision.price, 'tick');
    isPositive(m.precision.amount, 'lot');
  },
  'no limit has its least above its most': (m) => {
    for (const [name, r] of ranges(m))
      ok(r?.min === undefined || r.max === undefined || r.max >= r.min, `${m.symbol} ${name}: ${r?.min} to ${r?.max}`);
  },
  'the least amount and price are stated': (m) => {
    isPositive(m.limits.amount?.min, 'least amount');
    isPositive(m.limits.price?.min, 'least price');
  },
  'the least cost is stated': (m) => isPositive(m.limits.cost?.min, 'least cost'),
  'market orders have a range of amounts': (m) => {
    isPositive(m.limits.market?.max, 'most of a market order');
    ok((m.limits.market?.max ?? 0) <= (m.limits.amount?.max ?? 0), 'market orders may be larger than limit orders');
  },
  'fees are rates below one per cent': (m) => {
    for (const rate of [m.maker, m.taker]) ok(rate !== undefined && Math.abs(rate) < 0.01, `rate ${rate}`);
  },
  'limit and market orders may be sent': (m) => {
    const types = m.info.orderTypes as string[];
    for (const type of ['LIMIT', 'MARKET']) ok(types.includes(type), type);
  },
};

export const SPOT_MARKET: Rules<MarketInterface> = {
  ...MARKET,
  'it is no contract': (m) => {
    equal(m.spot, true);
    equal(m.contract, false);
    deepEqual([m.settle, m.contractSize, m.linear, m.inverse], [undefined, undefined, undefined, undefined]);
  },
};

export const LINEAR_MARKET: Rules<MarketInterface> = {
  ...MARKET,
  'it is a perpetual that is settled in its quote': (m) => {
    equal(m.swap, true);
    equal(m.contract, true);
    equal(m.settle, m.quote);
    equal(m.expiry, undefined);
  },
  'it is linear and not inverse': (m) => {
    equal(m.linear, true);
    equal(m.inverse, false);
    equal(m.subType, 'linear');
  },
  'its contract has a size': (m) => isPositive(m.contractSize, 'contract size'),
  'it says since when it is traded': (m) => isPositive(m.created, 'created'),
};
