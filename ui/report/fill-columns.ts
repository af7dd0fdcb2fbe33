import { tmpdir } from 'node:os';
import { formatDecimal } from '../../graph/math/index.ts';
import { ChimeraError, type KeyInfo, type KeyTable } from '../../graph/schema/index.ts';
import { TemporaryFile } from '../../lake/temporary-file.ts';
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
/** Chunks in memory: 65,536 fills, 4 MB. */
const MOST_CHUNKS = 64;

/**
 * The fills of a run as numbers, 64 bytes each: a run that goes on for days has a great many. What a report shows of them is
 * made when it is asked for. Those beyond the first 65,536 wait in a temporary file, a chunk at a time.
 */
export class FillColumns implements Fills {
  readonly #keys: KeyTable;
  /** Full ones; the first of them, and in the file the others. */
  readonly #chunks: Float64Array[] = [];
  #file: TemporaryFile | undefined;
  /** The one that is being filled. */
  #newest = new Float64Array(FIELDS * CHUNK);
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

  /** `#at` reads what this writes. */
  push(f: FillRow): void {
    const at = this.length % CHUNK;
    if (at === 0 && this.length > 0) this.#put();
    const c = this.#newest;
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
  #put(): void {
    if (this.#chunks.length < MOST_CHUNKS) {
      this.#chunks.push(this.#newest);
      this.#newest = new Float64Array(FIELDS * CHUNK);
      return;
    }
    try {
      this.#file ??= new TemporaryFile('chimera-fills-');
      this.#file.append(bytesOf(this.#newest));
    } catch (cause) {
      throw new ChimeraError('CHM916', `cannot keep the fills of the run in a temporary file in ${tmpdir()}`, {
        help: 'free space there, or set TMPDIR to another folder',
        cause,
      });
    }
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
    const { length } = this;
    let read: Float64Array | undefined;
    for (let from = 0, i = 0; from < length; from += CHUNK, i++) {
      let chunk = this.#chunks[i] ?? this.#newest;
      if (i >= MOST_CHUNKS && from + CHUNK < this.length) {
        read ??= new Float64Array(FIELDS * CHUNK);
        this.#file!.read(bytesOf(read), (i - MOST_CHUNKS) * read.byteLength);
        chunk = read;
      }
      for (let j = 0; j < CHUNK && from + j < length; j++) yield this.#at(chunk, j * FIELDS);
    }
  }
  #at(c: Float64Array, from: number): Fill {
    const key = this.#keys.at(c[from + 1]!);
    const flags = c[from + 7]!;
    return {
      time_ms: c[from]!,
      symbol: key.name,
      side: flags & 2 ? 'buy' : 'sell',
      price: formatDecimal(c[from + 2]!, key.pxDigits),
      qty: formatDecimal(c[from + 3]!, key.qtyDigits),
      fee: formatDecimal(c[from + 4]!, 8),
      liquidity: flags & 1 ? 'maker' : 'taker',
      order_id: String(c[from + 5]!),
      reason: this.#reasons[flags >> 2]!,
      realized_pnl: formatDecimal(c[from + 6]!, 8),
    };
  }
}
const bytesOf = (c: Float64Array): Uint8Array => new Uint8Array(c.buffer, c.byteOffset, c.byteLength);
