import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadPipeline } from '../../graph/document/load.ts';
import { collect, echo, exchange, loop, Numbered, source, sumAll, timed, x } from '../../graph/engine/testing-nodes.ts';
import { play } from '../../graph/engine/testing-play.ts';
import { defineNode, input, output } from '../../graph/node.ts';
import { Registry } from '../../graph/registry.ts';
import { list, px, record, Scalar, Vec } from '../../graph/schema/index.ts';
import type { BuildNode } from '../../graph/testing/build.ts';
import { sourceNodes } from '../../sources/index.ts';
import { featureNodes } from '../feature/index.ts';
import { silverNodes } from '../silver/index.ts';
import { flatten, flowNodes } from './index.ts';

const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };
const none = z.strictObject({});
/** As many records as its input says. */
const count = defineNode({
  ...base,
  type: 'test.count',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { list: output(Numbered, { many: true }) } },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    for (let n = 0; n < tick.a.value; n++) emit.list({ value: tick.a.value, n });
  },
});
/** Writes down each cycle it runs in. */
const note = defineNode({
  ...base,
  type: 'test.note',
  config: none,
  ports: {
    in: { one: input(Numbered, { optional: true }), other: input(Scalar, { optional: true }) },
    out: { value: output(Scalar) },
  },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    emit.value({ value: (tick.one.ticked ? tick.one.n : 100) + (tick.other.ticked ? tick.other.value * 1000 : 0) });
  },
});

const flat = (from: string, id = 'flat'): BuildNode => ({ id, type: flatten, in: { list: from } });
const values = (rows: readonly string[] | undefined) => (rows ?? []).map((r) => JSON.parse(r.split(' ').at(-1)!).value);

describe('flow.flatten', () => {
  it('gives each record a cycle of its own, in order, at the time of the list', async () => {
    const nodes = [
      { id: 'count', type: count, in: { a: 'src.x' } },
      flat('count.list'),
      { id: 'note', type: note, in: { one: 'flat.record' } },
    ];
    const { ports, result } = await play(nodes, [x(10, 3), x(10, 0), x(12, 2, 1)]);
    expect(ports['note.value']).toEqual([
      'flat.record#0 t=10 K0 {"value":0}',
      'flat.record#1 t=10 K0 {"value":1}',
      'flat.record#2 t=10 K0 {"value":2}',
      'flat.record#3 t=12 K1 {"value":0}',
      'flat.record#4 t=12 K1 {"value":1}',
    ]);
    // The tap names the input; its rows count as the cycles do.
    expect(ports['flat.record']!.map((r) => r.split(' ')[0])).toEqual(['src#0', 'src#0', 'src#0', 'src#2', 'src#2']);
    expect(result.cycles).toBe(3 + 5);
  });
  it('comes before the next input and before timers of the same time', async () => {
    const nodes = [
      { id: 'late', type: timed, in: { a: 'src.y' }, with: { after: 5 } },
      { id: 'count', type: count, in: { a: 'src.x' } },
      flat('count.list'),
      { id: 'note', type: note, in: { one: 'flat.record', other: 'late.value' } },
    ];
    // The timer of the first input is due at 15, when the list comes; the next input is at 15 as well.
    const { ports } = await play(nodes, [x(10, -1, 0, 'y'), x(15, 2), x(15, 1)]);
    expect(values(ports['note.value'])).toEqual([999_100, 0, 1, 0]);
    const list = { id: 'count', type: count, in: { a: 'late.value' } };
    // Here the timer brings the list: its records come before the other timer that is due then.
    const both = [{ id: 'late', type: timed, in: { a: 'src.x' }, with: { after: 5 } }, list, flat('count.list')];
    const other = { id: 'after', type: timed, in: { a: 'src.x' }, with: { after: 5 } };
    const noted = { id: 'note', type: note, in: { one: 'flat.record', other: 'after.value' } };
    const second = await play([...both, other, noted], [x(0, -998)], { until: 20 });
    expect(values(second.ports['note.value'])).toEqual([0, 1, 2_100]);
  });
  it('stands in one line with feedback without delay, in order of emission', async () => {
    const nodes: BuildNode[] = [
      { id: 'count', type: count, in: { a: 'src.x' } },
      flat('count.list'),
      // Each record causes a round of feedback, which waits behind the records that are in the line already.
      { id: 'go', type: loop, in: { a: 'flat.record.n', back: 'echo.back' }, with: { rounds: 2 } },
      { id: 'echo', type: echo, in: { go: 'go.go' }, feedback: ['back'] },
    ];
    const { ports } = await play(nodes, [x(1, 3)]);
    expect(ports['go.go']!.map((r) => r.split(' ')[0])).toEqual([
      'flat.record#0',
      'flat.record#1',
      'flat.record#2',
      'echo.back#0',
    ]);
  });
  it('takes lists of any layout, keyed records of a node without key, and single records', async () => {
    const Ladder = record('ladder', 1, { best: px(), sizes: list('qty') });
    const ladders = defineNode({
      ...base,
      type: 'test.ladders',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { ladder: output(Ladder, { many: true }) } },
      state: () => ({}),
      step(_s, _tick, _c, emit) {
        emit.ladder({ best: 7, sizes: new Vec(Float64Array.of(1, 2)) });
        emit.ladder({ best: 8, sizes: new Vec(Float64Array.of(3)) });
      },
    });
    const top = defineNode({
      ...base,
      type: 'test.top',
      config: none,
      ports: { in: { ladder: input(Ladder) }, out: { value: output(Scalar) } },
      state: () => ({}),
      step(_s, tick, _c, emit) {
        emit.value({ value: tick.ladder.best + tick.ladder.sizes.toArray().reduce((a, b) => a + b, 0) / 10 });
      },
    });
    const { ports } = await play(
      [
        { id: 'ladders', type: ladders, in: { a: 'src.x' } },
        flat('ladders.ladder'),
        { id: 'top', type: top, in: { ladder: 'flat.record' } },
        { id: 'go', type: loop, in: { a: 'src.x' }, with: { rounds: 2 } },
        { id: 'venue', type: exchange, in: { go: 'go.go' }, key: 'none' },
        flat('venue.report', 'reports'),
        { id: 'note', type: note, in: { one: 'reports.record' } },
        flat('src.y', 'singles'),
        { id: 'all', type: sumAll, in: { x: 'singles.record' }, key: 'none' },
      ],
      [x(1, 5, 0), x(1, 6, 1), x(2, 4, 2, 'y')],
    );
    expect(values(ports['top.value'])).toEqual([7.3, 8.3, 7.3, 8.3]);
    // One order makes two reports; each reaches the instance of its own instrument.
    expect(ports['note.value']!.map((r) => r.split(' ').slice(0, 3).join(' '))).toEqual([
      'reports.record#0 t=1 K0',
      'reports.record#1 t=1 K0',
      'reports.record#2 t=1 K1',
      'reports.record#3 t=1 K1',
    ]);
    expect(ports['all.value']).toEqual(['singles.record#0 t=2 - {"value":16}']);
  });
  it('is no endless loop, however long the list', async () => {
    const { ports } = await play(
      [
        { id: 'count', type: count, in: { a: 'src.x' } },
        flat('count.list'),
        { id: 'go', type: loop, in: { a: 'flat.record.n', back: 'echo.back' }, with: { rounds: 2 } },
        { id: 'echo', type: echo, in: { go: 'go.go' }, feedback: ['back'] },
      ],
      [x(1, 1500)],
    );
    expect(ports['flat.record']).toHaveLength(1500);
  });
  it('does not hide a loop, and is stopped when one through it never settles [CHM706]', async () => {
    const nodes: BuildNode[] = [
      { id: 'go', type: loop, in: { a: 'src.x', back: 'flat.record' }, with: { rounds: 5000 } },
      { id: 'flat', type: flatten, in: { list: 'go.go' }, feedback: ['record'] },
    ];
    await expect(play(nodes, [x(1, 1)])).rejects.toMatchObject({ code: 'CHM706' });
  });
});

