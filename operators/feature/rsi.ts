import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const rsi = defineNode({
  type: 'feature.rsi',
  version: 1,
  tier: 'silver',
  summary: 'Relative strength index with Wilder smoothing.',
  doc: `
RSI = 100 · (G / (G + L)). G and L are the mean gain and mean loss of the first \`period\` changes, then
Gₜ = (Gₜ₋₁ · (period − 1) + gainₜ) / period, and L alike. The first output comes with value number period + 1. While there
was no change at all (G = L = 0) the index has no value: no output.`,
  reference: 'J. W. Wilder, New Concepts in Technical Trading Systems, 1978',
  config: z.strictObject({ period: z.int().min(1).default(14).describe('changes') }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('0…100')) } },
  determinism: 'pure',
  warmup: (c) => ({ x: c.period + 1 }),
  state: () => ({ n: 0, last: 0, gain: 0, loss: 0 }),
  step(s, tick, c, emit) {
    const x = tick.x.value;
    const change = x - s.last;
    s.last = x;
    if (++s.n === 1) return;
    const gain = Math.max(change, 0);
    const loss = Math.max(-change, 0);
    const p = c.period;
    if (s.n <= p + 1) {
      s.gain += gain;
      s.loss += loss;
      if (s.n <= p) return;
      s.gain /= p;
      s.loss /= p;
    } else {
      s.gain = (s.gain * (p - 1) + gain) / p;
      s.loss = (s.loss * (p - 1) + loss) / p;
    }
    const both = s.gain + s.loss;
    if (both > 0) emit.value({ value: 100 * (s.gain / both) });
  },
});
