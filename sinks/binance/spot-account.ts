import { mulDivRound, parseDecimal } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import type { UserEvent } from '../../sources/binance/user/user-event.ts';
import type { AccountOut, AccountRow, GatewayAccount, PositionRecord } from './gateway-account.ts';
import type { Holding } from './intent-log.ts';
import type { Report, TradeOf } from './order-state.ts';
import { SpotHolding } from './spot-holding.ts';

export interface Balance {
  readonly asset: string;
  readonly free: string;
  readonly locked: string;
}
interface Held {
  readonly symbol: string;
  /** The asset that is traded. */
  readonly asset: string;
  readonly own: SpotHolding;
  /** As the exchange last said, in the instrument's decimals, rounded down; NaN = not known. */
  free: number;
  locked: number;
  mark: number;
  /** Exchange's time of its last report and of the last position record. */
  heardMs: number;
  toldMs: number;
  trades: number;
  /** Number of trades at which the exchange held less than was bought here. */
  shortAt: number;
  dirty: boolean;
}
interface Waiting {
  readonly held: Held;
  readonly fee: number;
  readonly pnl: number;
  readonly timeMs: number;
  sinceMs: number;
}

/** A trade whose balances do not come is told without them after this long. */
const PATIENCE_MS = 1_000;
/** Position records by price alone come at most this often, ms of the exchange's time. */
const MARK_MS = 250;

/**
 * The Spot account in the terms of a position. `wallet` is the quote balance, free and locked; the position of an instrument is
 * what this gateway bought of it, net of commissions in it, in whole steps, and its entry the price paid for just that. Other
 * holdings of the account, and what other programs buy, are no position. Thus wallet = before − cost − fees + profits.
 *
 * The exchange tells a trade first and the balances behind it, with the same time: the record of a trade waits for them.
 */
export class SpotAccount implements GatewayAccount {
  wallet = 0;
  known = false;
  readonly #quote: string;
  readonly #find: (symbol: string) => { key: KeyInfo; step: number } | undefined;
  readonly #out: AccountOut;
  readonly #held = new Map<string, Held>();
  readonly #byKey: Held[] = [];
  #waiting: Waiting[] = [];
  /** Time of the last balances, as the exchange counts it. */
  #balancesMs = Number.NEGATIVE_INFINITY;
  #dirty = false;
  #deposit = false;

  /** @param quote asset of the wallet, e.g. USDT */
  constructor(quote: string, find: (symbol: string) => { key: KeyInfo; step: number } | undefined, out: AccountOut) {
    this.#quote = quote;
    this.#find = find;
    this.#out = out;
  }

  #of(symbol: string): Held | undefined {
    const known = this.#held.get(symbol);
    if (known) return known;
    const rules = this.#find(symbol);
    if (!rules) return undefined;
    const h: Held = {
      symbol,
      asset: symbol.slice(0, -this.#quote.length),
      own: new SpotHolding(rules.key, rules.step),
      free: Number.NaN,
      locked: Number.NaN,
      mark: Number.NaN,
      heardMs: Number.NEGATIVE_INFINITY,
      toldMs: Number.NEGATIVE_INFINITY,
      trades: 0,
      shortAt: -1,
      dirty: false,
    };
    this.#held.set(symbol, h);
    this.#byKey[rules.key.index] = h;
    return h;
  }

  /** What was bought here, in whole steps, and what of it is free as far as the exchange's last word is not older than the last report. */
  sellable(symbol: string): { lots: number; step: number; free: number | undefined } {
    const h = this.#of(symbol)!;
    const current = this.#balancesMs >= h.heardMs && !Number.isNaN(h.free);
    return { lots: h.own.lots, step: h.own.step, free: current ? h.free : undefined };
  }

