import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type ConfigIssue, defineNode, input, type OutPorts, output, type Wiring } from '../../graph/node.ts';
import { f64, type NumberField, type RecordView, record, Scalar, text } from '../../graph/schema/index.ts';
import { Anything } from './records.ts';

const Missing = record('missing_features', 1, { names: text('features without a usable value, comma-separated') });
const config = z.strictObject({
  optional: z.array(z.string()).default([]).describe('inputs that may be missing: they have no value then'),
  max_age: duration().optional().describe('a value older than this at the trigger counts as missing'),
});
type Config = z.output<typeof config>;

interface State {
  /** The record, filled anew at each trigger. */
  row: Record<string, number>;
}

export const join = defineNode({
  type: 'feature.join',
  version: 1,
  tier: 'silver',
  summary: 'Joins features as of a trigger into one record with a field per input.',
  doc: `
Each input beside \`trigger\` becomes a field of that name. When \`trigger\` ticks, the record of the last known values is
written: values that tick in the same cycle are the new ones, later ones are not seen (as-of join). Nothing is written while a
feature that is not \`optional\` was never seen, or is older than \`max_age\`; then \`missing\` names what lacks. An optional
feature without a usable value has no value in the record.`,
  config,
  ports: {
    in: { trigger: input(Anything, { doc: 'any record: its tick is the moment of the join' }) },
    rest: input(Scalar, { passive: true, doc: 'a feature' }),
    out: (c: Config, wiring: Wiring): OutPorts => {
      const fields = Object.entries(wiring.inputs).filter(([name]) => name !== 'trigger');
      return {
        features: output(
          record(
            'features',
            1,
            Object.fromEntries(
              fields.map(([name, schema]) => {
                const unit = (schema.fields['value'] as NumberField | undefined)?.unit;
                return [name, f64({ ...(unit ? { unit } : {}), nullable: c.optional.includes(name) })];
              }),
            ),
          ),
        ),
        missing: output(Missing),
      };
    },
  },
  determinism: 'pure',
  check(c: Config, wiring: Wiring): ConfigIssue[] {
    const names = Object.keys(wiring.inputs).filter((name) => name !== 'trigger');
    const issues: ConfigIssue[] = [];
    if (names.length === 0)
      issues.push({
        code: 'CHM872',
        path: [],
        message: 'no feature is connected',
        help: 'name each feature beside the trigger: `in: { trigger: bars.bar, atr: atr.value }`',
      });
    for (const [i, name] of c.optional.entries())
      if (!names.includes(name))
        issues.push({
          code: 'CHM871',
          path: ['optional', i],
          message: `no input is called "${name}"`,
          help: `connected are: ${names.join(', ') || 'none'}`,
        });
    return issues;
  },
  state: (): State => ({ row: {} }),
  step(s: State, tick, c, emit, ctx) {
    const oldest = c.max_age === undefined ? Number.NEGATIVE_INFINITY : ctx.now - c.max_age;
    let missing = '';
    for (let i = 0; i < ctx.rest.length; i++) {
      const view = tick.rest[i] as RecordView<typeof Scalar>;
      const name = ctx.rest[i]!;
      const usable = view.seen && view.time >= oldest;
      s.row[name] = usable ? view.value : Number.NaN;
      if (!usable && !c.optional.includes(name)) missing += missing === '' ? name : `,${name}`;
    }
    const out = emit as unknown as Record<'features' | 'missing', (values: Record<string, unknown>) => void>;
    if (missing === '') out.features(s.row);
    else out.missing({ names: missing });
  },
  examples: [
    {
      title: 'Features as of each closed bar',
      yaml: `chimera: 1
pipeline: features
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1m } }
  book: { type: silver.order_book, in: { depth: market.depth, snapshot: market.depth_snapshot }, each: instrument }
  atr: { type: feature.atr, in: bars.bar }
  rsi: { type: feature.rsi, in: bars.bar.close }
  spread: { type: feature.spread_bp, in: book.best }
  features:
    type: feature.join
    in: { trigger: bars.bar, atr: atr.value, rsi: rsi.value, spread: spread.value }
    with: { max_age: 5m }
`,
    },
  ],
});
