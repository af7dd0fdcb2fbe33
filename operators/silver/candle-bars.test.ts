import { describe, expect, it } from 'vitest';
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
});
