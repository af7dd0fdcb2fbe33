import { z } from 'zod';
import { type ConfigIssue, defineNode, input, output } from '../../graph/node.ts';
import { f64, record, Scalar } from '../../graph/schema/index.ts';

const Macd = record('macd', 1, { line: f64(), signal: f64(), histogram: f64() });
const config = z.strictObject({
  fast: z.int().min(1).default(12).describe('values'),
  slow: z.int().min(2).default(26).describe('values'),
  signal: z.int().min(1).default(9).describe('values of the line'),
});

export const macd = defineNode({
  type: 'feature.macd',
  version: 1,
  tier: 'silver',
  summary: 'Moving average convergence/divergence: fast minus slow EMA, its own EMA, and their difference.',
  doc: 'All averages are `feature.ema`: α = 2 / (n + 1), seeded with the first value. line = fast − slow, signal = EMA of the line, histogram = line − signal. The first output comes with value number slow + signal − 1.',
  reference: 'G. Appel, Technical Analysis: Power Tools for Active Investors, 2005',
  config,
  ports: { in: { x: input(Scalar) }, out: { macd: output(Macd) } },
  determinism: 'pure',
  check: (c: z.output<typeof config>): ConfigIssue[] =>
    c.fast < c.slow
      ? []
      : [
          {
            code: 'CHM870',
            path: ['fast'],
            message: 'the fast period must be below the slow one',
            help: 'swap `fast` and `slow`, or leave both at 12 and 26',
          },
        ],
  warmup: (c) => ({ x: c.slow + c.signal - 1 }),
  state: () => ({ n: 0, fast: 0, slow: 0, signal: 0 }),
  step(s, tick, c, emit) {
    const x = tick.x.value;
    const first = s.n === 0;
    s.fast = first ? x : s.fast + (2 / (c.fast + 1)) * (x - s.fast);
    s.slow = first ? x : s.slow + (2 / (c.slow + 1)) * (x - s.slow);
    const line = s.fast - s.slow;
    s.signal = first ? line : s.signal + (2 / (c.signal + 1)) * (line - s.signal);
    if (++s.n >= c.slow + c.signal - 1) emit.macd({ line, signal: s.signal, histogram: line - s.signal });
  },
});
