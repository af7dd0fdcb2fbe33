import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../graph/schema/index.ts';
import { blockRows } from './block-rows.ts';
import { openBronzeWriter } from './bronze-writer.ts';
import { type LakeView, readLake } from './manifest.ts';
import { openLake } from './open-lake.ts';
import { LocalStorage } from './storage.ts';
import { marketPorts, type SyntheticOptions, syntheticBlocks } from './synthetic-blocks.ts';

const root = mkdtempSync(join(tmpdir(), 'lake-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(root, String(folders++));

function twoKeys(): KeyTable {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  keys.declare('spot:ETHUSDT', 2, 5);
  return keys;
}
async function fill(dir: string, options: SyntheticOptions, rolling = {}, writer = 'w', source = 'market') {
  const keys = twoKeys();
  const from = syntheticBlocks(keys, options);
  const w = await openBronzeWriter(dir, { writer, keys, ports: marketPorts(), source, rolling });
  for (let b = await from.read(); b; b = await from.read()) await w.write(b);
  return w.close();
}
const ALL = {
  trade: 5,
  book_ticker: 5,
  depth: 5,
  depth_snapshot: 1,
  mark_price: 3,
  kline: 2,
  candle: 1,
  funding_rate: 1,
  liquidation: 1,
  market_metrics: 1,
  depth_band: 1,
  dead_letter: 2,
  engine_lag: 1,
};
const expected = (o: SyntheticOptions): Promise<string[]> => {
  const keys = twoKeys();
  return blockRows(syntheticBlocks(keys, o), keys);
};

describe('the lake', () => {
  it('gives back every input of every port bit for bit, in order, with its number', async () => {
    const dir = folder();
    const o = { n: 20_000, weights: ALL, seed: 7 };
    await fill(dir, o, { maxRows: 3000 });
    const keys = new KeyTable();
    const reader = await openLake(dir, {}, keys);
    expect(await blockRows(reader, keys)).toEqual(await expected(o));
    expect(keys.list.map((k) => [k.name, k.pxDigits, k.qtyDigits])).toEqual([
      ['usdm:BTCUSDT', 1, 3],
      ['spot:ETHUSDT', 2, 5],
    ]);
    await reader.close();
  });

  it('writes the same names and bytes again, whatever the size of the blocks', async () => {
    const o = { n: 30_000, weights: ALL, stepUs: 8_000_000 };
    const a = await fill(folder(), { ...o, blockRows: 1024 }, { maxRows: 2000 });
    const b = await fill(folder(), { ...o, blockRows: 333 }, { maxRows: 2000 });
    expect(a.files.length).toBeGreaterThan(40);
    expect(b).toEqual(a);
    expect(a.files[0]!.path).toMatch(
      /^bronze\/book_ticker\/market=spot\/symbol=ETHUSDT\/date=\d{4}-\d\d-\d\d\/\d{16}-\d{16}\.parquet$/,
    );
  });

  it('repeats an import over itself and refuses another input under the same name', async () => {
    const dir = folder();
    const a = await fill(dir, { n: 5000 });
    expect(await fill(dir, { n: 5000 })).toEqual(a);
    await expect(fill(dir, { n: 5000, seed: 2 })).rejects.toMatchObject({ code: 'CHM602' });
    await expect(fill(dir, { n: 4000 })).rejects.toMatchObject({ code: 'CHM602' });
    const view = await readLake(new LocalStorage(dir));
    expect(view.files).toEqual(a.files);
  });

  it('partitions each row by its own day', async () => {
    const dir = folder();
    const o = { n: 4000, stepUs: 60_000_000, weights: { trade: 1 } };
    const r = await fill(dir, o);
    const days = new Set(r.files.map((f) => f.date));
    expect(days.size).toBeGreaterThan(2);
    for (const f of r.files) {
      expect(new Date(f.first_t_us / 1000).toISOString().slice(0, 10)).toBe(f.date);
      expect(new Date(f.last_t_us / 1000).toISOString().slice(0, 10)).toBe(f.date);
    }
    const keys = new KeyTable();
    expect(await blockRows(await openLake(dir, {}, keys), keys)).toEqual(await expected(o));
  });

  it('merges several writers by t_avail, then source, and numbers them afresh', async () => {
    const dir = folder();
    const a = { n: 3000, seed: 3 };
    const b = { n: 3000, seed: 4, startUs: 1_723_161_255_500_000 };
    await fill(dir, a, {}, 'one', 'left');
    await fill(dir, b, {}, 'two', 'right');
    const keys = new KeyTable();
    const reader = await openLake(dir, { sources: ['right', 'left'] }, keys);
    const rows = (await blockRows(reader, keys)).map((r) => r.split(' '));
    const strip = (r: string[]): string => r.slice(1).join(' ');
    const merged = [
      ...(await expected(b)).map((r) => ({ r, source: 0 })),
      ...(await expected(a)).map((r) => ({ r, source: 1 })),
    ]
      .map((x, i) => ({ ...x, i, t: Number(x.r.split(' ')[1]) }))
      .sort((x, y) => x.t - y.t || x.source - y.source || x.i - y.i);
    expect(rows.map(strip)).toEqual(merged.map((x) => strip(x.r.split(' '))));
    expect(rows.map((r) => Number(r[0]))).toEqual(merged.map((_, i) => i));
  });

  it('reads a half-open range, some datasets, one symbol', async () => {
    const dir = folder();
    const o = { n: 6000 };
    await fill(dir, o, { maxRows: 700 });
    const all = (await expected(o)).map((r) => r.split(' '));
    const fromUs = Number(all[1500]![1]);
    const toUs = Number(all[4500]![1]);
    const keys = new KeyTable();
    const reader = await openLake(dir, { fromUs, toUs, datasets: ['trade', 'depth'], symbols: ['ETHUSDT'] }, keys);
    const rows = (await blockRows(reader, keys)).map((r) => r.split(' ').slice(1).join(' '));
    const wanted = all.filter(
      (r) =>
        Number(r[1]) >= fromUs &&
        Number(r[1]) < toUs &&
        (r[2] === 'trade' || r[2] === 'depth') &&
        r[3] === 'spot:ETHUSDT',
    );
    expect(rows).toEqual(wanted.map((r) => r.slice(1).join(' ')));
    expect(wanted.length).toBeGreaterThan(100);
  });

  it('seeks behind any input', async () => {
    const dir = folder();
    const o = { n: 5000 };
    await fill(dir, o);
    const all = await expected(o);
    const keys = new KeyTable();
    const reader = await openLake(dir, {}, keys);
    for (const seq of [-1, 0, 1023, 1024, 2500, 4998, 4999]) {
      await reader.seek!(seq);
      expect(await blockRows(reader, keys)).toEqual(all.slice(seq + 1));
    }
  });

  it('holds for any mix, policy and block size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.integer({ min: 1, max: 1e9 }),
          n: fc.integer({ min: 1, max: 3000 }),
          blockRows: fc.integer({ min: 1, max: 1024 }),
          stepUs: fc.constantFrom(1, 1000, 40_000_000),
          levels: fc.integer({ min: 0, max: 60 }),
        }),
        fc.integer({ min: 100, max: 3000 }),
        async (o, maxRows) => {
          const dir = folder();
          await fill(dir, { ...o, weights: ALL }, { maxRows, intervalUs: 600_000_000 });
          const keys = new KeyTable();
          const reader = await openLake(dir, {}, keys);
          const got = await blockRows(reader, keys);
          await reader.close();
          rmSync(dir, { recursive: true, force: true });
          expect(got).toEqual(await expected({ ...o, weights: ALL }));
        },
      ),
      { numRuns: 12 },
    );
  });

  it('resumes behind its last commit, and the files are those of an uninterrupted run', async () => {
    const o = { n: 40_000, seed: 5 };
    const rolling = { maxRows: 2000 };
    let dir = folder();
    const keys = twoKeys();
    const open = (): ReturnType<typeof openBronzeWriter> =>
      openBronzeWriter(dir, { writer: 'w', keys, ports: marketPorts(), source: 'market', rolling, resume: true });
    const run = async (stop: number): Promise<Awaited<ReturnType<typeof open>>> => {
      const w = await open();
      const from = syntheticBlocks(keys, o);
      for (let b = await from.read(); b && b.seq0 < stop; b = await from.read()) {
        await w.write(b);
        await w.commit();
      }
      return w;
    };
    const a = await (await run(o.n)).close();
    dir = folder();
    for (const stop of [9000, 21_000, 21_001]) await (await run(stop)).abort();
    const last = await run(o.n);
    expect(last.resumedFrom).toBeGreaterThan(15_000);
    expect(await last.close()).toEqual(a);
  });
});

