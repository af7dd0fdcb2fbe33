import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Drive, type Emitted } from '../../graph/testing/drive.ts';
import { gate } from '../position/gate.ts';
import { manualOrders } from './manual-orders.ts';

const S = 1_000_000;
type Row = Record<string, unknown>;
const BTC = 'usdm:BTCUSDT';
/** Tick 0.10, step 0.001, at least 100 USDT; prices with 2 decimals, quantities with 3. */
const config = { leverage: 20, filters: { [BTC]: { tick: 0.1, step: 0.001, min_notional_usdt: 100 } } };

class Desk {
  readonly d = new Drive(manualOrders as never, config, { key: BTC });
  #n = 0;
  constructor(more: { kill?: Row; left?: number; open?: number; qty?: number } = {}) {
    const { kill = {}, left = 200e8, open = 0, qty = 0 } = more;
    this.d.send(0, {
      book: { u: 1, bid_px: 6_000_000, bid_qty: 5000, ask_px: 6_000_010, ask_qty: 5000 },
      usage: { open, max_positions: 2, margin_in_use: 0, margin_left: left },
      kill: { engaged: false, paused: false, reason: 'drill', ...kill },
      position: { qty, side: 'flat' },
    });
  }
  place(words: string, now = S, kind = 'order_place', instrument = BTC): Emitted[] {
    const c = `c${this.#n++}`;
    return this.d.send(now, {
      command: {
        kind,
        reason: 'by hand',
        who: 'ana',
        correlation_id: c,
        idempotency_key: c,
        instrument,
        subject: words,
      },
    });
  }
  report(id: string, exec: string, more: Row = {}, now = 2 * S): Emitted[] {
    const status = exec === 'trade' ? 'partially_filled' : exec === 'unknown' || exec === 'status' ? 'new' : exec;
    return this.d.send(now, { report: [{ client_id: id, exec, status, code: 0, cum_qty: 0, ...more }] });
  }
}
const of = (out: Emitted[], port: string): Row[] => out.filter((e) => e.port === port).map((e) => e.values);
const idOf = (out: Emitted[]): string => String(of(out, 'order')[0]!['client_id']);

