import { describe, expect, it } from 'vitest';
import { Scenario } from './testing.ts';

const book = (s: Scenario): Scenario =>
  s.book(
    [
      [60000, 10],
      [59990, 10],
    ],
    [
      [60001, 10],
      [60010, 10],
    ],
  );
const start = (rules = {}, deposit = 10_000): Scenario => book(new Scenario(rules, deposit)).mark(60000);
const code = (s: Scenario, id: string): string => s.reports(id).at(-1)!;

describe('refusals of USD-M', () => {
  const rules = {
    instruments: {
      'usdm:BTCUSDT': { tick: 0.5, step: 0.002, min_qty: 0.004, max_qty: 5, min_px: 100, max_px: 200_000 },
    },
  };
  const cases: [string, (s: Scenario) => unknown, number][] = [
    ['a quantity of zero', (s) => s.limit('x', 'buy', 60000, 0), -4003],
    ['a quantity below the minimum', (s) => s.limit('x', 'buy', 60000, 0.002), -4004],
    ['a quantity above the maximum', (s) => s.limit('x', 'buy', 60000, 5.002), -4005],
    ['a quantity off the lot', (s) => s.limit('x', 'buy', 60000, 0.005), -4023],
    ['more decimals than the instrument has', (s) => s.send({ client_id: 'x', qty: 4.5, px: 600000 }), -1111],
    ['a price off the tick', (s) => s.limit('x', 'buy', 60000.2, 0.004), -4014],
    ['a price of zero', (s) => s.limit('x', 'buy', 0, 0.004), -4001],
    ['a price below the minimum', (s) => s.limit('x', 'buy', 99, 0.004), -4013],
    ['a price above the maximum', (s) => s.limit('x', 'sell', 200_001, 0.004), -4002],
    ['a limit without a price', (s) => s.send({ client_id: 'x', qty: 4 }), -1102],
    ['a buy limit too far above the mark', (s) => s.limit('x', 'buy', 63000.5, 0.004), -4016],
    ['a sell limit too far below the mark', (s) => s.limit('x', 'sell', 56999.5, 0.004), -4024],
    ['a client id with a space', (s) => s.limit('x y', 'buy', 60000, 0.004), -4015],
    ['a stop without a trigger', (s) => s.send({ client_id: 'x', type: 'stop_market', qty: 4 }), -1102],
    ['a stop off the tick', (s) => s.stop('x', 'sell', 59000.2, { qty: 4 }), -4014],
    ['a reduce-only order without a position', (s) => s.go('x', 'sell', 0.004, { reduce_only: true }), -2022],
    ['a close-position stop without a position or orders', (s) => s.stop('x', 'sell', 59000), -4509],
    [
      'a close-position stop with a quantity',
      (s) => s.stop('x', 'sell', 59000, { qty: 4, close_position: true }),
      -4137,
    ],
    ['a market order that asks to close the position', (s) => s.go('x', 'sell', 0, { close_position: true }), -4136],
    [
      'a close-position stop that is reduce-only too',
      (s) => s.go('in', 'buy', 0.004).stop('x', 'sell', 59000, { reduce_only: true }),
      -1106,
    ],
  ];
  it.each(cases)('answers %s with its code', (_name, act, want) => {
    const s = start(rules);
    act(s);
    expect(s.raw().at(-1)).toMatchObject({ exec: 'rejected', status: 'rejected', code: want, order_id: 0 });
    expect(s.market.buys.length + s.market.sells.length + s.market.stops.length).toBe(0);
  });
  it('takes a client order id again only when the first order is no longer open', () => {
    const s = start().limit('a', 'buy', 59000, 0.01).limit('a', 'sell', 61000, 0.01);
    expect(code(s, 'a')).toBe('rejected -4116');
    s.cancel('a').limit('a', 'sell', 61000, 0.01);
    expect(code(s, 'a')).toBe('new');
  });
  it('holds the minimum notional, from mark for market orders, except for reduce-only', () => {
    const s = start(); // BTCUSDT: 100 USDT
    expect(code(s.limit('a', 'buy', 59000, 0.001), 'a')).toBe('rejected -4164');
    expect(code(s.go('b', 'buy', 0.001), 'b')).toBe('rejected -4164');
    expect(code(s.go('c', 'buy', 0.002), 'c')).toBe('trade filled 0.002@60001');
    expect(code(s.go('d', 'sell', 0.001, { reduce_only: true }), 'd')).toBe('trade filled 0.001@60000');
  });
  it('refuses what the margin does not carry, and counts what open orders reserve', () => {
    // 100 USDT at 20×: 0.033 BTC at 60000 need 99 + 0.99 fee; 0.034 need 102.
    const s = start({}, 100);
    expect(code(s.limit('a', 'buy', 60000, 0.034), 'a')).toBe('rejected -2019');
    expect(code(s.limit('b', 'buy', 60000, 0.033), 'b')).toBe('new');
    expect(code(s.limit('c', 'buy', 50000, 0.002), 'c')).toBe('rejected -2019');
    // The other side adds no risk until it is larger.
    expect(code(s.limit('d', 'sell', 60010, 0.02), 'd')).toBe('new');
    s.cancel('b').cancel('d');
    expect(code(s.go('e', 'buy', 0.032), 'e')).toBe('trade filled 0.032@60001');
    expect(s.position()).toMatchObject({ qty: 32, isolated_wallet: 96.0016e8 });
    // Closing needs no margin; turning over needs it for the excess.
    expect(code(s.go('f', 'sell', 0.09), 'f')).toBe('rejected -2019');
    expect(code(s.go('g', 'sell', 0.032), 'g')).toBe('trade filled 0.032@60000');
  });
  it('adds the open loss of a buy above the mark to its cost', () => {
    const s = start({}, 100);
    // 0.03 × (61000 − 60000) = 30 USDT of open loss on 91.5 of margin.
    expect(code(s.limit('a', 'buy', 61000, 0.03, { tif: 'gtx' }), 'a')).toBe('rejected -2019');
  });
  it('caps the position by the leverage', () => {
    const s = start({ leverage: 100 }, 1e6);
    expect(code(s.limit('a', 'buy', 59000, 20), 'a')).toBe('rejected -2027'); // 1.18 M > 800 k
    expect(code(s.limit('b', 'buy', 59000, 10), 'b')).toBe('new');
    expect(code(s.limit('c', 'buy', 59000, 5), 'c')).toBe('rejected -2027');
  });
  it('refuses orders beyond the limits of open orders', () => {
    const s = start({ maxOrders: 2, maxStops: 1 }).limit('a', 'buy', 59000, 0.01).limit('b', 'buy', 59000, 0.01);
    expect(code(s.limit('c', 'buy', 59000, 0.01), 'c')).toBe('rejected -1025');
    s.stop('d', 'buy', 61000, { qty: 10 });
    expect(code(s.stop('e', 'buy', 61000, { qty: 10 }), 'e')).toBe('rejected -4045');
  });
});

