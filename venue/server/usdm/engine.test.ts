import { describe, expect, it } from 'vitest';
import { firstOrderId } from './ids.ts';
import { Bench, type Json } from './testing.ts';

const BIDS = [
  [64999.9, 1],
  [64999, 2],
] as const;
const ASKS = [
  [65000, 1],
  [65001, 2],
] as const;
const start = (options = {}): Bench => new Bench(options).book(BIDS, ASKS).mark(65000);
const row = (b: Bench): Json => b.list('GET v3/positionRisk')[0]!;
const short = (e: Json): string => {
  const o = (e['o'] ?? {}) as Json;
  if (e['e'] === 'ORDER_TRADE_UPDATE') return `order ${o['x']} ${o['X']}`;
  if (e['e'] === 'ALGO_UPDATE') return `algo ${o['X']}`;
  if (e['e'] === 'ACCOUNT_UPDATE') return `account ${(e['a'] as Json)['m']}`;
  return String(e['e']);
};

describe('a market order', () => {
  it('answers RESULT with its final state and ACK as it was accepted', () => {
    const b = start();
    expect(b.order('BUY', '0.006')).toMatchObject({
      orderId: firstOrderId(0),
      symbol: 'BTCUSDT',
      status: 'FILLED',
      executedQty: '0.006',
      avgPrice: '65000.00000',
      cumQuote: '390.0000',
      type: 'MARKET',
      timeInForce: 'GTC',
      side: 'BUY',
      positionSide: 'BOTH',
    });
    expect(b.order('SELL', '0.006', { newOrderRespType: 'ACK' })).toMatchObject({
      status: 'NEW',
      executedQty: '0.000',
    });
    expect(b.json('GET order', { symbol: 'BTCUSDT', orderId: firstOrderId(0) + 1 })).toMatchObject({
      status: 'FILLED',
    });
  });
  it('tells order, trade and account in the order of the recordings', () => {
    const b = start();
    b.told();
    b.order('BUY', '0.006');
    expect(b.told().map(short)).toEqual(['order NEW NEW', 'TRADE_LITE', 'account ORDER', 'order TRADE FILLED']);
  });
  it('is liquidated at 61,997.99 long and 67,978.09 short; the round trip of 400 USDT costs 0.40', () => {
    const b = start();
    b.order('BUY', '0.006');
    expect(Number(row(b)['liquidationPrice']).toFixed(2)).toBe('61997.99');
    expect(row(b)).toMatchObject({ isolatedWallet: '19.50000000', leverage: '20', marginType: 'isolated' });
    b.order('SELL', '0.006');
    b.book([[65000, 1]], [[65001, 1]]).order('SELL', '0.006');
    expect(Number(row(b)['liquidationPrice']).toFixed(2)).toBe('67978.09');
    const c = new Bench().book([[50000, 1]], [[50000, 1]]).mark(50000);
    c.order('BUY', '0.008');
    c.order('SELL', '0.008');
    expect(c.list('GET v3/balance')[0]).toMatchObject({ balance: '9999.60000000', availableBalance: '9999.60000000' });
    expect(c.list('GET income').map((i) => [i['incomeType'], i['income']])).toEqual([
      ['COMMISSION', '-0.20000000'],
      ['COMMISSION', '-0.20000000'],
    ]);
  });
});
