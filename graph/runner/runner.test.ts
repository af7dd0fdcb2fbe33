import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Checkpoint, CheckpointStore } from '../checkpoint/store.ts';
import { add, echo, loop, PORTS, source, timed, x } from '../engine/testing-nodes.ts';
import { keyTable, play } from '../engine/testing-play.ts';
import { nextFloat, seedRandom } from '../math/index.ts';
import { type CommitMark, defineNode, defineSink, input, output } from '../node.ts';
import { createPlan } from '../plan/plan.ts';
import { Scalar } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { rowsReader } from './rows-reader.ts';
import { Run } from './runner.ts';

const none = z.strictObject({});
/** Keeps the newest two checkpoints, as the contract says. */
class TwoCheckpoints implements CheckpointStore {
  saved: Checkpoint[] = [];
  async transaction<T>(work: () => T | Promise<T>): Promise<T> {
    return work();
  }
  async saveCheckpoint(c: Checkpoint): Promise<void> {
    this.saved = [...this.saved.filter((s) => s.epoch < c.epoch), c].slice(-2);
  }
  async loadCheckpoint(_p: string, before = Number.POSITIVE_INFINITY): Promise<Checkpoint | undefined> {
    return this.saved.filter((s) => s.epoch < before).at(-1);
  }
  async saveManifest(): Promise<void> {}
  async loadManifest() {
    return [];
  }
  async keepManifest(): Promise<void> {}
  async close(): Promise<void> {}
}
const nodes: BuildNode[] = [
  { id: 'a', type: add, in: { a: 'src.x' } },
  { id: 't', type: timed, in: { a: 'a.value' } },
  { id: 'ask', type: loop, in: { a: 't.value', back: 'e.back' } },
  { id: 'e', type: echo, in: { go: 'ask.go' }, feedback: ['back'], delayUs: 2 },
];
const rows = Array.from({ length: 40 }, (_, i) => x(i * 3, (i % 7) - 2, i % 3));

describe('a damaged checkpoint', () => {
  it('is found by any flipped bit, 200 of 200, and the run goes on from the one before with the same outputs', async () => {
    const straight = await play(nodes, rows);
    const store = new TwoCheckpoints();
    const early: Record<string, string[]> = {};
    const abort = new AbortController();
    // Commits after 10 and 20 inputs; what the first 10 gave is kept.
    await play(nodes, rows, {
      store,
      commitInputs: 10,
      blockRows: 10,
      signal: abort.signal,
      into: early,
      onCommit: ({ epoch }) => {
        if (epoch === 2) abort.abort();
      },
    });
    const [before, newest] = store.saved.slice(-2) as [Checkpoint, Checkpoint];
    const cut = before.offsets['src']!;
    const random = seedRandom(7);
    let found = 0;
    for (let i = 0; i < 200; i++) {
      const blob = newest.blob.slice();
      const bit = Math.floor(nextFloat(random) * blob.length * 8);
      blob[bit >> 3]! ^= 1 << (bit & 7);
      const damaged = new TwoCheckpoints();
      damaged.saved = [before, { ...newest, blob }];
      const ports: Record<string, string[]> = {};
      const pipeline = buildPipeline([{ id: 'src', type: source }, ...nodes]);
      const run = new Run(createPlan(pipeline), {
        keys: keyTable(),
        store: damaged,
        taps: ['src.x', 'ask.go'],
        readers: { src: async () => rowsReader(PORTS, rows) },
        onTap: (tap) => {
          ports[`${tap.node}.${tap.port}`] = Array.from(
            { length: tap.n },
            (_, r) => `${tap.seq(r)} ${tap.value(r, 0)}`,
          );
        },
      });
      await run.execute();
      await run.close();
      if (run.damaged.length === 1 && run.damaged[0]!.epoch === newest.epoch) found++;
      expect(ports['src.x']![0]).toBe(`${cut + 1} ${rows[cut + 1]!.values['value']}`);
      expect(ports['ask.go']!.length).toBeGreaterThan(10);
      const tail = straight.ports['ask.go']!.slice(-ports['ask.go']!.length);
      expect(ports['ask.go']).toEqual(
        tail.map((l) => `${/#(\d+)/.exec(l)![1]} ${JSON.parse(l.slice(l.indexOf('{'))).value}`),
      );
    }
    expect(found).toBe(200);
  });
  it('starts the run anew when no checkpoint is readable', async () => {
    const straight = await play(nodes, rows);
    const store = new TwoCheckpoints();
    await play(nodes, rows.slice(0, 20), { store, open: true, commitInputs: 5, blockRows: 5 });
    store.saved = store.saved.map((s) => ({ ...s, blob: s.blob.slice(0, -1) }));
    expect((await play(nodes, rows, { store })).ports).toEqual(straight.ports);
  });
});

