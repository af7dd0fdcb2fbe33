import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../graph/codec/index.ts';
import { Drive } from '../graph/testing/drive.ts';
import { candle } from './candle.ts';

const MINUTE = 60_000;
const T = 1_700_000_040_000; // a full minute
type Ohlc = readonly [number, number, number, number];
type Row = Record<string, unknown>;

const drive = (config: Row) => new Drive(candle, config);

/** Drives the node with candles numbered from 0, prices in units of 0.01. */
class Backtest {
  readonly d: ReturnType<typeof drive>;
  #n = 0;
  constructor(config: Row = {}) {
    this.d = drive(config);
  }
  /** The candle, and the orders decided on it. */
  candle([open, high, low, close]: Ohlc, orders: Row[] = []): Row[] {
    const open_time_ms = T + this.#n++ * MINUTE;
    const row = { open_time_ms, open, high, low, close };
    return this.d
      .send((open_time_ms + MINUTE) * 1000, { candle: [row], ...(orders.length > 0 ? { order: orders } : {}) })
      .map((e) => e.values);
  }
  /** Orders in a cycle of their own, such as the answer to a fill. */
  orders(orders: Row[]): Row[] {
    return this.d.send(this.d.now, { order: orders }).map((e) => e.values);
  }
}
const order = (client_id: string, side: string, qty: number, more: Row = {}): Row => ({
  action: 'place',
  client_id,
  side,
  type: 'market',
  tif: 'gtc',
  qty,
  px: Number.NaN,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: '',
  origin: 'entry',
  ...more,
});
const stop = (id: string, stop_px: number): Row =>
  order(id, 'sell', 0, { type: 'stop_market', stop_px, close_position: true });
const target = (id: string, stop_px: number): Row =>
  order(id, 'sell', 0, { type: 'take_profit_market', stop_px, close_position: true });
const fills = (rows: Row[]): unknown[] =>
  rows.filter((r) => r['exec'] === 'trade').map((r) => [r['client_id'], r['last_px'], r['last_qty'], r['time_ms']]);

