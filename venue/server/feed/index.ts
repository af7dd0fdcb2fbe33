import { ChimeraError } from '../../../graph/schema/index.ts';
import type { SymbolMarket } from '../../synthetic/symbol-market.ts';
import type { Feed, FeedSinks, MarketListener, MarketName, Route } from '../contract.ts';
import type { Driver } from './driver.ts';
import { Hub } from './hub.ts';
import { publicRoutes } from './routes/index.ts';
import { SymbolFeed } from './symbol-feed.ts';
import { GLOBAL_STREAMS } from './symbol-streams.ts';
import { SyntheticDriver } from './synthetic-driver.ts';
import { openTape } from './tape.ts';
import { TapeDriver } from './tape-driver.ts';

export interface FeedOptions {
  /** Where events go; may be given later with `attach`, as the accounts are made from what the feed lists. */
  readonly sinks?: FeedSinks;
  /** Recorder files, archives, Parquet or a lake folder. None: the synthetic market. */
  readonly inputs?: readonly string[];
  /** Inputs: only these. Synthetic: these, by default BTCUSDT and ETHUSDT. */
  readonly symbols?: readonly string[];
  readonly markets?: readonly MarketName[];
  /** Of the synthetic market. */
  readonly seed?: number;
  /** Market time at which the synthetic market starts, µs. */
  readonly startUs?: number;
  /** Actions of synthetic agents per second and symbol at rest. */
  readonly rate?: number;
}
export interface PlayedFeed extends Feed {
  /** Nothing comes any more. */
  readonly ended: boolean;
  attach(sinks: FeedSinks): void;
  /** The synthetic market of an instrument, for an account that trades in its book (`live`); undefined for recordings. */
  synthetic(market: MarketName, symbol: string): SymbolMarket | undefined;
}

const NOTHING: MarketListener = { onTrade() {}, onLadder() {}, onBest() {}, onMark() {} };
const NOWHERE: FeedSinks = { listener: { usdm: NOTHING, spot: NOTHING }, publish() {} };
/** 2024-01-01: the synthetic market has no calendar of its own. */
const START_US = 1_704_067_200_000_000;

/**
 * Opens the market that is to be played: recorded inputs, or the synthetic one. @throws CHM670–677 (unusable inputs), CHM838
 * (nothing to trade in them)
 */
export async function createFeed(o: FeedOptions = {}): Promise<PlayedFeed> {
  const hub = new Hub(o.sinks ?? NOWHERE);
  const markets = o.markets ?? (['usdm', 'spot'] as const);
  const inputs = o.inputs ?? [];
  const driver: Driver =
    inputs.length > 0
      ? new TapeDriver(await openTape(inputs, { symbols: o.symbols, markets: o.markets }), hub)
      : new SyntheticDriver(
          {
            symbols: o.symbols !== undefined && o.symbols.length > 0 ? o.symbols : ['BTCUSDT', 'ETHUSDT'],
            markets,
            seed: o.seed ?? 1,
            startUs: o.startUs ?? START_US,
            rate: o.rate ?? 100,
            depthEveryUs: 100_000,
            fundingUs: 8 * 3_600_000_000,
          },
          hub,
        );
  const feeds = driver.symbols.map((s) => new SymbolFeed(s.listed, s.holds, hub));
  for (const f of feeds) driver.feeds[f.listed.key.index] = f;
  if (feeds.length === 0)
    throw new ChimeraError('CHM838', 'the inputs hold no market data', {
      help: 'name recorder files, archives, Parquet files or a lake folder with rows of the chosen symbols',
    });
  return new PlayingFeed(hub, driver, feeds);
}

class PlayingFeed implements PlayedFeed {
  readonly listed: PlayedFeed['listed'];
  readonly #hub: Hub;
  readonly #driver: Driver;
  readonly #feeds: readonly SymbolFeed[];
  readonly #bySymbol: Readonly<Record<MarketName, Map<string, SymbolFeed>>>;
  readonly #byLower: Readonly<Record<MarketName, Map<string, SymbolFeed>>>;
  readonly #routes: Readonly<Record<MarketName, readonly Route[]>>;

  constructor(hub: Hub, driver: Driver, feeds: readonly SymbolFeed[]) {
    this.#hub = hub;
    this.#driver = driver;
    this.#feeds = feeds;
    this.listed = feeds.map((f) => f.listed);
    const by = (market: MarketName, name: (symbol: string) => string): Map<string, SymbolFeed> =>
      new Map(feeds.filter((f) => f.listed.market === market).map((f) => [name(f.listed.symbol), f]));
    this.#bySymbol = { usdm: by('usdm', (s) => s), spot: by('spot', (s) => s) };
    this.#byLower = { usdm: by('usdm', (s) => s.toLowerCase()), spot: by('spot', (s) => s.toLowerCase()) };
    this.#routes = {
      usdm: publicRoutes({ market: 'usdm', symbols: this.#bySymbol.usdm, lookAhead: (s) => driver.lookAhead(s) }),
      spot: publicRoutes({ market: 'spot', symbols: this.#bySymbol.spot, lookAhead: (s) => driver.lookAhead(s) }),
    };
  }
  get ended(): boolean {
    return this.nextUs() === Number.POSITIVE_INFINITY;
  }
  attach(sinks: FeedSinks): void {
    this.#hub.sinks = sinks;
  }
  synthetic(market: MarketName, symbol: string): SymbolMarket | undefined {
    const f = this.#bySymbol[market].get(symbol);
    return f === undefined ? undefined : this.#driver.marketOf?.(f.listed.key.index);
  }
  routes = (market: MarketName): readonly Route[] => this.#routes[market];
  view(market: MarketName, symbol: string): SymbolFeed | undefined {
    return this.#bySymbol[market].get(symbol);
  }

  nextUs(): number {
    return Math.min(this.#driver.nextUs(), this.#hub.dueUs);
  }
  advance(marketUs: number): void {
    const hub = this.#hub;
    for (;;) {
      this.#driver.play(marketUs);
      const due = hub.dueUs;
      // What is due comes before the rows behind it.
      if (due > marketUs || due === Number.POSITIVE_INFINITY) return;
      this.#fire(due);
    }
  }
  #fire(us: number): void {
    const hub = this.#hub;
    if (us > hub.nowUs) hub.nowUs = us;
    hub.dueUs = Number.POSITIVE_INFINITY;
    for (const f of this.#feeds) {
      if (f.dueUs <= us) f.fire(us);
      else if (f.dueUs < hub.dueUs) hub.dueUs = f.dueUs;
    }
    hub.flush();
  }

  stream(market: MarketName, name: string): { readonly category: 'public' | 'market' } | undefined {
    if (name.startsWith('!')) {
      const category = Object.hasOwn(GLOBAL_STREAMS, name) ? GLOBAL_STREAMS[name] : undefined;
      if (category === undefined || (market === 'spot' && /markPrice|forceOrder/.test(name))) return undefined;
      this.#hub.asked[market].add(name);
      return { category };
    }
    const at = name.indexOf('@');
    const feed = at > 0 ? this.#byLower[market].get(name.slice(0, at)) : undefined;
    const category = feed?.ask(name);
    return category === undefined ? undefined : { category };
  }
  async close(): Promise<void> {
    this.#driver.close();
  }
}