describe('lint', () => {
  const gold = defineNode({
    ...base,
    type: 'test.gold',
    tier: 'gold',
    config: none,
    ports: { in: { a: input(Scalar) }, out: { list: output(Numbered, { many: true }) } },
    state: () => ({}),
    step() {},
  });
  const registry = new Registry([source, count, note, collect, flatten, gold, loop]);
  const lint = (nodes: string) =>
    loadPipeline(`chimera: 1\npipeline: p\nnodes:\n  src: { type: test.source }\n${nodes}`, 'p.yaml', registry);

  it('names flow.flatten where a list meets an in-port for one, and it is the way out', () => {
    const list = '  list: { type: test.count, in: src.x, each: instrument }\n';
    const { diagnostics } = lint(`${list}  note: { type: test.note, in: { one: list.list } }\n`);
    expect(diagnostics).toMatchObject([{ code: 'CHM308', help: expect.stringContaining('`flow.flatten`') }]);
    const { diagnostics: none, pipeline } = lint(
      `${list}  flat: { type: flow.flatten, in: list.list }\n  note: { type: test.note, in: { one: flat } }\n`,
    );
    expect(none).toEqual([]);
    expect(pipeline!.nodes.find((n) => n.id === 'flat')!.out['record']!.schema).toBe(Numbered);
    // Its fields are the list's.
    expect(
      lint(`${list}  flat: { type: flow.flatten, in: list.list }\n  n: { type: test.note, in: { other: flat.m } }\n`)
        .diagnostics,
    ).toMatchObject([{ code: 'CHM201', suggestion: 'flat.n' }]);
  });
  it('finds nothing in its example', () => {
    const all = new Registry(sourceNodes, silverNodes, flowNodes, featureNodes);
    for (const e of flatten.examples!) expect(loadPipeline(e.yaml, 'e.yaml', all).diagnostics).toEqual([]);
  });
  it('still wants a loop through it to be declared', () => {
    const { diagnostics } = lint(
      '  go: { type: test.loop, in: { a: src.x, back: flat }, each: instrument }\n  flat: { type: flow.flatten, in: go.go }\n',
    );
    expect(diagnostics).toMatchObject([{ code: 'CHM203' }]);
  });
  it('looks through it for the tier of what is read', () => {
    const through = '  flat: { type: flow.flatten, in: gold.list }\n  note: { type: test.note, in: { one: flat } }\n';
    const { diagnostics } = lint(`  gold: { type: test.gold, in: { a: src.x }, each: instrument }\n${through}`);
    expect(diagnostics).toMatchObject([
      { code: 'CHM310', message: expect.stringContaining('"flat.record", which is gold') },
    ]);
  });
});
