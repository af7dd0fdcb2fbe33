import type { Block, BlockReader, KeyTable, ListColumn, MarketPort, PortColumns } from '../graph/schema/index.ts';
import { isDecoded } from './decode/block-filler.ts';
import { PORT, STEPPED_BACK } from './decode/row-store.ts';
import { BEHIND, DUPLICATE, IdChain, IN_ORDER, RecentRows } from './id-chain.ts';

/** What the book looks like after a row: only `crossed` is counted. */
export type BookVerdict = 'ok' | 'crossed' | 'stale';

/** Rebuilds the books of all instruments while rows pass; given by whoever puts the program together. */
export interface BookCheck {
  /** Applies row `row` of a `depth` or `depth_snapshot` port. `key` is the instrument's index in the KeyTable. */
  apply(key: number, port: 'depth' | 'depth_snapshot', columns: PortColumns, row: number): BookVerdict;
}

export interface Gap {
  dataset: MarketPort;
  key: string;
  /**
   * Trades: the last id before the break and the first one after it. Depth: the last `u` before it, and the `u` that the
   * next diff names as its predecessor.
   */
  from: number;
  to: number;
  kind: 'trade_id' | 'agg_trade_id' | 'depth_chain';
}
export interface QualityCounts {
  gaps: Gap[];
  duplicates: number;
  out_of_order: number;
  off_market: number;
  crossed: number;
}

/** The order of a stream without ids: which column steps forward, and whether equal ones with other content are normal. */
const ORDER_COLUMN: readonly (readonly [number, number])[] = [
  [PORT.book_ticker, 0], // u
  [PORT.depth_snapshot, 0], // lastUpdateId
  [PORT.mark_price, 5], // E
  [PORT.kline, 15], // E; archive rows have none: start time
  [PORT.candle, 0],
  [PORT.funding_rate, 2],
  [PORT.liquidation, 6],
  [PORT.market_metrics, 0],
  [PORT.depth_band, 0],
];
const NO_ORDER = -1;
const orderColumn = new Int32Array(16).fill(NO_ORDER);
for (const [port, column] of ORDER_COLUMN) orderColumn[port] = column;
/** Column of the event time E of each port, and of what stands in for it. */
const EVENT = new Int32Array(16).fill(NO_ORDER);
EVENT[PORT.trade] = 5;
EVENT[PORT.book_ticker] = 6;
EVENT[PORT.depth] = 4;
const TRADE_TIME = 4;

interface KeyState {
  trades: IdChain;
  aggregates: IdChain;
  diffs: IdChain;
  /** By port; klines by interval. */
  recent: Map<string, RecentRows>;
  recentOf: (RecentRows | undefined)[];
  /** Last event time by port; aggregated trades at the end. */
  event: Float64Array;
}

/**
 * Counts what is wrong with a stream of blocks, as the acceptance definitions say:
 * - `gaps`: one entry per break of a depth chain (`pu` = the last `u`, on Spot `U` = the last `u` + 1) or of trade ids.
 *   Rows that arrive late close the break that they belong into.
 * - `duplicates`: rows already seen: the same trade id, the same diff, the same order value and content elsewhere.
 * - `out_of_order`: rows whose receive time steps back in their file, or whose ids or event time step back within their
 *   stream and instrument; a row counts once.
 * - `off_market`: trades whose execution type is not MARKET.
 * - `crossed`: moments at which the rebuilt book is crossed.
 */
export class QualityReport {
  duplicates = 0;
  out_of_order = 0;
  off_market = 0;
  crossed = 0;
  readonly #keys: KeyTable;
  readonly #book: BookCheck | undefined;
  readonly #states: (KeyState | undefined)[] = [];

  constructor(keys: KeyTable, book?: BookCheck) {
    this.#keys = keys;
    this.#book = book;
  }

