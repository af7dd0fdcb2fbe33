import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable, Vec } from '../../../graph/schema/index.ts';
import { isDone } from '../state.ts';
import { amend, cancelAll, cancelTarget, openOrders } from './cancel.ts';
import { command, onBest, onLadder, onTrade, transfer } from './exchange.ts';
import { needOf } from './funds.ts';
import { cancelList } from './lists.ts';
import { placeOrder } from './place.ts';
import { placeList, stopFirst } from './place-list.ts';
import {
  createSpotExchange,
  isContingent,
  listSpot,
  SPOT_TYPES,
  type SpotExchange,
  type SpotMarket,
  type SpotRequest,
  spotRules,
} from './state.ts';

/** BTCUSDT has seven decimals together, ETHBTC ten: there trades are truncated to 10^-8. */
function account(): { x: SpotExchange; markets: SpotMarket[] } {
  const keys = new KeyTable();
  const x = createSpotExchange(spotRules(100_000, 100_000, 20));
  const limits = { tick: 1, step: 1, minQty: 1, maxQty: 1e9, minPx: 1, maxPx: 1e9, maxNotional: 0 };
  const btc = { ...limits, base: 'BTC', quote: 'USDT', symbol: 'BTCUSDT', minNotional: 1e8 };
  const eth = { ...limits, base: 'ETH', quote: 'BTC', symbol: 'ETHBTC', minNotional: 1000 };
  const markets = [
    listSpot(x, keys.declare('spot:BTCUSDT', 2, 5), btc),
    listSpot(x, keys.declare('spot:ETHBTC', 6, 4), eth),
  ];
  for (const [asset, amount] of [
    ['USDT', 50_000e8],
    ['BTC', 1e8],
    ['ETH', 10e8],
  ] as const)
    transfer(x, asset, amount, 1);
  return { x, markets };
}
const MID = [5_000_000, 60_000] as const;
const LOT = [1000, 777] as const;

type Step = readonly [op: number, a: number, b: number, c: number];
const step: fc.Arbitrary<Step> = fc.tuple(fc.nat(99), fc.nat(999), fc.nat(999), fc.nat(999));

class Run {
  readonly x: SpotExchange;
  readonly markets: SpotMarket[];
  readonly counts: Record<string, number> = {};
  #now = 1_700_000_000_000_000;
  #id = 0;
  #u = 0;
  readonly #told = new Map<string, string>();
  readonly #last = new Map<number, string>();

