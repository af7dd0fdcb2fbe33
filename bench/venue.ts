import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fastify from 'fastify';
import type { BinanceAccess } from '../sources/binance/access.ts';
import { createClient } from '../sources/binance/client.ts';
import { chimera } from '../ui/cli/commands/parity.ts';
import { openConnection } from '../ui/run/connection.ts';
import { runLive } from '../ui/run/live.ts';
import { isMain } from './child.ts';
import { benchMatching } from './matching.ts';
import { cutBehind, readPipeline } from './pipeline.ts';
import { type Figure, figure, type Histogram, histogram } from './stats.ts';

/**
 * What live trading costs on one machine: the round trip of an order through ccxt and the venue beside that of an empty HTTP
 * route called by the same client, the time from a market frame's arrival in the process to the features that it changed, and
 * the matching core alone.
 */
export interface VenueReport {
  round_trip_ms: { order: Histogram; cancel: Histogram; empty_route: Histogram };
  frame_to_feature_us: Histogram & { frames_per_s: number };
  figures: Figure[];
}

const LOCAL = { connection: 'local', clock: 'venue', rate: 1 } as const;
const US = 1000;

async function roundTrips(n: number): Promise<VenueReport['round_trip_ms']> {
  const connection = await openConnection(LOCAL, { command: chimera(), env: {}, seed: 1, limits: 'none' });
  const empty = fastify();
  empty.post('/empty', () => ({ ok: true }));
  const origin = await empty.listen({ port: 0, host: '127.0.0.1' });
  const client = await createClient('usdm', connection.access['binance'] as BinanceAccess);
  try {
    await client.loadMarkets();
    const symbol = 'BTC/USDT:USDT';
    const { bid } = await client.fetchTicker(symbol).then(async () => {
      const book = await client.fetchOrderBook(symbol, 5);
      return { bid: Number(book.bids[0]![0]) };
    });
    const px = Math.round(bid * 0.97 * 10) / 10;
    const times = { order: [] as number[], cancel: [] as number[], empty_route: [] as number[] };
    const timed = async <T>(into: number[], call: () => Promise<T>): Promise<T> => {
      const t = performance.now();
      const answer = await call();
      into.push(performance.now() - t);
      return answer;
    };
    for (let i = 0; i < n + 50; i++) {
      // The first calls warm up; what they took is forgotten.
      if (i === 50) for (const list of Object.values(times)) list.length = 0;
      const id = `bench-${i}`;
      const order = await timed(times.order, () =>
        client.createOrder(symbol, 'limit', 'buy', 0.01, px, { newClientOrderId: id }),
      );
      await timed(times.empty_route, () => client.fetch(`${origin}/empty`, 'POST', {}, ''));
      await timed(times.cancel, () => client.cancelOrder(String(order.id), symbol));
    }
    return {
      order: histogram(times.order),
      cancel: histogram(times.cancel),
      empty_route: histogram(times.empty_route),
    };
  } finally {
    await client.close();
    await empty.close();
    await connection.close();
  }
}

async function frameToFeature(seconds: number): Promise<VenueReport['frame_to_feature_us']> {
  const whole = readPipeline('pipelines/trend.yaml', { preset: 'recording' }, 'pipelines/profiles/paper.yaml');
  const pipeline = { ...cutBehind(whole, 'features'), live: LOCAL };
  const dir = mkdtempSync(join(tmpdir(), 'chimera-bench-'));
  const connection = await openConnection(LOCAL, { command: chimera(), env: {}, seed: 1 });
  const latencies: number[] = [];
  const waiting: number[] = [];
  let events = 0;
  let first = 0;
  try {
    await runLive({
      pipeline,
      connection,
      state: dir,
      stop: AbortSignal.timeout(seconds * 1000),
      final: true,
      onBlock: (_source, block) => {
        first ||= performance.now();
        for (let i = 0; i < block.n; i++) waiting.push(block.t[i]!);
      },
      onProgress: () => {
        if (waiting.length === 0) return;
        const now = connection.clock.now();
        events += waiting.length;
        // The first second is connecting and compiling.
        if (performance.now() - first > 1000) for (const t of waiting) latencies.push(now - t);
        waiting.length = 0;
      },
    });
  } finally {
    await connection.close();
    rmSync(dir, { recursive: true, force: true });
  }
  return { ...histogram(latencies), frames_per_s: events / seconds };
}

export async function benchVenue(o: { orders: number; seconds: number }): Promise<VenueReport> {
  const trips = await roundTrips(o.orders);
  const frames = await frameToFeature(o.seconds);
  return {
    round_trip_ms: trips,
    frame_to_feature_us: frames,
    figures: [
      figure('order round trip through ccxt, p50', 'ms', [trips.order.p50], { at_most: 2 }),
      figure('order round trip p99 / empty route p99', 'ratio', [trips.order.p99 / trips.empty_route.p99], {
        at_most: 3,
      }),
      figure(`market frame to feature, p50, at ${Math.round(frames.frames_per_s)} frames/s`, 'µs', [frames.p50], {
        at_most: 0.3 * US,
      }),
      ...benchMatching(),
    ],
  };
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: { orders: { type: 'string', default: '2000' }, seconds: { type: 'string', default: '20' } },
  });
  const report = await benchVenue({ orders: Number(values.orders), seconds: Number(values.seconds) });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}
