import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MemoryStore } from '../checkpoint/memory-store.ts';
import { defineNode, defineSource, input, output } from '../node.ts';
import { createPlan } from '../plan/plan.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import { Run, runPipeline } from '../runner/runner.ts';
import { f64, int, KeyTable, record, Scalar } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { tapRow } from './tap.ts';

const none = z.strictObject({});
const Numbered = record('numbered', 1, { value: f64(), n: int() });
const source = defineSource({
  type: 'test.source',
  version: 1,
  tier: 'bronze',
  summary: 'rows',
  config: none,
  ports: { out: { x: output(Scalar), y: output(Scalar), all: output(Scalar, { key: 'none' }) } },
  determinism: 'pure',
  open: async () => rowsReader(PORTS, []),
});
const PORTS = ['x', 'y', 'all'].map((name) => ({ name, schema: Scalar }));
const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };

const add = defineNode({
  ...base,
  type: 'test.add',
  config: z.strictObject({ plus: z.number().default(1) }),
  ports: { in: { a: input(Scalar), b: input(Scalar, { optional: true }) }, out: { value: output(Scalar) } },
  state: () => ({ runs: 0, sum: 0 }),
  step(s, tick, c, emit) {
    s.runs++;
    s.sum += tick.a.value;
    emit.value({ value: (tick.a.seen ? tick.a.value : 0) + (tick.b.seen ? tick.b.value : 0) + c.plus + s.runs * 1e-3 });
  },
});
const burst = defineNode({
  ...base,
  type: 'test.burst',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { list: output(Numbered, { many: true }) } },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    for (let n = 0; n < Math.abs(Math.trunc(tick.a.value)) % 4; n++) emit.list({ value: tick.a.value, n });
  },
});
const collect = defineNode({
  ...base,
  type: 'test.collect',
  config: none,
  ports: { in: { list: input(Numbered, { many: true }) }, out: { value: output(Scalar) } },
  state: () => ({ total: 0 }),
  step(s, tick, _c, emit) {
    for (let i = 0; i < tick.list.n; i++) s.total += tick.list.at(i).value * 10 + tick.list.at(i).n;
    emit.value({ value: s.total });
  },
});
const sumAll = defineNode({
  ...base,
  type: 'test.sum_all',
  config: none,
  ports: { in: { x: input(Scalar, { key: 'any' }) }, out: { value: output(Scalar) } },
  state: () => ({ total: 0 }),
  step(s, tick, _c, emit) {
    for (let i = 0; i < tick.x.n; i++) s.total += tick.x.at(i).value * (1 + tick.x.at(i).key);
    emit.value({ value: s.total });
  },
});
const shared = defineNode({
  ...base,
  type: 'test.shared',
  config: none,
  ports: { in: { x: input(Scalar), g: input(Scalar, { key: 'none' }) }, out: { value: output(Scalar) } },
  state: () => ({}),
  step(_s, tick, _c, emit, ctx) {
    emit.value({ value: (tick.x.seen ? tick.x.value : 0) + (tick.g.seen ? tick.g.value : 0) + ctx.key.index * 100 });
  },
});
const timed = defineNode({
  ...base,
  type: 'test.timed',
  config: z.strictObject({ after: z.int().default(5) }),
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  state: () => ({ last: 0 }),
  step(s, tick, c, emit, ctx) {
    if (ctx.timer) emit.value({ value: s.last + ctx.timer * 1000 });
    else {
      s.last = tick.a.value;
      ctx.after(c.after, 1);
      if (tick.a.value > 0) ctx.after(c.after + 3, 2);
      else ctx.cancel(2);
    }
  },
});
const counterNode = defineNode({
  ...base,
  type: 'test.loop',
  config: z.strictObject({ rounds: z.int().default(3) }),
  ports: {
    in: { a: input(Scalar), back: input(Numbered, { many: true, optional: true }) },
    out: { go: output(Numbered, { many: true }) },
  },
  state: () => ({ left: 0 }),
  step(s, tick, c, emit) {
    if (tick.a.ticked) s.left = c.rounds;
    if (s.left > 0) {
      s.left--;
      emit.go({ value: tick.a.value, n: s.left });
    }
  },
});
const echo = defineNode({
  ...base,
  type: 'test.echo',
  config: none,
  ports: { in: { go: input(Numbered, { many: true }) }, out: { back: output(Numbered, { many: true }) } },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    for (let i = 0; i < tick.go.n; i++) emit.back({ value: tick.go.at(i).value, n: tick.go.at(i).n });
  },
});
const fragile = defineNode({
  ...base,
  type: 'test.fragile',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  state: () => ({ n: 0 }),
  step(s, tick, _c, emit) {
    s.n++;
    if (tick.a.value === 13) throw new Error('thirteen');
    emit.value({ value: tick.a.value === 99 ? Number.NaN : s.n });
  },
});

