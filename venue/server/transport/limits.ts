import { ApiError, type MarketName } from '../contract.ts';

const MINUTE = 60_000;

export interface OrderLimit {
  /** As exchangeInfo names it. */
  readonly interval: 'SECOND' | 'MINUTE' | 'DAY';
  readonly num: number;
  readonly limit: number;
}
/** What one market of the exchange allows. */
export interface MarketLimits {
  /** Request weight per minute and IP. */
  readonly weight: number;
  /** Requests per five minutes and IP, whatever their weight. */
  readonly raw: number;
  /** Per account. */
  readonly orders: readonly OrderLimit[];
  /** Refused requests in one minute after which an IP is banned. */
  readonly refusalsBeforeBan: number;
  /** First ban; each further one of the same IP is twice as long, up to three days. */
  readonly banMs: number;
  /** New websocket connections per five minutes and IP. */
  readonly connections: number;
  /** Messages of a client per second on a market or user stream connection. */
  readonly messages: number;
  /** Streams on one connection. */
  readonly streams: number;
  /** Open TCP connections on the port, REST and websocket together. */
  readonly sockets: number;
  /** Bytes that wait for a slow reader before it is cut off. */
  readonly buffered: number;
}

/** Binance's limits; `sockets` and `buffered` are the venue's own. */
export const BINANCE_LIMITS: Readonly<Record<MarketName, MarketLimits>> = {
  usdm: {
    weight: 2400,
    raw: Number.POSITIVE_INFINITY,
    orders: [
      { interval: 'SECOND', num: 10, limit: 300 },
      { interval: 'MINUTE', num: 1, limit: 1200 },
    ],
    refusalsBeforeBan: 50,
    banMs: 120_000,
    connections: 300,
    messages: 10,
    streams: 1024,
    sockets: 4096,
    buffered: 16_777_216,
  },
  spot: {
    weight: 6000,
    raw: 300_000,
    orders: [
      { interval: 'SECOND', num: 10, limit: 50 },
      { interval: 'DAY', num: 1, limit: 160_000 },
    ],
    refusalsBeforeBan: 50,
    banMs: 120_000,
    connections: 300,
    messages: 5,
    streams: 1024,
    sockets: 4096,
    buffered: 16_777_216,
  },
};

/** As Binance's, but nobody is refused: for load tests and simulations that are faster than the exchange would allow. */
export function unlimited(limits: MarketLimits): MarketLimits {
  const all = Number.POSITIVE_INFINITY;
  return {
    ...limits,
    weight: all,
    raw: all,
    orders: limits.orders.map((o) => ({ ...o, limit: all })),
    connections: all,
    messages: all,
  };
}

/** A refusal that says when to come again. */
export class LimitError extends ApiError {
  readonly retryAfterS: number;
  constructor(code: number, msg: string, status: number, retryAfterS: number) {
    super(code, msg, status);
    this.retryAfterS = Math.max(1, Math.ceil(retryAfterS));
  }
}

interface Visitor {
  minute: number;
  weight: number;
  refused: number;
  rawWindow: number;
  raw: number;
  bannedUntil: number;
  bans: number;
  connectionWindow: number;
  connections: number;
}

/** Header suffix of an interval, as `X-MBX-ORDER-COUNT-10S`. */
export const suffix = (o: OrderLimit): string => `${o.num}${o.interval[0]}`;

const LENGTH = { SECOND: 1000, MINUTE, DAY: 86_400_000 } as const;