describe('reduce-only orders', () => {
  it('execute at most the position, and the rest expires', () => {
    const s = start().go('a', 'buy', 0.01).go('b', 'sell', 0.03, { reduce_only: true });
    expect(s.reports('b')).toEqual(['new', 'trade partially_filled 0.01@60000', 'expired']);
    expect(s.position().qty).toBe(0);
  });
  it('expire with the position they would have closed', () => {
    const s = start()
      .go('a', 'buy', 0.01)
      .limit('b', 'sell', 60020, 0.01, { reduce_only: true })
      .stop('c', 'sell', 59000);
    s.go('d', 'sell', 0.01);
    expect([code(s, 'b'), code(s, 'c')]).toEqual(['expired', 'expired']);
    expect(s.market.sells.length + s.market.stops.length).toBe(0);
  });
});

describe('conditional orders', () => {
  it('close the position when the last price reaches the trigger [S4.9]', () => {
    const s = start().trade('buy', 60001, 1).go('a', 'buy', 0.01).stop('s', 'sell', 59995);
    s.trade('sell', 59996, 1);
    expect(s.reports('s')).toEqual(['new']);
    s.trade('sell', 59995, 1);
    expect(s.reports('s')).toEqual(['new', 'triggered', 'trade filled 0.01@60000']);
    expect(s.raw('s').at(-1)).toMatchObject({ type: 'stop_market', maker: false, realized_pnl: -0.01e8 });
  });
  it('work on the mark price when they say so', () => {
    const s = start().go('a', 'sell', 0.01).stop('s', 'buy', 60050, { working: 'mark' });
    s.trade('buy', 60100, 1).mark(60049);
    expect(s.reports('s')).toEqual(['new']);
    expect(s.mark(60050).reports('s')).toEqual(['new', 'triggered', 'trade filled 0.01@60001']);
  });
  it('take profit on the other side', () => {
    const s = start().go('a', 'buy', 0.01);
    s.stop('t', 'sell', 60500, { type: 'take_profit_market' }).trade('buy', 60499, 1);
    expect(s.reports('t')).toEqual(['new']);
    expect(s.trade('buy', 60500, 1).reports('t')).toEqual(['new', 'triggered', 'trade filled 0.01@60000']);
  });
  it('are refused when they would trigger at once', () => {
    const s = start().trade('buy', 60001, 1).go('a', 'buy', 0.01);
    expect(code(s.stop('s', 'sell', 60001), 's')).toBe('rejected -2021');
    expect(code(s.stop('t', 'sell', 60001, { type: 'take_profit_market' }), 't')).toBe('rejected -2021');
    expect(code(s.stop('m', 'sell', 60000, { working: 'mark' }), 'm')).toBe('rejected -2021');
    expect(code(s.stop('b', 'buy', 60001, { qty: 10 }), 'b')).toBe('rejected -2021');
  });
  it('need no margin before the trigger and are refused by it then', () => {
    const s = start({}, 100).trade('buy', 60001, 1).stop('s', 'buy', 60500, { qty: 500 });
    expect(s.reports('s')).toEqual(['new']);
    expect(s.trade('buy', 60500, 1).reports('s')).toEqual(['new', 'triggered', 'rejected -2019']);
    s.stop('r', 'sell', 60000, { qty: 500, reduce_only: true }).trade('sell', 60000, 1);
    expect(s.reports('r')).toEqual(['new', 'triggered', 'rejected -2022']);
  });
});
