import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { stops } from './stops.ts';
import { tracker } from './tracker.ts';

type Row = Record<string, unknown>;
const S = 1_000_000;
let trade = 0;
const fill = (side: string, qty: number, px: number, more: Row = {}): Row => ({
  client_id: 'c',
  exec: 'trade',
  side,
  type: 'market',
  last_px: px,
  last_qty: qty,
  fee: 0,
  realized_pnl: 0,
  trade_id: trade++,
  time_ms: 0,
  ...more,
});

describe('position.tracker', () => {
  it('follows every fill, with time, size, cause, before and after [S6.4] [S6.9]', () => {
    const d = new Drive(tracker);
    d.send(1 * S, { report: [fill('buy', 4, 100_00, { fee: 5 })] });
    d.send(2 * S, { report: [fill('buy', 2, 103_00, { fee: 7 })] });
    d.send(3 * S, {
      report: [fill('sell', 3, 104_00, { realized_pnl: 9 }), fill('sell', 3, 105_00, { realized_pnl: 11 })],
    });
    const rows = d
      .on('change')
      .map((r) => [r['cause'], r['qty_before'], r['qty_after'], r['entry_quote'], r['fee_total'], r['realized_total']]);
    expect(rows).toEqual([
      ['open', 0, 4, 40000, 5, 0],
      ['add', 4, 6, 60600, 12, 0],
      ['reduce', 6, 3, 30300, 12, 9],
      ['close', 3, 0, 0, 12, 20],
    ]);
    expect(d.on('position').map((p) => [p['side'], p['qty'], p['entry_px'], p['adds']])).toEqual([
      ['long', 4, 100, 0],
      ['long', 6, 101, 1],
      ['flat', 0, 0, 0],
    ]);
  });

  it('holds on Spot what is left of a purchase after a commission in the asset, in whole steps', () => {
    // 0.00150 BTC at 60,000, 0.1 % of it taken: 149.85 steps; 0.00150 again: 299.7; then all whole steps are sold.
    const d = new Drive(tracker, {}, { key: 'spot:BTCUSDT', qtyDigits: 5 });
    const fee = { base_fee: 150, fee: 9_000_000 };
    d.send(1 * S, { report: [fill('buy', 150, 60_000_00, fee)] });
    d.send(2 * S, { report: [fill('buy', 150, 60_000_00, fee)] });
    d.send(3 * S, { report: [fill('sell', 299, 61_000_00, { base_fee: Number.NaN, fee: 1 })] });
    expect(d.on('change').map((r) => [r['cause'], r['qty_before'], r['qty_after'], r['entry_quote']])).toEqual([
      ['open', 0, 149, 149 * 60_000_00],
      ['add', 149, 299, 299 * 60_000_00],
      ['close', 299, 0, 0],
    ]);
    expect(d.on('position')[1]).toMatchObject({ entry_px: 60_000, qty: 299 });
    // The commissions stay what they were worth.
    expect(d.on('change').at(-1)!['fee_total']).toBe(18_000_001);
    // Larger steps: the exchange sells multiples of 0.0002.
    const wide = new Drive(
      tracker,
      { filters: { 'spot:BTCUSDT': { step: 0.0002 } } },
      { key: 'spot:BTCUSDT', qtyDigits: 5 },
    );
    wide.send(1 * S, { report: [fill('buy', 160, 60_000_00, { base_fee: 160 })] });
    expect(wide.on('position').at(-1)!['qty']).toBe(140);
  });

  it('never shows more on Spot than purchases less commissions less sales, nor a step less', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 5000 })), { maxLength: 40 }),
        fc.integer({ min: 1, max: 25 }),
        (purchases, step) => {
          const key = { key: 'spot:BTCUSDT', qtyDigits: 5 };
          const d = new Drive(tracker, { filters: { 'spot:BTCUSDT': { step: step / 1e5 } } }, key);
          let exact = 0n; // × 10^8
          let first = trade;
          for (const [lots, fee] of purchases) {
            const qty = lots * step;
            const own = Math.min(fee, qty * 1000);
            d.send(1, {
              report: [fill('buy', qty, 100, { base_fee: own === 0 ? Number.NaN : own, trade_id: first++ })],
            });
            exact += BigInt(qty) * 1000n - BigInt(own);
            trade = first;
            const qtyNow = d.state.qty as number;
            expect(qtyNow).toBe(Number((exact / (1000n * BigInt(step))) * BigInt(step)));
            // Now and then everything is sold.
            if (lots % 3 !== 0 || qtyNow === 0) continue;
            d.send(1, { report: [fill('sell', qtyNow, 100, { trade_id: first++ })] });
            exact -= BigInt(qtyNow) * 1000n;
            trade = first;
          }
        },
      ),
    );
  });

  it('turns over when a fill exceeds the position', () => {
    const d = new Drive(tracker);
    d.send(1, { report: [fill('buy', 4, 100_00)] });
    d.send(2, { report: [fill('sell', 6, 101_00)] });
    expect(d.on('change').at(-1)).toMatchObject({ cause: 'flip', qty_after: -2, entry_quote: -2 * 101_00 });
    expect(d.on('position').at(-1)).toMatchObject({ side: 'short', entry_px: 101, opened_us: 2 });
  });

  it('gives ROE on the mark price as Binance defines it [S6.4]', () => {
    // 0.006 BTC at 65,000 and 20×: margin 19.5 USDT; mark 65,325 → +1.95 USDT = 10 %.
    const d = new Drive(tracker);
    d.send(1 * S, { report: [fill('buy', 6, 65_000_00)] });
    d.send(4 * S, { mark: { mark_px: 65_325e8 } });
    expect(d.on('position').at(-1)).toMatchObject({ mark_px: 65325, age_s: 3 });
    expect(d.on('position').at(-1)!['pnl']).toBeCloseTo(1.95, 9);
    expect(d.on('position').at(-1)!['roe']).toBeCloseTo(0.1, 9);
  });

  it('values at the mid, at its interval, while there is no mark price, and is silent when flat', () => {
    const d = new Drive(tracker, { revalue_every: '1s' });
    d.send(1 * S, { book: { bid_px: 100_00, ask_px: 100_20 } });
    expect(d.on('position')).toEqual([]);
    d.send(2 * S, { report: [fill('sell', 5, 100_00)] });
    d.advance(4 * S);
    expect(d.on('position').map((p) => p['mark_px'])).toEqual([100.1, 100.1, 100.1]);
    d.send(4.5 * S, { report: [fill('buy', 5, 100_00)] });
    expect(d.advance(10 * S)).toEqual([]);
    d.send(11 * S, { mark: { mark_px: 1e8 } });
    expect(d.on('position').length).toBe(4);
  });

  it('books funding as reported, and liquidation as what it is', () => {
    const d = new Drive(tracker);
    d.send(1, { report: [fill('buy', 5, 100_00)] });
    d.send(2, { account: [{ reason: 'funding', funding: -123, time_ms: 7 }] });
    d.send(3, { report: [fill('sell', 5, 90_00, { type: 'liquidation' })] });
    expect(d.on('change').map((r) => [r['cause'], r['funding_total']])).toEqual([
      ['open', 0],
      ['funding', -123],
      ['liquidation', -123],
    ]);
  });

  it('equals the fold of its fills at every point, also when reports come twice [S6.8]', () => {
    const step = fc.record({
      buy: fc.boolean(),
      qty: fc.integer({ min: 1, max: 500 }),
      px: fc.integer({ min: 1, max: 1_000_000 }),
      twice: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const d = new Drive(tracker);
        let qty = 0;
        // The cost as an exact fraction, so that what the tracker rounds can be told from what it gets wrong.
        let cost = 0;
        let reduced = 0;
        steps.forEach((s, i) => {
          const row = fill(s.buy ? 'buy' : 'sell', s.qty, s.px, { trade_id: i });
          d.send(i + 1, { report: s.twice ? [row, row] : [row] });
          const delta = s.buy ? s.qty : -s.qty;
          if (qty !== 0 && qty > 0 !== delta > 0) {
            const closed = Math.min(Math.abs(qty), s.qty);
            cost = closed === Math.abs(qty) ? 0 : cost * (1 - closed / Math.abs(qty));
            reduced = closed === Math.abs(qty) ? 0 : reduced + 1;
            cost += Math.sign(delta) * (s.qty - closed) * s.px;
          } else cost += delta * s.px;
          qty += delta;
          const p = d.on('position').at(-1)!;
          expect(p['qty']).toBe(qty);
          expect(Math.abs((p['entry_quote'] as number) - cost)).toBeLessThanOrEqual(reduced + Math.abs(cost) * 1e-12);
          if (qty === 0) expect(p['entry_quote']).toBe(0);
        });
      }),
    );
  });
});

