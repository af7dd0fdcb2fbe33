import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../graph/codec/index.ts';
import { Drive } from '../graph/testing/drive.ts';
import { type SpotState, spot } from './spot.ts';

type Row = Record<string, unknown>;
const T = 1_700_000_000_000_000;
const KEY = { key: 'spot:BTCUSDT', pxDigits: 2, qtyDigits: 5 };
const order = (client_id: string, more: Row = {}): Row => ({
  action: 'place',
  client_id,
  side: 'buy',
  type: 'market',
  tif: 'gtc',
  qty: 150,
  px: Number.NaN,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: 'i',
  origin: 'entry',
  ...more,
});
const best = (bid: number, ask: number): Row => ({ u: 1, bid_px: bid, bid_qty: 1000, ask_px: ask, ask_qty: 1000 });
const print = (px: number, qty = 1, side = 'buy'): Row => ({ px, qty, side, on_market: true });
/** The market stands at 60,000.00 / 60,000.01. */
function make(config: Row = {}): Drive<typeof spot.ports.in, never, SpotState> {
  const d = new Drive(spot as never, config, KEY) as never as Drive<typeof spot.ports.in, never, SpotState>;
  d.send(T, { best: best(60_000_00, 60_000_01), trade: print(60_000_00) });
  return d;
}
const said = (list: { port: string; values: Row }[]): string[] =>
  list
    .filter((e) => e.port === 'report')
    .map(({ values: v }) => `${v['client_id']} ${v['exec']}/${v['status']}${v['code'] === 0 ? '' : ` ${v['code']}`}`);
const stop = (px: number, more: Row = {}): Row =>
  order('s', { side: 'sell', type: 'stop_market', qty: 0, stop_px: px, close_position: true, ...more });
const target = (px: number, more: Row = {}): Row => stop(px, { client_id: 't', type: 'take_profit_market', ...more });

