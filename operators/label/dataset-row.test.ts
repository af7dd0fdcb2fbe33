import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { tapRow } from '../../graph/engine/tap.ts';
import { defineNode, defineSource, input, output } from '../../graph/node.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { type InputRow, rowsReader } from '../../graph/runner/rows-reader.ts';
import { Run } from '../../graph/runner/runner.ts';
import { f64, KeyTable, record, Scalar } from '../../graph/schema/index.ts';
import { type BuildNode, buildPipeline } from '../../graph/testing/build.ts';
import { datasetRow } from './dataset-row.ts';

const none = z.strictObject({});
const PORTS = [{ name: 'price', schema: Scalar }];
const source = defineSource({
  type: 'test.source',
  version: 1,
  tier: 'bronze',
  summary: 'prices',
  config: none,
  ports: { out: { price: output(Scalar) } },
  determinism: 'pure',
  open: async () => rowsReader(PORTS, []),
});
const Features = record('features', 1, { change: f64(), level: f64() });
/** A decision at every third price. */
const features = defineNode({
  type: 'test.features',
  version: 1,
  tier: 'silver',
  summary: 'change since the last price',
  config: none,
  ports: { in: { price: input(Scalar) }, out: { features: output(Features) } },
  determinism: 'pure',
  state: () => ({ n: 0, last: 0 }),
  step(s, tick, _c, emit) {
    const change = tick.price.value - s.last;
    s.last = tick.price.value;
    if (s.n++ % 3 === 2) emit.features({ change, level: tick.price.value });
  },
});

async function rows(prices: InputRow[]): Promise<Record<string, unknown>[]> {
  const out: Record<string, unknown>[] = [];
  const keys = new KeyTable();
  keys.declare('usdm:A');
  const nodes: BuildNode[] = [
    { id: 'src', type: source },
    { id: 'f', type: features, in: { price: 'src.price' } },
    {
      id: 'd',
      type: datasetRow,
      in: { features: 'f.features', price: 'src.price' },
      with: { horizons: ['10us', '25us'] },
    },
  ];
  const pipeline = buildPipeline(nodes);
  const run = new Run(createPlan(pipeline), {
    keys,
    taps: ['d.row'],
    readers: { src: async () => rowsReader(PORTS, prices) },
    onTap: (tap) => {
      for (let i = 0; i < tap.n; i++) out.push(tapRow(tap, i));
    },
  });
  await run.execute();
  return out;
}
const price = (t: number, value: number): InputRow => ({ t, port: 'price', key: 0, values: { value } });

describe('label.dataset_row', () => {
  it('joins features as of the decision with the return over each horizon', async () => {
    const list = [
      price(1, 100),
      price(2, 101),
      price(3, 102),
      price(9, 105),
      price(13, 110),
      price(20, 120),
      price(28, 90),
      price(29, 80),
    ];
    // Decision at t=3 (price 102): at 13 the last price before is 105 (the one at 13 comes after), at 28 it is 120.
    expect(await rows(list)).toEqual([
      { t0_us: 3, price: 102, change: 1, level: 102, return_10us: 105 / 102 - 1, return_25us: 120 / 102 - 1 },
    ]);
  });

  it('gives the same rows for every earlier decision when the input is cut short anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ dt: fc.integer({ min: 0, max: 12 }), v: fc.integer({ min: 1, max: 500 }) }), {
          minLength: 10,
          maxLength: 80,
        }),
        fc.nat(),
        async (steps, at) => {
          let t = 0;
          const list = steps.map((s) => {
            t += s.dt;
            return price(t, s.v);
          });
          const full = await rows(list);
          const part = await rows(list.slice(0, at % list.length));
          expect(part).toEqual(full.slice(0, part.length));
        },
      ),
      { numRuns: 100 },
    );
  });
});
