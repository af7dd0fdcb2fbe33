import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyTable, type ListColumn } from '../graph/schema/index.ts';
import { openInputs } from './decode/inputs.ts';
import { generator, type RecordedLine, recording } from './decode/testing/recording.ts';
import { BEHIND, DUPLICATE, IdChain, IN_ORDER } from './id-chain.ts';
import { type BookCheck, qualityOf } from './quality.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-quality-'));
afterAll(() => rmSync(dir, { recursive: true }));

const CLEAN = { gaps: [], duplicates: 0, out_of_order: 0, off_market: 0, crossed: 0 };
async function check(lines: readonly string[], book?: BookCheck) {
  const path = join(dir, 'recording');
  writeFileSync(path, lines.map((l) => `${l}\n`).join(''));
  return checkFiles([path], book);
}
async function checkFiles(paths: readonly string[], book?: BookCheck) {
  const keys = new KeyTable();
  const reader = await openInputs(paths, keys);
  try {
    const counts = await qualityOf(reader, keys, book);
    return { ...counts, bad: reader.quality!.bad_input.length, received: reader.quality!.out_of_order };
  } finally {
    await reader.close();
  }
}
const texts = (lines: readonly RecordedLine[]): string[] => lines.map((l) => l.text);
const swapped = <T>(lines: readonly T[], i: number): T[] => [
  ...lines.slice(0, i),
  lines[i + 1]!,
  lines[i]!,
  ...lines.slice(i + 2),
];
const doubled = <T>(lines: readonly T[], i: number): T[] => [...lines.slice(0, i + 1), ...lines.slice(i)];
const without = <T>(lines: readonly T[], i: number): T[] => lines.filter((_, j) => j !== i);
/** Recorders that stamp whole milliseconds give neighbours the same time: then only ids can tell. */
const coarse = (line: string): string => line.replace(/^(\d{13})\d+/, '$1');

describe('the quality report', () => {
  it.each(['usdm', 'spot'] as const)('of an undamaged %s recording is zero everywhere', async (market) => {
    expect(await check(texts(recording({ lines: 3000, market, seed: 4 })))).toEqual({ ...CLEAN, bad: 0, received: 0 });
  });
  it('finds two swapped neighbours, a repeated and a lost line, each once and as what it is', async () => {
    const lines = recording({ lines: 400, seed: 11 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 30, max: 360 }),
        fc.constantFrom('swap', 'double', 'remove'),
        async (i, what) => {
          const damaged =
            what === 'swap' ? swapped(lines, i) : what === 'double' ? doubled(lines, i) : without(lines, i);
          const q = await check(texts(damaged));
          const kind = lines[i]!.kind;
          const lost = what === 'remove' && kind !== 'book_ticker';
          expect(q).toMatchObject({
            duplicates: what === 'double' ? 1 : 0,
            out_of_order: what === 'swap' ? 1 : 0,
            off_market: 0,
            bad: 0,
          });
          expect(q.gaps.map((g) => [g.dataset, g.key])).toEqual(lost ? [[kind, 'usdm:BTCUSDT']] : []);
        },
      ),
      { numRuns: 120 },
    );
  });
  it('finds swapped neighbours of one stream by their ids where receive times are equal', async () => {
    const lines = recording({ lines: 400, seed: 12 });
    let found = 0;
    for (let i = 30; i < 360 && found < 25; i++) {
      if (lines[i]!.kind !== lines[i + 1]!.kind || lines[i]!.kind === 'snapshot') continue;
      if (coarse(lines[i]!.text).slice(0, 13) !== coarse(lines[i + 1]!.text).slice(0, 13)) continue;
      found++;
      expect(await check(swapped(texts(lines).map(coarse), i))).toMatchObject({
        gaps: [],
        duplicates: 0,
        out_of_order: 1,
        received: 0,
      });
    }
    expect(found).toBeGreaterThan(5);
  });
  it('names the last id before a break and the first one after it', async () => {
    const lines = texts(recording({ lines: 400, seed: 13 }));
    const ids = (l: string): number => Number(/"t":(\d+)/.exec(l)?.[1]);
    const trades = lines.filter((l) => l.includes('@trade'));
    const gone = trades.slice(10, 14);
    const q = await check(lines.filter((l) => !gone.includes(l)));
    expect(q.gaps).toEqual([
      { dataset: 'trade', key: 'usdm:BTCUSDT', from: ids(trades[9]!), to: ids(trades[14]!), kind: 'trade_id' },
    ]);
  });
  it('closes a break when what was missing comes late', async () => {
    const lines = recording({ lines: 400, seed: 14 });
    const i = lines.findIndex((l, j) => j > 50 && l.kind === 'depth');
    const late = [...without(lines, i).slice(0, i + 20), lines[i]!, ...without(lines, i).slice(i + 20)];
    expect(await check(texts(late))).toMatchObject({ gaps: [], duplicates: 0, out_of_order: 1 });
  });
  it('counts off-market trades', async () => {
    const lines = texts(recording({ lines: 100 }));
    const n = lines.filter((l) => l.includes('"X":"MARKET"')).length;
    expect(await check(lines.map((l) => l.replace('"X":"MARKET"', '"X":"ADL"')))).toMatchObject({
      ...CLEAN,
      off_market: n,
    });
  });
  it('goes on over files that continue each other', async () => {
    const lines = texts(recording({ lines: 600, seed: 15 }));
    const paths = [lines.slice(0, 250), lines.slice(250, 400), lines.slice(400)].map((part, i) => {
      const path = join(dir, `part${i}`);
      writeFileSync(path, part.map((l) => `${l}\n`).join(''));
      return path;
    });
    expect(await checkFiles(paths)).toMatchObject(CLEAN);
    expect((await checkFiles([paths[0]!, paths[2]!])).gaps.map((g) => g.dataset).sort()).toEqual(['depth', 'trade']);
  });
  it('counts each moment at which the rebuilt book is crossed', async () => {
    const seen: string[] = [];
    const book: BookCheck = {
      apply: (key, port, columns, row) => {
        const bids = columns.columns[port === 'depth' ? 5 : 3] as ListColumn;
        seen.push(`${key} ${port} ${bids.offsets[row + 1]! - bids.offsets[row]!}`);
        return seen.length % 10 === 0 ? 'crossed' : 'ok';
      },
    };
    const lines = recording({ lines: 200 });
    const q = await check(texts(lines), book);
    const books = lines.filter((l) => l.kind === 'depth' || l.kind === 'snapshot').length;
    expect(seen).toHaveLength(books);
    expect(q.crossed).toBe(Math.floor(books / 10));
    expect(seen.filter((s) => s === '0 depth_snapshot 20')).toHaveLength(1);
  });
  it('is not confused by candles: the same candle twice is a duplicate, an older one out of order', async () => {
    const h = 'open_time,open,high,low,close,volume';
    const c = (min: number): string => `${1748169180000 + min * 60_000},1,2,1,1,5`;
    expect(await check([h, c(0), c(1), c(1), c(3), c(2)])).toMatchObject({ duplicates: 1, out_of_order: 1, gaps: [] });
  });
});

