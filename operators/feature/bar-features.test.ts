import fc from 'fast-check';
import {
  ADX,
  ATR,
  BollingerBands,
  DonchianChannels,
  EMA,
  MACD,
  MOM,
  ROC,
  RSI,
  SMA,
  StochasticOscillator,
} from 'trading-signals';
import { describe, expect, it } from 'vitest';
import { adx } from './adx.ts';
import { atr } from './atr.ts';
import { bollinger } from './bollinger.ts';
import { donchian } from './donchian.ts';
import { ema } from './ema.ts';
import { macd } from './macd.ts';
import { momentum } from './momentum.ts';
import { realisedVolatility } from './realised-volatility.ts';
import { rsi } from './rsi.ts';
import { sma } from './sma.ts';
import { stochastic } from './stochastic.ts';
import { answers, type Bar, randomBars, values } from './testing/series.ts';
import { volatility } from './volatility.ts';

const BARS = randomBars(400, 7);
const CLOSES = BARS.map((b) => b.close / 100);
const inUnits = (b: Bar) => ({ high: b.high / 100, low: b.low / 100, close: b.close / 100 });
/** A bar before the first one that adds nothing: libraries take high − low as the first true range. */
const WARM = [{ ...BARS[0]! }, ...BARS];
type Node = Parameters<typeof answers>[0];
const scalars = (node: Node, config: object, rows: readonly object[], port = 'x', out = 'value') =>
  answers(node, config as Record<string, unknown>, port, rows).map((a) => a[out]?.['value'] as number | undefined);

