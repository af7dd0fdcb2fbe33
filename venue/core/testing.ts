import { KeyTable, Vec } from '../../graph/schema/index.ts';
import { onBest, onFunding, onLadder, onMark, onTrade, receive, send } from './exchange.ts';
import {
  type Account,
  type Command,
  createExchange,
  type Exchange,
  type Market,
  marketOf,
  type Out,
  type PositionRecord,
  type Report,
  type Rules,
} from './state.ts';

/** Market orders, limits and everything else of a test in decimals of BTCUSDT (price 1 digit, quantity 3). */
export const RULES: Rules = {
  maker: 20_000,
  taker: 50_000,
  liquidationFee: 1_250_000,
  bound: 5_000_000,
  orderLatencyUs: 0,
  responseLatencyUs: 0,
  markIntervalUs: 1_000_000,
  markTimeoutUs: 10_000_000,
  levels: 100,
  leverage: 20,
  maxOrders: 200,
  maxStops: 200,
  algo: false,
  triggerProtect: 5_000_000,
  instruments: {},
};
const PX = 10;
const QTY = 1000;
type Level = readonly [number, number];

/** Drives the exchange core by hand for tests: prices and quantities in decimals, time in steps of one millisecond. */
export class Scenario {
  readonly keys = new KeyTable();
  readonly key = this.keys.declare('usdm:BTCUSDT', 1, 3);
  exchange: Exchange;
  now = 1_700_000_000_000_000;
  readonly said: Out[] = [];
  #u = 0;

  constructor(rules: Partial<Rules> = {}, deposit = 10_000) {
    this.exchange = createExchange({ ...RULES, ...rules }, deposit * 1e8);
  }
  get market(): Market {
    return marketOf(this.exchange, this.key)!;
  }
  /** Advances time and delivers commands and answers that are due. */
  wait(us = 1000): this {
    this.now += us;
    receive(this.exchange, (k) => this.keys.at(k), this.now);
    return this.#drain();
  }
  /** A ladder, best levels first. */
  book(bids: readonly Level[], asks: readonly Level[]): this {
    const column = (levels: readonly Level[], at: 0 | 1, scale: number): Vec =>
      new Vec(Float64Array.from([...levels].reverse(), (l) => Math.round(l[at] * scale)));
    onLadder(
      this.exchange,
      this.market,
      {
        u: ++this.#u,
        bid_px: column(bids, 0, PX),
        bid_qty: column(bids, 1, QTY),
        ask_px: column(asks, 0, PX),
        ask_qty: column(asks, 1, QTY),
      },
      this.now,
    );
    return this.wait();
  }
  best(bid: Level, ask: Level): this {
    const n = (x: number, scale: number): number => Math.round(x * scale);
    const [bid_px, bid_qty, ask_px, ask_qty] = [n(bid[0], PX), n(bid[1], QTY), n(ask[0], PX), n(ask[1], QTY)];
    onBest(this.exchange, this.market, { u: ++this.#u, bid_px, bid_qty, ask_px, ask_qty }, this.now);
    return this.wait();
  }
  trade(side: 'buy' | 'sell', px: number, qty: number): this {
    onTrade(this.exchange, this.market, Math.round(px * PX), Math.round(qty * QTY), side === 'buy' ? 1 : -1, this.now);
    return this.wait();
  }
  mark(px: number, rate = Number.NaN, nextMs = Number.NaN, eventMs = this.now / 1000): this {
    onMark(this.exchange, this.market, Math.round(px * 1e8), rate, nextMs, eventMs, this.now);
    return this.wait();
  }
  funding(rate: number, timeMs: number): this {
    onFunding(this.exchange, this.market, rate, timeMs, this.now);
    return this.wait();
  }
  send(c: Partial<Command> & { client_id: string }): this {
    const command: Command = {
      action: 'place',
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
      stp: 'off',
      good_till_ms: 0,
      ...c,
    };
    send(this.exchange, this.key, command, this.now);
    return this.#drain();
  }
  limit(id: string, side: 'buy' | 'sell', px: number, qty: number, more: Partial<Command> = {}): this {
    return this.send({ client_id: id, side, px: Math.round(px * PX), qty: Math.round(qty * QTY), ...more });
  }
  go(id: string, side: 'buy' | 'sell', qty: number, more: Partial<Command> = {}): this {
    return this.send({ client_id: id, side, type: 'market', qty: Math.round(qty * QTY), ...more });
  }
  stop(id: string, side: 'buy' | 'sell', stop: number, more: Partial<Command> = {}): this {
    return this.send({
      client_id: id,
      side,
      type: 'stop_market',
      stop_px: Math.round(stop * PX),
      close_position: more.qty === undefined,
      ...more,
    });
  }
  cancel(id: string): this {
    return this.send({ client_id: id, action: 'cancel' });
  }
  /** Reports of one order, or all, in short: `trade partially_filled 0.5@100`, `rejected -2019`. */
  reports(id?: string): string[] {
    return this.raw(id).map((r) =>
      r.exec === 'trade'
        ? `${r.exec} ${r.status} ${r.last_qty / QTY}@${r.last_px / PX}`
        : r.code !== 0
          ? `${r.exec} ${r.code}`
          : r.exec,
    );
  }
  raw(id?: string): Report[] {
    const list = this.said.filter((e) => e.port === 'report').map((e) => e.values as Report);
    return id === undefined ? list : list.filter((r) => r.client_id === id);
  }
  account(): Account {
    return this.said.filter((e) => e.port === 'account').at(-1)!.values as Account;
  }
  position(): PositionRecord {
    return this.said.filter((e) => e.port === 'position').at(-1)!.values as PositionRecord;
  }
  #drain(): this {
    const out = this.exchange.outbox;
    let n = 0;
    while (n < out.length && out[n]!.at <= this.now) n++;
    this.said.push(...out.splice(0, n));
    return this;
  }
}
