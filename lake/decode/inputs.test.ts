import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { type BlockReader, ChimeraError, KeyTable, LARGE_BLOCK_ROWS } from '../../graph/schema/index.ts';
import { DuckDb } from '../duckdb.ts';
import { type InputOptions, openInputs } from './inputs.ts';
import { type PlainRow, readAll } from './testing/decode-lines.ts';
import { readInputs as read } from './testing/read-inputs.ts';
import { recording } from './testing/recording.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-inputs-'));
afterAll(() => rmSync(dir, { recursive: true }));
const put = (name: string, content: string | Uint8Array): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const code = async (p: Promise<unknown>): Promise<string> =>
  p.then(
    () => 'none',
    (e) => (e instanceof ChimeraError ? e.code : String(e)),
  );
const text = (lines: readonly { text: string }[]): string => `${lines.map((l) => l.text).join('\n')}\n`;
const sameRows = (a: readonly PlainRow[]): unknown[] => a.map(({ seq: _s, ...r }) => r);

describe('what a file is', () => {
  const lines = recording({ lines: 300 });
  it('is found from its content: plain, compressed and zipped give the same rows under any name', async () => {
    const plain = await read([put('a.bin', text(lines))]);
    const gz = await read([put('b.csv', gzipSync(text(lines)))]);
    const zip = await read([put('c.txt', zipSync({ 'x/y.log': Buffer.from(text(lines)) }))]);
    expect(plain.rows).toHaveLength(300);
    expect(gz.rows).toEqual(plain.rows);
    expect(zip.rows).toEqual(plain.rows);
    expect(plain.keys).toEqual(['usdm:BTCUSDT 1 3']);
    expect(plain.quality).toEqual({ bad_input: [], out_of_order: 0 });
  });
  it('may be unusable', async () => {
    expect(await code(read([join(dir, 'absent')]))).toBe('CHM670');
    expect(await code(read([put('empty', '')]))).toBe('CHM671');
    expect(await code(read([put('prose.csv', 'It was a dark\nand stormy night\n')]))).toBe('CHM671');
    expect(await code(read([put('doc.json', '{\n "a": [1,2,3]\n}\n')]))).toBe('CHM671');
    expect(await code(read([dir]))).toBe('CHM671');
    expect(await code(read(['/dev/null']))).toBe('CHM671');
    expect(await code(read([put('stub.gz', gzipSync(text(lines)).subarray(0, 20))]))).toBe('CHM671');
    expect(await code(read([put('two.zip', zipSync({ a: Buffer.from('x'), b: Buffer.from('y') }))]))).toBe('CHM673');
    expect(await code(read([put('cut.zip', zipSync({ a: Buffer.from(text(lines)) }).subarray(0, 200))]))).toBe(
      'CHM673',
    );
    expect(await code(read([put('cut.parquet', 'PAR1 and then nothing')]))).toBe('CHM675');
  });
  it('does not match its checksum: refused as a whole', async () => {
    const content = zipSync({
      'a.csv': Buffer.from('id,price,qty,quote_qty,time,is_buyer_maker\n1,78153.0,0.001,78.153,1789430400003,false\n'),
    });
    const path = put('sum.zip', content);
    const sum = createHash('sha256').update(content).digest('hex');
    put('sum.zip.CHECKSUM', `${sum}  sum.zip\n`);
    expect((await read([path])).rows).toHaveLength(1);
    put('sum.zip.CHECKSUM', `${sum.replace(/^./, (c) => (c === '0' ? '1' : '0'))}  sum.zip\n`);
    expect(await code(read([path]))).toBe('CHM672');
  });
});

