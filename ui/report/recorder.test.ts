import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import { KeyTable } from '../../graph/schema/index.ts';
import { registry } from '../cli/registry.ts';
import { runJob } from '../run/run.ts';
import { EquityCurve } from './equity-curve.ts';
import { maxDrawdown, metrics, sampledReturns, sharpe } from './metrics.ts';
import { BacktestRecorder } from './recorder.ts';
import { reportData } from './report-data.ts';

const MINUTE = 60_000;
const dir = mkdtempSync(join(tmpdir(), 'chimera-recorder-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Always long or short 0.5, turned at each full hour by whether the hour rose: fills at the next candle's open. */
const PIPELINE = `
chimera: 1
pipeline: turn
nodes:
  market: { type: source.market, with: { streams: [candle] } }
  hours: { type: silver.candle_bars, in: market.candle, each: instrument, with: { width: 1h } }
  turn:
    type: decision.target
    in: { close: hours.bar.close, open: hours.bar.open }
    with: { warmup: 1, rules: [{ id: up, when: close > open, target: 0.5 }, { id: down, when: close < open, target: -0.5 }] }
  venue: { type: venue.candle, in: { candle: market.candle, order: turn.order }, with: { balance_usdt: 1000, taker_bp: 5 } }
`;

interface Candle {
  t: number;
  open: number;
  close: number;
}
function candles(n: number, seed: number): Candle[] {
  let s = seed;
  const random = () => {
    s = (Math.imul(s, 1103515245) + 12345) >>> 0;
    return s / 2 ** 32;
  };
  let px = 1000;
  return Array.from({ length: n }, (_, i) => {
    // Opens are not the closes before: a fill at the wrong one shows.
    const open = px + Math.round((random() - 0.5) * 4);
    px = open + Math.round((random() - 0.5) * 20);
    return { t: Date.UTC(2025, 0, 1) + i * MINUTE, open, close: px };
  });
}
const csv = (rows: readonly Candle[]) =>
  `open_time,open,high,low,close,volume\n${rows
    .map((c) => `${c.t},${c.open},${Math.max(c.open, c.close)},${Math.min(c.open, c.close)},${c.close},1.5\n`)
    .join('')}`;

/** The same strategy and account as a plain loop over one instrument. */
function byHand(rows: readonly Candle[]) {
  let cash = 1000;
  let position = 0;
  let want = 0;
  const fills: [number, number, number][] = [];
  const t: number[] = [];
  const equity: number[] = [];
  rows.forEach((c, i) => {
    if (want !== position && i > 0) {
      const qty = want - position;
      cash -= qty * c.open + Math.abs(qty) * c.open * 0.0005;
      fills.push([c.t, qty, c.open]);
      position = want;
    }
    t.push((c.t + MINUTE) * 1000);
    equity.push(cash + position * c.close);
    const minute = (c.t / MINUTE) % 60;
    if (minute === 59) {
      const open = rows[i - 59]!.open;
      if (c.close !== open) want = c.close > open ? 0.5 : -0.5;
    }
  });
  return { fills, t, equity };
}

describe('a backtest', () => {
  it('reports the fills, equity, drawdown and Sharpe ratio of a plain loop over the same candles', async () => {
    const rows = candles(15 * 1440, 5);
    const input = join(dir, 'ABC.csv');
    writeFileSync(input, csv(rows));
    const { pipeline } = loadPipeline(PIPELINE, 'turn.yaml', registry);
    const keys = new KeyTable();
    const recorder = new BacktestRecorder(pipeline!, keys);
    const run = await runJob({
      pipeline: pipeline!,
      inputs: [input],
      keys,
      watch: recorder.watch,
      onTap: (tap) => recorder.onTap(tap),
      onBlock: (s, b, r) => recorder.onBlock(s, b, r),
      onCommit: (mark) => recorder.onCommit(mark.now),
      commitInputs: 3000,
    });
    const data = reportData({
      pipeline: pipeline!,
      run,
      recorder,
      inputs: [input],
      profile: null,
      versions: { chimera: '0', node: '0' },
    });
    const m = metrics(data);
    const expected = byHand(rows);

    expect(recorder.feed.candles).toBe(rows.length);
    const signed = data.fills.map((f) => (f.side === 'buy' ? 1 : -1) * Number(f.qty));
    const atOnce: [number, number, number][] = [];
    // A reversal may be one fill or two at one time and price.
    data.fills.forEach((f, i) => {
      const before = atOnce.at(-1);
      if (before?.[0] === f.time_ms) before[1] += signed[i]!;
      else atOnce.push([f.time_ms, signed[i]!, Number(f.price)]);
    });
    expect(atOnce.length).toBeGreaterThan(100);
    expect(atOnce).toEqual(expected.fills);
    expect(data.equity.equity.at(-1)! / 1e8).toBeCloseTo(expected.equity.at(-1)!, 6);
    const dd = maxDrawdown(expected.t, expected.equity, 1000, 0)!;
    expect(m.max_drawdown!.depth).toBeCloseTo(dd.depth, 6);
    expect(m.max_drawdown!.trough_us).toBe(dd.trough_us);
    const first = expected.t[0]!;
    const daily = sampledReturns(expected.t, expected.equity, 1000, first, expected.t.at(-1)!, 86_400e6);
    expect(m.sampling.label).toBe('1 day');
    expect(m.sharpe).toBeCloseTo(sharpe(daily, 365)!, 6);
    expect(m.fees).toBeCloseTo(
      expected.fills.reduce((a, [, q, p]) => a + Math.abs(q) * p * 0.0005, 0),
      6,
    );
  });
});

describe('the equity curve', () => {
  it('keeps the last point of every hour, the extremes and an exact drawdown in bounded memory', () => {
    const curve = new EquityCurve(0);
    const t: number[] = [];
    const px: number[] = [];
    curve.position(0, 0, 1, 0, 0);
    let s = 9;
    for (let i = 1; i <= 200_000; i++) {
      s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
      t.push(i * 7_000_000);
      px.push(1000 + Math.sin(i / 9000) * 400 + (s % 97));
      curve.price(t.at(-1)!, 0, px.at(-1)!, true);
    }
    const series = curve.equity();
    expect(series.t_us.length).toBeLessThan(33_000);
    const top = (xs: readonly number[]) => xs.reduce((a, x) => Math.max(a, x), 0);
    expect(top(series.equity)).toBe(Math.round(top(px) * 1e8));
    expect(curve.drawdown!.depth).toBeCloseTo(maxDrawdown(t, px, 0, 0)!.depth, 9);
    const hours = (ts: number[], vs: number[], scale: number) => {
      const last = new Map<number, number>();
      for (const [i, at] of ts.entries()) last.set(Math.floor(at / 3600e6), Math.round(vs[i]! * scale));
      return [...last];
    };
    expect(hours(series.t_us, series.equity, 1)).toEqual(hours([0, ...t], [0, ...px], 1e8));
  });
});
