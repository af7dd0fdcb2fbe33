import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from '../../graph/codec/index.ts';
import { Drive } from '../../graph/testing/drive.ts';
import { candleBars } from './candle-bars.ts';
import type { Row } from './testing/tape.ts';

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

  it('passes over candles that end no bar, and is then where a step for each would have left it', () => {
    let passed = 0;
    const step = fc.record({
      gap: fc.constantFrom(1, 1, 1, 1, 1, 1, 2, 7, 0, -1),
      px: fc.integer({ min: 1, max: 900 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 90, size: 'max' }),
        fc.constantFrom('3m', '5m', '15m'),
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }),
        (steps, width, start, cuts) => {
          let i = start;
          const candles = steps.map(({ gap, px }, n): Row => {
            i += gap;
            return { ...candle(i, px), volume: n === 40 && px < 90 ? Number.MAX_SAFE_INTEGER : px };
          });
          const names = ['open_time_ms', 'open', 'high', 'low', 'close', 'volume'] as const;
          const columns = Object.fromEntries(names.map((n) => [n, Float64Array.from(candles, (c) => c[n] as number)]));
          const rows = Int32Array.from(candles, (_, j) => j);
          const [stepped, quiet] = [new Drive(candleBars, { width }), new Drive(candleBars, { width })];
          const { reach, fold } = candleBars.quiet!.candle!;
          const tried = (d: typeof quiet, j: number): boolean => {
            try {
              d.send(j, { candle: candles[j]! });
              return true;
            } catch {
              return false;
            }
          };
          for (let j = 0, cut = 0; j < candles.length; cut++) {
            const to = Math.min(candles.length, j + cuts[cut % cuts.length]!);
            const look = { columns: columns as never, rows, from: j, to };
            const end = reach(quiet.state, look, quiet.config as never, 0);
            if (end > j) fold(quiet.state, { ...look, to: end }, quiet.config as never, 0);
            passed += end - j;
            for (; j < end; j++) expect(tried(stepped, j)).toBe(true);
            expect(stepped.emitted).toEqual(quiet.emitted);
            expect(stepped.counters).toEqual(quiet.counters);
            expect(encode(quiet.state)).toEqual(encode(stepped.state));
            if (j === to) continue;
            // A volume beyond 2^53 fails in its own step.
            const fine = tried(stepped, j);
            expect(tried(quiet, j++)).toBe(fine);
            if (!fine) return;
          }
        },
      ),
      { numRuns: 200 },
    );
    expect(passed).toBeGreaterThan(4000);
  });
});
