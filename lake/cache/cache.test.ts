import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { blockRows } from '../block-rows.ts';
import { openBronzeWriter } from '../bronze-writer.ts';
import { openLake } from '../open-lake.ts';
import { marketPorts, syntheticBlocks } from '../synthetic-blocks.ts';

const root = mkdtempSync(join(tmpdir(), 'cache-'));
const lake = join(root, 'lake');
const o = {
  n: 12_000,
  weights: { trade: 5, book_ticker: 5, depth: 5, kline: 2, dead_letter: 1, mark_price: 1 },
};
let expected: string[];
beforeAll(async () => {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  keys.declare('usdm:ETHUSDT', 2, 3);
  const w = await openBronzeWriter(lake, {
    writer: 'w',
    keys,
    ports: marketPorts(),
    source: 'm',
    rolling: { maxRows: 999 },
  });
  const from = syntheticBlocks(keys, o);
  for (let b = await from.read(); b; b = await from.read()) await w.write(b);
  await w.close();
  expected = await blockRows(syntheticBlocks(keys, o), keys);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const damages: string[] = [];
async function replay(dir: string, options = {}, keys = new KeyTable(), maxBytes?: number): Promise<string[]> {
  const cache = { dir, onDamage: (e: { code: string }) => damages.push(e.code), ...(maxBytes ? { maxBytes } : {}) };
  const reader = await openLake(lake, { ...options, cache }, keys);
  try {
    return await blockRows(reader, keys);
  } finally {
    await reader.close();
  }
}

describe('the decoded cache', () => {
  it('is written by the first replay and gives the second one the same rows, also under other key numbers', async () => {
    const dir = join(root, 'a');
    expect(await replay(dir)).toEqual(expected);
    expect(readdirSync(dir)).toHaveLength(1);
    expect(await replay(dir)).toEqual(expected);
    const keys = new KeyTable();
    keys.declare('usdm:XRPUSDT', 4, 1);
    keys.declare('usdm:ETHUSDT', 2, 3);
    expect(await replay(dir, {}, keys)).toEqual(expected);
    expect(readdirSync(dir)).toHaveLength(1);
  });
  it('is another file for another range, and none for a range that was not read to its end', async () => {
    const dir = join(root, 'b');
    const fromUs = Number(expected[6000]!.split(' ')[1]);
    const part = await replay(dir, { fromUs, numbering: 'recorded' });
    expect(await replay(dir, { fromUs, numbering: 'recorded' })).toEqual(part);
    expect(part).toEqual(expected.filter((r) => Number(r.split(' ')[1]) >= fromUs));
    const reader = await openLake(lake, { cache: { dir } }, new KeyTable());
    await reader.read();
    await reader.close();
    expect(readdirSync(dir)).toHaveLength(1);
  });
  it('seeks behind any input', async () => {
    const dir = join(root, 'c');
    await replay(dir);
    const keys = new KeyTable();
    const reader = await openLake(lake, { cache: { dir } }, keys);
    for (const seq of [11_998, 5000, 1023, -1]) {
      await reader.seek!(seq);
      expect(await blockRows(reader, keys)).toEqual(expected.slice(seq + 1));
    }
    await reader.close();
  });
  it('notices any flipped byte and any cut, and the replay goes on from the lake with the same rows', async () => {
    const dir = join(root, 'd');
    await replay(dir);
    const path = join(dir, readdirSync(dir)[0]!);
    const good = readFileSync(path);
    let seed = 12345;
    for (let k = 0; k < 30; k++) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      const bad = Buffer.from(good);
      // The header's padding is the one place that carries nothing.
      const at = k < 10 ? k * 2 : seed % good.length;
      if (at >= 16 && good[at] === 0 && at < 16 + good.readUInt32LE(8) + 8 && at >= 16 + good.readUInt32LE(8)) continue;
      bad[at]! ^= 1 << (k % 8);
      writeFileSync(path, k % 7 === 6 ? good.subarray(0, at) : bad);
      damages.length = 0;
      expect(await replay(dir)).toEqual(expected);
      expect(damages).toEqual(['CHM617']);
      writeFileSync(path, good);
    }
  });
  it('stays within its bound: what was used last stays', async () => {
    const dir = join(root, 'e');
    await replay(dir);
    const size = readFileSync(join(dir, readdirSync(dir)[0]!)).length;
    await replay(dir, { datasets: ['trade'] }, new KeyTable(), Math.floor(size * 0.6));
    expect(readdirSync(dir)).toHaveLength(1);
    await replay(dir, {}, new KeyTable(), Math.floor(size * 0.6));
    expect(readdirSync(dir)).toHaveLength(1);
    expect(readFileSync(join(dir, readdirSync(dir)[0]!)).length).toBeLessThan(size * 0.6);
  });
});
