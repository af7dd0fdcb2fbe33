import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { dollarBars } from './dollar-bars.ts';
import { bar, drive, type Row, sumReference, tape, timeReference, trade } from './testing/tape.ts';
import { tickBars } from './tick-bars.ts';
import { timeBars } from './time-bars.ts';
import { volumeBars } from './volume-bars.ts';

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
