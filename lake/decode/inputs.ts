import { statSync } from 'node:fs';
import { type BlockReader, ChimeraError, type KeyTable, type MarketPort } from '../../graph/schema/index.ts';
import { addressOf, type DecodedCache, isWorthKeeping, restore, save } from '../cache/decoded-files.ts';
import { FlatDb } from '../flat-db.ts';
import { isS3Address } from '../s3/s3-options.ts';
import { CsvDecoder, referenceOfPath, symbolOfPath } from './csv.ts';
import { csvLayout } from './csv-layout.ts';
import {
  type Container,
  containerOf,
  feedBytes,
  HEAD_BYTES,
  LineSplitter,
  type OnLine,
  verifyChecksum,
} from './file-bytes.ts';
import type { Market } from './file-keys.ts';
import { type FileContext, FileRows } from './file-rows.ts';
import { InterleavedReader, inMarketOrder } from './interleaved-reader.ts';
import { MergedReader } from './merged-reader.ts';
import { decodeParquet, openParquetFile } from './parquet.ts';
import { RecorderDecoder, type Way } from './recorder.ts';
import { PORT } from './row-store.ts';
import { settleKeys } from './run-keys.ts';
import { MEMORY_BUDGET, SegmentHome } from './segment-home.ts';

/** What is decoded elsewhere: the lake's own folders and files. */
export interface LakeSelection {
  symbols?: readonly string[];
  datasets?: readonly string[];
}
export type OpenLake = (dir: string, selection: LakeSelection, keys: KeyTable) => Promise<BlockReader>;
export type OpenParquet = (
  paths: readonly string[],
  selection: Record<never, never>,
  keys: KeyTable,
) => Promise<BlockReader>;

export interface InputOptions {
  /** Only these markets. */
  readonly markets?: readonly Market[];
  /** Only these symbols: `BTCUSDT` in any market, or `usdm:BTCUSDT`. */
  readonly symbols?: readonly string[];
  /** Only these ports (dead letters always come). */
  readonly streams?: readonly MarketPort[];
  /** The market of files whose content does not tell, or tells wrongly. */
  readonly market?: Market;
  /** The first refused line is an error (CHM677). */
  readonly strict?: boolean;
  readonly openLake?: OpenLake;
  readonly openParquet?: OpenParquet;
  readonly onProgress?: (file: string, doneBytes: number, totalBytes: number) => void;
  /** Decoded bytes that stay in memory; more goes to a temporary file. */
  readonly memoryBudget?: number;
  /** Rows of files that were decoded before are taken from here; without it every file is decoded. */
  readonly cache?: DecodedCache;
  /** `reference` decodes every frame with JSON.parse: for tests and comparisons. */
  readonly way?: Way;
}

/**
 * Opens input files as one stream of blocks, merged by (t_avail, position, row), ports in the order of MARKET_PORTS.
 * All files are decoded first, because the decimals of an instrument must be known before its first event; what does not
 * fit in memory waits in a temporary file. Errors: CHM670–677.
 */
