import { ApiError, type MarketName, type Route } from '../contract.ts';
import type { FaultInjector, RequestFault } from '../faults/injector.ts';
import { Params } from '../params.ts';
import type { Limits } from './limits.ts';
import type { Pump } from './pump.ts';

/** Thrown in place of an answer: the client hears nothing. */
export class Silence extends Error {}

export interface GateOptions {
  readonly market: MarketName;
  readonly limits: Limits;
  readonly faults: FaultInjector;
  readonly pump: Pump;
  /** The server's clock as clients see it, ms. */
  readonly wallMs: () => number;
  readonly later: (ms: number, run: () => void) => void;
  readonly log: (event: object) => void;
}

/** The one way of a call, from REST or the websocket API, to its route: limits, faults, security, the handler. */
export class Gate {
  readonly #o: GateOptions;
  readonly #routes = new Map<string, Route>();
  readonly #methods = new Map<string, Route>();

  constructor(o: GateOptions) {
    this.#o = o;
  }
  get market(): MarketName {
    return this.#o.market;
  }
  get limits(): Limits {
    return this.#o.limits;
  }
  wallMs(): number {
    return this.#o.wallMs();
  }
  /** The first of two routes with the same method and path stays. */
  add(routes: readonly Route[]): void {
    for (const route of routes) {
      const key = `${route.method} ${route.path}`;
      if (this.#routes.has(key)) continue;
      this.#routes.set(key, route);
      if (route.ws !== undefined && !this.#methods.has(route.ws)) this.#methods.set(route.ws, route);
    }
  }
  route(method: string, path: string): Route | undefined {
    return this.#routes.get(`${method} ${path}`);
  }
  method(name: string): Route | undefined {
    return this.#methods.get(name);
  }

  /**
   * Books the weight of a call that has no route, too.
   * @throws LimitError
   */
  admit(ip: string, weight: number): number {
    return this.#o.limits.request(ip, weight, this.#o.wallMs());
  }

  /**
   * @param values parameters; those of security are still among them
   * @param check proves key and signature, throws when they are not good
   * @returns what the handler returns; a promise only when the answer is to leave later, so that quick answers keep the order of their calls
   * @throws ApiError, Silence
   */
  call(route: Route, values: Record<string, string>, ip: string, check: (route: Route) => void): unknown {
    const o = this.#o;
    const params = new Params(values);
    this.admit(ip, typeof route.weight === 'number' ? route.weight : route.weight(params));
    const fault = o.faults.request(o.market, route, values);
    if (fault?.banMs !== undefined) {
      o.limits.ban(ip, o.wallMs(), fault.banMs);
      this.admit(ip, 0);
    }
    check(route);
    if (route.security !== 'none') {
      delete values['timestamp'];
      delete values['recvWindow'];
      delete values['apiKey'];
    }
    if (fault?.before) throw fault.before;
    if (fault?.silent?.accepted === false) throw new Silence();
    const orders = typeof route.orders === 'function' ? route.orders(params) : (route.orders ?? 0);
    if (orders > 0) o.limits.orders(orders, /batch/i.test(route.path), o.wallMs());
    return fault ? this.#spoil(fault, route, params) : this.#handle(route, params);
  }

  /** Serves the call, whatever its client is to hear of it. */
  async #spoil(fault: RequestFault, route: Route, params: Params): Promise<unknown> {
    const { later } = this.#o;
    let answer: unknown;
    try {
      answer = await this.#handle(route, params);
    } catch (e) {
      if (!fault.after && !fault.silent) throw e;
    }
    if (fault.silent) throw new Silence();
    if (fault.after) throw fault.after;
    if (fault.delayMs !== undefined) await new Promise<void>((done) => later(fault.delayMs!, done));
    return answer;
  }

  #handle(route: Route, params: Params): unknown {
    const { pump, wallMs } = this.#o;
    // The market first, so that an order meets the book of its own time.
    pump.play(1);
    let answer: unknown;
    try {
      answer = route.handle({ params, wallMs: wallMs(), marketUs: pump.nowUs });
    } catch (e) {
      throw this.#error(e, route);
    }
    pump.poke();
    if (!(answer instanceof Promise)) return answer;
    return answer.catch((e: unknown) => {
      throw this.#error(e, route);
    });
  }
  #error(e: unknown, route: Route): Error {
    if (e instanceof ApiError) return e;
    this.#o.log({ level: 'error', what: 'handler failed', route: `${route.method} ${route.path}`, error: String(e) });
    return new ApiError(-1000, 'An unknown error occurred while processing the request.', 500);
  }
}
