import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACCOUNT, assertBalanced, balance, FIRST_ISOLATED, walletBalance } from './ledger.ts';
import { Scenario } from './testing.ts';

const HOUR = 3_600_000;

describe('the mark price', () => {
  it('is the mid once a second where the recording has none, and the recorded one where it has', () => {
    const s = new Scenario().best([60000, 1], [60001, 1]);
    expect(s.market.mark).toBe(60000.5e8);
    s.best([60100, 1], [60101, 1]);
    expect(s.market.mark).toBe(60000.5e8);
    s.wait(1_000_000).best([60100, 1], [60101, 1]);
    expect(s.market.mark).toBe(60100.5e8);
    s.mark(60050).wait(9_000_000).best([60200, 1], [60201, 1]);
    expect(s.market.mark).toBe(60050e8);
    s.wait(1_000_000).best([60200, 1], [60201, 1]);
    expect(s.market.mark).toBe(60200.5e8);
  });
  it('is the last trade where there is no book', () => {
    expect(new Scenario().trade('buy', 61000, 1).market.mark).toBe(61000e8);
  });
});

describe('liquidation', () => {
  const long = (): Scenario =>
    new Scenario()
      .book([[64999, 1]], [[65000, 1]])
      .mark(65000)
      .go('a', 'buy', 0.006);
  it('comes at the mark price of the formula: 61997.99 for 0.006 BTC long from 65000 at 20×', () => {
    const s = long();
    expect((s.position().liquidation_px / 1e8).toFixed(2)).toBe('61997.99');
    s.limit('rest', 'buy', 61900, 0.01).mark(61998);
    expect(s.position().qty).toBe(6);
    s.best([61990, 1], [61991, 1]).mark(61997.98);
    expect(s.reports('rest').at(-1)).toBe('canceled');
    const [start, trade] = s.raw().filter((r) => r.type === 'liquidation');
    expect(start).toMatchObject({ exec: 'new', side: 'sell', px: 617_500, qty: 6 });
    expect(start!.client_id).toMatch(/^autoclose-/);
    expect(trade).toMatchObject({ exec: 'trade', status: 'filled', last_px: 619_900, fee: 0 });
    // Lost: 0.006 × 3010 = 18.06. Left of 19.5: 1.44, all of it taken by the fee (1.25 % of 371.99 = 4.65).
    expect(s.account()).toMatchObject({ reason: 'liquidation', fee: 1.44e8, position_qty: 0, isolated_wallet: 0 });
    expect(walletBalance(s.exchange.ledger)).toBe(10_000e8 - 0.195e8 - 19.5e8);
  });
  it('comes at 67978.09 for the short', () => {
    const s = new Scenario()
      .book([[65000, 1]], [[65001, 1]])
      .mark(65000)
      .go('a', 'sell', 0.006);
    expect((s.position().liquidation_px / 1e8).toFixed(2)).toBe('67978.09');
    s.best([67979, 1], [67980, 1]).mark(67978.08);
    expect(s.position().qty).toBe(-6);
    expect(s.mark(67978.1).position().qty).toBe(0);
  });
  it('leaves to the insurance fund what the book does not take at the bankruptcy price, for exactly the margin', () => {
    const s = long().best([61750, 0.002], [61800, 1]).mark(61000);
    const trades = s.raw().filter((r) => r.type === 'liquidation' && r.exec === 'trade');
    expect(trades.map((r) => [r.last_qty, r.last_px, r.realized_pnl / 1e8])).toEqual([
      [2, 617_500, -6.5],
      [4, 617_500, -13],
    ]);
    expect(trades[1]!.reason).toContain('insurance fund');
    expect(walletBalance(s.exchange.ledger)).toBe(10_000e8 - 0.195e8 - 19.5e8);
    expect(s.account()).toMatchObject({ fee: 0, position_qty: 0 });
  });
});

describe('funding', () => {
  const T = 1_700_000_000_000 + HOUR;
  it('is paid at the first mark at or after its time, at the rate announced before, from the isolated margin', () => {
    const s = new Scenario()
      .book([[60000, 1]], [[60000.1, 1]])
      .mark(60000, 0.0001, T)
      .go('a', 'sell', 0.01);
    s.mark(60000, 0.00012345, T, T - 1000);
    expect(s.said.some((e) => e.port === 'account' && e.values.reason === 'funding')).toBe(false);
    s.mark(61000, 0.0009, T + 8 * HOUR, T + 3);
    // −(−1) × 0.01 × 61000 × 0.00012345 = 0.07530450
    expect(s.account()).toMatchObject({ reason: 'funding', funding: 7_530_450 });
    expect(s.account().isolated_wallet).toBe(30e8 + 7_530_450);
    s.mark(61000, 0.0009, T + 8 * HOUR, T + 1003);
    s.funding(0.00012345, T + 7);
    expect(s.said.filter((e) => e.port === 'account' && e.values.reason === 'funding').length).toBe(1);
  });
  it('is paid from an archive of settled rates where the mark stream has none', () => {
    const s = new Scenario()
      .book([[60000, 1]], [[60000, 1]])
      .mark(60000)
      .go('a', 'buy', 0.01)
      .funding(-0.0002, T);
    expect(s.account()).toMatchObject({ reason: 'funding', funding: 0.12e8 });
    expect(s.funding(-0.0002, T + 12).account().funding).toBe(0.12e8);
    expect(s.funding(0.0001, T + HOUR).account().funding).toBe(-0.06e8);
  });
  it('that eats the margin up leads to liquidation at once', () => {
    const s = new Scenario({ leverage: 125 })
      .book([[60000, 1]], [[60000, 1]])
      .mark(60000)
      .go('a', 'buy', 0.01);
    s.funding(0.0075, T);
    expect(s.position().qty).toBe(0);
    expect(s.account().reason).toBe('liquidation');
  });
});

