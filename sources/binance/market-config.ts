import { z } from 'zod';
import { MARKET_PORTS, type MarketPort } from '../../graph/schema/index.ts';
import type { MarketName } from './access.ts';

/** Kinds of streams: each has a connection of its own. */
export const KINDS = ['trade', 'depth', 'book_ticker', 'mark_price', 'kline', 'liquidation'] as const;
export type Kind = (typeof KINDS)[number];

const LIVE: Readonly<Record<MarketName, readonly MarketPort[]>> = {
  usdm: ['trade', 'book_ticker', 'depth', 'depth_snapshot', 'mark_price', 'kline', 'funding_rate', 'liquidation'],
  spot: ['trade', 'book_ticker', 'depth', 'depth_snapshot', 'kline'],
};
/** Always there. */
const OWN: readonly MarketPort[] = ['dead_letter', 'engine_lag'];

export const MarketConfig = z.strictObject({
  symbols: z.array(z.string()).min(1).max(200).describe('e.g. BTCUSDT'),
  market: z.enum(['usdm', 'spot']).default('usdm'),
  streams: z
    .array(z.enum(Object.keys(MARKET_PORTS) as [MarketPort, ...MarketPort[]]))
    .default([])
    .describe('only these ports; empty = all that the market has'),
  trades: z.enum(['trade', 'agg_trade']).default('trade').describe('single trades or aggregated ones'),
  kline_intervals: z.array(z.string()).min(1).default(['1m']),
  depth_speed_ms: z
    .union([z.literal(100), z.literal(250), z.literal(500), z.literal(1000), z.literal(0)])
    .default(100)
    .describe('spot: 100 or 1000; usdm: 0, 100, 250 or 500'),
  depth_snapshot_levels: z.union([z.literal(100), z.literal(500), z.literal(1000)]).default(1000),
  ring_rows: z.int().min(1024).max(4_000_000).default(262_144).describe('rows that may wait for the run'),
  backfill_wait_ms: z.int().min(100).default(10_000).describe('longest wait for missing trades without any progress'),
  backfill_max_trades: z.int().min(0).default(100_000).describe('a longer hole is not filled'),
  heartbeat_ms: z.int().min(100).default(15_000).describe('nothing heard for this long: reconnect'),
  silence_ms: z.int().min(100).default(60_000).describe('no data on a busy stream for this long: reconnect'),
  reconnect_base_ms: z.int().min(1).default(250),
  reconnect_max_ms: z.int().min(1).default(30_000),
  stable_after_ms: z.int().min(0).default(5_000).describe('after a connection this long the next attempt is immediate'),
  max_age_ms: z
    .int()
    .min(1000)
    .default(23 * 3_600_000)
    .describe('a connection is replaced at this age, before the exchange ends it at 24 h'),
  clock_every_ms: z.int().min(1000).default(600_000).describe('how often the clock offset is measured'),
  rest_weight_per_min: z
    .int()
    .min(60)
    .optional()
    .describe('request weight that this source may use; default: half of what the exchange allows an address'),
});
export type MarketConfig = z.output<typeof MarketConfig>;

/** Half of the 2,400 (USD-M) or 6,000 (Spot) a minute that an address has. */
export const weightPerMinute = (c: MarketConfig): number =>
  c.rest_weight_per_min ?? (c.market === 'usdm' ? 1200 : 3000);

/** Ports asked for that the market does not have as live streams. */
export const notLive = (c: MarketConfig): MarketPort[] =>
  c.streams.filter((s) => !LIVE[c.market].includes(s) && !OWN.includes(s));

/** The ports that give rows. A book always comes with its snapshots. */
export function wantedPorts(c: MarketConfig): Set<MarketPort> {
  const wanted = new Set<MarketPort>(c.streams.length === 0 ? LIVE[c.market] : c.streams);
  if (wanted.has('depth') || wanted.has('depth_snapshot')) {
    wanted.add('depth');
    wanted.add('depth_snapshot');
  }
  for (const p of OWN) wanted.add(p);
  return wanted;
}

/** The streams to open. A settlement is seen in the mark price stream. */
export function wantedKinds(ports: ReadonlySet<MarketPort>): Kind[] {
  return KINDS.filter((k) => ports.has(k) || (k === 'mark_price' && ports.has('funding_rate')));
}
