import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Block, KeyTable, type MarketPort } from '../../graph/schema/index.ts';
import { openInputs } from '../../lake/decode/inputs.ts';
import { LiveRows } from '../../sources/binance/testing/live-rows.ts';
import { type Scenario, startVenue } from '../../venue/server/index.ts';

const DATA = process.env['CHIMERA_DATA'] ?? '../shared/data';
const file = (name: string): string => join(DATA, 'binance-raw', name);
type Port = 'trade' | 'book_ticker' | 'depth' | 'mark_price';
const ID = { trade: 'id', book_ticker: 'u', depth: 'u', mark_price: 'event_ms' } as const;

/** What the recording holds: the ids of each kind of row, by the same decoder that replays use. */
async function recorded(path: string): Promise<Record<Port, number[]>> {
  const ids: Record<Port, number[]> = { trade: [], book_ticker: [], depth: [], mark_price: [] };
  const reader = await openInputs([path], new KeyTable());
  for (let block: Block | null = await reader.read(); block !== null; block = await reader.read())
    for (let i = 0; i < block.n; i++) {
      const { name, schema } = reader.ports[block.port[i]!]!;
      if (!(name in ids)) continue;
      const column = Object.keys(schema.fields).indexOf(ID[name as Port]);
      ids[name as Port].push((block.ports[block.port[i]!]!.columns[column] as Float64Array)[block.row[i]!]!);
    }
  await reader.close();
  return ids;
}

/** Plays a recording through the server and collects what arrives through the source, up to the recording's last trade and diff. */
async function played(path: string, market: 'usdm' | 'spot', rate: number, ports: Port[], faults?: Scenario) {
  const want = await recorded(path);
  const venue = await startVenue({
    inputs: [path],
    rate,
    holdStreams: ports.length,
    limits: 'none',
    ...(faults ? { faults } : {}),
  });
  const { ready } = venue;
  const live = await LiveRows.open(
    { kind: 'local', usdm: ready.usdm, spot: ready.spot, apiKey: ready.api_key, secret: ready.secret },
    {
      market,
      streams: ports,
      depth_speed_ms: market === 'usdm' ? 0 : 100,
      reconnect_base_ms: 5,
      reconnect_max_ms: 100,
      stable_after_ms: 100,
      rest_weight_per_min: 1_000_000,
    },
  );
  const last = (port: MarketPort, field: string): unknown => live.of(port).at(-1)?.[field];
  try {
    await live.until(
      () =>
        last('trade', 'id') === want.trade.at(-1) &&
        // A diff that a disconnect lost at the very end shows in the snapshot alone.
        [last('depth', 'u'), last('depth_snapshot', 'u')].some((u) => (u as number) >= want.depth.at(-1)!),
    );
    // Whatever is still on its way.
    await live.until(() => live.reader.stats().books.waiting === 0 && live.reader.stats().trades.waiting === 0);
    const got = (port: Port): number[] => live.of(port).map((r) => r[ID[port]] as number);
    return { want, got, live, stats: live.reader.stats() };
  } finally {
    await live.close();
    await venue.close();
  }
}
const increases = (ids: number[]): boolean => ids.every((id, i) => i === 0 || id > ids[i - 1]!);

describe.concurrent('a recording played by the venue at 20 times its speed', () => {
  it.skipIf(!existsSync(file('usdm-btcusdt-20240808.gz')))(
    'arrives complete: every trade, book ticker and diff of USD-M, once and in order',
    async () => {
      const { want, got, stats } = await played(file('usdm-btcusdt-20240808.gz'), 'usdm', 20, [
        'trade',
        'book_ticker',
        'depth',
      ]);
      for (const port of ['trade', 'book_ticker', 'depth'] as const) expect(got(port), port).toEqual(want[port]);
      expect(stats).toMatchObject({ refused: 0, duplicates: 0, books: { gaps: 0, waiting: 0 }, ring: { lost: 0 } });
      expect(stats.trades).toEqual({ gaps: 0, backfilled: 0, lost: 0, waiting: 0 });
    },
  );

  it.skipIf(!existsSync(file('spot-btcusdt-20240808.gz')))('arrives complete from Spot', async () => {
    const { want, got, stats } = await played(file('spot-btcusdt-20240808.gz'), 'spot', 20, [
      'trade',
      'book_ticker',
      'depth',
    ]);
    for (const port of ['trade', 'book_ticker', 'depth'] as const) expect(got(port), port).toEqual(want[port]);
    expect(stats).toMatchObject({ refused: 0, duplicates: 0, books: { gaps: 0, waiting: 0 }, ring: { lost: 0 } });
  });

  it.skipIf(!existsSync(file('usdm-btcusdt-20230404.gz')))('arrives with every mark price', async () => {
    const { want, got } = await played(file('usdm-btcusdt-20230404.gz'), 'usdm', 20, ['trade', 'depth', 'mark_price']);
    expect(got('mark_price')).toEqual(want.mark_price);
    expect(got('trade')).toEqual(want.trade);
  });

  it.skipIf(!existsSync(file('usdm-btcusdt-20240808.gz')))(
    'loses no trade in 30 disconnects, doubles nothing, and joins the book again each time',
    async () => {
      const { want, got, live, stats } = await played(
        file('usdm-btcusdt-20240808.gz'),
        'usdm',
        20,
        ['trade', 'book_ticker', 'depth'],
        {
          chimera_faults: 1,
          seed: 1,
          faults: [{ kind: 'disconnect', every: 10_500_000, times: 32, target: 'streams', match: {} }],
        },
      );
      expect(stats.streams.trade!.reconnects).toBeGreaterThanOrEqual(30);
      expect(got('trade')).toEqual(want.trade);
      const known = { book_ticker: new Set(want.book_ticker), depth: new Set(want.depth) };
      for (const port of ['book_ticker', 'depth'] as const) {
        expect(increases(got(port)), port).toBe(true);
        expect(got(port).every((id) => known[port].has(id))).toBe(true);
      }
      // Each break of the chain of diffs is followed by a snapshot that lies on the new chain.
      const rows = live.rows.filter((r) => r.port === 'depth' || r.port === 'depth_snapshot');
      let joinsAt = Number.NaN;
      let lastU = Number.NaN;
      let broken = true;
      for (const r of rows) {
        if (r.port === 'depth_snapshot') {
          if ((r['u'] as number) >= joinsAt) broken = false;
          continue;
        }
        if (r['pu'] !== lastU) {
          broken = true;
          joinsAt = r['pu'] as number;
        }
        lastU = r['u'] as number;
      }
      expect(broken).toBe(false);
      expect(stats.books.gaps).toBeGreaterThan(0);
    },
  );
});
