import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MemoryStore } from '../checkpoint/memory-store.ts';
import { decode, encode } from '../codec/index.ts';
import { defineNode, input, output, type StepNode } from '../node.ts';
import type { InputRow } from '../runner/rows-reader.ts';
import { int, record, Scalar, text } from '../schema/index.ts';
import type { BuildNode } from '../testing/build.ts';
import type { Snapshot } from './snapshot.ts';
import { inputAt } from './stamp.ts';
import { add, collect, echo, join, latch, loop, rxHidden, timed, x } from './testing-nodes.ts';
import { type PlayOptions, play } from './testing-play.ts';

const none = z.strictObject({});
const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };

/** Counts its inputs; version and migration as wanted. */
const counter = (version: number, migrate?: (old: unknown, from: number) => { n: number }): StepNode =>
  defineNode({
    ...base,
    type: 'test.counter',
    version,
    config: z.strictObject({ by: z.number().default(1) }),
    ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
    state: () => ({ n: 0 }),
    step(s, _t, c, emit) {
      s.n += c.by;
      emit.value({ value: s.n });
    },
    ...(migrate ? { migrate } : {}),
  }) as unknown as StepNode;

/** Runs `before` over the first rows, and `after` from its checkpoint over the others. */
async function changed(
  before: BuildNode[],
  after: BuildNode[],
  rows: InputRow[],
  at: number,
  options: PlayOptions = {},
) {
  const store = new MemoryStore();
  await play(before, rows.slice(0, at), { ...options, store, open: true });
  return play(after, rows, { ...options, store });
}
const values = (rows: string[] | undefined) => (rows ?? []).map((r) => JSON.parse(r.slice(r.indexOf('{'))).value);
const rows = [x(1, 1), x(2, 1), x(3, 1), x(4, 1)];

