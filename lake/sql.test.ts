import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../graph/schema/index.ts';
import { openBronzeWriter } from './bronze-writer.ts';
import { listLake, verifyLake } from './inspect.ts';
import { type FileEntry, readLake } from './manifest.ts';
import { formatSql, lakeSql } from './sql.ts';
import { LocalStorage } from './storage.ts';
import { marketPorts, syntheticBlocks } from './synthetic-blocks.ts';

const root = mkdtempSync(join(tmpdir(), 'sql-'));
const dir = join(root, 'it’s a lake');
let files: FileEntry[];
/** Independent of the lake: px sums and counts from the blocks themselves. */
let pxSum = 0;
let trades = 0;
let levels = 0;
beforeAll(async () => {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  keys.declare('spot:ETHUSDT', 2, 4);
  const w = await openBronzeWriter(dir, {
    writer: 'w',
    keys,
    ports: marketPorts(),
    source: 'm',
    rolling: { maxRows: 400 },
  });
  const from = syntheticBlocks(keys, { n: 6000, weights: { trade: 3, depth: 2, dead_letter: 1 }, stepUs: 30_000_000 });
  const trade = from.ports.findIndex((p) => p.name === 'trade');
  const depth = from.ports.findIndex((p) => p.name === 'depth');
  for (let b = await from.read(); b; b = await from.read()) {
    for (let i = 0; i < b.n; i++) {
      const columns = b.ports[b.port[i]!]!.columns;
      if (b.port[i] === trade && keys.at(b.key[i]!).name === 'usdm:BTCUSDT') {
        trades++;
        pxSum += (columns[1] as Float64Array)[b.row[i]!]!;
      }
      if (b.port[i] === depth) {
        const bids = columns[5] as { offsets: Int32Array };
        levels += bids.offsets[b.row[i]! + 1]! - bids.offsets[b.row[i]!]!;
      }
    }
    await w.write(b);
  }
  files = (await w.close()).files;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('lakeSql', () => {
  it('answers over all files of a dataset with exact decimals, lists and partition columns', async () => {
    const r = await lakeSql(
      dir,
      `SELECT count(*) AS n, round(sum(px) * 10) AS px, min(key) AS key, any_value(market) AS market FROM trade WHERE symbol = 'BTCUSDT'`,
    );
    expect(r.columns).toEqual(['n', 'px', 'key', 'market']);
    expect(r.rows).toEqual([[trades, pxSum, 'usdm:BTCUSDT', 'usdm']]);
    expect((await lakeSql(dir, 'SELECT sum(len(bid_px)) FROM bronze.depth')).rows).toEqual([[levels]]);
    const t = await lakeSql(dir, 'SELECT t_avail_us, date FROM trade ORDER BY seq LIMIT 1');
    expect(String(t.rows[0]![0])).toMatch(/^2024-08-0[89] \d\d:\d\d:\d\d(\.\d+)?\+00$/);
  });
  it('describes, explains and summarises', async () => {
    const d = await lakeSql(dir, 'DESCRIBE trade');
    expect(d.rows.slice(0, 8).map((r) => [r[0], r[1]])).toEqual([
      ['source', 'VARCHAR'],
      ['seq', 'BIGINT'],
      ['t_avail_us', 'TIMESTAMP WITH TIME ZONE'],
      ['key', 'VARCHAR'],
      ['id', 'BIGINT'],
      ['px', 'DOUBLE'],
      ['qty', 'DOUBLE'],
      ['side', 'VARCHAR'],
    ]);
    await expect(lakeSql(dir, 'EXPLAIN SELECT * FROM trade')).resolves.toBeDefined();
    await expect(lakeSql(dir, 'SUMMARIZE SELECT px, qty FROM trade')).resolves.toMatchObject({ truncated: false });
  });
  it('lets nothing be written, and nothing be read outside the lake', async () => {
    writeFileSync(join(root, 'secret.csv'), 'a\n1\n');
    for (const q of [
      `COPY trade TO '${join(root, 'out.csv').replaceAll("'", "''")}'`,
      'DROP VIEW trade',
      'CREATE TABLE x (a INT)',
      'SELECT 1; SELECT 2',
      `ATTACH '${join(root, 'x.db').replaceAll("'", "''")}'`,
      `SET threads = 4`,
      `INSTALL httpfs`,
      `CALL pragma_version()`,
    ])
      await expect(lakeSql(dir, q), q).rejects.toMatchObject({ code: expect.stringMatching(/^CHM61[34]$/) });
    for (const f of [join(root, 'secret.csv'), '/etc/passwd', join(dir, '..', 'secret.csv')])
      await expect(lakeSql(dir, `SELECT * FROM read_csv('${f.replaceAll("'", "''")}')`), f).rejects.toMatchObject({
        code: 'CHM613',
      });
    await expect(lakeSql(dir, `SELECT * FROM read_parquet('https://example.org/x.parquet')`)).rejects.toMatchObject({
      code: 'CHM613',
    });
    expect(existsSync(join(root, 'out.csv'))).toBe(false);
  });
  it('answers a mistake with the engine’s own words', async () => {
    await expect(lakeSql(dir, 'SELECT pxx FROM trade')).rejects.toMatchObject({
      code: 'CHM613',
      message: expect.stringContaining('pxx'),
    });
    await expect(lakeSql(dir, 'SELEC 1')).rejects.toMatchObject({ code: 'CHM613' });
    await expect(lakeSql(join(root, 'nothing'), 'SELECT 1')).rejects.toMatchObject({ code: 'CHM603' });
  });
  it('prints tables, JSON and CSV', async () => {
    const r = await lakeSql(
      dir,
      `SELECT 1 AS n, 'a "b", c' AS t, NULL AS z, [1.5, 2]::DOUBLE[] AS l UNION ALL SELECT 20, 'd', 3, []::DOUBLE[] ORDER BY n`,
    );
    expect(formatSql(r, 'csv')).toBe('n,t,z,l\n1,"a ""b"", c",,"[1.5,2]"\n20,d,3,[]\n');
    expect(JSON.parse(formatSql(r, 'json'))).toEqual([
      { n: 1, t: 'a "b", c', z: null, l: [1.5, 2] },
      { n: 20, t: 'd', z: 3, l: [] },
    ]);
    expect(formatSql(r, 'table').split('\n')).toEqual([
      ' n  t         z  l',
      '--  --------  -  -------',
      ' 1  a "b", c     [1.5,2]',
      '20  d         3  []',
      '2 rows',
      '',
    ]);
    expect(formatSql(await lakeSql(dir, 'FROM range(10)', { maxRows: 3 }), 'table')).toContain('… more than 3 rows');
  });
});

describe('verify and ls', () => {
  const damage = async (
    change: (path: string) => void | Promise<void>,
  ): Promise<Awaited<ReturnType<typeof verifyLake>>> => {
    const path = join(dir, files[0]!.path);
    const good = readFileSync(path);
    try {
      await change(path);
      return await verifyLake(dir);
    } finally {
      writeFileSync(path, good);
    }
  };
  it('list what there is', async () => {
    const s = await listLake(dir);
    expect(s.datasets.map((d) => [d.dataset, d.tier, d.keys])).toEqual([
      ['dead_letter', 'bronze', ['spot:ETHUSDT', 'usdm:BTCUSDT']],
      ['depth', 'bronze', ['spot:ETHUSDT', 'usdm:BTCUSDT']],
      ['trade', 'bronze', ['spot:ETHUSDT', 'usdm:BTCUSDT']],
    ]);
    expect(s.datasets.reduce((n, d) => n + d.rows, 0)).toBe(6000);
    expect(s.datasets.every((d) => d.first_us >= 1_723_161_255_000_000 && d.last_us > d.first_us)).toBe(true);
  });
  it('find nothing wrong with an intact lake', async () => {
    expect(await verifyLake(dir)).toMatchObject({
      ok: true,
      files: files.length,
      rows: 6000,
      problems: [],
      orphans: [],
    });
  });
  it('name a flipped byte, a cut, a missing file, a swapped one, an orphan: all at once', async () => {
    const flip = await damage((p) => {
      const b = readFileSync(p);
      b[b.length >> 1]! ^= 1;
      writeFileSync(p, b);
    });
    expect(flip).toMatchObject({ ok: false });
    expect(flip.problems).toContainEqual(expect.objectContaining({ code: 'CHM608', file: files[0]!.path }));
    const cut = await damage((p) => truncateSync(p, 50));
    expect(cut.problems.map((x) => x.code)).toEqual(['CHM608', 'CHM604']);
    const gone = await damage((p) => rmSync(p));
    expect(gone.problems.map((x) => [x.code, x.file])).toEqual([['CHM609', files[0]!.path]]);
    const swapped = await damage((p) => copyFileSync(join(dir, files[3]!.path), p));
    expect(swapped.problems.every((x) => x.file === files[0]!.path)).toBe(true);
    const orphan = join(dir, dirname(files[0]!.path), 'copied.parquet');
    const stray = await damage((p) => copyFileSync(p, orphan));
    expect(stray).toMatchObject({
      ok: false,
      problems: [],
      orphans: [join(dirname(files[0]!.path), 'copied.parquet')],
    });
    // An orphan is no part of the lake: no query counts it.
    expect((await lakeSql(dir, 'SELECT count(*) FROM trade')).rows[0]![0]).toBe(
      files.filter((f) => f.dataset === 'trade').reduce((n, f) => n + f.rows, 0),
    );
    rmSync(orphan);
  });
});

describe('a full disk', () => {
  const fill = async (lake: string, before: (n: number) => void = () => undefined) => {
    const keys = new KeyTable();
    keys.declare('usdm:BTCUSDT', 1, 3);
    const w = await openBronzeWriter(lake, {
      writer: 'w',
      keys,
      ports: marketPorts(),
      source: 'm',
      rolling: { intervalUs: 3_000_000 },
    });
    const from = syntheticBlocks(keys, { n: 5000, weights: { trade: 1 }, blockRows: 500 });
    try {
      for (let b = await from.read(); b; b = await from.read()) {
        before(b.seq0);
        await w.write(b);
        await w.commit();
      }
      return await w.close();
    } catch (e) {
      await w.abort();
      throw e;
    }
  };
  it.skipIf(!existsSync('/dev/full'))(
    'stops with a code, keeps what was committed, and the next run completes it',
    async () => {
      const whole = await fill(join(root, 'whole'));
      const lake = join(root, 'full');
      const { symlinkSync } = await import('node:fs');
      let planted = false;
      await expect(
        fill(lake, (seq) => {
          if (planted || seq < 2500) return;
          planted = true;
          // The next files that DuckDB makes in the staging folder lead to a device that is always full.
          const staging = join(lake, '_staging/w');
          mkdirSync(staging, { recursive: true });
          for (let n = 0; n < 50; n++)
            if (!existsSync(join(staging, `${n}.parquet`))) symlinkSync('/dev/full', join(staging, `${n}.parquet`));
        }),
      ).rejects.toMatchObject({ code: 'CHM605' });
      expect(existsSync('/dev/full')).toBe(true);
      const v = await verifyLake(lake);
      expect(v).toMatchObject({ ok: true });
      expect(v.rows).toBeGreaterThan(500);
      expect(v.rows).toBeLessThan(5000);
      expect(await fill(lake)).toEqual(whole);
    },
  );
  it('while a manifest is written leaves no half manifest', async () => {
    const lake = join(root, 'manifest');
    class Full extends LocalStorage {
      override async putIfAbsent(name: string, data: Uint8Array): Promise<boolean> {
        if (!name.startsWith('_manifest')) return super.putIfAbsent(name, data);
        // What a full device does: the temporary file gets some of the bytes, and the call fails.
        mkdirSync(dirname(this.url(name)), { recursive: true });
        appendFileSync(`${this.url(name)}.1.1.tmp`, data.subarray(0, 20));
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      }
    }
    const keys = new KeyTable();
    keys.declare('usdm:BTCUSDT', 1, 3);
    const w = await openBronzeWriter(lake, {
      writer: 'w',
      keys,
      ports: marketPorts(),
      source: 'm',
      storage: new Full(lake),
    });
    await w.write((await syntheticBlocks(keys, { n: 100 }).read())!);
    await expect(w.close()).rejects.toThrow('no space left');
    expect((await readLake(new LocalStorage(lake))).files).toEqual([]);
    await fill(lake);
    expect(await verifyLake(lake)).toMatchObject({ ok: true, rows: 5000, orphans: [] });
  });
});
