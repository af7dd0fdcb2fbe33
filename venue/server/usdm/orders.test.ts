import { describe, expect, it } from 'vitest';
import { FIRST_ALGO_ID, firstOrderId } from './ids.ts';
import { Bench, type Json } from './testing.ts';

const BIDS = [
  [64999.9, 1],
  [64999, 2],
] as const;
const ASKS = [
  [65000, 1],
  [65001, 2],
] as const;
const start = (options = {}): Bench => new Bench(options).book(BIDS, ASKS).trade('buy', 65000, 0.01).mark(65000);
const B = { symbol: 'BTCUSDT' };
const LIMIT = { ...B, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: '64000' };
const STOP = {
  ...B,
  algoType: 'CONDITIONAL',
  side: 'SELL',
  type: 'STOP_MARKET',
  quantity: '0.01',
  triggerPrice: '64000',
};

describe('a new order is refused', () => {
  const bad: [string, Json, number][] = [
    ['without a symbol', { symbol: undefined }, -1102],
    ['for an unknown symbol', { symbol: 'XUSDT' }, -1121],
    ['without a side', { side: '' }, -1102],
    ['for a side that is none', { side: 'LONG' }, -1117],
    ['for a type that is none', { type: 'LIMITED' }, -1116],
    ['as a conditional order', { type: 'STOP_MARKET', stopPrice: '64000' }, -4120],
    ['without time in force', { timeInForce: undefined }, -1102],
    ['with a time in force that is none', { timeInForce: 'DAY' }, -1115],
    ['without quantity', { quantity: undefined }, -1102],
    ['with a quantity that is no number', { quantity: '1e-3' }, -1102],
    ['without price', { price: undefined }, -1102],
    ['with too many decimals', { price: '64000.05' }, -1111],
    ['with too fine a quantity', { quantity: '0.0105' }, -1111],
    ['with a negative quantity', { quantity: '-1' }, -4003],
    ['with too large a quantity', { quantity: '1000.001' }, -4005],
    ['with a price of zero', { price: '0' }, -4001],
    ['with a price above all', { price: '1000000.1' }, -4002],
    ['far above the mark', { price: '68250.1' }, -4016],
    ['far below the mark, selling', { side: 'SELL', price: '61749.9' }, -4024],
    ['below the smallest notional', { quantity: '0.001' }, -4164],
    ['beyond the margin', { quantity: '10' }, -2019],
    ['beyond what a leverage may hold', { quantity: '1000', price: '62000' }, -2019],
    ['reduce-only without a position', { reduceOnly: 'true' }, -2022],
    ['post-only where it would take', { timeInForce: 'GTX', price: '65000' }, -5022],
    ['fill-or-kill that cannot be filled', { timeInForce: 'FOK', price: '65000', quantity: '1.1' }, -5021],
    ['with an invalid client id', { newClientOrderId: 'no spaces' }, -4015],
    ['with a client id that is too long', { newClientOrderId: 'x'.repeat(37) }, -4015],
    ['for a side of a hedge', { positionSide: 'LONG' }, -4061],
    ['for a position side that is none', { positionSide: 'UP' }, -4060],
    ['good till a date that is too near', { timeInForce: 'GTD', goodTillDate: 1_760_000_000_000 }, -5040],
    ['good till no date', { timeInForce: 'GTD' }, -1102],
    ['with a prevention mode that is none', { selfTradePreventionMode: 'EXPIRE' }, -5039],
    ['with a response type that is none', { newOrderRespType: 'ALL' }, -1136],
    ['with a trigger', { stopPrice: '1' }, -1106],
    ['with a price match and a price', { priceMatch: 'QUEUE' }, -1106],
    ['with a price match that is none', { priceMatch: 'BEST', price: undefined }, -5037],
  ];
  it.each(bad)('%s', (_name, more, code) => {
    const params: Json = { ...LIMIT, ...more };
    for (const [k, v] of Object.entries(params)) if (v === undefined) delete params[k];
    const b = start();
    expect(b.code('POST order', params)).toBe(code);
    expect(b.list('GET openOrders', B)).toEqual([]);
  });
  it('with a client id that is open, but not with one that was', () => {
    const b = start();
    const o = { ...LIMIT, newClientOrderId: 'a' };
    b.call('POST order', o);
    expect(b.code('POST order', o)).toBe(-4116);
    b.call('DELETE order', { ...B, origClientOrderId: 'a' });
    expect(b.code('POST order', o)).toBe(0);
  });
  it('beyond 200 on one symbol, and beyond 200 conditional ones in all', () => {
    const b = start({ deposit: 1_000_000e8 });
    for (let n = 0; n < 200; n++) b.call('POST order', LIMIT);
    expect(b.code('POST order', LIMIT)).toBe(-1025);
    for (let n = 0; n < 200; n++) b.call('POST algoOrder', STOP);
    expect(b.code('POST algoOrder', STOP)).toBe(-4045);
  });
});

