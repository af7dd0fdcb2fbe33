import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { scalar, TimedClose } from './records.ts';
import { createWindow, first, mean, push, squares, type Window } from './window.ts';

/** Bars of one instrument that wait for the other's bar of the same time. */
const WAITING = 64;

interface Leg {
  key: number;
  starts: number[];
  closes: number[];
  last: number;
  returns: Window;
}

export const correlation = defineNode({
  type: 'feature.correlation',
  version: 1,
  tier: 'silver',
  summary: "Correlation coefficient: Pearson's r of the log returns of two instruments' bars.",
  doc: `
Bars of the instruments \`a\` and \`b\` are paired by their start; a bar whose partner does not exist (none traded) is left
out on both sides. Over the last \`period\` pairs of log returns r = Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)² · Σ(y − ȳ)²). No output while
one of the two did not move. The node reads two markets at once, so it is declared without \`each\` and its output has no key;
\`feature.broadcast\` gives it to each instrument, e.g. for a \`feature.join\`.`,
  reference: 'K. Pearson, Notes on Regression and Inheritance in the Case of Two Parents, 1895',
  config: z.strictObject({
    a: z.string().min(1).describe('instrument, e.g. usdm:BTCUSDT'),
    b: z.string().min(1).describe('instrument, e.g. usdm:ETHUSDT'),
    period: z.int().min(2).default(60).describe('pairs of returns'),
  }),
  ports: { in: { bar: input(TimedClose, { key: 'any' }) }, out: { value: output(scalar('−1…1')) } },
  determinism: 'pure',
  state: (c) => ({ a: leg(c.period), b: leg(c.period) }),
  step(s, tick, c, emit, ctx) {
    for (let i = 0; i < tick.bar.n; i++) {
      const bar = tick.bar.at(i);
      if (s.a.key < 0 && ctx.keys.at(bar.key).name === c.a) s.a.key = bar.key;
      if (s.b.key < 0 && ctx.keys.at(bar.key).name === c.b) s.b.key = bar.key;
      if (bar.key === s.a.key) wait(s.a, bar.start, bar.close);
      else if (bar.key === s.b.key) wait(s.b, bar.start, bar.close);
    }
    let value = Number.NaN;
    while (pair(s.a, s.b)) value = pearson(s.a.returns, s.b.returns);
    if (!Number.isNaN(value)) emit.value({ value });
  },
  examples: [
    {
      title: 'Correlation of two instruments, joined into the features of each',
      yaml: `chimera: 1
pipeline: correlation
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT, ETHUSDT] } }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1m } }
  corr: { type: feature.correlation, in: bars.bar, with: { a: usdm:BTCUSDT, b: usdm:ETHUSDT } }
`,
    },
  ],
});

const leg = (period: number): Leg => ({ key: -1, starts: [], closes: [], last: 0, returns: createWindow(period) });

function wait(l: Leg, start: number, close: number): void {
  l.starts.push(start);
  l.closes.push(close);
  if (l.starts.length > WAITING) forget(l, 1);
}
function forget(l: Leg, n: number): void {
  l.starts.splice(0, n);
  l.closes.splice(0, n);
}
/** Takes the oldest pair of equal start; bars before it have no partner. */
function pair(a: Leg, b: Leg): boolean {
  for (let i = 0; i < a.starts.length; i++) {
    const j = b.starts.indexOf(a.starts[i]!);
    if (j < 0) continue;
    add(a, i);
    add(b, j);
    return true;
  }
  return false;
}
function add(l: Leg, i: number): void {
  const close = l.closes[i]!;
  // Digits cancel out in the ratio.
  if (l.last > 0) push(l.returns, Math.log(close / l.last));
  l.last = close;
  forget(l, i + 1);
}
/** NaN until both windows are full and both moved. */
function pearson(x: Window, y: Window): number {
  if (x.n < x.size) return Number.NaN;
  const mx = mean(x);
  const my = mean(y);
  const spread = Math.sqrt(squares(x, mx) * squares(y, my));
  if (spread === 0) return Number.NaN;
  const fx = first(x);
  const fy = first(y);
  let both = 0;
  for (let i = 0; i < x.n; i++) both += (x.data[fx + i]! - mx) * (y.data[fy + i]! - my);
  return Math.max(-1, Math.min(1, both / spread));
}
