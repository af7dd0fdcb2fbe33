import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { HighLow, scalar } from './records.ts';
import { createWindow, push, sum } from './window.ts';

export const volatility = defineNode({
  type: 'feature.volatility',
  version: 1,
  tier: 'silver',
  summary: "Parkinson's range volatility per bar, from highs and lows.",
  doc: 'σ = √( Σ ln(high / low)² / (4 · ln 2 · period) ) over the last `period` bars: the volatility of one bar, from its range, where `feature.realised_volatility` uses closes only. The first output comes with bar number `period`.',
  reference: 'M. Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return, 1980',
  config: z.strictObject({ period: z.int().min(1).default(20).describe('bars') }),
  ports: { in: { bar: input(HighLow) }, out: { value: output(scalar('fraction per bar')) } },
  determinism: 'pure',
  warmup: (c) => ({ bar: c.period }),
  state: (c) => createWindow(c.period),
  step(w, tick, c, emit) {
    const r = Math.log(tick.bar.high / tick.bar.low);
    if (push(w, r * r)) emit.value({ value: Math.sqrt(sum(w) / (4 * Math.LN2 * c.period)) });
  },
});
