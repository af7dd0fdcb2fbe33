import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, first, oldest, push } from './window.ts';

export const rho = defineNode({
  type: 'feature.rho',
  version: 1,
  tier: 'silver',
  summary: 'Rho, the rebalancing sensitivity: what rebalancing to a constant weight would have earned over holding.',
  doc: `
Two portfolios start with weight w in the asset and 1 − w in cash (no interest, no costs): one is rebalanced to w at every
value, the other is left alone. Over the last \`period\` simple returns rᵢ

ρ = 10,000 / period · [ Σ ln(1 + w · rᵢ) − ln(1 − w + w · Π(1 + rᵢ)) ]   (bp per step)

Positive: prices reverted and rebalancing paid. Negative: prices ran away and rebalancing cost. Zero for w = 0, for w = 1 and for a
single step. Π(1 + rᵢ) is the last value over the first. Values must be positive. The first output comes with value number
period + 1.`,
  reference:
    'A. F. Perold, W. F. Sharpe, Dynamic Strategies for Asset Allocation, 1988; R. Fernholz, B. Shay, Stochastic Portfolio Theory and Stock Market Equilibrium, 1982',
  config: z.strictObject({
    period: z.int().min(1).default(60).describe('returns'),
    weight: z.number().min(0).max(1).default(0.5).describe('share held in the asset'),
  }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('bp per step')) } },
  determinism: 'pure',
  warmup: (c) => ({ x: c.period + 1 }),
  state: (c) => createWindow(c.period + 1),
  step(xs, tick, c, emit) {
    const x = tick.x.value;
    if (!push(xs, x)) return;
    const at = first(xs);
    let rebalanced = 0;
    for (let i = at + 1; i < at + xs.n; i++) rebalanced += Math.log(1 + c.weight * (xs.data[i]! / xs.data[i - 1]! - 1));
    const held = Math.log(1 - c.weight + c.weight * (x / oldest(xs)));
    emit.value({ value: (10_000 * (rebalanced - held)) / c.period });
  },
});
