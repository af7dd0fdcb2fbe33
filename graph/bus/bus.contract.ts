import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Batch, Bus, BusCheckpoint, Held, StreamEntry, StreamReader } from './bus.ts';

export interface OpenBus {
  readonly bus: Bus;
  /** Makes the lease of a partition run out, as when its holder was silent for too long, without the holder noticing. */
  expire(partition: string): Promise<void>;
  /** Called at the end of each test, after the bus was closed. */
  close?(): Promise<void>;
}

const P = 'part:s2.1:{usdm:A}';
const OWN = 'feat:events:{usdm:A}';
const OTHER = 'ord:cmd:{usdm:B}';
const TTL_MS = 20_000;

/** Records prev+1…last, one byte each: its number. */
export function records(stream: string, prev: number, last: number): Batch {
  const payload = Uint8Array.from({ length: last - prev }, (_, i) => (prev + 1 + i) & 255);
  return { stream, prev, last, payload, split: (position) => records(stream, position, last) };
}
/** A batch without records: only its frontier counts. */
export const frontier = (stream: string, at: number, ...payload: number[]): Batch => ({
  stream,
  prev: at,
  last: at,
  payload: Uint8Array.from(payload),
});

/** What every bus must do. The test of an implementation calls it with a way to open an empty bus. */
export function busContract(name: string, open: () => Promise<OpenBus>): void {
  describe(`bus ${name}`, () => {
    let opened: OpenBus;
    let bus: Bus;
    beforeEach(async () => {
      opened = await open();
      bus = opened.bus;
    });
    afterEach(async () => {
      await bus.close();
      await opened.close?.();
    });

    const acquire = (partition = P, holder = 'first'): Promise<Held> =>
      bus.acquire(partition, { tags: ['usdm:A', 'usdm:B'], holder, ttlMs: TTL_MS });
    /** Reads until the streams named have come to their positions. */
    async function readTo(reader: StreamReader, ...last: number[]): Promise<StreamEntry[]> {
      const all: StreamEntry[] = [];
      const reached = last.map(() => -1);
      while (reached.some((r, i) => r < last[i]!)) {
        for (const e of await reader.read()) {
          all.push(e);
          reached[e.stream] = e.last;
        }
      }
      return all;
    }
    /** All records of a stream after a position, as bytes. */
    async function recordsOf(stream: string, after: number, last: number): Promise<number[]> {
      const reader = bus.reader([{ stream, after }]);
      const all: number[] = [];
      let at = after;
      for (const e of await readTo(reader, last)) {
        if (e.prev === e.last) continue;
        expect(e.prev).toBeLessThanOrEqual(at);
        all.push(...e.payload.subarray(at - e.prev));
        at = e.last;
      }
      await reader.close();
      return all;
    }
    const upTo = (first: number, last: number): number[] =>
      Array.from({ length: last - first + 1 }, (_, i) => (first + i) & 255);

    describe('appending', () => {
      it('begins at 0 and keeps the position of each stream, in every slot', async () => {
        const held = await acquire();
        expect(await held.positions([OWN, OTHER])).toEqual([0, 0]);
        await held.append([records(OWN, 0, 3), records(OTHER, 0, 2), records(OWN, 3, 4)]);
        expect(await held.positions([OTHER, OWN, 'mkt:{usdm:A}'])).toEqual([2, 4, 0]);
        expect(await held.positions([])).toEqual([]);
        await held.append([]);
      });
      it('passes over what is there already, wholly or in part', async () => {
        const held = await acquire();
        await held.append([records(OWN, 0, 3), records(OWN, 3, 5)]);
        await held.append([records(OWN, 0, 3), records(OWN, 3, 5)]);
        await held.append([records(OWN, 1, 4), records(OWN, 4, 8), records(OTHER, 0, 1)]);
        expect(await held.positions([OWN, OTHER])).toEqual([8, 1]);
        expect(await recordsOf(OWN, 0, 8)).toEqual(upTo(1, 8));
      });
      it('refuses a batch that is there in part and cannot be cut, and changes nothing', async () => {
        const held = await acquire();
        await held.append([records(OWN, 0, 3)]);
        const { split: _, ...whole } = records(OWN, 2, 5);
        await expect(held.append([whole])).rejects.toMatchObject({ code: 'CHM529' });
        expect(await held.positions([OWN])).toEqual([3]);
      });
      it('is rewound when it knows less than the caller, and then changes nothing in that slot', async () => {
        const held = await acquire();
        await held.append([records(OWN, 0, 3)]);
        const second = 'pos:events:{usdm:A}';
        await expect(held.append([records(second, 0, 2), records(OWN, 4, 6)])).rejects.toMatchObject({
          code: 'CHM523',
          stream: OWN,
          position: 3,
        });
        expect(await held.positions([OWN, second])).toEqual([3, 0]);
        await held.append([records(second, 0, 2), records(OWN, 3, 6)]);
        expect(await held.positions([OWN, second])).toEqual([6, 2]);
      });
      it('keeps the order of calls that are under way at once', async () => {
        const held = await acquire();
        await Promise.all(Array.from({ length: 50 }, (_, i) => held.append([records(OWN, i, i + 1)])));
        expect(await recordsOf(OWN, 0, 50)).toEqual(upTo(1, 50));
      });
      it('delivers each record once, in order, however batches overlap and repeat', async () => {
        const held = await acquire();
        let n = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(fc.record({ back: fc.nat(6), length: fc.nat(5) }), { minLength: 1, maxLength: 5 }), {
              minLength: 1,
              maxLength: 6,
            }),
            async (calls) => {
              const stream = `mkt:${n++}:{usdm:A}`;
              let last = 0;
              for (const call of calls) {
                const batches: Batch[] = [];
                for (const { back, length } of call) {
                  const prev = Math.max(0, last - back);
                  batches.push(length === 0 ? frontier(stream, prev) : records(stream, prev, prev + length));
                  last = Math.max(last, prev + length);
                }
                await held.append(batches);
                expect(await held.positions([stream])).toEqual([last]);
              }
              if (last > 0) expect(await recordsOf(stream, 0, last)).toEqual(upTo(1, last));
            },
          ),
          { numRuns: 30 },
        );
      });
    });

    describe('a batch that carries only a frontier', () => {
      it('is read like any other and leaves the position where it is', async () => {
        const held = await acquire();
        await held.append([frontier(OWN, 0, 1), records(OWN, 0, 2), frontier(OWN, 2, 7), frontier(OWN, 2, 8)]);
        await held.append([records(OWN, 2, 3), frontier(OWN, 3, 9)]);
        const reader = bus.reader([{ stream: OWN, after: 0 }]);
        const seen: StreamEntry[] = [];
        while (seen.at(-1)?.payload[0] !== 9) seen.push(...(await reader.read()));
        expect(seen.map((e) => [e.prev, e.last, ...e.payload])).toEqual([
          [0, 0, 1],
          [0, 2, 1, 2],
          [2, 2, 7],
          [2, 2, 8],
          [2, 3, 3],
          [3, 3, 9],
        ]);
        expect(await held.positions([OWN])).toEqual([3]);
      });
      it('is passed over when records have come since, and rewound when the bus has fewer', async () => {
        const held = await acquire();
        await held.append([records(OWN, 0, 5)]);
        await held.append([frontier(OWN, 4, 1), records(OWN, 5, 6)]);
        await expect(held.append([frontier(OWN, 7, 1)])).rejects.toMatchObject({ code: 'CHM523' });
        const reader = bus.reader([{ stream: OWN, after: 0 }]);
        expect((await readTo(reader, 6)).map((e) => e.last)).toEqual([5, 6]);
      });
      it('reaches a reader that starts at that position', async () => {
        const held = await acquire();
        await held.append([records(OWN, 0, 5)]);
        const reader = bus.reader([{ stream: OWN, after: 5 }]);
        const next = reader.read();
        await held.append([frontier(OWN, 5, 42)]);
        expect((await next).map((e) => [e.last, ...e.payload])).toEqual([[5, 42]]);
      });
    });

    describe('reading', () => {
      it('gives back any bytes as they were', async () => {
        const held = await acquire();
        const payload = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31 + (i >> 8)) & 255);
        await held.append([{ stream: OWN, prev: 0, last: 1, payload }, frontier(OWN, 1)]);
        const [first] = await readTo(bus.reader([{ stream: OWN, after: 0 }]), 1);
        expect(Buffer.compare(first!.payload, payload)).toBe(0);
      });
      it('goes on behind a position, and gives a batch that reaches over it as it is', async () => {
        const held = await acquire();
        await held.append([records(OWN, 0, 3), records(OWN, 3, 6), records(OWN, 6, 9)]);
        const reader = bus.reader([{ stream: OWN, after: 4 }], { count: 1 });
        expect((await readTo(reader, 9)).map((e) => [e.prev, e.last])).toEqual([
          [3, 6],
          [6, 9],
        ]);
      });
      it('reads several streams at once, each in its order', async () => {
        const held = await acquire();
        const reader = bus.reader([
          { stream: OTHER, after: 0 },
          { stream: OWN, after: 0 },
        ]);
        const reading = readTo(reader, 20, 20);
        for (let i = 0; i < 20; i++) await held.append([records(OWN, i, i + 1), records(OTHER, i, i + 1)]);
        const all = await reading;
        for (const s of [0, 1]) expect(all.filter((e) => e.stream === s).map((e) => e.last)).toEqual(upTo(1, 20));
      });
      it('waits for a stream that does not exist yet', async () => {
        const reader = bus.reader([{ stream: OTHER, after: 0 }]);
        const next = reader.read();
        const held = await acquire();
        await held.append([records(OTHER, 0, 1)]);
        expect((await next).map((e) => e.last)).toEqual([1]);
      });
      it('is rewound when more was read before than there is', async () => {
        const held = await acquire();
        await held.append([records(OWN, 0, 3)]);
        for (const stream of [OWN, OTHER])
          await expect(bus.reader([{ stream, after: 4 }]).read()).rejects.toMatchObject({
            code: 'CHM523',
            stream,
            position: stream === OWN ? 3 : 0,
          });
      });
      it('ends with nothing when it is told to, also while it waits', async () => {
        const controller = new AbortController();
        const stopped = bus.reader([{ stream: OWN, after: 0 }], { signal: controller.signal });
        const waiting = stopped.read();
        controller.abort();
        expect(await waiting).toEqual([]);
        expect(await stopped.read()).toEqual([]);
        const closed = bus.reader([{ stream: OWN, after: 0 }]);
        const last = closed.read();
        await closed.close();
        expect(await last).toEqual([]);
        expect(await bus.reader([{ stream: OWN, after: 0 }], { signal: AbortSignal.abort() }).read()).toEqual([]);
      });
    });

    describe('leases', () => {
      it('let one hold a partition at a time, each under a higher token [STO.31]', async () => {
        const first = await acquire();
        let got = false;
        const second = acquire(P, 'second').then((held) => {
          got = true;
          return held;
        });
        const elsewhere = await acquire('part:s3.1:{usdm:A}');
        await first.append([records(OWN, 0, 1)]);
        expect(got).toBe(false);
        await first.release();
        expect(first.lost.aborted).toBe(true);
        const held = await second;
        expect(held.token).toBeGreaterThan(first.token);
        await held.append([records(OWN, 1, 2)]);
        await expect(first.append([records(OWN, 2, 3)])).rejects.toMatchObject({ code: 'CHM521' });
        await elsewhere.append([records('ord:cmd:{usdm:A}', 0, 1)]);
      });
      it('stop waiting when told to', async () => {
        await acquire();
        const controller = new AbortController();
        const waiting = bus.acquire(P, { tags: [], holder: 'x', ttlMs: TTL_MS, signal: controller.signal });
        controller.abort();
        await expect(waiting).rejects.toMatchObject({ code: 'CHM522' });
        await expect(
          bus.acquire(P, { tags: [], holder: 'x', ttlMs: TTL_MS, signal: AbortSignal.abort() }),
        ).rejects.toMatchObject({ code: 'CHM522' });
      });
      it('fence off a holder that was silent for too long, in every slot and for every write [STO.31]', async () => {
        const first = await acquire();
        await first.append([records(OWN, 0, 1), records(OTHER, 0, 1)]);
        await opened.expire(P);
        const second = await acquire(P, 'second');
        const refused = { code: 'CHM521' };
        await expect(first.append([records(OTHER, 1, 2)])).rejects.toMatchObject(refused);
        await expect(first.append([records(OWN, 1, 2)])).rejects.toMatchObject(refused);
        await expect(first.commit(checkpoint(1), [records(OWN, 1, 2)])).rejects.toMatchObject(refused);
        await expect(first.need([{ stream: OWN, position: 1 }])).rejects.toMatchObject(refused);
        await expect(first.trim([{ stream: OWN, consumers: [] }])).rejects.toMatchObject(refused);
        expect(first.lost.aborted).toBe(true);
        expect(first.lost.reason).toMatchObject(refused);
        expect(await second.positions([OWN, OTHER])).toEqual([1, 1]);
        expect(await second.checkpoints()).toEqual([]);
        expect(second.lost.aborted).toBe(false);
        await second.append([records(OWN, 1, 2), records(OTHER, 1, 2)]);
      });
    });

    const checkpoint = (epoch: number, graph = 'g'): BusCheckpoint => ({
      epoch,
      graph,
      blob: Uint8Array.from([0, 255, 13, 10, epoch]),
    });

    describe('committing', () => {
      const epochs = async (held: Held) => (await held.checkpoints()).map((c) => c.epoch);
      it('keeps the newest two checkpoints, newest first, for whoever holds the partition next', async () => {
        const first = await acquire();
        expect(await first.checkpoints()).toEqual([]);
        for (const e of [1, 2, 5]) await first.commit(checkpoint(e, `g${e}`), []);
        await first.release();
        const found = await (await acquire(P, 'second')).checkpoints();
        expect(found.map((c) => [c.epoch, c.graph, ...c.blob])).toEqual([
          [5, 'g5', 0, 255, 13, 10, 5],
          [2, 'g2', 0, 255, 13, 10, 2],
        ]);
      });
      it('appends in the same step', async () => {
        const held = await acquire();
        await held.commit(checkpoint(1), [records(OWN, 0, 2), records(OTHER, 0, 3)]);
        await held.commit(checkpoint(2), [records(OWN, 1, 4), frontier(OWN, 4, 1)]);
        expect(await held.positions([OWN, OTHER])).toEqual([4, 3]);
        expect(await epochs(held)).toEqual([2, 1]);
        expect(await recordsOf(OWN, 0, 4)).toEqual([1, 2, 3, 4]);
      });
      it('can be repeated', async () => {
        const held = await acquire();
        for (let i = 0; i < 3; i++) await held.commit(checkpoint(1), [records(OWN, 0, 2)]);
        expect(await held.positions([OWN])).toEqual([2]);
        expect(await epochs(held)).toEqual([1]);
      });
      it('stores no checkpoint when what belongs to it cannot be appended, and none that is older', async () => {
        const held = await acquire();
        await held.commit(checkpoint(4), []);
        await expect(held.commit(checkpoint(5), [records(OWN, 3, 4)])).rejects.toMatchObject({ code: 'CHM523' });
        await expect(held.commit(checkpoint(3), [records(OWN, 0, 4)])).rejects.toMatchObject({ code: 'CHM529' });
        expect(await epochs(held)).toEqual([4]);
        expect(await held.positions([OWN])).toEqual([0]);
      });
    });

    describe('trimming', () => {
      const A = 'part:s3.1:{usdm:A}';
      const B = 'part:s4.1:{usdm:B}';
      const consumers = [A, B];
      const firstOf = async (after: number): Promise<number | string> => {
        const reader = bus.reader([{ stream: OWN, after }]);
        const found = await reader.read().then(
          (entries) => entries[0]!.prev,
          (e: { code: string }) => e.code,
        );
        await reader.close();
        return found;
      };
      it('removes nothing before every consumer has spoken, and then what none of them needs', async () => {
        const held = await acquire();
        const [a, b] = [await acquire(A), await acquire(B)];
        await held.append([records(OWN, 0, 3), records(OWN, 3, 6), records(OWN, 6, 9)]);
        await held.trim([{ stream: OWN, consumers }]);
        await a.need([{ stream: OWN, position: 7 }]);
        await held.trim([{ stream: OWN, consumers }]);
        expect(await firstOf(0)).toBe(0);
        await b.need([{ stream: OWN, position: 4 }]);
        await b.need([{ stream: OWN, position: 2 }]);
        await held.trim([{ stream: OWN, consumers }]);
        expect(await firstOf(0)).toBe('CHM523');
        // The batch that reaches over the position stays whole.
        expect(await firstOf(4)).toBe(3);
        expect(await firstOf(7)).toBe(6);
        expect(await held.positions([OWN])).toEqual([9]);
      });
      it('keeps what a consumer needs after a crash, and the last frontier even if all are done', async () => {
        const held = await acquire();
        const a = await acquire(A);
        await a.release();
        await held.append([records(OWN, 0, 3)]);
        const again = await acquire(A, 'second');
        await again.need([{ stream: OWN, position: 3 }]);
        for (let i = 1; i <= 9; i++) await held.append([frontier(OWN, 3, i)]);
        await held.trim([{ stream: OWN, consumers: [A] }]);
        const reader = bus.reader([{ stream: OWN, after: 3 }]);
        const seen: number[] = [];
        while (seen.at(-1) !== 9) seen.push(...(await reader.read()).map((e) => e.payload[0]!));
        await held.append([records(OWN, 3, 4)]);
        expect((await readTo(reader, 4)).at(-1)!.prev).toBe(3);
      });
    });
  });
}