export async function openInputs(
  paths: readonly string[],
  keys: KeyTable,
  options: InputOptions = {},
): Promise<BlockReader> {
  const home = new SegmentHome(options.memoryBudget ?? MEMORY_BUDGET);
  const files: FileRows[] = [];
  const seen: ReadonlySet<number>[] = [];
  const elsewhere: { reader: BlockReader; position: number }[] = [];
  const lakeFiles: { path: string; position: number }[] = [];
  let db: FlatDb | undefined;
  try {
    for (const [position, path] of paths.entries()) {
      const opened = await openOne(path, options, home, async () => (db ??= await FlatDb.open()), keys);
      if ('reader' in opened) elsewhere.push({ reader: inMarketOrder(opened.reader), position });
      else if ('lakeFile' in opened) lakeFiles.push({ path, position });
      else {
        files.push(opened.file);
        seen.push(opened.symbols);
        opened.file.store.seal();
      }
    }
    if (lakeFiles.length > 0) {
      // One call for all of them, so that the decimals of an instrument are taken together.
      const reader = await options.openParquet!(
        lakeFiles.map((f) => f.path),
        {},
        keys,
      );
      elsewhere.push({ reader: inMarketOrder(reader), position: lakeFiles[0]!.position });
    }
    const { tracks, refused } = settleKeys(files, seen, keys, { markets: options.markets, symbols: options.symbols });
    const bad_input = files.flatMap((f) => f.refused).concat(refused);
    const order = new Map(paths.map((p, i) => [p, i]));
    bad_input.sort((a, b) => order.get(a.file)! - order.get(b.file)! || a.line - b.line);
    const merged = new MergedReader(tracks, home, keys, {
      bad_input,
      out_of_order: files.reduce((n, f) => n + f.outOfOrder, 0),
    });
    if (elsewhere.length === 0) return merged;
    if (files.length === 0 && elsewhere.length === 1) {
      home.close();
      return elsewhere[0]!.reader;
    }
    // Files decoded here are merged among themselves first; between them and the lake the first file's position decides.
    const own = paths.findIndex(
      (p, i) => !elsewhere.some((e) => e.position === i) && !lakeFiles.some((f) => f.path === p),
    );
    const readers = files.length === 0 ? elsewhere : [...elsewhere, { reader: merged, position: own }];
    readers.sort((a, b) => a.position - b.position);
    return new InterleavedReader(readers.map((r) => r.reader));
  } catch (e) {
    home.close();
    for (const { reader } of elsewhere) await reader.close();
    throw e;
  } finally {
    db?.close();
  }
}

type Opened = { reader: BlockReader } | { lakeFile: true } | { file: FileRows; symbols: ReadonlySet<number> };

async function openOne(
  path: string,
  options: InputOptions,
  home: SegmentHome,
  database: () => Promise<FlatDb>,
  keys: KeyTable,
): Promise<Opened> {
  const stat = statSync(path, { throwIfNoEntry: false });
  // A lake elsewhere has no folder here: whoever opens lakes knows how to reach it.
  const elsewhere = isS3Address(path);
  if (stat === undefined && !elsewhere)
    throw new ChimeraError('CHM670', `input ${path} does not exist`, { file: path, help: 'check the path' });
  const selection = {
    ...(options.symbols === undefined ? {} : { symbols: options.symbols }),
    ...(options.streams === undefined ? {} : { datasets: options.streams }),
  };
  if (stat === undefined || stat.isDirectory()) {
    if (options.openLake === undefined) throw unknown(path, 'the folder cannot be read as a lake here');
    return { reader: await options.openLake(path, selection, keys) };
  }
  // A pipe has no end to wait for, and no beginning to come back to.
  if (!stat.isFile()) throw unknown(path, 'it is no regular file');
  const context: FileContext = {
    file: path,
    home,
    strict: options.strict ?? false,
    symbols:
      options.symbols === undefined ? undefined : new Set(options.symbols.map((s) => s.slice(s.indexOf(':') + 1))),
    ports: options.streams === undefined ? undefined : new Set(options.streams.map((s) => PORT[s])),
    market: options.market,
  };
  const container = await containerOf(path);
  await verifyChecksum(path);
  const file = new FileRows(context);
  const decode = () => decodeOne(path, container, stat.size, file, options, database);
  const { cache } = options;
  if (cache === undefined || !isWorthKeeping(cache, stat.size)) return decode();
  const address = await addressOf(cache, context, options.way ?? 'scan');
  const symbols = await restore(address, file);
  if (symbols !== undefined) {
    options.onProgress?.(path, stat.size, stat.size);
    return { file, symbols };
  }
  const opened = await decode();
  if ('file' in opened) {
    file.store.seal();
    await save(cache, address, file, opened.symbols);
  }
  return opened;
}

async function decodeOne(
  path: string,
  container: Container,
  size: number,
  file: FileRows,
  options: InputOptions,
  database: () => Promise<FlatDb>,
): Promise<Opened> {
  if (container !== 'parquet') return decodeText(path, container, size, file, options);
  const db = await database();
  const parquet = await openParquetFile(path, db);
  if (parquet.layout !== null && !parquet.isLake) {
    await decodeParquet(path, parquet, file, symbolOfPath(path));
    return { file, symbols: symbolsOf(file) };
  }
  if (parquet.isLake && options.openParquet !== undefined) return { lakeFile: true };
  throw new ChimeraError('CHM674', `${path} has the columns ${parquet.columns.join(', ')}: no layout that is known`, {
    file: path,
    help: 'candles need open_time_ms, open, high, low, close, volume; ticks ts_us, is_trade, bid, bid_qty, ask, ask_qty, price, qty, is_buy',
  });
}

