import { ChimeraError, type KeyInfo } from '../../graph/schema/index.ts';
import type { LiveBook, LiveOwner } from '../core/liquidity.ts';
import type { AccountEngine, MarketName } from './contract.ts';
import type { Scenario } from './faults/scenario.ts';
import { createFeed } from './feed/index.ts';
import { createVenueServer, type Origin, type VenueServer } from './server.ts';
import { createSpotEngine } from './spot/index.ts';
import { BINANCE_LIMITS, unlimited } from './transport/limits.ts';
import { randomKey } from './transport/listen-keys.ts';
import { MarketClock } from './transport/market-clock.ts';
import { createUsdmEngine } from './usdm/index.ts';

export interface VenueOptions {
  /** Of the synthetic market. Default 1. */
  readonly seed?: number;
  /** Recorder files, archives, Parquet files or a lake; none: the synthetic market. */
  readonly inputs?: readonly string[];
  readonly symbols?: readonly string[];
  /** 0, the default, takes a free one. */
  readonly usdmPort?: number;
  readonly spotPort?: number;
  /** Market seconds per second. Default 1. */
  readonly rate?: number;
  readonly host?: string;
  readonly expose?: boolean;
  readonly faults?: Scenario;
  readonly allowFaultControl?: boolean;
  /** USDT in each of the two wallets at the start. Default 10,000. */
  readonly balanceUsdt?: number;
  /** Generated when absent. */
  readonly apiKey?: string;
  readonly secret?: string;
  /** `none`: nobody is refused for asking too often. Default: the exchange's limits. */
  readonly limits?: 'binance' | 'none';
  /** From the arrival of an order to its effect, and from there to its answer, ms of market time. Default 0. */
  readonly orderLatencyMs?: number;
  readonly responseLatencyMs?: number;
  /** Actions of synthetic agents per second and symbol. */
  readonly agentRate?: number;
  /** The market waits until so many different streams have a reader. */
  readonly holdStreams?: number;
  /** The market waits for `startMarket`. */
  readonly hold?: boolean;
  readonly log?: (event: object) => void;
}

/** What `chimera venue` says in its first line. */
export interface Ready {
  readonly ready: true;
  readonly usdm: Origin;
  readonly spot: Origin;
  readonly api_key: string;
  readonly secret: string;
  /** Where the market begins, µs. */
  readonly market_us: number;
  readonly rate: number;
}
export interface RunningVenue {
  readonly ready: Ready;
  readonly server: VenueServer;
  /** Begins a market that was told to wait. */
  startMarket(): void;
  close(): Promise<void>;
}

/**
 * Starts the exchange: feed, accounts, server.
 * @throws ChimeraError CHM830 (address), CHM831 (port), CHM834 (options), codes of unusable inputs
 */
export async function startVenue(o: VenueOptions = {}): Promise<RunningVenue> {
  const rate = inRange('rate', o.rate ?? 1, 0.001, 1000);
  const balance = Math.round(inRange('balance', o.balanceUsdt ?? 10_000, 0, 10_000_000) * 1e8);
  const latencyUs = (name: string, ms = 0): number => Math.round(inRange(name, ms, 0, 60_000) * 1000);
  const latency = {
    orderLatencyUs: latencyUs('order latency', o.orderLatencyMs),
    responseLatencyUs: latencyUs('response latency', o.responseLatencyMs),
  };
  const apiKey = credential('api key', o.apiKey);
  const secret = credential('secret', o.secret);
  const feed = await createFeed({
    ...(o.inputs ? { inputs: o.inputs } : {}),
    ...(o.symbols ? { symbols: o.symbols } : {}),
    ...(o.seed === undefined ? {} : { seed: o.seed }),
    ...(o.agentRate === undefined ? {} : { rate: o.agentRate }),
  });
  try {
    const first = feed.nextUs();
    const startUs = Number.isFinite(first) ? first : Date.now() * 1000;
    const clock = new MarketClock(rate, startUs);
    // In the synthetic market orders stand in the agents' own book; a recording has none, there they queue behind it.
    const live = (key: KeyInfo, owner: LiveOwner): LiveBook | undefined => {
      const [market, symbol] = key.name.split(':') as [MarketName, string];
      return feed.synthetic(market, symbol)?.live(owner);
    };
    const engines: Record<MarketName, AccountEngine> = {
      usdm: createUsdmEngine({ listed: feed.listed, deposit: balance, rate, startUs, live, ...latency }),
      spot: createSpotEngine({ listed: feed.listed, balances: { USDT: balance }, startUs, live, ...latency }),
    };
    // Bound before the server may start the market.
    let server: VenueServer | undefined;
    feed.attach({
      listener: { usdm: engines.usdm.listener, spot: engines.spot.listener },
      publish: (market, stream, event) => server?.publish(market, stream, event),
    });
    const hold = o.hold === true || (o.holdStreams ?? 0) > 0;
    server = await createVenueServer({
      clock,
      feed,
      engines,
      account: { apiKey, secret },
      ports: { usdm: o.usdmPort ?? 0, spot: o.spotPort ?? 0 },
      rate,
      hold: hold ? o.hold === true : true,
      ...(o.host === undefined ? {} : { host: o.host }),
      ...(o.expose === undefined ? {} : { expose: o.expose }),
      ...(o.faults ? { faults: o.faults } : {}),
      ...(o.allowFaultControl === undefined ? {} : { allowFaultControl: o.allowFaultControl }),
      ...(o.limits === 'none'
        ? { limits: { usdm: unlimited(BINANCE_LIMITS.usdm), spot: unlimited(BINANCE_LIMITS.spot) } }
        : {}),
      ...(o.holdStreams === undefined ? {} : { holdStreams: o.holdStreams }),
      ...(o.log ? { log: o.log } : {}),
    });
    if (!hold) server.startMarket();
    const running = server;
    return {
      ready: { ready: true, usdm: running.usdm, spot: running.spot, api_key: apiKey, secret, market_us: startUs, rate },
      server: running,
      startMarket: () => running.startMarket(),
      close: () => running.close(),
    };
  } catch (e) {
    await feed.close();
    throw e;
  }
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new ChimeraError('CHM834', `${name} ${value} is out of range`, { help: `give a number from ${min} to ${max}` });
}
function credential(name: string, text: string | undefined): string {
  if (text === undefined) return randomKey();
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return text;
  throw new ChimeraError('CHM834', `the ${name} cannot be sent in a header`, {
    help: 'use letters and digits, or leave it out: one is generated',
  });
}
