import { KeyTable, Vec } from '../../../graph/schema/index.ts';
import { ApiError, type Listed, type Route } from '../contract.ts';
import { Params } from '../params.ts';
import { UsdmEngine } from './engine.ts';
import type { UsdmOptions } from './options.ts';

export type Json = Record<string, unknown>;
type Level = readonly [number, number];

/** Drives an account of the server by hand: a market of BTCUSDT and ETHUSDT, calls by method and path, time in ms steps. */
export class Bench {
  readonly keys = new KeyTable();
  readonly engine: UsdmEngine;
  readonly events: Json[] = [];
  nowUs = 1_700_000_000_000_000;
  wallMs = 1_760_000_000_000;
  readonly #routes = new Map<string, Route>();
  #u = 0;

  constructor(options: Partial<UsdmOptions> = {}) {
    const listed = (symbol: string, px: number, qty: number, tick: string, minNotional: string): Listed => ({
      market: 'usdm',
      key: this.keys.declare(`usdm:${symbol}`, px, qty),
      symbol,
      base: symbol.replace('USDT', ''),
      quote: 'USDT',
      tick,
      step: '0.001',
      minQty: '0.001',
      maxQty: '1000',
      minPx: tick,
      maxPx: '1000000',
      minNotional,
    });
    this.engine = new UsdmEngine({
      listed: [listed('BTCUSDT', 1, 3, '0.1', '100'), listed('ETHUSDT', 2, 3, '0.01', '20')],
      startUs: this.nowUs,
      ...options,
    });
    this.engine.onUserEvent = (e) => this.events.push(JSON.parse(JSON.stringify(e)));
    for (const r of this.engine.routes) this.#routes.set(`${r.method} ${r.path}`, r);
  }
  /** Calls `POST order` and the like (version 1 unless the path says another). */
  call(what: string, params: Json = {}): unknown {
    const [method, path] = what.split(' ') as [string, string];
    const route = this.#routes.get(`${method} /fapi/${/^v\d\//.test(path) ? path : `v1/${path}`}`);
    if (!route) throw new Error(`no route ${what}`);
    const values = Object.fromEntries(Object.entries(params).map(([k, v]) => [k, String(v)]));
    return route.handle({ params: new Params(values), wallMs: this.wallMs, marketUs: this.nowUs });
  }
  json(what: string, params: Json = {}): Json {
    return this.call(what, params) as Json;
  }
  list(what: string, params: Json = {}): Json[] {
    return this.call(what, params) as Json[];
  }
  /** The code that a call is refused with; 0 when it is not. */
  code(what: string, params: Json = {}): number {
    try {
      this.call(what, params);
      return 0;
    } catch (e) {
      if (e instanceof ApiError) return e.code;
      throw e;
    }
  }
  order(side: 'BUY' | 'SELL', quantity: number | string, more: Json = {}): Json {
    const type = more['price'] === undefined ? { type: 'MARKET' } : { type: 'LIMIT', timeInForce: 'GTC' };
    return this.json('POST order', { symbol: 'BTCUSDT', side, quantity, newOrderRespType: 'RESULT', ...type, ...more });
  }
  algo(side: 'BUY' | 'SELL', type: string, more: Json): Json {
    return this.json('POST algoOrder', { algoType: 'CONDITIONAL', symbol: 'BTCUSDT', side, type, ...more });
  }

  wait(ms: number): this {
    this.nowUs += ms * 1000;
    this.wallMs += ms;
    this.engine.advance(this.nowUs);
    return this;
  }
  book(bids: readonly Level[], asks: readonly Level[], symbol = 'BTCUSDT'): this {
    const d = this.engine.deskOf(symbol);
    const column = (levels: readonly Level[], at: 0 | 1, scale: number): Vec =>
      new Vec(Float64Array.from([...levels].reverse(), (l) => Math.round(l[at] * scale)));
    const { key } = d;
    this.engine.listener.onLadder(
      key,
      {
        u: ++this.#u,
        bid_px: column(bids, 0, key.pxScale),
        bid_qty: column(bids, 1, key.qtyScale),
        ask_px: column(asks, 0, key.pxScale),
        ask_qty: column(asks, 1, key.qtyScale),
      },
      this.nowUs,
    );
    return this.wait(1);
  }
  trade(side: 'buy' | 'sell', px: number, qty: number, symbol = 'BTCUSDT'): this {
    const { key } = this.engine.deskOf(symbol);
    const at = (v: number, scale: number): number => Math.round(v * scale);
    const taker = side === 'buy' ? 1 : -1;
    this.engine.listener.onTrade(key, at(px, key.pxScale), at(qty, key.qtyScale), taker, this.nowUs);
    return this.wait(1);
  }
  mark(px: number, symbol = 'BTCUSDT', rate = Number.NaN, nextMs = Number.NaN): this {
    const { key } = this.engine.deskOf(symbol);
    this.engine.listener.onMark(key, Math.round(px * 1e8), rate, nextMs, this.nowUs / 1000, this.nowUs);
    return this.wait(1);
  }
  /** Events since the last call of this. */
  told(): Json[] {
    return this.events.splice(0);
  }
}
