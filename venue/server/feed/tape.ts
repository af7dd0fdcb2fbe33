import { type BlockReader, KeyTable } from '../../../graph/schema/index.ts';
import { isDecoded } from '../../../lake/decode/block-filler.ts';
import { openInputs } from '../../../lake/decode/inputs.ts';
import { MergedReader } from '../../../lake/decode/merged-reader.ts';
import { FIELDS, PORT, RowStore, type Segment } from '../../../lake/decode/row-store.ts';
import { SegmentHome } from '../../../lake/decode/segment-home.ts';
import { openLake } from '../../../lake/open-lake.ts';
import { openParquet } from '../../../lake/open-parquet.ts';
import type { MarketName } from '../contract.ts';
import { TextStore } from './text-store.ts';

/** Where a row's text lies: file × 2^32 + line, −1 without text. */
const LINES = 4_294_967_296;

export interface TapeOptions {
  readonly symbols?: readonly string[] | undefined;
  readonly markets?: readonly MarketName[] | undefined;
}
interface Place {
  /** Number of the row on the tape. */
  at: number;
  t: number;
  segment: number;
  /** Row of its port in the segment. */
  row: number;
}

/** Counted in place of a port: aggregate trades, which `trade` then leaves out. */
export const AGGREGATES = FIELDS.length;
const AGG_COLUMN = 7;

/** All rows of the inputs in order, ready to be played without waiting; what does not fit in memory lies in a temporary file. */
export interface Tape {
  readonly keys: KeyTable;
  readonly segments: readonly { n: number; t0: number }[];
  load(segment: number): Segment;
  /** Texts of the input files, where all of them are text. */
  readonly texts: readonly TextStore[];
  /** Rows by key and port. */
  count(key: number, port: number): number;
  /** Rows of a key. */
  rows(key: number): number;
  /** The first snapshot of a book that comes at or behind row `at`. */
  snapshotFrom(key: number, at: number): Place | undefined;
  close(): void;
}
export const fileOf = (place: number): number => Math.floor(place / LINES);
export const lineOf = (place: number): number => place % LINES;

/** Reads inputs to their end. @throws CHM670–677 (unusable inputs) */
export async function openTape(paths: readonly string[], o: TapeOptions): Promise<Tape> {
  const keys = new KeyTable();
  const home = new SegmentHome();
  const texts: TextStore[] = [];
  const rows = new RowStore(home);
  const counts: Float64Array[] = [];
  const snapshots: Place[][] = [];
  const close = (): void => {
    home.close();
    for (const t of texts) t.close();
  };
  try {
    const reader = await openInputs(paths, keys, {
      ...(o.symbols === undefined || o.symbols.length === 0 ? {} : { symbols: o.symbols }),
      ...(o.markets === undefined ? {} : { markets: o.markets }),
      openLake: (dir, selection, table) => openLake(dir, selection, table),
      openParquet: (files, selection, table) => openParquet(files, selection, table),
    });
    const hasText = reader instanceof MergedReader;
    // A merged file that is no text (Parquet) simply has no lines with frames.
    if (hasText) for (const path of reader.files) texts.push(await TextStore.load(path));
    await copyRows(reader, rows, hasText, counts, snapshots);
    await reader.close();
  } catch (e) {
    close();
    throw e;
  }
  return {
    keys,
    segments: rows.segments,
    load: (i) => rows.load(i),
    texts,
    rows: (key) => counts[key]?.reduce((sum, n) => sum + n, 0) ?? 0,
    count: (key, port) => counts[key]?.[port] ?? 0,
    snapshotFrom: (key, at) => snapshots[key]?.find((s) => s.at >= at),
    close,
  };
}

async function copyRows(
  reader: BlockReader,
  out: RowStore,
  hasText: boolean,
  counts: Float64Array[],
  snapshots: Place[][],
): Promise<void> {
  const last = FIELDS.length;
  for (let b = await reader.read(); b !== null; b = await reader.read()) {
    const place = hasText && isDecoded(b) ? b : null;
    for (let i = 0; i < b.n; i++) {
      const port = b.port[i]!;
      const key = b.key[i]!;
      if (port >= last || port === PORT.dead_letter || port === PORT.engine_lag || key < 0) continue;
      const line = place === null ? -1 : place.file[i]! * LINES + place.line[i]!;
      const to = out.begin(port, key, b.t[i]!, line, 0);
      const r = to.n - 1;
      const row = b.row[i]!;
      const columns = b.ports[port]!.columns;
      for (let f = 0; f < columns.length; f++) {
        const c = columns[f]!;
        if (c instanceof Float64Array) to.numbers[f]![r] = c[row]!;
        else if (Array.isArray(c)) to.texts[f]![r] = c[row]!;
        else to.lists[f]!.set(r, c.values, c.offsets[row]!, c.offsets[row + 1]!);
      }
      let seen = counts[key];
      if (seen === undefined) {
        seen = new Float64Array(last + 1);
        counts[key] = seen;
      }
      const agg = port === PORT.trade && (columns[AGG_COLUMN] as Float64Array)[row] === 1;
      seen[agg ? AGGREGATES : port]!++;
      if (port === PORT.depth_snapshot) {
        snapshots[key] ??= [];
        snapshots[key].push({ at: out.rows - 1, t: b.t[i]!, segment: out.segments.length, row: r });
      }
    }
  }
  out.seal();
}
