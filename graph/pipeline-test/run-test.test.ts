import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { flatten } from '../../operators/flow/index.ts';
import { MemoryBus } from '../bus/memory-bus.ts';
import { loadPipeline } from '../document/load.ts';
import { loadTests } from '../document/tests.ts';
import { Amounts, add, asking, burst, collect, echo, loop, source, sumAll, timed } from '../engine/testing-nodes.ts';
import { defineNode, defineSink, input, output } from '../node.ts';
import { Registry } from '../registry.ts';
import { Scalar } from '../schema/index.ts';
import { runTest, type TestResult } from './run-test.ts';

const none = z.strictObject({});
const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };
const scalars = { in: { a: input(Scalar) }, out: { value: output(Scalar) } };

const amounts = defineNode({
  ...base,
  type: 'test.amounts',
  config: none,
  ports: { in: { a: input(Amounts) }, out: { out: output(Amounts) } },
  state: () => ({ price: 0 }),
  step(s, tick, _c, emit) {
    s.price += tick.a.price;
    emit.out({ price: s.price, size: tick.a.size, volume: tick.a.volume, fee: tick.a.fee, maybe: tick.a.maybe });
  },
});
/** Its sum lives beside its state, so that no checkpoint carries it. */
const memory = new WeakMap<object, number>();
const hidden = defineNode({
  ...base,
  type: 'test.hidden',
  config: none,
  ports: scalars,
  state: () => ({}),
  step(_s, tick, _c, emit, ctx) {
    const sum = (memory.get(ctx) ?? 0) + tick.a.value;
    memory.set(ctx, sum);
    emit.value({ value: sum });
  },
});
/** Forgets only the sign of zero. */
const unsigned = defineNode({
  ...base,
  type: 'test.unsigned',
  config: none,
  ports: scalars,
  state: () => ({ zero: -0 }),
  step(s, _t, _c, emit) {
    emit.value({ value: s.zero });
    // A state that a checkpoint of text would not carry; this one does.
    s.zero = -0;
  },
});
const forgetful = defineNode({
  ...base,
  type: 'test.forgetful',
  config: none,
  ports: scalars,
  state: () => ({}),
  step(_s, _t, _c, emit, ctx) {
    emit.value({ value: memory.has(ctx) ? -0 : 0 });
    memory.set(ctx, 1);
  },
});
let written = 0;
const sink = defineSink({
  ...base,
  tier: 'gold',
  determinism: 'external',
  type: 'test.sink',
  config: none,
  ports: { in: { a: input(Scalar, { key: 'any' }) } },
  open: async () => ({
    write: () => {
      written++;
    },
    commit: async () => {},
    rollback: () => {},
    close: async () => {},
  }),
});
const registry = new Registry([
  flatten,
  asking(() => {
    throw new Error('a test asked');
  }),
  source,
  add,
  burst,
  collect,
  echo,
  loop,
  sumAll,
  timed,
  amounts,
  hidden,
  unsigned,
  forgetful,
  sink,
]);

const PIPELINE = `
chimera: 1
pipeline: small
params: { plus: 0 }
nodes:
  src: { type: test.source }
  sum: { type: test.add, in: { a: src.x, b: src.y }, each: instrument, with: { plus: $plus } }
  later: { type: test.timed, in: { a: sum.value }, with: { after: 5 } }
  ask: { type: test.loop, in: { a: src.x, back: answer.back }, each: instrument, with: { rounds: 2 } }
  answer: { type: test.echo, in: ask.go, feedback: [back], delay: 3us }
  total: { type: test.sum_all, in: { x: sum.value } }
  money: { type: test.amounts, in: src.rec, each: instrument }
  out: { type: test.sink, in: { a: sum.value } }
`;
async function run(tests: string, pipeline = PIPELINE): Promise<TestResult[]> {
  const load = (sets: Readonly<Record<string, string>>) => loadPipeline(pipeline, 'small.yaml', registry, { sets });
  const { pipeline: resolved, diagnostics } = load({});
  expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
  const loaded = loadTests(`chimera: 1\ntests:${tests}`, 'small.test.yaml', resolved!);
  expect(loaded.diagnostics).toEqual([]);
  const results: TestResult[] = [];
  for (const t of loaded.tests) results.push(await runTest(t, { load, openBus: async () => new MemoryBus() }));
  return results;
}
const messages = (r: TestResult[]) => r.flatMap((t) => t.failures.map((f) => `${f.line}: ${f.message}`));
const given = `
    instruments: { usdm:A: { px_digits: 1, qty_digits: 2 } }
    given:
      - { at: 0us, node: src, port: x, values: { value: 2 } }
      - { at: 10us, node: src, port: y, values: { value: -4 } }`;

