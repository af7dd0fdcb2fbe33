import { equal, ok } from 'node:assert/strict';
import type { MarketInterface, Order } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isDated, isNear, isNumber } from './testing/stamp.ts';

const STATUSES = ['open', 'closed', 'canceled', 'expired'];

/** A plain order, however it was read. Conditional ones have ids and fields of their own: `CONDITIONAL`. */
export const orderRules = (market: MarketInterface): Rules<Order> => ({
  'it has an id and a client id': (o) => {
    ok(/^\d+$/.test(o.id ?? ''), `id ${o.id}`);
    ok(/^[.A-Z:/a-z0-9_-]{1,36}$/.test(o.clientOrderId ?? ''), `client id ${o.clientOrderId}`);
  },
  'it is of its symbol': (o) => equal(o.symbol, market.symbol),
  'time and text of the time agree': isDated,
  'its status is one of a life cycle': (o) => ok(STATUSES.includes(o.status ?? ''), `status ${o.status}`),
  'its side is buy or sell': (o) => ok(o.side === 'buy' || o.side === 'sell', `side ${o.side}`),
  'its time in force is a known one': (o) =>
    ok(['GTC', 'IOC', 'FOK', 'PO'].includes(o.timeInForce ?? ''), o.timeInForce),
  'filled and remaining make the amount': (o) => {
    isNumber(o.amount, 'amount');
    for (const name of ['filled', 'remaining'] as const) {
      isNumber(o[name], name);
      ok(o[name] >= 0 && o[name] <= o.amount, `${name} ${o[name]} of ${o.amount}`);
    }
    isNear(o.filled! + o.remaining!, o.amount, 'filled + remaining');
  },
  'an average price is there exactly when something was filled': (o) =>
    equal(o.average !== undefined && o.average > 0, o.filled! > 0, `average ${o.average}, filled ${o.filled}`),
  'its cost is average price times filled': (o) => isNear(o.cost, (o.average ?? 0) * o.filled!, 'cost', 1e-4),
  'it is closed exactly when nothing remains': (o) => equal(o.status === 'closed', o.remaining === 0),
});

/** A conditional order of the Algo service. */
export const conditionalRules = (market: MarketInterface): Rules<Order> => ({
  'it has an id of the service': (o) => {
    ok(/^\d+$/.test(o.id ?? ''), `id ${o.id}`);
    equal(String(o.info.algoId), o.id);
  },
  'it is of its symbol': (o) => equal(o.symbol, market.symbol),
  'it waits': (o) => {
    equal(o.status, 'open');
    equal(o.info.algoStatus, 'NEW');
  },
  'time and text of the time agree': isDated,
});
