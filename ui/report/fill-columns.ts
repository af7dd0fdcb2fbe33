import { formatDecimal } from '../../graph/math/index.ts';
import type { KeyInfo, KeyTable } from '../../graph/schema/index.ts';
import type { Fill, Fills } from './data.ts';
import { MONEY_SCALE } from './decimal.ts';

/** A fill as a venue reports it; amounts are integers in the instrument's decimals, money × 10^8. */
export interface FillRow {
  readonly timeMs: number;
  readonly key: KeyInfo;
  readonly buy: boolean;
  readonly px: number;
  readonly qty: number;
  readonly fee: number;
  readonly maker: boolean;
  readonly orderId: number;
  readonly pnl: number;
  readonly reason: string;
}

const FIELDS = 8;
const CHUNK = 1024;

/**
 * The fills of a run as numbers, 64 bytes each: a run that goes on for days has a great many. What a report shows of them is
 * made when it is asked for.
 */
export class FillColumns implements Fills {
  readonly #keys: KeyTable;
  readonly #chunks: Float64Array[] = [];
  readonly #reasons: string[] = [];
  readonly #reasonIndex = new Map<string, number>();
  length = 0;
  #fees = 0;

  constructor(keys: KeyTable) {
    this.#keys = keys;
  }
  /** Sum of all fees, USDT. */
  get fees(): number {
    return this.#fees / MONEY_SCALE;
  }

  push(f: FillRow): void {
    const at = this.length % CHUNK;
    if (at === 0) this.#chunks.push(new Float64Array(FIELDS * CHUNK));
    const c = this.#chunks.at(-1)!;
    let o = at * FIELDS;
    c[o++] = f.timeMs;
    c[o++] = f.key.index;
    c[o++] = f.px;
    c[o++] = f.qty;
    c[o++] = f.fee;
    c[o++] = f.orderId;
    c[o++] = f.pnl;
    c[o] = this.#indexOf(f.reason) * 4 + (f.buy ? 2 : 0) + (f.maker ? 1 : 0);
    this.length++;
    this.#fees += f.fee;
  }
  #indexOf(reason: string): number {
    let i = this.#reasonIndex.get(reason);
    if (i === undefined) {
      i = this.#reasons.push(reason) - 1;
      this.#reasonIndex.set(reason, i);
    }
    return i;
  }

  list(): Fill[] {
    return [...this];
  }
  *[Symbol.iterator](): Generator<Fill> {
    for (let i = 0; i < this.length; i++) yield this.#at(i);
  }
  #at(i: number): Fill {
    const from = (i % CHUNK) * FIELDS;
    const c = this.#chunks[Math.floor(i / CHUNK)]!;
    const [time, index, px, qty, fee, order, pnl, flags] = c.subarray(from, from + FIELDS) as unknown as Row;
    const key = this.#keys.at(index);
    return {
      time_ms: time,
      symbol: key.name,
      side: flags & 2 ? 'buy' : 'sell',
      price: formatDecimal(px, key.pxDigits),
      qty: formatDecimal(qty, key.qtyDigits),
      fee: formatDecimal(fee, 8),
      liquidity: flags & 1 ? 'maker' : 'taker',
      order_id: String(order),
      reason: this.#reasons[flags >> 2]!,
      realized_pnl: formatDecimal(pnl, 8),
    };
  }
}
type Row = [number, number, number, number, number, number, number, number];
