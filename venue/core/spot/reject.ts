/**
 * Why Spot does not take an order: code, text, and the reason of an execution report (`r`). Source: Binance Spot API
 * documentation, error codes and filters.
 */
export const SPOT_REJECT = {
  price: [-1013, 'Filter failure: PRICE_FILTER', 'NONE'],
  percent: [-1013, 'Filter failure: PERCENT_PRICE_BY_SIDE', 'NONE'],
  lot: [-1013, 'Filter failure: LOT_SIZE', 'NONE'],
  marketLot: [-1013, 'Filter failure: MARKET_LOT_SIZE', 'NONE'],
  notional: [-1013, 'Filter failure: NOTIONAL', 'NONE'],
  maxOrders: [-1013, 'Filter failure: MAX_NUM_ORDERS', 'NONE'],
  maxAlgo: [-1013, 'Filter failure: MAX_NUM_ALGO_ORDERS', 'NONE'],
  maxLists: [-1013, 'Filter failure: MAX_NUM_ORDER_LISTS', 'NONE'],
  trailing: [-1013, 'Filter failure: TRAILING_DELTA', 'NONE'],
  quantity: [-1013, 'Invalid quantity.', 'NONE'],
  badPrice: [-1013, 'Invalid price.', 'NONE'],
  iceberg: [-2010, 'Iceberg orders are not supported for this symbol.', 'NONE'],
  funds: [-2010, 'Account has insufficient balance for requested action.', 'INSUFFICIENT_BALANCES'],
  duplicate: [-2010, 'Duplicate order sent.', 'DUPLICATE_ORDER'],
  maker: [-2010, 'Order would immediately match and take.', 'WOULD_MATCH_IMMEDIATELY'],
  triggerNow: [-2010, 'Order would trigger immediately.', 'STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY'],
  ocoPrices: [-2010, 'The relationship of the prices for the orders is not correct.', 'OCO_BAD_PRICES'],
  thin: [-2010, 'Order book liquidity is less than `LOT_SIZE` filter minimum quantity.', 'NONE'],
  empty: [-2010, 'Order book liquidity is less than symbol minimum quantity.', 'NONE'],
  unknown: [-2011, 'Unknown order sent.', 'UNKNOWN_ORDER'],
  restricted: [-2011, 'Order was not canceled due to cancel restrictions.', 'NONE'],
  mismatch: [-2039, 'Client order ID is not correct for this order ID.', 'NONE'],
  amendUnknown: [-2038, 'Unknown order sent.', 'UNKNOWN_ORDER'],
  amendMore: [-2038, 'Order amend (quantity increase) is not supported.', 'NONE'],
  amendSame: [-2038, 'The requested action would change no state; rejecting', 'NONE'],
  amendDuplicate: [-2038, 'Duplicate order sent.', 'DUPLICATE_ORDER'],
  amendFilter: [-1013, 'Filter failure: MAX_NUM_ORDER_AMENDS', 'NONE'],
} as const satisfies Record<string, readonly [number, string, string]>;
export type SpotReject = keyof typeof SPOT_REJECT;
