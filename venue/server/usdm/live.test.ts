import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../../graph/schema/index.ts';
import { assertBalanced } from '../../core/ledger.ts';
import { BlockWriter, portIndex } from '../../synthetic/block-writer.ts';
import { profileOf } from '../../synthetic/profile.ts';
import { SymbolMarket } from '../../synthetic/symbol-market.ts';
import { ApiError, type Listed } from '../contract.ts';
import { Params } from '../params.ts';
import { UsdmEngine } from './engine.ts';
import type { Json } from './testing.ts';

const START = 1_704_067_200_000_000;
const [TRADE, TICKER, MARK] = [portIndex('trade'), portIndex('book_ticker'), portIndex('mark_price')];
interface Print {
  px: number;
  qty: number;
  us: number;
}

/** A synthetic market in which one account trades beside the agents; its public prints and tickers are kept. */
class Floor {
  readonly key = new KeyTable().declare('usdm:BTCUSDT', 1, 3);
  readonly out = new BlockWriter(0);
  readonly market: SymbolMarket;
  readonly engine: UsdmEngine;
  readonly prints: Print[] = [];
  readonly events: Json[] = [];
  ticker = { bid: 0, bidQty: 0, ask: 0, askQty: 0 };
  now = START;

  constructor(seed = 5) {
    const options = { startUs: START, rate: 100, depthEveryUs: 100_000, fundingUs: 8 * 3_600_000_000, outageUs: 0 };
    this.market = new SymbolMarket(this.key, 0, profileOf('BTCUSDT'), seed, this.out, options);
    const listed: Listed = {
      market: 'usdm',
      key: this.key,
      symbol: 'BTCUSDT',
      base: 'BTC',
      quote: 'USDT',
      tick: '0.1',
      step: '0.001',
      minQty: '0.001',
      maxQty: '1000',
      minPx: '0.1',
      maxPx: '1000000',
      minNotional: '100',
    };
    this.engine = new UsdmEngine({
      listed: [listed],
      startUs: START,
      deposit: 1_000_000e8,
      live: (_key, owner) => this.market.live(owner),
    });
    this.engine.onUserEvent = (e) => this.events.push(e as Json);
    this.run(2);
  }
  /** Plays some seconds of the market. */
  run(seconds: number): this {
    const until = this.now + seconds * 1e6;
    while (this.market.nextUs <= until) {
      this.market.advance();
      this.flush();
    }
    this.now = until;
    this.engine.advance(until);
    return this;
  }
  flush(): this {
    this.out.flush();
    const { listener } = this.engine;
    for (let b = this.out.full.shift(); b; b = this.out.full.shift()) {
      for (let i = 0; i < b.n; i++) {
        const c = b.ports[b.port[i]!]!.columns as Float64Array[];
        const r = b.row[i]!;
        const us = b.t[i]!;
        const v = (n: number): number => c[n]![r]!;
        if (b.port[i] === TRADE) {
          this.prints.push({ px: v(1), qty: v(2), us });
          listener.onTrade(this.key, v(1), v(2), v(3) === 0 ? 1 : -1, us);
        } else if (b.port[i] === TICKER) {
          this.ticker = { bid: v(1), bidQty: v(2), ask: v(3), askQty: v(4) };
          listener.onBest(this.key, { u: v(0), bid_px: v(1), bid_qty: v(2), ask_px: v(3), ask_qty: v(4) }, us);
        } else if (b.port[i] === MARK) listener.onMark(this.key, v(0), v(3), v(4), v(5), us);
      }
      this.out.recycle(b);
    }
    return this;
  }
  call(what: string, params: Json): Json {
    const [method, path] = what.split(' ');
    const route = this.engine.routes.find((r) => r.method === method && r.path === `/fapi/v1/${path}`)!;
    const values = Object.fromEntries(Object.entries({ symbol: 'BTCUSDT', ...params }).map(([k, v]) => [k, String(v)]));
    return route.handle({ params: new Params(values), wallMs: 0, marketUs: this.now }) as Json;
  }
  order(side: 'BUY' | 'SELL', quantity: number, px?: number, more: Json = {}): Json {
    const type = px === undefined ? { type: 'MARKET' } : { type: 'LIMIT', timeInForce: 'GTC', price: px / 10 };
    const answer = this.call('POST order', { side, quantity, newOrderRespType: 'RESULT', ...type, ...more });
    this.flush();
    return answer;
  }
}

