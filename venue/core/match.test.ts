import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Scenario } from './testing.ts';

const BIDS = [
  [60000, 1],
  [59999, 2],
  [59998, 3],
] as const;
const ASKS = [
  [60001, 1],
  [60002, 2],
  [60003, 3],
] as const;
const start = (rules = {}): Scenario => new Scenario(rules, 1_000_000).book(BIDS, ASKS);

describe('taking', () => {
  it('walks the recorded ladder, one trade per level, at taker fee', () => {
    const s = start().go('a', 'buy', 2.5);
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 1@60001', 'trade filled 1.5@60002']);
    const [, first, second] = s.raw('a');
    // 60001 × 5 bp and 1.5 × 60002 × 5 bp.
    expect([first!.fee / 1e8, second!.fee / 1e8, first!.maker]).toEqual([30.0005, 45.0015, false]);
    expect([second!.cum_qty, second!.cum_quote]).toEqual([2500, 600010 * 1000 + 600020 * 1500]);
    expect(s.position().qty).toBe(2500);
  });
  it('cannot take the same quantity twice until the recording shows another one there', () => {
    const s = start().go('a', 'buy', 1).go('b', 'buy', 1);
    expect(s.reports('b')).toEqual(['new', 'trade filled 1@60002']);
    s.book(BIDS, ASKS).go('c', 'buy', 1.5);
    expect(s.reports('c')).toEqual(['new', 'trade partially_filled 1@60002', 'trade filled 0.5@60003']);
    s.book(BIDS, [[60001, 0.7], ...ASKS.slice(1)]).go('d', 'buy', 0.5);
    expect(s.reports('d')).toEqual(['new', 'trade filled 0.5@60001']);
  });
  it('lets the rest of a market order expire when the recorded levels end', () => {
    const s = start().go('a', 'sell', 7);
    expect(s.reports('a').at(-1)).toBe('expired');
    expect(s.raw('a').at(-1)).toMatchObject({ cum_qty: 6000, status: 'expired' });
    expect(new Scenario().go('x', 'buy', 0.01).reports('x')).toEqual(['new', 'expired']);
  });
  it('does not trade a market order beyond the price bound around the mark', () => {
    const far = [
      [60001, 1],
      [64000, 5],
    ] as const;
    const s = start({ bound: 5_000_000 }).mark(60000).book(BIDS, far).go('a', 'buy', 2);
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 1@60001', 'expired']);
  });
  it('fills a crossing limit up to its price and rests with the remainder', () => {
    const s = start().limit('a', 'buy', 60001, 1.5);
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 1@60001']);
    expect(s.market.buys).toMatchObject([{ cum: 1000, ahead: 0 }]);
    // The same recorded ask is not new quantity; a changed one is, and now the order is the maker.
    s.book(BIDS, ASKS);
    expect(s.raw('a').length).toBe(2);
    s.book(BIDS, [[60001, 0.2], ...ASKS.slice(1)]);
    expect(s.reports('a').at(-1)).toBe('trade partially_filled 0.2@60001');
    expect(s.raw('a').at(-1)!.maker).toBe(true);
  });
  it('expires what an IOC does not get, refuses a FOK that cannot be filled whole and a GTX that would take', () => {
    const s = start()
      .limit('ioc', 'buy', 60001, 1.5, { tif: 'ioc' })
      .limit('fok', 'sell', 59999, 3.001, { tif: 'fok' })
      .limit('fok2', 'sell', 59999, 3, { tif: 'fok' })
      .limit('gtx', 'buy', 60001, 1, { tif: 'gtx' })
      .limit('gtx2', 'buy', 60000.9, 1, { tif: 'gtx' });
    expect(s.reports('ioc')).toEqual(['new', 'trade partially_filled 1@60001', 'expired']);
    expect(s.reports('fok')).toEqual(['rejected -5021']);
    expect(s.reports('fok2')).toEqual(['new', 'trade partially_filled 1@60000', 'trade filled 2@59999']);
    expect(s.reports('gtx')).toEqual(['rejected -5022']);
    expect(s.reports('gtx2')).toEqual(['new']);
  });
});