describe('damage', () => {
  it('of a compressed file keeps what was before it, and is one entry', async () => {
    const lines = recording({ lines: 3000 });
    const whole = await read([put('whole', text(lines))]);
    const gz = gzipSync(text(lines));
    for (const cut of [0.3, 0.7, 0.95]) {
      const { rows, quality } = await read([put('cut.gz', gz.subarray(0, Math.floor(gz.length * cut)))]);
      const good = rows.filter((r) => r.port !== 'dead_letter');
      expect(good.length).toBeGreaterThan(3000 * cut * 0.8);
      expect(good).toEqual(whole.rows.slice(0, good.length));
      expect(quality.bad_input).toMatchObject([{ code: 'CHM662', line: good.length + 1 }]);
      expect(rows).toHaveLength(good.length + 1);
    }
  });
  it('of the last line is one entry', async () => {
    const t = text(recording({ lines: 50 }));
    const { rows, quality } = await read([put('half', t.slice(0, -20))]);
    expect(rows).toHaveLength(50);
    expect(quality.bad_input).toMatchObject([{ code: 'CHM650', line: 50 }]);
  });
  it('is an error at once under strict', async () => {
    const path = put('strict', `${text(recording({ lines: 5 }))}1700000000999999 {"e":"x"}\n`);
    expect(await code(read([path], { strict: true }))).toBe('CHM677');
    expect(await code(read([path]))).toBe('none');
  });
});

