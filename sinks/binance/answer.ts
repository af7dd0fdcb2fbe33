/** What an answer of Binance, or its absence, proves. Sources: USD-M and Spot error codes; notes on 503 in the general information. */

/** What is known of a request that failed. */
export interface Failure {
  /** HTTP status; 0 = no answer at all. */
  readonly status: number;
  /** Binance's code; 0 = none. */
  readonly code: number;
  readonly msg: string;
  /** Seconds of `Retry-After`; undefined = not said. */
  readonly retryAfterS: number | undefined;
}
export type Verdict =
  /** Refused for good; the code says why. */
  | 'refused'
  /** The id is that of an open order. */
  | 'duplicate'
  /** There is no such order (open: −2011; at all: −2013). */
  | 'no_such_order'
  /** Not executed for want of capacity. */
  | 'busy'
  /** Not executed, and nothing must be sent for a while. */
  | 'banned'
  /** Not executed: our clock is off. */
  | 'clock'
  /** Nobody can tell whether it was executed. */
  | 'unknown';

const UNKNOWN_CODES = new Set([-1000, -1001, -1006, -1007, -1016]);
const BUSY_CODES = new Set([-1008, -1015]);

export function verdictOf(f: Failure): Verdict {
  const { status, code, msg } = f;
  if (status === 418 || status === 429) return code === -1015 ? 'busy' : 'banned';
  if (code === -1003) return 'banned';
  if (code === -1021) return 'clock';
  if (BUSY_CODES.has(code)) return 'busy';
  if (UNKNOWN_CODES.has(code)) return 'unknown';
  // 503 with these words is a refusal before anything was done; with any others the outcome is open.
  if (status === 503 && /^service unavailable/i.test(msg)) return 'busy';
  if (status === 0 || status >= 500) return 'unknown';
  if (code === -4116 || (code === -2010 && /duplicate/i.test(msg))) return 'duplicate';
  if (code === -2011 || code === -2013) return 'no_such_order';
  // The firewall in front of the exchange: nothing has passed it.
  if (status === 403 && code === 0) return 'banned';
  if (code < 0) return 'refused';
  return status >= 400 ? 'refused' : 'unknown';
}