describe('a snapshot in a changed graph', () => {
  const c = (type: StepNode, by = 1): BuildNode => ({ id: 'c', type, in: { a: 'src.x' }, with: { by } });

  it('keeps the state of nodes whose type, version and configuration agree', async () => {
    const more: BuildNode = { id: 'more', type: counter(1), in: { a: 'c.value' } };
    const { ports } = await changed([c(counter(1))], [more, c(counter(1))], rows, 2);
    expect(values(ports['c.value'])).toEqual([3, 4]);
    // A new node starts cold.
    expect(values(ports['more.value'])).toEqual([1, 2]);
  });
  it('starts a node cold when its configuration, its type or its input schemas are others', async () => {
    expect(values((await changed([c(counter(1))], [c(counter(1), 5)], rows, 2)).ports['c.value'])).toEqual([5, 10]);
    const other = { ...counter(1), type: 'test.other' };
    expect(values((await changed([c(counter(1))], [c(other)], rows, 2)).ports['c.value'])).toEqual([1, 2]);
    const Wider = record('scalar', 2, { value: Scalar.fields.value, n: int() });
    const widened = defineNode({
      ...base,
      type: 'test.widened',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { value: output(Wider) } },
      state: () => ({}),
      step: (_s, tick, _c, emit) => emit.value({ value: tick.a.value, n: 1 }),
    });
    const narrow: BuildNode = { id: 'w', type: add, in: { a: 'src.x' } };
    const wide: BuildNode = { id: 'w', type: widened, in: { a: 'src.x' } };
    const reader: BuildNode = { id: 'c', type: counter(1), in: { a: 'w.value' } };
    expect(values((await changed([narrow, reader], [wide, reader], rows, 2)).ports['c.value'])).toEqual([1, 2]);
  });
  it('lets a node type migrate the state of an older version, and starts it cold when it cannot', async () => {
    const asked: unknown[] = [];
    const migrating = counter(3, (old, from) => {
      asked.push([old, from]);
      return { n: (old as { n: number }).n * 100 };
    });
    expect(values((await changed([c(counter(2))], [c(migrating)], rows, 2)).ports['c.value'])).toEqual([201, 202]);
    expect(asked).toEqual([[{ n: 2 }, 2]]);
    expect(values((await changed([c(counter(2))], [c(counter(3))], rows, 2)).ports['c.value'])).toEqual([1, 2]);
  });
  it('drops what the new graph does not have', async () => {
    const gone: BuildNode[] = [
      { id: 't', type: timed, in: { a: 'src.x' } },
      { id: 'ask', type: loop, in: { a: 'src.x', back: 'e.back' } },
      { id: 'e', type: echo, in: { go: 'ask.go' }, feedback: ['back'], delayUs: 50 },
    ];
    const { ports } = await changed([...gone, c(counter(1))], [c(counter(1))], rows, 2);
    expect(values(ports['c.value'])).toEqual([3, 4]);
    expect(Object.keys(ports).sort()).toEqual(['c.value', 'src.all', 'src.rec', 'src.x', 'src.y']);
  });
  it('leaves timers and feedback of a node behind when the node starts cold', async () => {
    const later = [x(1, 1), x(100, 1)];
    const t = (after: number): BuildNode[] => [{ id: 't', type: timed, in: { a: 'src.x' }, with: { after } }];
    expect((await changed(t(5), t(5), later, 1)).ports['t.value']).toHaveLength(2);
    expect((await changed(t(5), t(6), later, 1)).ports['t.value']).toEqual([]);
    const loops = (type: StepNode): BuildNode[] => [
      { id: 'ask', type: loop, in: { a: 'src.x', back: 'e.back' } },
      { id: 'e', type, in: { go: 'ask.go' }, feedback: ['back'], delayUs: 20 },
    ];
    const echoes = echo as unknown as StepNode;
    const kept = (await changed(loops(echoes), loops(echoes), later, 1)).ports['ask.go']!;
    expect(kept.map((r) => r.split(' ')[1])).toEqual(['t=21', 't=41', 't=100']);
    const cold = (await changed(loops(echoes), loops({ ...echoes, version: 2 }), later, 1)).ports['ask.go']!;
    expect(cold.map((r) => r.split(' ')[1])).toEqual(['t=100']);
  });
  it('does not give the state of one instrument to a node that has become one for all, nor the reverse', async () => {
    const keyed = c(counter(1));
    const single: BuildNode = { id: 'c', type: counter(1), in: { a: 'src.all' }, key: 'none' };
    const all = [x(1, 1, -1, 'all'), x(2, 1), x(3, 1, -1, 'all'), x(4, 1)];
    expect(values((await changed([keyed], [single], all, 2)).ports['c.value'])).toEqual([1]);
    expect(values((await changed([single], [keyed], all, 2)).ports['c.value'])).toEqual([1]);
  });
  it('finds picked fields by their names, also when a new reader comes before the old one', async () => {
    const rec = (t: number, price: number, maybe: number): InputRow => ({
      t,
      port: 'rec',
      key: 0,
      values: { price, size: 7, volume: 0, fee: 0, maybe },
    });
    const old: BuildNode = { id: 'l', type: latch, in: { a: 'src.x', last: 'src.rec.maybe' } };
    const before: BuildNode = { id: 'j', type: join, in: { v: 'src.rec.price' } };
    const list = [rec(1000, 5, 3), rec(2000, 5, Number.NaN), x(3000, 1)];
    // The last value of the field is 3, from 1 ms: the record after it had none.
    for (const at of [1, 2]) {
      const { ports } = await changed([old], [before, old], list, at);
      expect(values(ports['l.value'])).toEqual([4]);
    }
  });
});

