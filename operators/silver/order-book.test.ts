import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Vec } from '../../graph/schema/index.ts';
import { Drive } from '../../graph/testing/drive.ts';
import { orderBook } from './order-book.ts';

type Level = [number, number];
const vec = (xs: number[]) => new Vec(Float64Array.from(xs));
const sides = (bids: Level[], asks: Level[]) => ({
  bid_px: vec(bids.map((x) => x[0])),
  bid_qty: vec(bids.map((x) => x[1])),
  ask_px: vec(asks.map((x) => x[0])),
  ask_qty: vec(asks.map((x) => x[1])),
});
const times = { time_ms: Number.NaN, event_ms: Number.NaN };
const spot = (U: number, u: number, bids: Level[] = [], asks: Level[] = []) => ({
  depth: { first_u: U, u, pu: Number.NaN, ...times, ...sides(bids, asks) },
});
const usdm = (U: number, u: number, pu: number, bids: Level[] = [], asks: Level[] = []) => ({
  depth: { first_u: U, u, pu, ...times, ...sides(bids, asks) },
});
const BIDS: Level[] = [
  [100, 1],
  [99, 2],
];
const ASKS: Level[] = [
  [101, 3],
  [102, 4],
];
const snapshot = (u: number, bids = BIDS, asks = ASKS) => ({ snapshot: { u, ...times, ...sides(bids, asks) } });
const us = (d: Drive<never, never>, port = 'top') => d.on(port as never).map((r) => r['u']);
const states = (d: Drive<never, never>) => d.on('state' as never).map((r) => `${r['state']}: ${r['reason']}`);
const make = (config = {}) => {
  const d = new Drive(orderBook, config) as unknown as Drive<never, never>;
  let t = 0;
  const send = (x: Record<string, Record<string, unknown>>) => [...d.send(++t, x), ...d.advance(t)];
  return { d, send };
};

