import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type ccxt from 'ccxt';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { BinanceAccess, MarketName } from './access.ts';

/** An instance of the package as it is published; `spot` has the same methods. */
export type BinanceClient = InstanceType<typeof ccxt.pro.binanceusdm>;
export interface ClientOptions {
  /** ccxt's own throttler (50 ms per cost unit, all calls of the instance); off on order paths. Default false. */
  readonly enableRateLimit?: boolean;
  /** Of one REST request. Default 10,000. */
  readonly timeoutMs?: number;
  /** Merged over the instance's `options`. */
  readonly options?: Readonly<Record<string, unknown>>;
}

type Urls = { [name: string]: string | string[] | Urls };
type Constructor = new (config: Record<string, unknown>) => BinanceClient;
const CLASS = { usdm: 'binanceusdm', spot: 'binance' } as const;

/**
 * A ccxt.pro client of one market (one instance per market: ids like BTCUSDT mean two things). Nothing of ccxt is changed;
 * the instance is set up so that a venue on a plain address behaves like the exchange itself:
 * - `httpAgent`, or `ws://` throws;
 * - every address of every API and market is replaced when the access is local, so that nothing can leave to another host;
 * - the market's own table of error codes is laid over the common one (ccxt chooses it by the exchange's host names);
 * - no requests beyond the market's own exchangeInfo at `loadMarkets`.
 * @throws CHM930 when the access is local and has no address for the market
 */
export async function createClient(
  market: MarketName,
  access: BinanceAccess,
  options: ClientOptions = {},
): Promise<BinanceClient> {
  const address = access[market];
  if (access.kind === 'local' && address === undefined)
    throw new ChimeraError('CHM930', `the access to the local venue has no address for ${market}`, {
      help: 'start the venue with that market, or leave the market out of the pipeline',
    });
  const Exchange = await load(market);
  const ex = new Exchange({
    ...(access.apiKey === undefined ? {} : { apiKey: access.apiKey }),
    ...(access.secret === undefined ? {} : { secret: access.secret }),
    enableRateLimit: options.enableRateLimit ?? false,
    timeout: options.timeoutMs ?? 10_000,
    newUpdates: true,
    httpAgent: new Agent({ keepAlive: true }),
    options: {
      fetchCurrencies: false,
      fetchMargins: false,
      fetchMarkets: { types: [market === 'usdm' ? 'linear' : 'spot'] },
      fetchOpenOrders: { warnWithoutSymbol: false },
      warnOnFetchOpenOrdersWithoutSymbol: false,
      setMarginMode: { throwMarginModeAlreadySet: false },
      ...options.options,
    },
  });
  const urls = ex.urls as unknown as Urls;
  if (access.kind === 'testnet' && address === undefined) {
    // The futures testnet is gone behind demo trading; Spot has its own testnet.
    if (market === 'usdm') ex.enableDemoTrading(true);
    else ex.setSandboxMode(true);
  } else if (address !== undefined) {
    const sapi = (access.spot ?? address).rest;
    for (const table of ['api', 'test', 'demo']) if (urls[table]) redirect(urls[table] as Urls, address, sapi);
    const api = urls['api'] as Urls;
    // The websocket API stands beside the streams, at the same origin.
    const ws = new URL(address.ws).origin;
    const futures = market === 'usdm' ? address.ws : access.usdm?.ws;
    api['ws'] = {
      ...everyWs(api['ws'] as Urls, address.ws),
      ...(futures === undefined ? {} : { future: futures }),
      'ws-api': { spot: `${ws}/ws-api/v3`, future: `${ws}/ws-fapi/v1`, delivery: `${ws}/ws-fapi/v1` },
    };
    overlayErrors(ex, market);
  }
  return ex;
}

/** One exchange's file instead of the whole package: half the time and memory. The package's `exports` names only the whole. */
async function load(market: MarketName): Promise<Constructor> {
  const entry = createRequire(import.meta.url).resolve('ccxt');
  const file = join(dirname(entry), '..', 'js', 'src', 'pro', `${CLASS[market]}.js`);
  if (existsSync(file)) return ((await import(pathToFileURL(file).href)) as { default: Constructor }).default;
  const all = (await import('ccxt')) as unknown as { default: typeof ccxt };
  return all.default.pro[CLASS[market]] as unknown as Constructor;
}

/** Replaces the origin of every REST address, whatever API it belongs to; the paths are the exchange's own. */
function redirect(urls: Urls, address: { rest: string; ws: string }, sapi: string): void {
  for (const [name, url] of Object.entries(urls)) {
    if (typeof url === 'string') {
      const origin = new URL(name.startsWith('sapi') ? sapi : address.rest).origin;
      urls[name] = url.startsWith('ws') ? address.ws : url.replace(/^https?:\/\/[^/]+/, origin);
    } else if (!Array.isArray(url)) redirect(url, address, sapi);
  }
}
const everyWs = (urls: Urls, ws: string): Urls =>
  Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, typeof url === 'string' ? ws : url]));

/** The same classes as at the exchange: there the market's table comes before the common one. */
function overlayErrors(ex: BinanceClient, market: MarketName): void {
  const tables = ex.exceptions as unknown as Record<string, Record<string, unknown>>;
  const own = tables[market === 'usdm' ? 'linear' : 'spot'] as Record<string, Record<string, unknown>> | undefined;
  ex.exceptions = {
    ...tables,
    exact: { ...tables['exact'], ...own?.['exact'] },
    broad: { ...tables['broad'], ...own?.['broad'] },
  } as typeof ex.exceptions;
}