describe('a test of a pipeline', () => {
  it('holds when every port does what is expected, and is run in every way there is', async () => {
    written = 0;
    const [result] = await run(`
  - name: all modes${given}
    advance: 30us
    expect:
      sum.value: [{ at: 0us, key: usdm:A, values: { value: 2.001 } }, { at: 10us, values: { value: -1.998 } }]
      later.value: { unordered: [{ at: 15us, values: { value: 998.002 } }, { at: 5us }, { at: 8us }] }
      ask.go: { count: 2 }
      total.value: { approx: [{ values: { value: 4.002 } }, { values: { value: 2.0069 } }], tolerance: 0.001 }
      answer.back: { contains: [{ at: 3us, values: { n: 0 } }] }
      money.out: none
`);
    expect(messages([result!])).toEqual([]);
    expect(result).toMatchObject({ name: 'all modes', passed: true });
    expect(result!.ways.map((w) => [w.way, w.skipped === undefined])).toEqual([
      ['straight', true],
      ['resumed', true],
      ['parquet', false],
      ['redis', true],
    ]);
    // A test reaches nothing outside of itself.
    expect(written).toBe(0);
  });
  it('flattens lists, and lets the fallback of an asynchronous node count: it asks nobody', async () => {
    const pipeline = `
chimera: 1
pipeline: small
nodes:
  src: { type: test.source }
  list: { type: test.burst, in: src.x, each: instrument }
  flat: { type: flow.flatten, in: list.list }
  sum: { type: test.add, in: { a: flat.n } }
  ask: { type: test.asking, in: src.x, each: instrument }
`;
    const r = await run(
      `
  - name: flattened
    instruments: { usdm:A: { px_digits: 1, qty_digits: 2 } }
    given:
      - { at: 0us, node: src, port: x, key: usdm:A, values: { value: 2 } }
      - { at: 0us, node: src, port: x, key: usdm:A, values: { value: 3 } }
    expect:
      flat.record: [{ values: { n: 0 } }, { values: { n: 1 } }, { values: { n: 0 } }, { values: { n: 1 } }, { values: { n: 2 } }]
      sum.value: { approx: [{ at: 0us, values: { value: 1 } }, { values: { value: 2 } }, { values: { value: 1 } }, { values: { value: 2 } }, { values: { value: 3 } }], tolerance: 0.01 }
      # Twice −2 is the fallback of the question, with a quarter for its being late.
      ask.value: [{ values: { value: 0.251 } }, { values: { value: 1.251 } }]
`,
      pipeline,
    );
    expect(messages(r)).toEqual([]);
    expect(r[0]!.ways[1]).toEqual({ way: 'resumed' });
  });
  it('advances engine time beyond the last event only as far as it says', async () => {
    const later = (advance: string, count: number) => `
  - name: "to the end${advance}"${given}
${advance}
    expect: { later.value: { count: ${count} } }
`;
    expect(messages(await run(later('', 2) + later('    advance: 14us', 2) + later('    advance: 15us', 3)))).toEqual(
      [],
    );
  });
  it('states amounts in units, nothing for an absent value, and other instruments by name', async () => {
    const r = await run(`
  - name: amounts
    instruments: { usdm:A: { px_digits: 1, qty_digits: 2 }, usdm:B: { px_digits: 3, qty_digits: 0 } }
    given:
      - { at: 0us, node: src, port: rec, key: usdm:A, values: { price: 10.5, size: 0.25, volume: 1, fee: -0.00000001 } }
      - { at: 1us, node: src, port: rec, key: usdm:B, values: { price: 0.125, size: 3, volume: 1, fee: 0, maybe: 1 } }
      - { at: 2us, node: src, port: rec, key: usdm:A, values: { price: 0.1, size: 0.01, volume: 0.001, fee: 0 } }
    expect:
      money.out:
        - { key: usdm:A, values: { price: 10.5, size: 0.25, fee: -0.00000001, maybe: null } }
        - { key: usdm:B, values: { price: 0.125, size: 3, maybe: 1 } }
        - { key: usdm:A, values: { price: 10.6, volume: 0.001 } }
`);
    expect(messages(r)).toEqual([]);
  });
  it('lets mocks and given events stand for nodes, and sets for parameters', async () => {
    const r = await run(`
  - name: mocked
    sets: { plus: 100 }
    instruments: { usdm:A: { px_digits: 0, qty_digits: 0 } }
    given:
      - { at: 0us, node: src, port: x, values: { value: 1 } }
      - { at: 7us, node: answer, port: back, values: { value: 1, n: 0 } }
    mocks:
      later: { emit: [{ at: 2us, port: value, values: { value: 42 } }] }
    expect:
      sum.value: [{ values: { value: 101.001 } }]
      later.value: [{ at: 2us, values: { value: 42 } }]
      ask.go: [{ at: 0us, values: { n: 1 } }, { at: 7us, values: { n: 0 } }]
`);
    expect(messages(r)).toEqual([]);
  });
  it('says line, row, field and both values of what does not hold', async () => {
    const r = await run(
      `
  - name: failing${given}
    advance: 20us
    expect:
      sum.value: [{ values: { value: 2.001 } }, { values: { value: 7 } }]
      later.value: none
      ask.go: { count: 3 }
      answer.back:
        - { at: 4us }
        - { at: 3us }
      total.value:
        unordered:
          - { values: { value: 1 } }
      src.x: [{ key: usdm:A, values: { value: 2 } }, { values: { value: 3 } }]
      src.y: []
`,
    );
    expect(r[0]!.passed).toBe(false);
    expect(messages(r)).toEqual([
      '10: sum.value row 2 (line 10): value is -1.998, expected 7; it gave { at: 10us, key: usdm:A, value: -1.998 }',
      '11: later.value should be silent, but gave 3 row(s), first { at: 5us, key: usdm:A, value: 1002.001 }',
      '12: ask.go should give 3 row(s), gave 2',
      '13: answer.back row 1 (line 14): expected at 4us, came at 0us; it gave { at: 0us, key: usdm:A, value: 2, n: 1 }',
      '16: total.value does not give the row of line 18',
      '19: src.x gives 1 of 2 row(s); missing is the row of line 19',
      '20: src.y gives 1 more row(s), first { at: 10us, key: usdm:A, value: -4 }',
    ]);
  });
  it('shows amounts of a failing row in units', async () => {
    const r = await run(`
  - name: failing
    instruments: { usdm:A: { px_digits: 1, qty_digits: 2 } }
    given: [{ at: 0us, node: src, port: rec, values: { price: 10.5, size: 0.25, volume: 1, fee: 0.5 } }]
    expect:
      money.out: [{ values: { price: 10.4, maybe: null } }]
      src.rec: { contains: [{ values: { size: 0.2 } }] }
`);
    expect(messages(r)).toEqual([
      '7: money.out row 1 (line 7): price is 10.5, expected 10.4; it gave { at: 0us, key: usdm:A, price: 10.5, size: 0.25, volume: 1, fee: 0.5, maybe: null }',
      '8: src.rec never gives the row of line 8 (in this order); it gave 1 row(s)',
    ]);
  });
  it('fails when the findings of lint are not those expected', async () => {
    const r = await run(`
  - name: refused
    sets: { plus: text }
    expect_lint: [{ code: CHM103 }]
  - name: not refused
    sets: { plus: text }
    expect: { sum.value: none }
`);
    expect(r.map((t) => t.passed)).toEqual([false, false]);
    expect(messages(r)[0]).toBe('3: lint does not report CHM103');
    expect(messages(r)[1]).toMatch(/^3: lint reports CHM\d+ \(\d+:\d+\) /);
    expect(messages(r)[2]).toMatch(/^6: the pipeline does not lint: /);
    const code = /CHM\d+/.exec(messages(r)[1]!)![0];
    expect(
      (await run(`\n  - { name: refused, sets: { plus: text }, expect_lint: [{ code: ${code} }] }\n`))[0]!.passed,
    ).toBe(true);
  });
});

