import { describe, expect, it } from 'vitest';
import { firstOrderId } from '../../core/spot/state.ts';
import { Client, type Json } from './testing.ts';

/** 1 BTC, 100,000 USDT; the market stands at 50,000. */
const client = (): Client =>
  new Client({ balances: { USDT: 1e5 * 1e8, BTC: 1e8 } }).book([[49_990, 1]], [[50_000, 1]]).trade(50_000, 0.01);
const OCO = {
  side: 'SELL',
  quantity: '0.5',
  aboveType: 'LIMIT_MAKER',
  abovePrice: '51000',
  aboveClientOrderId: 'target',
  belowType: 'STOP_LOSS_LIMIT',
  belowStopPrice: '49000',
  belowPrice: '48900',
  belowTimeInForce: 'GTC',
  belowClientOrderId: 'stop',
  listClientOrderId: 'list',
};
const oco = (c: Client, more: Record<string, string> = {}): Json =>
  c.call('POST', '/api/v3/orderList/oco', { ...OCO, ...more });
const listOf = (c: Client, id = 'list'): Json => c.call('GET', '/api/v3/orderList', { origClientOrderId: id });

describe('an OCO', () => {
  it('is two orders under one lock', () => {
    const c = client();
    expect(oco(c)).toMatchObject({
      orderListId: 1,
      contingencyType: 'OCO',
      listStatusType: 'EXEC_STARTED',
      listOrderStatus: 'EXECUTING',
      orders: [{ clientOrderId: 'stop' }, { clientOrderId: 'target' }],
      orderReports: [
        { orderListId: 1, type: 'STOP_LOSS_LIMIT', stopPrice: '49000.00000000', workingTime: -1, status: 'NEW' },
        { orderListId: 1, type: 'LIMIT_MAKER', price: '51000.00000000', status: 'NEW' },
      ],
    });
    expect(c.told()).toEqual(['stop NEW NEW', 'target NEW NEW', 'list OCO EXEC_STARTED', 'position']);
    expect(c.balance('BTC')).toBe('0.50000000/0.50000000');
    expect(c.raw('GET', '/api/v3/openOrderList', {})).toHaveLength(1);
    expect(c.raw('GET', '/api/v3/openOrders', {})).toHaveLength(2);
  });

  it('loses its stop when the target begins to trade', () => {
    const c = client();
    oco(c);
    c.told();
    c.trade(51_000.01, 0.2);
    expect(c.told()).toEqual([
      'stop EXPIRED EXPIRED OCO_TRIGGER',
      'target TRADE PARTIALLY_FILLED',
      'list OCO ALL_DONE',
      'position',
    ]);
    // 0.2 × 51,000 less 0.1 %.
    expect(c.balance('USDT')).toBe('110189.80000000/0.00000000');
    expect(c.balance('BTC')).toBe('0.50000000/0.30000000');
    expect(listOf(c)).toMatchObject({ listStatusType: 'ALL_DONE', listOrderStatus: 'ALL_DONE' });
    c.trade(48_000, 1, -1);
    expect([c.status('stop'), c.status('target')]).toEqual(['EXPIRED', 'PARTIALLY_FILLED']);
    // What is left is an order of its own.
    expect(c.call('DELETE', '/api/v3/order', { origClientOrderId: 'target' })).toMatchObject({ status: 'CANCELED' });
    expect(c.balance('BTC')).toBe('0.80000000/0.00000000');
  });

  it('loses its target when the stop is triggered', () => {
    const c = client();
    oco(c);
    c.told();
    c.book([[49_000, 0.2]], [[49_010, 1]]).trade(49_000, 0.01, -1);
    expect(c.told()).toEqual([
      'target EXPIRED EXPIRED OCO_TRIGGER',
      'stop NEW NEW',
      'list OCO ALL_DONE',
      'stop TRADE PARTIALLY_FILLED',
      'position',
    ]);
    expect(c.balance('BTC')).toBe('0.50000000/0.30000000');
  });

  it('is cancelled whole, by one order or as a list', () => {
    const c = client();
    oco(c);
    c.told();
    const answer = c.call('DELETE', '/api/v3/order', { origClientOrderId: 'target', newClientOrderId: 'x' });
    expect(answer).toMatchObject({
      listOrderStatus: 'ALL_DONE',
      orderReports: [
        { origClientOrderId: 'stop', clientOrderId: 'x', status: 'CANCELED' },
        { origClientOrderId: 'target', status: 'CANCELED' },
      ],
    });
    expect(c.told()).toEqual(['stop CANCELED CANCELED', 'target CANCELED CANCELED', 'list OCO ALL_DONE', 'position']);
    expect(c.balance('BTC')).toBe('1.00000000/0.00000000');
    oco(c);
    c.call('DELETE', '/api/v3/orderList', { listClientOrderId: 'list' });
    expect(c.refusal('DELETE', '/api/v3/orderList', { listClientOrderId: 'list' })).toBe('-2011 Unknown order sent.');
    oco(c);
    expect(c.raw('DELETE', '/api/v3/openOrders', { symbol: 'BTCUSDT' })).toHaveLength(1);
    expect(c.balance('BTC')).toBe('1.00000000/0.00000000');
  });

  it('is refused when its prices or types do not fit', () => {
    const c = client();
    const no = (more: Record<string, string>): string =>
      c.refusal('POST', '/api/v3/orderList/oco', { ...OCO, ...more });
    const prices = '-2010 The relationship of the prices for the orders is not correct.';
    expect(no({ abovePrice: '49995' })).toBe(prices);
    expect(no({ belowStopPrice: '50500' })).toBe(prices);
    expect(no({ belowType: 'LIMIT_MAKER' })).toContain('-1168');
    expect(no({ side: 'BUY' })).toContain('-1165');
    expect(no({ aboveType: 'LIMIT' })).toContain('-1158');
    expect(no({ belowType: 'TAKE_PROFIT_LIMIT' })).toContain('-1199');
    expect(no({ aboveType: 'STOP_LOSS_LIMIT' })).toContain('-1197');
    expect(no({ quantity: '2' })).toContain('-2010 Account has insufficient balance');
    expect(no({ belowClientOrderId: 'target' })).toBe('-2010 Duplicate order sent.');
    expect(no({})).toBe('accepted');
    expect(no({ aboveClientOrderId: 'a', belowClientOrderId: 'b' })).toBe('-2010 Duplicate order sent.');
  });

  it('of a buyer locks the dearer of its legs', () => {
    const c = client();
    const legs = {
      belowType: 'LIMIT_MAKER',
      belowPrice: '49000',
      aboveType: 'STOP_LOSS_LIMIT',
      aboveStopPrice: '51000',
    };
    const side = { side: 'BUY', quantity: '0.5', abovePrice: '51500', aboveTimeInForce: 'GTC' };
    c.call('POST', '/api/v3/orderList/oco', { ...legs, ...side, belowClientOrderId: 'below' });
    expect(c.balance('USDT')).toBe('74250.00000000/25750.00000000');
    c.trade(49_000, 0.1, -1).trade(48_999, 0.1, -1);
    expect(c.status('below')).toBe('PARTIALLY_FILLED');
    // 0.1 at 49,000 is spent, 0.4 are locked.
    expect(c.balance('USDT')).toBe('75500.00000000/19600.00000000');
  });

  it('may trail with its stop', () => {
    const c = client();
    const { belowStopPrice: _none, ...rest } = OCO;
    const trailing = { ...rest, belowType: 'STOP_LOSS', belowTrailingDelta: '200' };
    for (const name of ['belowPrice', 'belowTimeInForce']) delete (trailing as Record<string, string>)[name];
    c.call('POST', '/api/v3/orderList/oco', trailing);
    // 2 % below 50,900 are 49,882.
    c.trade(50_900, 0.1).trade(49_882.01, 0.1);
    expect(c.status('stop')).toBe('NEW');
    c.trade(49_882, 0.1);
    expect([c.status('stop'), c.status('target')]).toEqual(['FILLED', 'EXPIRED']);
  });

  it('takes the form of before as well', () => {
    const c = client();
    const form = { side: 'SELL', quantity: '0.5', price: '51000', stopPrice: '49000', stopLimitPrice: '48900' };
    expect(c.call('POST', '/api/v3/order/oco', { ...form, stopLimitTimeInForce: 'GTC' })).toMatchObject({
      orderReports: [{ type: 'STOP_LOSS_LIMIT' }, { type: 'LIMIT_MAKER' }],
    });
  });
});

