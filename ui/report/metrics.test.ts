import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fill, ReportData } from './data.ts';
import { parseDecimal } from './decimal.ts';
import { exampleReport } from './example-report.ts';
import { drawdownSeries, maxDrawdown, metrics, sampledReturns, sharpe, sortino, timeWeighted } from './metrics.ts';
import { roundTrips } from './round-trips.ts';

const fill = (time_ms: number, side: 'buy' | 'sell', qty: string, price: string, more: Partial<Fill> = {}): Fill => ({
  time_ms,
  symbol: 'usdm:BTCUSDT',
  side,
  price,
  qty,
  fee: '0',
  liquidity: 'taker',
  order_id: '',
  reason: '',
  realized_pnl: '0',
  ...more,
});

describe('ratios', () => {
  // By hand: returns 1 %, −2 %, 3 %, 2 %: mean 1 %; deviations 0, −3, 2, 1 (%): squares 0 + 9 + 4 + 1 = 14, / 3, root 2.160247 %.
  const returns = [0.01, -0.02, 0.03, 0.02];
  it('Sharpe is the mean over the sample standard deviation, annualised', () => {
    expect(sharpe(returns, 365)).toBeCloseTo((1 / 2.160246899469287) * Math.sqrt(365), 12);
  });
  it('Sortino divides by the downside deviation over all returns', () => {
    // One loss of 2 %: √(0.0004 / 4) = 1 %, so mean over it is 1.
    expect(sortino(returns, 365)).toBeCloseTo(Math.sqrt(365), 12);
  });
  it('no variance, no loss or a single return gives no ratio', () => {
    expect(sharpe([0.01, 0.01], 365)).toBeNull();
    expect(sharpe([0.01], 365)).toBeNull();
    expect(sortino([0.01, 0.02], 365)).toBeNull();
  });
});

describe('sampled returns', () => {
  it('take the last equity of each calendar interval, against the start at first, carried forward over empty ones', () => {
    // Intervals of 10: [10,20) ends at 110, [20,30) is empty, [30,40) ends at 121; start 100.
    expect(sampledReturns([12, 19, 35], [105, 110, 121], 100, 11, 38, 10)).toEqual([110 / 100 - 1, 0, 121 / 110 - 1]);
  });
  it('an end exactly on a boundary opens no interval of its own', () => {
    expect(sampledReturns([5, 20], [110, 121], 100, 0, 20, 10)).toEqual([110 / 100 - 1, 121 / 110 - 1]);
  });
});

describe('drawdown', () => {
  it('names depth, maximum, low and recovery', () => {
    // Maximum 120 at 2, low 90 at 4 (−25 %), 120 reached again at 6; the later fall 150 → 130 is smaller.
    const dd = maxDrawdown([1, 2, 3, 4, 5, 6, 7, 8], [100, 120, 110, 90, 100, 120, 150, 130], 100, 0);
    expect(dd).toEqual({ depth: 0.25, peak_us: 2, trough_us: 4, recovered_us: 6 });
  });
  it('counts the start balance as a maximum and may stay unrecovered', () => {
    expect(maxDrawdown([5, 9], [80, 90], 100, 1)).toEqual({ depth: 0.2, peak_us: 1, trough_us: 5, recovered_us: null });
  });
  it('is the lowest point of the drawdown series', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 50 }), (equity) => {
        const t = equity.map((_, i) => i);
        expect(maxDrawdown(t, equity, 500, 0)!.depth).toBeCloseTo(-Math.min(...drawdownSeries(equity, 500)), 12);
      }),
    );
  });
});

