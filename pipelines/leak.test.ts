import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { map } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadPipeline } from '../graph/document/load.ts';
import { defineRxNode, input, output } from '../graph/node.ts';
import { Registry } from '../graph/registry.ts';
import { px, record, Scalar } from '../graph/schema/index.ts';
import { registry } from '../ui/cli/registry.ts';
import { makeDataset } from '../ui/run/dataset.ts';
import { document, play } from './testing/play.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-leak-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Lines 1 to 8; what a test adds stands on line 9. */
const HEAD = `chimera: 1
pipeline: leak
nodes:
  market: { type: source.synthetic, with: { symbols: [BTCUSDT], duration: 40s } }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1s } }
  fast: { type: feature.ema, in: bars.bar.close, with: { period: 3 } }
  features: { type: feature.join, in: { trigger: bars.bar, fast: fast.value } }
  labels: { type: label.dataset_row, in: { features: features.features, price: bars.bar.close }, with: { horizons: [5s] } }
`;
const PLACE = (line: string, reference: string) => ({
  code: 'CHM401',
  severity: 'error',
  line: 9,
  column: line.indexOf(reference) + 1,
  end_column: line.indexOf(reference) + 1 + reference.length,
});

describe('a label that is led back into the present', () => {
  it.each([
    [
      'a feature',
      '  smooth: { type: feature.ema, in: labels.row.return_5s, with: { period: 3 } }',
      'labels.row.return_5s',
      'smooth',
    ],
    [
      'a join',
      '  again: { type: feature.join, in: { trigger: bars.bar, next: labels.row.return_5s } }',
      'labels.row.return_5s',
      'again',
    ],
    [
      'the trigger of a join',
      '  again: { type: feature.join, in: { trigger: labels.row, fast: fast.value } }',
      'labels.row',
      'again',
    ],
    [
      'a rule',
      '  rules: { type: decision.rules, in: { features: labels.row }, with: { rules: [{ id: peek, when: return_5s > 0, do: { action: intent, intent: enter, side: buy } }] } }',
      'labels.row',
      'rules',
    ],
  ])('is refused by lint at the place where it enters %s', (_, line, reference, node) => {
    const { pipeline, diagnostics } = loadPipeline(`${HEAD}${line}\n`, 'leak.yaml', registry);
    expect(pipeline).toBeUndefined();
    const leaks = diagnostics.filter((d) => d.code === 'CHM401');
    expect(leaks).toEqual([expect.objectContaining(PLACE(line, reference))]);
    expect(leaks[0]!.message).toContain(`"${node}" would see the future: "${reference}"`);
  });

  it('may be kept: a file of labels is read by nobody in the graph', () => {
    const { diagnostics } = loadPipeline(
      `${HEAD}  out: { type: sink.parquet, in: { rows: labels.row } }\n`,
      'x.yaml',
      registry,
    );
    expect(diagnostics).toEqual([]);
  });
});

const Close = record('close', 1, { close: px() });
/**
 * A feature that cheats where lint cannot look: its closure outlives the run, so in every pass but the first it knows the
 * closes that are still to come, and gives the next one out as its own.
 */
function peeking(cheats: boolean) {
  const closes: number[] = [];
  return defineRxNode({
    type: 'test.peek',
    version: 1,
    tier: 'silver',
    summary: 'the close; or the next one where that is known',
    config: z.strictObject({}),
    ports: { in: { bar: input(Close) }, out: { value: output(Scalar) } },
    determinism: 'pure',
    rx(ticks$) {
      let n = 0;
      return {
        out$: ticks$.pipe(
          map((tick) => {
            const { close } = tick.bar;
            if (closes.length === n) closes.push(close);
            n++;
            return { value: { value: cheats ? (closes[n] ?? close) : close } };
          }),
        ),
        stateless: true,
      };
    },
  });
}
const SMUGGLED = `${HEAD.replace(/ {2}labels: .*\n/, '').replace('fast: fast.value }', 'fast: fast.value, peek: peek.value }')}  peek: { type: test.peek, in: bars.bar }
`;
async function dataset(cheats: boolean) {
  const { pipeline, diagnostics } = loadPipeline(SMUGGLED, 'leak.yaml', new Registry([...registry], [peeking(cheats)]));
  expect(diagnostics).toEqual([]);
  const to = join(dir, `${cheats}.parquet`);
  return makeDataset({ pipeline: pipeline!, inputs: [], horizons: ['2s'], to, checkPrefix: 20 });
}

describe('the prefix check of a training set', () => {
  it('finds a feature of an rx node whose closure knows later inputs, and names the row and its column', async () => {
    const report = await dataset(true);
    expect(report.rows).toBeGreaterThan(20);
    expect(report.prefix_check!.changed).toMatchObject({ column: 'peek' });
    expect(report.prefix_check!.changed!.row).toBeLessThan(report.rows);
  });

  it('has nothing to say about the same node when it does not peek', async () => {
    const report = await dataset(false);
    expect(report.prefix_check).toEqual({ cuts: 20, changed: null });
  });
});

it('joins features and what followed in one graph, up to the Parquet of a training set', async () => {
  const store = join(dir, 'run');
  const text = `${HEAD}  out: { type: sink.parquet, in: { rows: labels.row } }\n`;
  const run = await play(document(text), { dir: store });
  const rows = run.on('labels.row').map((r) => r.values);
  const closes = run.on('bars.bar');
  expect(rows.length).toBeGreaterThan(20);
  const { pxScale } = run.keys.find('usdm:BTCUSDT')!;
  for (const row of rows) {
    const t0 = row['t0_us'] as number;
    const before = (t: number) => closes.findLast((b) => b.t < t)!.values['close'] as number;
    const now = closes.find((b) => b.t === t0)!.values['close'] as number;
    expect(row['price']).toBe(now / pxScale);
    expect(row['return_5s']).toBe(before(t0 + 5_000_000) / pxScale / (now / pxScale) - 1);
  }
});