function same(ours: readonly (number | undefined)[], theirs: readonly (number | null | undefined)[]): void {
  expect(ours.length).toBe(theirs.length);
  let compared = 0;
  for (const [i, x] of ours.entries()) {
    const y = theirs[i];
    if (x === undefined) expect(y ?? undefined).toBeUndefined();
    else {
      expect(Math.abs(x - y!)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(y!)));
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(300);
}

describe('features of closes and bars, against the library trading-signals', () => {
  it('EMA', () => {
    const lib = new EMA(20);
    // The library is silent for the first 19; its value is the same recursion.
    same(scalars(ema, { period: 20 }, values(CLOSES)).slice(19), CLOSES.map((x) => lib.update(x, false)).slice(19));
    expect(scalars(ema, { period: 20 }, values(CLOSES))[0]).toBe(CLOSES[0]);
  });
  it('SMA', () => {
    const lib = new SMA(20);
    same(
      scalars(sma, { period: 20 }, values(CLOSES)),
      CLOSES.map((x) => lib.update(x, false)),
    );
  });
  it('RSI', () => {
    const lib = new RSI(14);
    same(
      scalars(rsi, { period: 14 }, values(CLOSES)),
      CLOSES.map((x) => lib.update(x, false)),
    );
  });
  it('ATR', () => {
    const lib = new ATR(14);
    same(
      scalars(atr, { period: 14 }, WARM, 'bar').slice(1),
      BARS.map((b) => lib.update(inUnits(b), false)),
    );
  });
  it('ADX', () => {
    const lib = new ADX(14);
    const theirs = BARS.map((b) => lib.update(inUnits(b), false));
    same(scalars(adx, { period: 14 }, WARM, 'bar').slice(1), theirs);
  });
  it('Bollinger bands', () => {
    const lib = new BollingerBands(20, 2);
    const theirs = CLOSES.map((x) => lib.update(x, false));
    const ours = answers(bollinger, {}, 'x', values(CLOSES)).map((a) => a['bands']);
    for (const side of ['lower', 'middle', 'upper'] as const)
      same(
        ours.map((b) => b?.[side] as number | undefined),
        theirs.map((b) => b?.[side]),
      );
  });
  it('MACD', () => {
    const lib = new MACD(new EMA(12), new EMA(26), new EMA(9));
    const ours = answers(macd, {}, 'x', values(CLOSES)).map((a) => a['macd']);
    const theirs = CLOSES.map((x) => lib.update(x, false));
    same(
      ours.map((m) => m?.['line'] as number | undefined),
      theirs.map((m, i) => (i >= 33 ? m?.macd : undefined)),
    );
  });
  it('momentum and rate of change', () => {
    const mom = new MOM(10);
    const roc = new ROC(10);
    same(
      scalars(momentum, { period: 10 }, values(CLOSES)),
      CLOSES.map((x) => mom.update(x, false)),
    );
    same(
      scalars(momentum, { period: 10 }, values(CLOSES), 'x', 'roc'),
      CLOSES.map((x) => roc.update(x, false)).map((x) => (x === null ? x : 100 * x)),
    );
  });
  it('Donchian channel', () => {
    const lib = new DonchianChannels(20);
    const theirs = BARS.map((b) => lib.update(inUnits(b), false));
    const ours = answers(donchian, {}, 'bar', BARS).map((a) => a['channel']);
    for (const side of ['lower', 'upper'] as const)
      same(
        ours.map((c) => c?.[side] as number | undefined),
        theirs.map((c) => c?.[side]),
      );
  });
  it('stochastic oscillator', () => {
    const lib = new StochasticOscillator({ kPeriod: 14, kSlowingPeriod: 1, dPeriod: 3 });
    const theirs = BARS.map((b) => lib.update(inUnits(b), false));
    const ours = answers(stochastic, {}, 'bar', BARS);
    same(
      ours.map((a) => a['d']?.['value'] as number | undefined),
      theirs.map((s) => s?.stochD),
    );
  });
});

// StockCharts' ChartSchool publishes its indicators as sheets on QQQQ; figures compared with two projects that quote them.
describe('features of closes and bars, against the published tables of ChartSchool', () => {
  // cs-rsi.xls, chapter "Relative Strength Index (RSI)".
  it('RSI 14 of a published table, to its printed digits', () => {
    const closes = [
      44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328,
      45.614, 46.282, 46.282, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515, 45.7835,
      45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
    ];
    const expected = [
      70.5328, 66.3186, 66.5498, 69.4063, 66.3552, 57.9749, 62.9296, 63.2571, 56.0593, 62.3771, 54.7076, 50.4228,
      39.9898, 41.4605, 41.8689, 45.4632, 37.304, 33.0795, 37.773,
    ];
    const ours = scalars(rsi, { period: 14 }, values(closes));
    expect(ours.slice(0, 14).every((x) => x === undefined)).toBe(true);
    for (const [i, x] of ours.slice(14).entries()) expect(Math.abs(x! - expected[i]!)).toBeLessThan(0.005);
  });

  // Chapter "Average True Range (ATR)", 2010-04-01 to 2010-05-13; PyAlgoTrade's testATR quotes it row by row.
  it('ATR 14 of a published table, to its printed digits [S2.7]', () => {
    const table = [
      [48.7, 47.79, 48.16],
      [48.72, 48.14, 48.61],
      [48.9, 48.39, 48.75],
      [48.87, 48.37, 48.63],
      [48.82, 48.24, 48.74],
      [49.05, 48.64, 49.03],
      [49.2, 48.94, 49.07],
      [49.35, 48.86, 49.32],
      [49.92, 49.5, 49.91],
      [50.19, 49.87, 50.13],
      [50.12, 49.2, 49.53],
      [49.66, 48.9, 49.5],
      [49.88, 49.43, 49.75],
      [50.19, 49.73, 50.03],
      [50.36, 49.26, 50.31],
      [50.57, 50.09, 50.52],
      [50.65, 50.3, 50.41],
      [50.43, 49.21, 49.34],
      [49.63, 48.98, 49.37],
      [50.33, 49.61, 50.23],
      [50.29, 49.2, 49.24],
      [50.17, 49.43, 49.93],
      [49.32, 48.08, 48.43],
      [48.5, 47.64, 48.18],
      [48.32, 41.55, 46.57],
      [46.8, 44.28, 45.41],
      [47.8, 47.31, 47.77],
      [48.39, 47.2, 47.72],
      [48.66, 47.9, 48.62],
      [48.79, 47.73, 47.85],
    ];
    const expected = [
      0.56, 0.59, 0.59, 0.57, 0.62, 0.62, 0.64, 0.67, 0.69, 0.78, 0.78, 1.21, 1.3, 1.38, 1.37, 1.34, 1.32,
    ];
    const bars = table.map(([h, l, c]) => ({
      high: Math.round(h! * 100),
      low: Math.round(l! * 100),
      close: Math.round(c! * 100),
    }));
    // The table's first true range is high − low; ours begins with the second bar.
    const ours = scalars(atr, { period: 14 }, [bars[0]!, ...bars], 'bar').slice(1);
    expect(ours.slice(0, 13).every((x) => x === undefined)).toBe(true);
    // Prices and results are printed with two decimals: half a unit of the result, and a little for the prices.
    for (const [i, x] of ours.slice(13).entries()) expect(Math.abs(x! - expected[i]!)).toBeLessThanOrEqual(0.0065);
  });
});

describe('features of closes and bars, by hand', () => {
  it('realised volatility is √Σr² of the log returns of the window [S2.8]', () => {
    // 100 → 200 → 100 → 400: r = ln 2, −ln 2, 2 ln 2.
    const ours = scalars(realisedVolatility, { period: 3 }, values([100, 200, 100, 400, 400]));
    expect(ours.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(ours[3]).toBeCloseTo(Math.sqrt(6) * Math.log(2), 12);
    expect(ours[4]).toBeCloseTo(Math.sqrt(5) * Math.log(2), 12);
  });
  it('volatility is Parkinson’s, which a flat close does not hide [S2.9]', () => {
    // Two bars with ln(high / low) = ln 2 and ln 4: Σ = 5 ln²2; / (4 · ln 2 · 2) = 5 ln 2 / 8.
    const bars = [
      { high: 200, low: 100 },
      { high: 400, low: 100 },
    ];
    expect(scalars(volatility, { period: 2 }, bars, 'bar')).toEqual([undefined, Math.sqrt((5 * Math.LN2) / 8)]);
  });
  it('RSI says nothing while nothing changed', () => {
    const ours = scalars(rsi, { period: 3 }, values([5, 5, 5, 5, 5, 6, 5]));
    expect(ours.slice(0, 5).every((x) => x === undefined)).toBe(true);
    expect(ours[5]).toBe(100);
    // G = (1/3 · 2) / 3 = 2/9, L = 1/3 after one gain of 1 and then one loss of 1.
    expect(ours[6]).toBeCloseTo((100 * (2 / 9)) / (2 / 9 + 1 / 3), 12);
  });
  it('first outputs come where they are declared', () => {
    const firstAt = (xs: readonly (number | undefined)[]) => xs.findIndex((x) => x !== undefined) + 1;
    expect(firstAt(scalars(ema, { period: 20 }, values(CLOSES)))).toBe(1);
    expect(firstAt(scalars(rsi, { period: 14 }, values(CLOSES)))).toBe(15);
    expect(firstAt(scalars(atr, { period: 14 }, BARS, 'bar'))).toBe(15);
    expect(firstAt(scalars(realisedVolatility, { period: 60 }, values(CLOSES)))).toBe(61);
    expect(answers(bollinger, { period: 20 }, 'x', values(CLOSES)).findIndex((a) => a['bands']) + 1).toBe(20);
    for (const [node, config, rows, port] of [
      [ema, { period: 20 }, values(CLOSES), 'x'],
      [sma, { period: 9 }, values(CLOSES), 'x'],
      [rsi, {}, values(CLOSES), 'x'],
      [macd, {}, values(CLOSES), 'x'],
      [momentum, {}, values(CLOSES), 'x'],
      [atr, {}, BARS, 'bar'],
      [adx, {}, BARS, 'bar'],
      [donchian, {}, BARS, 'bar'],
    ] as const) {
      const warm = (node as typeof ema).warmup!(node.config.parse(config) as never) as Record<string, number>;
      const out = { adx: 'value', macd: 'macd', donchian: 'channel' }[node.type.slice(8)] ?? 'value';
      const all = answers(node as Node, config, port, rows);
      expect([node.type, all.findIndex((a) => a[out]) + 1]).toEqual([node.type, warm[port]]);
    }
  });
  it('Bollinger has no %b while all values are equal', () => {
    const a = answers(bollinger, { period: 2 }, 'x', values([3, 3, 5]));
    expect(a[1]).toEqual({ bands: { lower: 3, middle: 3, upper: 3 }, bandwidth: { value: 0 } });
    expect(a[2]!['percent_b']).toEqual({ value: 0.75 });
  });
});

describe('a stream and a batch', () => {
  const prices = fc.array(
    fc.integer({ min: 1, max: 10_000_000 }).map((x) => x / 100),
    { minLength: 25, maxLength: 120 },
  );
  it('give the same bits: windows are recomputed, not kept up', () => {
    fc.assert(
      fc.property(prices, fc.integer({ min: 2, max: 20 }), (xs, n) => {
        const streamed = {
          sma: scalars(sma, { period: n }, values(xs)),
          rv: scalars(realisedVolatility, { period: n }, values(xs)),
          bands: answers(bollinger, { period: n }, 'x', values(xs)).map((a) => a['bands']),
        };
        for (let i = 0; i < xs.length; i++) {
          const w = xs.slice(Math.max(0, i - n + 1), i + 1);
          if (w.length < n) continue;
          const mean = w.reduce((a, x) => a + x, 0) / n;
          expect(streamed.sma[i]).toBe(mean);
          const sd = Math.sqrt(w.reduce((a, x) => a + (x - mean) * (x - mean), 0) / n);
          expect(streamed.bands[i]).toEqual({ lower: mean - 2 * sd, middle: mean, upper: mean + 2 * sd });
          if (i < n) continue;
          const r = Array.from({ length: n }, (_, j) => Math.log(xs[i - n + 1 + j]! / xs[i - n + j]!));
          expect(streamed.rv[i]).toBe(Math.sqrt(r.reduce((a, x) => a + x * x, 0)));
        }
      }),
      { numRuns: 60 },
    );
  });
});
