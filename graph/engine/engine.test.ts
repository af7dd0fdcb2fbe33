import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineNode, input, output } from '../node.ts';
import type { InputRow } from '../runner/rows-reader.ts';
import { Scalar } from '../schema/index.ts';
import type { BuildNode } from '../testing/build.ts';
import {
  Amounts,
  add,
  burst,
  collect,
  echo,
  exchange,
  join,
  latch,
  loop,
  Numbered,
  shared,
  sumAll,
  timed,
  x,
} from './testing-nodes.ts';
import { play } from './testing-play.ts';

const none = z.strictObject({});
const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };
const times = (rows: string[] | undefined) => (rows ?? []).map((r) => Number(/ t=(\d+)/.exec(r)![1]));
const values = (rows: string[] | undefined) => (rows ?? []).map((r) => JSON.parse(r.slice(r.indexOf('{'))).value);

describe('a cycle', () => {
  it('runs each marked node once, whatever the depth of a diamond', async () => {
    const nodes: BuildNode[] = [{ id: 'd0', type: add, in: { a: 'src.x' } }];
    for (let d = 1; d <= 10; d++) {
      nodes.push({ id: `l${d}`, type: add, in: { a: `d${d - 1}.value` } });
      nodes.push({ id: `r${d}`, type: add, in: { a: `d${d - 1}.value` } });
      nodes.push({ id: `d${d}`, type: add, in: { a: `l${d}.value`, b: `r${d}.value` } });
    }
    const { ports } = await play(nodes, [x(1, 1), x(2, 2)]);
    for (const node of ['d5', 'l10', 'd10']) expect(ports[`${node}.value`]).toHaveLength(2);
  });

  it('runs nodes after all of their producers, whatever the order of declaration', async () => {
    const { ports } = await play(
      [
        { id: 'late', type: add, in: { a: 'early.value', b: 'src.x' }, with: { plus: 0 } },
        { id: 'early', type: add, in: { a: 'src.x' }, with: { plus: 10 } },
      ],
      [x(1, 1)],
    );
    expect(ports['late.value']).toEqual(['src#0 t=1 K0 {"value":12.001999999999999}']);
  });

  it('delivers every record of a many port in order within the same cycle', async () => {
    const { ports } = await play(
      [
        { id: 'b', type: burst, in: { a: 'src.x' } },
        { id: 'c', type: collect, in: { list: 'b.list' } },
      ],
      [x(1, 3), x(2, 4), x(3, 2)],
    );
    expect(ports['b.list']).toHaveLength(5);
    expect(ports['c.value']).toEqual(['src#0 t=1 K0 {"value":93}', 'src#2 t=3 K0 {"value":134}']);
  });

  it('does not wake a node through a passive port, and shows it the last value', async () => {
    const { ports } = await play(
      [{ id: 'l', type: latch, in: { a: 'src.x', last: 'src.y' } }],
      [x(1000, 1), x(2000, 5, 0, 'y'), x(3000, 1), x(4000, 6, 0, 'y')],
    );
    expect(ports['l.value']).toEqual(['src#0 t=1000 K0 {"value":-1}', 'src#2 t=3000 K0 {"value":7}']);
  });

  it('gives variadic inputs in the order of the document', async () => {
    const { ports } = await play(
      [{ id: 'j', type: join, in: { second: 'src.y', first: 'src.x' } }],
      [x(1, 10), x(2, 1, 0, 'y')],
    );
    expect(values(ports['j.value'])).toEqual([20.5, 21.5]);
  });

  it('wakes a node through each of its ports, also when two of them are lists of the same single port', async () => {
    const both = defineNode({
      ...base,
      type: 'test.both',
      config: none,
      ports: {
        in: {
          a: input(Scalar, { many: true }),
          b: input(Scalar, { many: true }),
          c: input(Scalar),
        },
        out: { value: output(Scalar) },
      },
      state: () => ({}),
      step: (_s, tick, _c, emit) => emit.value({ value: tick.a.n + 10 * tick.b.n + (tick.c.ticked ? 100 : 0) }),
    });
    const nodes: BuildNode[] = [{ id: 'n', type: both, in: { a: 'src.x', b: 'src.x', c: 'src.y' } }];
    const rows = [x(1, 1), x(2, 1, 0, 'y')];
    const { ports } = await play(nodes, rows);
    expect(values(ports['n.value'])).toEqual([11, 100]);
    expect((await play(nodes, rows, { mode: 'interpreted' })).ports).toEqual(ports);
  });

  it('tells a step what caused it and counts into the four counters of the run', async () => {
    const told = defineNode({
      ...base,
      type: 'test.told',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
      state: () => ({ causes: '' }),
      step(s, tick, _c, emit, ctx) {
        s.causes += `${ctx.cause.source}#${ctx.cause.seq}@${ctx.now} `;
        if (!ctx.timer) ctx.after(3, 7);
        ctx.count('late');
        ctx.count('dropped', tick.a.value);
        if (ctx.timer === 7 && s.causes === 'src#0@5 told#0@8 ') emit.value({ value: 1 });
      },
    });
    const { ports, result } = await play(
      [
        { id: 'told', type: told, in: { a: 'src.x' } },
        { id: 'f', type: add, in: { a: 'told.value' } },
      ],
      [x(5, 4), x(9, 0)],
    );
    expect(ports['f.value']).toHaveLength(1);
    expect(result.counters).toEqual({ filtered: 0, late: 3, dead_lettered: 0, dropped: 8 });
    expect(result).toMatchObject({ events_in: 2, cycles: 3, first_us: 5, last_us: 9 });
  });
});

