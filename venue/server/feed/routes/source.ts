import { ApiError, type MarketName, type Route } from '../../contract.ts';
import type { Params } from '../../params.ts';
import type { DepthBook } from '../depth-book.ts';
import { type Interval, intervalOf } from '../interval.ts';
import type { SymbolFeed } from '../symbol-feed.ts';

/** What the public routes of one market read. */
export interface Source {
  readonly market: MarketName;
  readonly symbols: ReadonlyMap<string, SymbolFeed>;
  /** The book that answers for one that is not in sync yet. */
  lookAhead(s: SymbolFeed): DepthBook | undefined;
}

const BASE = { usdm: '/fapi/v1', spot: '/api/v3' } as const;
export const pathOf = (s: Source, path: string): string => `${BASE[s.market]}/${path}`;
export const msOf = (us: number): number => Math.floor(us / 1000);

/** Most public routes: no key, a fixed or computed weight. */
export function get(
  s: Source,
  path: string,
  weight: Route['weight'],
  handle: Route['handle'],
  ws?: string | undefined,
): Route {
  const full = path.startsWith('/') ? path : pathOf(s, path);
  return { method: 'GET', path: full, security: 'none', weight, handle, ...(ws === undefined ? {} : { ws }) };
}

export function find(s: Source, symbol: string): SymbolFeed {
  const feed = s.symbols.get(symbol);
  if (feed === undefined) throw new ApiError(-1121, 'Invalid symbol.');
  return feed;
}
/** The feed of the mandatory `symbol` (or `pair`). @throws −1102, −1121 */
export const symbolOf = (s: Source, p: Params, name = 'symbol'): SymbolFeed => find(s, p.text(name));

/** `symbol`, `symbols` (a JSON list, Spot) or all; `one` tells that a single object is the answer. @throws −1100, −1121 */
export function symbolsOf(s: Source, p: Params): { feeds: SymbolFeed[]; one: boolean } {
  const symbol = p.get('symbol');
  if (symbol !== undefined && symbol !== '') return { feeds: [find(s, symbol)], one: true };
  const list = s.market === 'spot' ? p.get('symbols') : undefined;
  if (list === undefined) return { feeds: [...s.symbols.values()], one: false };
  let names: unknown;
  try {
    names = JSON.parse(list);
  } catch {
    names = undefined;
  }
  if (!Array.isArray(names) || names.some((n) => typeof n !== 'string'))
    throw new ApiError(
      -1100,
      'Illegal characters found in parameter \'symbols\'; legal range is \'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\'.',
    );
  return { feeds: names.map((n) => find(s, n as string)), one: false };
}
/** Weight of a call for one symbol, and for all. */
export const perSymbol =
  (one: number, all: number) =>
  (p: Params): number =>
    p.get('symbol') !== undefined || p.get('symbols') !== undefined ? one : all;

/** @throws −1102 (absent), −1120 */
export function intervalParam(s: Source, p: Params): Interval {
  const interval = intervalOf(p.text('interval'), s.market);
  if (interval === undefined) throw new ApiError(-1120, 'Invalid interval.');
  return interval;
}
/** USD-M refuses a limit beyond the most it gives, Spot gives the most. @throws −1130 */
export function limitParam(s: Source, p: Params, usual: number, most: number): number {
  const limit = p.int('limit', 1, s.market === 'usdm' ? most : Number.MAX_SAFE_INTEGER) ?? usual;
  return Math.min(limit, most);
}
