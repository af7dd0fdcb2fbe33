import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { best } from './best.ts';

describe('silver.best', () => {
  it('passes good tickers and counts crossed, locked, empty, repeated and stale ones', () => {
    const d = new Drive(best);
    const ticker = (u: number, bid_px: number, ask_px: number, bid_qty = 1, ask_qty = 1) =>
      d.send(u, { ticker: { u, bid_px, bid_qty, ask_px, ask_qty } });
    ticker(1, 100, 101);
    ticker(2, 101, 101);
    ticker(3, 102, 101);
    ticker(4, 100, 101, 0);
    ticker(5, 100, 101, 1, 0);
    ticker(6, 0, 101);
    ticker(7, 100, 102);
    ticker(7, 100, 103);
    ticker(6, 100, 104);
    expect(d.on('best').map((r) => [r['u'], r['ask_px']])).toEqual([
      [1, 101],
      [7, 102],
    ]);
    expect(d.counters['filtered']).toBe(7);
  });
});
