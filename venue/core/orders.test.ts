import { describe, expect, it } from 'vitest';
import { expireDue } from './place.ts';
import type { Command } from './state.ts';
import { Scenario } from './testing.ts';

const BIDS = [
  [60000, 1],
  [59999, 2],
] as const;
const ASKS = [
  [60001, 1],
  [60002, 2],
] as const;
const start = (rules = {}): Scenario => new Scenario({ algo: true, ...rules }, 1_000_000).book(BIDS, ASKS).mark(60000);
const PX = 10;
const QTY = 1000;

describe('self-trade prevention', () => {
  const both = (stp: Command['stp']): Scenario =>
    start().limit('rest', 'sell', 60000.5, 0.5, { stp: 'expire_maker' }).limit('take', 'buy', 60001, 1, { stp });
  it('ends the resting order and lets the other go on (EXPIRE_MAKER)', () => {
    const s = both('expire_maker');
    expect(s.reports('rest')).toEqual(['new', 'expired']);
    expect(s.raw('rest').at(-1)).toMatchObject({ status: 'expired_in_match', cum_qty: 0 });
    expect(s.reports('take')).toEqual(['new', 'trade filled 1@60001']);
  });
  it('ends the order that comes (EXPIRE_TAKER), or both (EXPIRE_BOTH)', () => {
    const s = both('expire_taker');
    expect(s.reports('rest')).toEqual(['new']);
    expect(s.raw('take').at(-1)).toMatchObject({ exec: 'expired', status: 'expired_in_match' });
    const t = both('expire_both');
    expect([t.reports('rest').at(-1), t.reports('take').at(-1)]).toEqual(['expired', 'expired']);
    expect(t.market.sells).toEqual([]);
  });
  it('lets own orders trade with one another (NONE): one maker, one taker, no position', () => {
    const s = both('none');
    expect(s.reports('rest')).toEqual(['new', 'trade filled 0.5@60000.5']);
    expect(s.raw('rest').at(-1)!.maker).toBe(true);
    expect(s.reports('take')).toEqual(['new', 'trade partially_filled 0.5@60000.5', 'trade filled 0.5@60001']);
    expect(s.market.position.qty).toBe(500);
  });
  it('comes into play only after better prices and what stands ahead at the own price', () => {
    const s = start().limit('rest', 'sell', 60002, 0.5, { stp: 'expire_maker' }); // 2 ahead
    s.limit('a', 'buy', 60002, 3, { stp: 'expire_maker' });
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 1@60001', 'trade filled 2@60002']);
    expect(s.reports('rest')).toEqual(['new']);
    s.limit('b', 'buy', 60002, 0.1, { stp: 'expire_maker' });
    expect(s.reports('rest')).toEqual(['new', 'expired']);
    expect(s.reports('b')).toEqual(['new']);
  });
  it('refuses a post-only order that would meet an own one', () => {
    const s = start()
      .limit('rest', 'sell', 60000.5, 0.5, { stp: 'expire_maker' })
      .limit('b', 'buy', 60000.5, 1, { stp: 'expire_maker', tif: 'gtx' });
    expect(s.reports('b')).toEqual(['rejected -5022']);
  });
});

describe('an amendment', () => {
  const amend = (s: Scenario, id: string, side: 'buy' | 'sell', px: number, qty: number): Scenario =>
    s.send({ action: 'amend', client_id: id, side, px: Math.round(px * PX), qty: Math.round(qty * QTY) });
  it('changes price and quantity and loses the place in the queue', () => {
    const s = start().limit('a', 'buy', 60000, 0.5).trade('sell', 60000, 0.4);
    expect(s.market.buys[0]!.ahead).toBe(600);
    amend(s, 'a', 'buy', 60000, 0.6);
    expect(s.market.buys[0]).toMatchObject({ ahead: 1000, qty: 600, amendments: 1 });
    amend(s, 'a', 'buy', 60001, 0.6);
    expect(s.reports('a')).toEqual(['new', 'amended', 'amended', 'trade filled 0.6@60001']);
  });
  it('that changes nothing is refused with −5027, beyond 10,000 with −5026, of an unknown order with −2013', () => {
    const s = start().limit('a', 'buy', 60000, 0.5);
    amend(s, 'a', 'buy', 60000, 0.5);
    s.market.buys[0]!.amendments = 10_000;
    amend(s, 'a', 'buy', 60000, 0.6);
    amend(s, 'x', 'buy', 60000, 0.6);
    expect(s.reports().filter((r) => r.startsWith('rejected'))).toEqual([
      'rejected -5027',
      'rejected -5026',
      'rejected -2013',
    ]);
  });
  it('keeps to margin, filters and the price bound', () => {
    const s = new Scenario({ algo: true }, 100).book(BIDS, ASKS).mark(60000).limit('a', 'buy', 59000, 0.02);
    amend(s, 'a', 'buy', 59000, 0.1);
    amend(s, 'a', 'buy', 50000.05, 0.02);
    amend(s, 'a', 'buy', 64000, 0.02);
    expect(s.reports('a').filter((r) => r.startsWith('rejected'))).toEqual(['rejected -2019', 'rejected -4016']);
    expect(s.market.buys[0]).toMatchObject({ qty: 20, px: 500_001 });
  });
  it('cancels an order that has executed as much, or that is post-only and would take', () => {
    const s = start().limit('a', 'buy', 60000.5, 0.5).trade('sell', 60000.5, 0.2);
    amend(s, 'a', 'buy', 60000.5, 0.2);
    expect(s.reports('a').at(-1)).toBe('canceled');
    s.limit('b', 'buy', 60000, 0.5, { tif: 'gtx' });
    amend(s, 'b', 'buy', 60001, 0.5);
    expect(s.reports('b').at(-1)).toBe('canceled');
  });
});

