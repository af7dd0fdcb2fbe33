import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import { tapRow } from '../../graph/engine/tap.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { Registry } from '../../graph/registry.ts';
import { type InputRow, rowsReader } from '../../graph/runner/rows-reader.ts';
import { Run } from '../../graph/runner/runner.ts';
import { KeyTable, MARKET_PORTS } from '../../graph/schema/index.ts';
import { sourceNodes } from '../../sources/index.ts';
import { venueNodes } from '../../venue/index.ts';
import { featureNodes } from '../feature/index.ts';
import { silverNodes } from '../silver/index.ts';
import { decisionNodes } from './index.ts';

/**
 * The strategies of pipelines/bench against plain loops that do the same without a graph. The made-up candles have gaps
 * between close and open, so that a fill at the wrong one of the two shows.
 */
const registry = new Registry(sourceNodes, silverNodes, featureNodes, decisionNodes, venueNodes);
const BENCH = resolve(import.meta.dirname, '../../pipelines/bench');
type Fill = [timeMs: number, side: string, px: number, qty: number];

async function fills(name: string, rows: readonly InputRow[]): Promise<Fill[]> {
  const file = resolve(BENCH, `${name}.yaml`);
  const { pipeline, diagnostics } = loadPipeline(readFileSync(file, 'utf8'), file, registry);
  expect(diagnostics).toEqual([]);
  const ports = (['candle', 'trade', 'book_ticker'] as const).map((p) => ({ name: p, schema: MARKET_PORTS[p] }));
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  const found: Fill[] = [];
  const run = new Run(createPlan(pipeline!), {
    keys,
    taps: ['venue.report'],
    readers: { market: async () => rowsReader(ports, rows) },
    onTap: (tap) => {
      for (let i = 0; i < tap.n; i++) {
        const r = tapRow(tap, i);
        if (r['exec'] === 'trade')
          found.push([
            r['time_ms'],
            r['side'],
            (r['last_px'] as number) / 10,
            (r['last_qty'] as number) / 1000,
          ] as Fill);
      }
    },
  });
  await run.execute();
  await run.close();
  return found;
}

/** Deterministic noise in [−1, 1). */
function noise(seed: number): () => number {
  let x = seed;
  return () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x / 2 ** 31 - 1;
  };
}
interface Candle {
  t: number;
  o: number;
  h: number;
  l: number;
  c: number;
}
/** Prices as integers of 0.1, from 10 minutes past an hour on. */
function candles(n: number): Candle[] {
  const r = noise(11);
  const list: Candle[] = [];
  let last = 200_000;
  for (let i = 0; i < n; i++) {
    const drift = Math.sin(i / 900) * 12;
    const o = Math.round(last + r() * 15);
    const c = Math.round(o + drift + r() * 120);
    const h = Math.max(o, c) + Math.round(Math.abs(r()) * 50);
    const l = Math.min(o, c) - Math.round(Math.abs(r()) * 50);
    list.push({ t: 1_609_459_800_000 + i * 60_000, o, h, l, c });
    last = c;
  }
  return list;
}
const asInput = (k: Candle): InputRow => ({
  t: (k.t + 60_000) * 1000,
  port: 'candle',
  key: 0,
  values: { open_time_ms: k.t, open: k.o, high: k.h, low: k.l, close: k.c, volume: 1000 },
});
const minuteOf = (k: Candle) => k.t / 60_000;
/** Candles from the first full multiple of `width` minutes on. */
const fromFull = (list: readonly Candle[], width: number) =>
  list.slice(list.findIndex((k) => minuteOf(k) % width === 0));
const emaOf = (period: number) => {
  let v: number | undefined;
  return (x: number) => {
    v = v === undefined ? x : v + (2 / (period + 1)) * (x - v);
    return v;
  };
};

