import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { f64, px, qty, record } from '../graph/schema/index.ts';
import { csvFiles, jsonlFiles } from './file-sink.ts';
import { type Cycle, play } from './testing/play.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-files-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let n = 0;
const folder = (): string => join(root, String(n++));

const Top = record('top', 1, { bid: px(), size: qty() });
const Scalar = record('scalar', 1, { value: f64() });
const inputs = { top: Top, ema: Scalar };
const T = 1_723_104_000_000_000;
const cycles: Cycle[] = Array.from({ length: 40 }, (_, i) => ({
  t: T + i,
  seq: i,
  records: {
    top: [
      { bid: 6500000 + i, size: i },
      { bid: 35001 + i, size: 10 * i, key: 1 },
    ],
    ...(i % 3 === 0 ? { ema: [{ value: i / 7 }] } : {}),
  },
}));
const run = (dir: string | undefined, cut: readonly Cycle[], commits: readonly number[], epoch = 0, out = 'out') =>
  play(csvFiles, { dir: out }, { dir, inputs, cycles: cut, commits, epoch });
const read = (dir: string): [string, string] => [
  readFileSync(join(dir, 'out/top.csv'), 'utf8'),
  readFileSync(join(dir, 'out/ema.csv'), 'utf8'),
];

describe('sink.csv and sink.jsonl', () => {
  it('write each input to a file of its name, in the columns of taps', async () => {
    const dir = folder();
    await (await run(dir, cycles, [39])).sink.close();
    const [top, ema] = read(dir);
    expect(top.split('\n').slice(0, 3)).toEqual([
      'source,seq,t_avail_us,key,bid,size',
      'market,0,1723104000000000,usdm:BTCUSDT,65000,0',
      'market,0,1723104000000000,usdm:ETHUSDT,3500.1,0',
    ]);
    expect(top.trimEnd().split('\n')).toHaveLength(81);
    expect(ema.split('\n')[2]).toBe('market,3,1723104000000003,usdm:BTCUSDT,0.42857142857142855');
    const lines = folder();
    await (await play(jsonlFiles, { dir: 'out' }, { dir: lines, inputs, cycles, commits: [39] })).sink.close();
    expect(JSON.parse(readFileSync(join(lines, 'out/ema.jsonl'), 'utf8').split('\n')[1]!)).toEqual({
      source: 'market',
      seq: 3,
      t_avail_us: 1723104000000003,
      key: 'usdm:BTCUSDT',
      value: 3 / 7,
    });
  });
  it('give the same bytes however commits cut the run, and after a crash behind any commit', async () => {
    const whole = folder();
    await (await run(whole, cycles, [39])).sink.close();
    for (const cut of [0, 1, 17, 38]) {
      const dir = folder();
      const first = await run(dir, cycles.slice(0, cut + 5), [cut]);
      await first.sink.close();
      // Bytes that a crash left behind the commit.
      for (const f of ['top', 'ema']) writeFileSync(join(dir, `out/${f}.csv`), 'half a li', { flag: 'a' });
      const rest = await run(dir, cycles.slice(cut + 1), [3, 38 - cut], first.epoch);
      await rest.sink.close();
      expect(read(dir)).toEqual(read(whole));
    }
  });
  it('start anew when the run does, over the files of an earlier one', async () => {
    const dir = folder();
    await (await run(dir, cycles, [10, 39])).sink.close();
    await (await run(dir, cycles.slice(0, 2), [1])).sink.close();
    expect(read(dir)[0].trimEnd().split('\n')).toHaveLength(5);
  });
  it('write without a folder for the run too, and a header when there are no rows', async () => {
    const out = folder();
    await (await run(undefined, cycles.slice(1, 2), [0], 0, out)).sink.close();
    expect(readFileSync(join(out, 'ema.csv'), 'utf8')).toBe('source,seq,t_avail_us,key,value\n');
    expect(existsSync(join(out, 'store.sqlite'))).toBe(false);
  });
  it.skipIf(!existsSync('/dev/full'))('say so when the disk is full', async () => {
    const dir = folder();
    mkdirSync(join(dir, 'out'), { recursive: true });
    symlinkSync('/dev/full', join(dir, 'out/top.csv'));
    await expect(run(dir, cycles, [39])).rejects.toMatchObject({
      code: 'CHM548',
      where: { file: join(dir, 'out/top.csv') },
    });
  });
  it('say so when committed rows are gone from a file, or it cannot be made', async () => {
    const dir = folder();
    const first = await run(dir, cycles, [39]);
    await first.sink.close();
    truncateSync(join(dir, 'out/top.csv'), 100);
    await expect(run(dir, cycles.slice(0, 1), [0], first.epoch)).rejects.toMatchObject({ code: 'CHM548' });
    writeFileSync(join(root, 'taken'), '');
    await expect(run(undefined, [], [], 0, join(root, 'taken', 'out'))).rejects.toMatchObject({ code: 'CHM548' });
  });
});
