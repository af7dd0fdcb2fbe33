import { describe, expect, it } from 'vitest';
import { decode, encode } from '../graph/codec/index.ts';
import { Vec } from '../graph/schema/index.ts';
import { Drive } from '../graph/testing/drive.ts';
import { usdm } from './usdm.ts';

const T = 1_700_000_000_000_000;
const vec = (...x: number[]): Vec => new Vec(Float64Array.from(x));
const order = (client_id: string, more: object = {}): Record<string, unknown> => ({
  action: 'place',
  client_id,
  side: 'buy',
  type: 'market',
  tif: 'gtc',
  qty: 10,
  px: Number.NaN,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: 'i',
  origin: 'entry',
  ...more,
});
const ladder = (bid: number, ask: number, u = 1): Record<string, unknown> => ({
  u,
  bid_px: vec(bid - 100, bid),
  bid_qty: vec(50, 50),
  ask_px: vec(ask + 100, ask),
  ask_qty: vec(50, 50),
});
const make = (config = {}): Drive<typeof usdm.ports.in, never> => new Drive(usdm as never, config) as never;
const short = (list: { port: string; values: Record<string, unknown> }[]): unknown[] =>
  list.map((e) => [e.port, e.values['exec'] ?? e.values['reason'] ?? e.values['qty'], e.values['key']]);

describe('venue.usdm', () => {
  it('matches an order against the book of the same cycle and answers with the key of its instrument', () => {
    const d = make();
    d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
    const said = d.send(T + 1000, { ladder: ladder(6_000_000, 6_000_200, 2), order: [order('a')] });
    expect(short(said)).toEqual([
      ['report', 'new', 0],
      ['report', 'trade', 0],
      ['account', 'order', 0],
      ['position', 10, 0],
    ]);
    expect(said[1]!.values).toMatchObject({ last_px: 6_000_200, last_qty: 10, trade_id: 1, order_id: 1 });
    expect(said[2]!.values).toMatchObject({ wallet: 10_000e8 - 0.300_01e8, isolated_wallet: 30.001e8 });
  });
  it('delays orders and reports by engine timers', () => {
    const d = make({ order_latency: '5ms', response_latency: '2ms' });
    d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
    expect(d.send(T, { order: [order('a'), order('b', { side: 'sell' })] })).toEqual([]);
    d.send(T + 1000, { order: [order('c')] });
    d.send(T + 4000, { ladder: ladder(6_000_000, 6_000_500, 2) });
    const said = d.advance(T + 10_000).filter((e) => e.port === 'report' && e.values['exec'] === 'trade');
    expect(said.map((e) => [e.now - T, e.values['client_id'], e.values['last_px']])).toEqual([
      [7000, 'a', 6_000_500],
      [7000, 'b', 6_000_000],
      [8000, 'c', 6_000_500],
    ]);
  });
  it('ignores trades that did not happen on the market', () => {
    const d = make();
    d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
    d.send(T, { order: [order('a', { type: 'limit', px: 6_000_050 })] });
    const off = { px: 5_900_000, qty: 100, side: 'sell', on_market: false };
    expect(d.send(T, { trade: [off] })).toEqual([]);
    expect(d.send(T, { trade: [{ ...off, on_market: true }] }).length).toBe(3);
  });
  it('shares one wallet between instruments', () => {
    const d = make({ balance_usdt: 100 });
    d.keys.declare('usdm:ETHUSDT', 2, 3);
    d.keys.declare('spot:BTCUSDT', 2, 3);
    const best = (bid_px: number, key: number): object => ({
      u: 1,
      bid_px,
      bid_qty: 9e6,
      ask_px: bid_px + 1,
      ask_qty: 9e6,
      key,
    });
    d.send(T, { best: [best(6_000_000, 0), best(300_000, 1), best(6_000_000, 2)] } as never);
    // 0.02 BTC takes 60 of the 100 USDT; 0.3 ETH would need 45 more.
    const said = d.send(T, {
      order: [
        order('a', { qty: 20 }),
        order('b', { qty: 300, key: 1 }),
        order('c', { qty: 200, key: 1 }),
        order('d', { key: 2 }),
      ],
    });
    expect(short(said.filter((e) => e.port === 'report'))).toEqual([
      ['report', 'new', 0],
      ['report', 'trade', 0],
      ['report', 'rejected', 1],
      ['report', 'new', 1],
      ['report', 'trade', 1],
      ['report', 'rejected', 2],
    ]);
    expect(said.filter((e) => e.values['exec'] === 'rejected').map((e) => e.values['code'])).toEqual([-2019, -1121]);
  });
  it('reports an open position at every mark price', () => {
    const d = make();
    d.send(T, { ladder: ladder(6_000_000, 6_000_000) });
    d.send(T, { order: [order('a')] });
    const mark = { mark_px: 61_000e8, rate: Number.NaN, next_funding_ms: Number.NaN, event_ms: T / 1000 };
    const [e] = d.send(T + 1, { mark: [mark] });
    // 0.01 BTC from 60000: 10 USDT of profit on 30 of margin; the fee was 0.3.
    expect(e!.values).toMatchObject({ qty: 10, entry_px: 60_000e8, mark_px: 61_000e8, unrealized_pnl: 10e8 });
    expect(e!.values).toMatchObject({ equity: 10_009.7e8, isolated_wallet: 30e8, share: 40 / 10_009.7 });
  });
  it('goes on from a copied state as from the original', () => {
    const run = (cut: number): unknown => {
      const d = make({ order_latency: '3ms', response_latency: '1ms' });
      for (let n = 0; n < 40; n++) {
        if (n === cut) d.state = decode(encode(d.state)) as typeof d.state;
        const px = 6_000_000 + ((n * 7919) % 13) * 100;
        d.send(T + n * 1000, { ladder: ladder(px, px + 100, n + 1) });
        if (n % 3 === 0) d.send(T + n * 1000, { order: [order(`o${n}`, { side: n % 2 ? 'buy' : 'sell' })] });
        if (n % 4 === 0) d.send(T + n * 1000, { order: [order(`l${n}`, { type: 'limit', px: px - 300 })] });
        d.send(T + n * 1000, { trade: [{ px: px - 200, qty: 60, side: 'sell', on_market: true }] });
      }
      d.advance(T + 1e6);
      return [d.emitted, d.state];
    };
    const straight = run(-1);
    for (const cut of [1, 7, 13, 22, 39]) expect(run(cut)).toEqual(straight);
  });
  it('points at tiers that cannot be', () => {
    const tiers = [{ floor_usdt: 1, mmr_bp: 40, max_leverage: 20 }];
    const c = usdm.config.parse({ instruments: { 'usdm:XUSDT': { tiers } } });
    expect(usdm.check!(c, { inputs: {} })).toMatchObject([
      { code: 'CHM804', path: ['instruments', 'usdm:XUSDT', 'tiers'] },
    ]);
  });
});

