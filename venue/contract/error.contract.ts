import type { Client, Session } from './testing/session.ts';
import type { Quote } from './testing/sizing.ts';

/** A call that must be refused, and as what: the class that ccxt makes of it, and the code or text that it is made of. */
export interface Refusal {
  readonly what: string;
  readonly as: string;
  readonly says: RegExp;
  readonly call: (s: Session, q: Quote) => Promise<unknown>;
}

const NOBODY = '9007199254740000';

/** Calls of the raw order endpoint, which ccxt does not round or check. */
function order(s: Session, q: Quote, change: Readonly<Record<string, string | undefined>>): Promise<unknown> {
  const params: Record<string, string> = {
    symbol: s.market.id!,
    side: 'BUY',
    type: 'LIMIT',
    timeInForce: 'GTC',
    quantity: String(q.amount),
    price: String(q.farBuy),
  };
  for (const [name, value] of Object.entries(change))
    if (value === undefined) delete params[name];
    else params[name] = value;
  return s.name === 'usdm' ? s.client.fapiPrivatePostOrder(params) : s.client.privatePostOrder(params);
}
const withClock = async (s: Session, aheadMs: number): Promise<unknown> => {
  const c = await s.connect();
  c.options['timeDifference'] = -aheadMs;
  return c.fetchBalance();
};
const depth = (c: Client, s: Session, symbol: string): Promise<unknown> =>
  s.name === 'usdm' ? c.fapiPublicGetDepth({ symbol }) : c.publicGetDepth({ symbol });

/** Of both markets. */
export const REFUSALS: readonly Refusal[] = [
  { what: 'a symbol that is not listed', as: 'BadSymbol', says: /-1121/, call: (s) => depth(s.client, s, 'NOSUCH') },
  {
    what: 'a signature by another secret',
    as: 'AuthenticationError',
    says: /-1022/,
    call: async (s) => (await s.connect({ secret: 'another' })).fetchBalance(),
  },
  {
    what: 'a key that nobody has',
    as: 'AuthenticationError',
    says: /-201[45]/,
    call: async (s) => (await s.connect({ api_key: 'x'.repeat(64) })).fetchBalance(),
  },
  { what: 'a timestamp out of its window', as: 'InvalidNonce', says: /-1021/, call: (s) => withClock(s, -20_000) },
  { what: 'a timestamp of the future', as: 'InvalidNonce', says: /-1021/, call: (s) => withClock(s, 5000) },
  {
    what: 'an order without a side',
    as: 'BadRequest',
    says: /-1102/,
    call: (s, q) => order(s, q, { side: undefined }),
  },
  {
    what: 'an order of a side that is none',
    as: 'BadRequest',
    says: /-1117/,
    call: (s, q) => order(s, q, { side: 'HOLD' }),
  },
  {
    what: 'an order of a type that is none',
    as: 'BadRequest',
    says: /-1116/,
    call: (s, q) => order(s, q, { type: 'MAYBE' }),
  },
  {
    what: 'an order of a time in force that is none',
    as: 'BadRequest',
    says: /-1115/,
    call: (s, q) => order(s, q, { timeInForce: 'LATER' }),
  },
  {
    what: 'a limit order without a price',
    as: 'BadRequest',
    says: /-1102/,
    call: (s, q) => order(s, q, { price: undefined }),
  },
  {
    what: 'a price that is no number',
    as: 'BadRequest',
    says: /-110[02]/,
    call: (s, q) => order(s, q, { price: 'cheap' }),
  },
  {
    what: 'a quantity with more decimals than there are',
    as: 'BadRequest',
    says: /-1111/,
    call: (s, q) => order(s, q, { quantity: '0.0123456789' }),
  },
  {
    what: 'the cancellation of an order that is unknown',
    as: 'OrderNotFound',
    says: /-2011/,
    call: (s) => s.client.cancelOrder(NOBODY, s.symbol),
  },
  {
    what: 'the query of an order that is unknown',
    as: 'OrderNotFound',
    says: /-2013/,
    call: (s) => s.client.fetchOrder(NOBODY, s.symbol),
  },
  {
    what: 'an order that the account cannot pay',
    as: 'InsufficientFunds',
    says: /-2019|insufficient balance/,
    call: (s, q) => s.client.createOrder(s.symbol, 'limit', 'buy', 90, q.farBuy),
  },
];

