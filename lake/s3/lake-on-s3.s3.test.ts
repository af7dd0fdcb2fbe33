import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { blockRows } from '../block-rows.ts';
import { openBronzeWriter } from '../bronze-writer.ts';
import { compactLake } from '../compact.ts';
import { openInputs } from '../decode/inputs.ts';
import { recording } from '../decode/testing/recording.ts';
import { importFiles } from '../import.ts';
import { listLake, verifyLake } from '../inspect.ts';
import { InputCodec } from '../journal/input-codec.ts';
import { JournalWriter } from '../journal/journal-writer.ts';
import { sealJournal } from '../journal/seal.ts';
import { openLake } from '../open-lake.ts';
import { lakeSql } from '../sql.ts';
import { LocalStorage, type ObjectStorage } from '../storage.ts';
import { marketPorts, syntheticBlocks } from '../synthetic-blocks.ts';
import { isS3Address } from './s3-options.ts';
import { S3Storage } from './s3-storage.ts';
import { FaultProxy } from './testing/fault-proxy.ts';
import { onMinio } from './testing/minio-suite.ts';

// About two and a half days; the third is still open.
const ROWS = { n: 4000, stepUs: 54_000_000, weights: { trade: 5, depth: 3 } };
const keyTable = (): KeyTable => {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  return keys;
};
const COUNT = `SELECT (SELECT count(*) FROM trade) + (SELECT count(*) FROM depth) AS n,
  (SELECT sum(seq) FROM trade) + (SELECT sum(seq) FROM depth) AS s`;
const SUM = [[ROWS.n, (ROWS.n * (ROWS.n - 1)) / 2]];

async function fill(address: string, storage: ObjectStorage, hours = 3, resume = false): Promise<void> {
  const keys = keyTable();
  const w = await openBronzeWriter(address, {
    writer: 'w',
    keys,
    ports: marketPorts(),
    source: 'm',
    rolling: { intervalUs: hours * 3_600_000_000 },
    storage,
    resume,
  });
  try {
    const from = syntheticBlocks(keys, { ...ROWS, blockRows: 100 });
    for (let b = await from.read(); b; b = await from.read()) {
      await w.write(b);
      await w.commit();
    }
    await w.close();
  } catch (e) {
    await w.abort().catch(() => undefined);
    throw e;
  }
}
async function replay(address: string, storage: ObjectStorage): Promise<string[]> {
  const keys = new KeyTable();
  const reader = await openLake(address, { storage }, keys);
  const rows = await blockRows(reader, keys);
  await reader.close();
  return rows;
}
/** Every object of a lake with the hash of its bytes. */
async function contents(storage: ObjectStorage): Promise<string[]> {
  const out: string[] = [];
  for (const name of await storage.list('')) {
    if (name.startsWith('_probe/')) continue;
    out.push(
      `${createHash('sha256')
        .update(await storage.get(name))
        .digest('hex')} ${name}`,
    );
  }
  return out;
}