describe('round trips', () => {
  it('match first in, first out across a reversal', () => {
    // Buys 1 at 100 and 2 at 110; sells 4 at 120: closes 1 from 100 (+20) and 2 from 110 (+20), opens 1 short; bought back at 115 (+5).
    const trips = roundTrips([
      fill(1, 'buy', '1', '100', { order_id: 'a' }),
      fill(2, 'buy', '2', '110', { order_id: 'b' }),
      fill(3, 'sell', '4', '120', { order_id: 'c' }),
      fill(4, 'buy', '1', '115', { order_id: 'd' }),
    ]);
    expect(trips.map((t) => [t.side, t.qty, t.entry_price, t.exit_price, t.gross, t.entry_ms, t.exit_ms])).toEqual([
      ['long', '1', 100, 120, '20', 1, 3],
      ['long', '2', 110, 120, '20', 2, 3],
      ['short', '1', 120, 115, '5', 3, 4],
    ]);
  });
  it('share fees by quantity and lose none of them', () => {
    // Entry of 3 pays 0.3; closed by 1 (pays 0.05) and 2 (pays 0.11): 0.1 + 0.05 and 0.2 + 0.11.
    const trips = roundTrips([
      fill(1, 'buy', '3', '10', { fee: '0.3', order_id: 'a' }),
      fill(2, 'sell', '1', '11', { fee: '0.05', order_id: 'b' }),
      fill(3, 'sell', '2', '12', { fee: '0.11', order_id: 'c' }),
    ]);
    expect(trips.map((t) => [t.fees, t.net])).toEqual([
      ['0.15', '0.85'],
      ['0.31', '3.69'],
    ]);
    expect(trips[0]!.return).toBeCloseTo(0.85 / 10, 12);
  });
  it('take partial fills of the same two orders as one', () => {
    const trips = roundTrips([
      fill(1, 'sell', '0.4', '100', { order_id: 'a' }),
      fill(2, 'sell', '0.6', '101', { order_id: 'a' }),
      fill(3, 'buy', '0.5', '99', { order_id: 'b' }),
      fill(4, 'buy', '0.5', '98', { order_id: 'b' }),
    ]);
    expect(trips).toHaveLength(1);
    // Sold for 40 + 60.6, bought for 49.5 + 49.
    expect(trips[0]).toMatchObject({ side: 'short', qty: '1', gross: '2.1', entry_ms: 1, exit_ms: 4 });
  });
  it('gross, fees and open lots add up to the cash of all fills, whatever the fills', () => {
    const any = fc.record({
      side: fc.constantFrom('buy' as const, 'sell' as const),
      qty: fc.integer({ min: 1, max: 50 }),
      price: fc.integer({ min: 1, max: 99 }),
      fee: fc.integer({ min: 0, max: 1000 }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 30 }), (list) => {
        const position = list.reduce((a, f) => a + (f.side === 'buy' ? f.qty : -f.qty), 0);
        const flat =
          position === 0
            ? []
            : [{ side: position > 0 ? 'sell' : 'buy', qty: Math.abs(position), price: 7, fee: 1 } as const];
        const all = [...list, ...flat];
        const trips = roundTrips(
          all.map((f, i) => fill(i, f.side, `${f.qty}`, `${f.price}`, { fee: `0.${String(f.fee).padStart(8, '0')}` })),
        );
        const total = (k: 'gross' | 'fees') => trips.reduce((a, t) => a + parseDecimal(t[k], 16), 0n);
        const cash = all.reduce((a, f) => a + (f.side === 'buy' ? -1 : 1) * f.qty * f.price, 0);
        expect(total('gross')).toBe(BigInt(cash) * 10n ** 16n);
        expect(total('fees')).toBe(BigInt(all.reduce((a, f) => a + f.fee, 0)) * 10n ** 8n);
      }),
    );
  });
});

