import type { Block, BlockReader, KeyInfo } from '../../graph/schema/index.ts';
import { PriceStretches } from './price-stretches.ts';

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
  readonly #found: { now: number; n: number; end: number; readonly stretches: PriceStretches };
  /** Where `takePrices` says how many points there are. */
  readonly #taken = new Int32Array(1);
  readonly #keyAt: (index: number) => KeyInfo;
  /** @param shared many recorders join its prices */
  constructor(keyAt: (index: number) => KeyInfo, shared = false) {
    this.#keyAt = keyAt;
    this.#found = { now: Number.NaN, n: 0, end: 0, stretches: new PriceStretches(shared) };
  }

  /** How many prices there are up to `now`, and where one instrument goes on alone: the same for all that join them. */
  upTo(now: number): { end: number; stretches: PriceStretches } {
    const known = this.#found;
    if (known.now === now && known.n === this.points.n) return known;
    const end = endOfTimes(this.points, now);
    known.stretches.find(this.points, end);
    return Object.assign(known, { now, n: this.points.n, end });
  }
  /** No two prices of an instrument are nearer to each other. */
  step(key: number): number {
    return this.kind(key) === 'mark_price' ? 0.5e-8 : 0.5 / this.#keyAt(key).pxScale;
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
    let i = from;
    for (;;) {
      i = takePrices(block, port, closes, this.#scales, this.points, this.#taken, i);
      this.points.n = this.#taken[0]!;
      if (i === block.n || block.port[i] !== port) break;
      this.#knowCandle(block.key[i]!);
    }
    this.candles += i - from;
    return i;
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
    this.#found.now = Number.NaN;
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

/**
 * Closes in units of the rows from `from` on behind the points, as long as they are of the port and of instruments that have a scale; with scale
 * 0 they are valued by something better. A loop on its own, with nothing behind it that it has not met: V8 would compile all of it, and
 * take it back, at each call.
 * @param taken gets the number of points @returns the row where that ends
 */
function takePrices(
  { t, port, key, row, n: all }: Block,
  p: number,
  closes: Float64Array,
  scales: Float64Array,
  { t: times, key: keys, px, n: points }: PricePoints,
  taken: Int32Array,
  from: number,
): number {
  let n = points;
  let i = from;
  for (; i < all && port[i] === p; i++) {
    const k = key[i]!;
    // Beyond the end a scale is undefined, and no number either.
    const scale = scales[k]!;
    if (!(scale >= 0)) break;
    const price = closes[row[i]!]! / scale;
    if (scale > 0 && price > 0) {
      times[n] = t[i]!;
      keys[n] = k;
      px[n++] = price;
    }
  }
  taken[0] = n;
  return i;
}

function endOfTimes({ t, n }: PricePoints, now: number): number {
  let i = 0;
  while (i < n && t[i]! <= now) i++;
  return i;
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
