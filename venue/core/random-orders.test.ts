import { describe, expect, it } from 'vitest';
import { type KeyInfo, KeyTable, Vec } from '../../graph/schema/index.ts';
import { onBest, onFunding, onLadder, onMark, onTrade, send } from './exchange.ts';
import { ACCOUNT, balance, FIRST_ISOLATED, walletBalance } from './ledger.ts';
import { expireDue } from './place.ts';
import { fullNotional, openNotional } from './resting.ts';
import {
  type Command,
  createExchange,
  type Exchange,
  isDone,
  type Market,
  marketOf,
  type OrderType,
  type SelfTrade,
  type TimeInForce,
} from './state.ts';
import { RULES } from './testing.ts';
import { changeMargin, forceAdl, forceLiquidation, setLeverage, setMarginType, transfer } from './usdm-account.ts';

/** Park–Miller: integers only, the same everywhere. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(n: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state % n;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const TYPES: readonly OrderType[] = [
  'market',
  'limit',
  'limit',
  'limit',
  'limit',
  'stop_market',
  'take_profit_market',
  'stop',
  'take_profit',
  'trailing_stop_market',
];
const TIFS: readonly TimeInForce[] = ['gtc', 'gtc', 'gtc', 'ioc', 'fok', 'gtx', 'gtd'];
const STPS: readonly SelfTrade[] = ['expire_maker', 'expire_maker', 'none', 'expire_taker', 'expire_both'];
const MID = 600_000;

/** A market that wanders, an account that does anything: two instruments, the second may be cross. */
class Run {
  readonly dice: Dice;
  readonly keys = new KeyTable();
  readonly list: readonly KeyInfo[] = [
    this.keys.declare('usdm:BTCUSDT', 1, 3),
    this.keys.declare('usdm:ETHUSDT', 1, 3),
  ];
  readonly x: Exchange;
  now = 1_700_000_000_000_000;
  deposits = 0;
  u = 0;
  readonly mids = [MID, MID];
  readonly filled = [0, 0];
  readonly reports = new Map<string, number>();
  readonly #prices = new Float64Array(12);
  readonly #sizes = new Float64Array(12);

