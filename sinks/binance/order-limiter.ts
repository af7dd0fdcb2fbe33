/** A limit of requests within a window, e.g. 300 orders in 10 s. */
export interface Window {
  readonly limit: number;
  readonly ms: number;
}
export const USDM_ORDERS: readonly Window[] = [
  { limit: 300, ms: 10_000 },
  { limit: 1200, ms: 60_000 },
];
export const SPOT_ORDERS: readonly Window[] = [
  { limit: 50, ms: 10_000 },
  { limit: 160_000, ms: 86_400_000 },
];
type Headers = Readonly<Record<string, unknown>>;

/** Of every limit this part is kept for orders that close, and for cancels and queries. */
const RESERVE = 0.1;

/**
 * Decides when a request may leave: the account's order counts and the address's request weight, as Binance counts them (its
 * headers say how far it has counted, other programs on the account included), and bans. Pure: all times are given.
 */
export class OrderLimiter {
  readonly #windows: readonly Window[];
  readonly #weight: number;
  /** Times of orders, ascending. */
  readonly #sent: number[] = [];
  /** By window: what Binance counted beyond ours, until when that counts. */
  readonly #foreign: { n: number; untilMs: number }[];
  #used = 0;
  #usedUntilMs = 0;
  #bannedUntilMs = 0;
  bans = 0;

  constructor(windows: readonly Window[], weightPerMinute: number) {
    this.#windows = windows;
    this.#weight = weightPerMinute;
    this.#foreign = windows.map(() => ({ n: 0, untilMs: 0 }));
  }

  /** How long an order must wait, ms. `closes`: it may use the reserve. */
  orderWait(nowMs: number, closes: boolean): number {
    let wait = Math.max(0, this.#bannedUntilMs - nowMs);
    this.#windows.forEach((w, i) => {
      const foreign = this.#foreign[i]!;
      const room = Math.floor(w.limit * (closes ? 1 : 1 - RESERVE)) - (foreign.untilMs > nowMs ? foreign.n : 0);
      const from = this.#firstAfter(nowMs - w.ms);
      const count = this.#sent.length - from;
      if (count < room) return;
      const oldest = this.#sent[from + count - Math.max(room, 1)];
      const until = room < 1 || oldest === undefined ? foreign.untilMs : oldest + w.ms;
      wait = Math.max(wait, until - nowMs + 1);
    });
    return wait;
  }
  /** The same for requests that cost weight. */
  weightWait(nowMs: number, weight: number, urgent: boolean): number {
    const banned = Math.max(0, this.#bannedUntilMs - nowMs);
    if (nowMs >= this.#usedUntilMs) return banned;
    const room = this.#weight * (urgent ? 1 : 1 - RESERVE);
    return this.#used + weight <= room ? banned : Math.max(banned, this.#usedUntilMs - nowMs);
  }

  ordered(nowMs: number): void {
    this.#sent.push(nowMs);
    const longest = this.#windows.at(-1)!.ms;
    const gone = this.#firstAfter(nowMs - longest);
    if (gone > 1024) this.#sent.splice(0, gone);
  }
  weighed(nowMs: number, weight: number): void {
    if (nowMs >= this.#usedUntilMs) this.#restart(nowMs);
    this.#used += weight;
  }
  /** Counts that came with an answer. */
  headers(h: Headers, nowMs: number): void {
    for (const [name, value] of Object.entries(h)) {
      const n = Number(value);
      if (!Number.isFinite(n)) continue;
      const lower = name.toLowerCase();
      if (lower === 'x-mbx-used-weight-1m') {
        if (nowMs >= this.#usedUntilMs || n < this.#used) this.#restart(nowMs);
        this.#used = n;
      } else if (lower.startsWith('x-mbx-order-count-')) {
        const i = this.#windows.findIndex((w) => w.ms === spanMs(lower.slice(18)));
        if (i < 0) continue;
        const w = this.#windows[i]!;
        const own = this.#sent.length - this.#firstAfter(nowMs - w.ms);
        this.#foreign[i] = { n: Math.max(0, n - own), untilMs: nowMs + w.ms };
      }
    }
  }
  /** 429 or 418. @param retryAfterS as in the header; without it the window's end is waited for */
  banned(nowMs: number, retryAfterS: number | undefined): number {
    this.bans++;
    const ms = retryAfterS !== undefined && retryAfterS > 0 ? retryAfterS * 1000 : 10_000;
    this.#bannedUntilMs = Math.max(this.#bannedUntilMs, nowMs + ms);
    return ms;
  }

  /** Binance counts in whole minutes of its clock. */
  #restart(nowMs: number): void {
    this.#used = 0;
    this.#usedUntilMs = (Math.floor(nowMs / 60_000) + 1) * 60_000;
  }
  #firstAfter(ms: number): number {
    let lo = 0;
    let hi = this.#sent.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (this.#sent[mid]! > ms) hi = mid;
      else lo = mid + 1;
    }
    return lo;
  }
}

/** `10s`, `1m`, `1d` */
function spanMs(text: string): number {
  const m = /^(\d+)([smhd])$/.exec(text);
  if (!m) return 0;
  return Number(m[1]) * { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[m[2] as 's' | 'm' | 'h' | 'd'];
}
