import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { crc32c } from '../../graph/codec/crc32c.ts';
import { type Block, KeyTable } from '../../graph/schema/index.ts';
import { blockRows } from '../block-rows.ts';
import { verifyLake } from '../inspect.ts';
import { openLake } from '../open-lake.ts';
import { marketPorts } from '../synthetic-blocks.ts';
import { readJournal, SegmentReader, segments } from './journal-reader.ts';
import { type JournalFiles, JournalWriter } from './journal-writer.ts';
import { type JournalDecoder, sealJournal } from './seal.ts';

const root = mkdtempSync(join(tmpdir(), 'journal-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(root, String(folders++));
const clock = (): number => 0;
const payload = (seq: number): Buffer =>
  Buffer.from(`{"e":"trade","t":${seq},"p":"${60000 + seq}.5","q":"0.${seq % 9}"}`);

function fill(dir: string, n: number, segmentBytes = 1 << 20, from = 0): void {
  const w = JournalWriter.open(dir, { clock, policy: { bytes: segmentBytes } });
  for (let i = from; i < n; i++) {
    w.append(i, 1_700_000_000_000_000 + i * 10, i % 3, payload(i));
    if (i % 5 === 4) w.flush();
  }
  w.flush();
}
const all = (dir: string, from = 0): string[] =>
  [...readJournal(dir, from)].map((r) => `${r.seq} ${r.t} ${r.source} ${Buffer.from(r.payload)}`);
// The generator reuses its record, so texts are made while it runs.
function texts(dir: string, from = 0): string[] {
  const out: string[] = [];
  for (const r of readJournal(dir, from)) out.push(`${r.seq} ${r.t} ${r.source} ${Buffer.from(r.payload)}`);
  return out;
}
const expected = (from: number, to: number): string[] =>
  Array.from(
    { length: to - from },
    (_, k) => `${from + k} ${1_700_000_000_000_000 + (from + k) * 10} ${(from + k) % 3} ${payload(from + k)}`,
  );

describe('CRC-32C', () => {
  it('has the published check values (RFC 3720, B.4)', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });
  it('of parts equals that of the whole', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (b, k) => {
        const cut = Math.min(k, b.length);
        expect(crc32c(b, cut, b.length, crc32c(b, 0, cut))).toBe(crc32c(b));
      }),
    );
  });
});

