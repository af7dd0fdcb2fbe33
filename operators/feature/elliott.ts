import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { HighLow, scalar } from './records.ts';

/** A turning point of the zigzag: price, and whether it is a top. */
interface Pivot {
  px: number;
  top: boolean;
}
/** Pivots kept: six bound the five waves of an impulse. */
const KEEP = 6;

export const elliott = defineNode({
  type: 'feature.elliott',
  version: 1,
  tier: 'silver',
  summary:
    'Elliott wave structure score: how well the last five swings keep the rules of an impulse. Off unless named.',
  doc: `
Swings come from a causal zigzag: a top is confirmed when a low falls \`reversal_bp\` below the highest high since the last bottom, a
bottom alike; a confirmed pivot never changes. Over the last six pivots (waves 1–5) the score is the mean of five tests, each 0 or 1,
with the sign of the impulse (first pivot a bottom: upwards, +):
1. wave 2 does not pass the start of wave 1; 2. wave 3 goes beyond the end of wave 1; 3. wave 3 is not the shortest of 1, 3, 5;
4. wave 4 does not enter the territory of wave 1; 5. wave 5 goes beyond the end of wave 3.
It ticks when a pivot is confirmed, from the sixth on. The market has no duty to move in waves: this is one input among others, and
no default feature list has it.`,
  reference:
    'R. N. Elliott, The Wave Principle, 1938; rules after A. J. Frost, R. R. Prechter, Elliott Wave Principle, 1978',
  config: z.strictObject({ reversal_bp: z.int().min(1).max(10_000).default(50).describe('size of a swing, bp') }),
  ports: { in: { bar: input(HighLow) }, out: { value: output(scalar('−1…1')) } },
  determinism: 'pure',
  state: () => ({ pivots: [] as Pivot[], started: false, rising: false, high: 0, low: 0 }),
  step(s, tick, c, emit) {
    const { high, low } = tick.bar;
    if (!s.started) {
      s.started = true;
      s.high = high;
      s.low = low;
      return;
    }
    const turnsDown = (s.pivots.length === 0 || s.rising) && low <= s.high * (1 - c.reversal_bp / 10_000);
    const turnsUp = (s.pivots.length === 0 || !s.rising) && high >= s.low * (1 + c.reversal_bp / 10_000);
    if (turnsDown) {
      confirm(s.pivots, { px: s.high, top: true });
      s.rising = false;
      s.low = low;
      s.high = high;
    } else if (turnsUp) {
      confirm(s.pivots, { px: s.low, top: false });
      s.rising = true;
      s.high = high;
      s.low = low;
    } else {
      s.high = Math.max(s.high, high);
      s.low = Math.min(s.low, low);
      return;
    }
    if (s.pivots.length === KEEP) emit.value({ value: score(s.pivots) });
  },
});

function confirm(pivots: Pivot[], p: Pivot): void {
  pivots.push(p);
  if (pivots.length > KEEP) pivots.shift();
}
function score(p: readonly Pivot[]): number {
  const sign = p[0]!.top ? -1 : 1;
  // Mirrored downward impulses read as upward ones.
  const [a, b, c, d, e, f] = p.map((x) => sign * x.px) as [number, number, number, number, number, number];
  const [one, three, five] = [b - a, d - c, f - e];
  const tests = [c > a, d > b, three >= one || three >= five, e > b, f > d];
  return (sign * tests.filter(Boolean).length) / tests.length;
}