describe('venue.spot', () => {
  it('gives a buyer what was ordered less the commission in the asset, and says so', () => {
    const d = make();
    const out = d.send(T + 1, { order: [order('a')] });
    expect(said(out)).toEqual(['a new/new', 'a trade/filled']);
    // 0.00150 BTC, 0.1 % of it taken: 0.00000150. Its value at 60,000.01 is 0.09000002 USDT (rounded).
    expect(out[1]!.values).toMatchObject({ last_qty: 150, cum_qty: 150, base_fee: 150, fee: 9_000_002, maker: false });
    expect(out[2]!.values).toMatchObject({
      reason: 'order',
      position_qty: 149,
      entry_quote: 149 * 60_000_01,
      wallet: 10_000e8 - 150 * 60_000_01 * 10,
    });
  });

  it('takes the commission of a sale out of the quote, and closes at average cost', () => {
    const d = make();
    d.send(T + 1, { order: [order('a')] });
    const out = d.send(T + 2, { order: [order('b', { side: 'sell', qty: 500, reduce_only: true })] });
    expect(said(out)).toEqual(['b new/new', 'b trade/filled']);
    const trade = out[1]!.values;
    expect(trade).toMatchObject({ qty: 149, last_qty: 149, reduce_only: true });
    expect(trade['base_fee']).toBeNaN();
    // 149 × 10^-5 × 60,000.00 × 0.1 % and one cent of loss on each BTC.
    expect(trade['fee']).toBe(8_940_000);
    expect(trade['realized_pnl']).toBe(-1490);
    expect(out[2]!.values).toMatchObject({ position_qty: 0, entry_quote: 0 });
  });

  it('refuses to close what is not held, and what other orders are to sell', () => {
    const d = make();
    expect(said(d.send(T, { order: [order('x', { side: 'sell', reduce_only: true })] }))).toEqual([
      'x rejected/rejected -2022',
    ]);
    expect(said(d.send(T, { order: [order('y', { reduce_only: true })] }))).toEqual(['y rejected/rejected -2022']);
    expect(said(d.send(T, { order: [order('z', { side: 'sell' })] }))).toEqual(['z rejected/rejected -2010']);
    d.send(T + 1, { order: [order('a')] });
    d.send(T + 2, { order: [stop(59_000_00)] });
    expect(said(d.send(T + 3, { order: [order('b', { side: 'sell', close_position: true })] }))).toEqual([
      'b rejected/rejected -2010',
    ]);
  });

  it('rests makers in the queue, refuses those that would take, cancels, and answers queries', () => {
    const d = make();
    const limit = (id: string, px: number): Row => order(id, { type: 'limit', tif: 'gtx', px });
    expect(said(d.send(T, { order: [limit('a', 60_000_01), limit('b', 59_990_00), limit('c', 59_980_00)] }))).toEqual([
      'a rejected/rejected -2010',
      'b new/new',
      'c new/new',
    ]);
    expect(said(d.send(T, { trade: print(59_985_00, 1000, 'sell') }))).toEqual(['b trade/filled']);
    d.send(T, { order: [order('c', { action: 'cancel' })] });
    const answers = d.send(T, { order: ['b', 'c', 'x'].map((id) => order(id, { action: 'query' })) });
    expect(said(answers)).toEqual(['b status/filled', 'c status/canceled', 'x rejected/rejected -2013']);
    expect(said(d.send(T, { order: [order('c', { action: 'cancel' })] }))).toEqual(['c rejected/rejected -2011']);
  });

  it('takes stop and target of one cycle as one list: what one does ends the other [S4.8]', () => {
    const both = (): Drive<typeof spot.ports.in, never, SpotState> => {
      const d = make();
      d.send(T + 1, { order: [order('a')] });
      expect(said(d.send(T + 2, { order: [stop(59_000_00), target(61_000_00)] }))).toEqual(['s new/new', 't new/new']);
      return d;
    };
    const up = both();
    up.send(T + 3, { best: best(61_000_00, 61_000_01) });
    expect(said(up.send(T + 3, { trade: print(61_000_00) }))).toEqual([
      's expired/expired',
      't triggered/new',
      't trade/filled',
    ]);
    const down = both();
    down.send(T + 3, { best: best(58_999_00, 59_000_00) });
    expect(said(down.send(T + 3, { trade: print(58_999_00) }))).toEqual([
      't expired/expired',
      's triggered/new',
      's trade/filled',
    ]);
    expect(said(both().send(T + 3, { order: [order('t', { action: 'cancel' })] }))).toEqual([
      's canceled/canceled',
      't canceled/canceled',
    ]);
    const wrong = make();
    wrong.send(T + 1, { order: [order('a')] });
    expect(said(wrong.send(T + 2, { order: [stop(59_000_00), target(59_500_00)] }))).toEqual([
      's rejected/rejected -2010',
      't rejected/rejected -2010',
    ]);
  });

  it('delays commands and reports, and carries all of it through a checkpoint', () => {
    const d = make({ order_latency: '5ms', response_latency: '2ms' });
    expect(d.send(T + 1000, { order: [order('a'), order('a', { action: 'query' })] })).toEqual([]);
    d.state = decode(encode(d.state)) as SpotState;
    d.send(T + 4000, { best: best(60_100_00, 60_100_01) });
    expect(d.advance(T + 7999)).toEqual([]);
    const out = d.advance(T + 8000);
    expect(said(out)).toEqual(['a new/new', 'a trade/filled', 'a status/filled']);
    expect(out.find((e) => e.values['exec'] === 'trade')!.values['last_px']).toBe(60_100_01);
  });

  it('may tell an order or a pair unknown first', () => {
    const d = make({ unknown: { share: 1, lost: 0, proof_after: '2s' } });
    expect(said(d.send(T + 1, { order: [order('a')] }))).toEqual(['a unknown/new']);
    expect(said(d.advance(T + 2_000_001))).toEqual(['a new/new', 'a trade/filled']);
    expect(said(d.send(T + 2_000_002, { order: [stop(59_000_00), target(61_000_00)] }))).toEqual([
      's unknown/new',
      't unknown/new',
    ]);
    expect(said(d.send(T + 2_000_003, { order: [order('t', { action: 'query' })] }))).toEqual([
      't new/new',
      't status/new',
    ]);
  });

  it('values what is held while the market moves, and not otherwise', () => {
    const d = make({ value_interval: '1s' });
    expect(d.send(T + 1, { trade: print(60_001_00) })).toEqual([]);
    d.send(T + 2, { order: [order('a')] });
    const row = (list: { port: string; values: Row }[]): Row | undefined =>
      list.find((e) => e.port === 'position')?.values;
    const first = row(d.send(T + 3, { trade: print(60_500_00) }))!;
    expect(first).toMatchObject({ qty: 149, mark_px: 60_500e8, unrealized_pnl: 149 * (60_500_00 - 60_000_01) * 10 });
    expect(row(d.send(T + 4, { trade: print(60_600_00) }))).toBeUndefined();
    expect(row(d.send(T + 1_000_003, { trade: print(60_600_00) }))).toBeDefined();
  });

  it('keeps what its reports say equal to its balances, whatever is ordered [RISK.1]', () => {
    const command = fc.record({
      side: fc.constantFrom('buy', 'sell'),
      type: fc.constantFrom('market', 'limit', 'stop_market', 'take_profit_market'),
      tif: fc.constantFrom('gtc', 'gtx', 'ioc'),
      qty: fc.integer({ min: 1, max: 400 }),
      off: fc.integer({ min: -300, max: 300 }),
      closes: fc.boolean(),
      move: fc.integer({ min: -400, max: 400 }),
      cancel: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(command, { minLength: 5, maxLength: 60 }), (commands) => {
        const d = make();
        let px = 60_000_00;
        commands.forEach((c, i) => {
          const at = { px: px + c.off * 100, stop_px: px + c.off * 100 };
          d.send(T + i, {
            order: [
              order(`o${i}`, { ...c, ...at, reduce_only: c.closes && c.side === 'sell' }),
              ...(c.cancel ? [order(`o${i - 1}`, { action: 'cancel' })] : []),
            ],
          });
          px += c.move * 100;
          d.send(T + i, { best: best(px, px + 1), trade: [print(px, 50, 'sell'), print(px + 1, 50)] });
          const { assets } = d.state.x;
          const total = (name: string): number => {
            const k = assets.names.indexOf(name);
            return assets.free[k]! + assets.locked[k]!;
          };
          expect(d.state.wallet).toBe(total('USDT'));
          expect(d.state.held[0]!.base).toBe(total('BTC'));
          expect(d.state.held[0]!.base === 0 ? d.state.held[0]!.cost : 0).toBe(0);
        });
      }),
      { numRuns: 60 },
    );
  });
});