  add(block: Block): void {
    const flags = isDecoded(block) ? block.flags : null;
    for (let i = 0; i < block.n; i++) {
      const key = block.key[i]!;
      const port = block.port[i]!;
      if (key < 0 || port === PORT.dead_letter || port === PORT.engine_lag) continue;
      const columns = block.ports[port]!;
      const row = block.row[i]!;
      const state = this.#states[key] ?? this.#open(key);
      const verdict = this.#judge(state, port, columns, row);
      if (verdict === DUPLICATE) this.duplicates++;
      if (verdict === BEHIND || (flags !== null && (flags[i]! & STEPPED_BACK) !== 0)) this.out_of_order++;
      if (port === PORT.trade) {
        if (num(columns, 6, row) === 0) this.off_market++;
      } else if (this.#book !== undefined && (port === PORT.depth || port === PORT.depth_snapshot)) {
        if (this.#book.apply(key, port === PORT.depth ? 'depth' : 'depth_snapshot', columns, row) === 'crossed')
          this.crossed++;
      }
    }
  }

  counts(): QualityCounts {
    const gaps: Gap[] = [];
    for (const [key, s] of this.#states.entries()) {
      if (s === undefined) continue;
      const name = this.#keys.at(key).name;
      for (const b of s.trades.breaks)
        gaps.push({ dataset: 'trade', key: name, from: b.from, to: b.to + 1, kind: 'trade_id' });
      for (const b of s.aggregates.breaks)
        gaps.push({ dataset: 'trade', key: name, from: b.from, to: b.to + 1, kind: 'agg_trade_id' });
      for (const b of s.diffs.breaks) gaps.push({ dataset: 'depth', key: name, ...b, kind: 'depth_chain' });
    }
    return {
      gaps,
      duplicates: this.duplicates,
      out_of_order: this.out_of_order,
      off_market: this.off_market,
      crossed: this.crossed,
    };
  }

  #open(key: number): KeyState {
    const state: KeyState = {
      trades: new IdChain(),
      aggregates: new IdChain(),
      diffs: new IdChain(),
      recent: new Map(),
      recentOf: new Array(16).fill(undefined),
      event: new Float64Array(32).fill(Number.NEGATIVE_INFINITY),
    };
    this.#states[key] = state;
    return state;
  }

  #judge(s: KeyState, port: number, columns: PortColumns, row: number): number {
    if (port === PORT.trade) {
      const agg = num(columns, 7, row) === 1;
      const id = num(columns, 0, row);
      const verdict = (agg ? s.aggregates : s.trades).add(id - 1, id);
      const event = num(columns, EVENT[PORT.trade]!, row);
      return eventOrder(s, agg ? 31 : port, Number.isNaN(event) ? num(columns, TRADE_TIME, row) : event, verdict);
    }
    if (port === PORT.depth) {
      const pu = num(columns, 2, row);
      const verdict = s.diffs.add(Number.isNaN(pu) ? num(columns, 0, row) - 1 : pu, num(columns, 1, row));
      return eventOrder(s, port, num(columns, EVENT[PORT.depth]!, row), verdict);
    }
    let column = orderColumn[port]!;
    if (column === NO_ORDER) return IN_ORDER;
    let recent = s.recentOf[port];
    if (port === PORT.kline) {
      // Updates of each interval are a stream of their own, and so are an archive's finished klines.
      const archive = Number.isNaN(num(columns, 15, row));
      if (archive) column = 0;
      const name = `${(columns.columns[2] as string[])[row]!} ${archive}`;
      recent = s.recent.get(name);
      if (recent === undefined) {
        recent = new RecentRows();
        s.recent.set(name, recent);
      }
    } else if (recent === undefined) {
      recent = new RecentRows();
      s.recentOf[port] = recent;
    }
    const order = num(columns, column, row);
    if (Number.isNaN(order)) return IN_ORDER;
    const verdict = recent.add(order, hashRow(columns, row));
    return EVENT[port] === NO_ORDER ? verdict : eventOrder(s, port, num(columns, EVENT[port]!, row), verdict);
  }
}

/** A row in order by its ids is still behind when its event time steps back. Spot book tickers and archives have none. */
function eventOrder(s: KeyState, stream: number, event: number, verdict: number): number {
  if (Number.isNaN(event)) return verdict;
  if (event < s.event[stream]!) return verdict === IN_ORDER ? BEHIND : verdict;
  s.event[stream] = event;
  return verdict;
}

const num = (columns: PortColumns, column: number, row: number): number =>
  (columns.columns[column] as Float64Array)[row]!;

const bits = new Float64Array(1);
const words = new Int32Array(bits.buffer);
function mix(hash: number, value: number): number {
  bits[0] = value;
  let h = Math.imul(hash ^ words[0]!, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ words[1]!, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
function hashRow(columns: PortColumns, row: number): number {
  let h = 17;
  for (const c of columns.columns) {
    if (c instanceof Float64Array) h = mix(h, c[row]!);
    else if (!Array.isArray(c)) {
      const { values, offsets } = c as ListColumn;
      for (let i = offsets[row]!; i < offsets[row + 1]!; i++) h = mix(h, values[i]!);
      h = mix(h, offsets[row + 1]! - offsets[row]!);
    }
  }
  return h;
}

/** Reads a stream to its end for its quality alone. */
export async function qualityOf(reader: BlockReader, keys: KeyTable, book?: BookCheck): Promise<QualityCounts> {
  const report = new QualityReport(keys, book);
  for (let b = await reader.read(); b !== null; b = await reader.read()) report.add(b);
  return report.counts();
}
