import { mulDivRound, parseDecimal } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import type { AccountEvent, PositionRow, UserEvent } from '../../sources/binance/user/user-event.ts';
import type { AccountOut, AccountRow, GatewayAccount, PositionRecord } from './gateway-account.ts';
import type { Report } from './order-state.ts';

interface Held {
  readonly key: KeyInfo;
  qty: number;
  /** Signed price × quantity, in the key's decimals together. */
  cost: number;
  isolated: number;
  /** As reported, until a mark price comes. */
  unrealized: number;
  mark: number;
  liquidation: number;
  /** Changed, and not told yet. */
  dirty: boolean;
  timeMs: number;
  /** When the stream last spoke of it, ms of our clock. */
  heardMs: number;
}

const REASON: Readonly<Record<string, AccountRow['reason']>> = {
  ORDER: 'order',
  FUNDING_FEE: 'funding',
  INSURANCE_CLEAR: 'liquidation',
  DEPOSIT: 'deposit',
  WITHDRAW: 'deposit',
  WITHDRAW_REJECT: 'deposit',
  ADJUSTMENT: 'deposit',
};
/** Two words about one settlement differ in time by less than this; settlements are at least an hour apart. */
const SAME_FUNDING_MS = 60_000;

/**
 * Wallet and positions of the account as the exchange reports them: nothing is computed that it says. The stream tells the
 * balance first and the trades that led to it afterwards (both carry the same time), so one record for each trade is told
 * behind its report, with that trade's commission and profit.
 */
export class Account implements GatewayAccount {
  wallet = 0;
  known = false;
  /** Time of the last event, as the exchange counts it (a played market has a time of its own); 0 = none yet. */
  lastMs = 0;
  #walletMs = Number.NEGATIVE_INFINITY;
  readonly #asset: string;
  readonly #find: (symbol: string) => KeyInfo | undefined;
  readonly #out: AccountOut;
  readonly #held = new Map<string, Held>();
  readonly #byKey: Held[] = [];
  readonly #funded = new Map<string, number>();

  /** @param asset of the wallet, e.g. USDT */
  constructor(asset: string, find: (symbol: string) => KeyInfo | undefined, out: AccountOut) {
    this.#asset = asset;
    this.#find = find;
    this.#out = out;
  }