describe('instruments', () => {
  const snapshot =
    '1700000000000001 {"lastUpdateId":9,"E":1700000000000,"T":1700000000000,"bids":[["1.5","2"]],"asks":[]}';
  it('of snapshots without symbol are the file’s only one, before or behind it', async () => {
    const { rows } = await read([
      put('s1', `${snapshot}\n${text(recording({ lines: 5, symbol: 'ETHUSDT', snapshot: false }))}`),
    ]);
    expect(rows[0]).toMatchObject({ port: 'depth_snapshot', key: 'usdm:ETHUSDT' });
  });
  it('of snapshots are taken from the run’s other files when their own names none', async () => {
    const { rows } = await read([
      put('s2', `${snapshot}\n`),
      put('s3', text(recording({ lines: 5, symbol: 'ETHUSDT' }))),
    ]);
    expect(rows.find((r) => r.port === 'depth_snapshot')).toMatchObject({ key: 'usdm:ETHUSDT' });
  });
  it('of snapshots in a file of several symbols are unknown: a bad line in its place', async () => {
    const a = recording({ lines: 5, symbol: 'ETHUSDT', snapshot: false });
    const b = recording({ lines: 5, symbol: 'BTCUSDT', snapshot: false, startUs: 1_700_000_001_000_000 });
    const { rows, quality } = await read([
      put('s4', `${text(a)}1700000000500001 {"lastUpdateId":9,"bids":[["1.5","2"]],"asks":[]}\n${text(b)}`),
    ]);
    expect(rows).toHaveLength(11);
    expect(rows[5]).toMatchObject({ seq: 5, port: 'dead_letter', key: '', values: { code: 'CHM659', line: 6 } });
    expect(quality.bad_input).toMatchObject([{ line: 6, code: 'CHM659' }]);
  });
  it('are told apart by market, one market a file even where single frames do not tell', async () => {
    const spot = recording({ lines: 200, market: 'spot', seed: 5 });
    const usdm = recording({ lines: 200, seed: 6 });
    // A diff that lost its `pu` stays with its file's market.
    usdm[20] = {
      kind: 'depth',
      text: usdm[20]!.text.replace(
        /^(\d+) .*/,
        '$1 {"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}',
      ),
    };
    const kline =
      '1700000009000000 {"e":"kline","E":1700000009000,"s":"BTCUSDT","k":{"t":1700000000000,"T":1700000059999,"s":"BTCUSDT","i":"1m","f":-1,"L":-1,"o":"2","c":"2","h":"2","l":"2","v":"0","n":0,"x":false,"q":"0","V":"0","Q":"0"}}';
    const { rows, keys } = await read([put('m1', text(spot)), put('m2', `${text(usdm)}${kline}\n`)]);
    expect(keys.map((k) => k.split(' ')[0])).toEqual(['spot:BTCUSDT', 'usdm:BTCUSDT']);
    expect(rows.filter((r) => r.key === 'spot:BTCUSDT')).toHaveLength(200);
    expect(rows.filter((r) => r.port === 'kline')).toMatchObject([{ key: 'usdm:BTCUSDT' }]);
  });
  it('of both markets in one file are told apart frame by frame', async () => {
    const lines = [...recording({ lines: 200, market: 'spot' }), ...recording({ lines: 200, seed: 6 })].sort((a, b) =>
      a.text < b.text ? -1 : 1,
    );
    const { rows } = await read([put('m3', text(lines.filter((l) => l.kind !== 'snapshot')))]);
    const count = (key: string): number => rows.filter((r) => r.key === key).length;
    expect([count('spot:BTCUSDT'), count('usdm:BTCUSDT')]).toEqual([199, 199]);
  });
  it('are selected by symbol, market and stream', async () => {
    const paths = [
      put('f1', text(recording({ lines: 100 }))),
      put('f2', text(recording({ lines: 100, market: 'spot' }))),
      put('f3', text(recording({ lines: 100, symbol: 'ETHUSDT' }))),
    ];
    const keysOf = async (o: InputOptions): Promise<string[]> =>
      [...new Set((await read(paths, o)).rows.map((r) => r.key))].sort();
    expect(await keysOf({})).toEqual(['spot:BTCUSDT', 'usdm:BTCUSDT', 'usdm:ETHUSDT']);
    expect(await keysOf({ symbols: ['BTCUSDT'] })).toEqual(['spot:BTCUSDT', 'usdm:BTCUSDT']);
    expect(await keysOf({ symbols: ['usdm:BTCUSDT'] })).toEqual(['usdm:BTCUSDT']);
    expect(await keysOf({ markets: ['usdm'] })).toEqual(['usdm:BTCUSDT', 'usdm:ETHUSDT']);
    const trades = await read(paths, { streams: ['trade'] });
    expect(new Set(trades.rows.map((r) => r.port))).toEqual(new Set(['trade']));
    expect(trades.rows.map((r) => r.seq)).toEqual(trades.rows.map((_, i) => i));
  });
  it('have the decimals of all inputs together', async () => {
    const line = (px: string, q: string): string =>
      `1700000000000000 {"u":1,"s":"BTCUSDT","b":"${px}","B":"${q}","a":"9","A":"1"}\n`;
    const { rows, keys } = await read([put('d1', line('1.50', '1')), put('d2', line('1.2345000', '0.1'))]);
    expect(keys).toEqual(['spot:BTCUSDT 4 1']);
    expect(rows.map((r) => [r.values['bid_px'], r.values['bid_qty'], r.values['ask_px']])).toEqual([
      [15000, 10, 90000],
      [12345, 1, 90000],
    ]);
  });
  it('refuse the row that does not fit the decimals of all others', async () => {
    const line = (px: string): string =>
      `1700000000000000 {"u":1,"s":"BTCUSDT","b":"${px}","B":"1","a":"99999999","A":"1"}\n`;
    const { rows, keys, quality } = await read([
      put('r1', line('61837.63') + line('0.000000000001') + line('61837.64') + line('9007199254740990')),
    ]);
    expect(keys).toEqual(['spot:BTCUSDT 2 0']);
    expect(rows.map((r) => (r.port === 'dead_letter' ? r.values['code'] : r.values['bid_px']))).toEqual([
      6183763,
      'CHM658',
      6183764,
      'CHM658',
    ]);
    expect(quality.bad_input.map((b) => b.line)).toEqual([2, 4]);
  });
});

