import { expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { FillColumns } from './fill-columns.ts';

it.each([1, 1024, 65_536, 65_537, 66_560, 66_561, 70_000])(
  '%i fills come back as they were told, as often as asked',
  (n) => {
    const keys = new KeyTable();
    const key = keys.declare('usdm:BTCUSDT', 1, 3);
    const fills = new FillColumns(keys);
    const [buy, maker, reason] = [true, false, 'entry'];
    for (let i = 0; i < n; i++)
      fills.push({ timeMs: i, key, buy, px: 1, qty: 1, fee: 0, maker, orderId: n - i, pnl: 0, reason });
    for (let time = 0; time < 2; time++) {
      let i = 0;
      let wrong = 0;
      for (const f of fills) {
        if (f.time_ms !== i || f.order_id !== String(n - i)) wrong++;
        i++;
      }
      expect([i, wrong]).toEqual([n, 0]);
    }
  },
);

it('fills come back with their amounts in the decimals of their instruments', () => {
  const keys = new KeyTable();
  keys.declare('usdm:BTCUSDT', 1, 3);
  keys.declare('usdm:ETHUSDT', 2, 3);
  const fills = new FillColumns(keys);
  const N = 2500;
  for (let i = 0; i < N; i++)
    fills.push({
      timeMs: 1_700_000_000_000 + i,
      key: keys.at(i % 2),
      buy: i % 3 === 0,
      px: 600_000 + i,
      qty: 1 + i,
      fee: i % 5 === 0 ? -7 : 100_000_000,
      maker: i % 5 === 0,
      orderId: 9_007_199_254_000_000 + i,
      pnl: -i,
      reason: i % 7 === 1 ? '' : `why ${i % 7}`,
    });
  const list = fills.list();
  expect([fills.length, list.length]).toEqual([N, N]);
  expect(list[0]).toEqual({
    time_ms: 1_700_000_000_000,
    symbol: 'usdm:BTCUSDT',
    side: 'buy',
    price: '60000',
    qty: '0.001',
    fee: '-0.00000007',
    liquidity: 'maker',
    order_id: '9007199254000000',
    reason: 'why 0',
    realized_pnl: '0',
  });
  expect(list[2499]).toEqual({
    time_ms: 1_700_000_002_499,
    symbol: 'usdm:ETHUSDT',
    side: 'buy',
    price: '6024.99',
    qty: '2.5',
    fee: '1',
    liquidity: 'taker',
    order_id: '9007199254002499',
    reason: 'why 0',
    realized_pnl: '-0.00002499',
  });
  expect(fills.fees).toBeCloseTo(2000 - 500 * 7e-8, 9);
});
