import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { candleBars } from './candle-bars.ts';
import { dollarBars } from './dollar-bars.ts';
import { klineCheck } from './kline-check.ts';
import { DATA, hasRecording, readRecording } from './testing/recording.ts';
import { tickBars } from './tick-bars.ts';
import { timeBars } from './time-bars.ts';
import { trades } from './trades.ts';
import { volumeBars } from './volume-bars.ts';

type Row = Record<string, unknown>;
interface T {
  id: number;
  time_ms: number;
  px: number;
  qty: number;
  side: 'buy' | 'sell';
}
const trade = (t: Partial<T> & { id: number }, more: Row = {}): Row => ({
  px: 100,
  qty: 1,
  side: 'buy',
  time_ms: t.id,
  event_ms: Number.NaN,
  on_market: true,
  agg: false,
  first_id: t.id,
  last_id: t.id,
  ...t,
  ...more,
});
/** Bars by a plain reading of the definition: group, then reduce. */
function bar(ts: readonly T[], start = ts[0]!.time_ms, end = ts.at(-1)!.time_ms): Row {
  const px = ts.map((t) => t.px);
  const sum = (xs: readonly T[], f: (t: T) => number) => xs.reduce((a, t) => a + f(t), 0);
  return {
    start,
    end,
    open: px[0],
    high: Math.max(...px),
    low: Math.min(...px),
    close: px.at(-1),
    volume: sum(ts, (t) => t.qty),
    quote: sum(ts, (t) => t.px * t.qty),
    trades: ts.length,
    buy_volume: sum(
      ts.filter((t) => t.side === 'buy'),
      (t) => t.qty,
    ),
    first_id: ts[0]!.id,
    last_id: ts.at(-1)!.id,
  };
}
function timeReference(ts: readonly T[], width: number): Row[] {
  const groups = new Map<number, T[]>();
  for (const t of ts) {
    const start = Math.floor(t.time_ms / width) * width;
    groups.set(start, [...(groups.get(start) ?? []), t]);
  }
  return [...groups].map(([start, group]) => bar(group, start, start + width));
}
function sumReference(ts: readonly T[], amount: (t: T) => number, threshold: number): Row[] {
  const out: Row[] = [];
  let group: T[] = [];
  for (const t of ts) {
    group.push(t);
    if (group.reduce((a, x) => a + amount(x), 0) < threshold) continue;
    out.push(bar(group));
    group = [];
  }
  return out;
}
const tape = fc
  .array(
    fc.record({
      dt: fc.integer({ min: 0, max: 700 }),
      px: fc.integer({ min: 1, max: 9_000_000 }),
      qty: fc.integer({ min: 1, max: 9_000 }),
      buy: fc.boolean(),
    }),
    { maxLength: 80 },
  )
  .map((steps): T[] => {
    let time_ms = 1_700_000_000_123;
    return steps.map(({ dt, px, qty, buy }, id) => {
      time_ms += dt;
      return { id: id + 7, time_ms, px, qty, side: buy ? 'buy' : 'sell' };
    });
  });
const drive = (node: unknown, config: Row, ts: readonly T[]): Row[] => {
  const d = new Drive(node as typeof timeBars, config);
  for (const t of ts) d.send(t.time_ms * 1000, { trade: trade(t) });
  d.end();
  return d.on('bar');
};

