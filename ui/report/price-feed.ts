import type { Block, BlockReader, KeyInfo } from '../../graph/schema/index.ts';

/** Prices of a run at full resolution, between two commits: parallel columns, in order of time. */
export interface PricePoints {
  n: number;
  t: Float64Array;
  key: Int32Array;
  /** In units. */
  px: Float64Array;
}

/** What values a position, best last: a kind of a higher rank replaces the lower ones of its instrument for good. */
const RANKS = ['trade', 'book_ticker', 'candle', 'mark_price'] as const;
type PricePort = (typeof RANKS)[number];
const CANDLE = RANKS.indexOf('candle');

/**
 * Takes the prices out of the blocks that a source delivers, before the engine sees them: the closes of candles, the mark
 * price, else the mid of book tickers, else trades. A loop over columns: it has to keep up with the engine.
 */
export class PriceFeed {
  readonly points: PricePoints = {
    n: 0,
    t: new Float64Array(4096),
    key: new Int32Array(4096),
    px: new Float64Array(4096),
  };
  candles = 0;
  /** Rank of what values each key. */
  readonly #rank: number[] = [];
  readonly #seen = new Map<string, number>();
  /** Price scales by key; 0: not valued by candles, NaN: not known yet. */
  #scales = new Float64Array(64).fill(Number.NaN);
  readonly #keyAt: (index: number) => KeyInfo;
  constructor(keyAt: (index: number) => KeyInfo) {
    this.#keyAt = keyAt;
  }

  /** Kind of price that an instrument is valued by; undefined = none came. */
  kind(key: number): PricePort | undefined {
    return RANKS[this.#rank[key] ?? -1];
  }

  add(source: string, block: Block, reader: BlockReader): void {
    const ports = reader.ports.map((p) => RANKS.indexOf(p.name as PricePort));
    if (ports.every((p) => p < 0)) return;
    // After a retry the same inputs come again.
    const seen = this.#seen.get(source) ?? -1;
    const skip = Math.max(0, seen + 1 - block.seq0);
    this.#seen.set(source, Math.max(seen, block.seq0 + block.n - 1));
    const columns = reader.ports.map((p, i) =>
      ports[i]! < 0 || !block.ports[i]?.n ? undefined : columnsOf(p.schema.fields, block.ports[i]?.columns),
    );
    let from = skip;
    while (from < block.n) {
      const to = this.#candles(block, from, ports, columns);
      if (to === from) this.#other(block, from++, ports, columns);
      else from = to;
    }
  }

  /** Candles one after the other, in one loop. @returns where they end */
  #candles(block: Block, from: number, ports: readonly number[], columns: readonly (Columns | undefined)[]): number {
    const port = block.port[from]!;
    if (ports[port] !== CANDLE) return from;
    const closes = columns[port]!['close']! as Float64Array;
    this.#grow(block.n - from);
    const to = endOfPort(block.port, from, block.n);
    for (let i = from; ; ) {
      i = nextUnknown(block.key, i, to, this.#scales);
      if (i === to) break;
      this.#knowCandle(block.key[i]!);
    }
    this.candles += to - from;
    this.points.n = takePrices(block, closes, this.#scales, this.points, from, to);
    return to;
  }
  /** By what an instrument's candles are valued, which is settled by its first one. */
  #knowCandle(key: number): void {
    const best = this.#rank[key] ?? -1;
    if (best < CANDLE) this.#rank[key] = CANDLE;
    if (key >= this.#scales.length) {
      const grown = new Float64Array(2 * key).fill(Number.NaN);
      grown.set(this.#scales);
      this.#scales = grown;
    }
    this.#scales[key] = best > CANDLE ? 0 : this.#keyAt(key).pxScale;
  }
  #other(block: Block, i: number, ports: readonly number[], columns: readonly (Columns | undefined)[]): void {
    const port = block.port[i]!;
    const rank = ports[port]!;
    if (rank < 0) return;
    const key = block.key[i]!;
    if (rank === CANDLE) this.candles++;
    const best = this.#rank[key] ?? -1;
    if (rank < best) return;
    if (rank > best) {
      this.#rank[key] = rank;
      if (rank > CANDLE && key < this.#scales.length) this.#scales[key] = 0;
    }
    const px = price(rank, columns[port]!, block.row[i]!, this.#keyAt(key));
    if (!(px > 0)) return;
    this.#grow(1);
    const p = this.points;
    p.t[p.n] = block.t[i]!;
    p.key[p.n] = key;
    p.px[p.n++] = px;
  }

  /** Forgets the first `n` points. */
  drop(n: number): void {
    const p = this.points;
    p.t.copyWithin(0, n, p.n);
    p.key.copyWithin(0, n, p.n);
    p.px.copyWithin(0, n, p.n);
    p.n -= n;
  }

  /** Makes room for `n` more points. */
  #grow(n: number): void {
    const p = this.points;
    if (p.n + n <= p.t.length) return;
    const size = Math.max(2 * p.t.length, p.n + n);
    const grown = { t: new Float64Array(size), key: new Int32Array(size), px: new Float64Array(size) };
    grown.t.set(p.t);
    grown.key.set(p.key);
    grown.px.set(p.px);
    Object.assign(p, grown);
  }
}

// Loops on their own, with nothing behind them that they have not met: V8 would compile the whole of it, and take it back, at each call.

/** Where the rows of the port end that row `i` is of. */
function endOfPort(port: Uint8Array, i: number, n: number): number {
  const p = port[i]!;
  let to = i;
  while (to < n && port[to] === p) to++;
  return to;
}
/** The first row whose instrument has no scale, else `to`. */
function nextUnknown(key: Int32Array, from: number, to: number, scales: Float64Array): number {
  let i = from;
  // Beyond the end a scale is undefined, and no number either.
  while (i < to && scales[key[i]!]! >= 0) i++;
  return i;
}
/** Closes in units of rows [from, to) behind the points; instruments of scale 0 are valued by something better. */
function takePrices(
  { t, key, row }: Block,
  closes: Float64Array,
  scales: Float64Array,
  p: PricePoints,
  from: number,
  to: number,
): number {
  const { t: times, key: keys, px } = p;
  let n = p.n;
  for (let i = from; i < to; i++) {
    const k = key[i]!;
    const scale = scales[k]!;
    const price = closes[row[i]!]! / scale;
    if (scale === 0 || !(price > 0)) continue;
    times[n] = t[i]!;
    keys[n] = k;
    px[n++] = price;
  }
  return n;
}

type Columns = Record<string, ArrayLike<number> | undefined>;
function columnsOf(fields: Readonly<Record<string, unknown>>, columns: readonly unknown[] | undefined): Columns {
  const out: Columns = {};
  Object.keys(fields).forEach((name, i) => {
    out[name] = columns?.[i] as ArrayLike<number> | undefined;
  });
  return out;
}
function price(rank: number, c: Columns, row: number, key: KeyInfo): number {
  switch (rank) {
    case 0:
      return c['on_market']?.[row] ? c['px']![row]! / key.pxScale : 0;
    case 1:
      return (c['bid_px']![row]! + c['ask_px']![row]!) / (2 * key.pxScale);
    case 2:
      return c['close']![row]! / key.pxScale;
    default:
      return c['mark_px']![row]! / 1e8;
  }
}
