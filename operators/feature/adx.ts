import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { HighLowClose, scalar } from './records.ts';
import { trueRange } from './true-range.ts';

export const adx = defineNode({
  type: 'feature.adx',
  version: 1,
  tier: 'silver',
  summary: 'Average directional index with +DI and −DI, Wilder smoothing.',
  doc: `
Up-move = highₜ − highₜ₋₁, down-move = lowₜ₋₁ − lowₜ; +DM is the up-move when it is positive and the larger one, −DM alike.
TR, +DM and −DM are summed over the first \`period\` bars after the first, then Sₜ = Sₜ₋₁ − Sₜ₋₁ / period + xₜ.
+DI = 100 · S(+DM) / S(TR); DX = 100 · |+DI − −DI| / (+DI + −DI), 0 without movement; ADX is the mean of the first
\`period\` DX, then Wilder-smoothed. \`plus\` and \`minus\` come with bar period + 1, \`value\` with bar 2 · period.`,
  reference: 'J. W. Wilder, New Concepts in Technical Trading Systems, 1978',
  config: z.strictObject({ period: z.int().min(2).default(14).describe('bars') }),
  ports: {
    in: { bar: input(HighLowClose) },
    out: { value: output(scalar('0…100')), plus: output(scalar('0…100')), minus: output(scalar('0…100')) },
  },
  determinism: 'pure',
  warmup: (c) => ({ bar: 2 * c.period }),
  state: () => ({ n: 0, high: 0, low: 0, close: 0, tr: 0, plus: 0, minus: 0, adx: 0 }),
  step(s, tick, c, emit) {
    const { high, low, close } = tick.bar;
    const up = high - s.high;
    const down = s.low - low;
    const tr = trueRange(high, low, s.close);
    s.high = high;
    s.low = low;
    s.close = close;
    if (++s.n === 1) return;
    const p = c.period;
    const plus = up > 0 && up > down ? up : 0;
    const minus = down > 0 && down > up ? down : 0;
    const smooth = s.n > p + 1;
    s.tr = smooth ? s.tr - s.tr / p + tr : s.tr + tr;
    s.plus = smooth ? s.plus - s.plus / p + plus : s.plus + plus;
    s.minus = smooth ? s.minus - s.minus / p + minus : s.minus + minus;
    if (s.n <= p || s.tr === 0) return;
    const plusDi = (100 * s.plus) / s.tr;
    const minusDi = (100 * s.minus) / s.tr;
    emit.plus({ value: plusDi });
    emit.minus({ value: minusDi });
    const both = plusDi + minusDi;
    const dx = both === 0 ? 0 : (100 * Math.abs(plusDi - minusDi)) / both;
    if (s.n < 2 * p) s.adx += dx;
    else s.adx = s.n === 2 * p ? (s.adx + dx) / p : (s.adx * (p - 1) + dx) / p;
    if (s.n >= 2 * p) emit.value({ value: s.adx });
  },
});
