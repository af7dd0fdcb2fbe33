import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../graph/schema/index.ts';
import { blockRows } from './block-rows.ts';
import { openBronzeWriter } from './bronze-writer.ts';
import { compactLake } from './compact.ts';
import { listLake, verifyLake } from './inspect.ts';
import { openLake } from './open-lake.ts';
import { lakeSql } from './sql.ts';
import { LocalStorage, type ObjectStorage } from './storage.ts';
import { marketPorts, syntheticBlocks } from './synthetic-blocks.ts';

const root = mkdtempSync(join(tmpdir(), 'compact-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const weights = { trade: 5, depth: 3 };
// About two and a half days; the third is still open.
const o = { n: 4000, stepUs: 54_000_000, weights };
let expected: string[];

async function fill(dir: string, writer: string, seed = 1): Promise<void> {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  const w = await openBronzeWriter(dir, {
    writer,
    keys,
    ports: marketPorts(),
    source: 'm',
    rolling: { intervalUs: 3 * 3_600_000_000 },
  });
  const from = syntheticBlocks(keys, { ...o, seed, blockRows: 100 });
  for (let b = await from.read(); b; b = await from.read()) {
    await w.write(b);
    await w.commit();
  }
  await w.close();
}
const replay = async (dir: string): Promise<string[]> => {
  const keys = new KeyTable();
  const reader = await openLake(dir, {}, keys);
  const rows = await blockRows(reader, keys);
  await reader.close();
  return rows;
};
const COUNT = `SELECT (SELECT count(*) FROM trade) + (SELECT count(*) FROM depth) AS n,
  (SELECT sum(seq) FROM trade) + (SELECT sum(seq) FROM depth) AS s`;
const SUM = [[o.n, (o.n * (o.n - 1)) / 2]];

/** Every storage operation counts; the one with the given number, and all after it, fail: the process has died there. */
class DyingStorage extends LocalStorage {
  left: number;
  constructor(dir: string, operations: number) {
    super(dir);
    this.left = operations;
  }
  #step(): void {
    if (this.left-- <= 0) throw new Error('killed');
  }
  override async putIfAbsent(...a: Parameters<ObjectStorage['putIfAbsent']>): Promise<boolean> {
    this.#step();
    return super.putIfAbsent(...a);
  }
  override async putFile(...a: Parameters<ObjectStorage['putFile']>): Promise<void> {
    this.#step();
    return super.putFile(...a);
  }
  override async move(...a: Parameters<ObjectStorage['move']>): Promise<void> {
    this.#step();
    return super.move(...a);
  }
  override async delete(...a: Parameters<ObjectStorage['delete']>): Promise<void> {
    this.#step();
    return super.delete(...a);
  }
  override async clearStaging(name: string): Promise<void> {
    this.#step();
    return super.clearStaging(name);
  }
}

beforeAll(async () => {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  expected = await blockRows(syntheticBlocks(keys, o), keys);
});

describe('compaction', () => {
  it('joins the files of closed days only, and a replay is the same bit for bit', async () => {
    const dir = join(root, 'a');
    await fill(dir, 'w');
    const before = await listLake(dir);
    const r = await compactLake(dir, { nowUs: 0 });
    expect(r).toMatchObject({ partitions: 4, files_after: 4, moved_out: 0 });
    expect(r.files_before).toBeGreaterThan(20);
    expect(await replay(dir)).toEqual(expected);
    expect((await listLake(dir)).datasets.map((d) => d.rows)).toEqual(before.datasets.map((d) => d.rows));
    expect(
      (await lakeSql(dir, `SELECT count(DISTINCT date) AS d FROM trade WHERE date < (SELECT max(date) FROM trade)`))
        .rows,
    ).toEqual([[3]]);
    expect(await compactLake(dir, { nowUs: 1 })).toMatchObject({ partitions: 0 });
    expect(await verifyLake(dir)).toMatchObject({ ok: true, problems: [], orphans: [] });
  });

  it('keeps replaced files for a grace, then moves them out, and later deletes them; an older view still reads them', async () => {
    const dir = join(root, 'b');
    await fill(dir, 'w');
    const keys = new KeyTable();
    const old = await openLake(dir, {}, keys);
    const files = new LocalStorage(dir);
    const r = await compactLake(dir, { nowUs: 1000, graceUs: 500, keepUs: 500 });
    const inRoot = (await files.list('bronze')).length;
    expect(await compactLake(dir, { nowUs: 1499, graceUs: 500, keepUs: 500 })).toMatchObject({ moved_out: 0 });
    expect(await compactLake(dir, { nowUs: 1500, graceUs: 500, keepUs: 500 })).toMatchObject({
      moved_out: r.files_before,
    });
    expect((await files.list('bronze')).length).toBe(inRoot - r.files_before);
    expect(await blockRows(old, keys)).toEqual(expected);
    await old.close();
    expect(await verifyLake(dir)).toMatchObject({ ok: true });
    await compactLake(dir, { nowUs: 2000, graceUs: 500, keepUs: 500 });
    expect(await files.list('_trash')).toEqual([]);
    expect(await replay(dir)).toEqual(expected);
  });

  it('killed at any step leaves a lake in which a reader counts each row once, and the next run completes it', async () => {
    let crashes = 0;
    const ready = join(root, 'ready');
    await fill(ready, 'w');
    for (let step = 0; ; step++) {
      const dir = join(root, `c${step}`);
      cpSync(ready, dir, { recursive: true });
      let died = false;
      try {
        await compactLake(dir, { nowUs: 0, graceUs: 0, storage: new DyingStorage(dir, step) });
      } catch (e) {
        expect((e as Error).message).toBe('killed');
        died = true;
        crashes++;
      }
      expect((await lakeSql(dir, COUNT)).rows).toEqual(SUM);
      if (step % 5 === 0) expect(await replay(dir)).toEqual(expected);
      await compactLake(dir, { nowUs: 1, graceUs: 0 });
      expect((await lakeSql(dir, COUNT)).rows).toEqual(SUM);
      expect(await verifyLake(dir)).toMatchObject({ ok: true, orphans: [] });
      rmSync(dir, { recursive: true, force: true });
      if (!died) break;
      // Every step of the first partition, then in strides: they repeat.
      if (step > 9) step += 8;
    }
    expect(crashes).toBeGreaterThan(12);
  });

  it('while a reader queries in a loop never shows it a row twice or not at all', async () => {
    const dir = join(root, 'd');
    await fill(dir, 'w');
    let running = true;
    let queries = 0;
    const loop = (async () => {
      while (running) {
        expect((await lakeSql(dir, COUNT)).rows).toEqual(SUM);
        queries++;
      }
    })();
    for (let k = 0; k < 4; k++) {
      const before = queries;
      await compactLake(dir, { nowUs: k, graceUs: 0, maxRows: 1000 * (k + 1) });
      // A query that began within this compaction ends before the next one.
      while (queries === before) await new Promise((done) => setImmediate(done));
    }
    running = false;
    await loop;
    expect(queries).toBeGreaterThanOrEqual(4);
    expect(await replay(dir)).toEqual(expected);
  });

  it('keeps the writers of one partition apart, under names of their own', async () => {
    const dir = join(root, 'e');
    await fill(dir, 'one', 1);
    await fill(dir, 'two', 2);
    await fill(dir, 'three', 1);
    const rows = (await replay(dir)).length;
    expect(rows).toBe(3 * o.n);
    const before = await replay(dir);
    await compactLake(dir, { nowUs: 0, graceUs: 0 });
    await compactLake(dir, { nowUs: 0, graceUs: 0 });
    expect(await replay(dir)).toEqual(before);
    expect(await verifyLake(dir)).toMatchObject({ ok: true });
  });

  it('leaves a repeated import of the original without effect', async () => {
    const dir = join(root, 'f');
    await fill(dir, 'w');
    await compactLake(dir, { nowUs: 0, graceUs: 0 });
    const version = (await listLake(dir)).version;
    await fill(dir, 'w');
    expect((await listLake(dir)).version).toBe(version);
    expect(await verifyLake(dir)).toMatchObject({ ok: true });
  });
});

describe('a writer', () => {
  it('killed at any step of a commit leaves what was committed, and a repeated run the same lake', async () => {
    const whole = join(root, 'w');
    await fill(whole, 'w');
    const version = (await listLake(whole)).version;
    let crashes = 0;
    for (let step = 0; ; step += step < 12 ? 1 : 61) {
      const dir = join(root, `w${step}`);
      const keys = new KeyTable();
      keys.declare('usdm:BTCUSDT', 1, 3);
      let died = false;
      try {
        const storage = new DyingStorage(dir, step);
        const w = await openBronzeWriter(dir, {
          writer: 'w',
          keys,
          ports: marketPorts(),
          source: 'm',
          rolling: { intervalUs: 3 * 3_600_000_000 },
          storage,
        });
        const from = syntheticBlocks(keys, { ...o, blockRows: 100 });
        for (let b = await from.read(); b; b = await from.read()) {
          await w.write(b);
          await w.commit();
        }
        await w.close();
      } catch (e) {
        expect((e as Error).message).toBe('killed');
        died = true;
        crashes++;
        const seen = await replay(dir).catch((x): string[] => {
          expect(x.code).toBe('CHM603');
          return [];
        });
        expect(seen).toEqual(expected.slice(0, seen.length));
      }
      await fill(dir, 'w');
      expect((await listLake(dir)).version).toBe(version);
      expect(await verifyLake(dir)).toMatchObject({ ok: true, orphans: [] });
      rmSync(dir, { recursive: true, force: true });
      if (!died) break;
    }
    expect(crashes).toBeGreaterThan(12);
  });
});
