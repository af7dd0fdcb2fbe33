import { closeSync, openSync, writeSync } from 'node:fs';
import { nextFloat, type RandomState, seedRandom } from '../graph/math/index.ts';
import { DuckDb, sqlText } from '../lake/duckdb.ts';
import type { Candles } from './reference/fills.ts';

const START_MS = 1_609_459_200_000;

/** A standard normal number (Box–Muller). */
function normal(r: RandomState): number {
  const u = 1 - nextFloat(r);
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * nextFloat(r));
}
const round1 = (x: number): number => Math.round(x * 10) / 10;

export interface CandleColumns extends Candles {
  time: Float64Array;
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
}

/**
 * One-minute candles of a random walk with a weekly swing, in steps of 0.1, the same for the same seed. With `gaps` an open is
 * not the close before it, so that a fill at the wrong one of the two shows.
 */
export function candles(seed: number, n: number, gaps: boolean): CandleColumns {
  const r = seedRandom(seed, 'candles');
  const column = () => new Float64Array(n);
  const c = { time: column(), open: column(), high: column(), low: column(), close: column(), volume: column() };
  let level = Math.log(20_000);
  let before = 20_000;
  for (let i = 0; i < n; i++) {
    level += normal(r) * 0.0008 + 3e-5 * Math.sin((2 * Math.PI * i) / (1440 * 7));
    const close = round1(Math.exp(level));
    const open = gaps ? round1(before * (1 + normal(r) * 0.0005)) : before;
    c.time[i] = START_MS + i * 60_000;
    c.open[i] = open;
    c.close[i] = close;
    c.high[i] = round1(Math.max(open, close) * (1 + Math.abs(normal(r)) * 0.0004));
    c.low[i] = round1(Math.min(open, close) * (1 - Math.abs(normal(r)) * 0.0004));
    c.volume[i] = Math.round((1 + nextFloat(r) * 99) * 1000) / 1000;
    before = close;
  }
  return c;
}

/** As CSV with a header. */
export function writeCsv(path: string, c: CandleColumns): void {
  const file = openSync(path, 'w');
  let text = 'open_time,open,high,low,close,volume\n';
  for (let i = 0; i < c.time.length; i++) {
    text += `${c.time[i]},${c.open[i]},${c.high[i]},${c.low[i]},${c.close[i]},${c.volume[i]}\n`;
    if (text.length > 1 << 20) {
      writeSync(file, text);
      text = '';
    }
  }
  writeSync(file, text);
  closeSync(file);
}

/** The same rows as Parquet, by DuckDB from the CSV. */
export async function csvToParquet(csv: string, parquet: string): Promise<void> {
  await withDuckDb(async (run) => {
    await run(
      `COPY (SELECT open_time AS open_time_ms, open, high, low, close, volume FROM read_csv(${sqlText(csv)})) TO ${sqlText(parquet)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)`,
    );
  });
}

/**
 * Top of book in steps of 0.1 with trades at the touch in between, the same for the same seed, as Parquet with the columns
 * `ts_us, is_trade, bid, bid_qty, ask, ask_qty, price, qty, is_buy`.
 */
export async function writeTicks(csv: string, parquet: string, seed: number, n: number): Promise<void> {
  const r = seedRandom(seed, 'ticks');
  const file = openSync(csv, 'w');
  let text = 'ts_us,is_trade,bid,bid_qty,ask,ask_qty,price,qty,is_buy\n';
  let t = START_MS * 1000;
  let bid = 200_000;
  const size = () => Math.round((-Math.log(1 - nextFloat(r)) - Math.log(1 - nextFloat(r))) * 3000 + 1) / 1000;
  for (let i = 0; i < n; i++) {
    t += Math.floor(-Math.log(1 - nextFloat(r)) * 50_000) + 1;
    const step = nextFloat(r);
    bid += step < 0.12 ? -1 : step > 0.88 ? 1 : 0;
    const wide = nextFloat(r);
    const ask = bid + (wide < 0.8 ? 1 : wide < 0.95 ? 2 : 3);
    const [bidQty, askQty] = [size(), size()];
    const buy = nextFloat(r) < bidQty / (bidQty + askQty);
    const qty = Math.round(-Math.log(1 - nextFloat(r)) * 500 + 1) / 1000;
    text += `${t},${nextFloat(r) < 0.2},${bid / 10},${bidQty},${ask / 10},${askQty},${(buy ? ask : bid) / 10},${qty},${buy}\n`;
    if (text.length > 1 << 20) {
      writeSync(file, text);
      text = '';
    }
  }
  writeSync(file, text);
  closeSync(file);
  await withDuckDb(async (run) => {
    await run(
      `COPY (FROM read_csv(${sqlText(csv)})) TO ${sqlText(parquet)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)`,
    );
  });
}

/** Reads columns of a Parquet file in pieces, with DuckDB alone: not through the lake's decoders, which a reference must not share. */
export async function readColumns(
  path: string,
  names: readonly string[],
  onColumns: (columns: unknown[][], n: number) => void,
): Promise<void> {
  const db = await DuckDb.open();
  const c = await db.connect();
  try {
    const result = await c.stream(`SELECT ${names.join(', ')} FROM read_parquet(${sqlText(path)})`);
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk())
      onColumns(chunk.getColumns() as unknown[][], chunk.rowCount);
  } finally {
    db.close();
  }
}

async function withDuckDb(work: (run: (sql: string) => Promise<unknown>) => Promise<void>): Promise<void> {
  const db = await DuckDb.open();
  try {
    const c = await db.connect();
    await work((sql) => c.run(sql));
  } finally {
    db.close();
  }
}
