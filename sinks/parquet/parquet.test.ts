import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bool, f64, list, money, oneOf, px, record, text } from '../../graph/schema/index.ts';
import { DuckDb, sqlText } from '../../lake/duckdb.ts';
import { readLake } from '../../lake/manifest.ts';
import { LocalStorage } from '../../lake/storage.ts';
import { openEmbeddedStore } from '../store/index.ts';
import { type Cycle, play } from '../testing/play.ts';
import { parquet } from './parquet.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-parquet-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let n = 0;
const folder = (): string => join(root, String(n++));

const Top = record('top', 2, {
  bid: px(),
  fee: money({ nullable: true }),
  side: oneOf('buy', 'sell'),
  ok: bool(),
  levels: list('px'),
});
const Note = record('note', 1, { value: f64(), why: text() });
const inputs = { top: Top, note: Note };
const T = 1_723_104_000_000_000;
const cycles = (count: number): Cycle[] =>
  Array.from({ length: count }, (_, i) => ({
    t: T + i * 1000,
    seq: i,
    source: i % 10 === 0 ? 'clock' : 'market',
    records: {
      top: [
        {
          bid: 6500000 + i,
          fee: i % 2 ? Number.NaN : i,
          side: i % 3 ? 'buy' : 'sell',
          ok: i % 2 === 0,
          levels: [i, i + 1].slice(i % 3),
          key: i % 2,
        },
      ],
      ...(i % 7 === 0
        ? {
            note: [
              { value: i / 7, why: `because ${i}` },
              { value: -i, why: '' },
            ],
          }
        : {}),
    },
  }));
const config = { tier: 'silver', rolling: { max_rows: 1024 } };

async function rowsOf(dir: string, dataset: string): Promise<unknown[]> {
  const db = await DuckDb.open();
  const c = await db.connect();
  const files = sqlText(join(dir, `lake/silver/${dataset}/**/*.parquet`));
  const result = await c.runAndReadAll(
    `SELECT * EXCLUDE (t_avail_us), epoch_us(t_avail_us)::BIGINT t FROM read_parquet(${files}, hive_partitioning = false) ORDER BY seq`,
  );
  const rows = result.getRowObjectsJson();
  db.close();
  return rows;
}
const files = async (dir: string) =>
  (await readLake(new LocalStorage(join(dir, 'lake')))).files.map((f) => [f.path, f.sha256]);

describe('sink.parquet', () => {
  it('writes each input as a dataset that DuckDB reads as it lies, with the input that caused each row', async () => {
    const dir = folder();
    await (await play(parquet, config, { dir, inputs, cycles: cycles(50), commits: [20, 49] })).sink.close();
    const top = await rowsOf(dir, 'top');
    expect(top).toHaveLength(50);
    expect(top[11]).toMatchObject({
      cause_source: 'market',
      cause_seq: '11',
      key: 'usdm:ETHUSDT',
      bid: 650001.1,
      fee: null,
      side: 'buy',
      ok: false,
      levels: [],
      t: String(T + 11000),
    });
    expect(top[12]).toMatchObject({
      key: 'usdm:BTCUSDT',
      bid: 65000.12,
      fee: 1.2e-7,
      side: 'sell',
      ok: true,
      levels: [0.12, 0.13],
    });
    const note = await rowsOf(dir, 'note');
    expect(note).toHaveLength(16);
    expect(note[4]).toMatchObject({ cause_source: 'market', cause_seq: '14', value: 2, why: 'because 14' });
  });
  it('writes the same files after a crash behind any commit, and again on a repeated run', async () => {
    const all = cycles(6000);
    const commits = [999, 2999, 4999, 5999];
    const whole = folder();
    await (await play(parquet, config, { dir: whole, inputs, cycles: all, commits })).sink.close();
    const expected = await files(whole);
    expect(expected.length).toBeGreaterThan(4);
    for (const cut of [999, 2999, 4999]) {
      const dir = folder();
      // The process dies with rows behind the commit: nobody closes the sink.
      const first = await play(parquet, config, {
        dir,
        inputs,
        cycles: all.slice(0, cut + 500),
        commits: commits.filter((c) => c <= cut),
      });
      await abandon(first.sink);
      const rest = {
        dir,
        inputs,
        cycles: all.slice(cut + 1),
        commits: commits.map((c) => c - cut - 1).filter((c) => c >= 0),
      };
      await (await play(parquet, config, { ...rest, epoch: first.epoch })).sink.close();
      expect(await files(dir)).toEqual(expected);
    }
    await (await play(parquet, config, { dir: whole, inputs, cycles: all, commits })).sink.close();
    expect(await files(whole)).toEqual(expected);
  });
  it('keeps committed rows in the store only until they are in files', async () => {
    const dir = folder();
    const { sink } = await play(parquet, config, {
      dir,
      inputs,
      cycles: cycles(32 * 300),
      commits: Array.from({ length: 32 }, (_, i) => i * 300 + 299),
    });
    const store = openEmbeddedStore(dir);
    const kept = await store.loadManifest('trend.out');
    expect(kept.length).toBeLessThan(16);
    expect(kept.at(-1)?.epoch).toBe(32);
    await store.close();
    await sink.close();
    expect(await rowsOf(dir, 'top')).toHaveLength(9600);
  });
  it('forgets a rolled-back cycle', async () => {
    const dir = folder();
    const { sink } = await play(parquet, config, { dir, inputs, cycles: cycles(10), commits: [4] });
    sink.rollback();
    await sink.commit({ epoch: 2, now: T, offsets: {} });
    await sink.close();
    expect(await rowsOf(dir, 'top')).toHaveLength(5);
  });
});

/** Lets go of a sink as a killed process would, but for its handle on the store, which this process must not keep. */
async function abandon(sink: unknown): Promise<void> {
  await (sink as { abandon(): Promise<void> }).abandon();
}