/** Counters of one market: per IP, and per account for orders. Windows are fixed, aligned to the wall clock. */
export class Limits {
  readonly of: MarketLimits;
  readonly #visitors = new Map<string, Visitor>();
  readonly #orders: { readonly limit: OrderLimit; readonly ms: number; window: number; count: number }[];
  constructor(limits: MarketLimits) {
    this.of = limits;
    this.#orders = limits.orders.map((limit) => ({
      limit,
      ms: limit.num * LENGTH[limit.interval],
      window: -1,
      count: 0,
    }));
  }

  /**
   * Books the weight of a request.
   * @returns the weight used in this minute
   * @throws LimitError −1003 with 429, or 418 for an IP that went on
   */
  request(ip: string, weight: number, wallMs: number): number {
    const v = this.#visitor(ip, wallMs);
    this.#checkBan(v, ip, wallMs);
    v.weight += weight;
    v.raw++;
    if (v.weight <= this.of.weight && v.raw <= this.of.raw) return v.weight;
    if (++v.refused > this.of.refusalsBeforeBan) {
      this.ban(ip, wallMs);
      this.#checkBan(v, ip, wallMs);
    }
    const minute = v.weight > this.of.weight;
    const end = minute ? (v.minute + 1) * MINUTE : (v.rawWindow + 1) * 5 * MINUTE;
    throw new LimitError(
      -1003,
      minute
        ? `Too much request weight used; current limit is ${this.of.weight} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.`
        : `Too many requests; current limit is ${this.of.raw} requests per 5 MINUTE.`,
      429,
      (end - wallMs) / 1000,
    );
  }
  used(ip: string, wallMs: number): number {
    return this.#visitor(ip, wallMs).weight;
  }
  /** Bans an IP, twice as long as the last time. */
  ban(ip: string, wallMs: number, ms?: number): void {
    const v = this.#visitor(ip, wallMs);
    v.bannedUntil = wallMs + (ms ?? Math.min(3 * 86_400_000, this.of.banMs * 2 ** v.bans));
    v.bans = Math.min(30, v.bans + 1);
    v.refused = 0;
  }
  #checkBan(v: Visitor, ip: string, wallMs: number): void {
    if (wallMs >= v.bannedUntil) return;
    throw new LimitError(
      -1003,
      `Way too much request weight used; IP ${ip} banned until ${Math.round(v.bannedUntil)}. Please use WebSocket Streams for live updates to avoid bans.`,
      418,
      (v.bannedUntil - wallMs) / 1000,
    );
  }

  /** Whether one more websocket may be opened from this IP. */
  connection(ip: string, wallMs: number): boolean {
    const v = this.#visitor(ip, wallMs);
    const window = Math.floor(wallMs / (5 * MINUTE));
    if (v.connectionWindow !== window) {
      v.connectionWindow = window;
      v.connections = 0;
    }
    return wallMs >= v.bannedUntil && ++v.connections <= this.of.connections;
  }

  /**
   * Books orders. `perInterval` may count less on longer intervals (a batch is one on the minute).
   * @throws LimitError −1015
   */
  orders(count: number, batch: boolean, wallMs: number): void {
    for (const o of this.#orders) {
      roll(o, wallMs);
      const n = batch && o.limit.interval === 'MINUTE' ? 1 : count;
      if (o.count + n > o.limit.limit)
        throw new LimitError(
          -1015,
          `Too many new orders; current limit is ${o.limit.limit} orders per ${o.limit.num} ${o.limit.interval}.`,
          429,
          ((o.window + 1) * o.ms - wallMs) / 1000,
        );
    }
    for (const o of this.#orders) o.count += batch && o.limit.interval === 'MINUTE' ? 1 : count;
  }
  /** An order that trades no longer counts (Spot counts what is unfilled). */
  filled(): void {
    for (const o of this.#orders) if (o.count > 0) o.count--;
  }
  /** Counts per interval, for headers and for `rateLimits` of the websocket API. */
  orderCounts(wallMs: number): readonly { readonly limit: OrderLimit; readonly count: number }[] {
    for (const o of this.#orders) roll(o, wallMs);
    return this.#orders;
  }
  /** The same as the exchange's API shows them. */
  orderRows(wallMs: number): object[] {
    return this.orderCounts(wallMs).map(({ limit, count }) => ({
      rateLimitType: 'ORDERS',
      interval: limit.interval,
      intervalNum: limit.num,
      limit: limit.limit,
      count,
    }));
  }

  #visitor(ip: string, wallMs: number): Visitor {
    let v = this.#visitors.get(ip);
    const minute = Math.floor(wallMs / MINUTE);
    if (!v) {
      if (this.#visitors.size > 10_000) this.#visitors.clear();
      v = {
        minute,
        weight: 0,
        refused: 0,
        rawWindow: -1,
        raw: 0,
        bannedUntil: 0,
        bans: 0,
        connectionWindow: -1,
        connections: 0,
      };
      this.#visitors.set(ip, v);
    }
    if (v.minute !== minute) {
      v.minute = minute;
      v.weight = 0;
      v.refused = 0;
    }
    const rawWindow = Math.floor(wallMs / (5 * MINUTE));
    if (v.rawWindow !== rawWindow) {
      v.rawWindow = rawWindow;
      v.raw = 0;
    }
    return v;
  }
}

function roll(o: { ms: number; window: number; count: number }, wallMs: number): void {
  const window = Math.floor(wallMs / o.ms);
  if (o.window === window) return;
  o.window = window;
  o.count = 0;
}
