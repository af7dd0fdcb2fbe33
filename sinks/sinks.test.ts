import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineNode, defineSource, input, output } from '../graph/node.ts';
import { type InputRow, rowsReader } from '../graph/runner/rows-reader.ts';
import { runPipeline } from '../graph/runner/runner.ts';
import { f64, int, KeyTable, OrderReport, px, record } from '../graph/schema/index.ts';
import { type BuildNode, buildPipeline } from '../graph/testing/build.ts';
import { documents } from './documents/documents.ts';
import { csvFiles } from './file-sink.ts';
import { sinkNodes } from './index.ts';
import { parquet } from './parquet/parquet.ts';
import { openEmbeddedStore } from './store/index.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-sinks-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const Tick = record('tick', 1, { bid: px() });
const Sum = record('sum', 1, { total: px(), n: int(), mean: f64() });
const market = defineSource({
  type: 'source.test',
  version: 1,
  tier: 'bronze',
  summary: 'Ticks from a test.',
  config: z.strictObject({}),
  ports: { out: { tick: output(Tick) } },
  determinism: 'external',
  open: async () => rowsReader([], []),
});
const sum = defineNode({
  type: 'feature.sum',
  version: 1,
  tier: 'silver',
  summary: 'Sum of all bids.',
  config: z.strictObject({}),
  ports: { in: { tick: input(Tick) }, out: { sum: output(Sum) } },
  determinism: 'pure',
  state: () => ({ n: 0, total: 0 }),
  step(s, tick, _c, emit) {
    s.n++;
    s.total += tick.tick.bid;
    emit.sum({ total: s.total, n: s.n, mean: s.total / s.n });
  },
});
/** Reports a fill for every tenth tick. */
const venue = defineNode({
  type: 'venue.test',
  version: 1,
  tier: 'gold',
  summary: 'Fills without an order.',
  config: z.strictObject({}),
  ports: { in: { sum: input(Sum, { key: 'any' }) }, out: { report: output(OrderReport, { many: true, keyed: true }) } },
  determinism: 'pure',
  state: () => ({}),
  step(_s, tick, _c, emit) {
    for (let i = 0; i < tick.sum.n; i++) {
      const { n, key } = tick.sum.at(i);
      if (n % 10 > 0) continue;
      const amounts = {
        px: Number.NaN,
        stop_px: Number.NaN,
        qty: 5,
        last_px: 100 + n,
        last_qty: 5,
        cum_qty: 5,
        cum_quote: 0,
      };
      const what = { exec: 'trade', status: 'filled', side: 'buy', type: 'market', tif: 'gtc' } as const;
      const rest = { order_id: n, code: 0, reason: '', reduce_only: false, fee: 1, realized_pnl: 0, maker: false };
      emit.report({
        client_id: `c${n}`,
        ...amounts,
        ...what,
        ...rest,
        trade_id: n,
        time_ms: 0,
        base_fee: Number.NaN,
        key,
      });
    }
  },
});

const nodes: BuildNode[] = [
  { id: 'market', type: market },
  { id: 'sums', type: sum, in: { tick: 'market.tick' } },
  { id: 'venue', type: venue, key: 'none', in: { sum: 'sums.sum' } },
  { id: 'csv', type: csvFiles, key: 'none', with: { dir: 'out' }, in: { ticks: 'market.tick', sums: 'sums.sum' } },
  { id: 'lake', type: parquet, key: 'none', in: { sums: 'sums.sum' } },
  { id: 'docs', type: documents, key: 'none', in: { report: 'venue.report' } },
];
const rows: InputRow[] = Array.from({ length: 3000 }, (_, i) => ({
  t: 1_723_104_000_000_000 + i * 1000,
  port: 'tick',
  key: i % 2,
  values: { bid: 100 + i },
}));

async function run(dir: string, upTo: number, commitInputs: number): Promise<void> {
  const store = openEmbeddedStore(dir);
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 2, 3);
  keys.declare('spot:BTCUSDT', 2, 5);
  await runPipeline(buildPipeline(nodes, 'sums'), {
    dir,
    store,
    keys,
    commitInputs,
    readers: { market: async () => rowsReader([{ name: 'tick', schema: Tick }], rows.slice(0, upTo), 100) },
  });
  await store.close();
}
const csv = (dir: string) =>
  readFileSync(join(dir, 'out/sums.csv'), 'utf8') + readFileSync(join(dir, 'out/ticks.csv'), 'utf8');
async function stored(dir: string) {
  const store = openEmbeddedStore(dir);
  const all = await Promise.all(
    (['orders', 'fills', 'lineage'] as const).map((collection) =>
      store.query('by_time', { collection, from: 0, to: 1e17 }),
    ),
  );
  await store.close();
  return all;
}

describe('sinks in a run', () => {
  it('are listed for the registry, each with a summary', () => {
    expect(sinkNodes.map((n) => n.type)).toEqual([
      'sink.documents',
      'sink.parquet',
      'sink.redis',
      'sink.csv',
      'sink.jsonl',
      'binance.usdm',
      'binance.spot',
    ]);
  });
  it('end up the same when the run is stopped and goes on from its last commit, also with other commits', async () => {
    const whole = join(root, 'whole');
    await run(whole, 3000, 100_000);
    const [orders, fills] = await stored(whole);
    expect([orders!.length, fills!.length]).toEqual([300, 300]);
    expect(fills![0]).toMatchObject({ instrument: 'usdm:BTCUSDT', px: 1.1, qty: 0.005, liquidity: 'taker' });
    expect(fills![1]).toMatchObject({ instrument: 'spot:BTCUSDT', qty: 0.00005 });
    expect(csv(whole).split('\n')[2]).toBe('market,1,1723104000001000,spot:BTCUSDT,1.01,1,101');
    const parts = join(root, 'parts');
    for (const upTo of [700, 1901, 3000]) await run(parts, upTo, 250);
    expect(csv(parts)).toBe(csv(whole));
    expect(await stored(parts)).toEqual(await stored(whole));
  });
});