  #of(symbol: string): Held | undefined {
    const known = this.#held.get(symbol);
    if (known) return known;
    const key = this.#find(symbol);
    if (!key) return undefined;
    const h: Held = {
      key,
      qty: 0,
      cost: 0,
      isolated: 0,
      unrealized: 0,
      mark: Number.NaN,
      liquidation: Number.NaN,
      dirty: false,
      timeMs: 0,
      heardMs: Number.NEGATIVE_INFINITY,
    };
    this.#held.set(symbol, h);
    this.#byKey[key.index] = h;
    return h;
  }

  /** ACCOUNT_UPDATE, heard at `nowMs`. @returns false: a funding fee of a position that it does not name; who paid must be asked */
  update(e: AccountEvent, nowMs: number): boolean {
    this.lastMs = Math.max(this.lastMs, e.timeMs);
    const reason = REASON[e.reason] ?? 'margin';
    let change = 0;
    for (const b of e.balances)
      if (b.asset === this.#asset) {
        this.wallet = money(b.wallet);
        this.#walletMs = nowMs;
        change = money(b.change);
      }
    const named: Held[] = [];
    for (const p of e.positions) {
      if (p.side !== 'BOTH') continue;
      const h = this.#of(p.symbol);
      if (!h) continue;
      this.#set(h, p, e.timeMs);
      h.heardMs = nowMs;
      named.push(h);
    }
    if (reason === 'order') {
      for (const h of named) h.dirty = true;
      return true;
    }
    if (reason === 'funding' && named.length !== 1) {
      const open = [...this.#held.values()].filter((h) => h.qty !== 0);
      if (named.length === 0 && open.length === 1) named.push(open[0]!);
      else return false;
    }
    const of = named.length > 0 ? named : [...this.#held.values()].slice(0, 1);
    for (const h of of) {
      if (reason === 'funding' && !this.#fundedAnew(h.key.name, e.timeMs)) continue;
      this.#tell(h, reason, 0, 0, reason === 'funding' ? change : 0, e.timeMs);
    }
    return true;
  }
  #set(h: Held, p: PositionRow, timeMs: number): void {
    const qty = parseDecimal(p.qty, h.key.qtyDigits);
    if (qty !== h.qty) h.liquidation = Number.NaN;
    h.qty = qty;
    h.cost = costOf(p.entryPx, qty, h.key);
    h.isolated = money(p.isolatedWallet);
    h.unrealized = money(p.unrealized);
    h.timeMs = timeMs;
  }
  #fundedAnew(name: string, timeMs: number): boolean {
    const last = this.#funded.get(name) ?? Number.NEGATIVE_INFINITY;
    if (Math.abs(timeMs - last) < SAME_FUNDING_MS) return false;
    this.#funded.set(name, timeMs);
    return true;
  }

  heard(e: UserEvent, nowMs: number): 'other' | 'taken' | 'asks' {
    if (e.kind !== 'account') return 'other';
    return this.update(e, nowMs) ? 'taken' : 'asks';
  }
  /** The exchange's reports say everything themselves, and positions are the exchange's. */
  reported(_key: number, r: Report): Report {
    return r;
  }
  holding(): undefined {}
  restore(): void {}

  /** Behind the report of a trade. */
  traded(key: number, r: Report): void {
    this.lastMs = Math.max(this.lastMs, r.time_ms);
    const h = this.#byKey[key];
    if (!h) return;
    this.#tell(h, r.type === 'liquidation' ? 'liquidation' : 'order', r.fee, r.realized_pnl, 0, r.time_ms);
  }
  /** Tells changes that no trade came for (its report was told before, or is another instrument's). */
  flush(): void {
    for (const h of this.#held.values()) if (h.dirty) this.#tell(h, 'order', 0, 0, 0, h.timeMs);
  }
  /** A row of `positionRisk`. @param askedMs when it was asked for: what the stream has said since is newer */
  position(
    symbol: string,
    row: { qty: string; entryPx: string; isolated: string; unrealized: string; liquidation: string },
    askedMs: number,
  ): void {
    const h = this.#of(symbol);
    if (!h || h.heardMs >= askedMs) return;
    const qty = parseDecimal(row.qty, h.key.qtyDigits);
    const cost = costOf(row.entryPx, qty, h.key);
    if (qty !== h.qty || cost !== h.cost) h.dirty = true;
    h.qty = qty;
    h.cost = cost;
    h.isolated = money(row.isolated);
    h.unrealized = money(row.unrealized);
    const liquidation = money(row.liquidation);
    h.liquidation = liquidation > 0 && qty !== 0 ? liquidation : Number.NaN;
  }
  /** The whole picture has been read by REST: what changed is told; at the start, all of it. */
  picture(wallet: string, symbols: readonly string[], askedMs: number): void {
    const before = this.wallet;
    if (askedMs > this.#walletMs) this.wallet = money(wallet);
    const timeMs = this.lastMs || Math.floor(askedMs);
    const first = !this.known;
    this.known = true;
    for (const s of symbols) {
      const h = this.#of(s);
      if (h && (first || h.dirty)) this.#tell(h, 'margin', 0, 0, 0, timeMs);
    }
    const any = [...this.#held.values()][0];
    if (!first && before !== this.wallet && any) this.#tell(any, 'margin', 0, 0, 0, timeMs);
  }
  /** A funding fee that was read from the income history. */
  income(symbol: string, amount: string, timeMs: number): void {
    const h = this.#of(symbol);
    if (h && this.#fundedAnew(h.key.name, timeMs)) this.#tell(h, 'funding', 0, 0, money(amount), timeMs);
  }
  /** A mark price × 10^8. */
  mark(key: number, px: number, timeMs: number): void {
    const h = this.#byKey[key];
    if (!h) return;
    h.mark = px;
    if (h.qty !== 0) this.#out.position(key, this.#record(h, timeMs));
  }

  #tell(h: Held, reason: AccountRow['reason'], fee: number, pnl: number, funding: number, timeMs: number): void {
    h.dirty = false;
    this.#out.account(h.key.index, {
      reason,
      wallet: this.wallet,
      position_qty: h.qty,
      entry_quote: h.cost,
      isolated_wallet: h.isolated,
      funding,
      fee,
      realized_pnl: pnl,
      mark_px: h.mark,
      time_ms: timeMs,
    });
    this.#out.position(h.key.index, this.#record(h, timeMs));
  }
  #record(h: Held, timeMs: number): PositionRecord {
    let equity = this.wallet;
    for (const other of this.#held.values()) equity += unrealized(other);
    const own = unrealized(h);
    return {
      qty: h.qty,
      entry_px: h.qty === 0 ? Number.NaN : mulDivRound(h.cost, 1e8, h.qty * h.key.pxScale),
      mark_px: h.mark,
      unrealized_pnl: own,
      isolated_wallet: h.isolated,
      liquidation_px: h.liquidation,
      wallet: this.wallet,
      equity,
      share: equity > 0 ? (h.isolated + own) / equity : 0,
      time_ms: timeMs,
    };
  }
}

/** quantity × mark − cost; before the first mark price as the exchange reported it. */
function unrealized(h: Held): number {
  if (h.qty === 0) return 0;
  if (Number.isNaN(h.mark)) return h.unrealized;
  const k = h.key;
  return mulDivRound(h.qty, h.mark, k.qtyScale) - mulDivRound(h.cost, 1e8, k.pxScale * k.qtyScale);
}
/** An average entry price has more decimals than the instrument: the product is rounded to the key's, half away from zero. */
function costOf(entryPx: string, qty: number, key: KeyInfo): number {
  if (qty === 0) return 0;
  return mulDivRound(parseDecimal(cut(entryPx, 8), 8), qty * key.pxScale, 1e8);
}
const money = (text: string): number => (text === '' ? 0 : parseDecimal(cut(text, 8), 8));
/** Averages come with more decimals than can matter. */
function cut(text: string, digits: number): string {
  const point = text.indexOf('.');
  return point < 0 || text.length - point - 1 <= digits ? text : text.slice(0, point + 1 + digits);
}