describe('an order', () => {
  it('rests, is found by both ids, and is cancelled once', () => {
    const b = start();
    const o = b.json('POST order', { ...LIMIT, newClientOrderId: 'mine' });
    expect(o).toMatchObject({
      status: 'NEW',
      price: '64000.0',
      origQty: '0.010',
      avgPrice: '0.00000',
      clientOrderId: 'mine',
    });
    expect(b.json('GET order', { ...B, orderId: o['orderId'] })).toEqual(
      b.json('GET order', { ...B, origClientOrderId: 'mine' }),
    );
    expect(b.json('GET openOrder', { ...B, orderId: o['orderId'] })).toMatchObject({ status: 'NEW' });
    expect(b.json('DELETE order', { ...B, orderId: o['orderId'] })).toMatchObject({ status: 'CANCELED' });
    expect(b.code('DELETE order', { ...B, orderId: o['orderId'] })).toBe(-2011);
    expect(b.code('DELETE order', { ...B, origClientOrderId: 'never' })).toBe(-2011);
    expect(b.code('DELETE order', B)).toBe(-1102);
    expect(b.code('GET order', { ...B, orderId: 99 })).toBe(-2013);
    expect(b.code('GET openOrder', { ...B, orderId: o['orderId'] })).toBe(-2013);
  });
  it('is amended, with its history', () => {
    const b = start();
    const { orderId } = b.json('POST order', LIMIT);
    const to = { ...B, orderId, side: 'BUY', quantity: '0.02', price: '64100' };
    expect(b.json('PUT order', to)).toMatchObject({ orderId, origQty: '0.020', price: '64100.0', status: 'NEW' });
    expect(b.code('PUT order', to)).toBe(-5027);
    expect(b.code('PUT order', { ...to, orderId: 77 })).toBe(-2013);
    expect(b.list('GET orderAmendment', B)).toMatchObject([
      { orderId, amendment: { price: { before: '64000.0', after: '64100.0' }, count: 1 } },
    ]);
  });
  it('takes its price from the book where it is asked to', () => {
    const b = start();
    const more = { ...LIMIT } as Json;
    delete more['price'];
    expect(b.json('POST order', { ...more, priceMatch: 'QUEUE' })).toMatchObject({
      price: '64999.9',
      priceMatch: 'QUEUE',
    });
    expect(b.json('POST order', { ...more, priceMatch: 'OPPONENT', newOrderRespType: 'RESULT' })).toMatchObject({
      status: 'FILLED',
    });
    expect(b.code('POST order', { ...more, priceMatch: 'QUEUE_5' })).toBe(-5041);
  });
  it('of a batch succeeds or fails by itself', () => {
    const b = start();
    const items = [LIMIT, { ...LIMIT, symbol: 'XUSDT' }, { ...LIMIT, quantity: 0.02 }];
    const answers = b.list('POST batchOrders', { batchOrders: JSON.stringify(items) });
    expect(answers.map((a) => a['code'] ?? a['status'])).toEqual(['NEW', -1121, 'NEW']);
    expect(
      b
        .list('DELETE batchOrders', { ...B, orderidlist: `[${firstOrderId(0)},${firstOrderId(0) + 1},9]` })
        .map((a) => a['code'] ?? a['status']),
    ).toEqual(['CANCELED', 'CANCELED', -2011]);
    expect(b.code('POST batchOrders', { batchOrders: JSON.stringify(Array(6).fill(LIMIT)) })).toBe(-4082);
    expect(b.code('POST batchOrders', { batchOrders: '{' })).toBe(-1102);
  });
  it('that is only tested is not placed', () => {
    const b = start();
    expect(b.json('POST order/test', LIMIT)).toEqual({});
    expect(b.code('POST order/test', { ...LIMIT, quantity: '10' })).toBe(-2019);
    expect(b.list('GET openOrders')).toEqual([]);
  });
  it('disappears from queries after three days without a trade, after ninety with one', () => {
    const b = start();
    b.call('POST order', LIMIT);
    b.call('DELETE allOpenOrders', B);
    b.order('BUY', '0.01');
    const day = 86_400_000;
    expect(b.list('GET allOrders', B).map((o) => o['status'])).toEqual(['CANCELED', 'FILLED']);
    b.wait(3 * day + 1);
    expect(b.code('GET order', { ...B, orderId: firstOrderId(0) })).toBe(-2013);
    expect(b.list('GET allOrders', B).map((o) => o['status'])).toEqual(['FILLED']);
    b.wait(87 * day);
    expect(b.list('GET allOrders', B)).toEqual([]);
  });
  it('is cancelled by a countdown that is not renewed, in the seconds of the client', () => {
    const b = start({ rate: 5 });
    b.call('POST order', LIMIT);
    expect(b.json('POST countdownCancelAll', { ...B, countdownTime: 1000 })).toEqual({
      symbol: 'BTCUSDT',
      countdownTime: '1000',
    });
    b.wait(4000).call('POST countdownCancelAll', { ...B, countdownTime: 1000 });
    expect(b.wait(4999).list('GET openOrders').length).toBe(1);
    expect(b.wait(1).list('GET openOrders')).toEqual([]);
    b.call('POST order', LIMIT);
    b.call('POST countdownCancelAll', { ...B, countdownTime: 1000 });
    b.call('POST countdownCancelAll', { ...B, countdownTime: 0 });
    expect(b.wait(9000).list('GET openOrders').length).toBe(1);
  });
  it('with a date lives until then on the market, as far ahead as it is on the client’s clock', () => {
    const b = start({ rate: 2 });
    const goodTillDate = b.wallMs + 700_000;
    expect(b.json('POST order', { ...LIMIT, timeInForce: 'GTD', goodTillDate })).toMatchObject({
      goodTillDate,
      timeInForce: 'GTD',
    });
    expect(b.wait(1_399_999).list('GET openOrders').length).toBe(1);
    expect(b.wait(1).json('GET order', { ...B, orderId: firstOrderId(0) })).toMatchObject({ status: 'EXPIRED' });
  });
  it('takes effect after its latency and is answered after that of the response', async () => {
    const b = start({ orderLatencyUs: 5000, responseLatencyUs: 2000 });
    const answer = b.call('POST order', {
      ...LIMIT,
      type: 'MARKET',
      timeInForce: '',
      price: '',
      newOrderRespType: 'RESULT',
    });
    expect(answer).toBeInstanceOf(Promise);
    let done: Json | undefined;
    void (answer as Promise<Json>).then((v) => {
      done = v;
    });
    const bad = (b.call('POST order', { ...LIMIT, quantity: '9' }) as Promise<Json>).catch(
      (e: { code: number }) => e.code,
    );
    b.told();
    b.wait(4).book(BIDS, [[65010, 1]]);
    await Promise.resolve();
    expect([done, b.told().length]).toEqual([undefined, 0]);
    expect(b.list('GET allOrders', B)[0]).toMatchObject({ avgPrice: '65010.00000' });
    b.wait(2);
    await Promise.resolve();
    expect(done).toMatchObject({ status: 'FILLED', avgPrice: '65010.00000' });
    expect(b.told().length).toBe(4);
    expect(await bad).toBe(-2019);
  });
});

