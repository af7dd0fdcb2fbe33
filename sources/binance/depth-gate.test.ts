import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DepthGate } from './depth-gate.ts';

interface Diff {
  U: number;
  u: number;
  pu: number;
}
/** A book by the exchange's own rules, as the reference that the gate must serve: its state after rows in this order. */
function bookIsLive(market: 'usdm' | 'spot', rows: readonly (Diff | number)[]): boolean {
  let waiting: Diff[] = [];
  let last = Number.NaN;
  for (const row of rows) {
    if (typeof row === 'number') {
      const L = row;
      const rest = waiting.filter((d) => (market === 'usdm' ? d.u >= L : d.u > L));
      const first = rest[0];
      if (first && (market === 'usdm' ? first.pu > L : first.U > L + 1)) continue;
      last = rest.length > 0 ? rest.at(-1)!.u : L;
      continue;
    }
    const joins = market === 'usdm' ? row.pu === last || (row.pu <= last && row.u >= last) : row.U <= last + 1;
    const chained =
      waiting.length === 0 || (market === 'usdm' ? waiting.at(-1)!.u === row.pu : waiting.at(-1)!.u + 1 >= row.U);
    waiting = chained ? [...waiting, row] : [row];
    if (joins) last = Math.max(last, row.u);
    else if (row.u > last || Number.isNaN(last)) last = Number.NaN;
  }
  return !Number.isNaN(last);
}

describe.each(['usdm', 'spot'] as const)('the gate of %s diffs', (market) => {
  it('wants no snapshot only when a book on the other side is live, whatever is lost, doubled or late', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ what: fc.integer({ min: 0, max: 9 }), behind: fc.integer({ min: 0, max: 4 }) }), {
          minLength: 1,
          maxLength: 40,
        }),
        (steps) => {
          const gate = new DepthGate(market);
          const passed: (Diff | number)[] = [];
          const made: Diff[] = [];
          let u = 1000;
          for (const { what, behind } of steps) {
            if (what < 7) {
              const d = { U: u + 1, u: u + 3, pu: u };
              made.push(d);
              u += 3;
              // Two of seven are lost.
              if (what < 2) continue;
              for (let copy = 0; copy < (what === 2 ? 2 : 1); copy++)
                if (gate.isNew(d.u)) {
                  gate.passed(d.U, d.u, d.pu);
                  passed.push(d);
                }
            } else if (what === 7) gate.reconnected();
            else if (gate.wanted) {
              const L = made.at(-1 - behind)?.u ?? u;
              if (!gate.joins(L)) continue;
              passed.push(L);
              gate.based(L);
            }
            if (!gate.wanted) expect(bookIsLive(market, passed)).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