  reported(key: number, r: Report, trade: TradeOf | undefined): Report {
    const h = this.#byKey[key];
    // An order without a number is none of the exchange's: its time is ours.
    if (h && r.order_id > 0) h.heardMs = Math.max(h.heardMs, r.time_ms);
    if (!h || !trade) return r;
    h.trades++;
    return trade.own ? { ...r, realized_pnl: h.own.trade(r.side, trade.fill) } : r;
  }
  traded(key: number, r: Report): void {
    const h = this.#byKey[key];
    if (!h) return;
    const row = { held: h, fee: r.fee, pnl: r.realized_pnl, timeMs: r.time_ms, sinceMs: Number.NaN };
    if (this.#waiting.length > 0 || r.time_ms > this.#balancesMs) this.#waiting.push(row);
    else this.#tellTrade(row);
  }
  holding(key: number): Holding | undefined {
    return this.#byKey[key]?.own.state;
  }
  restore(symbol: string, holding: Holding): void {
    this.#of(symbol)?.own.restore(holding);
  }

  heard(e: UserEvent): 'other' | 'taken' {
    if (e.kind === 'balance_delta') {
      if (e.asset === this.#quote) this.#deposit = true;
      return 'taken';
    }
    if (e.kind !== 'balances') return 'other';
    this.balances(e.balances, e.timeMs);
    return 'taken';
  }
  /** Balances after a change at `timeMs`, as the exchange counts it. What is older than what is known changes nothing. */
  balances(rows: readonly Balance[], timeMs: number): void {
    if (timeMs < this.#balancesMs) return;
    this.#balancesMs = timeMs;
    for (const b of rows) {
      if (b.asset === this.#quote) {
        const wallet = parseDecimal(b.free, 8) + parseDecimal(b.locked, 8);
        if (wallet !== this.wallet) this.#dirty = true;
        this.wallet = wallet;
        continue;
      }
      for (const h of this.#held.values())
        if (h.asset === b.asset) {
          h.free = down(b.free, h.own.key.qtyDigits);
          h.locked = down(b.locked, h.own.key.qtyDigits);
        }
    }
    const due = this.#waiting.findIndex((w) => w.timeMs > timeMs);
    for (const w of this.#waiting.splice(0, due < 0 ? this.#waiting.length : due)) this.#tellTrade(w);
  }
  /** All balances by REST: what changed is told; at the start, everything. */
  picture(rows: readonly Balance[], symbols: readonly string[], timeMs: number): void {
    for (const s of symbols) this.#of(s);
    const there = new Set(rows.map((b) => b.asset));
    // What the account has none of may be left out of the list.
    const none = [...this.#held.values()].filter((h) => !there.has(h.asset));
    this.balances([...rows, ...none.map((h) => ({ asset: h.asset, free: '0', locked: '0' }))], timeMs);
    for (const h of this.#held.values()) this.#short(h);
    const first = !this.known;
    this.known = true;
    for (const h of this.#held.values()) if (first || h.dirty) this.#tell(h, 'margin', 0, 0, Math.max(0, timeMs));
    if (first) this.#dirty = false;
  }
  /** Twice in a row less than was bought here, and no trade between: the account's owner has taken it. */
  #short(h: Held): void {
    const there = h.free + h.locked;
    if (!(there < h.own.lots)) {
      h.shortAt = -1;
      return;
    }
    if (h.shortAt === h.trades) {
      h.own.limit(there);
      h.dirty = true;
      h.shortAt = -1;
    } else h.shortAt = h.trades;
  }

  flush(nowMs: number): void {
    let due = 0;
    for (const w of this.#waiting) {
      if (Number.isNaN(w.sinceMs)) w.sinceMs = nowMs;
      if (nowMs - w.sinceMs < PATIENCE_MS) break;
      due++;
    }
    for (const w of this.#waiting.splice(0, due)) this.#tellTrade(w);
    const any = this.#byKey.find((h) => h !== undefined);
    if (!this.known || !this.#dirty || this.#waiting.length > 0 || !any) return;
    this.#tell(any, this.#deposit ? 'deposit' : 'margin', 0, 0, this.#balancesMs);
    this.#deposit = false;
  }
  mark(key: number, px: number, timeMs: number): void {
    const h = this.#byKey[key];
    if (!h) return;
    h.mark = px;
    if (h.own.lots === 0 || timeMs - h.toldMs < MARK_MS) return;
    h.toldMs = timeMs;
    this.#out.position(key, this.#record(h, timeMs));
  }

  #tellTrade(w: Waiting): void {
    this.#tell(w.held, 'order', w.fee, w.pnl, w.timeMs);
  }
  #tell(h: Held, reason: AccountRow['reason'], fee: number, pnl: number, timeMs: number): void {
    h.dirty = false;
    this.#dirty = false;
    this.#out.account(h.own.key.index, {
      reason,
      wallet: this.wallet,
      position_qty: h.own.lots,
      entry_quote: h.own.entryQuote,
      isolated_wallet: 0,
      funding: 0,
      fee,
      realized_pnl: pnl,
      mark_px: h.mark,
      time_ms: timeMs,
    });
    this.#out.position(h.own.key.index, this.#record(h, timeMs));
  }
  #record(h: Held, timeMs: number): PositionRecord {
    let equity = this.wallet;
    for (const other of this.#held.values()) equity += worthOf(other);
    const { own, mark } = h;
    const { lots, lotsCost } = own;
    const value = lots === 0 ? 0 : Number.isNaN(mark) ? lotsCost : mulDivRound(lots, mark, own.key.qtyScale);
    return {
      qty: lots,
      entry_px: lots === 0 ? Number.NaN : mulDivRound(lotsCost, own.key.qtyScale, lots),
      mark_px: mark,
      unrealized_pnl: value - lotsCost,
      isolated_wallet: 0,
      liquidation_px: Number.NaN,
      wallet: this.wallet,
      equity,
      share: equity > 0 ? value / equity : 0,
      time_ms: timeMs,
    };
  }
}

/** All that was bought, what is less than a step too; at its cost before the first price. */
const worthOf = ({ own, mark }: Held): number => (Number.isNaN(mark) ? own.cost : own.value(mark));

/** An amount of a balance in fewer decimals, rounded down. */
function down(text: string, digits: number): number {
  const point = text.indexOf('.');
  return parseDecimal(
    point < 0 || text.length - point - 1 <= digits ? text : text.slice(0, point + 1 + digits),
    digits,
  );
}