describe('position.stops', () => {
  const long = (more: Row = {}): Row => ({ side: 'long', entry_px: 100, mark_px: 100, qty: 10, opened_us: S, ...more });
  const print = (px: number) => ({ trade: { px: Math.round(px * 100), on_market: true } });
  const run = (config: Row, position: Row = long()) => {
    const d = new Drive(stops, config);
    d.send(S, { position });
    return d;
  };
  const reasons = (d: ReturnType<typeof run>) => d.on('intent').map((i) => [i['reason'], i['action']]);

  it('trails only in the position’s favour and exits at the stated distance [S6.5]', () => {
    const d = run({ trailing: { distance_bp: 100, start_roe: 0.1 } });
    // Not before 100.5 (10 % of the margin at 20×).
    for (const px of [100.2, 99, 100.4]) expect(d.send(2 * S, print(px))).toEqual([]);
    for (const px of [100.6, 102, 101.5, 103, 102.0, 101.98]) expect(d.send(3 * S, print(px))).toEqual([]);
    // 1 % below the best price, 103.
    const [e] = d.send(4 * S, print(101.97));
    expect(e!.values).toMatchObject({ action: 'exit', side: 'sell', reason: 'trailing_stop', size_mult: 1 });
  });

  it('mirrors for a short', () => {
    const d = run({ trailing: { distance_bp: 100 } }, long({ side: 'short', qty: -10 }));
    expect(d.send(2 * S, print(98))).toEqual([]);
    expect(d.send(3 * S, print(98.97))).toEqual([]);
    expect(d.send(4 * S, print(98.98))[0]!.values).toMatchObject({ action: 'exit', side: 'buy' });
  });

  it('takes each stage once, as a fraction of the whole [S6.6]', () => {
    const d = run({
      stages: [
        { at_roe: 0.1, fraction: 0.5 },
        { at_roe: 0.2, fraction: 0.3 },
      ],
    });
    expect(d.send(2 * S, print(100.4))).toEqual([]);
    expect(d.send(3 * S, print(100.51))[0]!.values).toMatchObject({
      action: 'reduce',
      size_mult: 0.5,
      reason: 'take_profit',
    });
    expect(d.send(4 * S, print(101.2))).toEqual([]);
    d.send(5 * S, { position: long({ qty: 5 }) });
    expect(d.send(6 * S, print(101.2))[0]!.values).toMatchObject({ size_mult: 0.6 });
    d.send(7 * S, { position: long({ qty: 2 }) });
    expect(d.send(8 * S, print(150))).toEqual([]);
  });

  it('stops at exactly its ROE [RISK.7]', () => {
    const d = run({ stop_roe: -0.2 });
    expect(d.send(2 * S, print(99.01))).toEqual([]);
    expect(d.send(3 * S, print(99))[0]!.values).toMatchObject({ reason: 'stop_roe', action: 'exit' });
  });

  it('asks again when an exit changed nothing, and not before', () => {
    const d = run({ stop_roe: -0.2, retry_after: '5s' });
    d.send(2 * S, print(98));
    expect(d.send(3 * S, print(98))).toEqual([]);
    d.advance(7 * S);
    expect(d.send(7 * S + 1, print(98)).length).toBe(1);
  });

  it('leaves a position that gets nowhere [S6.12]', () => {
    const d = run({ stagnation: { after: '10s', min_roe: 0.05 } });
    d.send(2 * S, print(100.2));
    d.advance(11 * S);
    expect(reasons(d)).toEqual([['stagnation', 'exit']]);
    const good = run({ stagnation: { after: '10s', min_roe: 0.05 } });
    good.send(2 * S, print(100.3));
    good.advance(20 * S);
    expect(reasons(good)).toEqual([]);
  });

  it('ignores prints off the market, and starts anew with the next position', () => {
    const d = run({ stop_roe: -0.2, trailing: { distance_bp: 100 } });
    expect(d.send(2 * S, { trade: { px: 5000, on_market: false } })).toEqual([]);
    d.send(3 * S, print(120));
    d.send(4 * S, { position: long({ side: 'flat', qty: 0 }) });
    expect(d.send(5 * S, print(50))).toEqual([]);
    d.send(6 * S, { position: long({ opened_us: 6 * S }) });
    expect(d.send(7 * S, print(100))).toEqual([]);
  });

  it('refuses stages that close more than the position', () => {
    const c = stops.config.parse({
      stages: [
        { at_roe: 0.2, fraction: 0.7 },
        { at_roe: 0.1, fraction: 0.7 },
      ],
    });
    expect(stops.check!(c, { inputs: {} }).map((i) => i.code)).toEqual(['CHM815', 'CHM815']);
  });
});