describe('keys', () => {
  it('have instances of their own, and an unkeyed node sees all of them', async () => {
    const { ports } = await play(
      [
        { id: 'a', type: add, in: { a: 'src.x' }, with: { plus: 0 } },
        { id: 's', type: sumAll, in: { x: 'a.value' }, key: 'none' },
      ],
      [x(1, 1, 0), x(2, 1, 1), x(3, 1, 0)],
    );
    expect(ports['a.value']!.map((l) => l.slice(l.indexOf('K')))).toEqual([
      'K0 {"value":1.001}',
      'K1 {"value":1.001}',
      'K0 {"value":1.002}',
    ]);
    expect(values(ports['s.value'])).toEqual([
      2.002,
      2.002 * 1.5 + 1.001 * 3,
      (2.002 * 1.5 + 1.001 * 3) * 1.5 + 1.002 * 2,
    ]);
  });

  it('run in order of their names, whatever the order in which they appear', async () => {
    const names = ['usdm:B', 'usdm:C', 'usdm:A'];
    const { ports } = await play(
      [{ id: 'h', type: shared, in: { x: 'src.x', g: 'src.all' } }],
      [x(1, 1, 1), x(2, 1, 0), x(3, 1, 2), x(4, 7, -1, 'all')],
      { names },
    );
    expect(ports['h.value']!.slice(3).map((l) => l.split(' ')[2])).toEqual(['A', 'B', 'C']);
  });

  it('get the records that an unkeyed node addresses to them, in the same cycle, in order', async () => {
    const { ports } = await play(
      [
        { id: 'ask', type: loop, in: { a: 'src.x' }, with: { rounds: 1 } },
        { id: 'ex', type: exchange, in: { go: 'ask.go' }, key: 'none' },
        { id: 'own', type: collect, in: { list: 'ex.report' } },
      ],
      [x(1, 5, 0), x(2, 6, 1), x(3, 7, 0)],
    );
    expect(ports['ex.report']!.map((l) => l.split(' ')[2])).toEqual(['K0', 'K1', 'K0']);
    expect(ports['own.value']).toEqual([
      'src#0 t=1 K0 {"value":60}',
      'src#1 t=2 K1 {"value":80}',
      'src#2 t=3 K0 {"value":160}',
    ]);
  });

  it('are served by keyed feedback one by one, each report to its own instance', async () => {
    for (const delayUs of [0, 4]) {
      const { ports } = await play(
        [
          { id: 'ask', type: loop, in: { a: 'src.x', back: 'ex.report' }, with: { rounds: 2 } },
          { id: 'ex', type: exchange, in: { go: 'ask.go' }, key: 'none', feedback: ['report'], delayUs },
        ],
        [x(10, 5, 1), x(12, 6, 0)],
        { until: 100 },
      );
      const rows = ports['ask.go']!.map((l) => l.replace(/^\S+ /, ''));
      const late = 10 + delayUs;
      expect(rows).toEqual(
        [
          `t=10 K1 {"value":5,"n":1}`,
          `t=${late} K1 {"value":5,"n":0}`,
          `t=12 K0 {"value":6,"n":1}`,
          `t=${late + 2} K0 {"value":6,"n":0}`,
        ].sort((a, b) => Number(a.slice(2, 4)) - Number(b.slice(2, 4))),
      );
    }
  });

  it('do not feel one more key: every other byte stays the same', async () => {
    const nodes: BuildNode[] = [
      { id: 'a', type: add, in: { a: 'src.x' } },
      { id: 'h', type: shared, in: { x: 'a.value', g: 'src.all' } },
      { id: 't', type: timed, in: { a: 'h.value' } },
      { id: 'ask', type: loop, in: { a: 't.value', back: 'back.back' } },
      { id: 'back', type: echo, in: { go: 'ask.go' }, feedback: ['back'], delayUs: 2 },
      { id: 'c', type: collect, in: { list: 'ask.go' } },
    ];
    const some = fc.array(
      fc.record({ dt: fc.nat(5), v: fc.integer({ min: -5, max: 9 }), key: fc.constantFrom(-1, 0, 1, 2) }),
      { maxLength: 40 },
    );
    // Numbers of inputs and timers count all keys; everything else belongs to one.
    const rowsOfKey = (ports: Record<string, string[]>, key: string) =>
      Object.entries(ports).map(([p, rows]) => [
        p,
        rows.filter((r) => r.includes(` ${key} `)).map((r) => r.replace(/^\S+ /, '')),
      ]);
    await fc.assert(
      fc.asyncProperty(some, fc.constantFrom('usdm:A', 'usdm:K0a', 'usdm:Z'), async (list, more) => {
        let t = 100;
        const rows = list.map((r): InputRow => {
          t += r.dt;
          return r.key < 0 ? x(t, r.v, -1, 'all') : x(t, r.v, r.key);
        });
        const names = ['usdm:K0', 'usdm:K1', more];
        const with3 = await play(nodes, rows, { names, until: 1e4 });
        const with2 = await play(
          nodes,
          rows.filter((r) => r.key !== 2),
          { names, until: 1e4 },
        );
        for (const key of ['K0', 'K1']) expect(rowsOfKey(with3.ports, key)).toEqual(rowsOfKey(with2.ports, key));
      }),
      { numRuns: 40 },
    );
  });
});