async function decodeText(
  path: string,
  container: Container,
  size: number,
  file: FileRows,
  options: InputOptions,
): Promise<Opened> {
  let decoder: TextDecoder_ | null = null;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let bytes = 0;
  const splitter = new LineSplitter(
    (buf, start, end, line) => decoder!.line(buf, start, end, line),
    (line) => file.refuse(line, 'CHM663', 'the line is longer than 64 MiB', ''),
  );
  const begin = (): void => {
    const all = Buffer.concat(waiting, waitingBytes);
    decoder = chooseDecoder(path, all.subarray(0, HEAD_BYTES), file, options);
    waiting = [];
    splitter.push(all);
  };
  const damage = await feedBytes(path, container, (chunk) => {
    bytes += chunk.length;
    if (decoder !== null) splitter.push(chunk);
    else {
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= HEAD_BYTES) begin();
    }
    options.onProgress?.(path, container === 'plain' ? bytes : Math.min(bytes, size), size);
  });
  if (damage === null && bytes === 0) throw unknown(path, 'the file is empty');
  if (damage !== null && bytes === 0) throw unknown(path, `nothing of it can be unpacked (${damage})`);
  if (decoder === null && bytes > 0) begin();
  if (damage === null) splitter.end();
  else {
    // The line that the damage cut cannot be trusted, even if it looks whole.
    const rest = splitter.rest;
    file.refuse(
      splitter.line + 1,
      'CHM662',
      `the compressed data ends early or is damaged (${damage})`,
      rest.toString('utf8', 0, Math.min(rest.length, 4096)),
    );
  }
  const done = decoder as TextDecoder_ | null;
  done?.end();
  return { file, symbols: done?.symbols() ?? new Set() };
}

interface TextDecoder_ {
  line: OnLine;
  end(): void;
  symbols(): ReadonlySet<number>;
}

const RECORDER_LINE =
  /^\s*(?:\d{10,20}(?:\.\d+)?:?\s+[[{]|(?:https?|wss?):\/\/\S+\s+<?->\s+\d|\{\s*"(?:stream|e|data|lastUpdateId|u)"|configuration: \{)/;

/** What the text is, by what its first lines look like: recorder lines or one of the CSV layouts. */
function chooseDecoder(path: string, head: Buffer, file: FileRows, options: InputOptions): TextDecoder_ {
  const text = head.toString('utf8');
  const lines = text.split('\n').filter((l) => l.trim() !== '');
  if (head.length === HEAD_BYTES && lines.length > 1) lines.pop();
  if (lines.slice(0, 64).some((l) => RECORDER_LINE.test(l.slice(0, 4096)))) {
    const recorder = new RecorderDecoder(file, options.way ?? 'scan');
    return {
      line: (b, s, e, l) => recorder.line(b, s, e, l),
      end: () => undefined,
      symbols: () => recorder.symbolsSeen,
    };
  }
  const layout = csvLayout(lines);
  if (layout === null) throw unknown(path, 'its first lines are neither recorder lines nor a known CSV layout');
  const csv = new CsvDecoder(file, layout, {
    symbol: symbolOfPath(path),
    reference: referenceOfPath(path),
    head: lines.slice(0, 256),
  });
  return { line: (b, s, e, l) => csv.line(b, s, e, l), end: () => csv.end(), symbols: () => symbolsOf(file) };
}

/** Symbols of the rows of a file whose keys are all named. */
function symbolsOf(file: FileRows): ReadonlySet<number> {
  const seen = new Set<number>();
  for (let k = 3; k < file.keys.rows.length; k++) if (file.keys.rows[k]! > 0) seen.add(Math.floor(k / 3));
  return seen;
}

const unknown = (path: string, why: string): ChimeraError =>
  new ChimeraError('CHM671', `cannot tell what ${path} is: ${why}`, {
    file: path,
    help: 'inputs are recorder files, archive or candle CSV (plain, .gz or .zip), Parquet, or a lake folder',
  });
