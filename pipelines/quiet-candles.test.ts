import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../graph/checkpoint/memory-store.ts';
import { encode } from '../graph/codec/index.ts';
import type { Pipeline } from '../graph/document/types.ts';
import { tapRow } from '../graph/engine/tap.ts';
import { createPlan } from '../graph/plan/plan.ts';
import { type InputRow, rowsReader } from '../graph/runner/rows-reader.ts';
import { Run, type RunOptions } from '../graph/runner/runner.ts';
import { Candle, KeyTable } from '../graph/schema/index.ts';
import { document, readPipeline } from './testing/play.ts';

const MINUTE = 60_000;
const T = 1_700_000_100_000; // a multiple of five minutes
const PORTS = [{ name: 'candle', schema: Candle }];
const SYMBOLS = ['usdm:A', 'usdm:B', 'usdm:C'];
const TAPS = ['venue.report', 'venue.account'];

/** Minutes of up to three instruments; some are missing, some come again, prices move by up to a percent. */
const candles = fc
  .record({
    symbols: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    minutes: fc.integer({ min: 40, max: 400 }),
    missing: fc.constantFrom(0, 0, 20, 5),
    repeated: fc.constantFrom(0, 0, 30),
  })
  .map(({ symbols, seed, minutes, missing, repeated }): InputRow[] => {
    let state = seed;
    const random = (n: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % n;
    };
    const px = Array.from({ length: symbols }, () => 50_000 + random(9000));
    const rows: InputRow[] = [];
    for (let i = 0; i < minutes; i++)
      for (let key = 0; key < symbols; key++) {
        if (missing > 0 && random(missing) === 0) continue;
        const open = px[key]!;
        const close = open + random(601) - 300;
        px[key] = close;
        const values = {
          open_time_ms: T + i * MINUTE,
          open,
          high: Math.max(open, close) + random(150),
          low: Math.min(open, close) - random(150),
          close,
          volume: random(5000),
        };
        const row = { t: (T + (i + 1) * MINUTE) * 1000, port: 'candle', key, values };
        rows.push(row);
        if (repeated > 0 && random(repeated) === 0) rows.push(row);
      }
    return rows;
  });

const cross = (fill: string): Pipeline =>
  document(readPipeline('bench/ema-cross.yaml').replace('1h', '5m').replace('warmup: 30', 'warmup: 4'), {
    fast: '2',
    slow: '5',
    fill,
  });
const bracket = (fill: string): Pipeline =>
  document(
    readPipeline('bench/bracket.yaml')
      .replace('15m', '3m')
      .replaceAll(/period: \d+/g, 'period: 4')
      .replace('rsi < 70', 'rsi < 99'),
    { fill },
  );
const graphs = [cross('next_open'), cross('close'), bracket('next_open'), bracket('close')];

type Options = Partial<RunOptions> & { blockRows?: number };
async function play(pipeline: Pipeline, rows: InputRow[], { blockRows, ...options }: Options, into: string[] = []) {
  const keys = new KeyTable();
  for (const name of SYMBOLS) keys.declare(name, 2, 3);
  const run = new Run(createPlan(pipeline), {
    keys,
    taps: TAPS,
    readers: { market: async () => rowsReader(PORTS, rows, blockRows) },
    onTap: (tap) => {
      for (let i = 0; i < tap.n; i++)
        into.push(
          `${tap.port} ${tap.cause(i)}#${tap.seq(i)} ${tap.time(i)} ${tap.key(i)} ${JSON.stringify(tapRow(tap, i))}`,
        );
    },
    ...options,
  });
  try {
    const { counters, cycles } = await run.execute();
    const state = Buffer.from(encode(run.engine.snapshot())).toString('base64');
    return { quiet: run.engine.quietRows, seen: { rows: [...into].sort(), counters, cycles, state } };
  } finally {
    await run.close();
  }
}
async function resumed(pipeline: Pipeline, rows: InputRow[], stop: number) {
  const store = new MemoryStore();
  const into: string[] = [];
  const abort = new AbortController();
  const onProgress = ({ events }: { events: number }) => {
    if (events >= stop) abort.abort();
  };
  await play(pipeline, rows, { store, blockRows: 7, signal: abort.signal, onProgress }, into);
  return play(pipeline, rows, { store }, into);
}

describe('candles of which nothing comes', () => {
  it('leave the fills, the account and every state as a cycle for each candle does, in one block, in many, and resumed', async () => {
    let passed = 0;
    let run = 0;
    let fills = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...graphs),
        candles,
        fc.integer({ min: 1, max: 200 }),
        fc.nat(400),
        async (pipeline, rows, size, stop) => {
          const reference = await play(pipeline, rows, { mode: 'interpreted' });
          const generated = await play(pipeline, rows, {});
          expect(generated.seen).toEqual(reference.seen);
          expect((await play(pipeline, rows, { blockRows: size, commitInputs: size })).seen).toEqual(reference.seen);
          expect((await resumed(pipeline, rows, stop)).seen).toEqual(reference.seen);
          passed += generated.quiet;
          run += rows.length;
          fills += reference.seen.rows.filter((r) => r.includes('"exec":"trade"')).length;
        },
      ),
      { numRuns: 60 },
    );
    expect(fills).toBeGreaterThan(300);
    expect(passed).toBeGreaterThan(run * 0.3);
  });
});