const OTO = {
  workingType: 'LIMIT',
  workingSide: 'BUY',
  workingPrice: '49990',
  workingQuantity: '0.5',
  workingTimeInForce: 'GTC',
  workingClientOrderId: 'work',
  pendingSide: 'SELL',
  pendingQuantity: '0.4',
  listClientOrderId: 'list',
};
const PENDING = {
  pendingType: 'LIMIT',
  pendingPrice: '52000',
  pendingTimeInForce: 'GTC',
  pendingClientOrderId: 'next',
};
const oto = (c: Client, more: Record<string, string> = {}): Json =>
  c.call('POST', '/api/v3/orderList/oto', { ...OTO, ...PENDING, ...more });

describe('an OTO', () => {
  it('places its pending order once the working order is filled whole', () => {
    const c = client();
    expect(oto(c)).toMatchObject({
      contingencyType: 'OTO',
      orderReports: [
        { clientOrderId: 'work', status: 'NEW' },
        { clientOrderId: 'next', status: 'PENDING_NEW', workingTime: -1 },
      ],
    });
    expect(c.told()).toEqual(['work NEW NEW', 'next NEW PENDING_NEW', 'list OTO EXEC_STARTED', 'position']);
    expect(c.balance('BTC')).toBe('1.00000000/0.00000000');
    c.trade(49_990, 1.3, -1);
    expect(c.told()).toEqual(['work TRADE PARTIALLY_FILLED', 'position']);
    c.trade(49_989, 1, -1);
    expect(c.told()).toEqual(['work TRADE FILLED', 'next NEW NEW', 'position']);
    expect(c.balance('BTC')).toBe('1.09950000/0.40000000');
    c.trade(52_001, 1);
    expect(c.told()).toEqual(['next TRADE FILLED', 'list OTO ALL_DONE', 'position']);
  });

  it('shows the pending order as pending when the working order fills at once', () => {
    const c = client();
    const answer = oto(c, { workingPrice: '50000' });
    expect(answer).toMatchObject({ orderReports: [{ status: 'FILLED' }, { status: 'PENDING_NEW' }] });
    expect(c.status('next')).toBe('NEW');
  });

  it('ends with its working order', () => {
    const c = client();
    oto(c, { workingTimeInForce: 'IOC' });
    expect(c.told()).toEqual([
      'work NEW NEW',
      'next NEW PENDING_NEW',
      'list OTO EXEC_STARTED',
      'work EXPIRED EXPIRED UNFILLED_IOC_QUANTITY_EXPIRED',
      'next EXPIRED EXPIRED OTO_PHASE_ONE_EXPIRED',
      'list OTO ALL_DONE',
      'position',
    ]);
    oto(c);
    c.told();
    c.call('DELETE', '/api/v3/order', { origClientOrderId: 'next' });
    expect(c.told()).toEqual(['work CANCELED CANCELED', 'next CANCELED CANCELED', 'list OTO ALL_DONE', 'position']);
    expect(c.balance('USDT')).toBe('100000.00000000/0.00000000');
  });

  it('expires a pending order that the account cannot carry', () => {
    const c = client();
    oto(c, { pendingQuantity: '5' });
    c.told();
    c.trade(49_989, 2, -1);
    expect(c.told()).toEqual(['work TRADE FILLED', 'next EXPIRED EXPIRED REJECTED', 'list OTO ALL_DONE', 'position']);
  });
});

