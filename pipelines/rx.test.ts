import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Pipeline } from '../graph/document/types.ts';
import { nextInt, seedRandom } from '../graph/math/index.ts';
import type { Ctx, RxNode, StepNode } from '../graph/node.ts';
import { type InputRow, rowsReader } from '../graph/runner/rows-reader.ts';
import { Candle, KeyTable } from '../graph/schema/index.ts';
import { document, type PlayOptions, play, ROOT, readPipeline, synthetic, trend } from './testing/play.ts';

const DATA = join(ROOT, process.env['CHIMERA_DATA'] ?? '../shared/data');

/** A step node as an rx node: each tick goes through a Subject, each emission through another. */
function asRx(type: StepNode, sawTimer: () => void): RxNode {
  const { kind: _, step, state, quiet: __, ...rest } = type as StepNode & { quiet?: unknown };
  return {
    ...rest,
    kind: 'rx',
    rx(ticks$: Observable<unknown>, config: unknown, given: unknown) {
      const ctx = given as Ctx & { key: never };
      const out$ = new Subject<Record<string, unknown>>();
      const emit = new Proxy({} as Record<string, (values: object) => void>, {
        get: (_target, port: string) => (values: object) => out$.next({ [port]: values }),
      });
      const own = new Proxy(ctx, {
        get(target, name) {
          if (name === 'at' || name === 'after') sawTimer();
          const value = Reflect.get(target, name, target) as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      let held: unknown;
      let begun = false;
      ticks$.subscribe((tick) => {
        if (!begun) held = state(config as never, ctx.key);
        begun = true;
        step(held, tick as never, config as never, emit as never, own);
      });
      return {
        out$,
        snapshot: () => held,
        restore(s: unknown) {
          held = s;
        },
      };
    },
  } as unknown as RxNode;
}

/** The pipeline with every step node that neither sets timers nor closes anything at the end standing there as an rx node. */
function inRx(pipeline: Pipeline, keep: Set<string>): { pipeline: Pipeline; converted: string[] } {
  const converted: string[] = [];
  const nodes = pipeline.nodes.map((n) => {
    const { type } = n;
    if (type.kind !== 'step' || type.end || type.ports.rest || keep.has(type.type)) return n;
    converted.push(n.id);
    return { ...n, type: asRx(type as StepNode, () => keep.add(type.type)) as typeof n.type };
  });
  return { pipeline: { ...pipeline, nodes }, converted };
}

const TAKES = 'generated steps, interpreted steps, rx';
/** Every port of the three, which must be the same. */
async function sameInAll(
  pipeline: Pipeline,
  options: PlayOptions = {},
): Promise<{ rows: number; converted: string[] }> {
  const generated = await play(pipeline, options);
  const interpreted = await play(pipeline, { ...options, mode: 'interpreted' });
  // Timers are an rx node's scheduler's: what is seen to set one stays as it is.
  const timed = new Set<string>();
  for (;;) {
    const before = timed.size;
    const { pipeline: other, converted } = inRx(pipeline, timed);
    const rx = await play(other, options);
    if (timed.size > before) continue;
    let rows = 0;
    for (const way of [interpreted, rx]) {
      expect(way.ports.sort(), TAKES).toEqual(generated.ports.sort());
      expect(way.result.counters, TAKES).toEqual(generated.result.counters);
      for (const port of generated.ports) {
        expect(way.on(port), port).toEqual(generated.on(port));
        rows += generated.on(port).length;
      }
    }
    return { rows, converted };
  }
}

describe('a graph whose steps stand there as RxJS pipelines', () => {
  it('gives the bytes of the fused and of the interpreted one: a whole strategy, on a market with outages', async () => {
    const { rows, converted } = await sameInAll(trend({}, synthetic('outage_every: 15s', '40s')));
    expect(converted.length).toBeGreaterThan(20);
    expect(rows).toBeGreaterThan(50_000);
  });

  it.each(['ema-cross', 'bracket'])('gives them where candles are passed over by the column (%s)', async (name) => {
    const reader = async () => rowsReader([{ name: 'candle', schema: Candle }], candles());
    const keys = new KeyTable();
    for (const symbol of ['usdm:A', 'usdm:B']) keys.declare(symbol, 2, 3);
    const pipeline = document(readPipeline(`bench/${name}.yaml`));
    // A port of the source that is watched has a cycle for each row.
    const taps = pipeline.nodes.flatMap((n) =>
      n.id === 'market' ? [] : Object.keys(n.out).map((o) => `${n.id}.${o}`),
    );
    const { rows, converted } = await sameInAll(pipeline, { keys, taps, readers: { market: reader } });
    expect(converted.length).toBeGreaterThan(3);
    expect(rows).toBeGreaterThan(500);
  });

  const recorded = ['usdm-btcusdt-20230404.gz', 'usdm-btcusdt-20240718.gz'].map((f) => join(DATA, 'binance-raw', f));
  it.skipIf(!recorded.every((f) => existsSync(f)))('gives them on recordings of the exchange', async () => {
    for (const input of recorded) {
      const pipeline = document(readPipeline('trend.yaml'), { preset: 'recording' });
      const { converted } = await sameInAll(pipeline, { inputs: [input] });
      expect(converted.length).toBeGreaterThan(20);
    }
  });
});

/** Three days of minutes of two instruments, now and then one missing. */
function candles(): InputRow[] {
  const random = seedRandom(7);
  const px = [60_000, 3000];
  const rows: InputRow[] = [];
  for (let i = 0; i < 4320; i++)
    for (let key = 0; key < 2; key++) {
      if (nextInt(random, 97) === 0) continue;
      const open = px[key]!;
      const close = open + nextInt(random, 601) - 300;
      px[key] = Math.max(1000, close);
      const [high, low] = [Math.max(open, close) + nextInt(random, 90), Math.min(open, close) - nextInt(random, 90)];
      const open_time_ms = 1_700_006_400_000 + i * 60_000;
      const values = { open_time_ms, open, high, low, close, volume: nextInt(random, 5000) };
      rows.push({ t: (open_time_ms + 60_000) * 1000, port: 'candle', key, values });
    }
  return rows;
}
