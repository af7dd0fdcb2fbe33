import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type ConfigIssue, type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { Bar, Trade } from '../../graph/schema/index.ts';
import { addById, type BarValues, emptyBar, startBar, type TradeValues } from './bar.ts';

const ports = { in: { trade: input(Trade) }, out: { bar: output(Bar) } };
const config = z.strictObject({
  width: duration({ min: '1ms' }).describe('width of a bar; bars start at multiples of it since the epoch'),
  close: z
    .enum(['next', 'timer'])
    .default('next')
    .describe('written at the first trade of a later bar, or when engine time reaches its end plus the grace'),
  grace: duration().prefault('0s').describe('with `close: timer`: how long late trades may still come in'),
});
type Config = z.output<typeof config>;

interface State {
  /** Bars not written yet, oldest first; with `close: next` at most one. */
  open: BarValues[];
  /** Start of the last written bar, ms. */
  written: number;
  spare: BarValues;
}
const WRITE = 1;

export const timeBars = defineNode({
  type: 'silver.time_bars',
  version: 1,
  tier: 'silver',
  summary: 'Bars of a fixed width in exchange time; only those with a trade.',
  doc: `
A trade belongs to the bar floor(T / width): \`start\` inclusive, \`end\` exclusive. Trades off the market do not count
(\`filtered\`). Open and close are the prices of the lowest and highest id, so that a swap of two trades changes nothing.

\`close: next\` writes a bar when a trade of a later bar arrives, and the last one at the end of the input. \`close: timer\`
(for live use) writes it when engine time reaches \`end + grace\`; a bar whose time has not come at the end of the input
is not written. A trade whose bar is already over is counted \`late\`; it amends the bar if that is not written yet, else it
is dead-lettered (\`dead_lettered\`).`,
  config,
  ports,
  determinism: 'pure',
  check(c: Config): ConfigIssue[] {
    const issues: ConfigIssue[] = [];
    if (c.width % 1000 !== 0)
      issues.push({
        code: 'CHM852',
        path: ['width'],
        message: 'the width of a bar must be a whole number of milliseconds',
        help: 'use 1ms or a multiple of it',
      });
    if (c.close === 'next' && c.grace > 0)
      issues.push({
        code: 'CHM853',
        path: ['grace'],
        message: 'a grace has no effect with `close: next`',
        help: 'set `close: timer`, or leave the grace out',
      });
    return issues;
  },
  state: (): State => ({ open: [], written: Number.NEGATIVE_INFINITY, spare: emptyBar() }),
  step(s: State, tick, c, emit, ctx) {
    if (ctx.timer === WRITE) writeDue(s, c, emit, ctx);
    const t = tick.trade;
    if (!t.ticked) return;
    if (!t.on_market) return ctx.count('filtered');
    const width = c.width / 1000;
    const start = Math.floor(t.time_ms / width) * width;
    const last = s.open.length === 0 ? undefined : s.open[s.open.length - 1]!;
    if (last !== undefined && start === last.start) return addById(last, t);
    if (start <= s.written || (last !== undefined && start < last.start)) return addLate(s, c, t, start, ctx);
    const bar = s.open.length === 0 || c.close === 'timer' ? emptyBar() : s.spare;
    begin(bar, t, start, width);
    if (c.close === 'next' && last !== undefined) {
      s.open[0] = bar;
      s.spare = last;
      s.written = last.start;
      emit.bar(last);
    } else s.open.push(bar);
    if (c.close === 'timer') arm(s, c, ctx);
  },
  end(s: State, c, emit) {
    const bar = s.open[0];
    if (c.close === 'next' && bar) emit.bar(bar);
  },
  examples: [
    {
      title: 'One-second and one-minute bars',
      yaml: `chimera: 1
pipeline: bars
nodes:
  market:  { type: source.market, with: { symbols: [BTCUSDT] } }
  trades:  { type: silver.trades, in: market.trade, each: instrument }
  bars_1s: { type: silver.time_bars, in: trades.trade, with: { width: 1s } }
  bars_1m: { type: silver.time_bars, in: trades.trade, with: { width: 1m } }
`,
    },
  ],
});

function begin(bar: BarValues, t: TradeValues, start: number, width: number): void {
  startBar(bar, t);
  bar.start = start;
  bar.end = start + width;
}

/** A trade of a bar that is over. */
function addLate(s: State, c: Config, t: TradeValues, start: number, ctx: Ctx): void {
  ctx.count('late');
  if (c.close === 'next' || start <= s.written) {
    ctx.count('dead_lettered');
    return;
  }
  let i = s.open.length - 1;
  while (i >= 0 && s.open[i]!.start > start) i--;
  if (i >= 0 && s.open[i]!.start === start) addById(s.open[i]!, t);
  else {
    const bar = emptyBar();
    begin(bar, t, start, c.width / 1000);
    s.open.splice(i + 1, 0, bar);
  }
}

const dueUs = (bar: BarValues, c: Config): number => bar.end * 1000 + c.grace;
function arm(s: State, c: Config, ctx: Ctx): void {
  // A bar that should have been written already is written in the next cycle.
  if (s.open.length > 0) ctx.at(Math.max(ctx.now, dueUs(s.open[0]!, c)), WRITE);
}
/** Writes the oldest bar: one a cycle, as the port carries one. */
function writeDue(s: State, c: Config, emit: Emit<typeof ports.out>, ctx: Ctx): void {
  const bar = s.open[0];
  if (bar && dueUs(bar, c) <= ctx.now) {
    s.open.shift();
    s.written = bar.start;
    emit.bar(bar);
  }
  arm(s, c, ctx);
}
