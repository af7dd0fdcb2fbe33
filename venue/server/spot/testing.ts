import { KeyTable, Vec } from '../../../graph/schema/index.ts';
import { type AccountEngine, ApiError, type Listed } from '../contract.ts';
import { Params } from '../params.ts';
import { createSpotEngine, type SpotOptions } from './index.ts';

const keys = new KeyTable();
/** BTCUSDT: tick 0.01, lot 0.00001, at least 5 USDT. */
export const BTCUSDT: Listed = {
  market: 'spot',
  key: keys.declare('spot:BTCUSDT', 2, 5),
  symbol: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  tick: '0.01000000',
  step: '0.00001000',
  minQty: '0.00001000',
  maxQty: '9000.00000000',
  minPx: '0.01000000',
  maxPx: '1000000.00000000',
  minNotional: '5.00000000',
};
const PX = 100;
const QTY = 100_000;
type Level = readonly [number, number];
export type Json = Record<string, unknown>;

/** A client of a Spot account in process: calls by name, a market by hand. One call and one event take a millisecond. */
export class Client {
  readonly engine: AccountEngine;
  nowUs = 1_700_000_000_000_000;
  readonly events: Json[] = [];
  #u = 0;

  constructor(options: Partial<SpotOptions> = {}) {
    this.engine = createSpotEngine({ listed: [BTCUSDT], ...options });
    this.engine.onUserEvent = (e) => this.events.push(e as Json);
  }
  /** Calls a route with parameters; BTCUSDT unless another symbol is given. */
  raw(method: string, path: string, values: Record<string, string | number>): unknown {
    this.tick();
    const route = this.engine.routes.find((r) => r.method === method && r.path === path);
    if (!route) throw new Error(`no route ${method} ${path}`);
    const params = new Params(Object.fromEntries(Object.entries(values).map(([k, v]) => [k, String(v)])));
    return route.handle({ params, wallMs: Math.floor(this.nowUs / 1000), marketUs: this.nowUs });
  }
  call(method: string, path: string, values: Record<string, string | number> = {}): Json {
    return this.raw(method, path, { symbol: 'BTCUSDT', ...values }) as Json;
  }
  /** The error that a call is answered with: `−2010 Duplicate order sent.` */
  refusal(method: string, path: string, values: Record<string, string | number> = {}): string {
    try {
      this.call(method, path, values);
    } catch (e) {
      if (e instanceof ApiError) return `${e.code} ${e.message}`;
      throw e;
    }
    return 'accepted';
  }
  order(values: Record<string, string | number>): Json {
    return this.call('POST', '/api/v3/order', { newOrderRespType: 'FULL', ...values });
  }
  limit(
    side: string,
    quantity: number | string,
    price: number | string,
    more: Record<string, string | number> = {},
  ): Json {
    return this.order({ side, type: 'LIMIT', timeInForce: 'GTC', quantity, price, ...more });
  }
  market(side: string, quantity: number | string): Json {
    return this.order({ side, type: 'MARKET', quantity });
  }

  tick(us = 1000): void {
    this.nowUs += us;
  }
  /** Best level first. */
  book(bids: readonly Level[], asks: readonly Level[]): this {
    this.tick();
    const list = (levels: readonly Level[], i: 0 | 1): Vec =>
      new Vec(Float64Array.from(levels.map((l) => Math.round(l[i] * (i === 0 ? PX : QTY))).reverse()));
    this.engine.listener.onLadder(
      BTCUSDT.key,
      { u: ++this.#u, bid_px: list(bids, 0), bid_qty: list(bids, 1), ask_px: list(asks, 0), ask_qty: list(asks, 1) },
      this.nowUs,
    );
    return this;
  }
  trade(px: number, qty: number, taker: 1 | -1 = 1): this {
    this.tick();
    this.engine.listener.onTrade(BTCUSDT.key, Math.round(px * PX), Math.round(qty * QTY), taker, this.nowUs);
    return this;
  }
  /** `free/locked` of an asset. */
  balance(asset: string): string {
    const { balances } = this.call('GET', '/api/v3/account') as { balances: Json[] };
    const b = balances.find((row) => row['asset'] === asset);
    return b ? `${b['free']}/${b['locked']}` : '';
  }
  status(clientId: string): string {
    return String(this.call('GET', '/api/v3/order', { origClientOrderId: clientId })['status']);
  }
  /** Takes the events so far, shortened: `executionReport NEW NEW a`, `listStatus ALL_DONE`, `outboundAccountPosition`. */
  told(): string[] {
    return this.events.splice(0).map((e) => {
      if (e['e'] === 'executionReport') return `${e['C'] || e['c']} ${e['x']} ${e['X']}${e['eR'] ? ` ${e['eR']}` : ''}`;
      if (e['e'] === 'listStatus') return `list ${e['c']} ${e['l']}`;
      return e['e'] === 'outboundAccountPosition' ? 'position' : String(e['e']);
    });
  }
}