describe('metrics', () => {
  const day = 86_400e6;
  /** Twelve days: one long trade on day 2 (+20 gross), one short on day 6 (−10 gross), fees 1 each fill, funding −3. */
  const small = (): ReportData => ({
    ...exampleReport(1, 1),
    run: { ...exampleReport(1, 1).run, first_us: 0, last_us: 12 * day },
    start_balance: 1000e8,
    final_balance: 1003e8,
    equity: { t_us: [2 * day, 3 * day, 6 * day, 9 * day], equity: [1010e8, 1018e8, 1011e8, 1003e8] },
    exposure: {
      t_us: [2 * day, 3 * day, 6 * day, 9 * day],
      gross: [505e8, 0, 202.2e8, 0],
      net: [505e8, 0, -202.2e8, 0],
    },
    prices: {},
    fills: [
      fill(2 * 86_400e3, 'buy', '1', '100', { fee: '1', order_id: 'a', liquidity: 'maker' }),
      fill(3 * 86_400e3, 'sell', '1', '120', { fee: '1', order_id: 'b', realized_pnl: '20' }),
      fill(6 * 86_400e3, 'sell', '2', '100', { fee: '1', order_id: 'c' }),
      fill(9 * 86_400e3, 'buy', '2', '105', { fee: '1', order_id: 'd', realized_pnl: '-10' }),
    ],
    funding: [{ time_ms: 1, symbol: 'usdm:BTCUSDT', amount: '-3' }],
  });
  it('agree with a calculation by hand', () => {
    const m = metrics(small());
    expect(m.total_return).toBeCloseTo(0.003, 12);
    expect(m.net_profit).toBe(3);
    expect(m.trades).toBe(2);
    expect(m.win_rate).toBe(0.5);
    // Net +18 and −12.
    expect(m.profit_factor).toBeCloseTo(1.5, 12);
    expect(m.average_trade).toBeCloseTo(3, 12);
    // One day and three days.
    expect(m.average_holding_us).toBe(2 * day);
    // Held from day 2 to 3 and 6 to 9: 4 of 12 days; exposure 0.5 × 1/12 + 0.2 × 3/12.
    expect(m.time_in_market).toBeCloseTo(4 / 12, 12);
    expect(m.average_exposure).toBeCloseTo(0.5 / 12 + 0.6 / 12, 12);
    expect(m.max_exposure).toBeCloseTo(0.5, 12);
    // Traded 100 + 120 + 200 + 210 over mean equity (2·1000 + 1·1010 + 3·1018 + 3·1011 + 3·1003) / 12.
    expect(m.volume).toBe(630);
    expect(m.turnover).toBeCloseTo(630 / ((2000 + 1010 + 3054 + 3033 + 3009) / 12), 12);
    expect(m.fees).toBe(4);
    expect(m.funding).toBe(-3);
    expect(m.maker_share).toBe(0.25);
    expect(m.symbols).toEqual([
      {
        symbol: 'usdm:BTCUSDT',
        fills: 4,
        round_trips: 2,
        wins: 1,
        volume: 630,
        gross: 10,
        fees: 4,
        funding: -3,
        net: 3,
      },
    ]);
    expect(m.max_drawdown!.depth).toBeCloseTo(15 / 1018, 12);
    expect(m.cagr).toBeCloseTo(1.003 ** (365 / 12) - 1, 10);
    expect(m.calmar).toBeCloseTo((1.003 ** (365 / 12) - 1) / (15 / 1018), 9);
  });
  it('samples by the day from ten days on and says so', () => {
    expect(metrics(small()).sampling).toEqual({ interval_us: day, label: '1 day', samples: 12, per_year: 365 });
  });
  it('gives no ratio from less than ten hours', () => {
    const data = small();
    data.run.last_us = 9 * 3600e6;
    data.equity = { t_us: [3600e6, 7200e6], equity: [1001e8, 1000e8] };
    expect(metrics(data)).toMatchObject({ sharpe: null, sortino: null, sampling: { samples: 0 } });
  });
  it('gives no yearly rate from less than a week', () => {
    const data = small();
    data.run.last_us = 6 * day;
    data.equity = { t_us: [day], equity: [1001e8] };
    expect(metrics(data)).toMatchObject({ cagr: null, calmar: null, sampling: { label: '1 hour' } });
  });
  it('are defined for a run without any input', () => {
    const data = small();
    data.run = { ...data.run, first_us: null, last_us: null };
    data.equity = { t_us: [], equity: [] };
    data.exposure = { t_us: [], gross: [], net: [] };
    data.fills = [];
    data.final_balance = 1000e8;
    expect(metrics(data)).toMatchObject({ total_return: 0, trades: 0, win_rate: null, sharpe: null, turnover: 0 });
  });
});

it('a step function is averaged over time, not over its points', () => {
  // 1 for 2, 5 for 3, 2 for 5 of 10.
  expect(timeWeighted([2, 5], [5, 2], 1, 0, 10)).toBeCloseTo((2 + 15 + 10) / 10, 12);
});