describe('an OTOCO', () => {
  const PAIR = {
    pendingAboveType: 'LIMIT_MAKER',
    pendingAbovePrice: '52000',
    pendingAboveClientOrderId: 'target',
    pendingBelowType: 'STOP_LOSS',
    pendingBelowStopPrice: '48000',
    pendingBelowClientOrderId: 'stop',
  };
  it('places a pair once the working order is filled', () => {
    const c = client();
    const answer = c.call('POST', '/api/v3/orderList/otoco', { ...OTO, ...PAIR });
    expect(answer).toMatchObject({
      contingencyType: 'OTO',
      orders: [0, 1, 2].map((n) => ({ orderId: firstOrderId(0) + n })),
    });
    c.told();
    c.trade(49_989, 2, -1);
    expect(c.told()).toEqual(['work TRADE FILLED', 'stop NEW NEW', 'target NEW NEW', 'position']);
    expect(c.balance('BTC')).toBe('1.09950000/0.40000000');
    c.book([[47_990, 1]], [[48_000, 1]]).trade(48_000, 0.1, -1);
    expect(c.told()).toEqual([
      'target EXPIRED EXPIRED OCO_TRIGGER',
      'stop NEW NEW',
      'list OTO ALL_DONE',
      'stop TRADE FILLED',
      'position',
    ]);
    // 100,000 − 24,995 + 0.4 × 47,990 × 0.999
    expect(c.balance('USDT')).toBe('94181.80400000/0.00000000');
  });
  it('is refused when the legs of its pair cross', () => {
    const no = { ...OTO, ...PAIR, pendingAbovePrice: '47000' };
    expect(client().refusal('POST', '/api/v3/orderList/otoco', no)).toContain('-2010 The relationship of the prices');
  });
});
