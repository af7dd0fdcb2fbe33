import { once } from 'node:events';
import { connect } from 'node:net';
import WebSocket from 'ws';
import {
  type AccountEngine,
  ApiError,
  type Feed,
  type MarketListener,
  type MarketName,
  type Route,
} from './contract.ts';
import { createVenueServer, type VenueServer, type VenueServerOptions } from './server.ts';
import { sign } from './transport/security.ts';

/** For tests of the server only: a market that plays what it is told, and accounts that know just enough to answer. */
export const ACCOUNT = { apiKey: 'k'.repeat(64), secret: 'a secret of the tests' };

export class HandClock {
  wall: number;
  us: number;
  constructor(wall = 1_700_000_000_000, us = 1_600_000_000_000_000) {
    this.wall = wall;
    this.us = us;
  }
  wallMs = (): number => this.wall;
  marketUs = (): number => this.us;
}

const NOTHING: MarketListener = { onTrade() {}, onLadder() {}, onBest() {}, onMark() {} };
export interface DoubleFrame {
  us: number;
  market: MarketName;
  stream: string;
  text: string;
}

export class DoubleFeed implements Feed {
  readonly listed = [];
  frames: DoubleFrame[] = [];
  publish: (market: MarketName, stream: string, event: string) => void = () => {};
  closed = false;
  fails = false;
  view = (): undefined => undefined;
  routes = (market: MarketName): readonly Route[] => [
    {
      method: 'GET',
      path: market === 'usdm' ? '/fapi/v1/time' : '/api/v3/time',
      security: 'none',
      weight: 1,
      ws: 'time',
      handle: ({ wallMs }) => ({ serverTime: wallMs }),
    },
  ];
  nextUs(): number {
    return this.frames[0]?.us ?? Number.POSITIVE_INFINITY;
  }
  advance(us: number): void {
    if (this.fails) throw new Error('the recording is torn');
    while (this.nextUs() <= us) {
      const f = this.frames.shift()!;
      this.publish(f.market, f.stream, f.text);
    }
  }
  stream(market: MarketName, name: string): { readonly category: 'public' | 'market' } | undefined {
    if (!/^(btc|eth)usdt@|^s\d+@/.test(name)) return undefined;
    return { category: market === 'usdm' && /aggTrade|kline|markPrice/.test(name) ? 'market' : 'public' };
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

interface DoubleOrder {
  orderId: number;
  clientOrderId: string;
  status: string;
}
export class DoubleEngine implements AccountEngine {
  readonly market: MarketName;
  readonly listener = NOTHING;
  onUserEvent: (event: object) => void = () => {};
  /** Answers to orders leave so much later, µs. */
  latencyUs = 0;
  readonly orders = new Map<string, DoubleOrder>();
  readonly wallet: Record<string, number> = { USDT: 10_000e8 };
  readonly forced: string[] = [];
  /** How often an order was really placed. */
  placed = 0;
  #waiting: { us: number; run: () => void }[] = [];
  constructor(market: MarketName) {
    this.market = market;
  }
  nextUs(): number {
    return this.#waiting[0]?.us ?? Number.POSITIVE_INFINITY;
  }
  advance(us: number): void {
    while (this.nextUs() <= us) this.#waiting.shift()!.run();
  }
  withdraw(asset: string, amount: number): void {
    if ((this.wallet[asset] ?? 0) < amount) throw new ApiError(-5013, 'Asset transfer failed: insufficient balance');
    this.wallet[asset]! -= amount;
  }
  deposit(asset: string, amount: number): void {
    this.wallet[asset] = (this.wallet[asset] ?? 0) + amount;
  }
  force(kind: 'liquidation' | 'adl', symbol: string): void {
    this.forced.push(`${kind} ${symbol}`);
  }
  get routes(): readonly Route[] {
    const path = this.market === 'usdm' ? '/fapi/v1/order' : '/api/v3/order';
    return [
      {
        method: 'POST',
        path,
        security: 'signed',
        weight: 0,
        orders: 1,
        ws: 'order.place',
        handle: ({ params, marketUs }) => {
          params.text('symbol');
          if (params.get('throw') !== undefined) throw new TypeError('a fault of the handler');
          const id = params.get('newClientOrderId') ?? `c${this.orders.size}`;
          this.placed++;
          const order = { orderId: this.orders.size + 1, clientOrderId: id, status: 'NEW' };
          this.orders.set(id, order);
          this.onUserEvent({ e: 'ORDER_TRADE_UPDATE', E: 1, o: { s: 'BTCUSDT', c: id, X: 'NEW' } });
          if (this.latencyUs === 0) return order;
          return new Promise((done) => {
            this.#waiting.push({ us: marketUs + this.latencyUs, run: () => done(order) });
          });
        },
      },
      {
        method: 'GET',
        path,
        security: 'signed',
        weight: 1,
        ws: 'order.status',
        handle: ({ params }) => this.#find(params.text('origClientOrderId'), -2013),
      },
      {
        method: 'DELETE',
        path,
        security: 'signed',
        weight: 1,
        ws: 'order.cancel',
        handle: ({ params }) => {
          const order = this.#find(params.text('origClientOrderId'), -2011);
          order.status = 'CANCELED';
          return order;
        },
      },
      { method: 'GET', path: `${path}s`, security: 'key', weight: 40, handle: () => [...this.orders.values()] },
    ];
  }
  #find(id: string, code: number): DoubleOrder {
    const order = this.orders.get(id);
    if (!order) throw new ApiError(code, code === -2013 ? 'Order does not exist.' : 'Unknown order sent.');
    return order;
  }
}

export interface Double {
  clock: HandClock;
  feed: DoubleFeed;
  usdm: DoubleEngine;
  spot: DoubleEngine;
  server: VenueServer;
  close(): Promise<void>;
}

/** A server over doubles, on free loopback ports, whose time is moved by hand. */
export async function startDouble(o: Partial<VenueServerOptions> = {}): Promise<Double> {
  const clock = new HandClock();
  const feed = new DoubleFeed();
  const usdm = new DoubleEngine('usdm');
  const spot = new DoubleEngine('spot');
  const server = await createVenueServer({
    clock,
    feed,
    engines: { usdm, spot },
    account: ACCOUNT,
    ports: { usdm: 0, spot: 0 },
    alone: false,
    ...o,
  });
  feed.publish = server.publish;
  return { clock, feed, usdm, spot, server, close: () => server.close() };
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}
/** One request; an answer that is not JSON fails the test. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const r = await fetch(url, init);
  return { status: r.status, headers: r.headers, body: (await r.json()) as Record<string, unknown> };
}
export function signed(clock: HandClock, params: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...params, timestamp: String(clock.wall) }).toString();
  return `${query}&signature=${sign(ACCOUNT.secret, query)}`;
}
export const KEY = { 'X-MBX-APIKEY': ACCOUNT.apiKey };

/** A websocket with what it heard, in order. */
export class Ear {
  readonly ws: WebSocket;
  readonly heard: string[] = [];
  #closed: { code: number } | undefined;
  readonly closing: Promise<number>;
  constructor(url: string, o: WebSocket.ClientOptions = {}) {
    this.ws = new WebSocket(url, o);
    this.ws.on('error', () => {});
    this.ws.on('message', (data) => this.heard.push(String(data)));
    this.closing = new Promise((done) =>
      this.ws.on('close', (code) => {
        this.#closed = { code };
        done(code);
      }),
    );
  }
  static async open(url: string, o: WebSocket.ClientOptions = {}): Promise<Ear> {
    const ear = new Ear(url, o);
    await once(ear.ws, 'open');
    return ear;
  }
  get closed(): boolean {
    return this.#closed !== undefined;
  }
  /** Everything heard so far, once there is at least so much of it. */
  async until(count: number): Promise<unknown[]> {
    while (this.heard.length < count) {
      if (this.#closed) throw new Error(`closed with ${this.#closed.code} after ${this.heard.length} messages`);
      await Promise.race([once(this.ws, 'message'), this.closing]);
    }
    return this.heard.map((t) => JSON.parse(t) as unknown);
  }
  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
  /** Waits until the server has seen everything sent so far, and has answered what it answers. */
  async settled(): Promise<void> {
    if (this.#closed) return;
    const pong = once(this.ws, 'pong');
    this.ws.ping();
    await Promise.race([pong, this.closing]);
  }
}

/** Writes bytes to a port and gives back what comes until the line is closed. */
export async function raw(origin: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (d) => {
    text += String(d);
  });
  socket.on('error', () => {});
  socket.write(bytes);
  socket.end();
  await once(socket, 'close');
  return text;
}