describe('a run', () => {
  const closing = defineNode({
    version: 1,
    tier: 'silver',
    summary: 'test',
    determinism: 'pure',
    type: 'test.closing',
    config: none,
    ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
    state: () => ({ n: 0 }),
    step: (s) => {
      s.n++;
    },
    end: (s, _c, emit) => emit.value({ value: s.n }),
  });
  const closes: BuildNode[] = [{ id: 'c', type: closing, in: { a: 'src.x' } }];

  it('closes what is open exactly once, also when it is resumed after its end', async () => {
    const store = new TwoCheckpoints();
    const into: Record<string, string[]> = {};
    for (let i = 0; i < 3; i++) await play(closes, rows, { store, into });
    expect(into['c.value']).toEqual((await play(closes, rows)).ports['c.value']);
    expect(into['c.value']).toHaveLength(3);
    // More input than last time: it goes on, and ends again.
    await play(closes, [...rows, x(999, 1)], { store, into });
    expect(into['c.value']).toHaveLength(6);
  });
  it('closes nothing when it is stopped early or its input goes on', async () => {
    expect((await play(closes, rows, { open: true })).ports['c.value']).toEqual([]);
    const abort = new AbortController();
    abort.abort();
    expect((await play(closes, rows, { signal: abort.signal })).ports['c.value']).toEqual([]);
  });
  it('commits all sinks at the same inputs, takes back what a failed cycle wrote, and names a sink that fails', async () => {
    const log: string[] = [];
    let failing = true;
    const sink = defineSink({
      version: 1,
      tier: 'gold',
      summary: 'test',
      determinism: 'external',
      type: 'test.sink',
      config: none,
      ports: { in: { a: input(Scalar, { key: 'any' }) } },
      open: async () => {
        let buffer: number[] = [];
        return {
          write: (tick) => {
            if (tick.a.at(0).value === 4 && failing) {
              failing = false;
              throw new Error('the device was away for a moment');
            }
            buffer.push(tick.a.at(0).value);
          },
          commit: async ({ epoch, offsets }: CommitMark) => {
            log.push(`${epoch}@${offsets['src']}: ${buffer.join(' ')}`);
            buffer = [];
          },
          rollback: () => {
            buffer = [];
          },
          close: async () => {},
        };
      },
    });
    const sinks: BuildNode[] = [{ id: 's', type: sink, in: { a: 'src.x' }, key: 'none' }];
    const seven = Array.from({ length: 7 }, (_, i) => x(i, i));
    await play(sinks, seven, { commitInputs: 3, blockRows: 3 });
    expect(log).toEqual(['1@2: 0 1 2', '2@5: 3 4 5', '3@6: 6']);
  });
  it('leaves errors of sources and stores as they are: no node is blamed', async () => {
    const pipeline = buildPipeline([{ id: 'src', type: source }, ...nodes]);
    const reader = rowsReader(PORTS, rows, 10);
    let reads = 0;
    const run = new Run(createPlan(pipeline), {
      keys: keyTable(),
      readers: {
        src: async () => ({
          ...reader,
          read: async () => {
            if (++reads === 2) throw new Error('the line went dead');
            return reader.read();
          },
        }),
      },
    });
    await expect(run.execute()).rejects.toThrowError(new Error('the line went dead'));
    expect(reads).toBe(2);
  });
  it('says so when a source cannot go back', async () => {
    const failing = defineNode({
      ...closing,
      type: 'test.failing',
      step: () => {
        throw new Error('no');
      },
    });
    const pipeline = buildPipeline([
      { id: 'src', type: source },
      { id: 'f', type: failing, in: { a: 'src.x' } },
    ]);
    const { seek: _, ...oneWay } = rowsReader(PORTS, rows);
    const run = new Run(createPlan(pipeline), { keys: keyTable(), readers: { src: async () => oneWay } });
    await expect(run.execute()).rejects.toMatchObject({ code: 'CHM709', where: { source: 'src' } });
  });
  it('paced by a clock gives what it gives unpaced', async () => {
    let now = 5e6;
    const straight = await play(nodes, rows);
    const slept: number[] = [];
    const paced = await play(nodes, rows, {
      pace: {
        rate: 2,
        now: () => now,
        sleep: async (us) => {
          slept.push(us);
          now += us;
        },
      },
    });
    expect(paced.ports).toEqual(straight.ports);
    // 117 µs of engine time at twice the speed.
    expect(slept.reduce((a, b) => a + b, 0)).toBeCloseTo(117 / 2, 0);
  });
});
