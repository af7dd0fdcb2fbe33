import type { Accounting } from '../accounting.ts';
import { mulDiv } from '../money.ts';
import { type Exchange, isDone, type Market, type Order } from '../state.ts';
import { assertAssets, move } from './assets.ts';
import { giveAsset, needOf, release } from './funds.ts';
import { afterEnd, afterFill, beforeFill } from './lists.ts';
import { baseOf, quoteOf } from './money.ts';
import { HISTORY, type PreventedMatch, type SpotExchange, type SpotMarket, type SpotOrder } from './state.ts';
import { tellExecution } from './tell.ts';

const RATE = 1e8;

/**
 * Spot: balances by asset. An order locks what it gives; a trade moves base against quote and the fee is taken from the
 * asset received, so that a buyer gets less than was ordered. Orders of a Spot account are `SpotOrder`s and enter through
 * spot/place.ts, which has Spot's own rules and errors; of the shared matching they use the book, queues, fills and
 * self-trade prevention. The steps of the shared command path (`validate`, `accept`, …) are therefore refused here.
 */
export const spotAccounting: Accounting = {
  validate: () => 'conditional',
  check: () => undefined,
  accept() {},
  trigger: () => true,
  amend: () => 'unknownOrder',
  openQty: (_m, o) => o.qty - o.cum,
  book,
  end,
  refresh: (x) => assertAssets((x as SpotExchange).assets),
};

/** Moves the money of one trade: what is given from the lock first, then from what is free. */
function book(xx: Exchange, mm: Market, oo: Order, px: number, qty: number, maker: boolean, now: number): void {
  const [x, m, o] = [xx as SpotExchange, mm as SpotMarket, oo as SpotOrder];
  const { assets } = x;
  beforeFill(x, m, o, now);
  const [base, quote] = [baseOf(m, qty), quoteOf(m, px, qty)];
  const buys = o.side > 0;
  const [given, got] = buys ? [quote, base] : [base, quote];
  const give = giveAsset(m, o.side);
  const get = buys ? m.base : m.quote;
  const fromLock = Math.min(o.locked, given);
  move(assets, give, 'locked', 'outside', fromLock);
  move(assets, give, 'free', 'outside', given - fromLock);
  o.locked -= fromLock;
  const needs = isDone(o) ? 0 : needOf(m, o, o.qty - o.cum);
  if (o.locked > needs) {
    move(assets, give, 'locked', 'free', o.locked - needs);
    o.locked = needs;
  }
  const fee = mulDiv(got, maker ? x.rules.maker : x.rules.taker, RATE);
  move(assets, get, 'outside', 'free', got - fee);
  move(assets, get, 'outside', 'fees', fee);
  o.cumMoney += quote;
  const trade = {
    id: m.nextTradeId++,
    orderId: o.orderId,
    list: o.list,
    px,
    qty,
    quote,
    fee,
    buyer: buys,
    maker,
    timeMs: Math.floor(now / 1000),
  };
  m.trades.push(trade);
  if (m.trades.length > 2 * HISTORY) m.trades.splice(0, HISTORY);
  tellExecution(x, m, o, 'TRADE', now, { trade });
  afterFill(x, m, o, now);
}

/** What matching ends by itself: an order that self-trade prevention took. Other ends: spot/finish.ts. */
function end(xx: Exchange, mm: Market, oo: Order): void {
  const [x, m, o] = [xx as SpotExchange, mm as SpotMarket, oo as SpotOrder];
  release(x, m, o);
  if (o.status !== 'expired_in_match') return;
  preventMatch(x, m, o);
  afterEnd(x, m, o, x.now);
}

function preventMatch(x: SpotExchange, m: SpotMarket, o: SpotOrder): void {
  const { taker } = x;
  if (!taker) return;
  const mode = taker.request.stp;
  const last = m.prevented.at(-1);
  // EXPIRE_BOTH ends the resting order first: the taker's end belongs to the same match.
  const match =
    o === taker && mode === 'EXPIRE_BOTH' && last ? last : newMatch(x, m, taker, o === taker ? metBy(m, o) : o);
  o.prevented = o.qty - o.cum;
  o.preventedMatchId = match.id;
  const counterId = o === taker ? match.makerOrderId : taker.orderId;
  tellExecution(x, m, o, 'TRADE_PREVENTION', x.now, { counterId, price: match.px });
}
function newMatch(x: SpotExchange, m: SpotMarket, taker: SpotOrder, own: SpotOrder | undefined): PreventedMatch {
  const match = {
    id: (m.prevented.at(-1)?.id ?? 0) + 1,
    takerOrderId: taker.orderId,
    makerOrderId: own?.orderId ?? 0,
    mode: taker.request.stp,
    px: own?.px ?? taker.px,
    makerQty: own ? own.qty - own.cum : 0,
    timeMs: Math.floor(x.now / 1000),
  };
  m.prevented.push(match);
  if (m.prevented.length > 2 * HISTORY) m.prevented.splice(0, HISTORY);
  return match;
}
/** The own resting order that a taker stands before: the best of the other side. */
function metBy(m: SpotMarket, taker: SpotOrder): SpotOrder | undefined {
  const list = taker.side > 0 ? m.sells : m.buys;
  return list.find((o) => !isDone(o)) as SpotOrder | undefined;
}
