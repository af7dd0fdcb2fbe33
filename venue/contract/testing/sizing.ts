import type { MarketInterface } from 'ccxt';
import type { Session } from './session.ts';

/** What an order may look like at this moment. Prices and amounts are ticks and lots. */
export interface Quote {
  readonly bid: number;
  readonly ask: number;
  /** Worth a little more than twice the least cost. */
  readonly amount: number;
  /** Where an order rests for as long as the suite runs: three per cent off the market. */
  readonly farBuy: number;
  readonly farSell: number;
  /** Where it is filled at once: one per cent through the market. */
  readonly throughBuy: number;
  readonly throughSell: number;
}

export async function quote(s: Session): Promise<Quote> {
  const { bids, asks } = await s.client.fetchOrderBook(s.symbol, 5);
  const [bid, ask] = [bids[0]![0]!, asks[0]![0]!];
  const price = (px: number): number => Number(s.client.priceToPrecision(s.symbol, px));
  return {
    bid,
    ask,
    amount: lots(s.market, (2.2 * (s.market.limits.cost?.min ?? 5)) / bid),
    farBuy: price(bid * 0.97),
    farSell: price(ask * 1.03),
    throughBuy: price(ask * 1.01),
    throughSell: price(bid * 0.99),
  };
}

/** Rounded up to lots, as the nearest double of that decimal. */
export function lots(market: MarketInterface, amount: number): number {
  const step = market.precision.amount!;
  return Number((Math.ceil(amount / step - 1e-9) * step).toFixed(10));
}

let ids = 0;
/** A client order id that nobody had. */
export function freshId(): string {
  ids++;
  return `contract-${Date.now().toString(36)}-${ids}`;
}