onMinio('a lake on S3', (suite) => {
  let expected: string[];
  let ready: S3Storage;
  let folder: LocalStorage;
  const at = (s: S3Storage): string => `s3://${s.bucket}/${s.prefix}`;
  beforeAll(async () => {
    const keys = keyTable();
    expected = await blockRows(syntheticBlocks(keys, ROWS), keys);
    folder = new LocalStorage(join(suite.dir, 'folder'));
    await fill(folder.root, folder);
    ready = await suite.storage();
    await fill(at(ready), ready);
  });

  it('holds what a folder holds, object for object and byte for byte', async () => {
    expect(await contents(ready)).toEqual(await contents(folder));
    expect((await contents(ready)).length).toBeGreaterThan(40);
    expect(await listLake(at(ready), ready)).toEqual(await listLake(folder.root, folder));
  });

  it('is replayed row for row, by range too, and verified', async () => {
    expect(await replay(at(ready), ready)).toEqual(expected);
    const mid = 1_723_161_255_000_000 + (ROWS.n / 2) * ROWS.stepUs;
    const range = { fromUs: mid, toUs: mid + 3_600_000_000, numbering: 'dense' as const };
    const rowsOf = async (address: string, storage: ObjectStorage): Promise<string[]> => {
      const keys = new KeyTable();
      const reader = await openLake(address, { ...range, storage }, keys);
      const rows = await blockRows(reader, keys);
      await reader.close();
      return rows;
    };
    const rows = await rowsOf(at(ready), ready);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows).toEqual(await rowsOf(folder.root, folder));
    expect(await verifyLake(at(ready), { storage: ready })).toMatchObject({ ok: true, problems: [], orphans: [] });
  });

  it('is an input like a folder', async () => {
    const rowsOf = async (path: string): Promise<string[]> => {
      const keys = new KeyTable();
      const reader = await openInputs([path], keys, {
        openLake: (at, selection, table) =>
          openLake(at, isS3Address(at) ? { ...selection, storage: ready } : selection, table),
      });
      const rows = await blockRows(reader, keys);
      await reader.close();
      return rows;
    };
    expect(await rowsOf(at(ready))).toEqual(expected);
    expect(await rowsOf(folder.root)).toEqual(expected);
  });

  it('is replayed by several at once within a cache smaller than the lake', async () => {
    const { datasets } = await listLake(at(ready), ready);
    const bytes = datasets.reduce((a, d) => a + d.bytes, 0);
    let downloads = 0;
    const small = new S3Storage(
      at(ready),
      suite.options({ cacheBytes: bytes / 10, onEvent: (e) => void (e.kind === 'download' && downloads++) }),
    );
    const all = await Promise.all([1, 2, 3].map(() => replay(at(ready), small)));
    for (const rows of all) expect(rows).toEqual(expected);
    const files = datasets.reduce((a, d) => a + d.files, 0);
    expect(downloads).toBeGreaterThanOrEqual(files);
    const large = new S3Storage(at(ready), suite.options({ onEvent: (e) => void (e.kind === 'download' && again++) }));
    let again = 0;
    await replay(at(ready), large);
    expect(again).toBe(files);
    await replay(at(ready), large);
    expect(again).toBe(files);
    small.close();
    large.close();
  });

  it('answers SQL as the folder does, and brings here only what the statement names', async () => {
    const queries = [
      COUNT,
      'SELECT market, symbol, date, count(*) AS n FROM trade GROUP BY ALL ORDER BY ALL',
      'DESCRIBE depth',
      'SHOW TABLES',
      'SELECT column_name FROM information_schema.columns ORDER BY ALL',
      "SELECT count(*) FROM query_table('tra' || 'de')",
    ];
    for (const q of queries)
      expect((await lakeSql(at(ready), q, { storage: ready })).rows, q).toEqual((await lakeSql(folder.root, q)).rows);
    let downloads = 0;
    const s = new S3Storage(at(ready), suite.options({ onEvent: (e) => void (e.kind === 'download' && downloads++) }));
    await lakeSql(at(ready), 'SELECT count(*) FROM trade', { storage: s });
    const { datasets } = await listLake(at(ready), s);
    expect(downloads).toBe(datasets.find((d) => d.dataset === 'trade')!.files + 1);
    const outside = join(suite.dir, 'outside.csv');
    writeFileSync(outside, 'a\n1\n');
    await expect(lakeSql(at(ready), `SELECT * FROM '${outside}'`, { storage: s })).rejects.toMatchObject({
      code: 'CHM613',
    });
    s.close();
  });

  it('without a connection is refused, and no folder of its name is made', async () => {
    const none = expect.objectContaining({ code: 'CHM644' });
    await expect(openLake(at(ready), {}, new KeyTable())).rejects.toEqual(none);
    await expect(lakeSql(at(ready), 'SELECT 1')).rejects.toEqual(none);
    await expect(
      openBronzeWriter(at(ready), { writer: 'w', keys: new KeyTable(), ports: [], source: 'm' }),
    ).rejects.toEqual(none);
  });

  it('that is none yet says so', async () => {
    const empty = await suite.storage();
    await expect(replay(at(empty), empty)).rejects.toMatchObject({ code: 'CHM603' });
  });

  it('imports files as a folder does', async () => {
    const path = join(suite.dir, 'recording');
    writeFileSync(
      path,
      recording({ lines: 1500, seed: 7 })
        .map((l) => `${l.text}\n`)
        .join(''),
    );
    const s3 = await suite.storage();
    const to = join(suite.dir, 'imported');
    const options = { openWriter: openBronzeWriter };
    const a = await importFiles([path], { ...options, to: at(s3), storage: s3, keys: new KeyTable() });
    const b = await importFiles([path], { ...options, to, keys: new KeyTable() });
    expect(a.content_sha256).toBe(b.content_sha256);
    expect(await contents(s3)).toEqual(await contents(new LocalStorage(to)));
  });

  it('takes the sealed journal of a run as a folder does, byte for byte, and a repetition changes nothing', async () => {
    const journal = join(suite.dir, 'journal');
    mkdirSync(journal);
    const keys = keyTable();
    const codec = new InputCodec(marketPorts());
    const blocks = syntheticBlocks(keys, { n: 3000, blockRows: 500 });
    for (let b = await blocks.read(); b; b = await blocks.read()) {
      const w = JournalWriter.open(journal, { clock: () => 0 });
      for (let i = 0; i < b.n; i++) w.append(b.seq0 + i, b.t[i]!, 0, codec.encode(b, i));
      w.flush();
      w.close();
    }
    const seal = (lake: string, storage?: ObjectStorage) =>
      sealJournal(journal, lake, {
        writer: 'journal-m',
        source: 'm',
        keys: keyTable(),
        decoder: new InputCodec(marketPorts()),
        ...(storage ? { storage } : {}),
      });
    const s3 = await suite.storage();
    const to = join(suite.dir, 'sealed');
    await seal(at(s3), s3);
    await seal(to);
    const sealed = await contents(s3);
    expect(sealed).toEqual(await contents(new LocalStorage(to)));
    expect(sealed.length).toBeGreaterThan(5);
    await seal(at(s3), s3);
    expect(await contents(s3)).toEqual(sealed);
    expect(await replay(at(s3), s3)).toHaveLength(3000);
  });

  describe('under compaction', () => {
    it('never shows a reader a row twice or not at all, while it counts in a loop', async () => {
      const s = await suite.storage();
      await fill(at(s), s);
      const reader = new S3Storage(at(s), suite.options());
      let running = true;
      let queries = 0;
      const loop = (async () => {
        while (running) {
          expect((await lakeSql(at(s), COUNT, { storage: reader })).rows).toEqual(SUM);
          queries++;
        }
      })();
      for (let k = 0; k < 4; k++) {
        const before = queries;
        await compactLake(at(s), { nowUs: k, graceUs: 0, maxRows: 1000 * (k + 1), storage: s });
        // A query that began within this compaction ends before the next one.
        while (queries === before) await new Promise((done) => setImmediate(done));
      }
      running = false;
      await loop;
      expect(queries).toBeGreaterThanOrEqual(4);
      expect(await replay(at(s), s)).toEqual(expected);
      expect(await verifyLake(at(s), { storage: s })).toMatchObject({ ok: true, orphans: [] });
      reader.close();
    });

    it('lets a reader of an older view read on, from where the files were moved', async () => {
      const s = await suite.storage();
      await fill(at(s), s);
      const keys = new KeyTable();
      const old = await openLake(at(s), { storage: new S3Storage(at(s), suite.options()) }, keys);
      await compactLake(at(s), { nowUs: 0, graceUs: 0, storage: s });
      expect((await s.list('_trash')).length).toBeGreaterThan(20);
      expect(await blockRows(old, keys)).toEqual(expected);
      await old.close();
    });

    it('makes the files that it makes of a folder', async () => {
      const s = await suite.storage();
      await fill(at(s), s);
      const local = new LocalStorage(join(suite.dir, 'compacted'));
      await fill(local.root, local);
      const options = { nowUs: 5, graceUs: 0, keepUs: 1 };
      expect(await compactLake(at(s), { ...options, storage: s })).toEqual(await compactLake(local.root, options));
      expect(await contents(s)).toEqual(await contents(local));
    });
  });

  describe('whose server is killed', () => {
    let proxy: FaultProxy;
    let whole: string[];
    const HOURS = 12;
    beforeAll(async () => {
      proxy = await FaultProxy.start(suite.server.endpoint);
      const local = new LocalStorage(join(suite.dir, 'whole'));
      await fill(local.root, local, HOURS);
      whole = await contents(local);
    });
    afterAll(async () => {
      await proxy?.stop();
    });

    // Before and after the n-th change of the store: an intent, files, the manifest, the intent's removal, of each commit.
    const moments = [3, 4, 5, 6, 8, 9, 11, 17, 30].flatMap((n) => [
      { n, served: false },
      { n, served: true },
    ]);
    it('at any moment of a commit: all or nothing of it is there, and a repetition makes the same lake', async () => {
      const prefixes = new Set<number>();
      for (const { n, served } of moments) {
        const s = await suite.storage();
        const cacheDir = join(suite.dir, `killed-${n}-${served}`);
        const victim = new S3Storage(at(s), {
          ...suite.options({ retryMs: [], cacheDir }),
          endpoint: proxy.endpoint,
        });
        let changes = 0;
        let killed: Promise<void> | undefined;
        proxy.decide = async (r) => {
          if (r.method !== 'PUT' && r.method !== 'DELETE') return 'pass';
          if (++changes < n) return 'pass';
          // The last that the store does: its answer reaches nobody.
          if (changes === n && served) return 'cut-after';
          killed ??= suite.server.kill();
          await killed;
          return 'cut-before';
        };
        await expect(fill(at(s), victim, HOURS)).rejects.toMatchObject({ code: 'CHM640' });
        killed ??= suite.server.kill();
        await killed;
        await suite.server.start();
        proxy.decide = () => 'pass';
        victim.close();

        const seen = await replay(at(s), s).catch((e): string[] => {
          expect(e.code).toBe('CHM603');
          return [];
        });
        expect(seen).toEqual(expected.slice(0, seen.length));
        prefixes.add(seen.length);
        const again = new S3Storage(at(s), suite.options({ cacheDir }));
        await fill(at(s), again, HOURS, n % 2 === 0);
        expect(await contents(s), `killed ${served ? 'after' : 'before'} change ${n}`).toEqual(whole);
        again.close();
        rmSync(cacheDir, { recursive: true, force: true });
      }
      expect(prefixes.size).toBeGreaterThan(3);
    });

    it('and started again in time is not noticed by the writer', async () => {
      const s = await suite.storage();
      const patient = new S3Storage(at(s), {
        ...suite.options({ retryMs: [50, 100, 200, 400, 800, 1600] }),
        endpoint: proxy.endpoint,
      });
      let changes = 0;
      let back: Promise<void> | undefined;
      proxy.decide = (r) => {
        if ((r.method === 'PUT' || r.method === 'DELETE') && ++changes === 9)
          back = suite.server.kill().then(() => suite.server.start());
        return 'pass';
      };
      await fill(at(s), patient, HOURS);
      await back;
      expect(back).toBeDefined();
      expect(await contents(s)).toEqual(whole);
      patient.close();
    });
  });
});