describe('silver.order_book', () => {
  it('applies buffered diffs when the snapshot comes, one row each, and skips those it already holds (Spot)', () => {
    const { d, send } = make();
    send(spot(1, 5, [[98, 9]]));
    send(spot(6, 8, [[100, 7]]));
    send(spot(9, 12, [], [[101, 0]]));
    expect(d.emitted).toEqual([]);
    send(snapshot(7));
    expect(us(d)).toEqual([8, 12]);
    expect(d.on('top' as never)).toEqual([
      { u: 8, bid_px: 100, bid_qty: 7, ask_px: 101, ask_qty: 3 },
      { u: 12, bid_px: 100, bid_qty: 7, ask_px: 102, ask_qty: 4 },
    ]);
    expect(states(d)).toEqual(['live: in sync with snapshot 7']);
    expect(d.emitted.every((e) => e.now === 4)).toBe(true);
    expect(d.counters['filtered']).toBe(0);
  });

  it('takes the USD-M rule when diffs carry pu: the diff that ends at the snapshot is applied', () => {
    const { d, send } = make();
    send(usdm(10, 20, 9));
    send(usdm(25, 30, 20, [[100, 5]]));
    send(snapshot(30));
    send(usdm(40, 44, 30, [[100, 0]]));
    expect(us(d)).toEqual([30, 44]);
    expect(d.on('top' as never)[1]).toMatchObject({ bid_px: 99, bid_qty: 2 });
  });

  it('joins a USD-M snapshot that lies between two diffs, and Spot diffs that start right behind theirs', () => {
    const a = make();
    a.send(snapshot(35));
    a.send(usdm(40, 44, 30));
    expect(us(a.d)).toEqual([44]);
    const b = make();
    b.send(snapshot(35));
    b.send(spot(36, 40));
    b.send(spot(41, 41));
    expect(us(b.d)).toEqual([40, 41]);
  });

  it('refuses a snapshot that is older than the first diff', () => {
    for (const diff of [spot(40, 44), usdm(40, 44, 39)]) {
      const { d, send } = make();
      send(snapshot(35));
      send(diff);
      expect(d.on('top' as never)).toEqual([]);
      expect(states(d)).toEqual(['resync: snapshot 35 is older than the diffs kept, from U 40']);
      send(snapshot(41));
      expect(us(d)).toEqual([44]);
    }
  });

  it.each([
    ['Spot', spot(20, 22), spot(23, 25), spot(26, 30)],
    ['USD-M', usdm(20, 22, 19), usdm(23, 25, 22), usdm(27, 30, 25)],
  ])('goes to resync at a gap and is silent until a fresh snapshot (%s)', (_, lostNext, later, last) => {
    const { d, send } = make();
    send(snapshot(10));
    send(spot(11, 12));
    send(lostNext);
    send(later);
    expect(us(d)).toEqual([12]);
    expect(states(d)[1]).toMatch(/^resync: gap: /);
    send(snapshot(23));
    send(last);
    expect(us(d)).toEqual([12, 25, 30]);
    expect(states(d)[2]).toBe('live: in sync with snapshot 23');
  });

  it('detects a swap of two diffs as a gap', () => {
    const { d, send } = make();
    send(snapshot(10));
    for (const [U, u] of [
      [11, 11],
      [13, 13],
      [12, 12],
      [14, 14],
    ] as const)
      send(spot(U, u));
    expect(us(d)).toEqual([11]);
    expect(states(d)).toHaveLength(2);
  });

  it('drops duplicates and counts them', () => {
    const { d, send } = make();
    send(snapshot(10));
    for (const diff of [spot(11, 12), spot(11, 12), spot(13, 14), spot(11, 12), spot(15, 15)]) send(diff);
    expect(us(d)).toEqual([12, 14, 15]);
    expect(d.counters['filtered']).toBe(2);
    expect(states(d)).toEqual(['live: in sync with snapshot 10']);
  });

  it('goes stale on a crossed or locked book, shows none of it, and comes back with a snapshot', () => {
    const { d, send } = make();
    send(snapshot(10));
    send(spot(11, 11));
    send(spot(12, 12, [[101, 1]]));
    send(spot(13, 13));
    expect(us(d)).toEqual([11]);
    expect(states(d)[1]).toBe('stale: locked book at u 12');
    send(snapshot(12));
    send(spot(14, 14));
    expect(us(d)).toEqual([11, 13, 14]);
  });

  it('is stale while a side is empty, and needs no snapshot to return', () => {
    const { d, send } = make();
    send(snapshot(10, [[100, 1]]));
    send(spot(11, 11));
    send(spot(12, 12, [[100, 0]]));
    send(spot(13, 13, [[99, 1]]));
    expect(us(d)).toEqual([11, 13]);
    expect(states(d).map((s) => s.split(':')[0])).toEqual(['live', 'stale', 'live']);
  });

  it('takes a newer snapshot over at the diff that reaches it, without losing or doubling a row', () => {
    const { d, send } = make();
    send(snapshot(10));
    send(spot(11, 11));
    send(snapshot(14, [[50, 1]], [[51, 1]]));
    for (const u of [12, 13, 14, 15, 16]) send(spot(u, u));
    expect(us(d)).toEqual([11, 12, 13, 14, 15, 16]);
    expect(d.on('top' as never).map((r) => r['bid_px'])).toEqual([100, 100, 100, 100, 50, 50]);
    expect(states(d)).toHaveLength(1);
  });

  it('takes a snapshot that is a little older than the book over with the diffs behind it', () => {
    const { d, send } = make();
    send(snapshot(10));
    for (const u of [11, 12, 13]) send(spot(u, u, [[90 + u - 10, u]]));
    send(snapshot(11, [[80, 1]], [[101, 3]]));
    expect(us(d)).toEqual([11, 12, 13]);
    const rows = send(spot(14, 14));
    // 80 from the snapshot, 92 and 93 from the diffs behind it, nothing from before it.
    const ladder = rows.find((e) => e.port === 'ladder')!.values;
    expect(ladder['bid_px']).toEqual([80, 92, 93]);
    expect(us(d)).toEqual([11, 12, 13, 14]);
  });

  it('uses a waiting newer snapshot as the fresh base when the chain breaks before it', () => {
    const { d, send } = make();
    send(snapshot(10));
    send(spot(11, 11));
    send(snapshot(20, [[50, 1]], [[51, 1]]));
    send(spot(15, 16));
    send(spot(17, 21));
    expect(us(d)).toEqual([11, 21]);
    expect(states(d).map((s) => s.split(':')[0])).toEqual(['live', 'resync', 'live']);
  });

  it('ignores a snapshot from before everything it kept', () => {
    const { d, send } = make();
    send(snapshot(10));
    send(spot(11, 11));
    send(snapshot(5));
    send(spot(12, 12));
    expect(us(d)).toEqual([11, 12]);
    expect(d.counters['filtered']).toBe(1);
  });

  it('keeps at most `buffer` diffs while it waits', () => {
    const { d, send } = make({ buffer: 2 });
    for (const u of [1, 2, 3, 4]) send(spot(u, u));
    send(snapshot(1));
    expect(states(d)).toEqual(['resync: snapshot 1 is older than the diffs kept, from U 3']);
    send(snapshot(3));
    expect(us(d)).toEqual([4]);
  });

  it('shows five levels and the exact sums within 10 bp of mid', () => {
    const { d, send } = make();
    const bids: Level[] = [9_999, 9_995, 9_990, 9_989].map((p, i) => [p, 2 ** i]);
    const asks: Level[] = [10_001, 10_010, 10_011].map((p, i) => [p, 10 ** i]);
    send(snapshot(1, bids, asks));
    send(spot(2, 2));
    expect(d.on('depth' as never)[0]).toMatchObject({
      u: 2,
      bid1_px: 9_999,
      bid4_px: 9_989,
      bid4_qty: 8,
      bid5_px: Number.NaN,
      ask3_qty: 100,
      ask4_px: Number.NaN,
      bid_10bp_qty: 7,
      ask_10bp_qty: 11,
    });
  });

  it('equals, for any damage to the chain, a plain map wherever it shows a row', () => {
    const diffs = fc.array(
      fc.record({ bid: fc.boolean(), px: fc.integer({ min: 1, max: 40 }), qty: fc.integer({ min: 0, max: 3 }) }),
      { minLength: 5, maxLength: 60 },
    );
    const damage = fc.array(
      fc.record({ at: fc.nat(59), kind: fc.constantFrom('drop', 'twice', 'swap', 'snapshot', 'old snapshot') }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(diffs, damage, (list, damages) => {
        // The true book after each u: bids below 1000, asks above.
        const bids = new Map([[500, 1]]);
        const asks = new Map([[1500, 1]]);
        const truth: { bids: Level[]; asks: Level[] }[] = [{ bids: [...bids], asks: [...asks] }];
        const frames: Record<string, Record<string, unknown>>[] = [snapshot(0, [...bids], [...asks])];
        list.forEach(({ bid, px, qty }, i) => {
          const p = bid ? 500 + px : 1500 - px;
          const side = bid ? bids : asks;
          if (qty === 0) side.delete(p);
          else side.set(p, qty);
          truth.push({ bids: [...bids], asks: [...asks] });
          frames.push(spot(i + 1, i + 1, bid ? [[p, qty]] : [], bid ? [] : [[p, qty]]));
        });
        for (const { at, kind } of damages) {
          const i = 1 + (at % (frames.length - 2));
          if (kind === 'drop') frames.splice(i, 1);
          else if (kind === 'twice') frames.splice(i, 0, frames[i]!);
          else if (kind === 'swap') [frames[i], frames[i + 1]] = [frames[i + 1]!, frames[i]!];
          else {
            const u = Math.max(0, Math.min(truth.length - 1, i + (kind === 'snapshot' ? 2 : -4)));
            frames.splice(i, 0, snapshot(u, truth[u]!.bids, truth[u]!.asks));
          }
          if (frames.length < 4) return;
        }
        const { d, send } = make();
        for (const f of frames) send(f);
        let before = 0;
        for (const row of d.on('top' as never)) {
          const u = row['u'] as number;
          expect(u).toBeGreaterThan(before);
          before = u;
          const bid = Math.max(...truth[u]!.bids.map((x) => x[0]));
          const ask = Math.min(...truth[u]!.asks.map((x) => x[0]));
          expect([row['bid_px'], row['ask_px']]).toEqual([bid, ask]);
          expect(row['bid_qty']).toBe(new Map(truth[u]!.bids).get(bid));
          expect(row['ask_qty']).toBe(new Map(truth[u]!.asks).get(ask));
        }
        if (damages.every((x) => x.kind === 'twice')) expect(d.on('top' as never)).toHaveLength(list.length);
        before = 0;
        for (const row of d.on('ladder' as never)) {
          const u = row['u'] as number;
          expect(u).toBeGreaterThan(before);
          before = u;
          const t = truth[u]!;
          const sorted = (xs: Level[]) => xs.map((x) => x[0]).sort((a, b) => a - b);
          expect(row['bid_px']).toEqual(sorted(t.bids));
          expect(row['ask_px']).toEqual(sorted(t.asks).reverse());
        }
      }),
      { numRuns: 500 },
    );
  });

  it('goes on alike when its state is copied and restored between any two frames', () => {
    const frames = [
      spot(1, 5),
      snapshot(4),
      spot(6, 6, [[99, 5]]),
      spot(6, 6),
      snapshot(9, [[70, 1]], [[71, 1]]),
      spot(7, 8),
      spot(9, 11),
      spot(13, 14),
      snapshot(14),
      spot(15, 15, [[101, 2]]),
      snapshot(15),
      spot(16, 16, [[100, 0]]),
    ];
    const whole = make();
    for (const f of frames) whole.send(f);
    expect(us(whole.d)).toEqual([5, 6, 8, 11, 16]);
    for (let cut = 0; cut <= frames.length; cut++) {
      const a = make();
      for (const f of frames.slice(0, cut)) a.send(f);
      const b = make();
      (b.d as { state: unknown }).state = structuredClone(a.d.state as unknown);
      for (const f of frames.slice(cut)) b.send(f);
      const rows = [...a.d.emitted, ...b.d.emitted].map((e) => [e.port, e.values]);
      expect(rows).toEqual(whole.d.emitted.map((e) => [e.port, e.values]));
    }
  });
});