describe('venue.candle', () => {
  it('fills an order decided on a closed candle at the open of the next one', () => {
    const b = new Backtest();
    expect(fills(b.candle([100, 110, 90, 105], [order('a', 'buy', 10)]))).toEqual([]);
    expect(fills(b.candle([107, 120, 80, 90]))).toEqual([['a', 107, 10, T + MINUTE]]);
    expect(fills(b.candle([91, 99, 88, 95]))).toEqual([]);
  });
  it('turns a position over in one fill and realises the profit, fees in integers', () => {
    const b = new Backtest();
    b.candle([6_000_000, 6_000_000, 6_000_000, 6_000_000], [order('a', 'buy', 100)]);
    b.candle([6_000_100, 6_000_100, 6_000_100, 6_000_100], [order('b', 'sell', 200)]);
    const said = b.candle([6_100_100, 6_100_100, 6_100_100, 6_100_100]);
    // 0.2 × 61001 × 5 bp = 6.1001; 0.1 × (61001 − 60001) = 100; wallet = 100000 − 3.00005 − 6.1001 + 100.
    expect(said[0]).toMatchObject({ fee: 6.1001e8, realized_pnl: 100e8, maker: false });
    expect(said[1]).toMatchObject({ wallet: 100_090.89985e8, position_qty: -100, isolated_wallet: 0 });
  });
  it('trades a stop at min(open, stop) and a target at max(open, target), the stop first', () => {
    const enter = (): Backtest => {
      const b = new Backtest();
      b.candle([100, 100, 100, 100], [order('in', 'buy', 1)]);
      b.candle([100, 101, 99, 100]);
      b.orders([stop('s', 90), target('t', 120)]);
      return b;
    };
    expect(fills(enter().candle([100, 110, 90, 95]))).toEqual([['s', 90, 1, T + 2 * MINUTE]]);
    expect(fills(enter().candle([85, 130, 80, 95]))).toEqual([['s', 85, 1, T + 2 * MINUTE]]);
    expect(fills(enter().candle([100, 120, 91, 95]))).toEqual([['t', 120, 1, T + 2 * MINUTE]]);
    expect(fills(enter().candle([125, 130, 91, 95]))).toEqual([['t', 125, 1, T + 2 * MINUTE]]);
    expect(fills(enter().candle([100, 120, 90, 95]))).toEqual([['s', 90, 1, T + 2 * MINUTE]]);
    const said = enter().candle([100, 120, 90, 95]);
    expect(said.filter((r) => r['exec'] === 'expired').map((r) => r['client_id'])).toEqual(['t']);
  });
  it('checks stop and target that answer the entry on the entry candle itself, and those decided on it only later', () => {
    const b = new Backtest();
    b.candle([100, 100, 100, 100], [order('in', 'buy', 1)]);
    b.candle([100, 125, 85, 100]);
    expect(fills(b.orders([stop('s', 90), target('t', 120)]))).toEqual([['s', 90, 1, T + MINUTE]]);
    const c = new Backtest();
    c.candle([100, 100, 100, 100], [order('in', 'buy', 1)]);
    expect(fills(c.candle([100, 125, 85, 100], [stop('s', 90)]))).toEqual([['in', 100, 1, T + MINUTE]]);
    expect(fills(c.candle([100, 105, 95, 100]))).toEqual([]);
    expect(fills(c.orders([stop('s2', 97)]))).toEqual([]); // not the entry candle any more
    expect(fills(c.candle([100, 100, 97, 98]))).toEqual([['s2', 97, 1, T + 3 * MINUTE]]);
  });
  it('rests limits and fills them when a candle goes through', () => {
    const b = new Backtest();
    const limit = (id: string, side: string, px: number, tif = 'gtc'): Row =>
      order(id, side, 1, { type: 'limit', px, tif });
    b.candle(
      [100, 100, 100, 100],
      [limit('a', 'buy', 95), limit('b', 'buy', 101), limit('c', 'buy', 101, 'gtx'), limit('d', 'buy', 90, 'ioc')],
    );
    const said = b.candle([100, 102, 95, 96]);
    expect(fills(said)).toEqual([['b', 100, 1, T + MINUTE]]);
    expect(
      said.filter((r) => r['exec'] === 'rejected' || r['exec'] === 'expired').map((r) => [r['client_id'], r['code']]),
    ).toEqual([
      ['c', -5022],
      ['d', 0],
    ]);
    const next = b.candle([96, 97, 94, 95]);
    expect(fills(next)).toEqual([['a', 95, 1, T + 2 * MINUTE]]);
    expect(next[0]).toMatchObject({ maker: true });
  });
  it('cancels what waits, and refuses a cancel of what does not', () => {
    const b = new Backtest();
    b.candle([100, 100, 100, 100], [order('a', 'buy', 1)]);
    const cancel = order('a', 'buy', 0, { action: 'cancel' });
    expect(b.orders([cancel, cancel]).map((r) => [r['exec'], r['code']])).toEqual([
      ['canceled', 0],
      ['rejected', -2011],
    ]);
    expect(b.candle([100, 100, 100, 100])).toEqual([]);
  });
  it('pays funding at the last close', () => {
    const b = new Backtest();
    b.candle([6_000_000, 6_000_000, 6_000_000, 6_000_000], [order('a', 'buy', 100)]);
    b.candle([6_000_000, 6_000_000, 6_000_000, 6_000_000]);
    const [e] = b.d.send(b.d.now, { funding: [{ rate: 0.0001, time_ms: T + 2 * MINUTE }] });
    expect(e!.values).toMatchObject({ reason: 'funding', funding: -0.6e8, wallet: 99_996.4e8 });
  });
  it('ends with the balance of a plain loop over any candles, brackets and reversals', () => {
    const bar = fc.record({
      gap: fc.integer({ min: -3, max: 3 }),
      up: fc.nat(6),
      down: fc.nat(6),
      move: fc.integer({ min: -6, max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(bar, { minLength: 10, maxLength: 120 }), fc.integer({ min: 2, max: 9 }), (bars, every) => {
        const b = new Backtest();
        let close = 10_000;
        let [cash, pos, entry, want] = [100_000 * 1e5, 0, 0, false]; // price × quantity digits: 5
        let fee = 0;
        const trade = (side: number, px: number): void => {
          cash -= side * px;
          fee += Math.floor((px + 1) / 2); // px × 10^-5 × 5 bp, in 10^-8
          pos += side;
        };
        bars.forEach((r, n) => {
          const open = close + r.gap;
          const end = open + Math.max(-r.down, Math.min(r.up, r.move));
          const [high, low] = [open + r.up, open - r.down];
          const decide = n % every === 0 && pos === 0 && !want;
          // The plain loop.
          let opened = false;
          if (want) {
            trade(1, open);
            entry = open;
            want = false;
            opened = true;
          }
          if (pos === 1) {
            if (low <= entry - 5) trade(-1, Math.min(open, entry - 5));
            else if (high >= entry + 7) trade(-1, Math.max(open, entry + 7));
          }
          // The node. Orders answer the entry's report, as a strategy would.
          const said = b.candle([open, high, low, end], decide ? [order(`e${n}`, 'buy', 1)] : []);
          expect(said.some((v) => v['exec'] === 'trade' && v['side'] === 'buy')).toBe(opened);
          if (opened) b.orders([target(`t${n}`, entry + 7), stop(`s${n}`, entry - 5)]);
          if (decide) want = true;
          close = end;
        });
        const account = b.d.on('account').at(-1);
        if (account && pos === 0) expect(account['wallet']).toBe(cash * 1000 - fee);
      }),
      { numRuns: 200 },
    );
  });
  it('goes on from a copied state as from the original', () => {
    const run = (cut: number): unknown => {
      const b = new Backtest();
      for (let n = 0; n < 60; n++) {
        if (n === cut) b.d.state = decode(encode(b.d.state)) as typeof b.d.state;
        const px = 1000 + ((n * 31) % 17);
        b.candle([px, px + 5, px - 5, px + 1], n % 5 === 0 ? [order(`o${n}`, n % 2 ? 'sell' : 'buy', 2)] : []);
        if (n % 7 === 0) b.orders([order(`l${n}`, 'buy', 1, { type: 'limit', px: px - 4 }), stop(`s${n}`, px - 9)]);
      }
      return [b.d.emitted, b.d.state];
    };
    for (const cut of [3, 20, 41]) expect(run(cut)).toEqual(run(-1));
  });

  describe('with fill: close', () => {
    it('fills an order at the close of the candle it was decided on, when that candle arrives', () => {
      const b = new Backtest({ fill: 'close' });
      expect(fills(b.candle([100, 110, 90, 105], [order('a', 'buy', 10)]))).toEqual([['a', 105, 10, T + MINUTE]]);
      expect(fills(b.candle([107, 120, 80, 90]))).toEqual([]);
      const limit = { type: 'limit', px: 95 };
      expect(fills(b.candle([91, 99, 88, 94], [order('b', 'buy', 1, limit)]))).toEqual([['b', 94, 1, T + 3 * MINUTE]]);
    });
    it('lets stops and targets act from the next candle on, and tells their fills when it arrives', () => {
      const b = new Backtest({ fill: 'close' });
      b.candle([100, 200, 10, 100], [order('in', 'buy', 1)]);
      expect(fills(b.orders([stop('s', 90), target('t', 120)]))).toEqual([]);
      expect(fills(b.candle([100, 110, 90, 95]))).toEqual([['s', 90, 1, T + 2 * MINUTE]]);
    });
    it('waits for a candle where none has been', () => {
      const b = new Backtest({ fill: 'close' });
      b.d.send(T * 1000, { order: [order('a', 'buy', 1)] });
      expect(fills(b.candle([100, 110, 90, 105]))).toEqual([['a', 100, 1, T + MINUTE]]);
    });
  });
  it('puts prices on the multiples of a tick', () => {
    // Prices in units of 0.01: a tick of 0.1 is ten of them.
    const b = new Backtest({ tick: 0.1 });
    b.candle([10_000, 10_000, 10_000, 10_000], [order('in', 'buy', 1)]);
    b.candle([10_000, 10_000, 10_000, 10_000]);
    b.orders([stop('s', 9_094), target('t', 12_005)]);
    expect(fills(b.candle([10_000, 10_000, 9_090, 9_500]))).toEqual([['s', 9_090, 1, T + 2 * MINUTE]]);
  });
});

describe('quiet candles', () => {
  const price = fc.integer({ min: 60, max: 140 });
  const someOrder = fc
    .record({
      side: fc.constantFrom('buy', 'sell'),
      type: fc.constantFrom('market', 'limit', 'limit', 'stop_market', 'take_profit_market'),
      tif: fc.constantFrom('gtc', 'gtc', 'gtx', 'ioc'),
      qty: fc.integer({ min: 1, max: 9 }),
      at: price,
      reduce_only: fc.boolean(),
      close_position: fc.constantFrom(false, false, true),
      action: fc.constantFrom('place', 'place', 'place', 'place', 'cancel', 'cancel_all'),
      of: fc.nat(5),
    })
    .map((o) => (n: number): Row => {
      const conditional = o.type.endsWith('_market');
      return order(o.action === 'place' ? `o${n}` : `o${Math.max(0, n - 1 - o.of)}`, o.side, o.qty, {
        action: o.action,
        type: o.type,
        tif: o.type === 'limit' ? o.tif : 'gtc',
        px: o.type === 'limit' ? o.at : Number.NaN,
        stop_px: conditional ? o.at : Number.NaN,
        reduce_only: o.reduce_only && !(conditional && o.close_position),
        close_position: conditional && o.close_position,
        ...(conditional && o.close_position ? { qty: 0 } : {}),
      });
    });
  const step = fc.record({
    ohlc: fc.tuple(price, fc.nat(9), fc.nat(9), fc.nat(4)),
    n: fc.integer({ min: 1, max: 12 }),
    orders: fc.array(someOrder, { maxLength: 2 }),
    alone: fc.boolean(),
  });

  it('are those that leave all orders as they are: passed over or not, the state is the same to the byte', () => {
    let passed = 0;
    let resting = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }),
        fc.constantFrom('next_open', 'close'),
        (steps, fill) => {
          const [stepped, quiet] = [drive({ fill }), drive({ fill })];
          let minute = 0;
          let sent = 0;
          const bytes = (d: typeof stepped) => Buffer.from(encode(d.state)).toString('hex');
          for (const { ohlc, n, orders, alone } of steps) {
            const [open, up, down, to] = ohlc;
            const candles = Array.from({ length: n }, (_, i) => ({
              open_time_ms: T + (minute + i) * MINUTE,
              open: open + (i % 3),
              high: open + up + 4,
              low: open - down - 4,
              close: open - 2 + to,
            }));
            minute += n;
            const rows = {
              columns: Object.fromEntries(
                Object.keys(candles[0]!).map((k) => [k, Float64Array.from(candles, (c) => c[k as keyof typeof c])]),
              ) as never,
              rows: Int32Array.from(candles, (_, i) => i),
              from: 0,
              to: n,
            };
            const { reach, fold } = candle.quiet!.candle!;
            for (const [i, c] of candles.entries()) {
              const commands = i === n - 1 && !alone ? orders.map((o, k) => o(sent + k)) : [];
              const tick = { candle: [c], ...(commands.length > 0 ? { order: commands } : {}) };
              stepped.send((c.open_time_ms + MINUTE) * 1000, tick);
              if (rows.from > i) continue;
              // What comes with orders is never alone in its cycle.
              const most = alone || orders.length === 0 ? n : n - 1;
              const end = i < most ? reach(quiet.state, { ...rows, from: i, to: most }, quiet.config as never, 0) : i;
              if (end > i) {
                fold(quiet.state, { ...rows, from: i, to: end }, quiet.config as never, 0);
                passed += end - i;
                if (quiet.state.spots[0]?.busy) resting += end - i;
                rows.from = end;
              } else {
                quiet.send((c.open_time_ms + MINUTE) * 1000, tick);
                rows.from = i + 1;
              }
            }
            if (alone && orders.length > 0) {
              const commands = orders.map((o, k) => o(sent + k));
              stepped.send(stepped.now, { order: commands });
              quiet.send(stepped.now, { order: commands });
            }
            sent += orders.length;
            expect(bytes(quiet)).toBe(bytes(stepped));
          }
          expect(quiet.emitted).toEqual(stepped.emitted);
        },
      ),
      { numRuns: 200 },
    );
    expect(passed).toBeGreaterThan(5000);
    expect(resting).toBeGreaterThan(500);
  });
});
