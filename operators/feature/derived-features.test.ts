import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Schema } from '../../graph/schema/index.ts';
import { Drive } from '../../graph/testing/drive.ts';
import { candlestick } from './candlestick.ts';
import { FEATURE_NOTES } from './catalog.ts';
import { correlation } from './correlation.ts';
import { elliott } from './elliott.ts';
import { featureNodes } from './index.ts';
import { join } from './join.ts';
import { realisedVolatility } from './realised-volatility.ts';
import { scalar } from './records.ts';
import { regime } from './regime.ts';
import { rho } from './rho.ts';
import { scale } from './scale.ts';
import { standardise } from './standardise.ts';
import { answers, randomBars, values } from './testing/series.ts';
import { timeframeConsistency } from './timeframe-consistency.ts';
import { volatility } from './volatility.ts';
import { volumeMomentum } from './volume-momentum.ts';
import { vwap } from './vwap.ts';

type Node = Parameters<typeof answers>[0];
const scalars = (node: Node, config: object, rows: readonly object[], port = 'x', out = 'value') =>
  answers(node, config as Record<string, unknown>, port, rows).map((a) => a[out]?.['value'] as number | undefined);

describe('feature.regime', () => {
  /** Flat zigzag for 60 values, then a steady climb: one change, at a known place. */
  const CHANGE = 60;
  const xs = Array.from({ length: 140 }, (_, i) =>
    i < CHANGE ? 100 + (i % 2) : 100 + 0.4 * (i - CHANGE) + (i % 2) * 0.1,
  );
  it('switches once on a series with one known change, after it and never before [S2.14]', () => {
    const a = answers(regime, {}, 'x', values(xs));
    const shifts = a.flatMap((x, i) => (x['shift'] ? [{ at: i, ...x['shift'] }] : []));
    expect(shifts).toEqual([{ at: expect.any(Number), from: 'range', to: 'up' }]);
    expect(shifts[0]!.at).toBeGreaterThanOrEqual(CHANGE);
    expect(shifts[0]!.at).toBeLessThan(CHANGE + 25);
    expect(a.slice(20, CHANGE).every((x) => x['value']!['value'] === 0)).toBe(true);
    expect(a.at(-1)!['regime']).toMatchObject({ regime: 'up' });
  });
  it('knows nothing of the future: a prefix gives the same labels', () => {
    const whole = answers(regime, {}, 'x', values(xs));
    for (const n of [30, 61, 75, 100])
      expect(answers(regime, {}, 'x', values(xs.slice(0, n)))).toEqual(whole.slice(0, n));
  });
  it('turns down on the mirrored series, and does not flicker inside the hysteresis', () => {
    const a = answers(regime, {}, 'x', values(xs.map((x) => 300 - x)));
    expect(a.at(-1)!['value']).toEqual({ value: -1 });
    expect(a.filter((x) => x['shift'])).toHaveLength(1);
  });
});