describe('the resumed way', () => {
  const one = (type: string) => `
chimera: 1
pipeline: one
nodes:
  src: { type: test.source }
  n: { type: ${type}, in: src.x, each: instrument }
`;
  const test = (values: string) => `
  - name: n
    instruments: { usdm:A: { px_digits: 0, qty_digits: 0 } }
    given:
      - { at: 0us, node: src, port: x, values: { value: 1 } }
      - { at: 1us, node: src, port: x, values: { value: 2 } }
    expect: { n.value: [${values}] }
`;
  it('catches a node that keeps something beside its state', async () => {
    const [result] = await run(test('{ values: { value: 1 } }, { values: { value: 3 } }'), one('test.hidden'));
    expect(result!.passed).toBe(false);
    expect(messages([result!])).toEqual([
      expect.stringContaining(
        'run resumed: n.value row 2 differs from the straight run: {"t":1704067200000001,"key":0,"values":{"value":2}} instead of',
      ),
    ]);
    expect(result!.ways.find((w) => w.way === 'resumed')!.failed).toContain('"value":2');
  });
  it('catches a difference of the sign of zero, and passes a state that keeps it', async () => {
    const zeros = test('{}, {}').replaceAll('{}, {}', '{ at: 0us }, { at: 1us }');
    const [bad] = await run(zeros, one('test.forgetful'));
    expect(bad!.ways.find((w) => w.way === 'resumed')!.failed).toContain('n.value row 2');
    const [good] = await run(zeros, one('test.unsigned'));
    expect(messages([good!])).toEqual([]);
  });
});