describe('a conditional order', () => {
  it('waits, is triggered, becomes a plain order and is finished', () => {
    const b = start();
    b.order('BUY', '0.01');
    b.told();
    const a = b.json('POST algoOrder', {
      ...STOP,
      reduceOnly: 'true',
      clientAlgoId: 'guard',
      workingType: 'MARK_PRICE',
    });
    expect(a).toMatchObject({
      algoId: FIRST_ALGO_ID,
      clientAlgoId: 'guard',
      algoType: 'CONDITIONAL',
      orderType: 'STOP_MARKET',
      algoStatus: 'NEW',
      triggerPrice: '64000.0',
      quantity: '0.010',
      reduceOnly: true,
    });
    expect(b.list('GET openAlgoOrders')).toMatchObject([{ algoId: FIRST_ALGO_ID }]);
    expect(b.list('GET openOrders')).toEqual([]);
    b.trade('sell', 63900, 0.1);
    expect(b.json('GET algoOrder', { algoId: FIRST_ALGO_ID })).toMatchObject({ algoStatus: 'NEW' });
    b.mark(63999);
    expect(b.json('GET algoOrder', { clientAlgoId: 'guard' })).toMatchObject({
      algoStatus: 'FINISHED',
      actualOrderId: String(firstOrderId(0) + 1),
      actualPrice: '64999.90000',
    });
    expect(b.json('GET order', { ...B, orderId: firstOrderId(0) + 1 })).toMatchObject({
      status: 'FILLED',
      type: 'MARKET',
      origType: 'STOP_MARKET',
      stopPrice: '64000.0',
      clientOrderId: 'guard',
    });
    expect(b.told().map((e) => [e['e'], ((e['o'] ?? e['a'] ?? {}) as Json)['X']])).toEqual([
      ['ALGO_UPDATE', 'NEW'],
      ['ALGO_UPDATE', 'TRIGGERING'],
      ['ALGO_UPDATE', 'TRIGGERED'],
      ['ORDER_TRADE_UPDATE', 'NEW'],
      ['TRADE_LITE', undefined],
      ['ACCOUNT_UPDATE', undefined],
      ['ORDER_TRADE_UPDATE', 'FILLED'],
      ['ALGO_UPDATE', 'FINISHED'],
    ]);
  });
  it('says why it was refused when its time came', () => {
    const b = start();
    b.call('POST algoOrder', { ...STOP, reduceOnly: 'true' });
    b.told();
    b.trade('sell', 64000, 0.1);
    expect(b.told().map((e) => [(e['o'] as Json)['X'], (e['o'] as Json)['rm']])).toEqual([
      ['TRIGGERING', ''],
      ['REJECTED', 'ReduceOnly Order is rejected.'],
    ]);
    expect(b.list('GET allAlgoOrders', B)).toMatchObject([{ algoStatus: 'REJECTED' }]);
  });
  it('for as long as the position lives (GTE_GTC) ends with it, whoever closes it', () => {
    const b = start();
    const gte = { ...STOP, timeInForce: 'GTE_GTC' };
    expect(b.code('POST algoOrder', gte)).toBe(-4509);
    b.order('BUY', '0.02');
    const of = (id: string): unknown => b.json('GET algoOrder', { clientAlgoId: id })['algoStatus'];
    expect(b.json('POST algoOrder', { ...gte, clientAlgoId: 'loss' })).toMatchObject({ timeInForce: 'GTE_GTC' });
    b.call('POST algoOrder', {
      ...gte,
      type: 'TAKE_PROFIT',
      triggerPrice: '66000',
      price: '66500',
      clientAlgoId: 'gain',
    });
    b.call('POST algoOrder', { ...STOP, clientAlgoId: 'stays' });
    b.order('SELL', '0.01');
    expect([of('loss'), of('gain')]).toEqual(['NEW', 'NEW']);
    // Triggered, the profit taker rests as a limit order: it depends on the position still.
    b.trade('buy', 66000, 0.1);
    expect([of('gain'), b.list('GET openOrders').map((o) => o['timeInForce'])]).toEqual(['TRIGGERED', ['GTE_GTC']]);
    b.order('SELL', '0.01');
    expect([of('loss'), of('gain'), of('stays')]).toEqual(['EXPIRED', 'FINISHED', 'NEW']);
    expect(b.list('GET openOrders')).toEqual([]);
    expect(b.code('POST order', { ...LIMIT, timeInForce: 'GTE_GTC' })).toBe(-1115);
  });
  it('has ids that no plain order has', () => {
    const b = start();
    const { orderId } = b.json('POST order', LIMIT);
    const { algoId } = b.json('POST algoOrder', STOP);
    const { orderId: other } = b.json('POST order', { ...LIMIT, symbol: 'ETHUSDT', price: '3000', quantity: '0.1' });
    expect(b.code('GET order', { ...B, orderId: algoId })).toBe(-2013);
    expect(b.code('DELETE algoOrder', { algoId: orderId })).toBe(-2011);
    expect(b.code('GET order', { ...B, orderId: other })).toBe(-2013);
    expect(b.json('GET order', { symbol: 'ETHUSDT', orderId: other })).toMatchObject({ status: 'NEW' });
  });
  it('is cancelled by either id and all at once', () => {
    const b = start();
    b.call('POST algoOrder', { ...STOP, clientAlgoId: 'a' });
    b.call('POST algoOrder', STOP);
    b.call('POST algoOrder', STOP);
    expect(b.json('DELETE algoOrder', { clientAlgoId: 'a' })).toEqual({
      algoId: FIRST_ALGO_ID,
      clientAlgoId: 'a',
      code: '200',
      msg: 'success',
    });
    expect(b.code('DELETE algoOrder', { algoId: FIRST_ALGO_ID })).toBe(-2011);
    expect(b.code('GET algoOrder', { algoId: 7 })).toBe(-2013);
    expect(b.json('DELETE algoOpenOrders', B)).toMatchObject({ code: 200 });
    expect(b.list('GET openAlgoOrders')).toEqual([]);
  });
  const bad: [string, Json, number][] = [
    ['that would trigger at once', { triggerPrice: '65000.1' }, -2021],
    ['to close a position with a quantity', { closePosition: 'true' }, -4137],
    ['to close a position without one', { closePosition: 'true', quantity: '' }, -4509],
    ['without a trigger', { triggerPrice: '' }, -1102],
    ['of a plain type', { type: 'MARKET' }, -1116],
    ['of another service', { algoType: 'TWAP' }, -1130],
    ['that trails by nothing', { type: 'TRAILING_STOP_MARKET', triggerPrice: '' }, -1102],
    ['that trails too close', { type: 'TRAILING_STOP_MARKET', triggerPrice: '', callbackRate: '0.05' }, -2007],
    ['on a price that is none', { workingType: 'INDEX_PRICE' }, -4044],
  ];
  it.each(bad)('%s is refused', (_name, more, code) => {
    expect(start().code('POST algoOrder', { ...STOP, ...more })).toBe(code);
  });
});
