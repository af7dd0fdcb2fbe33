import type { Listed } from '../contract.ts';
import { intervalOf } from './interval.ts';

export type Category = 'public' | 'market';

/** Streams over all symbols that are served, with the category in which USD-M has them. */
export const GLOBAL_STREAMS: Readonly<Record<string, Category>> = {
  '!bookTicker': 'public',
  '!miniTicker@arr': 'market',
  '!ticker@arr': 'market',
  '!markPrice@arr': 'market',
  '!markPrice@arr@1s': 'market',
  '!forceOrder@arr': 'market',
};

export type StreamKind =
  | { kind: 'trade' | 'aggTrade' | 'bookTicker' | 'depth' | 'miniTicker' | 'ticker' | 'markPrice' | 'forceOrder' }
  | { kind: 'partial'; levels: 5 | 10 | 20 }
  | { kind: 'kline'; interval: string };

const PLAIN: Readonly<Record<string, StreamKind['kind']>> = {
  trade: 'trade',
  aggTrade: 'aggTrade',
  bookTicker: 'bookTicker',
  miniTicker: 'miniTicker',
  ticker: 'ticker',
  markPrice: 'markPrice',
  'markPrice@1s': 'markPrice',
  forceOrder: 'forceOrder',
};
const USDM_ONLY: readonly string[] = ['markPrice', 'forceOrder'];
const PUBLIC: readonly string[] = ['trade', 'bookTicker', 'depth', 'partial'];

/** What a stream of one symbol carries, from the part of its name behind the symbol and '@'. */
export function streamKind(market: Listed['market'], rest: string): StreamKind | undefined {
  const plain = Object.hasOwn(PLAIN, rest) ? PLAIN[rest] : undefined;
  if (plain !== undefined)
    return market === 'spot' && USDM_ONLY.includes(plain) ? undefined : ({ kind: plain } as StreamKind);
  const depth = /^depth(5|10|20)?(@(?:0|100|250|500|1000)ms)?$/.exec(rest);
  if (depth)
    return depth[1] === undefined ? { kind: 'depth' } : { kind: 'partial', levels: Number(depth[1]) as 5 | 10 | 20 };
  const kline = /^kline_(\w{2,3})$/.exec(rest)?.[1];
  if (kline !== undefined && intervalOf(kline, market) !== undefined) return { kind: 'kline', interval: kline };
  return undefined;
}
export const categoryOf = (kind: StreamKind['kind']): Category => (PUBLIC.includes(kind) ? 'public' : 'market');
