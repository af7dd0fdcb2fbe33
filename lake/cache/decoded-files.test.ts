import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { openInputs } from '../decode/inputs.ts';
import { readInputs as read } from '../decode/testing/read-inputs.ts';
import { recording } from '../decode/testing/recording.ts';
import { DuckDb } from '../duckdb.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-decoded-'));
afterAll(() => rmSync(dir, { recursive: true }));
const put = (name: string, content: string | Uint8Array): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
let caches = 0;
/** A cache folder of its own, and what lies in it. */
function freshCache(more: { maxBytes?: number } = {}) {
  const at = join(dir, `cache-${caches++}`);
  const files = (): string[] => readdirSync(at).map((f) => join(at, f));
  return { options: { cache: { dir: at, leastBytes: 0, ...more } }, files };
}
const text = (lines: readonly { text: string }[]): string => `${lines.map((l) => l.text).join('\n')}\n`;

const candles = ['open_time,open,high,low,close,volume'];
for (let i = 0; i < 9000; i++) {
  const open = 20_000 + (i % 97) / 10;
  candles.push(`${1_700_000_040_000 + i * 60_000},${open},${open + 3.1},${open - 2.2},${open + 0.7},${(i % 13) / 8}`);
}
const csv = put('BTCUSDT-1m.csv', `${candles.join('\n')}\n`);
const refused = put(
  'ETHUSDT-1m.csv',
  `${candles.slice(0, 50).join('\n')}\nnot,a,candle,at,all,!\n${candles.slice(50, 90).join('\n')}\n`,
);
/** Diffs, trades and tickers with lines among them that cannot be read, and a stream that is cut off. */
const spoilt = text(recording({ lines: 6000 })).replaceAll('"q":"0.0', '"q":"x0.0');
const recorder = put('usdm.gz', gzipSync(spoilt).subarray(0, -50));
const orphans = put(
  'snapshots',
  '1700000000000001 {"lastUpdateId":9,"E":1700000000000,"T":1700000000000,"bids":[["1.5","2"]],"asks":[]}\n',
);

describe('decoded inputs that are kept', () => {
  it('begin with what killed writers left: it is removed once it is old, and nobody takes it for rows', async () => {
    const { options, files } = freshCache();
    await read([csv], options);
    const [rows] = files() as [string];
    for (const [name, age] of [
      ['old', 2 * 3_600_000],
      ['new', 0],
    ] as const) {
      writeFileSync(`${rows}.${name}.tmp`, 'half');
      const at = new Date(Date.now() - age);
      utimesSync(`${rows}.${name}.tmp`, at, at);
    }
    expect(await read([csv, refused], options)).toEqual(await read([csv, refused]));
    expect(files().filter((f) => f.endsWith('.tmp'))).toEqual([`${rows}.new.tmp`]);
  });
  it('are written by several at once, and whole whoever comes first', async () => {
    const { options, files } = freshCache();
    const plain = await read([recorder]);
    const all = await Promise.all(Array.from({ length: 4 }, () => read([recorder], options)));
    for (const one of all) expect(one).toEqual(plain);
    expect(files()).toHaveLength(1);
    expect(await read([recorder], options)).toEqual(plain);
  });

  it('give the rows, instruments and refusals that decoding gives, whatever the input and the memory', async () => {
    const parquet = join(dir, 'SOLUSDT.parquet');
    const db = await DuckDb.open();
    const c = await db.connect();
    await c.run(
      `COPY (SELECT open_time AS open_time_ms, open, high, low, close, volume FROM read_csv('${csv}')) TO '${parquet}' (FORMAT parquet)`,
    );
    db.close();
    const inputs = [[csv], [refused, csv], [recorder], [recorder, csv, parquet], [orphans, recorder]];
    for (const paths of inputs) {
      const { options, files } = freshCache();
      const plain = await read(paths);
      for (const memoryBudget of [undefined, 100_000]) {
        const more = memoryBudget === undefined ? {} : { memoryBudget };
        expect(await read(paths, { ...options, ...more })).toEqual(plain);
        expect(files()).toHaveLength(paths.length);
        const seen = files().map((f) => [f, statSync(f).ino]);
        expect(await read(paths, { ...options, ...more })).toEqual(plain);
        // Nothing was decoded the second time: nothing was written anew.
        expect(files().map((f) => [f, statSync(f).ino])).toEqual(seen);
        for (const f of files()) rmSync(f);
      }
    }
  });

  it('can be read again from the beginning, and from any row on', async () => {
    const { options } = freshCache();
    const plain = await read([recorder, csv]);
    await read([recorder, csv], options);
    const keys = new KeyTable();
    const reader = await openInputs([recorder, csv], keys, options);
    for (const at of [5000, 17, 9000, -1]) {
      await reader.seek!(at);
      const block = await reader.read();
      expect(block!.seq0).toBe(at + 1);
      expect(block!.t[0]).toBe(plain.rows[at + 1]!.t);
    }
    await reader.close();
  });

  it('are of these bytes, this path and these options alone', async () => {
    const { options, files } = freshCache();
    await read([csv], options);
    await read([csv], { ...options, market: 'spot' });
    await read([csv], { ...options, symbols: ['BTCUSDT'] });
    await read([csv], { ...options, streams: ['candle'] });
    await read([put('XRPUSDT-1m.csv', readFileSync(csv))], options);
    expect(files()).toHaveLength(5);
    const other = put('changed-1m.csv', readFileSync(csv));
    await read([other], options);
    put('changed-1m.csv', readFileSync(csv, 'utf8').replace('20000,', '20000.5,'));
    expect(await read([other], options)).toEqual(await read([other]));
    expect(files()).toHaveLength(7);
  });

  it('are made anew when a byte of them is not what was written, or something is missing', async () => {
    const { options, files } = freshCache();
    const plain = await read([recorder]);
    await read([recorder], options);
    const [file] = files() as [string];
    const whole = readFileSync(file);
    for (const at of [0, 9, 13, 16, 1000, Math.floor(whole.length / 2), whole.length - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x40;
      writeFileSync(file, damaged);
      expect(await read([recorder], options)).toEqual(plain);
      expect(readFileSync(file).equals(whole)).toBe(true);
    }
    for (const size of [0, 10, 20, whole.length - 1]) {
      truncateSync(file, size);
      expect(await read([recorder], options)).toEqual(plain);
      expect(readFileSync(file).equals(whole)).toBe(true);
    }
  });

  it('take no more room than they may: those unused for longest go, and what is too large is not kept', async () => {
    const { options, files } = freshCache();
    await read([csv], options);
    const size = statSync(files()[0]!).size;
    const small = { cache: { ...options.cache, maxBytes: size + 10 } };
    await read([put('AAAUSDT-1m.csv', readFileSync(csv))], small);
    expect(files()).toHaveLength(1);
    const tiny = freshCache({ maxBytes: 1000 });
    expect(await read([csv], tiny.options)).toEqual(await read([csv]));
    expect(tiny.files()).toEqual([]);
  });

  it('are not needed: where nothing can be written every run decodes', async () => {
    const options = { cache: { dir: join(csv, 'below-a-file'), leastBytes: 0 } };
    expect(await read([csv], options)).toEqual(await read([csv]));
  });
});
