import type { BinanceClient } from '../../sources/binance/client.ts';
import { reasonOf } from '../../sources/binance/redact.ts';
import type { Failure } from './answer.ts';
import type { OrderLimiter } from './order-limiter.ts';

export type Params = Readonly<Record<string, string | number>>;
/** An answer of the exchange, or what is known of the failure. */
export type Answer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly failure: Failure; readonly text: string };

interface Http {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly response: unknown;
}
type Hooked = (...args: unknown[]) => unknown;
type Call = (params: Record<string, unknown>) => Promise<unknown>;

/**
 * Signed requests through ccxt's implicit methods (`fapiPrivatePostOrder` and the like): parameters go out as the texts that
 * they are. The unified methods take floats, and their errors keep neither status nor code, which is what decides here whether
 * an order may stand; so status, headers and code are taken at ccxt's own hooks, per request.
 */
export class Rest {
  readonly ex: BinanceClient;
  readonly limiter: OrderLimiter;
  readonly #secrets: readonly (string | undefined)[];
  readonly #now: () => number;
  #sync: Promise<void> | undefined;
  requests = 0;
  /** Measured: the exchange's clock minus ours, ms. */
  offsetMs = 0;

  constructor(ex: BinanceClient, limiter: OrderLimiter, secrets: readonly (string | undefined)[], now: () => number) {
    this.ex = ex;
    this.limiter = limiter;
    this.#secrets = secrets;
    this.#now = now;
    const hooks = ex as unknown as Record<'handleErrors' | 'handleHttpStatusCode', Hooked>;
    const errors = hooks.handleErrors.bind(ex);
    hooks.handleErrors = (...args) => {
      const [status, , , , headers, , response] = args as [
        number,
        unknown,
        unknown,
        unknown,
        Http['headers'],
        unknown,
        unknown,
      ];
      limiter.headers(headers ?? {}, now());
      return marked({ status, headers: headers ?? {}, response }, () => errors(...args));
    };
    const statuses = hooks.handleHttpStatusCode.bind(ex);
    hooks.handleHttpStatusCode = (...args) =>
      marked({ status: args[0] as number, headers: {}, response: undefined }, () => statuses(...args));
  }

  async call(method: string, params: Params): Promise<Answer> {
    const api = this.ex as unknown as Readonly<Record<string, Call | undefined>>;
    this.requests++;
    try {
      return { ok: true, body: await api[method]!.call(this.ex, { ...params }) };
    } catch (e) {
      const failure = failureOf(e);
      if (failure.status === 429 || failure.status === 418) this.limiter.banned(this.#now(), failure.retryAfterS);
      return { ok: false, failure, text: reasonOf(e, this.#secrets) };
    }
  }

  /** Measures the offset of the clocks, with the shortest of three round trips, and has ccxt sign by it. */
  syncClock(timeMethod: string): Promise<void> {
    this.#sync ??= this.#measure(timeMethod).finally(() => {
      this.#sync = undefined;
    });
    return this.#sync;
  }
  async #measure(timeMethod: string): Promise<void> {
    let shortest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) {
      const before = this.#now();
      const answer = await this.call(timeMethod, {});
      const after = this.#now();
      const server = answer.ok ? Number((answer.body as { serverTime?: unknown }).serverTime) : Number.NaN;
      if (!Number.isFinite(server) || after - before >= shortest) continue;
      shortest = after - before;
      this.offsetMs = server - (before + after) / 2;
    }
    // `nonce()` is milliseconds() − timeDifference.
    if (shortest !== Number.POSITIVE_INFINITY) this.ex.options['timeDifference'] = Math.round(-this.offsetMs);
  }
}

function marked(http: Http, run: () => unknown): unknown {
  try {
    return run();
  } catch (e) {
    // Both hooks see the same answer; the first knows more of it.
    if (e instanceof Error && !('http' in e)) Object.defineProperty(e, 'http', { value: http, enumerable: false });
    throw e;
  }
}

function failureOf(e: unknown): Failure {
  const http = (e as { http?: Http }).http;
  if (!http)
    return { status: 0, code: 0, msg: e instanceof Error ? e.constructor.name : 'no answer', retryAfterS: undefined };
  const r = (typeof http.response === 'object' && http.response !== null ? http.response : {}) as {
    code?: unknown;
    msg?: unknown;
  };
  const code = Number(r.code ?? 0);
  const after = Object.entries(http.headers).find(([name]) => name.toLowerCase() === 'retry-after')?.[1];
  const seconds = Number(after);
  return {
    status: http.status,
    code: Number.isFinite(code) && code < 0 ? code : 0,
    msg: typeof r.msg === 'string' ? r.msg : '',
    retryAfterS: after !== undefined && Number.isFinite(seconds) ? seconds : undefined,
  };
}