describe('order', () => {
  it('is (time, position, row) over all files, in blocks of at most 1,024 rows, numbered from 0', async () => {
    const files = [1, 2, 3].map((seed) => recording({ lines: 1500, seed, symbol: `S${seed}` }));
    const paths = files.map((f, i) => put(`o${i}`, text(f)));
    const { rows } = await read(paths);
    const expected = files
      .flatMap((f, file) => f.map((l, row) => ({ t: Number(l.text.slice(0, 16)), file, row })))
      .sort((a, b) => a.t - b.t || a.file - b.file || a.row - b.row);
    expect(rows.map((r) => r.t)).toEqual(expected.map((e) => e.t));
    expect(rows.map((r) => r.key)).toEqual(expected.map((e) => `usdm:S${e.file + 1}`));
    expect(rows.map((r) => r.seq)).toEqual(rows.map((_, i) => i));
  });
  it('at one time follows the command line', async () => {
    const a = put(
      't1',
      '1700000000000000 {"u":1,"s":"A","b":"1","B":"1","a":"2","A":"1"}\n1700000000000000 {"u":2,"s":"A","b":"1","B":"1","a":"2","A":"1"}\n',
    );
    const b = put('t2', '1700000000000000 {"u":3,"s":"B","b":"1","B":"1","a":"2","A":"1"}\n');
    const us = async (paths: string[]): Promise<unknown[]> => (await read(paths)).rows.map((r) => r.values['u']);
    expect(await us([a, b])).toEqual([1, 2, 3]);
    expect(await us([b, a])).toEqual([3, 1, 2]);
  });
  it('starts again behind any input', async () => {
    const paths = [
      put('k1', text(recording({ lines: 3000, seed: 8 }))),
      put('k2', text(recording({ lines: 3000, seed: 9, symbol: 'ETHUSDT' }))),
    ];
    for (const options of [{}, { symbols: ['ETHUSDT'] }]) {
      const all = (await read(paths, options)).rows;
      const keys = new KeyTable();
      const reader = await openInputs(paths, keys, options);
      await reader.read();
      for (const seq of [-1, 0, 1023, 1024, 2500, all.length - 1]) {
        await reader.seek!(seq);
        expect(await readAll(reader, keys)).toEqual(all.slice(seq + 1));
      }
      await reader.close();
    }
  });
  it('and rows are the same when decoded rows go through a temporary file, which is gone at once', async () => {
    const kline =
      '1700000000000001 {"e":"kline","E":1700000009000,"s":"BTCUSDT","k":{"t":1700000000000,"T":1700000059999,"s":"BTCUSDT","i":"1m","f":-1,"L":-1,"o":"2","c":"2","h":"2","l":"2","v":"0","n":0,"x":false,"q":"0","V":"0","Q":"0"}}\n';
    const path = put('spill', `${kline}${text(recording({ lines: 9000, seed: 3 }))}rubbish\n`);
    const before = readdirSync(tmpdir()).filter((f) => f.startsWith('chimera-decode-'));
    const spilled = await read([path], { memoryBudget: 0 });
    expect(readdirSync(tmpdir()).filter((f) => f.startsWith('chimera-decode-'))).toEqual(before);
    expect(spilled.rows).toEqual((await read([path])).rows);
    expect(spilled.rows).toHaveLength(9002);
  });
  it('needs room for the temporary file, or says so', async () => {
    const path = put('room', text(recording({ lines: 5000 })));
    const tmp = process.env['TMPDIR'];
    process.env['TMPDIR'] = join(dir, 'no-such-folder');
    try {
      expect(await code(read([path], { memoryBudget: 0 }))).toBe('CHM676');
    } finally {
      if (tmp === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = tmp;
    }
  });
  it('of blocks: none is larger than the limit, and all but the last are full', async () => {
    const keys = new KeyTable();
    const reader = await openInputs([put('n1', text(recording({ lines: 9000 })))], keys);
    const sizes: number[] = [];
    for (let b = await reader.read(); b !== null; b = await reader.read()) sizes.push(b.n);
    expect(sizes).toEqual([LARGE_BLOCK_ROWS, LARGE_BLOCK_ROWS, 9000 - 2 * LARGE_BLOCK_ROWS]);
    await reader.close();
  });
});

describe('Parquet', () => {
  const write = async (name: string, select: string): Promise<string> => {
    const path = join(dir, name);
    const db = await DuckDb.open();
    const c = await db.connect();
    await c.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
    db.close();
    return path;
  };
  it('of ticks gives the same rows whether chunks are sound or hold rows that are refused', async () => {
    const rowsOf = (bad: string) => `
      SELECT 1609459200000000 + i * 7 - CASE WHEN i = 6000 THEN 20 ELSE 0 END AS ts_us, hash(i) % 5 = 0 AS is_trade,
        (200000 + hash(i * 3) % 9) / 10 AS bid, (hash(i * 5) % 9000) / 1000 AS bid_qty, (200010 + hash(i * 7) % 9) / 10 AS ask,
        (hash(i * 11) % 9000) / 1000 AS ask_qty, (200000 + hash(i * 13) % 900) / 10 AS price,
        (1 + hash(i * 17) % 9000) / 1000 AS qty, hash(i * 19) % 2 = 0 AS is_buy FROM range(9000) t(i)${bad}`;
    const sound = await read([await write('sound.parquet', rowsOf(' WHERE i <> 6000'))]);
    // A refused row in every chunk: each goes the other way.
    const bad = `UNION ALL SELECT ts_us, false, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, false FROM a WHERE (ts_us - 1609459200000000) // 7 % 100 = 0`;
    const mixed = await read([
      await write(
        'mixed.parquet',
        `WITH a AS (${rowsOf(' WHERE i <> 6000')}) SELECT * FROM (FROM a ${bad}) ORDER BY ts_us, bid`,
      ),
    ]);
    const plain = (r: typeof sound) =>
      r.rows.filter((x) => x.port !== 'dead_letter').map(({ t, port, values }) => ({ t, port, values }));
    expect(mixed.quality.bad_input).toHaveLength(89);
    expect(plain(mixed)).toEqual(plain(sound));
    expect(mixed.keys).toEqual([sound.keys[0]!.replace('sound', 'mixed')]);
    const back = await read([await write('back.parquet', rowsOf(''))]);
    expect(back.quality.out_of_order).toBe(1);
    expect(back.rows).toHaveLength(9000);
  });
  it('of candles gives the same rows whether chunks are sound or hold rows that are refused', async () => {
    const rowsOf = (type: string, more = '') => `
      SELECT (1609459200000 + 60000 * i)${type} AS open_time_ms, (200000 + hash(i * 3) % 9) / 10 AS open,
        (200010 + hash(i * 5) % 9) / 10 AS high, (199990 + hash(i * 7) % 9) / 10 AS low,
        (200000 + hash(i * 11) % 9) / 10 AS close, (hash(i * 13) % 9000) / 1000 AS volume FROM range(9000) t(i)${more}`;
    const sound = await read([await write('sound.parquet', rowsOf(''))]);
    expect(sound.rows).toHaveLength(9000);
    for (const [name, bad] of [
      ['beneath', '20000.0, 19000.0, 20000.0, 20000.0, 1.0'],
      ['none', '20000.0, NULL, 20000.0, 20000.0, 1.0'],
      ['digits', '20000.0, 20000.0, 20000.0, 20000.0, 1.00000000000012345'],
    ]) {
      // A refused row in every chunk: each goes the other way.
      const path = await write(
        `${name}.parquet`,
        `WITH a AS (${rowsOf('')}) SELECT * FROM (FROM a UNION ALL SELECT open_time_ms, ${bad} FROM a
           WHERE (open_time_ms - 1609459200000) // 60000 % 100 = 0) ORDER BY open_time_ms, volume, high`,
      );
      const mixed = await read([path]);
      expect(mixed.quality.bad_input).toHaveLength(90);
      const plain = (r: typeof sound) =>
        r.rows.filter((x) => x.port !== 'dead_letter').map(({ t, port, values }) => ({ t, port, values }));
      expect(plain(mixed)).toEqual(plain(sound));
      expect(mixed.keys).toEqual([sound.keys[0]!.replace('sound', name!)]);
    }
    // Times as doubles, in µs, and of one that steps back.
    const times = (r: typeof sound) => r.rows.map(({ t, values }) => [t, values]);
    expect(times(await read([await write('sound2.parquet', rowsOf('::DOUBLE'))]))).toEqual(times(sound));
    expect(times(await read([await write('sound3.parquet', rowsOf(' * 1000'))]))).toEqual(times(sound));
    const back = await write('back.parquet', rowsOf('', ' ORDER BY CASE WHEN i = 5000 THEN 5001.5 ELSE i END'));
    expect((await read([back])).quality.out_of_order).toBe(1);
  });
  it('of many files of candles is merged by (time, position, row), whether the times are the same or not', async () => {
    const file = (name: string, select: string) =>
      write(
        `${name}.parquet`,
        `SELECT t AS open_time_ms, p AS open, p + 1 AS high, p - 1 AS low, p + 0.5 AS close, v AS volume FROM (${select})`,
      );
    const paths = [
      await file('AAA', 'SELECT 1609459200000 + 60000 * i AS t, 100 + i AS p, 1 AS v FROM range(9000) t(i)'),
      await file('BBB', 'SELECT 1609459200000 + 60000 * i AS t, 2000.25 + i AS p, 2.5 AS v FROM range(6000) t(i)'),
      await file('CCC', 'SELECT 1609459200000 + 180000 * i AS t, 30 + i AS p, 3.125 AS v FROM range(4000) t(i)'),
      await file('DDD', 'SELECT 1609459200000 + 60000 * (i // 2) AS t, 4 + i AS p, i AS v FROM range(5000) t(i)'),
    ];
    const { rows } = await read(paths);
    const each = await Promise.all(paths.map((p) => read([p])));
    const all = each.flatMap((r, position) => r.rows.map((row, at) => ({ row, position, at })));
    all.sort((a, b) => a.row.t - b.row.t || a.position - b.position || a.at - b.at);
    expect(sameRows(rows)).toEqual(sameRows(all.map((a) => a.row)));
    const keys = new KeyTable();
    const reader = await openInputs(paths, keys, {});
    for (const seq of [1023, 17_000, 4097]) {
      await reader.seek!(seq);
      expect(await readAll(reader, keys)).toEqual(rows.slice(seq + 1));
    }
    await reader.close();
  });
  it('of candles and ticks is decoded here', async () => {
    const candles = await write(
      'w3-07.parquet',
      `SELECT 1609459200000 + 60000 * i AS open_time_ms, 20000.1 AS open, 20001.0 AS high, 19999.9 AS low, 20000.5 AS close, CASE WHEN i = 2 THEN -1 ELSE 1.125 END AS volume FROM range(4) t(i)`,
    );
    const { rows, quality, keys } = await read([candles]);
    expect(keys).toEqual(['usdm:w3-07 5 3']);
    expect(quality.bad_input).toMatchObject([{ line: 3, code: 'CHM657' }]);
    expect(rows.map((r) => [r.t, r.port])).toEqual(
      [
        [1609459260000000, 'candle'],
        [1609459320000000, 'candle'],
        [1609459320000000, 'dead_letter'],
        [1609459440000000, 'candle'],
      ].map(([t, port], i) => [i === 2 ? 1609459380000000 : t, port]),
    );
    expect(rows[0]!.values).toEqual({
      open_time_ms: 1609459200000,
      open: 2000010000,
      high: 2000100000,
      low: 1999990000,
      close: 2000050000,
      volume: 1125,
    });
    const ticks = await write(
      'w4.parquet',
      `SELECT 1609459200000000 + i AS ts_us, i % 2 = 1 AS is_trade, 20000.0 AS bid, 1.5 AS bid_qty, 20000.1 AS ask, 2.25 AS ask_qty, 20000.1 AS price, 0.5 AS qty, i = 1 AS is_buy FROM range(4) t(i)`,
    );
    const t = await read([ticks]);
    expect(
      t.rows.map((r) => [r.t, r.port, r.values['id'] ?? r.values['u'], r.values['side'] ?? r.values['ask_px']]),
    ).toEqual([
      [1609459200000000, 'book_ticker', 1, 200001],
      [1609459200000001, 'trade', 1, 0],
      [1609459200000002, 'book_ticker', 2, 200001],
      [1609459200000003, 'trade', 2, 1],
    ]);
  });
  it('of other columns belongs to the lake, or is unknown', async () => {
    const other = await write('other.parquet', 'SELECT 1 AS a, 2 AS b');
    expect(await code(read([other]))).toBe('CHM674');
    const lake = await write('lake.parquet', 'SELECT 1 AS seq, 2 AS t_avail_us, 3 AS id');
    const opened: (readonly string[])[] = [];
    const empty: BlockReader = { ports: [], read: async () => null, close: async () => undefined };
    await read([lake], {
      openParquet: async (paths) => {
        opened.push(paths);
        return empty;
      },
    });
    expect(opened).toEqual([[lake]]);
  });
});

describe('the lake', () => {
  it('is opened by whoever knows it, and merged with files by time', async () => {
    const a = recording({ lines: 2000, seed: 21 });
    const b = recording({ lines: 2000, seed: 22, symbol: 'ETHUSDT' });
    const [pa, pb] = [put('la', text(a)), put('lb', text(b))];
    const both = await read([pa, pb]);
    const mixed = await read([dir, pb], { openLake: (_dir, _selection, keys) => openInputs([pa], keys) });
    expect(sameRows(mixed.rows)).toEqual(sameRows(both.rows));
    expect(mixed.rows.map((r) => r.seq)).toEqual(mixed.rows.map((_, i) => i));
    const keys = new KeyTable();
    const reader = await openInputs([dir, pb], keys, { openLake: (_dir, _selection, k) => openInputs([pa], k) });
    await reader.seek!(1233);
    expect((await readAll(reader, keys))[0]).toEqual(mixed.rows[1234]);
    await reader.close();
  });
});

const data = resolve(process.env['CHIMERA_DATA'] ?? '../shared/data');
describe('recordings', () => {
  it.skipIf(!existsSync(join(data, 'binance-raw')))(
    'hold the frames that their description says, none refused',
    { timeout: 60_000 },
    async () => {
      const count = async (...paths: string[]): Promise<Record<string, number>> => {
        const { rows, quality } = await read(paths.map((p) => join(data, p)));
        expect(quality).toEqual({ bad_input: [], out_of_order: 0 });
        const n: Record<string, number> = {};
        for (const r of rows) n[r.port] = (n[r.port] ?? 0) + 1;
        return n;
      };
      expect(await count('binance-raw/usdm-btcusdt-20240718.gz')).toEqual({
        trade: 974,
        book_ticker: 7113,
        depth: 3326,
        depth_snapshot: 1,
      });
      expect(await count('binance-raw/usdm-btcusdt-20230404.gz')).toEqual({
        trade: 2197,
        book_ticker: 6765,
        depth: 4322,
        mark_price: 99,
        depth_snapshot: 1,
      });
      expect(await count('binance-raw/spot-btcusdt-20240808.gz')).toEqual({
        trade: 9757,
        book_ticker: 28040,
        depth: 3451,
        depth_snapshot: 1,
      });
      expect(
        await count(
          'cryptofeed/BINANCE_FUTURES.ws.1.0.gz',
          'cryptofeed/BINANCE_FUTURES.http.0.0.gz',
          'cryptofeed/BINANCE_FUTURES.0.gz',
        ),
      ).toEqual({ trade: 91, book_ticker: 613, depth: 764, kline: 67, depth_snapshot: 4 });
    },
  );
});