describe('the journal', () => {
  it('gives back what was appended, over segments, from any seq', () => {
    const dir = folder();
    fill(dir, 1000, 8192);
    expect(segments(dir).length).toBeGreaterThan(5);
    expect(texts(dir)).toEqual(expected(0, 1000));
    for (const from of [1, 99, 500, 999, 1000]) expect(texts(dir, from)).toEqual(expected(from, 1000));
    expect(all(dir)).toHaveLength(1000);
  });
  it('goes on after a restart where it ended, also right after a rotation', () => {
    const dir = folder();
    fill(dir, 100);
    fill(dir, 250, 1 << 20, 100);
    const w = JournalWriter.open(dir, { clock });
    expect(w.recovery).toMatchObject({ lastSeq: 249, torn: undefined });
    w.rotate();
    fill(dir, 300, 1 << 20, 250);
    expect(texts(dir)).toEqual(expected(0, 300));
    expect(segments(dir)).toHaveLength(2);
  });
  it('cut at any byte loses at most the cut record, says so, and goes on', () => {
    const source = folder();
    fill(source, 12);
    const file = segments(source)[0]!;
    const good = readFileSync(file);
    for (let cut = 0; cut < good.length; cut++) {
      const dir = folder();
      mkdirSync(dir);
      const copy = join(dir, basename(file));
      writeFileSync(copy, good.subarray(0, cut));
      const w = JournalWriter.open(dir, { clock });
      const kept = w.recovery.lastSeq + 1;
      const next = kept;
      if (w.recovery.torn) {
        expect(w.recovery.torn.at + w.recovery.torn.bytes).toBe(cut);
        expect(w.recovery.torn.code).toBe('CHM616');
      }
      w.append(next, 1_700_000_000_000_000 + next * 10, next % 3, payload(next));
      w.flush();
      expect(texts(dir)).toEqual(expected(0, next + 1));
      rmSync(dir, { recursive: true });
    }
  });
  it('finds any flipped bit of any byte and names the record’s position', () => {
    const dir = folder();
    fill(dir, 20);
    const w = JournalWriter.open(dir, { clock });
    w.close();
    const file = segments(dir)[0]!;
    const good = readFileSync(file);
    const starts: number[] = [];
    for (let at = good.indexOf('CREC'); at >= 0; at = good.indexOf('CREC', at + 1)) starts.push(at);
    expect(starts).toHaveLength(21);
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1 << (at % 8);
      writeFileSync(file, bad);
      const record = starts.findLast((s) => s <= at) ?? 0;
      const reader = new SegmentReader(file);
      let found: number;
      try {
        const s = reader.scan();
        // Only the end record has nothing intact behind it: then it counts as torn, at its position.
        expect(s.tornBytes).toBeGreaterThan(0);
        expect(record).toBe(starts.at(-1));
        found = s.goodBytes;
      } catch (e) {
        expect(e).toMatchObject({ code: 'CHM615', where: { file } });
        found = Number(/at byte (\d+)/.exec((e as Error).message)![1]);
      } finally {
        reader.close();
      }
      expect(found).toBe(record);
    }
    writeFileSync(file, good);
    expect(texts(dir)).toEqual(expected(0, 20));
  });
  it('does not take a journal with damage in its middle for a torn one', () => {
    const dir = folder();
    fill(dir, 50);
    const file = segments(dir)[0]!;
    const bad = readFileSync(file);
    bad[500]! ^= 1;
    writeFileSync(file, bad);
    expect(() => JournalWriter.open(dir, { clock })).toThrow(/damaged at byte/);
    expect(readFileSync(file).length).toBe(bad.length);
  });
  it('can be read behind its writer', () => {
    const dir = folder();
    const w = JournalWriter.open(dir, { clock });
    w.append(0, 1, 0, payload(0));
    w.flush();
    const reader = new SegmentReader(segments(dir)[0]!);
    expect(reader.next()!.seq).toBe(0);
    expect(reader.next()).toBeUndefined();
    w.append(1, 1, 0, payload(1));
    expect(reader.next()).toBeUndefined();
    w.append(2, 2, 0, Buffer.alloc(3 << 20, 7));
    w.flush();
    expect(reader.next()!.seq).toBe(1);
    expect(reader.next()!.payload.length).toBe(3 << 20);
    expect(reader.next()).toBeUndefined();
    reader.close();
  });
  it('makes one write per batch and syncs on demand and every 100 ms', () => {
    const calls: string[] = [];
    const files: JournalFiles = {
      write: (fd, b, o, n, p) => {
        calls.push('write');
        return writeSync(fd, b, o, n, p);
      },
      fdatasync: () => void calls.push('sync'),
    };
    let now = 1000;
    const w = JournalWriter.open(folder(), { clock: () => now, files });
    for (let i = 0; i < 256; i++) w.append(i, 5, 0, payload(i));
    w.flush();
    expect(calls).toEqual(['write', 'write']); // the segment's head, then the batch
    expect(w.durableSeq).toBe(-1);
    now += 99;
    w.tick();
    expect(calls).toHaveLength(2);
    now += 1;
    w.tick();
    expect(calls.slice(2)).toEqual(['sync']);
    expect(w.durableSeq).toBe(255);
    now += 1000;
    w.tick();
    expect(calls).toHaveLength(3);
    w.append(256, 5, 0, payload(256));
    w.flush();
    expect(calls.slice(3)).toEqual(['write', 'sync']);
    w.append(257, 5, 0, payload(257));
    w.flush();
    w.sync();
    expect(calls.slice(5)).toEqual(['write', 'sync']);
    expect(w.durableSeq).toBe(257);
  });
  it('on a full disk loses nothing: a coded error, and the batch goes in once there is room', () => {
    const dir = folder();
    let room = 900;
    const files: JournalFiles = {
      fdatasync: () => undefined,
      write: (fd, b, o, n, p) => {
        const k = Math.min(n, room);
        if (k === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        room -= k;
        return writeSync(fd, b, o, k, p);
      },
    };
    const w = JournalWriter.open(dir, { clock, files });
    let failures = 0;
    for (let i = 0; i < 30; i++) {
      w.append(i, 1_700_000_000_000_000 + i * 10, i % 3, payload(i));
      try {
        w.flush();
      } catch (e) {
        expect(e).toMatchObject({ code: 'CHM605' });
        failures++;
        const seen = texts(dir);
        expect(seen).toEqual(expected(0, seen.length));
        if (failures === 4) room = 1e9;
      }
    }
    w.flush();
    expect(failures).toBe(4);
    expect(texts(dir)).toEqual(expected(0, 30));
  });
  it('refuses seq and time that go back', () => {
    const w = JournalWriter.open(folder(), { clock });
    w.append(5, 100, 0, payload(0));
    expect(() => w.append(5, 100, 0, payload(0))).toThrow(/follows seq 5/);
    expect(() => w.append(6, 99, 0, payload(0))).toThrow(/follows seq 5/);
  });
});