describe('damage', () => {
  const read = async (dir: string): Promise<unknown> => {
    const keys = new KeyTable();
    const reader = await openLake(dir, {}, keys);
    try {
      return await blockRows(reader, keys);
    } finally {
      await reader.close();
    }
  };
  async function lake(): Promise<{ dir: string; view: LakeView }> {
    const dir = folder();
    await fill(dir, { n: 3000 }, { maxRows: 500 });
    return { dir, view: await readLake(new LocalStorage(dir)) };
  }

  it('of a Parquet file cut short is a coded error that names the file', async () => {
    const { dir, view } = await lake();
    for (const keep of [0, 3, 100, view.files[0]!.bytes - 1]) {
      truncateSync(join(dir, view.files[0]!.path), keep);
      await expect(read(dir)).rejects.toMatchObject({
        code: 'CHM604',
        where: { file: join(dir, view.files[0]!.path) },
      });
    }
  });
  it('of the manifest is a coded error: a flipped byte, a cut, a missing number', async () => {
    const { dir, view } = await lake();
    const path = join(dir, '_manifest/w/00000000.json');
    const good = readFileSync(path);
    for (const at of [2, 30, 100, good.length >> 1, good.length - 2]) {
      const bad = Buffer.from(good);
      bad[at]! ^= 4;
      writeFileSync(path, bad);
      await expect(read(dir)).rejects.toMatchObject({ code: 'CHM601', where: { file: path } });
    }
    writeFileSync(path, good.subarray(0, 200));
    await expect(read(dir)).rejects.toMatchObject({ code: 'CHM601' });
    if (view.commits.length > 1) {
      rmSync(path);
      await expect(read(dir)).rejects.toMatchObject({ code: 'CHM601' });
    }
    writeFileSync(path, good);
    expect(await read(dir)).toHaveLength(3000);
  });
  it('of a folder that is no lake, and of a file that is gone, is named', async () => {
    await expect(openLake(folder(), {}, new KeyTable())).rejects.toMatchObject({ code: 'CHM603' });
    const { dir, view } = await lake();
    rmSync(join(dir, view.files[1]!.path));
    await expect(read(dir)).rejects.toMatchObject({ code: 'CHM609' });
  });
  it('is refused at the door: values that Parquet could not give back, rows out of order', async () => {
    const cases: [string, number, string][] = [
      ['trade', Number.NaN, 'CHM607'],
      ['trade', 0.5, 'CHM607'],
      ['trade', 2 ** 53, 'CHM607'],
      ['mark_price', Number.POSITIVE_INFINITY, 'CHM607'],
    ];
    for (const [port, value, code] of cases) {
      const keys = twoKeys();
      const w = await openBronzeWriter(folder(), { writer: 'w', keys, ports: marketPorts(), source: 'm' });
      const b = (await syntheticBlocks(keys, { n: 10, weights: { [port]: 1 } }).read())!;
      const p = b.port[0]!;
      const c = port === 'trade' ? 1 : 0;
      (b.ports[p]!.columns[c] as Float64Array)[3] = value;
      await expect(w.write(b)).rejects.toMatchObject({ code });
      await w.abort();
    }
    const keys = twoKeys();
    const w = await openBronzeWriter(folder(), { writer: 'w', keys, ports: marketPorts(), source: 'm' });
    const b = (await syntheticBlocks(keys, { n: 10 }).read())!;
    await w.write(b);
    await expect(w.write(b)).rejects.toMatchObject({ code: 'CHM611' });
    await w.abort();
  });
});
