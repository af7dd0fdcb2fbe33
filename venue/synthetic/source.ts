import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineSource, type OutPort, output } from '../../graph/node.ts';
import { type Block, type BlockReader, ChimeraError, MARKET_PORTS, type MarketPort } from '../../graph/schema/index.ts';
import { BlockWriter, PORTS } from './block-writer.ts';
import { profileOf } from './profile.ts';
import { SymbolMarket } from './symbol-market.ts';

const ports = Object.fromEntries(Object.entries(MARKET_PORTS).map(([name, schema]) => [name, output(schema)])) as {
  [P in MarketPort]: OutPort<(typeof MARKET_PORTS)[P]>;
};

export const synthetic = defineSource({
  type: 'source.synthetic',
  version: 1,
  tier: 'bronze',
  summary:
    'A seeded market: agents trade in a price-time priority order book, seen through the streams of a USD-M exchange.',
  doc: `Market makers, informed, trend-following and other takers, and passive traders act on one order book per symbol; trades
excite further trades, so activity comes in bursts; now and then the fair price jumps and market makers stand aside, which leaves gaps in
the book. The same seed gives the same bytes on every machine.

Ports that carry something: \`trade\`, \`book_ticker\` (each change of the best bid or ask), \`depth\` (one diff per interval with \`U\`, \`u\`,
\`pu\`), \`depth_snapshot\` (at the start, and after a loss of connection), \`mark_price\` (each second, with the running funding rate). With
\`outage_every\`, frames of a symbol are lost for 0.5 to 3 s at random times: the depth chain breaks and a snapshot follows.`,
  config: z.strictObject({
    symbols: z.array(z.string().min(1)).min(1).default(['BTCUSDT', 'ETHUSDT']),
    duration: duration({ min: '1ms' }).prefault('1m').describe('length in engine time'),
    seed: z.int().optional().describe("default: the run's seed"),
    start_us: z.int().min(0).default(1_704_067_200_000_000).describe('engine time of the start'),
    rate: z
      .number()
      .min(1)
      .max(1e6)
      .default(200)
      .describe('actions of agents per second and symbol at rest; bursts come on top'),
    depth_every: duration({ min: '1ms' }).prefault('100ms'),
    funding_interval: duration({ min: '1m' }).prefault('8h'),
    outage_every: duration().prefault('0s').describe('mean time between losses of connection; 0s = none'),
    latency: duration({ max: '1m' }).prefault('5ms').describe('from the exchange to here'),
  }),
  ports: { out: ports },
  determinism: 'pure',
  async open(c, env): Promise<BlockReader> {
    const keys = c.symbols.map((symbol) => {
      if (c.symbols.indexOf(symbol) !== c.symbols.lastIndexOf(symbol))
        throw new ChimeraError('CHM805', `symbol ${symbol} is named twice`, { help: 'name each symbol once' });
      const p = profileOf(symbol);
      return { p, key: env.keys.declare(`usdm:${symbol}`, p.pxDigits, p.qtyDigits) };
    });
    const start = (): SyntheticReader => {
      const out = new BlockWriter(c.latency);
      const options = {
        startUs: c.start_us,
        rate: c.rate,
        depthEveryUs: c.depth_every,
        fundingUs: c.funding_interval,
        outageUs: c.outage_every,
      };
      const seed = c.seed ?? env.seed;
      return {
        out,
        markets: keys.map(({ key, p }, i) => new SymbolMarket(key, i, p, seed, out, options)),
        endUs: c.start_us + c.duration,
      };
    };
    return new Reader(start);
  },
});

interface SyntheticReader {
  out: BlockWriter;
  markets: SymbolMarket[];
  endUs: number;
}
class Reader implements BlockReader {
  readonly ports = PORTS;
  readonly quality = { bad_input: [], out_of_order: 0 };
  readonly #start: () => SyntheticReader;
  #m: SyntheticReader;
  #given: Block | undefined;

  constructor(start: () => SyntheticReader) {
    this.#start = start;
    this.#m = start();
  }
  async read(): Promise<Block | null> {
    const { out, markets, endUs } = this.#m;
    if (this.#given) out.recycle(this.#given);
    this.#given = undefined;
    while (out.full.length === 0) {
      let next = markets[0]!;
      for (const m of markets) if (m.nextUs < next.nextUs) next = m;
      if (next.nextUs >= endUs) {
        out.flush();
        break;
      }
      next.advance();
    }
    this.#given = out.full.shift();
    return this.#given ?? null;
  }
  /** There is nothing to wind back to: the same seed is played again, without writing, up to `seq`. */
  async seek(seq: number): Promise<void> {
    this.#m = this.#start();
    this.#m.out.skipTo = seq;
    this.#given = undefined;
  }
  async close(): Promise<void> {}
}