const keys = (n = 2) => {
  const table = new KeyTable();
  for (let k = 0; k < n; k++) table.declare(`usdm:K${k}`);
  return table;
};
const x = (t: number, value: number, key = 0, port = 'x'): InputRow => ({ t, port, key, values: { value } });

/** Runs a pipeline over rows and returns all taps as one list of lines, in order per port. */
async function play(nodes: BuildNode[], rows: InputRow[], options: Record<string, unknown> = {}) {
  const lines: string[] = [];
  const run = new Run(createPlan(buildPipeline([{ id: 'src', type: source }, ...nodes])), {
    keys: keys(3),
    taps: '*',
    readers: { src: async () => rowsReader(PORTS, rows, (options['blockRows'] as number) ?? 1024) },
    onTap: (tap) => {
      for (let i = 0; i < tap.n; i++)
        lines.push(
          `${tap.node}.${tap.port} ${tap.cause(i)}#${tap.seq(i)} t=${tap.time(i)} k=${tap.key(i)} ${JSON.stringify(tapRow(tap, i))}`,
        );
    },
    ...options,
  });
  try {
    const result = await run.execute();
    return { lines, result, engine: run.engine };
  } finally {
    await run.close();
  }
}
const of = (lines: string[], port: string) =>
  lines.filter((l) => l.startsWith(`${port} `)).map((l) => l.slice(port.length + 1));

