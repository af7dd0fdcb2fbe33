import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LimitBook } from './limit-book.ts';

interface Resting {
  id: number;
  side: number;
  tick: number;
  qty: number;
}
/** The definition of price-time priority over a plain list. */
class Plain {
  orders: Resting[] = [];
  trades: number[][] = [];
  add(id: number, side: number, tick: number, qty: number): void {
    let left = qty;
    const against = this.orders
      .filter((o) => o.side === -side && (o.tick - tick) * side <= 0)
      .sort((a, b) => (a.tick - b.tick) * side);
    for (const o of against) {
      const done = Math.min(left, o.qty);
      if (done === 0) break;
      o.qty -= done;
      left -= done;
      this.trades.push([o.tick, done, side]);
    }
    this.orders = this.orders.filter((o) => o.qty > 0);
    if (left > 0) this.orders.push({ id, side, tick, qty: left });
  }
  level(side: number, tick: number): number {
    return this.orders.filter((o) => o.side === side && o.tick === tick).reduce((sum, o) => sum + o.qty, 0);
  }
  best(side: number): number {
    const ticks = this.orders.filter((o) => o.side === side).map((o) => o.tick);
    return ticks.length === 0 ? Number.NaN : side > 0 ? Math.max(...ticks) : Math.min(...ticks);
  }
}

const op = fc.record({
  cancel: fc.integer({ min: 0, max: 3 }).map((x) => x === 0),
  side: fc.constantFrom(1, -1),
  tick: fc.oneof({ weight: 20, arbitrary: fc.integer({ min: -30, max: 30 }) }, fc.integer({ min: -900, max: 900 })),
  qty: fc.integer({ min: 1, max: 20 }),
  which: fc.nat(200),
});

describe('the matching engine', () => {
  it('trades as a plain list with price-time priority does', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 150 }), (ops) => {
        const trades: number[][] = [];
        const book = new LimitBook(50_000, { onTrade: (t, q, s) => trades.push([t, q, s]), onLevel: () => {} });
        const plain = new Plain();
        const ids: number[] = [];
        ops.forEach((o) => {
          if (o.cancel) {
            const k = o.which % Math.max(1, ids.length);
            const known = plain.orders.some((r) => r.id === k);
            expect(ids.length > 0 && book.cancel(ids[k]!)).toBe(known);
            plain.orders = plain.orders.filter((r) => r.id !== k);
          } else {
            ids.push(book.add(o.side, 50_000 + o.tick, o.qty));
            plain.add(ids.length - 1, o.side, 50_000 + o.tick, o.qty);
          }
          expect([book.bestBid, book.bestAsk]).toEqual([plain.best(1), plain.best(-1)]);
          expect(book.bestBid >= book.bestAsk).toBe(false);
        });
        expect(trades).toEqual(plain.trades);
        for (const t of new Set(ops.map((o) => 50_000 + o.tick)))
          for (const side of [1, -1]) if (book.sizeAt(side, t) !== plain.level(side, t)) expect([side, t]).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
  it('moves along with the price over any distance', () => {
    let trades = 0;
    const book = new LimitBook(50_000, { onTrade: () => trades++, onLevel: () => {} });
    let id = -1;
    for (let tick = 50_000; tick < 90_000; tick += 500) {
      book.add(-1, tick + 20, 5);
      expect(book.add(1, tick + 20, 5)).toBe(-1);
      book.cancel(id);
      id = book.add(1, tick, 1);
      expect(book.bestBid).toBe(tick);
    }
    expect(trades).toBe(80);
    expect(book.sizeAt(1, 50_000)).toBe(0);
  });
});

describe('a jump wider than the window', () => {
  it('leaves a price at which an empty side can fill again', () => {
    const book = new LimitBook(10_000, { onTrade() {}, onLevel() {} });
    for (const [side, far] of [
      [1, -90_000],
      [-1, 90_000],
    ] as const) {
      const other = book.add(-side, 10_000 - side * -5, 3);
      expect(book.add(side, far, 1), 'out of reach').toBe(-1);
      const id = book.add(side, book.nearest(far), 1);
      expect(book.isOpen(id)).toBe(true);
      book.cancel(id);
      book.cancel(other);
    }
    // Both sides empty.
    expect(book.isOpen(book.add(1, book.nearest(5_000_000), 1))).toBe(true);
  });
});

describe('orders from outside', () => {
  const make = (): { book: LimitBook; told: string[] } => {
    const told: string[] = [];
    const book = new LimitBook(10_000, {
      onTrade: (tick, qty, taker) => told.push(`trade ${tick} ${qty} ${taker}`),
      onLevel() {},
      onOwned: (id, tick, qty) => told.push(`owned ${id} ${tick} ${qty}`),
      onLost: (id) => told.push(`lost ${id}`),
    });
    return { book, told };
  };
  it('stand in the queue like others, and their owner is told of what is taken', () => {
    const { book, told } = make();
    book.add(1, 9999, 5);
    const id = book.addOwned(1, 9999, 3);
    book.add(1, 9999, 7);
    expect(book.aheadOf(id)).toBe(5);
    book.take(-1, 9999, 6);
    book.take(-1, 9999, 4);
    expect(told).toEqual([
      'trade 9999 5 -1',
      'trade 9999 1 -1',
      `owned ${id} 9999 1`,
      'trade 9999 2 -1',
      `owned ${id} 9999 2`,
      'trade 9999 2 -1',
    ]);
    expect([book.isOpen(id), book.sizeAt(1, 9999)]).toEqual([false, 5]);
  });
  it('can lose quantity, and are told when the window leaves them behind', () => {
    const { book, told } = make();
    book.add(-1, 10_001, 5);
    const id = book.addOwned(1, 9999, 3);
    book.reduce(id, 1);
    expect([book.qtyOf(id), book.sizeAt(1, 9999)]).toEqual([2, 2]);
    expect([book.reaches(9999), book.reaches(10_000 - 3500)]).toEqual([true, false]);
    for (let tick = 10_000; tick < 20_000; tick += 500) {
      book.add(-1, tick + 1000, 1);
      book.add(1, tick, 100);
    }
    expect(told).toContain(`lost ${id}`);
    expect(book.isOpen(id)).toBe(false);
  });
});