describe('feature.correlation', () => {
  const KEYS = ['usdm:BTCUSDT', 'usdm:ETHUSDT'] as const;
  function run(period: number, bars: { key: 0 | 1; start: number; close: number }[][]) {
    const d = new Drive(correlation, { a: KEYS[0], b: KEYS[1], period });
    d.keys.declare(KEYS[1], 2, 3);
    for (const [i, list] of bars.entries()) d.send(i, { bar: list });
    return d.on('value').map((x) => x['value'] as number);
  }
  /** Pearson's r from its definition as covariance over the product of deviations. */
  function pearson(x: number[], y: number[]): number {
    const m = (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length;
    const cov = m(x.map((a, i) => a * y[i]!)) - m(x) * m(y);
    const sd = (v: number[]) => Math.sqrt(m(v.map((a) => a * a)) - m(v) ** 2);
    return cov / (sd(x) * sd(y));
  }
  it('equals Pearson’s r of the returns of both over the window', () => {
    const a = randomBars(40, 3);
    const b = randomBars(40, 4).map((x, i) => ({ ...x, close: Math.round(x.close / 3 + a[i]!.close / 2) }));
    const got = run(
      20,
      a.map((x, i) => [
        { key: 0, start: x.start, close: x.close },
        { key: 1, start: x.start, close: b[i]!.close },
      ]),
    );
    const r = (v: { close: number }[]) => v.slice(1).map((x, i) => Math.log(x.close / v[i]!.close));
    const [ra, rb] = [r(a), r(b)];
    expect(got).toHaveLength(20);
    got.forEach((v, i) => {
      expect(v).toBeCloseTo(pearson(ra.slice(i, i + 20), rb.slice(i, i + 20)), 9);
    });
  });
  it('pairs bars by their start, and leaves out one without a partner', () => {
    const one = (key: 0 | 1, start: number, close: number) => [{ key, start, close }];
    // The bar of b at 2 is missing; moves between 1 and 3 are opposite on both pairs of returns.
    const got = run(2, [
      one(0, 1, 100),
      one(1, 1, 100),
      one(0, 2, 500),
      one(1, 3, 50),
      one(0, 3, 200),
      one(0, 4, 100),
      one(1, 4, 100),
    ]);
    expect(got).toHaveLength(1);
    expect(got[0]).toBeCloseTo(-1, 12);
  });
});

describe('feature.rho', () => {
  it('equals its formula on a hand example [S2.13]', () => {
    // Doubling and halving back with w = 1/2: rebalanced 1.5 · 0.75 = 1.125, held 1. ρ = 10,000 / 2 · ln 1.125.
    expect(scalars(rho, { period: 2 }, values([100, 200, 100]))[2]).toBeCloseTo(5000 * Math.log(1.125), 9);
    // Two doublings: rebalanced 2.25, held (1 + 4) / 2.
    expect(scalars(rho, { period: 2 }, values([100, 200, 400]))[2]).toBeCloseTo(5000 * Math.log(2.25 / 2.5), 9);
  });
  it('is zero without a choice: all asset, all cash, or one step', () => {
    for (const config of [
      { period: 2, weight: 1 },
      { period: 2, weight: 0 },
      { period: 1, weight: 0.3 },
    ])
      expect(scalars(rho, config, values([100, 137, 90])).at(-1)).toBeCloseTo(0, 9);
  });
});

describe('features of volume', () => {
  it('volume momentum is the short mean over the long one, minus one [S2.20]', () => {
    const bars = [1000, 1000, 1000, 2000, 4000].map((volume) => ({ volume }));
    expect(scalars(volumeMomentum, { fast: 2, slow: 4 }, bars, 'bar')).toEqual([
      undefined,
      undefined,
      undefined,
      1500 / 1250 - 1,
      3000 / 2000 - 1,
    ]);
  });
  it('VWAP weighs typical prices by volume', () => {
    const bars = [
      { high: 10_200, low: 9_900, close: 9_900, volume: 1_000 },
      { high: 20_000, low: 20_000, close: 20_000, volume: 3_000 },
    ];
    const a = answers(vwap, { period: 2 }, 'bar', bars)[1]!;
    expect(a['value']!['value']).toBeCloseTo((100 + 3 * 200) / 4, 9);
    expect(a['distance_bp']!['value']).toBeCloseTo((10_000 * 25) / 175, 9);
  });
});

describe('feature.candlestick', () => {
  /** Open, high, low, close of three bars, the last one last. */
  const see = (...bars: [number, number, number, number][]) => {
    const rows = bars.map(([open, high, low, close]) => ({ open, high, low, close }));
    const p = answers(candlestick, {}, 'bar', rows)[2]!['pattern']!;
    return Object.keys(p).filter((k) => p[k] === true);
  };
  const flat: [number, number, number, number] = [100, 103, 97, 101];
  it.each([
    ['doji', [flat, flat, [100, 110, 90, 102]], [flat, flat, [100, 110, 90, 103]]],
    ['hammer', [flat, [110, 111, 104, 105], [100, 105, 90, 104]], [flat, [110, 111, 104, 105], [100, 107, 90, 104]]],
    [
      'shooting_star',
      [flat, [100, 106, 99, 105], [110, 120, 105, 106]],
      [flat, [105, 106, 99, 100], [110, 120, 105, 106]],
    ],
    [
      'bullish_engulfing',
      [flat, [105, 106, 99, 100], [99, 107, 98, 106]],
      [flat, [105, 106, 99, 100], [101, 107, 98, 106]],
    ],
    [
      'bearish_engulfing',
      [flat, [100, 106, 99, 105], [106, 107, 98, 99]],
      [flat, [100, 106, 99, 105], [104, 107, 98, 99]],
    ],
    [
      'morning_star',
      [
        [120, 121, 99, 100],
        [99, 100, 95, 97],
        [98, 113, 97, 112],
      ],
      [
        [120, 121, 99, 100],
        [99, 100, 95, 97],
        [98, 113, 97, 109],
      ],
    ],
    [
      'evening_star',
      [
        [100, 121, 99, 120],
        [121, 125, 120, 123],
        [122, 123, 107, 108],
      ],
      [
        [100, 121, 99, 120],
        [119, 125, 118, 123],
        [122, 123, 107, 108],
      ],
    ],
    [
      'three_white_soldiers',
      [
        [100, 111, 99, 110],
        [105, 121, 104, 120],
        [115, 131, 114, 130],
      ],
      [
        [100, 111, 99, 110],
        [105, 121, 104, 120],
        [121, 131, 120, 130],
      ],
    ],
    [
      'three_black_crows',
      [
        [130, 131, 119, 120],
        [125, 126, 109, 110],
        [115, 116, 99, 100],
      ],
      [
        [130, 131, 119, 120],
        [125, 126, 109, 110],
        [115, 116, 109, 110],
      ],
    ],
  ] as [string, [number, number, number, number][], [number, number, number, number][]][])(
    'recognises %s, and not its near miss [S2.19]',
    (name, drawn, miss) => {
      expect(see(...drawn)).toContain(name);
      expect(see(...miss)).not.toContain(name);
    },
  );
});

describe('feature.timeframe_consistency', () => {
  it('is 1 when all frames rise, lower when they are mixed, and waits for every frame [S2.18]', () => {
    const d = new Drive(timeframeConsistency, { period: 1 }, { rest: ['m1', 'm5', 'h1'] });
    const close = (t: number, name: string, value: number) => d.send(t, { [name]: { value } });
    for (const [t, name] of ['m1', 'm5', 'h1'].entries()) close(t, name, 100);
    close(4, 'm1', 101);
    close(5, 'm5', 101);
    expect(d.emitted).toEqual([]);
    close(6, 'h1', 101);
    close(7, 'm1', 99);
    expect(d.on('value').map((x) => x['value'])).toEqual([1, 1 / 3]);
    expect(d.on('agreement').map((x) => x['value'])).toEqual([1, 1 / 3]);
  });
});

describe('standardised values', () => {
  it('standardise is the z-score of the window, cut at clip [S2.27]', () => {
    // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, deviation 2.
    const xs = [2, 4, 4, 4, 5, 5, 7, 9];
    expect(scalars(standardise, { period: 8 }, values(xs)).at(-1)).toBe(2);
    expect(scalars(standardise, { period: 8, clip: 1.5 }, values(xs)).at(-1)).toBe(1.5);
    expect(scalars(standardise, { period: 2 }, values([3, 3, 4]))).toEqual([undefined, undefined, 1]);
    expect(scalars(scale, { mean: 5, deviation: 2 }, values([9]))).toEqual([2]);
    expect(scalars(scale, { factor: 3 }, values([9]))).toEqual([27]);
  });
});

describe('feature.join', () => {
  const rest = ['fast', 'slow', 'extra'];
  it('writes the last known values at the trigger, once all needed ones were seen', () => {
    const d = new Drive(join, { optional: ['extra'] }, { rest });
    d.send(1, { fast: { value: 1 } });
    d.send(2, { trigger: {} });
    d.send(3, { slow: { value: 2 } });
    d.send(4, { trigger: {}, fast: { value: 3 } });
    d.send(5, { extra: { value: 4 }, fast: { value: 9 } });
    d.send(6, { trigger: {} });
    expect(d.on('missing')).toEqual([{ names: 'slow' }]);
    expect(d.emitted.filter((e) => e.port === 'features').map((e) => [e.now, e.values])).toEqual([
      [4, { fast: 3, slow: 2, extra: Number.NaN }],
      [6, { fast: 9, slow: 2, extra: 4 }],
    ]);
  });
  it('takes a value older than max_age for missing', () => {
    const d = new Drive(join, { max_age: '1s', optional: ['extra'] }, { rest });
    d.send(0, { fast: { value: 1 }, slow: { value: 1 }, extra: { value: 1 } });
    d.send(900_000, { slow: { value: 2 } });
    d.send(1_000_000, { trigger: {} });
    d.send(1_000_001, { trigger: {} });
    d.send(1_500_000, { trigger: {}, fast: { value: 5 } });
    expect(d.on('features')).toEqual([
      { fast: 1, slow: 2, extra: 1 },
      { fast: 5, slow: 2, extra: Number.NaN },
    ]);
    expect(d.on('missing')).toEqual([{ names: 'fast' }]);
  });
  it('takes its layout, units and gaps from the wiring', () => {
    const inputs = { trigger: {} as Schema, atr: scalar('quote') };
    const out = join.ports.out as (c: object, w: { inputs: Record<string, Schema> }) => object;
    expect(
      (out({ optional: [] }, { inputs }) as unknown as Record<string, { schema: Schema }>)['features']!.schema.fields,
    ).toEqual({
      atr: { kind: 'f64', nullable: false, unit: 'quote' },
    });
    expect(join.check!({ optional: ['ema'] } as never, { inputs })[0]).toMatchObject({
      code: 'CHM871',
      path: ['optional', 0],
    });
  });
});

describe('feature.elliott', () => {
  const bar = (px: number) => ({ high: px, low: px });
  const run = (px: number[], reversal_bp = 100) => scalars(elliott, { reversal_bp }, px.map(bar), 'bar');
  it('scores a textbook impulse with 1, its mirror with −1, and a broken one lower [S2.16]', () => {
    // Pivots 100, 110, 105, 125, 118, 130; the last is confirmed by the fall to 128.
    const impulse = [104, 100, 110, 105, 125, 118, 130, 128];
    expect(
      run(impulse)
        .filter((x) => x !== undefined)
        .at(-1),
    ).toBe(1);
    expect(
      run(impulse.map((x) => 300 - x))
        .filter((x) => x !== undefined)
        .at(-1),
    ).toBe(-1);
    // Wave 4 falls into wave 1 and wave 5 does not pass wave 3.
    expect(
      run([104, 100, 110, 105, 125, 108, 120, 118])
        .filter((x) => x !== undefined)
        .at(-1),
    ).toBe(3 / 5);
  });
  it('knows nothing of the future: a prefix gives the same scores', () => {
    const px = randomBars(300, 11).map((b) => b.close);
    const whole = run(px, 20);
    for (const n of [50, 123, 222]) expect(run(px.slice(0, n), 20)).toEqual(whole.slice(0, n));
    expect(whole.filter((x) => x !== undefined).length).toBeGreaterThan(5);
  });
});

describe('the list of features', () => {
  it('has tens of types with a formula or source, and all three dimensions [S2.5] [S2.6]', () => {
    const helpers = ['feature.standardise', 'feature.scale', 'feature.broadcast', 'feature.join'];
    const types = featureNodes.map((n) => n.type).filter((t) => !helpers.includes(t));
    expect(Object.keys(FEATURE_NOTES).sort()).toEqual([...types].sort());
    expect(types.length).toBeGreaterThan(30);
    expect(new Set(Object.values(FEATURE_NOTES).map((n) => n.dimension))).toEqual(
      new Set(['market', 'signal', 'health']),
    );
    for (const n of featureNodes)
      expect([n.type, n.doc !== undefined || n.summary.includes('/')]).toEqual([n.type, true]);
    expect(new Set(types)).toContain('feature.volatility');
  });
  it('restores every state from plain data in the middle of a stream', () => {
    fc.assert(
      fc.property(fc.constantFrom(rho, regime, standardise, realisedVolatility), fc.nat(80), (node, cut) => {
        const xs = randomBars(90, 5).map((b) => ({ value: b.close / 100 }));
        const config = { period: 7 };
        const whole = answers(node, config, 'x', xs);
        const d = new Drive(node as typeof rho, config);
        for (const [i, x] of xs.slice(0, cut).entries()) d.send(i + 1, { x });
        const after = new Drive(node as typeof rho, config);
        after.state = structuredClone(d.state);
        const rows = xs
          .slice(cut)
          .map((x, i) => Object.fromEntries(after.send(cut + i + 1, { x }).map((e) => [e.port, e.values])));
        expect(rows).toEqual(whole.slice(cut));
      }),
      { numRuns: 40 },
    );
    expect(volatility.type).toBe('feature.volatility');
  });
});
