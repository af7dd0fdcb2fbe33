import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { mulExact } from '../math/index.ts';
import { defineNode, input, output } from '../node.ts';
import { bool, f64, int, list, money, oneOf, px, qty, record, Scalar, text, Vec } from '../schema/index.ts';
import type { BuildNode } from '../testing/build.ts';
import { add, echo, exchange, fragile, loop, Numbered, timed, x } from './testing-nodes.ts';
import { play } from './testing-play.ts';

const none = z.strictObject({});
const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };
const Everything = record('everything', 1, {
  real: f64(),
  maybe: f64({ nullable: true }),
  count: int(),
  price: px(),
  size: qty({ nullable: true }),
  fee: money(),
  flag: bool(),
  side: oneOf('buy', 'sell'),
  note: text(),
  levels: list('px'),
});
const good = {
  real: 0.5,
  maybe: 1,
  count: 1,
  price: 2,
  size: 3,
  fee: -4,
  flag: true,
  side: 'buy',
  note: 'n',
  levels: new Vec(Float64Array.of(1, 2)),
};
const emitting = (values: object, times = 1) =>
  defineNode({
    ...base,
    type: 'test.emitting',
    config: none,
    ports: { in: { a: input(Scalar) }, out: { out: output(Everything) } },
    state: () => ({}),
    step(_s, _t, _c, emit) {
      for (let i = 0; i < times; i++) emit.out(values as never);
    },
  });
const emit = (values: object) => play([{ id: 'n', type: emitting(values), in: { a: 'src.x' } }], [x(1, 1), x(2, 1)]);

describe('what a port takes', () => {
  it('is every value of its kind, with NaN for no value on a nullable field', async () => {
    const { ports } = await emit({ ...good, maybe: Number.NaN, size: Number.NaN, count: 2 ** 53 - 1, real: -0 });
    expect(ports['n.out']![0]).toContain(
      '"real":"-0","maybe":"NaN","count":9007199254740991,"price":2,"size":"NaN","fee":-4,"flag":true,"side":"buy","note":"n","levels":[1,2]',
    );
  });
  it.each([
    ['real', Number.NaN, 'CHM701', 'out.real is not a finite number: NaN'],
    ['real', Number.POSITIVE_INFINITY, 'CHM701', 'out.real is not a finite number: Infinity'],
    ['real', '5', 'CHM701', 'out.real is not a finite number: 5'],
    ['real', null, 'CHM701', 'out.real is not a finite number: null'],
    ['real', undefined, 'CHM701', 'out.real is not a finite number: undefined'],
    ['maybe', Number.NEGATIVE_INFINITY, 'CHM701', 'out.maybe is not a finite number: -Infinity'],
    ['maybe', null, 'CHM701', 'out.maybe is not a finite number: null'],
    ['count', 1.5, 'CHM702', 'out.count is not an integer: 1.5'],
    ['count', Number.NaN, 'CHM701', 'out.count is not a finite number: NaN'],
    ['price', 2 ** 53, 'CHM702', 'out.price is beyond 2^53: 9007199254740992'],
    ['size', -(2 ** 53), 'CHM702', 'out.size is beyond 2^53: -9007199254740992'],
    ['fee', 0.1 + 0.2, 'CHM702', 'out.fee is not an integer: 0.30000000000000004'],
    ['flag', 1, 'CHM701', 'out.flag is not a bool: 1'],
    ['side', 'long', 'CHM701', 'out.side is none of buy, sell: long'],
    ['note', 5, 'CHM701', 'out.note is not a text: 5'],
    ['levels', [1, 2], 'CHM701', 'out.levels is not a list: 1,2'],
    ['levels', undefined, 'CHM701', 'out.levels is not a list: undefined'],
  ])('is not %s = %s', async (field, value, code, message) => {
    await expect(emit({ ...good, [field]: value })).rejects.toMatchObject({
      code,
      message: `${message} (input src #0, usdm:K0)`,
      where: { node: 'n', source: 'src', seq: 0, field },
    });
  });
  it('is one record per cycle, unless the port is declared many', async () => {
    await expect(play([{ id: 'n', type: emitting(good, 2), in: { a: 'src.x' } }], [x(1, 1)])).rejects.toMatchObject({
      code: 'CHM704',
      where: { node: 'n', seq: 0 },
    });
  });
  it('is a record with a key on a port whose records name theirs', async () => {
    const keyless = defineNode({
      ...base,
      type: 'test.keyless',
      config: none,
      ports: { in: { a: input(Scalar, { key: 'any' }) }, out: { out: output(Scalar, { many: true, keyed: true }) } },
      state: () => ({}),
      step: (_s, _t, _c, emit) => emit.out({ value: 1 }),
    });
    await expect(play([{ id: 'n', type: keyless, in: { a: 'src.x' }, key: 'none' }], [x(1, 1)])).rejects.toMatchObject({
      code: 'CHM701',
      message: expect.stringContaining('names no key'),
      where: { field: 'key' },
    });
  });
  it('refuses a timer without a time or with a tag that is no number ≥ 1', async () => {
    for (const [at, tag] of [
      [Number.NaN, 1],
      [5, 0],
      [5, 1.5],
      [5, -1],
    ] as const) {
      const bad = defineNode({
        ...base,
        type: 'test.bad_timer',
        config: none,
        ports: { in: { a: input(Scalar) }, out: {} },
        state: () => ({}),
        step: (_s, _t, _c, _e, ctx) => ctx.at(at, tag),
      });
      await expect(play([{ id: 'n', type: bad, in: { a: 'src.x' } }], [x(1, 1)])).rejects.toMatchObject({
        code: 'CHM703',
        message: expect.stringContaining('a timer needs'),
      });
    }
  });
});