describe('venue.usdm, asked and doubted', () => {
  const said = (list: { port: string; values: Record<string, unknown> }[]): unknown[] =>
    list
      .filter((e) => e.port === 'report')
      .map(({ values: v }) => `${v['client_id']} ${v['exec']}/${v['status']}${v['code'] === 0 ? '' : ` ${v['code']}`}`);
  const query = (client_id: string): Record<string, unknown> =>
    order(client_id, { action: 'query', type: 'limit', qty: 0 });

  it('answers a query with how the order stands: open, traded, ended, or never seen', () => {
    const d = make();
    d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
    d.send(T, {
      order: [order('a'), order('b', { type: 'limit', px: 5_999_000 }), order('c', { type: 'limit', px: 5_999_000 })],
    });
    d.send(T + 1000, { order: [order('c', { action: 'cancel' })] });
    const answers = d.send(T + 2000, { order: ['a', 'b', 'c', 'x'].map(query) });
    expect(said(answers)).toEqual([
      'a status/filled',
      'b status/new',
      'c status/canceled',
      'x rejected/rejected -2013',
    ]);
    expect(answers[0]!.values).toMatchObject({ cum_qty: 10, last_qty: 0, trade_id: 0, order_id: 1, side: 'buy' });
  });
  it('lets a query arrive behind the orders that were sent before it, and answers behind their reports', () => {
    const d = make({ order_latency: '5ms', response_latency: '2ms' });
    d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
    d.send(T, { order: [order('a'), query('a')] });
    expect(d.advance(T + 6999)).toEqual([]);
    expect(said(d.advance(T + 7000))).toEqual(['a new/new', 'a trade/filled', 'a status/filled']);
  });
  it('tells an order unknown, and what became of it when its time has come or when it is asked for', () => {
    for (const asks of [false, true]) {
      const d = make({ unknown: { share: 1, lost: 0, proof_after: '2s' } });
      d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
      expect(said(d.send(T, { order: [order('a')] }))).toEqual(['a unknown/new']);
      if (asks)
        expect(said(d.send(T + 1000, { order: [query('a')] }))).toEqual([
          'a new/new',
          'a trade/filled',
          'a status/filled',
        ]);
      else expect(said(d.advance(T + 2_000_000))).toEqual(['a new/new', 'a trade/filled']);
      expect(d.advance(T + 9_000_000)).toEqual([]);
    }
  });
  it('rejects an order that never arrived, and does not know it when asked', () => {
    const d = make({ unknown: { share: 1, lost: 1, proof_after: '2s' } });
    d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
    expect(said(d.send(T, { order: [order('a'), order('b')] }))).toEqual(['a unknown/new', 'b unknown/new']);
    expect(said(d.send(T + 1000, { order: [query('b')] }))).toEqual(['b rejected/rejected -1007']);
    expect(said(d.advance(T + 2_000_000))).toEqual(['a rejected/rejected -1007']);
    expect(said(d.send(T + 3_000_000, { order: [query('a')] }))).toEqual(['a rejected/rejected -2013']);
  });
  it('carries what is in doubt through a checkpoint, and takes over the state of the version before', () => {
    const d = make({ unknown: { share: 1, lost: 0 } });
    d.send(T, { ladder: ladder(6_000_000, 6_000_100) });
    d.send(T, { order: [order('a')] });
    d.state = decode(encode(d.state)) as never;
    expect(said(d.advance(T + 2_000_000))).toEqual(['a new/new', 'a trade/filled']);
    const { desk: _, ...old } = d.state as never as Record<string, unknown>;
    expect(usdm.migrate!(old, 2)).toEqual({ ...old, desk: expect.objectContaining({ doubts: [], out: [] }) });
  });
});
