import type { Route } from '../../contract.ts';
import { bookRoutes } from './book.ts';
import { fundingRoutes } from './funding.ts';
import { generalRoutes } from './general.ts';
import { klineRoutes } from './klines.ts';
import type { Source } from './source.ts';
import { tickerRoutes } from './tickers.ts';
import { tradeRoutes } from './trades.ts';

/** All public market data routes of one market. */
export const publicRoutes = (s: Source): Route[] => [
  ...generalRoutes(s),
  ...bookRoutes(s),
  ...tradeRoutes(s),
  ...klineRoutes(s),
  ...tickerRoutes(s),
  ...fundingRoutes(s),
];