describe('on_error', () => {
  const f = (onError: 'stop' | 'quarantine'): BuildNode => ({ id: 'f', type: fragile, in: { a: 'src.x' }, onError });
  const short = (rows: string[] | undefined) => (rows ?? []).map((r) => r.split(' ').slice(0, 3).join(' '));

  it('stop names node, input, key and field, and keeps everything up to the last commit', async () => {
    const rows = [x(1, 1), x(2, 1, 1), x(3, 13, 1), x(4, 1)];
    const ports: Record<string, string[]> = {};
    await expect(play([f('stop')], rows, { into: ports, blockRows: 1, commitInputs: 1 })).rejects.toMatchObject({
      code: 'CHM703',
      message: 'thirteen (input src #2, usdm:K1)',
      where: { node: 'f', source: 'src', seq: 2 },
    });
    expect(short(ports['f.value'])).toEqual(['src#0 t=1 K0', 'src#1 t=2 K1']);
    await expect(play([f('stop')], [x(1, 99)])).rejects.toMatchObject({
      code: 'CHM701',
      where: { node: 'f', field: 'value' },
    });
  });

  it('quarantine silences only the failing instance and counts the dead letter', async () => {
    const rows = [x(1, 1, 0), x(2, 1, 1), x(3, 13, 0), x(4, 1, 0), x(5, 1, 1)];
    for (const options of [{}, { mode: 'interpreted' as const }, { blockRows: 1, commitInputs: 1 }]) {
      const { ports, result } = await play([f('quarantine')], rows, options);
      expect(short(ports['f.value'])).toEqual(['src#0 t=1 K0', 'src#1 t=2 K1', 'src#4 t=5 K1']);
      expect(result.counters.dead_lettered).toBe(1);
      expect(result.quarantined).toMatchObject([{ node: 'f', key: 'usdm:K0', seq: 2, code: 'CHM703' }]);
    }
  });

  it('quarantine holds when the very first input of an instrument fails', async () => {
    const { ports, result } = await play([f('quarantine')], [x(1, 1, 1), x(2, 13, 0), x(3, 1, 0), x(4, 1, 1)]);
    expect(short(ports['f.value'])).toEqual(['src#0 t=1 K1', 'src#3 t=4 K1']);
    expect(result.counters.dead_lettered).toBe(1);
  });

  it('quarantine silences several nodes and instances, each with its own dead letter', async () => {
    const nodes: BuildNode[] = [f('quarantine'), { ...f('quarantine'), id: 'g' }];
    const rows = [x(1, 1), x(2, 13), x(3, 1, 1), x(4, 99, 1), x(5, 1, 2)];
    const { ports, result } = await play(nodes, rows);
    for (const port of ['f.value', 'g.value'])
      expect(short(ports[port])).toEqual(['src#0 t=1 K0', 'src#2 t=3 K1', 'src#4 t=5 K2']);
    expect(result.quarantined.map((q) => `${q.node} ${q.key} ${q.seq}`)).toEqual([
      'f usdm:K0 1',
      'g usdm:K0 1',
      'f usdm:K1 3',
      'g usdm:K1 3',
    ]);
    expect(result.counters.dead_lettered).toBe(4);
  });

  it('quarantine holds for a failure in a timer, and takes the timers of the instance along', async () => {
    const ticking = defineNode({
      ...base,
      type: 'test.ticking',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
      state: () => ({ fired: 0 }),
      step(s, tick, _c, emit, ctx) {
        if (!ctx.timer) {
          ctx.after(5, 1);
          ctx.after(8, 2);
          return;
        }
        s.fired++;
        if (tick.a.value === 13 && ctx.timer === 1) throw new Error('in a timer');
        emit.value({ value: s.fired });
      },
    });
    const nodes: BuildNode[] = [{ id: 'n', type: ticking, in: { a: 'src.x' }, onError: 'quarantine' }];
    const rows = [x(10, 13, 0), x(12, 1, 1), x(40, 1, 0), x(50, 1, 1)];
    for (const mode of ['generated', 'interpreted'] as const) {
      const { ports, result } = await play(nodes, rows, { mode, until: 100 });
      expect(ports['n.value']!.map((r) => r.split(' ').slice(1, 3).join(' '))).toEqual([
        't=17 K1',
        't=20 K1',
        't=55 K1',
        't=58 K1',
      ]);
      expect(result.quarantined).toMatchObject([{ node: 'n', key: 'usdm:K0', source: 'n', seq: 0 }]);
      expect(result.counters.dead_lettered).toBe(1);
    }
    await expect(play([{ ...nodes[0]!, onError: 'stop' }], rows)).rejects.toMatchObject({
      code: 'CHM703',
      where: { node: 'n', source: 'n', seq: 0 },
    });
  });

  it('quarantine holds for a failure in a feedback cycle, with and without delay', async () => {
    const picky = defineNode({
      ...base,
      type: 'test.picky',
      config: none,
      ports: { in: { list: input(Numbered, { many: true }) }, out: { value: output(Scalar) } },
      state: () => ({}),
      step(_s, tick, _c, emit) {
        if (tick.list.at(0).n === 0 && tick.list.at(0).value === 6) throw new Error('picky');
        emit.value({ value: tick.list.at(0).n });
      },
    });
    for (const delayUs of [0, 3]) {
      const nodes: BuildNode[] = [
        { id: 'ask', type: loop, in: { a: 'src.x', back: 'e.back' } },
        { id: 'e', type: echo, in: { go: 'ask.go' }, feedback: ['back'], delayUs },
        { id: 'p', type: picky, in: { list: 'e.back' }, onError: 'quarantine' },
      ];
      const rows = [x(10, 5, 0), x(12, 6, 1), x(40, 6, 1), x(50, 7, 0)];
      const { ports, result } = await play(nodes, rows, { until: 100 });
      expect(result.quarantined).toMatchObject([{ node: 'p', key: 'usdm:K1', source: 'e.back' }]);
      const of = (key: string) => ports['p.value']!.filter((r) => r.includes(key)).length;
      expect([of('K0'), of('K1')]).toEqual([6, 2]);
      expect(ports['ask.go']).toHaveLength(12);
    }
  });

  it('a run that fails, goes back and goes on gives the other nodes the outputs of a run that never failed', async () => {
    const others: BuildNode[] = [
      { id: 'a', type: add, in: { a: 'src.x' } },
      { id: 't', type: timed, in: { a: 'a.value' } },
      { id: 'ask', type: loop, in: { a: 't.value', back: 'ex.report' } },
      { id: 'ex', type: exchange, in: { go: 'ask.go' }, key: 'none', feedback: ['report'], delayUs: 2 },
      { id: 'j', type: add, in: { a: 'src.x', b: 'src.y' } },
    ];
    const rows = Array.from({ length: 60 }, (_, i) => x(i * 2, i % 20 === 13 ? 13 : (i % 7) - 2, i % 3));
    const clean = await play(others, rows);
    for (const commitInputs of [1, 7, 1000]) {
      const failed = await play([...others, f('quarantine')], rows, { commitInputs, blockRows: 4 });
      expect(failed.result.counters.dead_lettered).toBeGreaterThan(1);
      const { 'f.value': _, ...ports } = failed.ports;
      expect(ports).toEqual(clean.ports);
    }
  });

  it('keeps the code of a coded error that a step throws, such as an overflow, and says where', async () => {
    const overflowing = defineNode({
      ...base,
      type: 'test.overflowing',
      config: none,
      ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
      state: () => ({}),
      step: (_s, tick, _c, emit) => emit.value({ value: mulExact(tick.a.value, 2 ** 30) }),
    });
    const node: BuildNode = { id: 'o', type: overflowing, in: { a: 'src.x' } };
    const rows = [x(1, 5), x(2, 2 ** 30, 1), x(3, 6)];
    await expect(play([node], rows)).rejects.toMatchObject({ code: 'CHM731', where: { node: 'o', seq: 1 } });
    const { result } = await play([{ ...node, onError: 'quarantine' }], rows);
    expect(result.quarantined).toMatchObject([{ node: 'o', key: 'usdm:K1', code: 'CHM731' }]);
  });
});
