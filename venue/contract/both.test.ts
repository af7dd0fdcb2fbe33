import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order, OrderBook } from 'ccxt';
import { describe, expect, it } from 'vitest';
import { startVenue } from '../server/index.ts';
import { copyOf } from './order-book.ts';
import { atLeast, gather } from './testing/events.ts';
import { openSession, type Session } from './testing/session.ts';
import { freshId, quote } from './testing/sizing.ts';

/** What came of one market by websocket, by kind of stream: how much, and of which symbols. */
async function heard({ client, symbol, name }: Session): Promise<Record<string, readonly unknown[]>> {
  const few = atLeast(3, 0);
  const book = async (): Promise<OrderBook> => copyOf(await client.watchOrderBook(symbol));
  const [trades, depth, best, mark] = await Promise.all([
    gather('watchTrades', () => client.watchTrades(symbol), few),
    gather('watchOrderBook', book, few),
    gather('watchBidsAsks', () => client.watchBidsAsks([symbol]), few),
    name === 'usdm' ? gather('watchMarkPrice', () => client.watchMarkPrice(symbol), few) : [],
  ]);
  return {
    trades: trades.flat().map((t) => t.symbol),
    depth: depth.map((b) => (b.bids[0]![0]! < b.asks[0]![0]! ? symbol : 'crossed')),
    best: best.flatMap((t) => Object.keys(t)),
    mark: mark.map((m) => m.symbol),
  };
}

/** A signed order far from the market: placed, found and cancelled by REST. */
async function roundTrip(s: Session): Promise<unknown[]> {
  const { client, symbol } = s;
  const { amount, farBuy } = await quote(s);
  const clientOrderId = freshId();
  const placed = await client.createOrder(symbol, 'limit', 'buy', amount, farBuy, { clientOrderId });
  const found: Order = await client.fetchOrder(placed.id!, symbol);
  await client.cancelOrder(placed.id!, symbol);
  const gone = await client.fetchOrder(placed.id!, symbol);
  return [found.clientOrderId === clientOrderId, found.status, found.amount === amount, gone.status];
}

describe('the connector’s client', () => {
  it('hears trades, depth and best prices, on USD-M mark prices too, and places signed orders, on both markets at the same time [S1.2] [S1.3]', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chimera-both-'));
    const venue = await startVenue({ seed: 7, rate: 20 });
    const sessions: Session[] = [];
    try {
      const file = join(folder, 'ready.json');
      writeFileSync(file, `${JSON.stringify(venue.ready)}\n`, { mode: 0o600 });
      for (const name of ['usdm', 'spot'] as const) sessions.push(await openSession(name, file));
      const [usdm, spot] = sessions as [Session, Session];
      const [streams, orders] = await Promise.all([
        Promise.all(sessions.map(heard)),
        Promise.all(sessions.map(roundTrip)),
      ]);
      const kinds = ['trades', 'depth', 'best', 'mark'];
      for (const [n, s] of [usdm, spot].entries())
        for (const kind of kinds) {
          const got = streams[n]![kind]!;
          const silent = kind === 'mark' && s === spot;
          expect([s.name, kind, got.length >= 3, [...new Set(got)]]).toEqual([
            s.name,
            kind,
            !silent,
            silent ? [] : [s.symbol],
          ]);
        }
      expect(orders).toEqual([
        [true, 'open', true, 'canceled'],
        [true, 'open', true, 'canceled'],
      ]);
    } finally {
      await Promise.all(sessions.map((s) => s.close()));
      await venue.close();
      rmSync(folder, { recursive: true });
    }
  }, 60_000);
});
