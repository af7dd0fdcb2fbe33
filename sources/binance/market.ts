import { defineSource } from '../../graph/node.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { marketPorts } from '../market-ports.ts';
import { binanceAccess } from './access.ts';
import { createClient } from './client.ts';
import { declareInstruments } from './instruments.ts';
import { MarketConfig, notLive } from './market-config.ts';
import { MarketReader } from './market-reader.ts';

export const binanceMarket = defineSource({
  type: 'binance.market',
  version: 1,
  tier: 'bronze',
  summary:
    'The market of Binance Spot or USD-M as it arrives, over an unmodified ccxt client: every event, once, in order.',
  doc: `
The ports are those of \`source.market\`, so that a profile can put the one in the place of the other.

**Every event is taken** from the websocket messages themselves, before ccxt's caches, as text: amounts are exact. Rows are
stamped with their arrival time and wait in a bounded ring; a full ring is CHM935.

**Trades** come in the order of their ids. A hole (a lost frame, a disconnect) is filled from REST by id; what comes behind it
waits for that, at most \`backfill_wait_ms\` without progress (then CHM937).

**Books**: diffs as they are, and a REST snapshot that joins them after a start and after every break of their chain.

**Connections** are one per kind of stream. They are opened again with growing delay when they end, are silent, or answer no
ping, and are replaced with an overlap before they are 24 h old and when the exchange announces a shutdown.

\`engine_lag\` once a second: how long the oldest waiting row has waited. \`funding_rate\`: the last one at the start, then each
settlement. What is refused or lost is told on \`dead_letter\`.`,
  reference: 'Binance API documentation: websocket market streams, "How to manage a local order book correctly"',
  config: MarketConfig,
  ports: { out: marketPorts },
  determinism: 'journaled',
  check: (c) =>
    notLive(c).map((stream) => ({
      code: 'CHM934',
      path: ['streams', c.streams.indexOf(stream)],
      message: `${c.market} has no live stream ${stream}`,
      help: 'leave it out, or read it from recorded inputs with source.market',
    })),
  async open(c, env) {
    const access = binanceAccess(env, c.market);
    if (env.clock === undefined)
      throw new ChimeraError('CHM931', `source ${env.node} needs a live run`, {
        node: env.node,
        help: 'use a profile with a live engine clock; recordings are read by source.market',
      });
    const ex = await createClient(c.market, access, {
      // The delay between attempts is ours: it starts anew once a connection has proved good.
      options: { ws: { backoff: { base: 0, max: 0 } } },
    });
    try {
      const instruments = await declareInstruments(ex, c.market, c.symbols, env.keys, env.node, access);
      const reader = new MarketReader(c, env.node, env.clock, ex, access, instruments);
      reader.start();
      return reader;
    } catch (e) {
      await ex.close();
      throw e;
    }
  },
});
