import { nextFloat, type RandomState, seedRandom } from '../../../graph/math/seeded-random.ts';
import { ApiError, type MarketName, type Route } from '../contract.ts';
import { LimitError } from '../transport/limits.ts';
import { matcher } from './pattern.ts';
import { type Fault, TIMED } from './scenario.ts';

/** What the streams know of faults: a frame is offered, and taken when it is not to go its ordinary way. */
export interface FrameFaults {
  /** False: nothing happens to frames. */
  readonly active: boolean;
  take(market: MarketName, stream: string, event: string, hub: FrameTarget): boolean;
}
export interface FrameTarget {
  deliver(stream: string, event: string): void;
  /** Cuts the connections that read the stream. */
  cut(stream: string): void;
}

/** What happens to a request besides, or instead of, being served. */
export interface RequestFault {
  /** Answered with this, and not served. */
  readonly before?: ApiError;
  /** Served, and answered with this whatever came of it. */
  readonly after?: ApiError;
  /** No answer; served when `accepted`. */
  readonly silent?: { readonly accepted: boolean };
  /** Served, and answered so much later. */
  readonly delayMs?: number;
  /** The IP is banned. */
  readonly banMs?: number;
}

/** What the server does when a fault with a time of its own comes due. */
export type TimedFault = Extract<
  Fault,
  { kind: 'disconnect' | 'server_shutdown' | 'listen_key_expiry' | 'liquidation' | 'adl' | 'clock_skew' }
>;

interface Live {
  readonly fault: Fault;
  readonly random: RandomState;
  readonly market: (text: string | undefined) => boolean;
  readonly route: (text: string | undefined) => boolean;
  readonly stream: (text: string | undefined) => boolean;
  readonly event: (text: string | undefined) => boolean;
  readonly status: (text: string | undefined) => boolean;
  readonly symbol: (text: string | undefined) => boolean;
  /** Market time from which the next occasion is hit (`at`, `every`). */
  dueUs: number;
  seen: number;
  fired: number;
}

const FRAME_KINDS = new Set(['gap', 'duplicate', 'reorder', 'delay']);
const USER_KINDS = new Set(['late_report', 'duplicate_report', 'lost_report']);

export interface InjectorOptions {
  /** Market time, µs. */
  readonly nowUs: () => number;
  /** Runs something later in wall time. */
  readonly later: (ms: number, run: () => void) => void;
  readonly onTimed: (fault: TimedFault, nowUs: number) => void;
  readonly onFired?: (fault: Fault, what: string) => void;
  /** Where `at` and `every` count from, µs. */
  readonly fromUs: number;
}

/** Faults as they happen: drawn from their seeds, in the order in which frames, requests and events come. */
export class FaultInjector implements FrameFaults {
  readonly #o: InjectorOptions;
  #frames: Live[] = [];
  #requests: Live[] = [];
  #users: Live[] = [];
  #timed: Live[] = [];
  #all: Live[] = [];
  readonly #fromUs: number;
  readonly #held = new Map<string, string>();
  readonly #queues = new Map<string, string[]>();

  constructor(o: InjectorOptions) {
    this.#o = o;
    this.#fromUs = o.fromUs;
  }

