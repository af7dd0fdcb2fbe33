import type { BinanceClient } from './client.ts';
import type { Kind, MarketConfig } from './market-config.ts';

/** ccxt's own call that opens a kind of stream for these symbols (as ccxt names them). */
export function watchStream(
  ex: BinanceClient,
  kind: Kind,
  symbols: string[],
  c: Pick<MarketConfig, 'trades' | 'depth_speed_ms' | 'kline_intervals'>,
): Promise<unknown> {
  switch (kind) {
    case 'trade': {
      const name = c.trades === 'trade' ? 'trade' : 'aggTrade';
      return ex.watchTradesForSymbols(symbols, undefined, undefined, { name });
    }
    case 'depth':
      return ex.watchOrderBookForSymbols(symbols, undefined, { watchOrderBookRate: String(c.depth_speed_ms) });
    case 'book_ticker':
      return ex.watchBidsAsks(symbols);
    case 'mark_price':
      return ex.watchMarkPrices(symbols);
    case 'kline':
      return ex.watchOHLCVForSymbols(symbols.flatMap((s) => c.kline_intervals.map((i) => [s, i])));
    default:
      return ex.watchLiquidationsForSymbols(symbols);
  }
}