describe('conditional orders of the Algo service', () => {
  const stop = (s: Scenario, id: string, more: Partial<Command>): Scenario =>
    s.send({ client_id: id, side: 'sell', type: 'stop_market', qty: 500, stop_px: 599_900, ...more });
  it('have their own ids, and an order id once they are triggered', () => {
    const s = stop(start().go('a', 'buy', 0.5), 's', {}).trade('sell', 59990, 0.1);
    expect(s.raw('s').map((r) => [r.exec, r.algo_id, r.order_id, r.type])).toEqual([
      ['new', 1, 0, 'stop_market'],
      ['triggered', 1, 2, 'stop_market'],
      ['new', 1, 2, 'market'],
      ['trade', 1, 2, 'market'],
    ]);
    expect(s.market.stops).toEqual([]);
  });
  it('with a limit price take up to it and rest at it', () => {
    const s = stop(start(), 's', { type: 'stop', side: 'buy', stop_px: 600_100, px: 600_010, qty: 1500 });
    s.trade('buy', 60010, 0.1);
    expect(s.reports('s')).toEqual(['new', 'triggered', 'new', 'trade partially_filled 1@60001']);
    expect(s.market.buys).toMatchObject([{ clientId: 's', px: 600_010, cum: 1000, type: 'limit' }]);
  });
  it('that have nothing left to reduce are refused at the trigger, not at the placement', () => {
    const s = stop(start(), 's', { reduce_only: true }).trade('sell', 59990, 0.1);
    expect(s.reports('s')).toEqual(['new', 'triggered', 'rejected -2022']);
    const t = stop(new Scenario({ algo: true }, 100).book(BIDS, ASKS).mark(60000), 's', {}).trade('sell', 59990, 0.1);
    expect(t.reports('s')).toEqual(['new', 'triggered', 'rejected -2019']);
  });
  it('with price protection wait while last and mark price are apart', () => {
    const s = stop(start({ triggerProtect: 1_000_000 }), 's', { protect: true, stop_px: 590_000 });
    s.trade('sell', 58990, 0.1);
    expect(s.reports('s')).toEqual(['new']);
    s.mark(59100).trade('sell', 58990, 0.1);
    expect(s.reports('s').slice(0, 3)).toEqual(['new', 'triggered', 'new']);
  });
  it('trail the best price since their activation by the callback rate', () => {
    const trailing = { type: 'trailing_stop_market', callback: 1_000_000, activation_px: 605_000 } as const;
    const s = stop(start().go('a', 'buy', 0.5), 't', { ...trailing, stop_px: Number.NaN });
    s.trade('sell', 59000, 0.1).trade('buy', 60500, 0.1).trade('buy', 61000, 0.1).trade('buy', 60391, 0.1);
    expect(s.reports('t')).toEqual(['new']);
    s.trade('sell', 60390, 0.1); // 61000 less 1 %
    expect(s.reports('t').slice(0, 3)).toEqual(['new', 'triggered', 'new']);
    stop(s, 'u', { ...trailing, callback: 50_000, stop_px: Number.NaN });
    expect(s.reports('u')).toEqual(['rejected -2007']);
  });
  it('are cancelled apart from plain orders', () => {
    const s = stop(start().limit('a', 'buy', 59000, 0.5), 'a', {});
    s.send({ action: 'cancel_all', client_id: '' });
    expect(s.raw('a').map((r) => [r.exec, r.algo_id])).toEqual([
      ['new', 0],
      ['new', 1],
      ['canceled', 0],
    ]);
    s.send({ action: 'cancel', client_id: 'a', type: 'stop_market' });
    expect(s.raw('a').at(-1)).toMatchObject({ exec: 'canceled', algo_id: 1 });
  });
});

describe('orders with an end', () => {
  it('expire at their time (GTD)', () => {
    const s = start();
    const until = s.now / 1000 + 600_000;
    s.limit('a', 'buy', 59000, 0.5, { tif: 'gtd', good_till_ms: until });
    s.limit('b', 'buy', 59000, 0.5, { tif: 'gtd', good_till_ms: until + 5 });
    expect(s.exchange.goodTillMs).toBe(until);
    expireDue(s.exchange, until - 1);
    expect(s.market.buys.length).toBe(2);
    expireDue(s.exchange, until);
    s.wait(700_000_000);
    expect(s.raw('a').at(-1)).toMatchObject({ exec: 'expired', time_ms: until });
    expect(s.exchange.goodTillMs).toBe(until + 5);
  });
});

describe('a market order', () => {
  it('whose best counterparty is too far from the mark is refused with −4131', () => {
    const s = start()
      .book([[50000, 1]], [[60001, 1]])
      .go('a', 'sell', 0.1);
    expect(s.reports('a')).toEqual(['rejected -4131']);
  });
});