describe('the engine', () => {
  it('runs each marked node once per cycle, whatever the depth of a diamond', async () => {
    const nodes: BuildNode[] = [{ id: 'd0', type: add, in: { a: 'src.x' } }];
    for (let d = 1; d <= 10; d++) {
      nodes.push({ id: `l${d}`, type: add, in: { a: `d${d - 1}.value` } });
      nodes.push({ id: `r${d}`, type: add, in: { a: `d${d - 1}.value` } });
      nodes.push({ id: `d${d}`, type: add, in: { a: `l${d}.value`, b: `r${d}.value` } });
    }
    const { lines } = await play(nodes, [x(1, 1), x(2, 2)]);
    expect(of(lines, 'd10.value')).toHaveLength(2);
  });

  it('delivers every record of a many port in order within the same cycle', async () => {
    const { lines } = await play(
      [
        { id: 'b', type: burst, in: { a: 'src.x' } },
        { id: 'c', type: collect, in: { list: 'b.list' } },
      ],
      [x(1, 3), x(2, 4), x(3, 2)],
    );
    expect(of(lines, 'b.list')).toHaveLength(5);
    expect(of(lines, 'c.value')).toEqual(['src#0 t=1 k=0 {"value":93}', 'src#2 t=3 k=0 {"value":134}']);
  });

  it('keeps instances apart by key and lets an unkeyed node see all keys', async () => {
    const { lines } = await play(
      [
        { id: 'a', type: add, in: { a: 'src.x' }, with: { plus: 0 } },
        { id: 's', type: sumAll, in: { x: 'a.value' }, key: 'none' },
      ],
      [x(1, 1, 0), x(2, 1, 1), x(3, 1, 0)],
    );
    expect(of(lines, 'a.value').map((l) => l.slice(l.indexOf('k=')))).toEqual([
      'k=0 {"value":1.001}',
      'k=1 {"value":1.001}',
      'k=0 {"value":1.002}',
    ]);
    expect(of(lines, 's.value')[1]).toContain(String(1.001 + 1.001 * 2));
  });

  it('sends an unkeyed value to every live key in order of name', async () => {
    const { lines } = await play(
      [{ id: 'h', type: shared, in: { x: 'src.x', g: 'src.all' } }],
      [x(1, 1, 1), x(2, 1, 0), x(3, 7, -1, 'all')],
    );
    expect(of(lines, 'h.value').slice(2)).toEqual(['src#2 t=3 k=0 {"value":8}', 'src#2 t=3 k=1 {"value":108}']);
  });

  it('fires timers before the input they precede, at exactly their due time, also when re-armed and cancelled', async () => {
    const { lines } = await play(
      [{ id: 't', type: timed, in: { a: 'src.x' } }],
      [x(10, 1), x(12, 2), x(17, -3), x(40, 4)],
    );
    expect(of(lines, 't.value')).toEqual(['t#0 t=17 k=0 {"value":1002}', 't#1 t=22 k=0 {"value":997}']);
  });

  it('delivers feedback in the next cycle at the same time, or after its delay', async () => {
    const nodes = (delayUs: number): BuildNode[] => [
      { id: 'n', type: counterNode, in: { a: 'src.x', back: 'e.back' } },
      { id: 'e', type: echo, in: { go: 'n.go' }, feedback: ['back'], delayUs },
    ];
    const now = await play(nodes(0), [x(10, 1), x(20, 2)]);
    expect(of(now.lines, 'n.go').map((l) => l.split(' ')[1])).toEqual(['t=10', 't=10', 't=10', 't=20', 't=20', 't=20']);
    const later = await play(nodes(4), [x(10, 1), x(20, 2)]);
    expect(of(later.lines, 'n.go').map((l) => l.split(' ')[1])).toEqual(['t=10', 't=14', 't=18', 't=20']);
  });

  it('stops feedback that never settles with a coded error', async () => {
    await expect(
      play(
        [
          { id: 'n', type: counterNode, in: { a: 'src.x', back: 'e.back' }, with: { rounds: 5000 } },
          { id: 'e', type: echo, in: { go: 'n.go' }, feedback: ['back'] },
        ],
        [x(10, 1)],
      ),
    ).rejects.toMatchObject({ code: 'CHM706' });
  });

  it('takes a field out of a record as a scalar', async () => {
    const { lines } = await play(
      [
        { id: 'n', type: counterNode, in: { a: 'src.x' } },
        { id: 'a', type: add, in: { a: 'src.x.value' } },
      ],
      [x(10, 5)],
    );
    expect(of(lines, 'a.value')).toEqual(['src#0 t=10 k=0 {"value":6.001}']);
  });

  it('names node, input and field when a step fails twice, and has committed everything before', async () => {
    const rows = [x(1, 1), x(2, 13), x(3, 3)];
    await expect(play([{ id: 'f', type: fragile, in: { a: 'src.x' } }], rows)).rejects.toMatchObject({
      code: 'CHM703',
      where: { node: 'f', source: 'src', seq: 1 },
    });
    await expect(play([{ id: 'f', type: fragile, in: { a: 'src.x' } }], [x(1, 99)])).rejects.toMatchObject({
      code: 'CHM701',
      where: { node: 'f', field: 'value' },
    });
  });

  it('quarantines only the failing instance and counts the dead letter [S3.14]', async () => {
    const rows = [x(1, 1, 0), x(2, 1, 1), x(3, 13, 0), x(4, 1, 0), x(5, 1, 1)];
    const { lines, result } = await play([{ id: 'f', type: fragile, in: { a: 'src.x' }, onError: 'quarantine' }], rows);
    expect(of(lines, 'f.value').map((l) => l.split(' ').slice(0, 3).join(' '))).toEqual([
      'src#0 t=1 k=0',
      'src#1 t=2 k=1',
      'src#4 t=5 k=1',
    ]);
    expect(result.counters.dead_lettered).toBe(1);
    expect(result.quarantined).toMatchObject([{ node: 'f', key: 'usdm:K0', seq: 2, code: 'CHM703' }]);
  });

  it('merges sources by time, then declaration', async () => {
    const order: string[] = [];
    await runPipeline(
      buildPipeline([
        { id: 'one', type: source },
        { id: 'two', type: source },
        { id: 'a', type: add, in: { a: 'one.x', b: 'two.x' } },
      ]),
      {
        keys: keys(),
        taps: ['one.x', 'two.x', 'a.value'],
        readers: {
          one: async () => rowsReader(PORTS, [x(1, 1), x(5, 1), x(5, 2)], 2),
          two: async () => rowsReader(PORTS, [x(0, 1), x(5, 1), x(9, 2)], 2),
        },
        onTap: (tap) => {
          if (tap.node === 'a') for (let i = 0; i < tap.n; i++) order.push(`${tap.cause(i)}#${tap.seq(i)}`);
        },
      },
    );
    expect(order).toEqual(['two#0', 'one#0', 'one#1', 'one#2', 'two#1', 'two#2']);
  });
});