describe('a chain of ids', () => {
  it('reports exactly the ids that never came, whatever the order of arrival', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.array(fc.nat(59), { maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(59), fc.nat(59)), { maxLength: 20 }),
        fc.array(fc.nat(59), { maxLength: 10 }),
        (n, drop, swaps, repeats) => {
          const ids = Array.from({ length: n }, (_, i) => 100 + i).filter((id) => !drop.includes(id - 100));
          for (const [a, b] of swaps) {
            const [i, j] = [a % Math.max(1, ids.length), b % Math.max(1, ids.length)];
            if (ids.length > 0) [ids[i], ids[j]] = [ids[j]!, ids[i]!];
          }
          for (const r of repeats) if (ids.length > 0) ids.push(ids[r % ids.length]!);
          const chain = new IdChain();
          const seen = new Set<number>();
          let top = Number.NEGATIVE_INFINITY;
          for (const id of ids) {
            expect(chain.add(id - 1, id)).toBe(seen.has(id) ? DUPLICATE : id < top ? BEHIND : IN_ORDER);
            seen.add(id);
            top = Math.max(top, id);
          }
          const missing = chain.breaks.flatMap(({ from, to }) =>
            Array.from({ length: to - from }, (_, i) => from + 1 + i),
          );
          const span = [...seen];
          const expected: number[] = [];
          for (let id = Math.min(...span); id <= Math.max(...span); id++) if (!seen.has(id)) expected.push(id);
          expect(missing.sort((a, b) => a - b)).toEqual(span.length === 0 ? [] : expected);
        },
      ),
      { numRuns: 500 },
    );
  });
});

const data = resolve(process.env['CHIMERA_DATA'] ?? '../shared/data');
const files = existsSync(data)
  ? ['binance-raw', 'cryptofeed', 'klines-1m'].flatMap((d) =>
      readdirSync(join(data, d))
        .filter((f) => !f.startsWith('LICENSE'))
        .map((f) => join(data, d, f)),
    )
  : [];
describe.skipIf(files.length === 0)('recordings and archives of the exchange', () => {
  it.each(files.map((f) => [f]))('%s gives zero everywhere', { timeout: 60_000 }, async (file) => {
    expect(await checkFiles([file])).toEqual({ ...CLEAN, bad: 0, received: 0 });
  });
  it('damaged at random places are found out each time', { timeout: 60_000 }, async () => {
    for (const name of ['usdm-btcusdt-20240718.gz', 'spot-btcusdt-20240808.gz']) {
      const lines = gunzipSync(readFileSync(join(data, 'binance-raw', name)))
        .toString()
        .trimEnd()
        .split('\n')
        .slice(0, 3000);
      const random = generator(7);
      for (let k = 0; k < 24; k++) {
        const i = 100 + Math.floor(random() * 2800);
        const chained = /@(trade|depth)/.test(lines[i]!) ? 1 : 0;
        expect(await check(swapped(lines, i)), `swap ${i}`).toMatchObject({ gaps: [], duplicates: 0, out_of_order: 1 });
        expect(await check(doubled(lines, i)), `double ${i}`).toMatchObject({
          gaps: [],
          duplicates: 1,
          out_of_order: 0,
        });
        const q = await check(without(lines, i));
        expect([q.gaps.length, q.duplicates, q.out_of_order], `remove ${i}`).toEqual([chained, 0, 0]);
      }
    }
  });
});