  constructor(seed: number) {
    this.dice = new Dice(seed);
    this.x = createExchange({ ...RULES, algo: true, partialLiquidation: true, maxOrders: 60, maxStops: 60 }, 3000e8);
    this.deposits = 3000e8;
    for (const k of this.list) marketOf(this.x, k);
  }
  market(n: number): Market {
    return marketOf(this.x, this.list[n]!)!;
  }
  step(n: number): void {
    const { dice, x } = this;
    this.now += 1000 * (1 + dice.below(2000));
    expireDue(x, Math.floor(this.now / 1000));
    const k = dice.below(2);
    const m = this.market(k);
    const what = dice.below(100);
    this.mids[k] = Math.max(400_000, Math.min(900_000, this.mids[k]! + dice.below(401) - 200));
    if (what < 18) this.#ladder(k, m);
    else if (what < 26) {
      const bid = this.mids[k]!;
      onBest(
        x,
        m,
        {
          u: ++this.u,
          bid_px: bid,
          bid_qty: 1 + dice.below(3000),
          ask_px: bid + 1 + dice.below(20),
          ask_qty: 1 + dice.below(3000),
        },
        this.now,
      );
    } else if (what < 46)
      onTrade(x, m, this.mids[k]! + dice.below(200) - 100, 1 + dice.below(2000), dice.of([1, -1]), this.now);
    else if (what < 52) {
      // Now and then a jump that liquidates.
      const jump = dice.below(40) === 0 ? dice.of([0.9, 1.1]) : 1;
      onMark(x, m, Math.round(this.mids[k]! * jump) * 1e7, Number.NaN, Number.NaN, this.now / 1000, this.now);
    } else if (what === 52) onFunding(x, m, (dice.below(601) - 300) / 1e5, this.now / 1000 + n * 3_600_000, this.now);
    else if (what < 88) this.#place(n, k);
    else if (what < 92) this.#amend(k, m);
    else if (what < 95) this.#cancel(k, m);
    else this.#manage(k, m);
    this.#drain();
  }
  #ladder(k: number, m: Market): void {
    const { dice } = this;
    const side = (from: number, sign: number): [Vec, Vec] => {
      let px = from;
      for (let i = 5; i >= 0; i--) {
        this.#prices[i + (sign > 0 ? 6 : 0)] = px;
        this.#sizes[i + (sign > 0 ? 6 : 0)] = 1 + dice.below(2000);
        px += sign * (1 + dice.below(30));
      }
      const at = sign > 0 ? 6 : 0;
      return [new Vec(this.#prices.subarray(at, at + 6)), new Vec(this.#sizes.subarray(at, at + 6))];
    };
    const mid = this.mids[k]!;
    const [bid_px, bid_qty] = side(mid, -1);
    const [ask_px, ask_qty] = side(mid + 1 + dice.below(10), 1);
    onLadder(this.x, m, { u: ++this.u, bid_px, bid_qty, ask_px, ask_qty }, this.now);
  }
  #command(k: number, c: Partial<Command>): void {
    const command: Command = {
      action: 'place',
      client_id: '',
      side: 'buy',
      type: 'limit',
      tif: 'gtc',
      qty: 0,
      px: Number.NaN,
      stop_px: Number.NaN,
      working: 'last',
      reduce_only: false,
      close_position: false,
      intent_id: '',
      origin: 'entry',
      order_id: 0,
      quote: 0,
      activation_px: Number.NaN,
      callback: 0,
      protect: false,
      stp: 'expire_maker',
      good_till_ms: 0,
      ...c,
    };
    send(this.x, this.list[k]!, command, this.now);
  }
  #place(n: number, k: number): void {
    const { dice } = this;
    const type = dice.of(TYPES);
    const tif = dice.of(TIFS);
    const close = (type === 'stop_market' || type === 'take_profit_market') && dice.below(2) === 0;
    this.#command(k, {
      client_id: `o${n}`,
      side: dice.of(['buy', 'sell'] as const),
      type,
      tif,
      qty: close ? 0 : 1 + dice.below(300),
      px:
        type === 'limit' || type === 'stop' || type === 'take_profit'
          ? this.mids[k]! + dice.below(121) - 60
          : Number.NaN,
      stop_px: this.mids[k]! + dice.below(801) - 400,
      working: dice.of(['last', 'mark'] as const),
      reduce_only: !close && dice.below(4) === 0,
      close_position: close,
      activation_px: dice.below(2) === 0 ? Number.NaN : this.mids[k]! + dice.below(401) - 200,
      callback: 100_000 * (1 + dice.below(10)),
      protect: dice.below(3) === 0,
      stp: dice.of(STPS),
      good_till_ms: tif === 'gtd' ? this.now / 1000 + dice.below(60_000) : 0,
    });
  }
  #amend(k: number, m: Market): void {
    const { dice } = this;
    const all = [...m.buys, ...m.sells];
    if (all.length === 0) return;
    const o = dice.of(all);
    this.#command(k, {
      action: 'amend',
      order_id: o.orderId,
      side: o.side > 0 ? 'buy' : 'sell',
      px: o.px + dice.below(41) - 20,
      qty: 1 + dice.below(400),
    });
  }
  #cancel(k: number, m: Market): void {
    const { dice } = this;
    if (dice.below(8) === 0)
      this.#command(k, { action: 'cancel_all', type: dice.of(['limit', 'stop_market'] as const) });
    else if (dice.below(2) === 0 && m.stops.length > 0)
      this.#command(k, { action: 'cancel', type: 'stop_market', order_id: dice.of(m.stops).algoId });
    else this.#command(k, { action: 'cancel', order_id: 1 + dice.below(m.nextOrderId) });
  }
  #manage(k: number, m: Market): void {
    const { dice, x } = this;
    const what = dice.below(12);
    if (what < 2) setLeverage(x, m, 1 + dice.below(100));
    else if (what < 4) setMarginType(m, k === 1 && dice.below(2) === 0);
    else if (what < 7) changeMargin(x, m, (dice.below(201) - 100) * 1e8, this.now);
    else if (what < 10) {
      // What was lost is put back, so that the account keeps trading.
      const amount = walletBalance(x.ledger) < 2000e8 ? 1500e8 : -(1 + dice.below(500)) * 1e8;
      if (transfer(x, amount) === undefined) this.deposits += amount;
    } else if (what === 10) forceAdl(x, m, this.now);
    else if (dice.below(10) === 0) forceLiquidation(x, m, this.now);
  }
  #drain(): void {
    for (const e of this.x.outbox) {
      if (e.port !== 'report') continue;
      const r = e.values;
      if (r.exec === 'trade') this.filled[r.key]! += (r.side === 'buy' ? 1 : -1) * r.last_qty;
      const word =
        r.code !== 0 ? `${r.exec} ${r.code}` : r.status === 'expired_in_match' ? r.status : `${r.exec} ${r.type}`;
      this.reports.set(word, (this.reports.get(word) ?? 0) + 1);
    }
    this.x.outbox.length = 0;
  }
  /** The first thing that is not as it must be. */
  fault(): string | undefined {
    const l = this.x.ledger;
    let sum = 0;
    for (const b of l.balances) sum += b;
    if (sum !== 0) return `ledger sums to ${sum}`;
    const others =
      balance(l, ACCOUNT.realised) +
      balance(l, ACCOUNT.fees) +
      balance(l, ACCOUNT.funding) +
      balance(l, ACCOUNT.insurance);
    if (walletBalance(l) !== this.deposits - others) return 'wallet is not deposits and what was earned';
    for (let k = 0; k < 2; k++) {
      const m = this.market(k);
      if (m.position.qty !== this.filled[k]) return `position ${m.position.qty}, fills ${this.filled[k]}`;
      if (m.position.qty === 0 && (m.position.cost !== 0 || balance(l, FIRST_ISOLATED + m.slot) !== 0))
        return 'a flat position has cost or margin';
      if (m.cross && balance(l, FIRST_ISOLATED + m.slot) !== 0) return 'a cross position has isolated margin';
      if (balance(l, FIRST_ISOLATED + m.slot) < 0 && m.position.qty === 0) return 'isolated margin below zero';
      for (const side of [1, -1])
        if (openNotional(m, side) !== fullNotional(m, side))
          return `open notional ${openNotional(m, side)}, counted anew ${fullNotional(m, side)}`;
      if (m.reserved !== reservedBy(this.x, m)) return `reserved ${m.reserved}, counted anew ${reservedBy(this.x, m)}`;
      for (const list of [m.buys, m.sells]) {
        let before = list[0];
        for (const o of list) {
          if (!(o.ahead >= 0)) return `queue ${o.ahead}`;
          if (isDone(o) || o.cum >= o.qty) return 'a finished order rests';
          if (before && (o.px - before.px) * o.side > 0) return 'resting orders out of order';
          before = o;
        }
      }
      const [bid, ask] = [m.buys[0], m.sells[0]];
      if (bid && ask && bid.px >= ask.px) return `own book crossed: ${bid.px} ${ask.px}`;
      for (const o of m.stops) if (isDone(o) || o.triggered || o.orderId !== 0) return 'a triggered order waits';
    }
    return undefined;
  }
}

