import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nextFloat, seedRandom } from '../../graph/math/index.ts';
import { type Block, type BlockReader, f64, KeyTable, record, text } from '../../graph/schema/index.ts';
import { declareJournalKeys } from './journal-keys.ts';
import { JournaledReader } from './journaled-reader.ts';

const Row = record('row', 1, { value: f64(), note: text() });
const PORTS = [{ name: 'row', schema: Row }];
const TOTAL = 5000;

/** Delivers input i as value i in blocks of odd sizes; remembers how far it was asked. */
class Live implements BlockReader {
  readonly ports = PORTS;
  readonly seeks: number[] = [];
  next = 0;
  closed = false;
  constructor(total = TOTAL) {
    this.total = total;
  }
  readonly total: number;
  async read(): Promise<Block | null> {
    if (this.next >= this.total) return null;
    const n = Math.min(1 + ((this.next * 7) % 700), this.total - this.next);
    const from = this.next;
    this.next += n;
    const ids = Array.from({ length: n }, (_, i) => from + i);
    return {
      n,
      seq0: from,
      t: Float64Array.from(ids, (i) => 1e15 + i * 10),
      port: new Uint8Array(n),
      key: new Int32Array(n),
      row: Int32Array.from(ids, (_, i) => i),
      ports: [{ n, columns: [Float64Array.from(ids), ids.map((i) => `n${i}`)] }],
    };
  }
  async seek(seq: number): Promise<void> {
    this.seeks.push(seq);
    this.next = seq + 1;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}
const keys = () => {
  const table = new KeyTable();
  table.declare('usdm:BTCUSDT', 2, 3);
  return table;
};
const open = (live: BlockReader, dir: string) => JournaledReader.open(live, dir, keys(), () => 0);
async function drain(reader: BlockReader, blocks = Number.POSITIVE_INFINITY): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < blocks; i++) {
    const b = await reader.read();
    if (!b) break;
    for (let r = 0; r < b.n; r++) {
      expect(b.seq0 + r).toBe((b.ports[0]!.columns[0] as Float64Array)[b.row[r]!]);
      expect(b.t[r]).toBe(1e15 + (b.seq0 + r) * 10);
      expect((b.ports[0]!.columns[1] as string[])[b.row[r]!]).toBe(`n${b.seq0 + r}`);
      values.push(b.seq0 + r);
    }
  }
  return values;
}
const range = (from: number, to = TOTAL) => Array.from({ length: to - from }, (_, i) => from + i);