  constructor() {
    ({ x: this.x, markets: this.markets } = account());
  }
  step([op, a, b, c]: Step): void {
    this.#now += 1 + a;
    const i = c & 1;
    const m = this.markets[i]!;
    const around = (v: number): number => MID[i]! + Math.round(((v - 500) * MID[i]!) / 100_000);
    if (op < 25) onTrade(this.x, m, around(a), 1 + b * LOT[i]!, c & 2 ? 1 : -1, this.#now);
    else if (op < 40) this.#ladder(m, around(a), b, LOT[i]!);
    else if (op < 45) {
      const best = { u: ++this.#u, bid_px: around(a) - 1, bid_qty: b, ask_px: around(a) + (c & 3), ask_qty: b + 1 };
      onBest(this.x, m, best, this.#now);
    } else if (op < 75) this.#place(m, this.#request(a, b, c, around, LOT[i]!));
    else if (op < 88) this.#list(m, a, b, c, around, LOT[i]!);
    else if (op < 95) this.#cancel(m, a, b);
    else if (op < 97) this.#amend(m, a, b);
    else if (op < 98) this.#do(m, () => cancelAll(this.x, m, `x${++this.#id}`, this.#now), 'cancelAll');
    else transfer(this.x, ['USDT', 'BTC', 'ETH'][a % 3]!, (b - 500) * 1e5, this.#now);
    this.#check();
  }

  #do(m: SpotMarket, work: () => unknown, what: string): void {
    const result = command(this.x, m, this.#now, work);
    const key = typeof result === 'string' ? `${what} ${result}` : what;
    this.counts[key] = (this.counts[key] ?? 0) + 1;
  }
  #request(a: number, b: number, c: number, around: (v: number) => number, lot: number): SpotRequest {
    const kind = SPOT_TYPES[a % 7]!;
    const byQuote = kind === 'MARKET' && (c & 4) > 0;
    const contingent = isContingent(kind);
    const trailing = contingent && (c & 24) === 24;
    return {
      clientId: `o${++this.#id % 400}`,
      side: c & 2 ? 1 : -1,
      kind,
      tif: kind === 'LIMIT' ? (['GTC', 'GTC', 'GTC', 'IOC', 'FOK'] as const)[b % 5]! : 'GTC',
      qty: byQuote ? 0 : 1 + Math.floor((b * lot) / 30),
      quote: byQuote ? b * 1e6 : 0,
      px: kind === 'MARKET' || kind === 'STOP_LOSS' || kind === 'TAKE_PROFIT' ? Number.NaN : around(c),
      stopPx: contingent && !(trailing && a & 1) ? around((b * 7) % 1000) : Number.NaN,
      trailingDelta: trailing ? 10 + (a % 40) : 0,
      stp: (['EXPIRE_MAKER', 'NONE', 'EXPIRE_TAKER', 'EXPIRE_BOTH'] as const)[(a >> 3) % 4]!,
      strategyId: -1,
      strategyType: -1,
    };
  }
  #place(m: SpotMarket, r: SpotRequest): void {
    this.#do(m, () => placeOrder(this.x, m, r, this.#now), `place ${r.kind}`);
  }
  #list(m: SpotMarket, a: number, b: number, c: number, around: (v: number) => number, lot: number): void {
    const r = (kind: SpotRequest['kind'], side: 1 | -1, v: number): SpotRequest => {
      const plain = this.#request(a, b, c, around, lot);
      const stops = isContingent(kind);
      const px = kind === 'STOP_LOSS' || kind === 'TAKE_PROFIT' ? Number.NaN : around(v);
      return {
        ...plain,
        kind,
        side,
        tif: 'GTC',
        quote: 0,
        qty: 1 + (b % 300) * 10,
        px,
        stopPx: stops ? around(v) : Number.NaN,
        trailingDelta: 0,
      };
    };
    const side = c & 2 ? 1 : -1;
    const [near, far] = [20 + (a % 60), 20 + (b % 60)];
    const stop = r(a & 1 ? 'STOP_LOSS' : 'STOP_LOSS_LIMIT', side, 500 + side * near);
    const target = r((['LIMIT_MAKER', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'] as const)[b % 3]!, side, 500 - side * far);
    const clientId = `l${++this.#id}`;
    const kind = (['OCO', 'OTO', 'OTOCO'] as const)[(a + b) % 3]!;
    const working = { ...r('LIMIT', side === 1 ? -1 : 1, c), tif: (['GTC', 'IOC'] as const)[a % 7 === 0 ? 1 : 0]! };
    const pair = stopFirst(stop, target);
    const orders = kind === 'OCO' ? pair : kind === 'OTO' ? [working, a & 2 ? stop : target] : [working, ...pair];
    this.#do(m, () => placeList(this.x, m, { kind, clientId, orders }, this.#now), kind);
  }
  #cancel(m: SpotMarket, a: number, b: number): void {
    const newId = `x${++this.#id}`;
    const open = openOrders(this.x, m);
    const l = this.x.openLists.filter((o) => o.market === m.instrument.key);
    if (b % 4 === 0 && l.length > 0) {
      this.#do(m, () => cancelList(this.x, l[a % l.length]!, newId, this.#now), 'cancelList');
      return;
    }
    const orderId = open.length > 0 ? open[a % open.length]!.orderId : 1 + a;
    this.#do(m, () => cancelTarget(this.x, m, { orderId, clientId: undefined }, undefined, newId, this.#now), 'cancel');
  }
  #amend(m: SpotMarket, a: number, b: number): void {
    const open = openOrders(this.x, m);
    if (open.length === 0) return;
    const o = open[a % open.length]!;
    const target = { orderId: o.orderId, clientId: undefined };
    const qty = Math.floor((o.qty * b) / 999);
    this.#do(m, () => amend(this.x, m, target, qty, `a${++this.#id}`, this.#now), 'amend');
  }
  #ladder(m: SpotMarket, mid: number, b: number, lot: number): void {
    const n = 1 + (b % 12);
    const list = (f: (i: number) => number): Vec => new Vec(Float64Array.from({ length: n }, (_, i) => f(n - i)));
    const qty = list((i) => 1 + ((b * 31 + i * 17) % 50) * lot);
    const px = (side: number): Vec => list((i) => mid + side * i * (1 + (b % 3)));
    onLadder(this.x, m, { u: ++this.#u, bid_px: px(-1), bid_qty: qty, ask_px: px(1), ask_qty: qty }, this.#now);
  }

  #check(): void {
    const { assets: s, openLists } = this.x;
    const locked = s.names.map(() => 0);
    const book = (m: SpotMarket, side: number, amount: number): void => {
      locked[side > 0 ? m.quote : m.base]! += amount;
    };
    for (const m of this.markets) {
      this.#checkBook(m);
      for (const o of openOrders(this.x, m)) {
        book(m, o.side, o.locked);
        if (o.cum < 0 || o.cum > o.qty || o.ahead < 0)
          throw new Error(`order ${o.orderId}: ${o.cum}/${o.qty}, ${o.ahead}`);
        const shared = openLists.some(
          (l) => l.phase !== 'single' && l.orders.includes(o) && (o.pending || l.phase === 'pair'),
        );
        if (shared ? o.locked !== 0 : m.instrument.down === 1 && o.locked !== needOf(m, o, o.qty - o.cum))
          throw new Error(`order ${o.orderId} locks ${o.locked}`);
      }
    }
    for (const l of openLists) {
      book(this.markets.find((m) => m.instrument.key === l.market)!, l.orders.at(-1)!.side, l.locked);
      if (l.done || l.orders.every(isDone)) throw new Error(`list ${l.id} is done and open`);
    }
    s.names.forEach((name, i) => {
      const sum = s.free[i]! + s.locked[i]! + s.outside[i]! + s.deposited[i]! + s.fees[i]!;
      if (sum !== 0 || s.free[i]! < 0 || s.locked[i] !== locked[i])
        throw new Error(`${name}: sum ${sum}, free ${s.free[i]}, locked ${s.locked[i]} for ${locked[i]}`);
    });
    this.#checkEvents();
  }
  #checkBook(m: SpotMarket): void {
    for (const list of [m.buys, m.sells])
      for (let i = 1; i < list.length; i++)
        if ((list[i]!.px - list[i - 1]!.px) * list[i]!.side > 0) throw new Error('not in order of price');
    if (m.buys.length > 0 && m.sells.length > 0 && m.buys[0]!.px >= m.sells[0]!.px) throw new Error('crossed');
  }
  /** What was told is what is: the last balances, and no order that comes back after its end. */
  #checkEvents(): void {
    for (const event of this.x.events.splice(0) as Record<string, unknown>[]) {
      if (event['e'] === 'executionReport') {
        const id = Number(event['i']) * 2 + (event['s'] === 'ETHBTC' ? 1 : 0);
        const before = this.#last.get(id);
        if (before && /FILLED|CANCELED|EXPIRED/.test(before) && before !== 'PARTIALLY_FILLED')
          throw new Error(`order ${id} was ${before} and is told again: ${event['x']}`);
        this.#last.set(id, String(event['X']));
        const key = `${event['x']} ${event['eR'] ?? ''}`;
        this.counts[key] = (this.counts[key] ?? 0) + 1;
      } else if (event['e'] === 'outboundAccountPosition')
        for (const b of event['B'] as { a: string; f: string; l: string }[]) this.#told.set(b.a, `${b.f}/${b.l}`);
    }
    const { names, free, locked } = this.x.assets;
    names.forEach((name, i) => {
      const told = this.#told.get(name);
      const is = `${(BigInt(free[i]!) + 0n).toString()}/${locked[i]}`;
      if (
        told &&
        told
          .replaceAll('.', '')
          .replace(/^0+(?=\d)/, '')
          .replace(/\/0+(?=\d)/, '/') !== is
      )
        throw new Error(`${name} was told as ${told} and is ${is}`);
    });
  }