/** What a market's open orders reserve, order by order: the larger side beyond what would close the position, with the taker fee. */
function reservedBy(x: Exchange, m: Market): number {
  const i = m.instrument;
  const [buys, sells] = [m.buys, m.sells].map((list, k) => {
    let cover = Math.max(0, k === 0 ? -m.position.qty : m.position.qty);
    let notional = 0;
    for (const o of list) {
      if (o.reduceOnly) continue;
      const closes = Math.min(o.qty - o.cum, cover);
      cover -= closes;
      notional += o.reservePx * (o.qty - o.cum - closes) * i.up;
    }
    return notional;
  });
  const notional = Math.max(buys!, sells!);
  return Math.round(notional / i.leverage) + Math.round((notional * x.rules.taker) / 1e8);
}

describe('100,000 random steps', () => {
  it('leave ledger and wallet at zero difference, no negative queue, no crossed own book, positions equal to their fills, and sums kept equal to sums counted anew [RISK.1]', () => {
    const words = new Map<string, number>();
    let steps = 0;
    for (const seed of [11, 22, 33, 44, 55]) {
      const run = new Run(seed);
      for (let n = 0; n < 20_000; n++, steps++) {
        run.step(n);
        const fault = run.fault();
        if (fault !== undefined) expect.fail(`seed ${seed}, step ${n}: ${fault}`);
      }
      for (const [word, n] of run.reports) words.set(word, (words.get(word) ?? 0) + n);
    }
    expect(steps).toBe(100_000);
    // It did all that: every kind of end came up.
    for (const word of [
      'trade limit',
      'trade market',
      'trade liquidation',
      'trade adl',
      'amended limit',
      'expired_in_match',
      'rejected -5022',
      'rejected -5021',
      'rejected -2019',
      'rejected -2022',
      'rejected -2011',
      'canceled limit',
      'expired limit',
      'triggered stop',
      'triggered trailing_stop_market',
    ])
      expect([word, (words.get(word) ?? 0) > 20]).toEqual([word, true]);
  }, 30_000);
  it('say the same when the state is copied on the way', () => {
    const [a, b] = [new Run(7), new Run(7)];
    for (let n = 0; n < 3000; n++) {
      if (n % 500 === 499) Object.assign(b, { x: structuredClone(b.x) });
      a.step(n);
      b.step(n);
    }
    expect(b.x).toEqual(a.x);
    expect(b.reports).toEqual(a.reports);
  });
});
