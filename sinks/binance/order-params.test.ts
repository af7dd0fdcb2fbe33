import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { type Failure, verdictOf } from './answer.ts';
import { futuresParams, onTick, spotParams } from './order-params.ts';
import type { Command } from './order-state.ts';

const key = new KeyTable().declare('usdm:BTCUSDT', 2, 3);
const rules = { symbol: 'BTCUSDT', key, tick: 10 };
const command = (c: Partial<Command>): Command => ({
  action: 'place',
  client_id: 'id',
  side: 'buy',
  type: 'limit',
  tif: 'gtx',
  qty: 6,
  px: 6_500_010,
  stop_px: Number.NaN,
  working: 'mark',
  reduce_only: false,
  close_position: false,
  intent_id: '',
  origin: 'entry',
  ...c,
});

describe('parameters of an order', () => {
  it('are exact texts: what the graph holds as integers', () => {
    expect(futuresParams(command({}), rules)).toEqual({
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      quantity: '0.006',
      price: '65000.1',
      timeInForce: 'GTX',
      newClientOrderId: 'id',
      newOrderRespType: 'RESULT',
    });
  });
  it('are rounded to the tick, a buy down and a sell up, never by more than one tick', () => {
    expect(futuresParams(command({ px: 6_500_015 }), rules)['price']).toBe('65000.1');
    expect(futuresParams(command({ px: 6_500_015, side: 'sell' }), rules)['price']).toBe('65000.2');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), fc.integer({ min: 1, max: 5_000 }), (px, tick) => {
        const [down, up] = [onTick(px, tick, 'buy'), onTick(px, tick, 'sell')];
        expect([down % tick, up % tick, down <= px && px - down < tick, up >= px && up - px < tick]).toEqual([
          0,
          0,
          true,
          true,
        ]);
      }),
    );
  });
  it('of a stop that closes the position name neither quantity nor reduceOnly, and go to the Algo service', () => {
    const stop = command({
      type: 'stop_market',
      side: 'sell',
      stop_px: 6_400_000,
      close_position: true,
      qty: 0,
      px: Number.NaN,
    });
    expect(futuresParams(stop, rules)).toEqual({
      algoType: 'CONDITIONAL',
      symbol: 'BTCUSDT',
      side: 'SELL',
      type: 'STOP_MARKET',
      triggerPrice: '64000',
      workingType: 'MARK_PRICE',
      closePosition: 'true',
      clientAlgoId: 'id',
      newOrderRespType: 'RESULT',
    });
    expect(futuresParams({ ...stop, close_position: false, reduce_only: true, qty: 5 }, rules)).toMatchObject({
      quantity: '0.005',
      reduceOnly: 'true',
    });
  });
  it('on Spot post-only is a type of its own', () => {
    expect(spotParams(command({}), rules)).toMatchObject({ type: 'LIMIT_MAKER', price: '65000.1' });
    expect(spotParams(command({}), rules)).not.toHaveProperty('timeInForce');
    expect(spotParams(command({ type: 'stop_market', stop_px: 6_400_000 }), rules)).toMatchObject({
      type: 'STOP_LOSS',
      stopPrice: '64000',
    });
  });
});

describe('what an answer proves', () => {
  const verdict = (status: number, code: number, msg = ''): string =>
    verdictOf({ status, code, msg, retryAfterS: undefined } satisfies Failure);
  it.each([
    [0, 0, '', 'unknown'],
    [500, 0, '', 'unknown'],
    [502, 0, '', 'unknown'],
    [504, 0, '', 'unknown'],
    [503, 0, 'Unknown error, please check your request or try again later.', 'unknown'],
    [503, 0, 'Service Unavailable.', 'busy'],
    [400, -1006, '', 'unknown'],
    [408, -1007, '', 'unknown'],
    [503, -1008, '', 'busy'],
    [429, -1015, '', 'busy'],
    [429, -1003, '', 'banned'],
    [418, -1003, '', 'banned'],
    [403, 0, '', 'banned'],
    [400, -1021, '', 'clock'],
    [400, -2011, '', 'no_such_order'],
    [400, -2013, '', 'no_such_order'],
    [400, -4116, '', 'duplicate'],
    [400, -2010, 'Duplicate order sent.', 'duplicate'],
    [400, -2010, 'Account has insufficient balance for requested action.', 'refused'],
    [400, -2019, '', 'refused'],
    [400, -5022, '', 'refused'],
    [401, -2015, '', 'refused'],
  ])('%i %i %s is %s', (status, code, msg, expected) => {
    expect(verdict(status, code, msg)).toBe(expected);
  });
});