describe('bars of trades', () => {
  it('equal a plain grouping of the same trades', () => {
    fc.assert(
      fc.property(tape, fc.integer({ min: 1, max: 7 }), (ts, n) => {
        expect(drive(timeBars, { width: '1s' }, ts)).toEqual(timeReference(ts, 1000));
        expect(drive(tickBars, { trades: n }, ts)).toEqual(
          Array.from({ length: Math.floor(ts.length / n) }, (_, i) => bar(ts.slice(i * n, (i + 1) * n))),
        );
        expect(drive(volumeBars, { threshold: 12.5 }, ts)).toEqual(sumReference(ts, (t) => t.qty, 12_500));
        expect(drive(dollarBars, { threshold: '150000.5' }, ts)).toEqual(
          sumReference(ts, (t) => t.px * t.qty, 15_000_050_000),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('take the start of a time bar inclusive and its end exclusive, and skip empty ones', () => {
    const d = new Drive(timeBars, { width: '1s' });
    for (const [id, time_ms] of [
      [1, 999],
      [2, 1000],
      [3, 1999],
      [4, 5000],
    ] as const)
      d.send(id, { trade: trade({ id, time_ms }) });
    expect(d.on('bar').map((b) => [b['start'], b['end'], b['trades']])).toEqual([
      [0, 1000, 1],
      [1000, 2000, 2],
    ]);
    d.end();
    expect(d.on('bar')).toHaveLength(3);
  });

  it('close a volume bar with the trade that reaches the threshold, which belongs to it whole', () => {
    const d = new Drive(volumeBars, { threshold: '1.000' });
    for (const [id, qty] of [
      [1, 999],
      [2, 5_000],
      [3, 1_000],
      [4, 999],
    ] as const)
      d.send(id, { trade: trade({ id, qty }) });
    expect(d.on('bar').map((b) => b['volume'])).toEqual([5_999, 1_000]);
  });

  it('reach a threshold with more decimals than the instrument has only above it', () => {
    const d = new Drive(volumeBars, { threshold: 0.0014 });
    for (const id of [1, 2, 3, 4]) d.send(id, { trade: trade({ id }) });
    expect(d.on('bar').map((b) => b['volume'])).toEqual([2, 2]);
  });

  it('leave trades off the market out, and count them', () => {
    for (const [node, config] of [
      [timeBars, { width: '1s' }],
      [tickBars, { trades: 1 }],
      [volumeBars, { threshold: '0.001' }],
      [dollarBars, { threshold: '0.00001' }],
    ] as const) {
      const d = new Drive(node as typeof tickBars, config as Row);
      d.send(1, { trade: trade({ id: 1, px: 1_000_000 }, { on_market: false }) });
      d.send(2, { trade: trade({ id: 2 }) });
      d.end();
      expect(d.counters['filtered']).toBe(1);
      expect(d.on('bar').map((b) => [b['high'], b['trades']])).toEqual([[100, 1]]);
    }
  });

  it('count a trade of a written time bar late and dead-letter it', () => {
    const d = new Drive(timeBars, { width: '1s' });
    d.send(1, { trade: trade({ id: 1, time_ms: 500 }) });
    d.send(2, { trade: trade({ id: 3, time_ms: 1500 }) });
    d.send(3, { trade: trade({ id: 2, time_ms: 900, px: 7 }) });
    d.end();
    expect(d.counters).toMatchObject({ late: 1, dead_lettered: 1 });
    expect(d.on('bar').map((b) => b['low'])).toEqual([100, 100]);
  });

  it('amend a bar that waits for its grace, and open and close it by trade id', () => {
    const d = new Drive(timeBars, { width: '1s', close: 'timer', grace: '200ms' });
    d.send(600_000, { trade: trade({ id: 2, time_ms: 600, px: 20 }) });
    d.send(1_100_000, { trade: trade({ id: 5, time_ms: 1_050, px: 50 }) });
    d.send(1_150_000, { trade: trade({ id: 3, time_ms: 990, px: 30 }) });
    d.send(1_160_000, { trade: trade({ id: 1, time_ms: 100, px: 10 }) });
    expect(d.on('bar')).toEqual([]);
    expect(d.advance(1_200_000)).toMatchObject([
      { now: 1_200_000, values: { open: 10, close: 30, first_id: 1, last_id: 3, trades: 3 } },
    ]);
    d.send(1_300_000, { trade: trade({ id: 4, time_ms: 999 }) });
    expect(d.counters).toMatchObject({ late: 3, dead_lettered: 1 });
    expect(d.advance(9_000_000)).toMatchObject([{ now: 2_200_000, values: { start: 1000, trades: 1 } }]);
  });

  it('write bars in order, one a cycle, when the exchange runs ahead of the engine', () => {
    const d = new Drive(timeBars, { width: '1s', close: 'timer' });
    for (const [id, time_ms] of [
      [1, 500],
      [2, 3500],
      [3, 1500],
    ] as const)
      d.send(10_000, { trade: trade({ id, time_ms }) });
    expect(d.advance(10_000_000).map((e) => [e.now, e.values['start']])).toEqual([
      [1_000_000, 0],
      [2_000_000, 1000],
      [4_000_000, 3000],
    ]);
  });

  it('refuse a sum beyond 2^53 instead of rounding it', () => {
    const d = new Drive(timeBars, { width: '1s' });
    const big = { px: 2 ** 26, qty: 2 ** 26 };
    d.send(1, { trade: trade({ id: 1, ...big }) });
    expect(() => d.send(2, { trade: trade({ id: 2, ...big }) })).toThrow(
      expect.objectContaining({ code: 'CHM850', where: { field: 'quote' } }),
    );
  });

  it('refuse a threshold that the instrument cannot count', () => {
    expect(() => new Drive(volumeBars, { threshold: '99999999999999999' })).toThrow(
      expect.objectContaining({ code: 'CHM851' }),
    );
    expect(volumeBars.config.safeParse({ threshold: '1e5' }).success).toBe(false);
    expect(volumeBars.config.safeParse({ threshold: 0 }).success).toBe(false);
    expect(volumeBars.config.parse({ threshold: 1e-7 }).threshold).toBe('0.0000001');
    expect(volumeBars.config.parse({ threshold: 1.5e21 }).threshold).toBe('1500000000000000000000');
  });
});

describe('silver.trades', () => {
  it('drops repeated ids and prints off the market, and lets trades out of order pass', () => {
    const d = new Drive(trades);
    const ids = [10, 11, 11, 13, 12, 12, 10, 5000, 905, 900, 4999];
    for (const [i, id] of ids.entries()) d.send(i, { trade: trade({ id }) });
    d.send(99, { trade: trade({ id: 5001 }, { on_market: false }) });
    expect(d.on('trade').map((t) => t['id'])).toEqual([10, 11, 13, 12, 5000, 905, 4999]);
    expect(d.counters['filtered']).toBe(5);
  });

  it('keeps to the kind of trade that an instrument showed first', () => {
    const d = new Drive(trades);
    d.send(1, { trade: trade({ id: 1 }, { agg: true }) });
    d.send(2, { trade: trade({ id: 900 }) });
    d.send(3, { trade: trade({ id: 2 }, { agg: true }) });
    expect(d.on('trade').map((t) => t['id'])).toEqual([1, 2]);
  });

  it('gives the bars of the clean feed when duplicates and off-market prints are mixed in [S2.4]', () => {
    fc.assert(
      fc.property(tape, fc.array(fc.nat(79), { maxLength: 20 }), (ts, dirt) => {
        const clean = new Drive(trades);
        const noisy = new Drive(timeBars, { width: '1s' });
        let injected = 0;
        ts.forEach((t, i) => {
          clean.send(t.time_ms, { trade: trade(t) });
          for (const d of dirt) {
            if (d !== i) continue;
            injected += 2;
            clean.send(t.time_ms, { trade: trade(ts[Math.max(0, i - 3)]!) });
            clean.send(t.time_ms, { trade: trade({ ...t, px: 1 }, { on_market: false }) });
          }
        });
        for (const t of clean.on('trade')) noisy.send(t['time_ms'] as number, { trade: t });
        noisy.end();
        expect(noisy.on('bar')).toEqual(drive(timeBars, { width: '1s' }, ts));
        expect(clean.counters['filtered']).toBe(injected);
      }),
    );
  });
});

describe('silver.time_bars behind silver.trades', () => {
  it('gives the bars of the clean feed when trades of a bar arrive in another order [S2.4]', () => {
    fc.assert(
      fc.property(tape, fc.array(fc.nat(78), { maxLength: 20 }), (ts, swaps) => {
        const shuffled = [...ts];
        for (const i of swaps) {
          const [a, b] = [shuffled[i], shuffled[i + 1]];
          if (!a || !b || Math.floor(a.time_ms / 1000) !== Math.floor(b.time_ms / 1000)) continue;
          shuffled[i] = b;
          shuffled[i + 1] = a;
        }
        const clean = new Drive(trades);
        for (const t of shuffled) clean.send(t.time_ms, { trade: trade(t) });
        expect(clean.counters['filtered']).toBe(0);
        expect(drive(timeBars, { width: '1s' }, shuffled)).toEqual(drive(timeBars, { width: '1s' }, ts));
      }),
    );
  });
});

describe('silver.candle_bars', () => {
  const minute = 60_000;
  const candle = (i: number, px = 100 + i): Row => ({
    open_time_ms: i * minute,
    open: px,
    high: px + 5,
    low: px - 5,
    close: px + 1,
    volume: 10,
  });
  it('writes an hour with its sixtieth candle, and not the hour that it did not see begin', () => {
    const d = new Drive(candleBars, { width: '1h' });
    for (let i = 30; i < 180; i++) d.send(i, { candle: candle(i) });
    expect(d.emitted.map((e) => [e.now, e.values['start'], e.values['candles']])).toEqual([
      [119, 60 * minute, 60],
      [179, 120 * minute, 60],
    ]);
    expect(d.on('bar')[0]).toMatchObject({
      open: 160,
      high: 224,
      low: 155,
      close: 220,
      volume: 600,
      end: 120 * minute,
    });
  });

  it('writes a bar with missing candles once, says how many it has, and dead-letters a repeated one', () => {
    const d = new Drive(candleBars, { width: '3m' });
    for (const i of [0, 1, 4, 5, 5, 6, 8, 11]) d.send(i, { candle: candle(i) });
    expect(d.on('bar').map((b) => [(b['start'] as number) / minute, b['candles']])).toEqual([
      [0, 2],
      [3, 2],
      [6, 2],
      [9, 1],
    ]);
    expect(d.counters).toMatchObject({ late: 1, dead_lettered: 1 });
  });
});

describe('silver.kline_check', () => {
  const kline = (last_id: number, more: Row = {}): Record<string, Row> => ({
    kline: {
      start_ms: 60_000,
      end_ms: 119_999,
      interval: '1m',
      open: 100,
      high: 100,
      low: 100,
      close: 100,
      volume: 2,
      quote: 0.002,
      trades: 2,
      buy_volume: 2,
      buy_quote: 0,
      first_id: 2,
      last_id,
      closed: false,
      event_ms: 60_500,
      ...more,
    },
  });
  it('compares an update before and after its last trade came, and names what differs', () => {
    const d = new Drive(klineCheck);
    d.send(1, { trade: trade({ id: 1, time_ms: 59_000 }) });
    d.send(2, { trade: trade({ id: 2, time_ms: 60_000 }) });
    d.send(3, kline(3));
    expect(d.emitted).toEqual([]);
    d.send(4, { trade: trade({ id: 3, time_ms: 60_001 }) });
    d.send(5, { trade: trade({ id: 4, time_ms: 60_002, qty: 5 }) });
    d.send(6, kline(3, { closed: true, volume: 3, close: 99 }));
    d.send(7, kline(9));
    expect(d.on('check')).toEqual([
      { start: 60_000, last_id: 3, closed: false, whole: true, equal: true, differs: '' },
      { start: 60_000, last_id: 3, closed: true, whole: true, equal: false, differs: 'close volume' },
    ]);
  });

  it('bounds the volume of an update that ends inside an aggregate', () => {
    const d = new Drive(klineCheck);
    d.send(1, { trade: trade({ id: 1, time_ms: 59_000 }) });
    d.send(2, { trade: trade({ id: 2, time_ms: 60_000 }) });
    d.send(3, { trade: trade({ id: 9, time_ms: 60_001, qty: 3 }, { agg: true, first_id: 3, last_id: 5 }) });
    d.send(4, kline(3, { quote: 0.004, volume: 4, buy_volume: 4 }));
    d.send(5, kline(4, { quote: 0.005, volume: 5, buy_volume: 4, trades: 3, close: 101 }));
    expect(d.on('check').map((r) => [r['whole'], r['differs']])).toEqual([
      [false, ''],
      [false, 'close volume quote'],
    ]);
  });

  it('says nothing of a minute that began before the recording', () => {
    const d = new Drive(klineCheck);
    d.send(2, { trade: trade({ id: 2, time_ms: 60_000 }) });
    d.send(3, { trade: trade({ id: 3, time_ms: 60_001 }) });
    d.send(4, kline(3));
    expect(d.emitted).toEqual([]);
  });

  it.skipIf(!hasRecording('cryptofeed/BINANCE_FUTURES.ws.1.0.gz'))(
    `agrees with every update of a minute that began inside the recording (${DATA})`,
    () => {
      let due = 0;
      let rows = 0;
      for (const symbol of ['SUSHIUSDT', 'AKROUSDT', 'KEEPUSDT', 'CTKUSDT']) {
        const { frames, ...digits } = readRecording(['cryptofeed/BINANCE_FUTURES.ws.1.0.gz'], symbol);
        const d = new Drive(klineCheck, {}, digits);
        for (const f of frames) if (f.port === 'kline' || f.port === 'trade') d.send(f.t, { [f.port]: f.row });
        const began = Math.min(...frames.map((f) => (f.row['event_ms'] as number) || Number.POSITIVE_INFINITY));
        due += frames.filter((f) => f.port === 'kline' && (f.row['start_ms'] as number) > began).length;
        const checks = d.on('check');
        rows += checks.length;
        expect(checks.filter((c) => !c['equal'])).toEqual([]);
      }
      console.log(`${rows} of ${due} kline updates of whole minutes compared, all equal`);
      expect(rows).toBe(due);
      expect(rows).toBeGreaterThan(15);
    },
  );
});