describe('engine time', () => {
  it('merges sources by time, then declaration, and never decreases', async () => {
    const any = fc.array(fc.array(fc.nat(4), { maxLength: 15 }), { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(any, fc.constantFrom(1, 2, 1024), async (gaps, blockRows) => {
        const rows = gaps.map((list) => {
          let t = 0;
          return list.map((dt, i) => {
            t += dt;
            return x(t, i);
          });
        });
        const seen: string[] = [];
        const note = defineNode({
          ...base,
          type: 'test.note',
          config: none,
          ports: { in: { a: input(Scalar), b: input(Scalar) }, out: { value: output(Scalar) } },
          state: () => ({}),
          step(_s, _t, _c, emit, ctx) {
            seen.push(`${ctx.now} ${ctx.cause.source}#${ctx.cause.seq}`);
            emit.value({ value: 0 });
          },
        });
        await play([{ id: 'n', type: note, in: { a: 'src.x', b: 'two.x' } }], rows[0]!, {
          more: { two: rows[1]! },
          blockRows,
        });
        const expected = [
          ...rows[0]!.map((r, i) => ({ t: r.t, s: `${r.t} src#${i}` })),
          ...rows[1]!.map((r, i) => ({ t: r.t, s: `${r.t} two#${i}` })),
        ].sort((a, b) => a.t - b.t);
        expect(seen).toEqual(expected.map((e) => e.s));
      }),
      { numRuns: 60 },
    );
  });

  it('fires timers before the input they precede, at exactly their due time, also when re-armed and cancelled', async () => {
    const { ports } = await play(
      [{ id: 't', type: timed, in: { a: 'src.x' } }],
      [x(10, 1), x(12, 2), x(17, -3), x(40, 4)],
    );
    expect(ports['t.value']).toEqual(['t#0 t=17 K0 {"value":1002}', 't#1 t=22 K0 {"value":997}']);
  });

  it('fires timers that are due together in order of declaration, then of creation', async () => {
    const order: string[] = [];
    const arm = defineNode({
      ...base,
      type: 'test.arm',
      config: z.strictObject({ tags: z.array(z.array(z.number())) }),
      ports: { in: { a: input(Scalar) }, out: {} },
      state: () => ({}),
      step(_s, _t, c, _e, ctx) {
        if (ctx.timer) order.push(`${ctx.node}:${ctx.timer}@${ctx.now}`);
        else for (const [tag, at] of c.tags) ctx.at(at!, tag!);
      },
    });
    const nodes: BuildNode[] = [
      {
        id: 'p',
        type: arm,
        in: { a: 'deep.value' },
        with: {
          tags: [
            [3, 20],
            [1, 20],
            [2, 15],
            [3, 20],
          ],
        },
      },
      {
        id: 'q',
        type: arm,
        in: { a: 'src.x' },
        with: {
          tags: [
            [5, 20],
            [4, 18],
          ],
        },
      },
      { id: 'deep', type: add, in: { a: 'src.x' } },
    ];
    for (const mode of ['generated', 'interpreted'] as const) {
      order.length = 0;
      await play(nodes, [x(10, 1), x(20, 1)], { mode, until: 15 });
      // Re-arming makes a timer younger; what the second input arms for earlier than now fires at now.
      expect(order.slice(0, 5)).toEqual(['p:2@15', 'q:4@18', 'p:1@20', 'p:3@20', 'q:5@20']);
    }
  });

  it('lets no load change a result: blocks of 1 to 1,024 rows give the same bytes', async () => {
    const nodes: BuildNode[] = [
      { id: 't', type: timed, in: { a: 'src.x' }, with: { after: 3 } },
      { id: 'u', type: timed, in: { a: 't.value' }, with: { after: 0 } },
      { id: 'ask', type: loop, in: { a: 'u.value', back: 'back.back' } },
      { id: 'back', type: echo, in: { go: 'ask.go' }, feedback: ['back'], delayUs: 3 },
    ];
    const rows = Array.from({ length: 1500 }, (_, i) => x(Math.floor(i * 1.7), ((i * 7) % 11) - 5, i % 3));
    const whole = await play(nodes, rows);
    expect(whole.ports['ask.go']!.length).toBeGreaterThan(1000);
    for (const blockRows of [1, 2, 3, 17, 256, 1000]) {
      const other = await play(nodes, rows, { blockRows, commitInputs: 3 * blockRows });
      expect(other.ports).toEqual(whole.ports);
    }
  });

  it('delivers feedback in the next cycle at the same time, before inputs and timers, or after its delay', async () => {
    const nodes = (delayUs: number): BuildNode[] => [
      { id: 'n', type: loop, in: { a: 'src.x', back: 'e.back' } },
      { id: 'e', type: echo, in: { go: 'n.go' }, feedback: ['back'], delayUs },
    ];
    const now = await play(nodes(0), [x(10, 1), x(10, 9), x(20, 2)]);
    expect(times(now.ports['n.go'])).toEqual([10, 10, 10, 10, 10, 10, 20, 20, 20]);
    expect(values(now.ports['n.go'])).toEqual([1, 1, 1, 9, 9, 9, 2, 2, 2]);
    const later = await play(nodes(4), [x(10, 1), x(20, 2)]);
    expect(times(later.ports['n.go'])).toEqual([10, 14, 18, 20]);
    const asked = await play(nodes(4), [x(10, 1), x(14, 2), x(30, 3)]);
    expect(values(asked.ports['n.go']).slice(0, 3)).toEqual([1, 1, 2]);
  });

  it('delivers delayed feedback before the timers of the same time', async () => {
    const order: string[] = [];
    const both = defineNode({
      ...base,
      type: 'test.both',
      config: none,
      ports: { in: { a: input(Scalar), back: input(Numbered, { many: true }) }, out: {} },
      state: () => ({}),
      step(_s, tick, _c, _e, ctx) {
        if (tick.a.ticked) ctx.after(5, 1);
        else order.push(`${ctx.timer ? 'timer' : 'feedback'}@${ctx.now}`);
      },
    });
    const nodes: BuildNode[] = [
      { id: 'b', type: both, in: { a: 'src.x', back: 'e.back' } },
      { id: 'ask', type: loop, in: { a: 'src.x' }, with: { rounds: 1 } },
      { id: 'e', type: echo, in: { go: 'ask.go' }, feedback: ['back'], delayUs: 5 },
    ];
    for (const mode of ['generated', 'interpreted'] as const) {
      order.length = 0;
      await play(nodes, [x(10, 1), x(30, 1)], { mode });
      expect(order).toEqual(['feedback@15', 'timer@15']);
    }
  });

  it('stops feedback and timers that never settle with a coded error', async () => {
    const again = defineNode({
      ...base,
      type: 'test.again',
      config: none,
      ports: { in: { a: input(Scalar) }, out: {} },
      state: () => ({}),
      step: (_s, _t, _c, _e, ctx) => ctx.after(0, 1),
    });
    const endless: BuildNode[] = [
      { id: 'n', type: loop, in: { a: 'src.x', back: 'e.back' }, with: { rounds: 5000 } },
      { id: 'e', type: echo, in: { go: 'n.go' }, feedback: ['back'] },
    ];
    await expect(play(endless, [x(10, 1)])).rejects.toMatchObject({ code: 'CHM706', where: { node: 'e' } });
    await expect(play([{ id: 'n', type: again, in: { a: 'src.x' } }], [x(10, 1)])).rejects.toMatchObject({
      code: 'CHM706',
      where: { node: 'n' },
    });
  });
});

describe('an edge that takes one field', () => {
  const rec = (t: number, key: number, price: number, maybe = Number.NaN): InputRow => ({
    t,
    port: 'rec',
    key,
    values: { price, size: 25, volume: 100, fee: 150_000_000, maybe },
  });

  it('gives exact amounts in units by the decimals of their instrument', async () => {
    // Instrument K1 has 1 decimal of price and 2 of quantity, K2 has 2 and 3.
    const nodes = ['price', 'size', 'volume', 'fee'].map(
      (field): BuildNode => ({ id: field, type: join, in: { v: `src.rec.${field}` } }),
    );
    const { ports } = await play(nodes, [rec(1, 1, 123), rec(2, 2, 123)]);
    expect(values(ports['price.value'])).toEqual([12.3 + 0.5, 1.23 + 0.5]);
    expect(values(ports['size.value'])).toEqual([0.25 + 0.5, 0.025 + 0.5]);
    expect(values(ports['volume.value'])).toEqual([0.1 + 0.5, 0.001 + 0.5]);
    expect(values(ports['fee.value'])).toEqual([2, 2]);
  });

  it('does not tick when the field has no value', async () => {
    const { ports } = await play(
      [{ id: 'm', type: join, in: { v: 'src.rec.maybe' } }],
      [rec(1, 0, 1), rec(2, 0, 1, 4), rec(3, 0, 1)],
    );
    expect(ports['m.value']).toEqual(['src#1 t=2 K0 {"value":4.5}']);
  });

  it('gives a list to a port that takes lists: over all keys, and of each record of a many port', async () => {
    const listed = defineNode({
      ...base,
      type: 'test.listed',
      config: none,
      ports: { in: { all: input(Scalar, { key: 'any' }) }, out: { value: output(Scalar) } },
      state: () => ({}),
      step(_s, tick, _c, emit) {
        let sum = 0;
        for (let i = 0; i < tick.all.n; i++) sum += tick.all.at(i).value * (1 + tick.all.at(i).key);
        emit.value({ value: sum });
      },
    });
    const each = defineNode({
      ...base,
      type: 'test.each',
      config: none,
      ports: { in: { list: input(Scalar, { many: true }) }, out: { value: output(Scalar, { many: true }) } },
      state: () => ({}),
      step(_s, tick, _c, emit) {
        for (let i = 0; i < tick.list.n; i++) emit.value({ value: tick.list.at(i).value });
      },
    });
    const nodes: BuildNode[] = [
      { id: 'prices', type: listed, in: { all: 'src.rec.price' }, key: 'none' },
      { id: 'maybes', type: listed, in: { all: 'src.rec.maybe' }, key: 'none' },
      { id: 'b', type: burst, in: { a: 'src.x' } },
      { id: 'places', type: each, in: { list: 'b.list.n' } },
      { id: 'one', type: each, in: { list: 'src.rec.size' } },
    ];
    const rows = [rec(1, 1, 123), rec(2, 2, 123, 3), x(3, 3)];
    const { ports } = await play(nodes, rows);
    expect(values(ports['prices.value'])).toEqual([24.6, 1.23 * 3]);
    expect(values(ports['maybes.value'])).toEqual([9]);
    expect(values(ports['places.value'])).toEqual([0, 1, 2]);
    expect(values(ports['one.value'])).toEqual([0.25, 0.025]);
    expect((await play(nodes, rows, { mode: 'interpreted', blockRows: 1 })).ports).toEqual(ports);
  });

  it('gives amounts of a node without instrument as they are', async () => {
    const total = defineNode({
      ...base,
      type: 'test.total',
      config: none,
      ports: { in: { all: input(Amounts, { key: 'any' }) }, out: { sum: output(Amounts) } },
      state: () => ({ price: 0 }),
      step(s, tick, _c, emit) {
        s.price += tick.all.at(0).price;
        emit.sum({ price: s.price, size: 0, volume: 0, fee: 0, maybe: Number.NaN });
      },
    });
    const { ports } = await play(
      [
        { id: 'sum', type: total, in: { all: 'src.rec' }, key: 'none' },
        { id: 'j', type: join, in: { v: 'sum.sum.price' }, key: 'none' },
      ],
      [rec(1, 1, 123), rec(2, 2, 123)],
    );
    expect(values(ports['j.value'])).toEqual([123.5, 246.5]);
  });

  it('leaves records of keyed lists to their keys', async () => {
    const { ports } = await play(
      [
        { id: 'ask', type: loop, in: { a: 'src.x' }, with: { rounds: 1 } },
        { id: 'ex', type: exchange, in: { go: 'ask.go' }, key: 'none' },
        { id: 's', type: sumAll, in: { x: 'ex.report.value' }, key: 'none' },
      ],
      [x(1, 5, 0), x(2, 6, 2)],
    );
    expect(Object.keys(Numbered.fields)).toEqual(['value', 'n']);
    expect(values(ports['s.value'])).toEqual([12, 12 * 1.5 + 8 * 4]);
  });
});
