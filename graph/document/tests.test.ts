import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadPipeline } from './load.ts';
import { parseIso } from './test-time.ts';
import { testingRegistry } from './testing-registry.ts';
import { loadTests } from './tests.ts';

const read = (name: string) => readFileSync(new URL(`./corpus/${name}`, import.meta.url), 'utf8');
const pipeline = loadPipeline(read('valid/whole.yaml'), 'whole.yaml', testingRegistry).pipeline!;
const START = Date.UTC(2024, 6, 18) * 1000;

describe('tests of pipelines', () => {
  const { tests, diagnostics } = loadTests(read('valid/whole.test.yaml'), 'whole.test.yaml', pipeline);

  it('are read with times in µs, amounts as decimals, defaults and absent values', () => {
    expect(diagnostics).toEqual([]);
    expect(tests.map((t) => t.name)).toEqual(['trades make bars', 'the preset changes nothing that lint sees']);
    const [first, second] = tests;
    expect(first!.startUs).toBe(START);
    expect(first!.untilUs).toBe(START + 90_000_000);
    expect(first!.instruments).toEqual([{ key: 'usdm:BTCUSDT', pxDigits: 1, qtyDigits: 3 }]);
    expect(first!.given.map((e) => [e.atUs - START, e.node, e.port, e.key])).toEqual([
      [0, 'market', 'trade', 'usdm:BTCUSDT'],
      [1_500_000, 'market', 'trade', 'usdm:BTCUSDT'],
      [2_000_000, 'clock', 'tick', undefined],
      [3_000_000, 'market', 'depth', 'usdm:BTCUSDT'],
    ]);
    expect(first!.given[0]!.values).toEqual({
      id: 1,
      px: '100.5',
      qty: '0.001',
      side: 'buy',
      time_ms: START / 1000,
      event_ms: null,
      on_market: true,
      agg: false,
      first_id: 0,
      last_id: 0,
    });
    expect(first!.given[1]!.values).toMatchObject({ px: '101', qty: '2', time_ms: START / 1000 + 1500 });
    expect(first!.given[3]!.values).toMatchObject({ bid_px: ['100', '99.5'], ask_px: [], pu: null });
    expect(first!.mocks).toMatchObject([
      { node: 'middle', emit: [{ port: 'value', values: { value: 0.5 } }] },
      { node: 'slow', emit: [] },
    ]);
    expect(first!.expect.map((e) => [`${e.node}.${e.port}`, e.mode])).toEqual([
      ['bars.bar', 'exact'],
      ['fast.value', 'approx'],
      ['atr.value', 'none'],
      ['orders.order', 'none'],
      ['trades.trade', 'count'],
      ['book.top', 'contains'],
      ['gate.intent', 'unordered'],
    ]);
    expect(first!.expect[0]!.rows[0]).toMatchObject({
      atUs: START + 60_000_000,
      key: 'usdm:BTCUSDT',
      values: { open: '100.5', close: '101', end: START / 1000 + 60_000 },
    });
    expect(first!.expect[1]!.tolerance).toBe(1e-9);
    expect(second).toMatchObject({
      sets: { preset: 'recording', symbols: '["BTCUSDT"]' },
      profile: 'replay',
      expectLint: [{ code: 'CHM310', node: 'fast' }],
    });
  });

  it('are read from the document of the pipeline, too, and other keys of it are left alone', () => {
    const text = `${read('valid/whole.yaml')}tests:\n  - { name: silence, expect: { fast: none } }\n`;
    expect(loadPipeline(text, 'whole.yaml', testingRegistry).diagnostics).toEqual([]);
    const own = loadTests(text, 'whole.yaml', pipeline);
    expect(own.diagnostics).toEqual([]);
    expect(own.tests).toHaveLength(1);
    expect(loadTests(read('valid/whole.yaml'), 'whole.yaml', pipeline)).toEqual({ tests: [], diagnostics: [] });
  });

  it('give every mistake at its place, as the golden file has it', () => {
    const name = 'tests/broken.test.yaml';
    const text = read(name);
    const lines = text.split('\n');
    const broken = loadTests(text, name, pipeline);
    expect(broken.tests).toEqual([]);
    const found = broken.diagnostics.map((d) => ({
      ...d,
      text: lines[d.line - 1]!.slice(d.column - 1, d.end_column - 1),
    }));
    const golden = new URL('./corpus/tests/broken.test.golden.json', import.meta.url);
    if (process.env['UPDATE_GOLDEN']) writeFileSync(golden, `${JSON.stringify(found, null, 2)}\n`);
    expect(found).toEqual(JSON.parse(readFileSync(golden, 'utf8')));
  });

  it('know ISO times to the microsecond, with zones, and refuse dates that do not exist', () => {
    expect(parseIso('2024-07-18T00:00:00Z')).toBe(START);
    expect(parseIso('2024-07-18T08:00:00.000001+08:00')).toBe(START + 1);
    expect(parseIso('2024-02-30T00:00:00Z')).toBeUndefined();
    expect(parseIso('2024-07-18T24:00:00Z')).toBeUndefined();
    expect(parseIso('2024-07-18')).toBeUndefined();
    expect(parseIso('2024-07-18T00:00:00')).toBeUndefined();
  });
});
