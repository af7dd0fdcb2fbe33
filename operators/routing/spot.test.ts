import { describe, expect, it } from 'vitest';
import { Desk, enter, exit, MS, NONE, type Row, S } from './testing/desk.ts';

/** Prices with 2 decimals, quantities with 5. A purchase of 0.00600 loses 0.1 % of it to its commission. */
const SPOT = { key: 'spot:BTCUSDT', pxDigits: 2, qtyDigits: 5 };
const FEE = 600; // 0.00000600 BTC × 10^8
function desk(config: Row = {}): Desk {
  return new Desk({ filters: { 'spot:BTCUSDT': { min_notional_usdt: 0.005 } }, ...config }, SPOT);
}
/** Holds what is left of 600 lots; its stop and target rest. */
function holding(intent: Row = { stop_px: 9900, target_px: 10_200 }, config: Row = {}) {
  const v = desk(config);
  const [o] = v.send(S, { intent: [enter({ qty: 600, ...intent })] });
  v.report(S + MS, o!, 'new');
  const closers = v.fill(2 * S, o!, 600, 600, { base_fee: FEE });
  for (const c of closers) v.report(2 * S + MS, c, 'new');
  return { v, closers };
}

describe('the router on Spot', () => {
  it('refuses to sell what it does not hold', () => {
    const v = desk();
    expect(v.send(S, { intent: [enter({ side: 'sell' })] })).toEqual([]);
    expect(v.outcomes).toMatchObject([{ result: 'refused', reason: 'nothing is sold short on Spot' }]);
  });

  it('holds whole steps net of the commission in the asset, and keeps the rest for the next purchase', () => {
    const { v } = holding();
    // 600 − 0.6 lots: 599 whole ones, 0.4 over.
    expect(v.d.state).toMatchObject({ pos: 599, dust: -400 });
    const wide = desk({ filters: { 'spot:BTCUSDT': { step: 0.001 } } });
    const [o] = wide.send(S, { intent: [enter({ qty: 600 })] });
    wide.fill(2 * S, o!, 600, 600, { base_fee: FEE });
    expect(wide.d.state.pos).toBe(500);
  });

  it('takes a fill for what it says when the commission was taken elsewhere', () => {
    const v = desk();
    const [o] = v.send(S, { intent: [enter({ qty: 600 })] });
    v.fill(2 * S, o!, 600, 600, { base_fee: NONE });
    expect(v.d.state.pos).toBe(600);
  });

  it('places stop and target together, and again when more is held at the end of the entry [S4.8]', () => {
    const v = desk();
    const [o] = v.send(S, { intent: [enter({ qty: 600, stop_px: 9900, target_px: 10_200 })] });
    v.report(S + MS, o!, 'new');
    const pair = v.fill(2 * S, o!, 200, 200);
    expect(pair.map((c) => [c['type'], c['stop_px'], c['close_position']])).toEqual([
      ['stop_market', 9900, true],
      ['take_profit_market', 10_200, true],
    ]);
    for (const c of pair) v.report(2 * S + MS, c, 'new');
    // The entry has ended: both go, and come back for all of it.
    const gone = v.fill(3 * S, o!, 600, 400);
    expect(gone.map((c) => c['action'])).toEqual(['cancel', 'cancel']);
    expect(v.report(4 * S, pair[0]!, 'canceled')).toEqual([]);
    expect(v.report(4 * S, pair[1]!, 'canceled').map((c) => c['type'])).toEqual(['stop_market', 'take_profit_market']);
  });

  it('sends an exit when what held the asset is gone', () => {
    const { v, closers } = holding();
    const out = v.send(3 * S, { intent: [exit({ qty: 599 })] });
    expect(out.map((c) => c['action'])).toEqual(['cancel', 'cancel']);
    expect(v.report(4 * S, closers[0]!, 'canceled')).toEqual([]);
    const [x] = v.report(4 * S, closers[1]!, 'rejected', { code: -2011 });
    expect(x).toMatchObject({ action: 'place', type: 'market', side: 'sell', qty: 599, reduce_only: true });
    // Whatever the venue made of it, it is the whole order.
    v.fill(5 * S, x!, 599, 599, { status: 'filled' });
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'x1', result: 'filled' });
    expect(v.d.state).toMatchObject({ pos: 0, nakedSince: -1 });
  });

  it('ends with an order that the venue made smaller', () => {
    const { v, closers } = holding({ stop_px: 9900 });
    v.send(3 * S, { intent: [exit({ qty: 599 })] });
    const [x] = v.report(4 * S, closers[0]!, 'canceled');
    v.fill(5 * S, x!, 590, 590, { status: 'filled', qty: 590 });
    expect(v.all('order').at(-1)).toMatchObject({ type: 'market', side: 'sell', qty: 9 });
  });

  it('waits for what a triggered leg does before it places anything anew [S4.8]', () => {
    const { v, closers } = holding();
    const [stop, target] = closers;
    // The target has triggered: the exchange ends the stop first.
    expect(v.report(3 * S, stop!, 'expired')).toEqual([]);
    expect(v.report(3 * S, target!, 'triggered', { status: 'new' })).toEqual([]);
    expect(v.fill(3 * S, target!, 599, 599, { side: 'sell', status: 'filled' })).toEqual([]);
    expect(v.d.state.pos).toBe(0);
    expect(v.all('alert')).toEqual([]);
  });

  it('closes the position when the exchange finds the pair on the wrong side of the price', () => {
    const v = desk();
    const [o] = v.send(S, { intent: [enter({ qty: 600, stop_px: 9900, target_px: 10_200 })] });
    const pair = v.fill(2 * S, o!, 600, 600);
    const why = 'The relationship of the prices for the orders is not correct.';
    const out = pair.flatMap((c) => v.report(3 * S, c, 'rejected', { code: -2010, reason: why }));
    expect(out.filter((c) => c['type'] === 'market')).toMatchObject([{ side: 'sell', qty: 600, origin: 'guardian' }]);
  });

  it('leaves what is too small to be sold: no stop, and no exit that would be refused for ever', () => {
    const { v, closers } = holding({ stop_px: 9900 });
    v.send(3 * S, { intent: [exit({ qty: 599 })] });
    const [x] = v.report(4 * S, closers[0]!, 'canceled');
    // 4 lots of 0.00001 at 100 are 0.004 USDT.
    v.send(5 * S, { book: { u: 2, bid_px: 10_000, bid_qty: 5, ask_px: 10_010, ask_qty: 5 } });
    expect(v.fill(6 * S, x!, 595, 595, { status: 'partially_filled' })).toEqual([]);
    expect(v.report(6 * S + MS, x!, 'expired', { cum_qty: 595 })).toEqual([]);
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'x1', result: 'partial' });
    expect(v.d.state).toMatchObject({ pos: 4, nakedSince: -1 });
    v.send(8 * S, { intent: [exit({ id: 'x2', qty: 4 })] });
    expect(v.outcomes.at(-1)).toMatchObject({ intent_id: 'x2', result: 'refused' });
  });

  it('takes a maker order that would have taken for one period of the chase', () => {
    const v = desk({ chase: { attempts: 2 } });
    const [o] = v.send(S, { intent: [enter({ qty: 600 })] });
    const why = 'Order would immediately match and take.';
    expect(v.report(2 * S, o!, 'rejected', { code: -2010, reason: why })).toMatchObject([{ type: 'limit' }]);
  });
});
