import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyTable, MARKET_PORTS } from '../graph/schema/index.ts';
import { blockRows } from './block-rows.ts';
import { openBronzeWriter } from './bronze-writer.ts';
import { marketTable, plain } from './codec/codec.conformance.ts';
import { storedRow } from './codec/codec.ts';
import { duckdbCodec } from './codec/duckdb-codec.ts';
import { parquetjsCodec } from './codec/parquetjs-codec.ts';
import { DuckDb, sqlText } from './duckdb.ts';
import { openParquet } from './open-parquet.ts';
import { lakeColumns } from './schema.ts';
import { marketPorts, syntheticBlocks } from './synthetic-blocks.ts';
import { portColumns, type TableColumn } from './table-columns.ts';
import { openTableWriter } from './table-writer.ts';

const root = mkdtempSync(join(tmpdir(), 'table-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const COLUMNS: TableColumn[] = [
  { name: 't_us', kind: 'us' },
  { name: 'at', kind: 'timestamp_us' },
  { name: 'key', kind: 'text' },
  { name: 'feature "x"', kind: 'f64' },
  { name: 'label', kind: 'bool' },
  { name: 'n', kind: 'int' },
  { name: 'l', kind: 'list' },
];
const T = 1_700_000_000_123_456;
const row = (i: number): [number, number, string | null, number, boolean | null, number, number[]] => [
  T + i,
  T + i,
  i % 3 === 0 ? null : `k${i}`,
  i % 4 === 0 ? Number.NaN : i / 7,
  i % 5 === 0 ? null : i % 2 === 0,
  i * 1000,
  [i, i / 3].slice(0, i % 3),
];
async function write(path: string, n: number): Promise<{ rows: number; sha256: string }> {
  const w = await openTableWriter(path, COLUMNS, { metadata: { note: "it's" } });
  for (let i = 0; i < n; i++) {
    w.append(row(i));
    if (i % 4096 === 0) await w.drain();
  }
  return w.close();
}

describe('a table file', () => {
  it('in Parquet holds every value, no value as NULL, and its metadata', async () => {
    const path = join(root, 'a.parquet');
    expect(await write(path, 5000)).toMatchObject({ rows: 5000 });
    const db = await DuckDb.open();
    const c = await db.connect();
    const got = (
      await c.runAndReadAll(`SELECT * REPLACE (epoch_us("at") AS "at") FROM read_parquet(${sqlText(path)})`)
    ).getRowsJson();
    const meta = (
      await c.runAndReadAll(`SELECT decode(key), decode(value) FROM parquet_kv_metadata(${sqlText(path)})`)
    ).getRows();
    const types = (await c.runAndReadAll(`DESCRIBE FROM read_parquet(${sqlText(path)})`)).getRows().map((r) => r[1]);
    db.close();
    const missing = (x: unknown): unknown => (typeof x === 'number' && Number.isNaN(x) ? null : x);
    expect(got.map((r) => r.map((v, i) => ([0, 1, 5].includes(i) ? Number(v) : v)))).toEqual(
      Array.from({ length: 5000 }, (_, i) => row(i).map(missing)),
    );
    expect(meta).toEqual([['note', "it's"]]);
    expect(types).toEqual(['BIGINT', 'TIMESTAMP WITH TIME ZONE', 'VARCHAR', 'DOUBLE', 'BOOLEAN', 'BIGINT', 'DOUBLE[]']);
  });
  it('in Arrow holds the same', async () => {
    const path = join(root, 'a.arrow');
    expect(await write(path, 5000)).toMatchObject({ rows: 5000 });
    const table = tableFromIPC(readFileSync(path));
    expect(table.numRows).toBe(5000);
    expect(table.schema.metadata.get('note')).toBe("it's");
    for (const i of [0, 1, 2, 3, 4, 5, 2047, 2048, 4999]) {
      const r = table.get(i)!.toArray() as unknown[];
      const want = row(i);
      expect(Number(r[0])).toBe(want[0]);
      expect(r[2]).toBe(want[2]);
      expect(r[3]).toBe(Number.isNaN(want[3]) ? null : want[3]);
      expect(r[4]).toBe(want[4]);
      expect(Number(r[5])).toBe(want[5]);
      expect(Array.from(r[6] as Iterable<number>)).toEqual(want[6]);
    }
    expect(table.getChild('at')!.data[0]!.values[3]).toBe(BigInt(T + 3));
  });
  it('has the same bytes each time, also beyond what is held in memory', async () => {
    const sizes: [string, number][] = [
      ['.parquet', 3000],
      ['.arrow', 3000],
      ['.parquet', 600_000],
    ];
    for (const [extension, n] of sizes) {
      const one = await write(join(root, `one${extension}`), n);
      const two = await write(join(root, `two${extension}`), n);
      expect(one).toEqual(two);
    }
    expect(readdirSync(root).filter((f) => /part|tmp/.test(f))).toEqual([]);
    const db = await DuckDb.open();
    const c = await db.connect();
    const r = await c.runAndReadAll(
      `SELECT count(*), sum((t_us - lag) <> 1) FROM (SELECT t_us, lag(t_us, 1, t_us - 1) OVER () AS lag FROM ${sqlText(join(root, 'one.parquet'))})`,
    );
    expect(r.getRowsJson()).toEqual([['600000', '0']]);
    db.close();
  });
  it('appears only when it is whole', async () => {
    for (const extension of ['.parquet', '.arrow']) {
      const path = join(root, `aborted${extension}`);
      const w = await openTableWriter(path, COLUMNS);
      for (let i = 0; i < 3000; i++) w.append(row(i));
      await w.abort();
      expect(existsSync(path)).toBe(false);
      expect(existsSync(`${path}.tmp`)).toBe(false);
    }
  });
  it('refuses unknown extensions and values that are none', async () => {
    await expect(openTableWriter('x.xlsx', COLUMNS)).rejects.toMatchObject({ code: 'CHM618' });
    const w = await openTableWriter(join(root, 'bad.arrow'), COLUMNS);
    const bad: [number, unknown][] = [
      [3, Number.POSITIVE_INFINITY],
      [5, 0.5],
      [5, 2 ** 53],
      [2, 7],
      [4, 2],
      [6, 'x'],
      [3, 'x'],
    ];
    for (const [at, value] of bad) {
      const values: unknown[] = row(1);
      values[at] = value;
      expect(() => w.append(values as never)).toThrow(expect.objectContaining({ code: 'CHM607' }));
    }
    await w.abort();
  });
});

describe('single Parquet files', () => {
  it('of the lake are read in place, several at once', async () => {
    const keys = new KeyTable();
    keys.declare('usdm:BTCUSDT', 1, 3);
    keys.declare('spot:ETHUSDT', 3, 2);
    const dir = join(root, 'lake');
    const o = { n: 3000 };
    const w = await openBronzeWriter(dir, {
      writer: 'w',
      keys,
      ports: marketPorts(),
      source: 'm',
      rolling: { maxRows: 500 },
    });
    const from = syntheticBlocks(keys, o);
    for (let b = await from.read(); b; b = await from.read()) await w.write(b);
    const { files } = await w.close();
    const mine = new KeyTable();
    const reader = await openParquet(
      files.map((f) => join(dir, f.path)),
      {},
      mine,
    );
    const got = (await blockRows(reader, mine)).map((r) => r.split(' ').slice(1).join(' '));
    await reader.close();
    const want = (await blockRows(syntheticBlocks(keys, o), keys)).map((r) => r.split(' ').slice(1).join(' '));
    // Rows of one microsecond come in the order of the files, so the sets are compared.
    expect([...got].sort()).toEqual([...want].sort());
    expect(got.map((r) => Number(r.split(' ')[0]))).toEqual(want.map((r) => Number(r.split(' ')[0])));
  });
  it('written as a tap are recognised by their columns, with the decimals of their values', async () => {
    const table = await marketTable('book_ticker', 2000);
    const path = join(root, 'tap.parquet');
    const w = await openTableWriter(path, portColumns(MARKET_PORTS.book_ticker));
    const layout = lakeColumns(table.schema);
    for (let i = 0; i < table.n; i++) w.append(storedRow(table, layout, i));
    await w.close();
    const keys = new KeyTable();
    const reader = await openParquet([path], {}, keys);
    const b = (await reader.read())!;
    expect(keys.find('usdm:BTCUSDT')).toMatchObject({ pxDigits: 2, qtyDigits: 3 });
    expect(reader.ports[b.port[0]!]!.name).toBe('book_ticker');
    const columns = b.ports[b.port[0]!]!.columns as Float64Array[];
    table.columns.forEach((c, k) => {
      expect(columns[k]!.slice(0, b.n)).toEqual((c as Float64Array).slice(0, b.n));
    });
    await reader.close();
  });
  it('of another layout are refused with what is missing', async () => {
    await write(join(root, 'other.parquet'), 10);
    await expect(openParquet([join(root, 'other.parquet')], {}, new KeyTable())).rejects.toMatchObject({
      code: 'CHM610',
      where: { field: 'seq' },
    });
    await expect(openParquet([join(root, 'none.parquet')], {}, new KeyTable())).rejects.toMatchObject({
      code: 'CHM609',
    });
  });
  it('of the pure-JavaScript codec are read by DuckDB as the same table', async () => {
    for (const port of ['trade', 'depth', 'kline'] as const) {
      const table = await marketTable(port, 400, 3);
      const path = join(root, `js-${port}.parquet`);
      await parquetjsCodec.write(path, table);
      expect(plain(await duckdbCodec.read(path))).toEqual(plain(table));
    }
  });
});
