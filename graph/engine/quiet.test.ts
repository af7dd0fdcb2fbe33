import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { encode } from '../codec/index.ts';
import { defineNode, input, output } from '../node.ts';
import type { InputRow } from '../runner/rows-reader.ts';
import { Scalar } from '../schema/index.ts';
import type { BuildNode } from '../testing/build.ts';
import { add, sumAll, x } from './testing-nodes.ts';
import { type PlayOptions, play, playResumed } from './testing-play.ts';

const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };

/** Sums what is small; a value from `from` on lets the sum out, and again after a while. */
const gate = defineNode({
  ...base,
  type: 'test.gate',
  config: z.strictObject({ from: z.number(), after: z.int().default(0) }),
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  state: () => ({ sum: 0, n: 0 }),
  quiet: {
    a: {
      reach(_s, { columns, rows, from, to }, c) {
        let j = from;
        while (j < to && columns.value[rows[j]!]! < c.from) j++;
        return j;
      },
      fold(s, { columns, rows, from, to }) {
        for (let j = from; j < to; j++) s.sum = (s.sum * 0.75 + columns.value[rows[j]!]!) % 1e6;
        s.n += to - from;
      },
    },
  },
  step(s, tick, c, emit, ctx) {
    if (ctx.timer) return emit.value({ value: s.sum + 0.5 });
    s.sum = (s.sum * 0.75 + tick.a.value) % 1e6;
    s.n++;
    if (tick.a.value < c.from) return;
    emit.value({ value: s.sum + s.n * 1e-3 });
    if (c.after > 0) ctx.after(c.after, 1);
  },
});
/** The same of all keys at once, with a feedback port. */
const tally = defineNode({
  ...base,
  type: 'test.tally',
  config: z.strictObject({ every: z.int() }),
  ports: {
    in: { x: input(Scalar, { key: 'any' }), back: input(Scalar, { key: 'none', optional: true }) },
    out: { value: output(Scalar) },
  },
  state: () => ({ seen: [] as number[], back: 0 }),
  quiet: {
    x: {
      reach: (s, { from, to }, c, key) => Math.min(to, from + c.every - 1 - ((s.seen[key] ?? 0) % c.every)),
      fold(s, { from, to }, _c, key) {
        while (s.seen.length <= key) s.seen.push(0);
        s.seen[key]! += to - from;
      },
    },
  },
  step(s, tick, c, emit) {
    if (tick.back?.ticked) s.back += tick.back.value;
    for (let i = 0; i < tick.x.n; i++) {
      const { key } = tick.x.at(i);
      while (s.seen.length <= key) s.seen.push(0);
      if (++s.seen[key]! % c.every === 0) emit.value({ value: s.seen[key]! * 10 + key + (s.back % 7) });
    }
  },
});

const rows = fc
  .array(
    fc.record({
      gap: fc.constantFrom(0, 0, 1, 1, 1, 2, 9),
      key: fc.constantFrom(0, 0, 0, 1, 2),
      port: fc.constantFrom('x', 'x', 'x', 'x', 'x', 'x', 'x', 'y'),
      value: fc.integer({ min: -5, max: 100 }),
    }),
    { minLength: 1, maxLength: 300, size: 'max' },
  )
  .map((list): InputRow[] => {
    let t = 1000;
    return list.map((r) => {
      t += r.gap;
      return x(t, r.value, r.key, r.port);
    });
  });
const graph = fc
  .record({
    limits: fc.array(fc.record({ from: fc.integer({ min: 80, max: 101 }), after: fc.constantFrom(0, 0, 4) }), {
      minLength: 1,
      maxLength: 2,
    }),
    every: fc.option(fc.integer({ min: 5, max: 60 }), { nil: undefined }),
    delayUs: fc.constantFrom(0, 3),
    back: fc.boolean(),
    loud: fc.constantFrom('', '', '', 'src.x', 'src.y'),
  })
  .map(({ limits, every, delayUs, back, loud }): BuildNode[] => [
    ...limits.flatMap((l, i): BuildNode[] => [
      { id: `g${i}`, type: gate, with: l, in: { a: 'src.x' } },
      { id: `d${i}`, type: add, in: { a: `g${i}.value`, b: 'src.y' } },
    ]),
    ...(every
      ? [
          {
            id: 'all',
            type: tally,
            with: { every },
            key: 'none' as const,
            in: { x: 'src.x', ...(back ? { back: 'all.value' } : {}) },
            ...(back ? { feedback: ['value'], delayUs } : {}),
          },
        ]
      : []),
    { id: 'sum', type: sumAll, key: 'none' as const, in: { x: 'd0.value' } },
    ...(loud ? [{ id: 'loud', type: add, in: { a: loud } }] : []),
  ]);

/** All ports but the source's: a port that somebody watches has its rows run one by one. */
const tapsOf = (nodes: readonly BuildNode[]) => nodes.map((n) => `${n.id}.value`);
async function outcome(nodes: readonly BuildNode[], list: InputRow[], options: PlayOptions, stops?: readonly number[]) {
  const all = { taps: tapsOf(nodes), until: list.at(-1)!.t + 20, ...options };
  const played = stops ? await playResumed(nodes, list, stops, all) : await play(nodes, list, all);
  const { ports, result, engine } = played;
  const { counters, cycles, events_in } = result;
  // Everything that the future depends on, as bytes.
  const state = Buffer.from(encode(engine.snapshot())).toString('base64');
  return { quiet: engine.quietRows, seen: { ports, counters, cycles, events_in, state } };
}

describe('rows of which nothing comes', () => {
  it('are passed over with the bytes that a cycle for each would leave, whatever the blocks, the cuts and the rest of the graph', async () => {
    let passed = 0;
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        graph,
        rows,
        fc.array(fc.nat(200), { maxLength: 3 }),
        fc.integer({ min: 1, max: 60 }),
        async (nodes, list, stops, size) => {
          const reference = await outcome(nodes, list, { mode: 'interpreted' });
          expect(reference.quiet).toBe(0);
          const generated = await outcome(nodes, list, {});
          expect(generated.seen).toEqual(reference.seen);
          passed += generated.quiet;
          run += list.length;
          expect((await outcome(nodes, list, { blockRows: size, commitInputs: size })).seen).toEqual(reference.seen);
          expect((await outcome(nodes, list, {}, stops)).seen).toEqual(reference.seen);
        },
      ),
      { numRuns: 80 },
    );
    expect(passed).toBeGreaterThan(run * 0.2);
  });
  it('have their cycles where somebody watches the source’s port, or counts runs, or cannot tell what is quiet', async () => {
    const list = Array.from({ length: 100 }, (_, i) => x(i, 1, i % 2));
    const nodes: BuildNode[] = [{ id: 'g', type: gate, with: { from: 50 }, in: { a: 'src.x' } }];
    const quiet = async (more: readonly BuildNode[], options: PlayOptions = {}) =>
      (await play([...nodes, ...more], list, { taps: ['g.value'], ...options })).engine.quietRows;
    expect(await quiet([])).toBeGreaterThan(90);
    expect(await quiet([], { taps: '*' })).toBe(0);
    expect(await quiet([], { count: true })).toBe(0);
    expect(await quiet([{ id: 'a', type: add, in: { a: 'src.x' } }])).toBe(0);
    expect(await quiet([{ id: 'a', type: add, in: { a: 'src.y' } }])).toBeGreaterThan(90);
  });
});
