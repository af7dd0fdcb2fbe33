import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadPipeline } from '../graph/document/load.ts';
import type { Pipeline } from '../graph/document/types.ts';
import { defineNode, defineSource, input, output } from '../graph/node.ts';
import { Registry } from '../graph/registry.ts';
import { type InputRow, rowsReader } from '../graph/runner/rows-reader.ts';
import { f64, record, Scalar, text } from '../graph/schema/index.ts';
import { DuckDb } from '../lake/duckdb.ts';
import { openEmbeddedStore } from '../sinks/store/index.ts';
import { registry } from '../ui/cli/registry.ts';
import { document, play } from './testing/play.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-factors-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const START_US = 1_704_067_200_000_000;

const MARKET = `chimera: 1
pipeline: factors
nodes:
  market: { type: source.synthetic, with: { symbols: [BTCUSDT, ETHUSDT], duration: 90s } }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1s } }
`;

it('correlates two instruments as a second library does over the same window [S2.15]', async () => {
  const text = `${MARKET}  corr: { type: feature.correlation, in: bars.bar, with: { a: "usdm:BTCUSDT", b: "usdm:ETHUSDT", period: 30 } }\n`;
  const run = await play(document(text));
  const values = run.on('corr.value');
  expect(values.length).toBeGreaterThan(30);
  const closes = (key: string, t: number) =>
    new Map(
      run
        .on('bars.bar')
        .filter((r) => r.key === key && r.t <= t)
        .map((r) => [r.values['start'], r.values['close'] as number]),
    );
  const db = await DuckDb.open({ threads: 1, memoryMb: 64 });
  const connection = await db.connect();
  for (const { t, values: v } of values.filter((_, i) => i % 7 === 0)) {
    const [a, b] = [closes('usdm:BTCUSDT', t), closes('usdm:ETHUSDT', t)];
    const starts = [...a.keys()].filter((s) => b.has(s)).slice(-31);
    expect(starts.length).toBe(31);
    const pairs = starts
      .slice(1)
      .map((s, i) => [Math.log(a.get(s)! / a.get(starts[i]!)!), Math.log(b.get(s)! / b.get(starts[i]!)!)]);
    const sql = `SELECT corr(y, x) FROM (VALUES ${pairs.map(([x, y]) => `(${x}::DOUBLE, ${y}::DOUBLE)`).join(', ')}) AS p(x, y)`;
    const reader = await connection.runAndReadAll(sql);
    expect(v['value']).toBeCloseTo(Number(reader.getRows()[0]![0]), 12);
  }
  db.close();
});

it('lets a rule read the Elliott score like any other factor [S2.17]', async () => {
  const text = `${MARKET}  atr: { type: feature.atr, in: bars.bar }
  waves: { type: feature.elliott, in: bars.bar, with: { reversal_bp: 1 } }
  features: { type: feature.join, in: { trigger: bars.bar, close: bars.bar.close, atr: atr.value, elliott: waves.value } }
  rules:
    type: decision.rules
    in: { features: features.features }
    with:
      rules:
        - id: impulse
          when: elliott >= 0.6 && atr > 0
          do: { action: intent, intent: enter, side: buy, stop: close - 2 * atr }
`;
  const run = await play(document(text));
  const fired = run
    .on('rules.verdict')
    .filter((r) => r.values['rule'] === 'impulse' && r.values['outcome'] === 'enter');
  const scores = run.on('features.features');
  expect(fired.length).toBeGreaterThan(0);
  expect(fired.map((r) => [r.t, r.key])).toEqual(
    scores.filter((r) => (r.values['elliott'] as number) >= 0.6).map((r) => [r.t, r.key]),
  );
  expect(scores.length).toBeGreaterThan(fired.length);
});

