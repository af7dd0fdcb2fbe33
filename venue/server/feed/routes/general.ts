import type { Listed, Route } from '../../contract.ts';
import { padded, placesOf } from '../instrument.ts';
import { get, type Source, symbolsOf } from './source.ts';

/** Contracts without an end carry this delivery date. */
const NEVER_MS = 4_133_404_800_000;
const ONBOARD_MS = 1_569_398_400_000;
const USDM_TYPES = [
  'LIMIT',
  'MARKET',
  'STOP',
  'STOP_MARKET',
  'TAKE_PROFIT',
  'TAKE_PROFIT_MARKET',
  'TRAILING_STOP_MARKET',
];
const SPOT_TYPES = [
  'LIMIT',
  'LIMIT_MAKER',
  'MARKET',
  'STOP_LOSS',
  'STOP_LOSS_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
];

const limit = (rateLimitType: string, interval: string, intervalNum: number, most: number): object => ({
  rateLimitType,
  interval,
  intervalNum,
  limit: most,
});
const USDM_LIMITS = [
  limit('REQUEST_WEIGHT', 'MINUTE', 1, 2400),
  limit('ORDERS', 'MINUTE', 1, 1200),
  limit('ORDERS', 'SECOND', 10, 300),
];
const SPOT_LIMITS = [
  limit('REQUEST_WEIGHT', 'MINUTE', 1, 6000),
  limit('ORDERS', 'SECOND', 10, 50),
  limit('ORDERS', 'DAY', 1, 160_000),
  limit('RAW_REQUESTS', 'MINUTE', 5, 300_000),
];

export function generalRoutes(s: Source): Route[] {
  return [
    get(s, 'ping', 1, () => ({}), s.market === 'spot' ? 'ping' : undefined),
    get(s, 'time', 1, (c) => ({ serverTime: c.wallMs }), s.market === 'spot' ? 'time' : undefined),
    s.market === 'usdm'
      ? get(s, 'exchangeInfo', 1, (c) => usdmInfo(s, c.wallMs))
      : get(
          s,
          'exchangeInfo',
          20,
          (c) => ({
            timezone: 'UTC',
            serverTime: c.wallMs,
            rateLimits: SPOT_LIMITS,
            exchangeFilters: [],
            symbols: symbolsOf(s, c.params).feeds.map((f) => spotSymbol(f.listed)),
          }),
          'exchangeInfo',
        ),
    ...(s.market === 'spot' ? [get(s, '/sapi/v1/system/status', 1, () => ({ status: 0, msg: 'normal' }))] : []),
  ];
}

function usdmInfo(s: Source, wallMs: number): object {
  const lists = [...s.symbols.values()].map((f) => f.listed);
  return {
    timezone: 'UTC',
    serverTime: wallMs,
    futuresType: 'U_MARGINED',
    rateLimits: USDM_LIMITS,
    exchangeFilters: [],
    assets: [...new Set(lists.map((l) => l.quote))].map((asset) => ({
      asset,
      marginAvailable: true,
      autoAssetExchange: '-10000',
    })),
    symbols: lists.map(usdmSymbol),
  };
}

function usdmSymbol(l: Listed): object {
  const delivery = /_(\d\d)(\d\d)(\d\d)$/.exec(l.symbol);
  return {
    symbol: l.symbol,
    pair: l.symbol.replace(/_\d{6}$/, ''),
    contractType: delivery ? 'CURRENT_QUARTER' : 'PERPETUAL',
    deliveryDate: delivery
      ? Date.UTC(2000 + Number(delivery[1]), Number(delivery[2]) - 1, Number(delivery[3]), 8)
      : NEVER_MS,
    onboardDate: ONBOARD_MS,
    status: 'TRADING',
    maintMarginPercent: '2.5000',
    requiredMarginPercent: '5.0000',
    baseAsset: l.base,
    quoteAsset: l.quote,
    marginAsset: l.quote,
    pricePrecision: placesOf(l.tick),
    quantityPrecision: placesOf(l.step),
    baseAssetPrecision: 8,
    quotePrecision: 8,
    underlyingType: 'COIN',
    underlyingSubType: [],
    triggerProtect: '0.0500',
    liquidationFee: '0.012500',
    marketTakeBound: '0.05',
    maxMoveOrderLimit: 10_000,
    permissionSets: ['GRID', 'COPY'],
    orderTypes: USDM_TYPES,
    timeInForce: ['GTC', 'IOC', 'FOK', 'GTX', 'GTD'],
    filters: [
      { filterType: 'PRICE_FILTER', minPrice: l.minPx, maxPrice: l.maxPx, tickSize: l.tick },
      { filterType: 'LOT_SIZE', minQty: l.minQty, maxQty: l.maxQty, stepSize: l.step },
      { filterType: 'MARKET_LOT_SIZE', minQty: l.minQty, maxQty: l.maxQty, stepSize: l.step },
      { filterType: 'MAX_NUM_ORDERS', limit: 200 },
      { filterType: 'MAX_NUM_ALGO_ORDERS', limit: 10 },
      { filterType: 'MIN_NOTIONAL', notional: l.minNotional },
      { filterType: 'PERCENT_PRICE', multiplierUp: '1.0500', multiplierDown: '0.9500', multiplierDecimal: '4' },
      { filterType: 'POSITION_RISK_CONTROL', positionControlSide: 'NONE' },
    ],
  };
}

function spotSymbol(l: Listed): object {
  return {
    symbol: l.symbol,
    status: 'TRADING',
    baseAsset: l.base,
    baseAssetPrecision: 8,
    quoteAsset: l.quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: SPOT_TYPES,
    icebergAllowed: false,
    ocoAllowed: true,
    otoAllowed: true,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: false,
    cancelReplaceAllowed: true,
    amendAllowed: false,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: [
      { filterType: 'PRICE_FILTER', minPrice: l.minPx, maxPrice: l.maxPx, tickSize: l.tick },
      { filterType: 'LOT_SIZE', minQty: l.minQty, maxQty: l.maxQty, stepSize: l.step },
      { filterType: 'MARKET_LOT_SIZE', minQty: padded('0', 8), maxQty: l.maxQty, stepSize: padded('0', 8) },
      {
        filterType: 'PERCENT_PRICE_BY_SIDE',
        bidMultiplierUp: '5',
        bidMultiplierDown: '0.2',
        askMultiplierUp: '5',
        askMultiplierDown: '0.2',
        avgPriceMins: 5,
      },
      {
        filterType: 'NOTIONAL',
        minNotional: l.minNotional,
        applyMinToMarket: true,
        maxNotional: '9000000.00000000',
        applyMaxToMarket: false,
        avgPriceMins: 5,
      },
      { filterType: 'MAX_NUM_ORDERS', maxNumOrders: 200 },
      { filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: 5 },
    ],
    permissions: [],
    permissionSets: [['SPOT']],
    defaultSelfTradePreventionMode: 'EXPIRE_MAKER',
    allowedSelfTradePreventionModes: ['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH'],
  };
}
