import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nextFloat, seedRandom } from '../../graph/math/index.ts';
import { bool, f64, KeyTable, list, oneOf, px, record, text } from '../../graph/schema/index.ts';
import { verifyLake } from '../inspect.ts';
import { InputCodec } from './input-codec.ts';
import { keepKeys } from './journal-keys.ts';
import { segments } from './journal-reader.ts';
import { JournalWriter } from './journal-writer.ts';
import { deletedThrough, deleteSegments, finishedSegments, requireFrom } from './retention.ts';
import { sealJournal } from './seal.ts';
import { withSealLock } from './seal-lock.ts';
import { portsOf, type SealJob, SealProcess } from './seal-process.ts';

const Plain = record('plain', 1, { price: px(), value: f64({ nullable: true }), flag: bool(), side: oneOf('a', 'b') });
const Long = record('long', 1, { note: text(), levels: list('px') });
const PORTS = [
  { name: 'plain', schema: Plain },
  { name: 'long', schema: Long },
];
const WRITER = { writer: 'journal-src', source: 'src' } as const;
const root = mkdtempSync(join(tmpdir(), 'chimera-sealing-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(root, String(folders++));
const keysOf = (): KeyTable => {
  const keys = new KeyTable();
  keys.declare('usdm:A', 1, 2);
  keys.declare('usdm:B', 2, 3);
  return keys;
};

/** A journal of several finished segments. */
function makeJournal(rows: number): string {
  const dir = folder();
  const codec = new InputCodec(PORTS);
  const w = JournalWriter.open(dir, { clock: () => 0, policy: { bytes: 40_000 } });
  keepKeys(dir, keysOf());
  for (let i = 0; i < rows; i++) {
    const port = i % 3 === 0 ? 1 : 0;
    const levels = { values: Float64Array.of(i, i + 1, i + 2), offsets: Int32Array.of(0, 3) };
    const one = (x: number) => Float64Array.of(x);
    const block = {
      n: 1,
      seq0: i,
      t: one(1e15 + i * 1000),
      port: Uint8Array.of(port),
      key: Int32Array.of(i % 2),
      row: Int32Array.of(0),
      ports: [
        { n: 1, columns: [one(i), i % 5 ? one(i / 7) : one(Number.NaN), one(i % 2), one(i % 2)] },
        { n: 1, columns: [[`note ${i}`], levels] },
      ],
    };
    w.append(i, block.t[0]!, 0, codec.encode(block, 0));
    if (i % 7 === 0) w.flush();
  }
  w.close();
  return dir;
}
/** Every file that counts, by path. */
function contents(lake: string): Record<string, string> {
  const names = readdirSync(lake, { recursive: true, encoding: 'utf8' }).filter(
    // What a kill leaves of a file in the making is no part of the lake: no reader looks at it.
    (n) => !/^_(staging|intent)|\.tmp$/.test(n) && statSync(join(lake, n)).isFile(),
  );
  return Object.fromEntries(
    names.sort().map((n) => [
      n,
      createHash('sha256')
        .update(readFileSync(join(lake, n)))
        .digest('hex'),
    ]),
  );
}
const jobOf = (dir: string, lake: string): SealJob => ({ dir, lake, ...WRITER, ports: portsOf(PORTS) });

describe('sealing in a process of its own', () => {
  const ROWS = 3000;
  let journal = '';
  let expected: Record<string, string> = {};
  beforeAll(async () => {
    journal = makeJournal(ROWS);
    const lake = folder();
    await sealJournal(journal, lake, { ...WRITER, keys: keysOf(), decoder: new InputCodec(PORTS) });
    expected = contents(lake);
  });

  it('gives the same names and bytes as in this one, and tells how far it came', async () => {
    const lake = folder();
    const sealing = new SealProcess();
    const done = await sealing.seal([jobOf(journal, lake)]);
    const n = segments(journal).length;
    expect(n).toBeGreaterThan(3);
    expect(done).toEqual([{ dir: journal, segments: n, throughSeq: ROWS - 1 }]);
    expect(contents(lake)).toEqual(expected);
    expect(await sealing.seal([jobOf(journal, lake)])).toEqual([{ dir: journal, segments: 0, throughSeq: ROWS - 1 }]);
  });

  it('killed at 24 random moments, and asked for by two runs at once, records every segment exactly once', async () => {
    const random = seedRandom(11);
    let kills = 0;
    let turns = 0;
    const partial = new Set<number>();
    // However fast the machine is just now: moments are shares of what the whole takes.
    const whole = folder();
    cpSync(journal, whole, { recursive: true });
    const begun = performance.now();
    await new SealProcess().seal([jobOf(whole, folder())]);
    const takes = Math.min(1000, performance.now() - begun);
    while (kills < 24) {
      const lake = folder();
      const dir = folder();
      cpSync(journal, dir, { recursive: true });
      for (let killed = 0; ; ) {
        const sealing = new SealProcess();
        const turn = sealing.seal([jobOf(dir, lake)]);
        turns++;
        const ended = turn.then(
          () => true,
          (e: { code: string }) => {
            expect(e.code).toBe('CHM627');
            return false;
          },
        );
        if (killed < 6) {
          const soon = sleep((0.1 + 0.9 * nextFloat(random)) * takes).then(() => undefined);
          if ((await Promise.race([ended, soon])) === undefined) {
            await sealing.stop();
            kills++;
            killed++;
            partial.add(Object.keys(safely(lake)).length);
          }
        }
        // The next one may be started before this one has gone.
        const other = killed % 2 === 0 ? new SealProcess().seal([jobOf(dir, lake)]) : undefined;
        const [done] = await Promise.all([ended, other]);
        if (done) break;
      }
      expect(contents(lake)).toEqual(expected);
      expect(await verifyLake(lake)).toMatchObject({ ok: true, rows: ROWS });
    }
    // The moments were spread: they did not all find the lake equally full.
    expect(partial.size).toBeGreaterThan(1);
    expect(turns).toBeGreaterThan(kills);
  }, 240_000);
  const safely = (lake: string): Record<string, string> => {
    try {
      return contents(lake);
    } catch {
      return {};
    }
  };

  it('says with its code what stopped it, and what it said when it died', async () => {
    const damaged = folder();
    cpSync(journal, damaged, { recursive: true });
    const [file] = segments(damaged) as [string];
    const bytes = readFileSync(file);
    bytes[500]! ^= 1;
    writeFileSync(file, bytes);
    await expect(new SealProcess().seal([jobOf(damaged, folder())])).rejects.toMatchObject({
      code: 'CHM615',
      where: { file },
    });
    await expect(new SealProcess(join(root, 'nowhere.js')).seal([])).rejects.toMatchObject({
      code: 'CHM627',
      help: expect.stringMatching(/sealed later/),
    });
  });

  it('is done by one process at a time; another one waits, and says so when it waits too long', async () => {
    const dir = makeJournal(10);
    let release = () => {};
    const order: string[] = [];
    const first = withSealLock(dir, async () => {
      order.push('first begins');
      await new Promise<void>((done) => {
        release = done;
      });
      order.push('first ends');
    });
    await sleep(20);
    await expect(withSealLock(dir, () => Promise.resolve(), 100)).rejects.toMatchObject({ code: 'CHM626' });
    const second = withSealLock(dir, () => Promise.resolve(void order.push('second')));
    release();
    await Promise.all([first, second]);
    expect(order).toEqual(['first begins', 'first ends', 'second']);
  });
});

describe('segments that nobody needs', () => {
  it('go the oldest first, and the journal says what it no longer has, wherever the deletion stopped', async () => {
    const source = makeJournal(3000);
    const finished = finishedSegments(source);
    expect(finished.map((s) => s.lastSeq)).toEqual([...finished.map((s) => s.lastSeq)].sort((a, b) => a - b));
    expect([deletedThrough(source), finished.at(-1)!.lastSeq]).toEqual([-1, 2999]);
    requireFrom(source, -1);
    const dir = folder();
    cpSync(source, dir, { recursive: true });
    const here = finishedSegments(dir);
    const old = here.slice(0, 3);
    // It died before anything was unlinked, or after the first: the mark is there already.
    await deleteSegments(dir, []);
    await deleteSegments(dir, old);
    await deleteSegments(dir, old);
    expect(finishedSegments(dir)).toEqual(here.slice(3));
    expect(deletedThrough(dir)).toBe(old.at(-1)!.lastSeq);
    requireFrom(dir, old.at(-1)!.lastSeq);
    expect(() => requireFrom(dir, old.at(-1)!.lastSeq - 1)).toThrow(expect.objectContaining({ code: 'CHM624' }));
    // A journal goes on behind what is left of it.
    const again = JournalWriter.open(dir, { clock: () => 0 });
    expect(again.lastSeq).toBe(2999);
  });
});
