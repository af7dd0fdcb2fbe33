import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../graph/schema/index.ts';
import { openBronzeWriter } from './bronze-writer.ts';
import { openInputs } from './decode/inputs.ts';
import { readAll } from './decode/testing/decode-lines.ts';
import { recording } from './decode/testing/recording.ts';
import { importFiles } from './import.ts';
import { openLake } from './open-lake.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-import-'));
afterAll(() => rmSync(dir, { recursive: true }));
const put = (name: string, lines: readonly { text: string }[]): string => {
  const path = join(dir, name);
  writeFileSync(path, lines.map((l) => `${l.text}\n`).join(''));
  return path;
};
const run = (paths: readonly string[], to: string, onProgress?: (done: number, what: string) => void) =>
  importFiles(paths, {
    to: join(dir, to),
    keys: new KeyTable(),
    openWriter: openBronzeWriter,
    ...(onProgress ? { onProgress } : {}),
  });

describe('an import', () => {
  const lines = recording({ lines: 2500, seed: 31 });
  it('brings every row into the lake and says so', async () => {
    const path = put('one', [...lines, { text: 'rubbish' }]);
    const steps: number[] = [];
    const report = await run([path], 'lake-one', (done) => steps.push(done));
    const n = (kind: string): number => lines.filter((l) => l.kind === kind).length;
    expect(report).toMatchObject({
      rows: { trade: n('trade'), book_ticker: n('book_ticker'), depth: n('depth'), depth_snapshot: 1, dead_letter: 1 },
      first_us: Number(lines[0]!.text.slice(0, 16)),
      last_us: Number(lines.at(-1)!.text.slice(0, 16)),
      gaps: [],
      duplicates: 0,
      out_of_order: 0,
      off_market: 0,
      crossed: 0,
      bad_input: [{ file: path, line: 2501, code: 'CHM651' }],
      instruments: [{ name: 'usdm:BTCUSDT', px_digits: 1, qty_digits: 3 }],
    });
    expect(report.content_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(steps.at(-1)).toBe(1);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    // The lake gives back what the file held.
    const [fromFile, fromLake] = [new KeyTable(), new KeyTable()];
    const file = await openInputs([path], fromFile);
    const lake = await openLake(join(dir, 'lake-one'), {}, fromLake);
    const strip = (rows: Awaited<ReturnType<typeof readAll>>) =>
      rows.filter((r) => r.port !== 'dead_letter').map((r) => [r.t, r.port, r.key, r.values]);
    expect(strip(await readAll(lake, fromLake))).toEqual(strip(await readAll(file, fromFile)));
    await lake.close();
    await file.close();
  });
  it('of the same files gives the same content; of others adds to the lake', async () => {
    const a = put('a', lines.slice(0, 1000));
    const b = put('b', lines.slice(1000));
    const first = await run([a], 'lake-two');
    const again = await run([a], 'lake-two');
    expect(again.content_sha256).toBe(first.content_sha256);
    expect((await run([a], 'lake-three')).content_sha256).toBe(first.content_sha256);
    await run([b], 'lake-two');
    const keys = new KeyTable();
    const lake = await openLake(join(dir, 'lake-two'), {}, keys);
    expect(await readAll(lake, keys)).toHaveLength(2500);
    await lake.close();
  });
  it('that fails leaves nothing visible', async () => {
    await expect(run([put('c', lines), join(dir, 'absent')], 'lake-four')).rejects.toMatchObject({ code: 'CHM670' });
    await expect(openLake(join(dir, 'lake-four'), {}, new KeyTable())).rejects.toThrow();
  });
});