describe('an account in the agents’ own book', () => {
  it('takes what rests there, and everybody sees the trade and the smaller level', () => {
    const f = new Floor();
    const before = { ...f.ticker };
    const prints = f.prints.length;
    const o = f.order('BUY', 0.002);
    expect(o).toMatchObject({ status: 'FILLED', avgPrice: `${(before.ask / 10).toFixed(5)}` });
    expect(f.prints.slice(prints)).toEqual([{ px: before.ask, qty: 2, us: f.now }]);
    expect(before.askQty <= 2 || (f.ticker.ask === before.ask && f.ticker.askQty === before.askQty - 2)).toBe(true);
  });
  it('moves the price when it takes more than a level', () => {
    const f = new Floor();
    const before = { ...f.ticker };
    const prints = f.prints.length;
    const o = f.order('BUY', (before.askQty + 5) / 1000);
    expect(o).toMatchObject({ status: 'FILLED' });
    expect(f.ticker.ask).toBeGreaterThan(before.ask);
    const taken = f.prints.slice(prints).reduce((s, p) => s + p.qty, 0);
    expect(taken).toBe(before.askQty + 5);
  });
  it('rests as one of them: it is the best bid that agents sell into', () => {
    const f = new Floor();
    while (f.ticker.ask - f.ticker.bid < 2) f.run(0.05);
    const px = f.ticker.bid + 1;
    const o = f.order('BUY', 0.05, px);
    expect(o).toMatchObject({ status: 'NEW' });
    expect([f.ticker.bid, f.ticker.bidQty]).toEqual([px, 50]);
    for (let n = 0; n < 600 && f.engine.desks[0]!.market.buys.length > 0; n++) f.run(1);
    const fills = f.events.filter((e) => e['e'] === 'TRADE_LITE');
    const total = fills.reduce((s, e) => s + Math.round(Number(e['l']) * 1000), 0);
    expect(total).toBe(50);
    expect(fills.every((e) => e['m'] === true && Math.round(Number(e['L']) * 10) === px)).toBe(true);
    // Each of its fills is a print of the market at that time.
    for (const e of fills) {
      const qty = Math.round(Number(e['l']) * 1000);
      expect(f.prints.some((p) => Math.floor(p.us / 1000) === e['T'] && p.px === px && p.qty === qty)).toBe(true);
    }
  });
  it('leaves the book when it is cancelled, and enters it again amended', () => {
    const f = new Floor();
    while (f.ticker.ask - f.ticker.bid < 3) f.run(0.05);
    const before = { ...f.ticker };
    const o = f.order('SELL', 0.02, before.ask - 1);
    expect([f.ticker.ask, f.ticker.askQty]).toEqual([before.ask - 1, 20]);
    f.call('PUT order', { orderId: o['orderId'], side: 'SELL', quantity: 0.03, price: (before.ask - 2) / 10 });
    f.flush();
    expect([f.ticker.ask, f.ticker.askQty]).toEqual([before.ask - 2, 30]);
    f.call('DELETE order', { orderId: o['orderId'] });
    f.flush();
    expect(f.ticker).toEqual(before);
  });
  it('waits outside while the book does not reach so far', () => {
    const f = new Floor();
    const o = f.order('BUY', 0.02, f.ticker.bid - 20_000);
    expect(o).toMatchObject({ status: 'NEW' });
    expect(f.engine.desks[0]!.market.buys[0]).toMatchObject({ liveId: -1 });
    expect(f.call('DELETE order', { orderId: o['orderId'] })).toMatchObject({ status: 'CANCELED' });
  });
  it('stays consistent with the book whatever it does', () => {
    const f = new Floor(9);
    let dice = 12_345;
    const below = (n: number): number => {
      dice = (dice * 48_271) % 2_147_483_647;
      return dice % n;
    };
    const { market } = f.engine.desks[0]!;
    for (let n = 0; n < 2000; n++) {
      f.run(0.02);
      const side = below(2) === 0 ? 'BUY' : 'SELL';
      const px = (side === 'BUY' ? f.ticker.bid : f.ticker.ask) + below(41) - 20;
      const stp = ['EXPIRE_MAKER', 'NONE', 'EXPIRE_TAKER', 'EXPIRE_BOTH'][below(4)]!;
      try {
        const what = below(10);
        if (what < 6)
          f.order(side, (1 + below(60)) / 1000, px, { selfTradePreventionMode: stp, reduceOnly: below(5) === 0 });
        else if (what < 7) f.order(side, (1 + below(60)) / 1000, undefined, { selfTradePreventionMode: stp });
        else {
          const open = [...market.buys, ...market.sells];
          const o = open[below(open.length)];
          if (o) f.call('DELETE order', { orderId: o.orderId });
        }
      } catch (e) {
        if (!(e instanceof ApiError)) throw e;
      }
      f.flush();
      assertBalanced(f.engine.exchange.ledger);
      expect(f.ticker.bid).toBeLessThan(f.ticker.ask);
      for (const [list, best] of [
        [market.buys, f.ticker.bid],
        [market.sells, f.ticker.ask],
      ] as const)
        for (const o of list) {
          expect(o.liveId).toBeGreaterThanOrEqual(0);
          // Nothing of ours stands better than the best price that everybody sees.
          expect((o.px - best) * o.side).toBeLessThanOrEqual(0);
        }
    }
    const fills = f.events.filter((e) => e['e'] === 'TRADE_LITE');
    const position = fills.reduce((s, e) => s + (e['S'] === 'BUY' ? 1 : -1) * Math.round(Number(e['l']) * 1000), 0);
    expect(position).toBe(market.position.qty);
    expect(fills.filter((e) => e['m'] === true).length).toBeGreaterThan(50);
    expect(fills.filter((e) => e['m'] === false).length).toBeGreaterThan(50);
  });
});