/** A factor in one object: headlines of another program, as a score that fades. */
const News = record('news', 1, { headline: text(), score: f64() });
const news = defineSource({
  type: 'research.news',
  version: 1,
  tier: 'bronze',
  summary: 'scored headlines',
  config: z.strictObject({}),
  ports: { out: { news: output(News) } },
  determinism: 'journaled',
  async open(_, env) {
    const { index: key } = env.keys.declare('usdm:BTCUSDT', 1, 3);
    const row = (s: number, headline: string, score: number): InputRow => ({
      t: START_US + s * 1_000_000 + 1,
      port: 'news',
      key,
      values: { headline, score },
    });
    const rows = [row(5, 'nothing happens', 0), row(30, 'a bank buys', 0.9), row(60, 'a bank sells', -0.8)];
    return rowsReader([{ name: 'news', schema: News }], rows);
  },
});
const Print = record('print', 1, {});
const mood = defineNode({
  type: 'research.mood',
  version: 1,
  tier: 'silver',
  summary: 'last score, halved every ten seconds',
  config: z.strictObject({}),
  ports: { in: { news: input(News), bar: input(Print) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  state: () => ({ score: Number.NaN, since: 0 }),
  step(s, tick, _c, emit, ctx) {
    if (tick.news.ticked) {
      s.score = tick.news.score;
      s.since = ctx.now;
    }
    if (tick.bar.ticked && !Number.isNaN(s.score))
      emit.value({ value: s.score * Math.exp((-Math.LN2 * (ctx.now - s.since)) / 1e7) });
  },
});
const RESEARCH = `${MARKET}  news: { type: research.news }
  mood: { type: research.mood, in: { news: news.news, bar: bars.bar }, each: instrument }
  hedge: { type: feature.correlation, in: bars.bar, with: { a: "usdm:BTCUSDT", b: "usdm:ETHUSDT", period: 10 } }
  both: { type: feature.broadcast, in: { each: bars.bar, value: hedge.value } }
  features: { type: feature.join, in: { trigger: bars.bar, mood: mood.value, hedge: both.value } }
  rules:
    type: decision.rules
    in: { features: features.features }
    with:
      rules:
        - { id: cheer, when: mood > 0.3, do: { action: intent, intent: enter, side: buy } }
        - { id: hedged, when: hedge > 0.99, do: { action: skip_entry } }
  documents: { type: sink.documents, in: { features: features.features, signal: rules.verdict } }
`;

describe('factors of the team’s own', () => {
  const load = (list: Registry): Pipeline => {
    const { pipeline, diagnostics } = loadPipeline(RESEARCH, 'research.yaml', list);
    expect(diagnostics).toEqual([]);
    return pipeline!;
  };

  it('need their own object and an entry in the document: fed from outside, or from two markets, and used by a rule [S2.25] [S2.26]', async () => {
    // Without the two objects the document is refused; with them nothing else had to change.
    expect(loadPipeline(RESEARCH, 'research.yaml', registry).diagnostics.map((d) => d.code)).toContain('CHM200');
    const dir = join(root, 'research');
    const run = await play(load(new Registry([...registry], [news, mood])), { dir });
    const entered = run.on('rules.verdict').filter((r) => r.values['outcome'] === 'enter');
    expect(entered.length).toBeGreaterThan(5);
    // Between the good headline and its fading: 0.9 × 2^(−t/10) > 0.3 for 15.8 s.
    for (const r of entered) {
      expect(r.key).toBe('usdm:BTCUSDT');
      expect(r.t).toBeGreaterThan(START_US + 30e6);
      expect(r.t).toBeLessThan(START_US + 30e6 + 15.9e6);
    }
    // Stored and found as every factor is.
    const store = openEmbeddedStore(dir);
    const [signal] = await store.query('by_time', {
      collection: 'signals',
      from: entered[0]!.t,
      to: entered[0]!.t + 1,
    });
    expect(signal).toMatchObject({
      rule: 'cheer',
      features: run.on('features.features').find((r) => r.t === entered[0]!.t)!.values,
    });
    expect(Object.keys(signal!['features'] as object)).toEqual(['mood', 'hedge']);
    await store.close();
  });

  it('are part of the same replay: interpreted and resumed at every commit they say the same', async () => {
    const list = new Registry([...registry], [news, mood]);
    const straight = await play(load(list));
    const interpreted = await play(load(list), { mode: 'interpreted', commitInputs: 777 });
    for (const port of straight.ports) expect(interpreted.on(port), port).toEqual(straight.on(port));
  });
});