describe('sealing', () => {
  const ports = marketPorts();
  const trade = ports.findIndex((p) => p.name === 'trade');
  /** One trade per record, from the JSON of `payload`; every 7th record is ignored. */
  const decoder = (): JournalDecoder => ({
    ports,
    decode(records) {
      const blocks: Block[] = [];
      for (const r of records) {
        if (r.seq % 7 === 3) continue;
        const m = JSON.parse(Buffer.from(r.payload).toString()) as { t: number; p: string; q: string };
        const columns = [m.t, Number(m.p) * 10, Math.round(Number(m.q) * 1000), 0, 1, Number.NaN, 1, 0, m.t, m.t];
        blocks.push({
          n: 1,
          seq0: r.seq,
          t: Float64Array.of(r.t),
          port: Uint8Array.of(trade),
          key: Int32Array.of(0),
          row: Int32Array.of(0),
          ports: ports.map((_, p) => ({
            n: p === trade ? 1 : 0,
            columns: p === trade ? columns.map((x) => Float64Array.of(x)) : [],
          })),
        });
      }
      return blocks;
    },
  });
  const seal = (journal: string, lake: string) => {
    const keys = new KeyTable();
    keys.declare('usdm:BTCUSDT', 1, 3);
    return sealJournal(journal, lake, { writer: 'live', source: 'market', keys, decoder: decoder() });
  };

  it('turns closed segments into Parquet with the recorded numbers, and a repetition changes nothing', async () => {
    const journal = folder();
    const lake = folder();
    fill(journal, 500, 8192);
    const closed = segments(journal).length - 1;
    const a = await seal(journal, lake);
    expect(a.segments).toHaveLength(closed);
    expect(await seal(journal, lake)).toEqual({ segments: [], throughSeq: a.throughSeq, rows: {}, files: [] });
    JournalWriter.open(journal, { clock }).close();
    const b = await seal(journal, lake);
    expect([b.segments, b.throughSeq]).toEqual([segments(journal).slice(closed), 499]);
    const keys = new KeyTable();
    const reader = await openLake(lake, {}, keys);
    const rows = (await blockRows(reader, keys)).map((r) => r.split(' ').slice(0, 5).join(' '));
    await reader.close();
    const wanted = expected(0, 500)
      .map((r) => r.split(' '))
      .filter((r) => Number(r[0]) % 7 !== 3)
      .map((r) => `${r[0]} ${r[1]} trade usdm:BTCUSDT ${r[0]}`);
    expect(rows).toEqual(wanted);
    expect(await verifyLake(lake)).toMatchObject({ ok: true });
    // The same journal sealed anew gives the same files.
    const again = folder();
    fill(again, 500, 8192);
    JournalWriter.open(again, { clock }).close();
    expect((await seal(again, folder())).files).toEqual(b.files);
  });
  it('of a damaged segment stops with its position and keeps what was sealed before', async () => {
    const journal = folder();
    const lake = folder();
    fill(journal, 500, 8192);
    const files = segments(journal);
    const bad = readFileSync(files[2]!);
    bad[1000]! ^= 8;
    writeFileSync(files[2]!, bad);
    await expect(seal(journal, lake)).rejects.toMatchObject({ code: 'CHM615', where: { file: files[2] } });
    expect((await verifyLake(lake)).rows).toBeGreaterThan(50);
  });
  it('is not confused by a torn last segment', async () => {
    const journal = folder();
    fill(journal, 100, 8192);
    const last = segments(journal).at(-1)!;
    copyFileSync(last, `${last}.bak`);
    truncateSync(last, 100);
    appendFileSync(last, 'CREC garbage');
    await expect(seal(journal, folder())).resolves.toMatchObject({ segments: segments(journal).slice(0, -1) });
  });
});