describe('orders by hand', () => {
  it('leave as they were asked for, under an id that Binance takes, and are answered by correlation id', () => {
    const sent = new Desk().place('buy limit 0.010 59990.1');
    expect(of(sent, 'order')).toMatchObject([
      { action: 'place', side: 'buy', type: 'limit', tif: 'gtc', qty: 10, px: 5_999_010, reduce_only: false },
    ]);
    expect(of(sent, 'order')[0]).toMatchObject({ origin: 'operator', stop_px: Number.NaN });
    expect(idOf(sent)).toMatch(/^[.A-Z:/a-z0-9_-]{1,36}$/);
    expect(of(sent, 'outcome')).toMatchObject([
      { sent: true, who: 'ana', correlation_id: 'c0', client_id: idOf(sent) },
    ]);
    expect(of(new Desk().place('sell stop_market 0.010 59000'), 'order')).toMatchObject([
      { type: 'stop_market', stop_px: 5_900_000, px: Number.NaN },
    ]);
  });
  it('of another instrument are none of this one’s business', () => {
    expect(new Desk().place('buy market 0.010', S, 'order_place', 'usdm:ETHUSDT')).toEqual([]);
  });
  it('are refused with the reason, and nothing leaves', () => {
    const refused: [string, Desk, RegExp][] = [
      ['buy limit 0.010 59990.15', new Desk(), /tick/],
      ['buy limit 0.0101 59990.1', new Desk(), /decimals/],
      ['buy limit 0.001 59990.1', new Desk(), /minimum notional/],
      ['buy limit 0.010 70000', new Desk(), /500 bp/],
      ['sell limit 0.010 50000', new Desk(), /500 bp/],
      ['buy market 0.010', new Desk({ kill: { engaged: true } }), /kill switch is engaged/],
      ['buy market 0.010', new Desk({ kill: { paused: true } }), /paused/],
      ['buy market 0.010', new Desk({ open: 2 }), /2 of 2 positions/],
      // 0.1 × 60,000.1 / 20 = 300.0005 USDT
      ['buy market 0.100', new Desk({ left: 300e8 }), /margin budget/],
      ['sell market 0.010 reduce_only', new Desk(), /no position/],
      ['buy market 0.010 reduce_only', new Desk({ qty: 20 }), /no position/],
    ];
    for (const [words, desk, why] of refused) {
      const out = desk.place(words);
      expect(of(out, 'order'), words).toEqual([]);
      expect(of(out, 'outcome'), words).toMatchObject([
        { sent: false, client_id: '', reason: expect.stringMatching(why) },
      ]);
    }
    const unknown = new Drive(manualOrders as never, config, { key: BTC });
    unknown.send(0, { book: { bid_px: 6_000_000, ask_px: 6_000_010 }, position: { qty: 0 } });
    const said = unknown.send(S, { command: { kind: 'order_place', instrument: BTC, subject: 'buy market 0.010' } });
    expect(of(said, 'outcome')[0]!['reason']).toMatch(/not known: it counts as engaged/);
  });
  it('that reduce pass whatever the limits and the kill switch say', () => {
    const desk = new Desk({ kill: { engaged: true }, left: 0, open: 2, qty: 20 });
    expect(of(desk.place('sell market 0.020 reduce_only'), 'order')).toMatchObject([{ reduce_only: true, qty: 20 }]);
    expect(of(desk.d.emitted as Emitted[], 'reserved')).toEqual([]);
  });
  it('take margin of the account until they have filled or ended, so that the strategy cannot take it too', () => {
    const desk = new Desk();
    const sent = desk.place('buy limit 0.020 60000');
    // 0.02 × 60,000 / 20
    expect(of(sent, 'reserved')).toEqual([{ orders: 1, margin: 60e8 }]);
    const id = idOf(sent);
    expect(desk.report(id, 'new')).toEqual([]);
    expect(of(desk.report(id, 'trade', { cum_qty: 5 }), 'reserved')).toEqual([{ orders: 1, margin: 45e8 }]);
    // A refused cancel says nothing of the order.
    expect(desk.report(id, 'rejected', { code: -2011 })).toEqual([]);
    expect(of(desk.report(id, 'canceled', { cum_qty: 5 }), 'reserved')).toEqual([{ orders: 0, margin: 0 }]);

    const g = new Drive(gate as never, { max_positions: 2, budget_usdt: 200, leverage: 20 }, { key: BTC });
    const entry = { id: 'i1', action: 'enter', side: 'buy', qty: 10, ref_px: 6_000_000, margin: 30e8, reason: '' };
    g.send(1, { reserved: [{ orders: 1, margin: 60e8 }] });
    expect(of(g.send(2, { intent: [entry] }), 'verdict')).toMatchObject([
      { allowed: false, gate: 'in_flight', reason: 'an order by hand is under way', margin_in_use: 60e8 },
    ]);
    g.send(3, { reserved: [{ orders: 0, margin: 0 }] });
    expect(of(g.send(4, { intent: [{ ...entry, id: 'i2' }] }), 'verdict')).toMatchObject([{ allowed: true }]);
  });
  it('that nobody hears of are asked for, and are never sent again', () => {
    const desk = new Desk();
    const id = idOf(desk.place('buy market 0.010'));
    expect(of(desk.d.advance(4 * S - 1), 'order')).toEqual([]);
    expect(of(desk.d.advance(4 * S), 'order')).toMatchObject([{ action: 'query', client_id: id }]);
    desk.report(id, 'unknown', {}, 5 * S);
    expect(of(desk.d.advance(8 * S), 'order')).toMatchObject([{ action: 'query', client_id: id }]);
    // The venue does not know it: that ends it.
    expect(of(desk.report(id, 'rejected', { code: -2013 }, 9 * S), 'reserved')).toEqual([{ orders: 0, margin: 0 }]);
    expect(of(desk.d.advance(60 * S), 'order')).toEqual([]);
  });
  it('are cancelled by their id, whoever placed them', () => {
    expect(of(new Desk().place('BTCUSDT-abc-1', S, 'order_cancel'), 'order')).toMatchObject([
      { action: 'cancel', client_id: 'BTCUSDT-abc-1', qty: 0 },
    ]);
  });
  it('never reserve less than nothing nor more than was asked for, whatever the venue reports', () => {
    const event = fc.record({
      exec: fc.constantFrom('new', 'trade', 'canceled', 'rejected', 'expired', 'unknown', 'status', 'filled'),
      cum: fc.integer({ min: 0, max: 20 }),
      code: fc.constantFrom(0, -2011, -2013),
      which: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const desk = new Desk();
        const ids = [1, 2, 3].map((n) => idOf(desk.place('buy limit 0.020 60000', n * S)));
        expect(new Set(ids).size).toBe(3);
        events.forEach((e, i) => {
          desk.report(ids[e.which]!, e.exec, { cum_qty: e.cum, code: e.code }, (10 + i) * S);
        });
        for (const { orders, margin } of of(desk.d.emitted as Emitted[], 'reserved') as {
          orders: number;
          margin: number;
        }[]) {
          expect(orders).toBeGreaterThanOrEqual(0);
          expect(margin).toBeGreaterThanOrEqual(0);
          expect(margin).toBeLessThanOrEqual(orders * 60e8);
        }
      }),
    );
  });
});
