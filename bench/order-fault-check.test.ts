import { describe, expect, it } from 'vitest';
import type { Command } from '../sinks/binance/order-state.ts';
import type { DirectAccount } from '../sinks/binance/testing/direct-account.ts';
import type { Brought, GatewayDriver } from '../sinks/binance/testing/gateway-driver.ts';
import { Reasons, wrongWith } from './order-fault-check.ts';

type Values = Record<string, number | string>;

/** One order that filled in two trades, one stop that was cancelled: as told, and as an exchange would say it. */
function world() {
  const report = (client_id: string, exec: string, more: Values = {}): Brought => ({
    port: 'report',
    key: 'usdm:BTCUSDT',
    t: 0,
    values: { client_id, exec, status: exec, code: 0, side: 'buy', ...more },
  });
  const trade = (trade_id: number, status: string, last_qty: number): Brought =>
    report('a', 'trade', { status, trade_id, last_qty, last_px: 600_000, fee: 100, realized_pnl: 0 });
  const life = [
    report('a', 'new'),
    trade(1, 'partially_filled', 2),
    trade(2, 'filled', 3),
    report('b', 'new'),
    report('b', 'canceled'),
    { port: 'position', key: 'usdm:BTCUSDT', t: 0, values: { qty: 5 } },
    { port: 'account', key: 'usdm:BTCUSDT', t: 0, values: { wallet: 999_999_999_800 } },
  ] as Brought[];
  const done = (id: number, qty: string): Values => ({
    ...{ id, side: 'BUY', price: '60000.0', qty, commission: '0.00000100', realizedPnl: '0' },
  });
  const lists: Record<string, Values[]> = {
    '/fapi/v1/allOrders': [{ clientOrderId: 'a', orderId: 1, status: 'FILLED', executedQty: '0.005' }],
    '/fapi/v1/allAlgoOrders': [{ clientAlgoId: 'b', actualOrderId: '', algoStatus: 'CANCELED' }],
    '/fapi/v1/userTrades': [done(1, '0.002'), done(2, '0.003')],
  };
  const place = (client_id: string, type: string, qty: number): Command =>
    ({ action: 'place', client_id, type, qty }) as Command;
  return { lives: [life], lists, placed: [place('a', 'market', 5), place('b', 'stop_market', 5)], position: '0.005' };
}
function check(w: ReturnType<typeof world>): Promise<string[]> {
  const rows = w.lives.flat();
  const driver = {
    rows,
    keys: { at: () => ({ pxDigits: 1, qtyDigits: 3, qtyScale: 1000 }) },
    until: (done: () => boolean) => (done() ? Promise.resolve() : Promise.reject(new Error('late'))),
  } as unknown as GatewayDriver;
  const direct = {
    list: (path: string) => Promise.resolve(w.lists[path]!),
    position: () => Promise.resolve({ positionAmt: w.position }),
    ask: () => Promise.resolve({ totalWalletBalance: '9999.99999800' }),
  } as unknown as DirectAccount;
  return wrongWith(driver, w.lives, w.placed, direct, new Reasons());
}

describe('the checker of orders under fault', () => {
  it('finds nothing wrong with what is right, also when a life after a crash tells it again', async () => {
    expect(await check(world())).toEqual([]);
    const w = world();
    w.lives.push(w.lives[0]!.slice(1));
    expect(await check(w)).toEqual([]);
  });

  it.each<[string, (w: ReturnType<typeof world>) => void, RegExp]>([
    [
      'an order that stands twice',
      (w) => w.lists['/fapi/v1/allOrders']!.push({ ...w.lists['/fapi/v1/allOrders']![0]!, orderId: 2 }),
      /a stands 2 times/,
    ],
    ['a trade that was not told', (w) => w.lives[0]!.splice(1, 1), /trade 1 .* was not reported/],
    [
      'a trade told twice in one life',
      (w) => w.lives[0]!.splice(2, 0, w.lives[0]![1]!),
      /1 trades were reported twice/,
    ],
    ['a trade that was not done', (w) => w.lists['/fapi/v1/userTrades']!.pop(), /trade 2 .* reported and not done/],
    [
      'another fee',
      (w) => {
        w.lists['/fapi/v1/userTrades']![0]!['commission'] = '0.00000101';
      },
      /fee 101 .* was not reported/,
    ],
    [
      'an order that was never spoken of',
      (w) => {
        w.lives[0] = w.lives[0]!.filter((r) => r.values['client_id'] !== 'b');
      },
      /b was lost/,
    ],
    [
      'an order that stayed UNKNOWN',
      (w) =>
        w.lives[0]!.push({ ...w.lives[0]![0]!, values: { ...w.lives[0]![0]!.values, exec: 'unknown', status: 'new' } }),
      /a stayed UNKNOWN/,
    ],
    [
      'another end',
      (w) => {
        w.lists['/fapi/v1/allAlgoOrders']![0]!['algoStatus'] = 'EXPIRED';
      },
      /b \(stop_market\) was expired/,
    ],
    [
      'an order that is not there',
      (w) => {
        w.lists['/fapi/v1/allOrders'] = [];
      },
      /a is not there/,
    ],
    [
      'another position',
      (w) => {
        w.position = '0.006';
      },
      /position 5 by reports, 6 at the exchange/,
    ],
    [
      'an order of somebody else',
      (w) => w.lists['/fapi/v1/allOrders']!.push({ clientOrderId: 'x', orderId: 9, status: 'NEW', executedQty: '0' }),
      /3 orders at the exchange, 2 of them commanded/,
    ],
  ])('names %s', async (_what, change, finding) => {
    const w = world();
    change(w);
    expect((await check(w)).join('\n')).toMatch(finding);
  });
});
