import { z } from 'zod';
import { type ConfigIssue, defineNode, input, output } from '../../graph/node.ts';
import { f64, int, oneOf, record, Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, first, oldest, push } from './window.ts';

const REGIMES = ['range', 'up', 'down'] as const;
type Regime = (typeof REGIMES)[number];
const RegimeRecord = record('regime', 1, {
  regime: oneOf(...REGIMES),
  score: f64({ unit: '−1…1', doc: 'signed efficiency ratio' }),
  age: int({ doc: 'values since the regime began' }),
});
const RegimeShift = record('regime_shift', 1, { from: oneOf(...REGIMES), to: oneOf(...REGIMES) });

const config = z.strictObject({
  period: z.int().min(2).default(20).describe('values over which efficiency is measured'),
  enter: z.number().min(0).max(1).default(0.5).describe('efficiency at which a trend begins'),
  exit: z.number().min(0).max(1).default(0.3).describe('efficiency below which it ends'),
  confirm: z.int().min(1).default(3).describe('values in a row that must say so'),
});

export const regime = defineNode({
  type: 'feature.regime',
  version: 1,
  tier: 'silver',
  summary: 'Market regime: trending up, trending down or ranging, with hysteresis and confirmation.',
  doc: `
Signed efficiency ratio over \`period\` steps: score = (xₜ − xₜ₋ₙ) / Σ|xᵢ − xᵢ₋₁|, in [−1, 1]; 0 without movement. The label wanted
is *up* when score ≥ enter, *down* when score ≤ −enter; a trend goes on while |score| ≥ exit on its side, otherwise it is
*range*. The label changes when the same other label was wanted \`confirm\` values in a row; it never looks ahead and never
takes a past label back. \`value\`: up 1, range 0, down −1. \`shift\` ticks at each change. The first output comes with value
number period + 1 and says *range*.`,
  reference: 'Efficiency ratio: P. J. Kaufman, Smarter Trading, 1995',
  config,
  ports: {
    in: { x: input(Scalar) },
    out: { regime: output(RegimeRecord), value: output(scalar('−1, 0, 1')), shift: output(RegimeShift) },
  },
  determinism: 'pure',
  check: (c: z.output<typeof config>): ConfigIssue[] =>
    c.exit < c.enter
      ? []
      : [
          {
            code: 'CHM870',
            path: ['exit'],
            message: '`exit` must be below `enter`',
            help: 'the gap between them is the hysteresis that keeps the label from flickering',
          },
        ],
  warmup: (c) => ({ x: c.period + 1 }),
  state: (c) => ({
    xs: createWindow(c.period + 1),
    label: 'range' as Regime,
    wanted: 'range' as Regime,
    times: 0,
    age: 0,
  }),
  step(s, tick, c, emit) {
    const x = tick.x.value;
    if (!push(s.xs, x)) return;
    const at = first(s.xs);
    let path = 0;
    for (let i = at + 1; i < at + s.xs.n; i++) path += Math.abs(s.xs.data[i]! - s.xs.data[i - 1]!);
    const score = path === 0 ? 0 : (x - oldest(s.xs)) / path;
    const wanted = want(s.label, score, c.enter, c.exit);
    s.times = wanted === s.wanted ? s.times + 1 : 1;
    s.wanted = wanted;
    s.age++;
    if (wanted !== s.label && s.times >= c.confirm) {
      emit.shift({ from: s.label, to: wanted });
      s.label = wanted;
      s.age = 0;
    }
    emit.regime({ regime: s.label, score, age: s.age });
    emit.value({ value: s.label === 'up' ? 1 : s.label === 'down' ? -1 : 0 });
  },
});

function want(label: Regime, score: number, enter: number, exit: number): Regime {
  if (score >= (label === 'up' ? exit : enter)) return 'up';
  if (score <= (label === 'down' ? -exit : -enter)) return 'down';
  return 'range';
}
