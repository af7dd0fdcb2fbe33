import { describe, expect, it } from 'vitest';
import { type Comparison, compare } from './comparison.ts';
import { newOrder, type OrderView, type Picture } from './order-state.ts';
import { NEXT_STATE, ReconcileDesk } from './reconcile-desk.ts';
import { SymbolOrders } from './symbol-orders.ts';
import { faultRun } from './testing/fault-run.ts';

const SESSIONS = 400;

const orders = (ids: readonly string[]): SymbolOrders => {
  const s = new SymbolOrders('BTCUSDT', 0);
  for (const id of ids) s.add({ ...newOrder('BTCUSDT', 0, id), orderId: `1${id}` });
  return s;
};
const view = (id: string, more: Partial<OrderView> = {}): OrderView => ({
  clientId: id,
  orderId: `1${id}`,
  conditional: false,
  status: 'new',
  side: 'buy',
  type: 'limit',
  tif: 'gtc',
  px: 1,
  stopPx: Number.NaN,
  qty: 1,
  cum: 0,
  reduceOnly: false,
  triggered: false,
  childId: '',
  code: 0,
  reason: '',
  timeMs: 0,
  ...more,
});
const picture = (views: readonly OrderView[], more: Partial<Picture> = {}): Picture => ({
  views,
  missing: [],
  fills: [],
  askedMs: 7,
  ...more,
});

describe('open orders here and there', () => {
  it('have a Jaccard of 1 when they are the same, and lose a share for each that only one side has [OBS.5]', () => {
    const jaccard = (here: string[], there: OrderView[], more: Partial<Picture> = {}) =>
      compare(orders(here), picture(there, more)).jaccard;
    expect(jaccard([], [])).toBe(1);
    expect(
      jaccard(
        ['a', 'b', 'c', 'd'],
        ['a', 'b', 'c', 'd'].map((id) => view(id)),
      ),
    ).toBe(1);
    // One of four is missing there: three of four in common.
    expect(jaccard(['a', 'b', 'c', 'd'], [view('a'), view('b'), view('c')], { missing: ['d'] })).toBe(3 / 4);
    // One more there: four of five.
    expect(
      jaccard(
        ['a', 'b', 'c', 'd'],
        ['a', 'b', 'c', 'd', 'x'].map((id) => view(id)),
      ),
    ).toBe(4 / 5);
    expect(jaccard(['a'], [view('x')], { missing: ['a'] })).toBe(0);
  });
  it('are named where they differ, with what is done about each', () => {
    const s = orders(['a', 'b', 'c']);
    const found = compare(
      s,
      picture([view('a', { cum: 1, status: 'partially_filled' }), view('b', { status: 'canceled' }), view('x')], {
        missing: ['c'],
      }),
    );
    expect(found).toMatchObject({ symbol: 'BTCUSDT', askedMs: 7, here: 3, there: 2 });
    expect(found.differences).toEqual([
      { kind: 'order_differs', id: 'a', action: 'updated' },
      { kind: 'order_only_here', id: 'b', action: 'ended' },
      { kind: 'order_only_there', id: 'x', action: 'adopted' },
      { kind: 'order_only_here', id: 'c', action: 'ended' },
    ]);
    // What the stream has brought meanwhile, and waits, is no difference.
    s.held = [{ what: 'stands', view: view('x'), mayBeChild: false }];
    expect(compare(s, picture([view('x')])).differences).toEqual([]);
  });
});

describe('comparing ours with the exchange’s', () => {
  it(`${SESSIONS} sessions with lost frames and faults: differences are named with what was done, and in nine of ten nothing differs at the last comparison`, () => {
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
