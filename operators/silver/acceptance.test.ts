import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadPipeline } from '../../graph/document/load.ts';
import { type AnyNode, defineSource, output } from '../../graph/node.ts';
import { Registry } from '../../graph/registry.ts';
import { type InputRow, rowsReader } from '../../graph/runner/rows-reader.ts';
import { runPipeline } from '../../graph/runner/runner.ts';
import { MARKET_PORTS } from '../../graph/schema/index.ts';
import { featureNodes } from '../feature/index.ts';
import { randomBars } from '../feature/testing/series.ts';
import { silverNodes } from './index.ts';
import { DATA, hasRecording, readRecording } from './testing/recording.ts';

/** The pipelines as they are in the repository, with a source that these tests feed themselves. */
const market: AnyNode = defineSource({
  type: 'source.market',
  version: 1,
  tier: 'bronze',
  summary: 'Rows of a test.',
  config: z.object({ symbols: z.array(z.string()).default([]) }),
  ports: { out: Object.fromEntries(Object.entries(MARKET_PORTS).map(([name, schema]) => [name, output(schema)])) },
  determinism: 'journaled',
  open: () => Promise.reject(new Error('rows are given')),
});
const registry = new Registry([market], silverNodes, featureNodes);
const PORTS = Object.entries(MARKET_PORTS).map(([name, schema]) => ({ name, schema }));

interface Feed {
  key: string;
  pxDigits: number;
  qtyDigits: number;
  rows: Omit<InputRow, 'key'>[];
}
type Row = Record<string, unknown>;

async function run(file: string, feeds: Feed[], taps: string[], sets: Record<string, string> = {}) {
  const path = resolve(import.meta.dirname, '../../pipelines', file);
  const { pipeline, diagnostics } = loadPipeline(readFileSync(path, 'utf8'), path, registry, { sets });
  expect(diagnostics).toEqual([]);
  const out: Record<string, Row[]> = Object.fromEntries(taps.map((t) => [t, []]));
  const result = await runPipeline(pipeline!, {
    taps,
    readers: {
      market: async (keys) => {
        const rows = feeds
          .flatMap((f) => {
            const key = keys.declare(f.key, f.pxDigits, f.qtyDigits).index;
            return f.rows.map((r): InputRow => ({ ...r, key }));
          })
          .sort((a, b) => a.t - b.t);
        return rowsReader(PORTS, rows);
      },
    },
    onTap: (tap) => {
      for (let i = 0; i < tap.n; i++)
        out[`${tap.node}.${tap.port}`]!.push({
          seq: tap.seq(i),
          cause: tap.cause(i),
          key: tap.key(i),
          ...Object.fromEntries(Object.keys(tap.schema.fields).map((name, f) => [name, tap.value(i, f)])),
        });
    },
  });
  return { ...result, out };
}

describe('examples', () => {
  it.each([...silverNodes, ...featureNodes].flatMap((n) => (n.examples ?? []).map((e) => [n.type, e] as const)))(
    'of %s lint without a finding',
    (_, example) => {
      expect(loadPipeline(example.yaml, 'example.yaml', registry, {}).diagnostics).toEqual([]);
    },
  );
});

describe('pipelines/acceptance-candles.yaml', () => {
  it('gives each indicator its first output where its definition says', async () => {
    const rows = randomBars(100, 2).map((b) => ({
      t: (b.start + 60_000) * 1000,
      port: 'candle',
      values: { ...b, open_time_ms: b.start },
    }));
    const taps = ['ema20.value', 'rsi14.value', 'atr14.value', 'rv60.value', 'bb20.bands'];
    const feeds = ['usdm:BTCUSDT', 'usdm:ETHUSDT'].map((key) => ({ key, pxDigits: 2, qtyDigits: 3, rows }));
    const { out } = await run('acceptance-candles.yaml', feeds, taps);
    expect(taps.map((t) => out[t]!.length)).toEqual([100, 86, 86, 40, 81].map((n) => 2 * n));
    expect(out['ema20.value']!.slice(0, 2).map((r) => r['value'])).toEqual([
      rows[0]!.values.close / 100,
      rows[0]!.values.close / 100,
    ]);
  });
});