describe('resting', () => {
  it('waits behind what its level showed, and then gets what a trade has left', () => {
    const s = start().limit('a', 'buy', 60000, 0.5);
    s.trade('sell', 60000, 0.4).trade('sell', 60000, 0.6);
    expect(s.reports('a')).toEqual(['new']);
    s.trade('sell', 60000, 0.2).trade('buy', 60000, 9).trade('sell', 60000, 9);
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 0.2@60000', 'trade filled 0.3@60000']);
    expect(s.raw('a').at(-1)).toMatchObject({ maker: true, fee: 360_000_000 }); // 0.3 × 60000 × 2 bp
  });
  it('takes cancels to come from behind while that is possible', () => {
    const s = start().limit('a', 'buy', 60000, 0.5);
    s.trade('sell', 60000, 0.4); // 0.6 ahead
    s.book([[60000, 0.9], ...BIDS.slice(1)], ASKS);
    expect(s.market.buys[0]!.ahead).toBe(600);
    s.book([[60000, 0.25], ...BIDS.slice(1)], ASKS);
    expect(s.market.buys[0]!.ahead).toBe(250);
    s.book([[60000, 5], ...BIDS.slice(1)], ASKS);
    expect(s.market.buys[0]!.ahead).toBe(250);
    s.book(BIDS.slice(1), ASKS);
    expect(s.market.buys[0]!.ahead).toBe(0);
  });
  it('stands first at a price inside the spread', () => {
    const s = start().limit('a', 'sell', 60000.5, 0.5).trade('buy', 60000.5, 0.1);
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 0.1@60000.5']);
  });
  it('is filled by a trade through its price, by the quantity of that trade', () => {
    const s = start().limit('a', 'buy', 60000, 0.5).trade('sell', 59999.9, 0.2).trade('buy', 59990, 7);
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 0.2@60000', 'trade filled 0.3@60000']);
  });
  it('is filled by a book that moves through it, by the quantity shown there', () => {
    const s = start().limit('a', 'buy', 60000, 0.5).best([59998, 1], [59999, 0.3]);
    expect(s.reports('a')).toEqual(['new', 'trade partially_filled 0.3@60000']);
    s.best([59998, 1], [59999, 0.3]);
    expect(s.raw('a').length).toBe(2);
    s.best([59998, 1], [60000, 4]);
    expect(s.reports('a').at(-1)).toBe('trade filled 0.2@60000');
  });
  it('gives one trade only once, better prices and earlier orders first', () => {
    const s = start().limit('a', 'buy', 60000, 0.5).limit('b', 'buy', 60000, 0.5).limit('c', 'buy', 60000.5, 0.5);
    // 1.6 at 60000: 0.5 to c which stood better, 1 to what was ahead, the last 0.1 to a.
    s.trade('sell', 60000, 1.6);
    expect([s.reports('a'), s.reports('b'), s.reports('c')]).toEqual([
      ['new', 'trade partially_filled 0.1@60000'],
      ['new'],
      ['new', 'trade filled 0.5@60000.5'],
    ]);
    s.trade('sell', 60000, 0.6);
    expect(s.reports('a').at(-1)).toBe('trade filled 0.4@60000');
    expect(s.reports('b').at(-1)).toBe('trade partially_filled 0.2@60000');
  });
  it('knows no queue beyond the recorded depth until the level is seen', () => {
    const s = start().limit('a', 'buy', 59990, 0.5);
    expect(s.market.buys[0]!.ahead).toBe(Number.POSITIVE_INFINITY);
    s.trade('sell', 59990, 50);
    expect(s.reports('a')).toEqual(['new']);
    s.best([59990, 4], [59991, 1]);
    expect(s.market.buys[0]!.ahead).toBe(4000);
  });
  it('keeps every queue as a plain look-up of each level at each ladder does', () => {
    // Levels 0…11 below 60000; ladders show some of them, never crossing.
    const ladder = fc.uniqueArray(fc.record({ level: fc.nat(11), qty: fc.integer({ min: 1, max: 9 }) }), {
      selector: (l) => l.level,
      minLength: 1,
      maxLength: 8,
    });
    const event = fc.oneof(ladder, fc.nat(11));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 50 }), (events) => {
        const s = start();
        const ahead = new Map<string, { level: number; qty: number }>();
        let shown: { level: number; qty: number }[] = [0, 1, 2].map((level) => ({ level, qty: level + 1 }));
        const at = (level: number): number => {
          if (level > Math.max(...shown.map((l) => l.level))) return Number.POSITIVE_INFINITY;
          return shown.find((l) => l.level === level)?.qty ?? 0;
        };
        events.forEach((e, n) => {
          if (typeof e === 'number') {
            s.limit(`${n}`, 'buy', 60000 - e, 0.01);
            ahead.set(`${n}`, { level: e, qty: at(e) });
          } else {
            shown = [...e].sort((a, b) => a.level - b.level);
            s.book(
              shown.map((l) => [60000 - l.level, l.qty]),
              ASKS,
            );
            for (const a of ahead.values()) a.qty = Math.min(a.qty, at(a.level));
          }
          expect(new Map(s.market.buys.map((o) => [o.clientId, o.ahead / 1000]))).toEqual(
            new Map([...ahead].map(([id, a]) => [id, a.qty])),
          );
        });
      }),
      { numRuns: 200 },
    );
  });
  it('ends by cancel, and answers -2011 to the cancel of an order that is not open [S4.3]', () => {
    const s = start().limit('a', 'buy', 60000, 0.5).cancel('a').cancel('a').cancel('never');
    expect(s.reports()).toEqual(['new', 'canceled', 'rejected -2011', 'rejected -2011']);
    s.limit('b', 'buy', 59999, 1).limit('c', 'sell', 60005, 1).send({ client_id: '', action: 'cancel_all' });
    expect([s.reports('b'), s.reports('c')]).toEqual([
      ['new', 'canceled'],
      ['new', 'canceled'],
    ]);
    expect(s.market.reserved).toBe(0);
  });
});

describe('latency', () => {
  it('lets an order take effect at its arrival, against the book of that moment, and reports it later', () => {
    const s = start({ orderLatencyUs: 5000, responseLatencyUs: 3000 }).go('a', 'buy', 1).limit('b', 'buy', 60000.5, 1);
    s.best([60004, 1], [60005, 2]); // +1 ms
    expect(s.reports()).toEqual([]);
    s.wait(4000);
    expect(s.reports()).toEqual([]);
    s.wait(3000);
    expect(s.reports('a')).toEqual(['new', 'trade filled 1@60005']);
    expect(s.reports('b')).toEqual(['new']);
    expect(s.raw('a')[0]!.time_ms).toBe(1_700_000_000_000 + 6);
  });
});
