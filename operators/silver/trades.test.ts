import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { drive, tape, trade } from './testing/tape.ts';
import { timeBars } from './time-bars.ts';
import { trades } from './trades.ts';

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