describe('the bench strategies', () => {
  it('ema-cross trades as a plain loop does', async () => {
    const all = candles(20_000);
    const fast = emaOf(10);
    const slow = emaOf(30);
    const want: Fill[] = [];
    let bars = 0;
    let held = 0;
    let goal: number | undefined;
    for (const k of fromFull(all, 60)) {
      if (goal !== undefined) {
        want.push([k.t, goal > held ? 'buy' : 'sell', k.o / 10, held === 0 ? 0.1 : 0.2]);
        held = goal;
        goal = undefined;
      }
      if (minuteOf(k) % 60 !== 59) continue;
      const f = fast(k.c / 10);
      const s = slow(k.c / 10);
      if (++bars < 30) continue;
      if (f > s && held <= 0) goal = 0.1;
      else if (f < s && held >= 0) goal = -0.1;
    }
    expect(want.length).toBeGreaterThan(5);
    expect(await fills('ema-cross', all.map(asInput))).toEqual(want);
  });

  it('bracket trades as a plain loop does, with stop and target on the price step', async () => {
    const all = candles(20_000);
    const want: Fill[] = [];
    const fast = emaOf(20);
    const slow = emaOf(50);
    const closes: number[] = [];
    let previous = Number.NaN;
    let gain = 0;
    let loss = 0;
    let atr = 0;
    let n = 0;
    let high = Number.NEGATIVE_INFINITY;
    let low = Number.POSITIVE_INFINITY;
    let state: 'flat' | 'entering' | 'long' = 'flat';
    let stop = 0;
    let target = 0;
    for (const k of fromFull(all, 15)) {
      if (state === 'entering') {
        want.push([k.t, 'buy', k.o / 10, 0.1]);
        stop = Math.floor((k.o / 10 - 2 * atr) * 10);
        target = Math.ceil((k.o / 10 + 3 * atr) * 10);
        state = 'long';
      }
      if (state === 'long' && (k.l <= stop || k.h >= target)) {
        want.push([k.t, 'sell', (k.l <= stop ? Math.min(k.o, stop) : Math.max(k.o, target)) / 10, 0.1]);
        state = 'flat';
      }
      high = Math.max(high, k.h / 10);
      low = Math.min(low, k.l / 10);
      if (minuteOf(k) % 15 !== 14) continue;
      const c = k.c / 10;
      const f = fast(c);
      const s = slow(c);
      closes.push(c);
      if (!Number.isNaN(previous)) {
        n++;
        const up = Math.max(c - previous, 0);
        const down = Math.max(previous - c, 0);
        const range = Math.max(high - low, Math.abs(high - previous), Math.abs(low - previous));
        const w = n <= 14 ? 1 / 14 : undefined;
        gain = w ? gain + up * w : (gain * 13 + up) / 14;
        loss = w ? loss + down * w : (loss * 13 + down) / 14;
        atr = w ? atr + range * w : (atr * 13 + range) / 14;
      }
      previous = c;
      high = Number.NEGATIVE_INFINITY;
      low = Number.POSITIVE_INFINITY;
      if (closes.length < 20 || state !== 'flat') continue;
      const middle = closes.slice(-20).reduce((a, b) => a + b) / 20;
      if (f > s && 100 - 100 / (1 + gain / loss) < 70 && c > middle) state = 'entering';
    }
    expect(want.length).toBeGreaterThan(20);
    expect(await fills('bracket', all.map(asInput))).toEqual(want);
  });

  it('imbalance trades as a plain loop does', async () => {
    const r = noise(5);
    const rows: InputRow[] = [];
    const want: Fill[] = [];
    let t = 1_609_459_200_000_000;
    let bid = 200_000;
    let held = false;
    let order: { t: number; px: number; ahead: number } | undefined;
    for (let i = 0; i < 20_000; i++) {
      t += 1 + Math.round(Math.abs(r()) * 400_000);
      bid += r() > 0.7 ? 1 : r() < -0.7 ? -1 : 0;
      const bid_qty = 1 + Math.round(Math.abs(r()) * 900);
      const ask_qty = 1 + Math.round(Math.abs(r()) * 900);
      const qty = 1 + Math.round(Math.abs(r()) * 300);
      const trade = r() > 0.2;
      const sell = r() > 0;
      if (order && t >= order.t + 5_000_000) order = undefined;
      if (trade) {
        const px = sell ? bid : bid + 1;
        rows.push({
          t,
          port: 'trade',
          key: 0,
          values: {
            id: i,
            px,
            qty,
            side: sell ? 'sell' : 'buy',
            time_ms: 0,
            event_ms: 0,
            on_market: true,
            agg: false,
            first_id: i,
            last_id: i,
          },
        });
        if (order && sell && px <= order.px) {
          if (px === order.px) order.ahead -= qty;
          if (px < order.px || order.ahead < 0) {
            want.push([Math.floor(t / 1000), 'buy', order.px / 10, 0.01]);
            held = true;
            order = undefined;
          }
        }
        continue;
      }
      rows.push({ t, port: 'book_ticker', key: 0, values: { u: i, bid_px: bid, bid_qty, ask_px: bid + 1, ask_qty } });
      const x = (bid_qty - ask_qty) / (bid_qty + ask_qty);
      if (held && x < 0) {
        want.push([Math.floor(t / 1000), 'sell', bid / 10, 0.01]);
        held = false;
      } else if (!held && !order && x > 0.6) order = { t, px: bid, ahead: bid_qty };
    }
    expect(want.length).toBeGreaterThan(200);
    expect(await fills('imbalance', rows)).toEqual(want);
  });
});
