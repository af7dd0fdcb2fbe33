import { z } from 'zod';
import { duration, formatDuration } from '../../graph/document/duration.ts';
import { defineNode, input, type OutPorts, output, type Wiring } from '../../graph/node.ts';
import { type Fields, f64, record, Scalar, us, type Values } from '../../graph/schema/index.ts';

/** Any record: what is read depends on the wiring. */
const AnyRecord = record('any', 1, {});

interface Pending {
  t0: number;
  price: number;
  /** Feature values at t0, in the order of the features' schema. */
  features: Record<string, unknown>;
  returns: number[];
}
export interface DatasetRowState {
  rows: Pending[];
  /** Per horizon: how many of `rows`, from the front, already have their return. */
  done: number[];
}

/** Column of a horizon's return, e.g. `return_12h`. */
export const returnColumn = (horizonUs: number): string => `return_${formatDuration(horizonUs)}`;

/** Features whose kind a training row can carry as it is. */
const carried = (wiring: Wiring): Fields =>
  Object.fromEntries(Object.entries(wiring.inputs['features']?.fields ?? {}).filter(([, f]) => f.kind !== 'list'));

export const datasetRow = defineNode({
  type: 'label.dataset_row',
  version: 1,
  tier: 'gold',
  summary:
    'One training row per decision: the features as of then, joined with the return over each horizon that followed.',
  doc: [
    'At each `features` record the row is opened with the features and the last price before it. When `t0 + h` of engine',
    'time has passed, `return_h = price(t0 + h) / price(t0) − 1`, with the last price known strictly before that time.',
    'The row comes out when its longest horizon has passed: nothing in it was known later than its columns say, and the',
    'port is marked as holding the future, so that no feature can read it.',
  ].join('\n'),
  config: z.strictObject({
    horizons: z.array(duration()).min(1).describe('how far to look ahead, e.g. [12h, 24h]'),
  }),
  ports: {
    in: { features: input(AnyRecord), price: input(Scalar, { passive: true }) },
    out: (c, wiring): OutPorts => ({
      row: output(
        record('dataset_row', 1, {
          t0_us: us(),
          price: f64({ unit: 'quote' }),
          ...carried(wiring),
          ...Object.fromEntries((c as { horizons: number[] }).horizons.map((h) => [returnColumn(h), f64()])),
        }),
        { future: true },
      ),
    }),
  },
  determinism: 'pure',
  state: (c): DatasetRowState => ({ rows: [], done: c.horizons.map(() => 0) }),
  check(c, wiring) {
    const horizons = c.horizons as number[];
    const taken = horizons.filter((h, i) => horizons.indexOf(h) !== i || returnColumn(h) in carried(wiring));
    return taken.map((h) => ({
      code: 'CHM160',
      path: ['horizons', horizons.lastIndexOf(h)],
      message: `column ${returnColumn(h)} would be there twice`,
      help: 'give each horizon once, and name no feature like a return',
    }));
  },
  step(s, tick, c, emit, ctx) {
    const horizons = c.horizons as number[];
    if (ctx.timer > 0) {
      const h = ctx.timer - 1;
      const row = s.rows[s.done[h]!]!;
      row.returns[h] = tick.price.value / row.price - 1;
      s.done[h]!++;
      const next = s.rows[s.done[h]!];
      if (next) ctx.at(next.t0 + horizons[h]!, ctx.timer);
      if (s.done.every((d) => d > 0)) {
        s.rows.shift();
        for (let i = 0; i < s.done.length; i++) s.done[i]!--;
        (emit as unknown as { row(v: Values<typeof AnyRecord>): void }).row({
          t0_us: row.t0,
          price: row.price,
          ...row.features,
          ...Object.fromEntries(horizons.map((x, i) => [returnColumn(x), row.returns[i]])),
        });
      }
      return;
    }
    if (!tick.price.seen) {
      ctx.count('filtered');
      return;
    }
    const features: Record<string, unknown> = {};
    // The view has more fields than this port declares: all of the producer's record.
    for (const [name, value] of Object.entries(tick.features as unknown as Record<string, unknown>))
      if (!RESERVED.has(name) && (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'))
        features[name] = value;
    s.rows.push({ t0: ctx.now, price: tick.price.value, features, returns: [] });
    horizons.forEach((h, i) => {
      if (s.done[i] === s.rows.length - 1) ctx.at(ctx.now + h, i + 1);
    });
  },
});
const RESERVED = new Set(['clock', 'stamp', 'time', 'seen', 'key', 'ticked']);