export const USDM_REFUSALS: readonly Refusal[] = [
  {
    what: 'a price that is no tick',
    as: 'BadRequest',
    says: /-4014/,
    call: (s, q) => order(s, q, { price: `${Math.floor(q.farBuy)}.05` }),
  },
  {
    what: 'an order worth too little',
    as: 'InvalidOrder',
    says: /-4164/,
    call: (s, q) => order(s, q, { quantity: '0.001' }),
  },
  {
    what: 'a price far above the mark',
    as: 'BadRequest',
    says: /-4016/,
    call: (s, q) => order(s, q, { price: String(Math.ceil(q.ask * 1.5)) }),
  },
  { what: 'a quantity of nothing', as: 'BadRequest', says: /-400[34]/, call: (s, q) => order(s, q, { quantity: '0' }) },
  {
    what: 'a quantity above the most',
    as: 'BadRequest',
    says: /-4005/,
    call: (s, q) => order(s, q, { quantity: '5000000' }),
  },
  {
    what: 'reduce-only without a position',
    as: 'InvalidOrder',
    says: /-2022/,
    call: (s, q) => s.client.createOrder(s.symbol, 'limit', 'sell', q.amount, q.farSell, { reduceOnly: true }),
  },
  {
    what: 'a conditional order at the endpoint of plain ones',
    as: 'ExchangeError',
    says: /-4120/,
    call: (s, q) =>
      order(s, q, { type: 'STOP_MARKET', stopPrice: String(q.farBuy), price: undefined, timeInForce: undefined }),
  },
  {
    what: 'a leverage that is none',
    as: 'BadRequest',
    says: /-4028/,
    call: (s) => s.client.fapiPrivatePostLeverage({ symbol: s.market.id, leverage: 1000 }),
  },
  {
    what: 'the position mode that there is',
    as: 'OperationRejected',
    says: /-4059/,
    call: (s) => s.client.setPositionMode(false),
  },
  {
    what: 'an order of a side of positions that there is not',
    as: 'OperationRejected',
    says: /-4061/,
    call: (s, q) => order(s, q, { positionSide: 'LONG' }),
  },
];

export const SPOT_REFUSALS: readonly Refusal[] = [
  {
    what: 'a price that is no tick',
    as: 'InvalidOrder',
    says: /PRICE_FILTER/,
    call: (s, q) => order(s, q, { price: `${Math.floor(q.farBuy)}.00500000` }),
  },
  {
    what: 'a quantity that is no lot',
    as: 'InvalidOrder',
    says: /LOT_SIZE/,
    call: (s, q) => order(s, q, { quantity: '0.00100001' }),
  },
  {
    what: 'an order worth too little',
    as: 'BadRequest',
    says: /NOTIONAL/,
    call: (s, q) => order(s, q, { quantity: '0.00001' }),
  },
  {
    what: 'the sale of what the account has not',
    as: 'InsufficientFunds',
    says: /insufficient balance/,
    call: (s, q) => s.client.createOrder(s.symbol, 'limit', 'sell', 5, q.farSell),
  },
  {
    what: 'a stop on the wrong side of the market',
    as: 'OrderImmediatelyFillable',
    says: /trigger immediately/,
    call: (s, q) => s.client.createOrder(s.symbol, 'market', 'buy', q.amount, undefined, { stopLossPrice: q.farBuy }),
  },
  {
    what: 'a price far from the market',
    as: 'InvalidOrder',
    says: /PERCENT_PRICE/,
    call: (s, q) => order(s, q, { price: String(Math.floor(q.ask * 10)) }),
  },
  {
    what: 'an OCO whose prices are not in order',
    as: 'InvalidOrder',
    says: /relationship of the prices/,
    call: (s, q) =>
      s.client.privatePostOrderListOco({
        symbol: s.market.id,
        side: 'BUY',
        quantity: q.amount,
        aboveType: 'STOP_LOSS',
        aboveStopPrice: q.farBuy,
        belowType: 'LIMIT_MAKER',
        belowPrice: q.farSell,
      }),
  },
];