describe('a source behind its journal', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'chimera-journaled-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('delivers what the source does, and again from the journal when it is closed and opened', async () => {
    const first = open(new Live(), dir);
    expect(await drain(first)).toEqual(range(0));
    await first.close();
    const idle = new Live(0);
    const second = open(idle, dir);
    expect(await drain(second)).toEqual(range(0));
    await second.close();
    expect(idle.closed).toBe(true);
  });

  it('goes on exactly after a kill at any moment, from any commit before it', async () => {
    const random = seedRandom(3);
    let committed = -1;
    let delivered = 0;
    for (let life = 0; life < 12; life++) {
      // A kill: nothing is closed, the next instance finds the folder as it is.
      const live = new Live();
      const reader = open(live, dir);
      await reader.seek(committed);
      const values = await drain(reader, 1 + Math.floor(nextFloat(random) * 4));
      if (values.length === 0) break;
      expect(values).toEqual(range(committed + 1, committed + 1 + values.length));
      delivered = Math.max(delivered, values.at(-1)!);
      // Some of it was committed before the kill.
      if (nextFloat(random) < 0.7) committed = values[Math.floor(nextFloat(random) * values.length)]!;
      // What the journal has is not asked of the source again.
      for (const s of live.seeks) expect(s).toBeGreaterThanOrEqual(delivered - values.length);
    }
    const last = open(new Live(), dir);
    await last.seek(committed);
    expect(await drain(last)).toEqual(range(committed + 1));
    await last.close();
    const all = open(new Live(0), dir);
    expect(await drain(all)).toEqual(range(0));
    await all.close();
  });

  it('cuts a torn end and asks the source for what was in it', async () => {
    const random = seedRandom(5);
    for (let i = 0; i < 10; i++) {
      const at = join(dir, `${i}`);
      const before = open(new Live(), at);
      const values = await drain(before, 4);
      const [segment] = readdirSync(at).filter((f) => f.endsWith('.journal'));
      const path = join(at, segment!);
      const bytes = readFileSync(path);
      // A power cut in the middle of a write: an end is missing, or half a record is there.
      if (i % 2) writeFileSync(path, bytes.subarray(0, bytes.length - 1 - Math.floor(nextFloat(random) * 2000)));
      else appendFileSync(path, bytes.subarray(24, 24 + 1 + Math.floor(nextFloat(random) * 30)));
      const live = new Live();
      const after = open(live, at);
      expect(await drain(after)).toEqual(range(0));
      expect(live.seeks).toHaveLength(1);
      if (i % 2) expect(live.seeks[0]).toBeLessThan(values.at(-1)!);
      else expect(live.seeks[0]).toBe(values.at(-1)!);
      await after.close();
    }
  });

  it('goes back within a run, and then on with a source that cannot go back itself', async () => {
    const live = new Live();
    const oneWay: BlockReader = { ports: PORTS, read: () => live.read(), close: () => live.close() };
    const reader = open(oneWay, dir);
    const values = await drain(reader, 6);
    // The run went back to an earlier commit; the source stands where the journal ends.
    await reader.seek(10);
    expect(await drain(reader)).toEqual(range(11));
    expect(values.length).toBeGreaterThan(100);
    await reader.seek(TOTAL - 1);
    expect(await drain(reader)).toEqual([]);
    await reader.close();
  });

  it('says so when a new process would need a source to go back that cannot', async () => {
    const live = new Live();
    await drain(open(live, dir), 3);
    const again = open({ ports: PORTS, read: () => live.read(), close: async () => {} }, dir);
    await expect(drain(again)).rejects.toMatchObject({ code: 'CHM709' });
  });

  it('refuses to go on with a source that gives another past, or a shorter one', async () => {
    const first = open(new Live(3000), dir);
    await drain(first);
    await first.close();
    const resume = (live: BlockReader) => JournaledReader.open(live, dir, keys(), () => 0, { repeatable: true });
    const shorter = resume(new Live(2000));
    await expect(drain(shorter)).rejects.toMatchObject({ code: 'CHM623' });
    await shorter.close();
    const other = new Live(6000);
    const read = other.read.bind(other);
    other.read = async () => {
      const block = await read();
      block?.t.forEach((t, i) => {
        block.t[i] = t + 1;
      });
      return block;
    };
    const changed = resume(other);
    await expect(drain(changed)).rejects.toMatchObject({ code: 'CHM623' });
    await changed.close();
    const same = resume(new Live());
    expect(await drain(same)).toEqual(range(0));
    await same.close();
  });

  it('hands on all of a journal whose numbers have a gap', async () => {
    const gappy = new Live();
    const reader = open(gappy, dir);
    const first = await drain(reader, 2);
    gappy.next += 5;
    const second = await drain(reader, 2);
    await reader.close();
    const again = open(new Live(0), dir);
    expect(await drain(again)).toEqual([...first, ...second]);
    await again.close();
  });

  it('refuses other instruments or decimals than its own, and can declare them without its source', async () => {
    await open(new Live(), dir).close();
    const other = new KeyTable();
    other.declare('usdm:BTCUSDT', 1, 3);
    expect(() => JournaledReader.open(new Live(), dir, other, () => 0)).toThrowError(
      expect.objectContaining({ code: 'CHM622' }),
    );
    const declared = new KeyTable();
    declareJournalKeys(dir, declared);
    expect(declared.list).toEqual(keys().list);
    // One more instrument may come behind the others, but none may be missing.
    declared.declare('usdm:ETHUSDT', 2, 3);
    await JournaledReader.open(new Live(), dir, declared, () => 0).close();
    const both = new KeyTable();
    declareJournalKeys(dir, both);
    expect(both.list).toEqual(declared.list);
    expect(() => open(new Live(), dir)).toThrowError(expect.objectContaining({ code: 'CHM622' }));
  });
});
