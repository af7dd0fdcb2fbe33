import { ChimeraError } from '../../../graph/schema/index.ts';
import { command } from '../../core/spot/exchange.ts';
import { SPOT_REJECT, type SpotReject } from '../../core/spot/reject.ts';
import type { SpotExchange, SpotMarket } from '../../core/spot/state.ts';
import { type ApiCall, ApiError } from '../contract.ts';
import type { Params } from '../params.ts';
import type { Flight } from './flight.ts';

const SYMBOL = /^[A-Z0-9_.-]{1,20}$/;

/** What the routes of a Spot account share: the core, its instruments by symbol, and what is on its way. */
export class Desk {
  readonly x: SpotExchange;
  readonly bySymbol: ReadonlyMap<string, SpotMarket>;
  readonly #flight: Flight;
  readonly #hear: (events: object[]) => void;
  #ids = 0;

  constructor(x: SpotExchange, markets: readonly SpotMarket[], flight: Flight, hear: (events: object[]) => void) {
    this.x = x;
    this.bySymbol = new Map(markets.map((m) => [m.rules.symbol, m]));
    this.#flight = flight;
    this.#hear = hear;
  }

  /** @throws −1102, −1100, −1121 */
  market(p: Params): SpotMarket {
    const symbol = p.text('symbol');
    if (!SYMBOL.test(symbol))
      throw new ApiError(
        -1100,
        "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.",
      );
    const m = this.bySymbol.get(symbol);
    if (!m) throw new ApiError(-1121, 'Invalid symbol.');
    return m;
  }

  /** A client id of 22 letters and digits. Its own sequence: the same run gives the same ids. */
  nextId = (): string => {
    let h = Math.imul(++this.#ids, 0x9e3779b1) ^ 0x5bd1e995;
    let id = '';
    for (let i = 0; i < 22; i++) {
      h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) + i;
      id += ALPHABET[(h >>> 8) % ALPHABET.length];
    }
    return id;
  };

  /**
   * Sends a command to the core: `work` runs when it arrives, its answer is what `handle` returns. Amounts beyond exact
   * integers are refused as what they are to the exchange: too large.
   */
  order<T>(call: ApiCall, m: SpotMarket, work: (nowUs: number) => T): T | Promise<T> {
    return this.#flight.send(call.marketUs, (atUs) => {
      const now = Math.max(atUs, this.x.now);
      try {
        return command(this.x, m, now, () => work(now));
      } catch (e) {
        if (e instanceof ChimeraError && e.code === 'CHM801') throw new ApiError(-1013, 'Filter failure: LOT_SIZE');
        throw e;
      } finally {
        this.flush(now);
      }
    });
  }
  /** Sends out the user events that the core has told. */
  flush(nowUs: number): void {
    const { events } = this.x;
    if (events.length === 0) return;
    this.x.events = [];
    this.#flight.tell(nowUs, () => this.#hear(events));
  }
}
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** @throws what the exchange answers to this refusal */
export function accepted<T>(result: T | SpotReject): T {
  if (typeof result === 'string') throw refusal(result as SpotReject);
  return result as T;
}
/** An order that the matching engine did not take. */
export class Refused extends ApiError {
  readonly why: SpotReject;
  constructor(why: SpotReject) {
    super(SPOT_REJECT[why][0], SPOT_REJECT[why][1]);
    this.why = why;
  }
}
export const refusal = (why: SpotReject): ApiError => new Refused(why);