  /** Balances again, from the trades alone. */
  checkTrades(): void {
    const sum = new Map<string, bigint>();
    const add = (asset: string, v: bigint): void => void sum.set(asset, (sum.get(asset) ?? 0n) + v);
    for (const m of this.markets) {
      const [pd, qd] = [m.digits.px, m.digits.qty];
      const filled = new Map<number, number>();
      for (const t of m.trades) {
        filled.set(t.orderId, (filled.get(t.orderId) ?? 0) + t.qty);
        const base = BigInt(t.qty) * 10n ** BigInt(8 - qd);
        const quote = (BigInt(t.px) * BigInt(t.qty) * 10n ** 8n) / 10n ** BigInt(pd + qd);
        const got = t.buyer ? base : quote;
        const fee = (got * 2n + 1000n) / 2000n;
        expect(BigInt(t.fee)).toBe(fee);
        add(m.rules.base, (t.buyer ? base : -base) - (t.buyer ? fee : 0n));
        add(m.rules.quote, (t.buyer ? -quote : quote) - (t.buyer ? 0n : fee));
      }
      for (const o of m.orders) expect(filled.get(o.orderId) ?? 0).toBe(o.cum);
    }
    const s = this.x.assets;
    s.names.forEach((name, i) => {
      expect(BigInt(s.free[i]! + s.locked[i]! + s.deposited[i]!)).toBe(sum.get(name) ?? 0n);
    });
  }
}

describe('a Spot account', () => {
  it('keeps every asset at a sum of zero, what is free at zero or more, and locks exactly what open orders need', () => {
    const seen: Record<string, number> = {};
    let steps = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 400, maxLength: 600, size: 'max' }), (list) => {
        const run = new Run();
        for (const s of list) run.step(s);
        run.checkTrades();
        steps += list.length;
        for (const [what, n] of Object.entries(run.counts)) seen[what] = (seen[what] ?? 0) + n;
      }),
      { numRuns: 120, seed: 20_240_808 },
    );
    expect(steps).toBeGreaterThan(50_000);
    const all = ['TRADE ', 'CANCELED ', 'REPLACED ', 'TRADE_PREVENTION ', 'EXPIRED OCO_TRIGGER', 'EXPIRED REJECTED'];
    for (const what of [...all, 'EXPIRED OTO_PHASE_ONE_EXPIRED', 'OCO', 'OTO', 'OTOCO', 'cancelList'])
      expect(seen[what] ?? 0, what).toBeGreaterThan(20);
  }, 60_000);
});
