import type { SymbolMarket } from '../../synthetic/symbol-market.ts';
import type { Listed } from '../contract.ts';
import type { DepthBook } from './depth-book.ts';
import type { Holds, SymbolFeed } from './symbol-feed.ts';

/** Where the rows of a feed come from. Times µs. */
export interface Driver {
  readonly symbols: readonly { readonly listed: Listed; readonly holds: Holds }[];
  /** Receive time of the next row; Infinity at the end. */
  nextUs(): number;
  /** Plays the rows up to and including `limitUs`, as long as nothing derived is due before the next one. */
  play(limitUs: number): void;
  /** The book as a snapshot that comes within a short time shows it; undefined when there is none. */
  lookAhead(s: SymbolFeed): DepthBook | undefined;
  /** Set once the symbols' feeds are made; by key index. */
  feeds: (SymbolFeed | undefined)[];
  /** The synthetic market of a key. */
  marketOf?(key: number): SymbolMarket | undefined;
  close(): void;
}
