import { describe, expect, it } from 'vitest';
import { firstOrderId } from '../../core/spot/state.ts';
import { BTCUSDT, Client, type Json } from './testing.ts';

function traded(): Client {
  const c = new Client().book([[49_990, 5]], [[50_000, 5]]).trade(50_000, 0.01);
  for (const id of ['a', 'b', 'c']) c.order({ side: 'BUY', type: 'MARKET', quantity: '0.01', newClientOrderId: id });
  c.limit('BUY', '0.01', '49000', { newClientOrderId: 'd' });
  return c;
}
const rows = (c: Client, path: string, values: Record<string, string | number> = {}): Json[] =>
  c.call('GET', path, values) as unknown as Json[];

describe('what an account can ask for', () => {
  it('its balances, rates and permissions', () => {
    const c = traded();
    expect(c.call('GET', '/api/v3/account', { omitZeroBalances: 'true' })).toMatchObject({
      makerCommission: 10,
      commissionRates: { maker: '0.00100000', taker: '0.00100000' },
      canTrade: true,
      accountType: 'SPOT',
      updateTime: c.nowUs / 1000 - 1,
      balances: [
        { asset: 'BTC', free: '0.02997000', locked: '0.00000000' },
        { asset: 'USDT', free: '8010.00000000', locked: '490.00000000' },
      ],
    });
    expect(c.call('GET', '/api/v3/account/commission')).toMatchObject({
      standardCommission: { maker: '0.00100000', taker: '0.00100000', buyer: '0.00000000' },
    });
    expect(rows(c, '/sapi/v1/asset/tradeFee')).toEqual([
      { symbol: 'BTCUSDT', makerCommission: '0.00100000', takerCommission: '0.00100000' },
    ]);
    const coins = c.raw('GET', '/sapi/v1/capital/config/getall', {}) as Json[];
    expect(coins.map((row) => [row['coin'], row['free']])).toEqual([
      ['BTC', '0.02997000'],
      ['USDT', '8010.00000000'],
    ]);
  });

  it('its orders and trades, by id and by time', () => {
    const c = traded();
    const ids = (list: Json[], name = 'orderId'): number[] =>
      list.map((row) => Number(row[name]) - (name === 'orderId' ? firstOrderId(0) - 1 : 0));
    expect(ids(rows(c, '/api/v3/allOrders'))).toEqual([1, 2, 3, 4]);
    expect(ids(rows(c, '/api/v3/allOrders', { orderId: firstOrderId(0) + 2 }))).toEqual([3, 4]);
    expect(ids(rows(c, '/api/v3/allOrders', { limit: 1 }))).toEqual([4]);
    const time = Number(rows(c, '/api/v3/allOrders')[1]!['time']);
    expect(ids(rows(c, '/api/v3/allOrders', { startTime: time, endTime: time }))).toEqual([2]);
    expect(ids(rows(c, '/api/v3/allOrders', { startTime: time, limit: 2 }))).toEqual([2, 3]);
    expect(c.refusal('GET', '/api/v3/allOrders', { startTime: 1, endTime: 86_400_002 })).toContain('-1127');
    expect(ids(rows(c, '/api/v3/myTrades', { fromId: 2 }), 'id')).toEqual([2, 3]);
    expect(ids(rows(c, '/api/v3/myTrades', { orderId: firstOrderId(0) + 1 }), 'id')).toEqual([2]);
    expect(ids(rows(c, '/api/v3/openOrders'))).toEqual([4]);
  });

  it('one order, by both of its ids', () => {
    const c = traded();
    const ask = (values: Record<string, string | number>): string => c.refusal('GET', '/api/v3/order', values);
    expect(ask({ orderId: firstOrderId(0), origClientOrderId: 'a' })).toBe('accepted');
    expect(ask({ orderId: firstOrderId(0), origClientOrderId: 'b' })).toBe(
      '-2039 Client order ID is not correct for this order ID.',
    );
    expect(ask({ orderId: firstOrderId(0) + 4 })).toBe('-2013 Order does not exist.');
    expect(ask({ orderId: 'x' })).toContain("-1100 Illegal characters found in parameter 'orderId'");
    expect(ask({})).toContain('-1102');
  });

  it('to try an order that is not sent', () => {
    const c = traded();
    const test = { side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: '49000' };
    expect(c.call('POST', '/api/v3/order/test', test)).toEqual({});
    expect(c.call('POST', '/api/v3/order/test', { ...test, computeCommissionRates: 'true' })).toMatchObject({
      standardCommissionForOrder: { maker: '0.00100000', taker: '0.00100000' },
    });
    expect(c.refusal('POST', '/api/v3/order/test', { ...test, quantity: '0.00001' })).toContain('NOTIONAL');
    expect(rows(c, '/api/v3/openOrders')).toHaveLength(1);
  });

  it('and may not open more orders than the exchange allows', () => {
    const c = traded();
    const stop = { side: 'BUY', type: 'STOP_LOSS', quantity: '0.001', stopPrice: '60000' };
    for (let i = 0; i < 5; i++) c.order(stop);
    expect(c.refusal('POST', '/api/v3/order', stop)).toBe('-1013 Filter failure: MAX_NUM_ALGO_ORDERS');
    for (let i = 6; i < 200; i++) c.limit('BUY', '0.0005', '10000');
    expect(
      c.refusal('POST', '/api/v3/order', { ...stop, type: 'LIMIT_MAKER', price: '10000', stopPrice: '' }),
    ).toContain('-1105');
    const maker = { side: 'BUY', type: 'LIMIT_MAKER', quantity: '0.0005', price: '10000' };
    expect(c.refusal('POST', '/api/v3/order', maker)).toBe('-1013 Filter failure: MAX_NUM_ORDERS');
    expect(c.raw('DELETE', '/api/v3/openOrders', { symbol: BTCUSDT.symbol })).toHaveLength(200);
    expect(c.balance('USDT').endsWith('/0.00000000')).toBe(true);
  });

  it('survives amounts beyond exact numbers', () => {
    const c = traded();
    const order = { side: 'SELL', type: 'LIMIT', timeInForce: 'GTC', quantity: '9000', price: '249999' };
    expect(c.refusal('POST', '/api/v3/order', order)).toContain('-1013 Filter failure');
    expect(c.refusal('POST', '/api/v3/order', { ...order, quantity: '99999999999999999999' })).toContain('LOT_SIZE');
    expect(c.refusal('POST', '/api/v3/order', { ...order, price: '99999999999999999999' })).toContain('PRICE_FILTER');
    expect(
      c.refusal('POST', '/api/v3/order', { side: 'BUY', type: 'MARKET', quoteOrderQty: '99999999999999' }),
    ).toContain('-2010');
  });
});