/** A graph with everything: diamonds, lists, all keys, broadcast, timers, feedback with and without delay. */
const whole = (extra: BuildNode[] = []): BuildNode[] => [
  { id: 'a', type: add, in: { a: 'src.x' } },
  { id: 'b', type: add, in: { a: 'a.value', b: 'src.y' }, with: { plus: 2 } },
  { id: 'd', type: add, in: { a: 'a.value', b: 'b.value' } },
  { id: 'm', type: burst, in: { a: 'b.value' } },
  { id: 'c', type: collect, in: { list: 'm.list' } },
  { id: 's', type: sumAll, in: { x: 'd.value' }, key: 'none' },
  { id: 'h', type: shared, in: { x: 'c.value', g: 's.value' } },
  { id: 't', type: timed, in: { a: 'h.value' } },
  { id: 'u', type: timed, in: { a: 't.value' }, with: { after: 2 } },
  { id: 'n', type: counterNode, in: { a: 'u.value', back: 'e.back' } },
  { id: 'e', type: echo, in: { go: 'n.go' }, feedback: ['back'], delayUs: 3 },
  { id: 'n2', type: counterNode, in: { a: 'c.value', back: 'e2.back' } },
  { id: 'e2', type: echo, in: { go: 'n2.go' }, feedback: ['back'] },
  ...extra,
];
const anyRows = fc.array(
  fc.record({
    dt: fc.integer({ min: 0, max: 6 }),
    value: fc.integer({ min: -5, max: 9 }),
    key: fc.integer({ min: 0, max: 2 }),
    port: fc.constantFrom('x', 'x', 'y', 'all'),
  }),
  { maxLength: 60 },
);
const rowsOf = (list: { dt: number; value: number; key: number; port: string }[]): InputRow[] => {
  let t = 100;
  return list.map((r) => {
    t += r.dt;
    return x(t, r.value, r.port === 'all' ? -1 : r.key, r.port);
  });
};

describe('determinism of the engine', () => {
  it('the generated plan and the interpreter agree on every output', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, async (list) => {
        const generated = await play(whole(), rowsOf(list));
        const interpreted = await play(whole(), rowsOf(list), { mode: 'interpreted', blockRows: 7 });
        expect(interpreted.lines.sort()).toEqual(generated.lines.sort());
      }),
      { numRuns: 60 },
    );
  });

  it('stopping at every commit and resuming from the snapshot changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, async (list) => {
        const rows = rowsOf(list);
        const straight = await play(whole(), rows);
        const lines: string[] = [];
        const store = new MemoryStore();
        for (let stop = 0; stop <= rows.length; stop++) {
          const abort = new AbortController();
          const part = await play(whole(), rows, {
            store,
            commitInputs: 1,
            blockRows: 1,
            keys: new KeyTable(),
            readers: {
              src: async (table: KeyTable) => {
                for (let k = 0; k < 3; k++) table.declare(`usdm:K${k}`);
                return rowsReader(PORTS, rows, 1);
              },
            },
            ...(stop < rows.length ? { onProgress: () => abort.abort(), signal: abort.signal } : {}),
          });
          lines.push(...part.lines);
        }
        expect(lines.sort()).toEqual(straight.lines.sort());
      }),
      { numRuns: 15 },
    );
  });

  it('the failing and re-run path gives the outputs of a run that never failed', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => x(i * 2, i === 30 ? 13 : (i % 7) - 2, i % 3));
    const nodes = whole([{ id: 'f', type: fragile, in: { a: 'src.x' }, onError: 'quarantine' }]);
    const failed = await play(nodes, rows, { commitInputs: 8, blockRows: 4 });
    const clean = await play(
      whole([{ id: 'f', type: fragile, in: { a: 'src.x' } }]),
      rows.map((r, i) => (i === 30 ? x(r.t, r.values['value'] as number, r.key) : r)),
      { mode: 'interpreted', taps: '*' },
    ).catch(() => undefined);
    expect(clean).toBeUndefined();
    const without = await play(whole(), rows);
    const others = failed.lines.filter((l) => !l.startsWith('f.'));
    expect(others.sort()).toEqual(without.lines.sort());
  });
});