  /** @returns how many faults there are now */
  add(faults: readonly Fault[], seed: number, fromUs = this.#fromUs): number {
    for (const fault of faults) {
      const m = fault.match;
      const live: Live = {
        fault,
        random: seedRandom(seed, `fault/${this.#all.length}`),
        market: matcher(m.market),
        route: matcher(m.route),
        stream: matcher(m.stream ?? (fault.kind === 'gap' ? '*@depth*' : undefined)),
        event: matcher(m.event),
        status: matcher(m.status),
        symbol: matcher(m.symbol),
        dueUs: fromUs + (fault.at ?? fault.every ?? 0),
        seen: 0,
        fired: 0,
      };
      this.#all.push(live);
      const timed = fault.at !== undefined || fault.every !== undefined;
      if (TIMED.has(fault.kind)) (timed ? this.#timed : this.#frames).push(live);
      else if (FRAME_KINDS.has(fault.kind)) this.#frames.push(live);
      else if (USER_KINDS.has(fault.kind)) this.#users.push(live);
      else this.#requests.push(live);
    }
    return this.#all.length;
  }
  /** Ends all faults; what is held back is still delivered. */
  clear(): void {
    this.#all = [];
    this.#frames = [];
    this.#requests = [];
    this.#users = [];
    this.#timed = [];
  }
  counts(): { kind: string; seen: number; fired: number }[] {
    return this.#all.map((f) => ({ kind: f.fault.kind, seen: f.seen, fired: f.fired }));
  }

  get active(): boolean {
    return this.#frames.length > 0 || this.#held.size > 0 || this.#queues.size > 0;
  }
  take(market: MarketName, stream: string, event: string, hub: FrameTarget): boolean {
    const key = `${market}/${stream}`;
    const queue = this.#queues.get(key);
    if (queue) {
      queue.push(event);
      return true;
    }
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#held.delete(key);
      hub.deliver(stream, event);
      hub.deliver(stream, held);
      return true;
    }
    for (const f of this.#frames) {
      if (!f.market(market) || !f.stream(stream) || !this.#hits(f, stream)) continue;
      const { fault } = f;
      switch (fault.kind) {
        case 'gap':
          return true;
        case 'duplicate':
          hub.deliver(stream, event);
          hub.deliver(stream, event);
          return true;
        case 'reorder':
          this.#held.set(key, event);
          return true;
        case 'delay':
          this.#queues.set(key, [event]);
          this.#o.later(fault.ms, () => {
            const waiting = this.#queues.get(key) ?? [];
            this.#queues.delete(key);
            for (const e of waiting) hub.deliver(stream, e);
          });
          return true;
        case 'disconnect':
          hub.cut(stream);
          return true;
      }
    }
    return false;
  }

  request(market: MarketName, route: Route, values: Readonly<Record<string, string>>): RequestFault | undefined {
    if (this.#requests.length === 0) return undefined;
    const name = `${route.method} ${route.path}`;
    for (const f of this.#requests) {
      const { kind } = f.fault;
      if (!f.market(market) || !f.route(name) || !f.symbol(values['symbol'])) continue;
      // Without a route of its own, a fault is meant for what an account does.
      if (f.fault.match.route === undefined && route.security !== 'signed' && kind !== 'rate_limit' && kind !== 'ban')
        continue;
      const missing = kind === 'not_found' ? notFound(route) : undefined;
      if (kind === 'not_found' && !missing) continue;
      if (this.#hits(f, name)) return decide(f.fault, missing);
    }
    return undefined;
  }

  /** Offers a user event. @returns false when it goes its ordinary way */
  user(market: MarketName, event: object, deliver: () => void): boolean {
    if (this.#users.length === 0) return false;
    const { e, o, X, s } = event as { e?: string; o?: { X?: string; s?: string }; X?: string; s?: string };
    const status = typeof o === 'object' ? o.X : X;
    const symbol = typeof o === 'object' ? o.s : s;
    for (const f of this.#users) {
      if (!f.market(market) || !f.event(e) || !f.status(status) || !f.symbol(symbol)) continue;
      if (!this.#hits(f, String(e))) continue;
      if (f.fault.kind === 'late_report') this.#o.later(f.fault.ms, deliver);
      else if (f.fault.kind === 'duplicate_report') {
        deliver();
        deliver();
      }
      return true;
    }
    return false;
  }

  /** Market time of the next fault that needs no occasion. */
  nextUs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const f of this.#timed) if (f.dueUs < next) next = f.dueUs;
    return next;
  }
  advance(nowUs: number): void {
    for (const f of this.#timed)
      if (f.dueUs <= nowUs && this.#hits(f, f.fault.kind)) this.#o.onTimed(f.fault as TimedFault, nowUs);
  }

  /** Whether this occasion is the one. */
  #hits(f: Live, what: string): boolean {
    const { fault } = f;
    f.seen++;
    const most = fault.times ?? (fault.at !== undefined || fault.nth !== undefined ? 1 : Number.POSITIVE_INFINITY);
    let hit = f.fired < most;
    if (fault.probability !== undefined) {
      // Drawn each time, so that `times` does not shift what other occasions draw.
      hit = nextFloat(f.random) < fault.probability && hit;
    } else if (fault.nth !== undefined) hit = f.seen === fault.nth && hit;
    else if (fault.every_nth !== undefined) hit = f.seen % fault.every_nth === 0 && hit;
    else {
      const now = this.#o.nowUs();
      if (now < f.dueUs) hit = false;
      else if (fault.every === undefined) f.dueUs = Number.POSITIVE_INFINITY;
      else f.dueUs += fault.every * Math.max(1, Math.ceil((now - f.dueUs + 1) / fault.every));
      if (!hit && f.fired >= most) f.dueUs = Number.POSITIVE_INFINITY;
    }
    if (hit) {
      f.fired++;
      this.#o.onFired?.(fault, what);
    }
    return hit;
  }
}

const UNKNOWN = {
  '503': [-1000, 'Unknown error, please check your request or try again later.'],
  '-1006': [-1006, 'An unexpected response was received from the message bus. Execution status unknown.'],
  '-1007': [-1007, 'Timeout waiting for response from backend server. Send status unknown; execution status unknown.'],
} as const;
const UNAVAILABLE = {
  '503': [0, 'Service Unavailable.'],
  '-1008': [
    -1008,
    'Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again.',
  ],
} as const;

const error = ([code, msg]: readonly [number, string]): ApiError => new ApiError(code, msg, 503);

function decide(fault: Fault, missing: ApiError | undefined): RequestFault | undefined {
  switch (fault.kind) {
    case 'unknown':
      return { after: error(UNKNOWN[fault.answer]) };
    case 'unavailable':
      return { before: error(UNAVAILABLE[fault.answer]) };
    case 'timeout':
      return { silent: { accepted: fault.accepted } };
    case 'slow':
      return { delayMs: fault.ms };
    case 'timestamp':
      return { before: new ApiError(-1021, 'Timestamp for this request is outside of the recvWindow.') };
    case 'not_found':
      return missing && (fault.accepted ? { after: missing } : { before: missing });
    case 'rate_limit':
      return {
        before: new LimitError(
          -1003,
          'Too many requests; please use the websocket for live updates.',
          429,
          fault.retry_after_s,
        ),
      };
    case 'ban':
      return { banMs: fault.seconds * 1000 };
    default:
      return undefined;
  }
}

/** A cancel that comes too late or too early, a query of what is not yet, or no longer, to be seen. */
function notFound(route: Route): ApiError | undefined {
  if (!/\/(order|algoOrder|orderList|order\/cancelReplace)$/.test(route.path)) return undefined;
  if (route.method === 'DELETE') return new ApiError(-2011, 'Unknown order sent.');
  if (route.method === 'GET') return new ApiError(-2013, 'Order does not exist.');
  return undefined;
}
