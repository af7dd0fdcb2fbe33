import { z } from 'zod';
import { type ConfigIssue, defineNode, input, output } from '../../graph/node.ts';
import { scalar, Volume } from './records.ts';
import { createWindow, first, push } from './window.ts';

const config = z.strictObject({
  fast: z.int().min(1).default(5).describe('bars'),
  slow: z.int().min(2).default(20).describe('bars'),
});

export const volumeMomentum = defineNode({
  type: 'feature.volume_momentum',
  version: 1,
  tier: 'silver',
  summary: 'Volume momentum: recent mean volume against a longer mean.',
  doc: 'mean(last `fast` volumes) / mean(last `slow` volumes) − 1: 0 = as usual, 1 = twice as much. Both windows end with the current bar; sums are exact integers. No output while nothing traded. The first output comes with bar number `slow`.',
  reference: 'Volume oscillator: S. B. Achelis, Technical Analysis from A to Z, 1995',
  config,
  ports: { in: { bar: input(Volume) }, out: { value: output(scalar('fraction')) } },
  determinism: 'pure',
  check: (c: z.output<typeof config>): ConfigIssue[] =>
    c.fast < c.slow
      ? []
      : [
          {
            code: 'CHM870',
            path: ['fast'],
            message: 'the fast period must be below the slow one',
            help: 'swap `fast` and `slow`',
          },
        ],
  warmup: (c) => ({ bar: c.slow }),
  state: (c) => createWindow(c.slow),
  step(w, tick, c, emit) {
    if (!push(w, tick.bar.volume)) return;
    const at = first(w);
    let slow = 0;
    let fast = 0;
    for (let i = 0; i < c.slow; i++) {
      slow += w.data[at + i]!;
      if (i >= c.slow - c.fast) fast += w.data[at + i]!;
    }
    if (slow > 0) emit.value({ value: fast / c.fast / (slow / c.slow) - 1 });
  },
});