describe.skipIf(!hasRecording('binance-raw/usdm-btcusdt-20240718.gz'))(`pipelines/acceptance.yaml over ${DATA}`, () => {
  const load = (names: string[], key: string, symbol?: string): Feed => {
    const { frames, pxDigits, qtyDigits } = readRecording(names, symbol);
    return { key, pxDigits, qtyDigits, rows: frames.map((f) => ({ t: f.t, port: f.port, values: f.row })) };
  };

  it('keeps several symbols and both markets apart, and agrees with the book tickers of each', async () => {
    const feeds = [
      load(['binance-raw/usdm-btcusdt-20240718.gz'], 'usdm:BTCUSDT'),
      load(['binance-raw/spot-btcusdt-20240808.gz'], 'spot:BTCUSDT'),
      ...['SUSHIUSDT', 'CTKUSDT'].map((s) =>
        load(['cryptofeed/BINANCE_FUTURES.ws.1.0.gz', 'cryptofeed/BINANCE_FUTURES.http.0.0.gz'], `usdm:${s}`, s),
      ),
    ];
    const { out, counters } = await run(
      'acceptance.yaml',
      feeds,
      [
        'book.top',
        'book.depth',
        'book.best',
        'book.state',
        'agree.check',
        'bars_1s.bar',
        'bars_tick.bar',
        'bars_volume.bar',
        'klines.check',
      ],
      { volume_bar: '5' },
    );
    expect(counters).toMatchObject({ late: 0, dead_lettered: 0, dropped: 0 });
    for (const [key, feed] of feeds.entries()) {
      const of = (port: string) => out[port]!.filter((r) => r['key'] === key);
      const top = of('book.top');
      expect(of('book.depth').map((r) => r['u'])).toEqual(top.map((r) => r['u']));
      expect(of('book.state').map((r) => r['state'])).toEqual(['live']);
      const us = new Set(top.map((r) => r['u']));
      const due = feed.rows.filter((r) => r.port === 'book_ticker' && us.has(r.values['u'])).length;
      expect(of('agree.check').map((r) => r['equal'])).toEqual(Array.from({ length: due }, () => true));
      expect(top.every((r) => r['cause'] === 'market')).toBe(true);

      const trades = feed.rows.filter((r) => r.port === 'trade' && r.values['on_market']).map((r) => r.values);
      const sum = (rows: Row[], field: string) => rows.reduce((a, r) => a + (r[field] as number), 0);
      const seconds = of('bars_1s.bar');
      expect(sum(seconds, 'trades')).toBe(trades.length);
      expect(sum(seconds, 'volume')).toBe(sum(trades, 'qty'));
      expect(of('bars_tick.bar')).toHaveLength(Math.floor(trades.length / 100));
      for (const bar of of('bars_volume.bar')) expect(bar['volume']).toBeGreaterThanOrEqual(5 * 10 ** feed.qtyDigits);
      for (const k of of('klines.check')) expect(k['equal']).toBe(true);
    }
  });

  it('shows the book of a plain map at every applied diff', async () => {
    const feed = load(['binance-raw/usdm-btcusdt-20240718.gz'], 'usdm:BTCUSDT');
    const { out } = await run('acceptance.yaml', [feed], ['book.top', 'book.depth']);
    type Lists = Record<string, { toArray(): number[] }>;
    const bids = new Map<number, number>();
    const asks = new Map<number, number>();
    const set = (side: Map<number, number>, px: number[], qty: number[]) => {
      for (const [i, p] of px.entries())
        if (qty[i] === 0) side.delete(p);
        else side.set(p, qty[i]!);
    };
    const apply = (v: Row) => {
      const l = v as unknown as Lists;
      set(bids, l['bid_px']!.toArray(), l['bid_qty']!.toArray());
      set(asks, l['ask_px']!.toArray(), l['ask_qty']!.toArray());
    };
    const snapshot = feed.rows.find((r) => r.port === 'depth_snapshot')!.values;
    apply(snapshot);
    const diffs = feed.rows.filter((r) => r.port === 'depth' && (r.values['u'] as number) >= (snapshot['u'] as number));
    expect(out['book.top']).toHaveLength(diffs.length);
    for (const [i, d] of diffs.entries()) {
      apply(d.values);
      if (i % 7 !== 0) continue;
      const b = [...bids].sort((x, y) => y[0] - x[0]);
      const a = [...asks].sort((x, y) => x[0] - y[0]);
      const s = b[0]![0] + a[0]![0];
      const within = (levels: [number, number][]) =>
        levels.filter(([p]) => Math.abs(2 * p - s) * 1000 <= s).reduce((sum, [, q]) => sum + q, 0);
      expect(out['book.depth']![i]).toMatchObject({
        u: d.values['u'],
        bid1_px: b[0]![0],
        bid1_qty: b[0]![1],
        bid5_px: b[4]![0],
        bid5_qty: b[4]![1],
        ask1_px: a[0]![0],
        ask1_qty: a[0]![1],
        ask5_px: a[4]![0],
        ask5_qty: a[4]![1],
        bid_10bp_qty: within(b),
        ask_10bp_qty: within(a),
      });
    }
  });
});
