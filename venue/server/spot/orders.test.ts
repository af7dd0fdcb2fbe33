import { describe, expect, it } from 'vitest';
import { firstOrderId } from '../../core/spot/state.ts';
import { Client } from './testing.ts';

const BIDS = [
  [49_990, 1],
  [49_980, 2],
] as const;
const ASKS = [
  [50_000, 0.1],
  [50_010, 0.2],
  [50_020, 5],
] as const;
const client = (): Client => new Client().book(BIDS, ASKS).trade(50_000, 0.01);

describe('a Spot order', () => {
  it('that buys at market walks the book and pays its fee in the asset it receives', () => {
    const c = client();
    const o = c.market('BUY', '0.15');
    // 0.1 × 50,000 + 0.05 × 50,010 = 7,500.50 USDT; 0.1 % of 0.15 BTC = 0.00015 BTC.
    expect(o).toMatchObject({
      status: 'FILLED',
      executedQty: '0.15000000',
      cummulativeQuoteQty: '7500.50000000',
      fills: [
        { price: '50000.00000000', qty: '0.10000000', commission: '0.00010000', commissionAsset: 'BTC', tradeId: 1 },
        { price: '50010.00000000', qty: '0.05000000', commission: '0.00005000', commissionAsset: 'BTC', tradeId: 2 },
      ],
    });
    expect(c.balance('BTC')).toBe('0.14985000/0.00000000');
    expect(c.balance('USDT')).toBe('2499.50000000/0.00000000');
    expect(c.refusal('POST', '/api/v3/order', { side: 'SELL', type: 'MARKET', quantity: '0.15' })).toBe(
      '-2010 Account has insufficient balance for requested action.',
    );
    // 0.14985 × 49,990 = 7,491.0015, fee 7.4910015.
    c.market('SELL', '0.14985');
    expect(c.balance('USDT')).toBe('9983.01049850/0.00000000');
    expect(c.balance('BTC')).toBe('0.00000000/0.00000000');
  });

  it('by quote amount buys whole lots for at most that amount', () => {
    const c = client();
    // 5,000 buy 0.1 at 50,000; 1,000 buy 0.01999 (999.6999…) at 50,010.
    const o = c.order({ side: 'BUY', type: 'MARKET', quoteOrderQty: '6000' });
    expect(o).toMatchObject({
      status: 'FILLED',
      origQty: '0.11999000',
      origQuoteOrderQty: '6000.00000000',
      cummulativeQuoteQty: '5999.69990000',
    });
    expect(c.balance('USDT')).toBe('4000.30010000/0.00000000');
  });

  it('that rests locks what it gives, queues behind the level and fills after it', () => {
    const c = client();
    expect(c.limit('BUY', '0.1', '49990', { newClientOrderId: 'a' })).toMatchObject({ status: 'NEW', fills: [] });
    expect(c.balance('USDT')).toBe('5001.00000000/4999.00000000');
    c.trade(49_990, 0.6, -1);
    expect(c.status('a')).toBe('NEW');
    // 0.4 are left ahead; of 0.44 we get 0.04.
    c.trade(49_990, 0.44, -1);
    expect(c.call('GET', '/api/v3/order', { origClientOrderId: 'a' })).toMatchObject({
      status: 'PARTIALLY_FILLED',
      executedQty: '0.04000000',
      cummulativeQuoteQty: '1999.60000000',
      isWorking: true,
    });
    expect(c.balance('USDT')).toBe('5001.00000000/2999.40000000');
    c.trade(49_980, 3, -1);
    expect(c.status('a')).toBe('FILLED');
    expect(c.balance('USDT')).toBe('5001.00000000/0.00000000');
    expect(c.balance('BTC')).toBe('0.09990000/0.00000000');
    expect(c.raw('GET', '/api/v3/myTrades', { symbol: 'BTCUSDT' })).toMatchObject([
      { id: 1, price: '49990.00000000', qty: '0.04000000', quoteQty: '1999.60000000', isMaker: true, isBuyer: true },
      { id: 2, qty: '0.06000000', commission: '0.00006000', commissionAsset: 'BTC' },
    ]);
  });

  it('that buys above the best ask pays the better price and frees the rest of its lock', () => {
    const c = client();
    c.limit('BUY', '0.1', '50500');
    expect(c.balance('USDT')).toBe('5000.00000000/0.00000000');
  });

  it('is cancelled under a new client id; the event carries both ids', () => {
    const c = client();
    c.limit('BUY', '0.1', '49000', { newClientOrderId: 'mine' });
    c.events.length = 0;
    const answer = c.call('DELETE', '/api/v3/order', { origClientOrderId: 'mine', newClientOrderId: 'gone' });
    expect(answer).toMatchObject({ origClientOrderId: 'mine', clientOrderId: 'gone', status: 'CANCELED' });
    expect(c.events[0]).toMatchObject({ e: 'executionReport', x: 'CANCELED', X: 'CANCELED', c: 'gone', C: 'mine' });
    expect(c.events[1]).toMatchObject({ e: 'outboundAccountPosition' });
    expect(c.refusal('DELETE', '/api/v3/order', { origClientOrderId: 'mine' })).toBe('-2011 Unknown order sent.');
    expect(c.refusal('GET', '/api/v3/order', { origClientOrderId: 'other' })).toBe('-2013 Order does not exist.');
    expect(c.balance('USDT')).toBe('10000.00000000/0.00000000');
  });

  it('ends at once as IOC and FOK', () => {
    const c = client();
    const ioc = c.limit('BUY', '0.15', '50000', { timeInForce: 'IOC' });
    expect(ioc).toMatchObject({
      status: 'EXPIRED',
      executedQty: '0.10000000',
      expiryReason: 'UNFILLED_IOC_QUANTITY_EXPIRED',
    });
    const fok = c.limit('BUY', '0.09', '50000', { timeInForce: 'FOK' });
    expect(fok).toMatchObject({
      status: 'EXPIRED',
      executedQty: '0.00000000',
      expiryReason: 'UNFILLED_FOK_ORDER_EXPIRED',
    });
    expect(c.limit('BUY', '0.09', '50010', { timeInForce: 'FOK' })).toMatchObject({ status: 'FILLED' });
    expect(c.balance('USDT').endsWith('/0.00000000')).toBe(true);
  });

  it('is refused in the exchange’s words', () => {
    const c = client();
    const limit = (quantity: string, price: string, more = {}): string =>
      c.refusal('POST', '/api/v3/order', { side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity, price, ...more });
    const at = (values: Record<string, string>): string =>
      c.refusal('POST', '/api/v3/order', { side: 'BUY', ...values });
    expect(limit('0.1', '49000.001')).toBe('-1013 Filter failure: PRICE_FILTER');
    expect(limit('0.000001', '49000')).toBe('-1013 Filter failure: LOT_SIZE');
    expect(limit('0.0000000001', '49000')).toBe("-1111 Parameter 'quantity' has too much precision.");
    expect(limit('0.0001', '49000')).toBe('-1013 Filter failure: NOTIONAL');
    expect(limit('0.1', '260000')).toBe('-1013 Filter failure: PERCENT_PRICE_BY_SIDE');
    expect(limit('99999999999', '49000')).toBe('-1013 Filter failure: LOT_SIZE');
    expect(limit('0', '49000')).toBe('-1013 Invalid quantity.');
    expect(limit('-1', '49000')).toContain("-1100 Illegal characters found in parameter 'quantity'");
    expect(limit('1', '49000')).toBe('-2010 Account has insufficient balance for requested action.');
    expect(limit('0.1', '49000', { symbol: 'NOPE' })).toBe('-1121 Invalid symbol.');
    expect(limit('0.1', '49000', { side: 'HOLD' })).toBe('-1117 Invalid side.');
    expect(limit('0.1', '49000', { timeInForce: 'GTX' })).toBe('-1115 Invalid timeInForce.');
    expect(limit('0.1', '49000', { newClientOrderId: 'a b' })).toContain('-1100 Illegal characters');
    expect(at({ type: 'ICEBERG' })).toBe('-1116 Invalid orderType.');
    expect(at({ type: 'LIMIT', quantity: '1', price: '1' })).toContain("-1102 Mandatory parameter 'timeInForce'");
    expect(at({ type: 'MARKET' })).toContain("-1102 Param 'quantity' or 'quoteOrderQty' must be sent");
    expect(at({ type: 'MARKET', quantity: '0.1', price: '1' })).toBe("-1106 Parameter 'price' sent when not required.");
    expect(at({ type: 'LIMIT_MAKER', quantity: '0.1', price: '50000' })).toBe(
      '-2010 Order would immediately match and take.',
    );
    expect(at({ type: 'STOP_LOSS', quantity: '0.1', stopPrice: '49000' })).toBe(
      '-2010 Order would trigger immediately.',
    );
    expect(at({ type: 'TAKE_PROFIT', quantity: '0.1', stopPrice: '51000' })).toBe(
      '-2010 Order would trigger immediately.',
    );
    expect(c.events).toEqual([]);
    c.limit('BUY', '0.01', '49000', { newClientOrderId: 'once' });
    expect(limit('0.01', '49000', { newClientOrderId: 'once' })).toBe('-2010 Duplicate order sent.');
    c.call('DELETE', '/api/v3/order', { origClientOrderId: 'once' });
    expect(limit('0.01', '49000', { newClientOrderId: 'once' })).toBe('accepted');
  });

  it('waits for its stop price on its own side of the market', () => {
    const c = client();
    c.market('BUY', '0.1');
    c.events.length = 0;
    const stop = { side: 'SELL', type: 'STOP_LOSS_LIMIT', timeInForce: 'GTC', quantity: '0.05' };
    const o = c.order({ ...stop, price: '49500', stopPrice: '49600', newClientOrderId: 's' });
    expect(o).toMatchObject({ status: 'NEW', stopPrice: '49600.00000000', workingTime: -1 });
    expect(c.events[0]).toMatchObject({ x: 'NEW', w: false, P: '49600.00000000' });
    expect(c.events[0]).not.toHaveProperty('W');
    expect(c.balance('BTC')).toBe('0.04990000/0.05000000');
    c.order({ side: 'SELL', type: 'TAKE_PROFIT', quantity: '0.04', stopPrice: '51000', newClientOrderId: 't' });
    c.trade(49_610, 0.01);
    expect(c.status('s')).toBe('NEW');
    c.book([[49_590, 1]], [[49_600, 1]]).trade(49_600, 0.01, -1);
    expect(c.status('s')).toBe('FILLED');
    c.book([[51_000, 1]], [[51_010, 1]]).trade(51_000, 0.01);
    expect(c.status('t')).toBe('FILLED');
    expect(c.told()).toEqual([
      's NEW NEW',
      'position',
      't NEW NEW',
      'position',
      's NEW NEW',
      's TRADE FILLED',
      'position',
      't NEW NEW',
      't TRADE FILLED',
      'position',
    ]);
  });

  it('trails: the example of the exchange’s documentation', () => {
    // Scenario A of its trailing stop FAQ: 5 % from 42,000 are 44,100.
    const c = new Client({ balances: { USDT: 1e5 * 1e8 } }).book([[39_990, 9]], [[40_000, 9]]).trade(40_000, 1);
    const order = { side: 'BUY', type: 'STOP_LOSS_LIMIT', timeInForce: 'GTC', quantity: '1', price: '45000' };
    c.order({ ...order, stopPrice: '44000', trailingDelta: 500, newClientOrderId: 'a' });
    for (const px of [37_000, 44_000, 45_000, 46_000, 42_000, 44_099]) c.trade(px, 1);
    expect(c.status('a')).toBe('NEW');
    expect(c.call('GET', '/api/v3/order', { origClientOrderId: 'a' })).toMatchObject({
      trailingDelta: 500,
      isWorking: false,
    });
    c.trade(44_100, 1);
    expect(c.status('a')).toBe('FILLED');
  });

  it('does not trade with another of the same account', () => {
    const resting = (): Client => {
      const c = new Client({ balances: { USDT: 1e12, BTC: 1e8 } }).book(BIDS, ASKS).trade(50_000, 0.01);
      c.limit('SELL', '0.3', '49995', { newClientOrderId: 'own' });
      c.events.length = 0;
      return c;
    };
    const maker = resting();
    const taken = maker.limit('BUY', '0.05', '50000', { newClientOrderId: 'buy' });
    expect(taken).toMatchObject({ status: 'FILLED', cummulativeQuoteQty: '2500.00000000' });
    expect(maker.told()).toEqual([
      'buy NEW NEW',
      'own TRADE_PREVENTION EXPIRED_IN_MATCH',
      'buy TRADE FILLED',
      'position',
    ]);
    const taker = resting();
    const gone = taker.limit('BUY', '0.05', '50000', { selfTradePreventionMode: 'EXPIRE_TAKER' });
    expect(gone).toMatchObject({ status: 'EXPIRED_IN_MATCH', preventedQuantity: '0.05000000', preventedMatchId: 1 });
    expect(taker.status('own')).toBe('NEW');
    expect(taker.events[1]).toMatchObject({ x: 'TRADE_PREVENTION', v: 1, U: firstOrderId(0), pL: '49995.00000000' });
    const both = resting();
    both.limit('BUY', '0.05', '50000', { selfTradePreventionMode: 'EXPIRE_BOTH', newClientOrderId: 'b' });
    expect([both.status('own'), both.status('b')]).toEqual(['EXPIRED_IN_MATCH', 'EXPIRED_IN_MATCH']);
    expect(both.raw('GET', '/api/v3/myPreventedMatches', { symbol: 'BTCUSDT', preventedMatchId: 1 })).toMatchObject([
      { takerOrderId: firstOrderId(0) + 1, makerOrderId: firstOrderId(0), makerPreventedQuantity: '0.30000000' },
    ]);
    const none = resting();
    none.limit('BUY', '0.05', '50000', { selfTradePreventionMode: 'NONE', newClientOrderId: 'n' });
    expect(none.told()).toEqual(['n NEW NEW', 'own TRADE PARTIALLY_FILLED', 'n TRADE FILLED', 'position']);
    for (const c of [maker, taker, both])
      expect(c.balance('BTC').split('/')[1]).toBe(c === taker ? '0.30000000' : '0.00000000');
  });

  it('is replaced: success, one failure, two failures', () => {
    const c = client();
    c.limit('BUY', '0.1', '49000', { newClientOrderId: 'a' });
    const next = {
      side: 'BUY',
      type: 'LIMIT',
      timeInForce: 'GTC',
      quantity: '0.1',
      cancelReplaceMode: 'STOP_ON_FAILURE',
    };
    const path = '/api/v3/order/cancelReplace';
    const answer = c.call('POST', path, {
      ...next,
      price: '49100',
      cancelOrigClientOrderId: 'a',
      newClientOrderId: 'b',
    });
    expect(answer).toMatchObject({
      cancelResult: 'SUCCESS',
      newOrderResult: 'SUCCESS',
      cancelResponse: { origClientOrderId: 'a', status: 'CANCELED' },
      newOrderResponse: { clientOrderId: 'b', status: 'NEW', fills: [] },
    });
    const failure = (values: Record<string, string>): unknown => {
      try {
        return c.call('POST', path, { ...next, price: '49100', ...values });
      } catch (e) {
        const { code, status, data } = e as { code: number; status: number; data: unknown };
        return { code, status, data };
      }
    };
    expect(failure({ cancelOrigClientOrderId: 'x' })).toEqual({
      code: -2022,
      status: 400,
      data: {
        cancelResult: 'FAILURE',
        newOrderResult: 'NOT_ATTEMPTED',
        cancelResponse: { code: -2011, msg: 'Unknown order sent.' },
        newOrderResponse: null,
      },
    });
    c.events.length = 0;
    expect(failure({ cancelOrigClientOrderId: 'b', quantity: '1', newClientOrderId: 'c' })).toMatchObject({
      code: -2021,
      status: 409,
      data: { cancelResult: 'SUCCESS', newOrderResult: 'FAILURE', newOrderResponse: { code: -2010 } },
    });
    expect(c.events[1]).toMatchObject({ x: 'REJECTED', X: 'REJECTED', r: 'INSUFFICIENT_BALANCES', c: 'c' });
    // What the cancel freed is told although the answer is an error.
    expect(c.events[2]).toMatchObject({ e: 'outboundAccountPosition', B: [{ a: 'USDT', f: '10000.00000000' }] });
    expect(failure({ cancelOrigClientOrderId: 'b', cancelReplaceMode: 'ALLOW_FAILURE' })).toMatchObject({
      code: -2021,
      data: { cancelResult: 'FAILURE', newOrderResult: 'SUCCESS' },
    });
  });

  it('is reduced in place', () => {
    const c = client();
    c.limit('BUY', '0.1', '49990', { newClientOrderId: 'a' });
    const path = '/api/v3/order/amend/keepPriority';
    const amended = c.call('PUT', path, { origClientOrderId: 'a', newQty: '0.06', newClientOrderId: 'b' });
    expect(amended).toMatchObject({ amendedOrder: { origClientOrderId: 'a', clientOrderId: 'b', qty: '0.06000000' } });
    expect(c.balance('USDT')).toBe('7000.60000000/2999.40000000');
    expect(c.events.find((e) => e['x'] === 'REPLACED')).toMatchObject({ c: 'b', C: 'a', X: 'NEW', q: '0.06000000' });
    // The queue of one BTC stands as it was.
    c.trade(49_990, 1.06, -1);
    expect(c.status('b')).toBe('FILLED');
    expect(c.refusal('PUT', path, { origClientOrderId: 'b', newQty: '0.01' })).toBe('-2038 Unknown order sent.');
  });
});