/** One random thing that can happen at the venue. */
const px = fc.integer({ min: -80, max: 80 }).map((d) => 60000 + d);
const side = fc.constantFrom('buy' as const, 'sell' as const);
const qty = fc.integer({ min: 1, max: 300 }).map((n) => n / 1000);
const level = fc.integer({ min: 1, max: 2000 }).map((n) => n / 1000);
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('book' as const), px, a: level, b: level }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('best' as const), px, a: level, b: level }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('trade' as const), px, side, qty: level }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('mark' as const), px: fc.integer({ min: 56000, max: 64000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('funding' as const), rate: fc.integer({ min: -300, max: 300 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('limit' as const),
      px,
      side,
      qty,
      tif: fc.constantFrom('gtc' as const, 'ioc' as const, 'fok' as const, 'gtx' as const),
      reduce: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('market' as const), side, qty, reduce: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('stop' as const),
      side,
      px,
      close: fc.boolean(),
      profit: fc.boolean(),
      mark: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), n: fc.nat(30) }) },
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

function act(s: Scenario, e: Event, n: number): void {
  const id = `o${n}`;
  if (e.kind === 'book')
    s.book(
      [
        [e.px, e.a],
        [e.px - 1, e.b],
        [e.px - 7, e.a],
      ],
      [
        [e.px + 1, e.b],
        [e.px + 2, e.a],
        [e.px + 9, e.b],
      ],
    );
  else if (e.kind === 'best') s.best([e.px, e.a], [e.px + 1, e.b]);
  else if (e.kind === 'trade') s.trade(e.side, e.px, e.qty);
  else if (e.kind === 'mark') s.mark(e.px);
  else if (e.kind === 'funding') s.funding(e.rate / 10_000, s.now / 1000 + n * HOUR);
  else if (e.kind === 'limit') s.limit(id, e.side, e.px, e.qty, { tif: e.tif, reduce_only: e.reduce });
  else if (e.kind === 'market') s.go(id, e.side, e.qty, { reduce_only: e.reduce });
  else if (e.kind === 'stop')
    s.stop(id, e.side, e.px, {
      ...(e.close ? {} : { qty: 50 }),
      type: e.profit ? 'take_profit_market' : 'stop_market',
      working: e.mark ? 'mark' : 'last',
    });
  else s.cancel(`o${e.n}`);
}
const events = fc.array(event, { minLength: 5, maxLength: 80 });

describe('whatever happens', () => {
  it('the ledger is zero, queues are never negative, no money appears, and quantity is conserved [RISK.1]', () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 20, max: 3000 }), (list, deposit) => {
        const s = new Scenario({}, deposit);
        const filled = new Map<string, number>();
        list.forEach((e, n) => {
          const from = s.said.length;
          act(s, e, n);
          const l = s.exchange.ledger;
          assertBalanced(l);
          expect(balance(l, ACCOUNT.wallet)).toBeGreaterThanOrEqual(0);
          if (s.market.position.qty === 0) expect([s.market.position.cost, balance(l, FIRST_ISOLATED)]).toEqual([0, 0]);
          for (const o of [...s.market.buys, ...s.market.sells]) expect(o.ahead).toBeGreaterThanOrEqual(0);
          let made = 0;
          let position = 0;
          for (const { port, values } of s.said.slice(from)) {
            if (port !== 'report') continue;
            if (values.exec === 'trade') {
              if (values.type !== 'liquidation' && values.maker) made += values.last_qty;
              filled.set(values.client_id, (filled.get(values.client_id) ?? 0) + values.last_qty);
              expect(values.last_qty).toBeGreaterThan(0);
            }
            if (values.order_id > 0 && values.exec !== 'new') expect(values.cum_qty).toBeLessThanOrEqual(values.qty);
          }
          // Resting orders never get more than the recorded trade, or than the recorded levels they met.
          if (e.kind === 'trade') expect(made).toBeLessThanOrEqual(Math.round(e.qty * 1000));
          if (e.kind === 'book') expect(made).toBeLessThanOrEqual(Math.round((e.a + e.b) * 1000) * 3);
          if (e.kind === 'best') expect(made).toBeLessThanOrEqual(Math.round((e.a + e.b) * 1000) + 8000);
          for (const r of s.raw()) if (r.exec === 'trade') position += (r.side === 'buy' ? 1 : -1) * r.last_qty;
          expect(position).toBe(s.market.position.qty);
        });
        // The wallet is the deposit, plus what was realised and funded, less fees, and what the insurance fund did.
        const l = s.exchange.ledger;
        const others = [ACCOUNT.realised, ACCOUNT.fees, ACCOUNT.funding, ACCOUNT.insurance];
        expect(walletBalance(l)).toBe(deposit * 1e8 - others.reduce((sum, a) => sum + balance(l, a), 0));
      }),
      { numRuns: 400 },
    );
  });
  it('a copy of the state goes on exactly as the original does', () => {
    const rules = { orderLatencyUs: 2500, responseLatencyUs: 1500 };
    fc.assert(
      fc.property(events, fc.nat(80), (list, cut) => {
        const s = new Scenario(rules, 2000);
        list.forEach((e, n) => {
          act(s, e, n);
        });
        const t = new Scenario(rules, 2000);
        list.forEach((e, n) => {
          if (n === cut) t.exchange = structuredClone(t.exchange);
          act(t, e, n);
        });
        expect(t.said).toEqual(s.said);
        expect(t.exchange).toEqual(s.exchange);
      }),
      { numRuns: 150 },
    );
  });
});
