import { describe, expect, it } from 'vitest';
import type { Comparison } from './comparison.ts';
import { NEXT_STATE, ReconcileDesk } from './reconcile-desk.ts';
import { faultRun } from './testing/fault-run.ts';

const SESSIONS = 400;

describe('comparing ours with the exchange’s', () => {
  it(`${SESSIONS} sessions with lost frames and faults: differences are named with what was done, and nothing differs in the end [S5.3]`, () => {
    const kinds = new Map<string, number>();
    let last = 0;
    for (let seed = 1; seed <= SESSIONS; seed++) {
      // An illegal change of state throws within.
      const run = faultRun(seed, (x) => {
        x.loss = 0.1;
      });
      for (const c of run.comparisons) {
        expect(c.jaccard).toBeGreaterThanOrEqual(0);
        expect(c.jaccard).toBeLessThanOrEqual(1);
        for (const d of c.differences)
          kinds.set(`${d.kind}: ${d.action}`, (kinds.get(`${d.kind}: ${d.action}`) ?? 0) + 1);
      }
      const end = run.comparisons.at(-1)!;
      if (end.differences.length === 0 && end.jaccard === 1) last++;
      else kinds.set('in the end', (kinds.get('in the end') ?? 0) + 1);
    }
    console.table(Object.fromEntries([...kinds].sort()));
    for (const kind of ['fill_missing: booked', 'order_only_here: ended', 'order_only_there: adopted'])
      expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(0);
    expect(last).toBeGreaterThan(SESSIONS * 0.9);
  }, 120_000);
});

describe('the reconciler', () => {
  const found = (symbol: string, askedMs: number, n = 0): Comparison => ({
    symbol,
    askedMs,
    here: 1,
    there: 1,
    jaccard: n > 0 ? 0.5 : 1,
    differences: Array.from({ length: n }, (_, i) => ({ kind: 'fill_missing', id: String(i), action: 'booked' })),
  });
  it('goes through declared states only: it begins, compares, and agreed or differed [S5.4]', () => {
    const desk = new ReconcileDesk();
    const seen: string[] = [desk.report().state];
    const see = () => seen.push(desk.report().state);
    for (const n of [1, 0]) {
      desk.began('A');
      see();
      desk.began('B');
      desk.compared(found('A', 1, n), 10);
      see();
      desk.compared(found('B', 1), 11);
      see();
    }
    expect(seen).toEqual(['starting', 'comparing', 'comparing', 'differed', 'comparing', 'comparing', 'agreed']);
    seen.slice(1).forEach((to, i) => {
      expect(NEXT_STATE[seen[i] as keyof typeof NEXT_STATE]).toContain(to);
    });
    expect(desk.report()).toMatchObject({ at_ms: 11, jaccard: 1, differences: 0 });
    // An end without a beginning is nothing that can happen.
    expect(() => new ReconcileDesk().compared(found('A', 1), 1)).toThrow('starting to agreed');
  });
  it('answers who asked when everything has been read after the question, and not before', async () => {
    const desk = new ReconcileDesk();
    await expect(desk.reconcile(1)).rejects.toMatchObject({ code: 'CHM969' });
    let begun = 0;
    desk.attach({ symbols: ['A', 'B'], reconcile: () => begun++ });
    let answer: unknown;
    const asked = desk.reconcile(100).then((r) => {
      answer = r;
    });
    desk.began('A');
    desk.began('B');
    desk.compared(found('A', 90), 101);
    desk.compared(found('B', 101), 102);
    await new Promise((done) => setImmediate(done));
    expect([begun, answer]).toEqual([1, undefined]);
    desk.began('A');
    desk.compared(found('A', 103, 2), 104);
    await asked;
    expect(answer).toMatchObject({ state: 'differed', differences: 2, jaccard: 0.5 });
    await expect(desk.reconcile(200, 20)).rejects.toMatchObject({ code: 'CHM969' });
  });
});