describe('a snapshot', () => {
  it('carries timers, feedback on its way, counters and quarantine', async () => {
    const nodes: BuildNode[] = [
      { id: 't', type: timed, in: { a: 'src.x' } },
      { id: 'ask', type: loop, in: { a: 'src.y', back: 'e.back' } },
      { id: 'e', type: echo, in: { go: 'ask.go' }, feedback: ['back'], delayUs: 4 },
      { id: 'c', type: collect, in: { list: 'ask.go' } },
    ];
    const { engine } = await play(nodes, [x(10, 1), x(11, 2, 1, 'y')], { open: true });
    const s = decode(encode(engine.snapshot())) as Snapshot;
    expect(s.timers).toEqual([
      { node: 't', key: 'usdm:K0', tag: 1, due: 15, generation: 0, inputSource: -1, inputSeq: -1 },
      { node: 't', key: 'usdm:K0', tag: 2, due: 18, generation: 0, inputSource: -1, inputSeq: -1 },
    ]);
    expect(s.feedback).toEqual([
      {
        due: 15,
        node: 'e',
        port: 'back',
        key: 'usdm:K1',
        stamp: inputAt(11, 0, 1),
        rows: [{ key: 1, value: 2, n: 2 }],
      },
    ]);
    expect(s.live).toEqual(['usdm:K0', 'usdm:K1']);
    expect(s.now).toBe(11);
    expect(s.instances.every((i) => !i.quarantined)).toBe(true);
  });
  it('does not move with the engine, and can be restored more than once', async () => {
    const nodes: BuildNode[] = [{ id: 'c', type: counter(1), in: { a: 'src.x' } }];
    const { engine } = await play(nodes, [x(1, 1)]);
    const s = engine.snapshot();
    const bytes = encode(s);
    for (let i = 0; i < 2; i++) {
      engine.restore(s);
      expect(encode(engine.snapshot())).toEqual(bytes);
      (engine.core.instance(1, 0)!.state as { n: number }).n = 99;
    }
    expect(encode(s)).toEqual(bytes);
  });
  it('forgets values that came after it, picked ones of unkeyed nodes included', async () => {
    const Named = record('named', 1, { name: text(), v: Scalar.fields.value });
    const naming = defineNode({
      ...base,
      type: 'test.naming',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { named: output(Named) } },
      state: () => ({}),
      step: (_s, tick, _c, emit) => emit.named({ name: 'n', v: tick.a.value }),
    });
    const nodes: BuildNode[] = [
      { id: 'n', type: naming, in: { a: 'src.all' }, key: 'none' },
      { id: 'l', type: latch, in: { a: 'src.x', last: 'n.named.v' } },
      { id: 'bad', type: failing(), in: { a: 'src.x' }, onError: 'quarantine' },
    ];
    // The first run of the failing block sees 5 before it goes back to the start.
    const { ports } = await play(nodes, [x(1, 1), x(2, 5, -1, 'all'), x(3, 13)]);
    expect(values(ports['l.value'])).toEqual([-1, 5.002]);
  });
  it('is refused with a code when an rx node hides state, and when its format is unknown', async () => {
    await expect(play([{ id: 'h', type: rxHidden, in: { a: 'src.x' } }], rows)).rejects.toMatchObject({
      code: 'CHM501',
      where: { node: 'h' },
    });
    const { engine } = await play([{ id: 'c', type: counter(1), in: { a: 'src.x' } }], rows);
    const newer = { ...engine.snapshot(), format: 3 } as unknown as Snapshot;
    expect(() => engine.restore(newer)).toThrowError(expect.objectContaining({ code: 'CHM742' }));
  });
  it('keeps the numbers of instruments, and refuses a run that has given them to others', async () => {
    const nodes: BuildNode[] = [{ id: 'c', type: counter(1), in: { a: 'src.x' } }];
    const store = new MemoryStore();
    await play(nodes, rows.slice(0, 2), { store, open: true, names: ['usdm:A', 'usdm:B'] });
    await expect(play(nodes, rows, { store, names: ['usdm:B', 'usdm:A'] })).rejects.toMatchObject({ code: 'CHM720' });
    const { engine } = await play(nodes, rows, { names: ['usdm:A', 'usdm:B'] });
    const s = engine.snapshot();
    const swapped = { ...s, keys: [...s.keys].reverse() };
    expect(() => engine.restore(swapped)).toThrowError(expect.objectContaining({ code: 'CHM745' }));
  });
});
const failing = () =>
  defineNode({
    ...base,
    type: 'test.failing',
    config: none,
    ports: { in: { a: input(Scalar) }, out: {} },
    state: () => ({}),
    step(_s, tick) {
      if (tick.a.value === 13) throw new Error('thirteen');
    },
  });
