import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { parseUserEvent } from '../../sources/binance/user/user-event.ts';
import type { AccountRow, PositionRecord } from './gateway-account.ts';
import { OrderLedger } from './order-ledger.ts';
import type { Fill, Report } from './order-state.ts';
import { fillView, newsOfOrder } from './order-view.ts';
import { SpotAccount } from './spot-account.ts';
import { SpotHolding } from './spot-holding.ts';

const keys = new KeyTable();
const key = keys.declare('spot:BTCUSDT', 2, 5);
const fill = (px: number, qty: number, baseFee = 0): Fill => ({
  orderId: '1',
  tradeId: 1,
  px,
  qty,
  fee: 0,
  pnl: 0,
  maker: false,
  timeMs: 1,
  ...(baseFee > 0 ? { baseFee } : {}),
});

describe('what is held of an asset', () => {
  it('is what was bought net of the commission in it, in whole steps, at the price that was paid for it', () => {
    const h = new SpotHolding(key, 1);
    // 0.00150 BTC at 60,000.00, 0.1 % of it taken: 0.0014985 BTC are 149 steps; 149 × 0.6 USDT.
    expect(h.trade('buy', fill(6_000_000, 150, 150))).toBe(0);
    expect([h.lots, h.lotsCost, h.entryQuote]).toEqual([149, 89_40000000, 149 * 6_000_000]);
    expect(h.value(60_000 * 1e8)).toBe(89_91000000);
    // 100 of them at 61,000: 100 × 0.01 USDT more than they cost.
    expect(h.trade('sell', fill(6_100_000, 100))).toBe(1_00000000);
    expect([h.lots, h.entryQuote]).toEqual([49, 49 * 6_000_000]);
    // Of the next 51 a rest of the first purchase makes one more whole: 49.85 + 50.949 = 100.799.
    h.trade('buy', fill(6_200_000, 51, 51));
    expect(h.lots).toBe(100);
    expect(h.state.cost).toBe(29_91000000 + 31_58838000);
  });
  it('rounds commissions up where they have more decimals than are kept, and counts in steps of the exchange', () => {
    const coarse = new SpotHolding(keys.declare('spot:PEPEUSDT', 8, 0), 10);
    // 4 decimals are kept: 0.12345678 taken counts as 0.1235.
    coarse.trade('buy', fill(1_000, 1_000_000, 12_345_678));
    expect(coarse.base).toBe(1_000_000 * 10_000 - 1_235);
    expect(coarse.lots).toBe(999_990);
  });
  it('gives back exactly what went in: cost + profit is what was paid and received, for any trades', () => {
    const trade = fc.record({
      side: fc.constantFrom<'buy' | 'sell'>('buy', 'sell'),
      px: fc.integer({ min: 1, max: 10_000_000 }),
      qty: fc.integer({ min: 1, max: 100_000 }),
    });
    fc.assert(
      fc.property(fc.array(trade, { maxLength: 40 }), (trades) => {
        const h = new SpotHolding(key, 1);
        let held = 0n;
        let paid = 0n;
        let profit = 0n;
        for (const { side, px, qty } of trades) {
          // In units of 10^-8 BTC; products with a price of two decimals are units of 10^-10 USDT.
          const fee = side === 'buy' ? qty : 0;
          const own =
            side === 'buy' ? BigInt(qty) * 1000n - BigInt(fee) : -(held < qty * 1000 ? held : BigInt(qty) * 1000n);
          profit += BigInt(h.trade(side, fill(px, qty, fee)));
          held += own;
          paid += (own * BigInt(px) + (own < 0n ? -50n : 50n)) / 100n;
          expect(h.base).toBe(Number(held));
        }
        expect(BigInt(h.cost) - profit).toBe(paid);
        if (h.base === 0) expect(h.cost).toBe(0);
      }),
    );
  });
  it('is less when its owner has taken some of it', () => {
    const h = new SpotHolding(key, 1);
    h.trade('buy', fill(6_000_000, 100));
    h.limit(25);
    expect([h.lots, h.lotsCost]).toEqual([25, 15_00000000]);
    h.limit(80);
    expect(h.lots).toBe(25);
  });
});

/** Frames of the user stream through ledger and account, as the gateway does it. */
function gateway(own: boolean) {
  const reports: Report[] = [];
  const rows: AccountRow[] = [];
  const positions: PositionRecord[] = [];
  const account = new SpotAccount('USDT', (s) => (s === 'BTCUSDT' ? { key, step: 1 } : undefined), {
    account: (_k, v) => rows.push(v),
    position: (_k, v) => positions.push(v),
  });
  const options = { acceptMs: 5_000, settleMs: 750, riskAgeMs: 5_000, closeAgeMs: 60_000, attempts: 3, algo: false };
  const ledger = new OrderLedger(options, {
    request: () => {},
    report: (k, v, trade) => {
      const told = account.reported(k, v, trade && { ...trade, own });
      reports.push(told);
      if (told.exec === 'trade') account.traded(k, told);
    },
    refused: () => {},
    ended: () => {},
    began: () => {},
  });
  const s = ledger.symbol('BTCUSDT', key.index);
  s.started = true;
  const balances = (usdt: string, btc: string, locked = '0', time = 0) => ({
    e: 'outboundAccountPosition',
    u: time,
    B: [
      { a: 'USDT', f: usdt, l: '0' },
      { a: 'BTC', f: btc, l: locked },
    ],
  });
  account.picture([{ asset: 'USDT', free: '90', locked: '10' }], ['BTCUSDT'], 1);
  const hear = (frame: object): void => {
    const e = parseUserEvent(frame)!;
    if (e.kind === 'order') ledger.news(s, newsOfOrder(e, key), e.timeMs);
    else account.heard(e);
  };
  return { account, reports, rows, positions, hear, balances };
}
const order = (x: string, more: object) => ({
  e: 'executionReport',
  s: 'BTCUSDT',
  c: 'id',
  C: '',
  S: 'BUY',
  o: 'MARKET',
  f: 'GTC',
  q: '0.00150',
  p: '0.00000000',
  P: '0.00000000',
  x,
  X: x,
  i: 7,
  l: '0',
  z: '0',
  L: '0',
  n: '0',
  N: null,
  t: -1,
  w: true,
  ...more,
});
const buy = { X: 'FILLED', l: '0.00150', z: '0.00150', L: '60000.00', t: 5, T: 10 };

describe('the Spot account', () => {
  it('tells a trade when its balances are there, the commission at the price of the trade', () => {
    const { account, reports, rows, positions, hear, balances } = gateway(true);
    expect(rows).toMatchObject([{ reason: 'margin', wallet: 100e8, position_qty: 0, entry_quote: 0 }]);
    hear(order('NEW', { T: 10 }));
    hear(order('TRADE', { ...buy, n: '0.00000150', N: 'BTC' }));
    expect(rows).toHaveLength(1);
    expect(account.sellable('BTCUSDT')).toEqual({ lots: 149, step: 1, free: undefined });
    hear(balances('10', '0.0014985', '0', 10));
    expect(rows.slice(1)).toMatchObject([
      {
        reason: 'order',
        wallet: 10e8,
        position_qty: 149,
        entry_quote: 149 * 6_000_000,
        fee: 9_000_000,
        realized_pnl: 0,
      },
    ]);
    expect(positions.at(-1)).toMatchObject({ qty: 149, entry_px: 60_000e8, equity: 99_91000000, unrealized_pnl: 0 });
    expect(positions.at(-1)!.liquidation_px).toBeNaN();
    expect(account.sellable('BTCUSDT').free).toBe(149);
    account.mark(0, 61_000 * 1e8, 500);
    expect(positions.at(-1)).toMatchObject({ unrealized_pnl: 1_49000000, equity: 10e8 + 91_40850000 });
    hear(
      order('TRADE', {
        ...buy,
        S: 'SELL',
        c: 'out',
        i: 8,
        q: '0.00149',
        l: '0.00149',
        z: '0.00149',
        L: '61000',
        t: 6,
        T: 20,
        n: '0.09089',
        N: 'USDT',
      }),
    );
    hear(balances('100.79911', '0.0000085', '0', 20));
    expect(reports.at(-1)).toMatchObject({ realized_pnl: 1_49000000, fee: 9_089_000 });
    expect(rows.at(-1)).toMatchObject({
      position_qty: 0,
      entry_quote: 0,
      realized_pnl: 1_49000000,
      wallet: 100_79911000,
    });
    // 0.85 steps are left, at their cost.
    const sum = (f: 'fee' | 'realized_pnl'): number => rows.reduce((n, r) => n + r[f], 0);
    expect(100e8 - sum('fee') + sum('realized_pnl') - 51_000_000).toBe(rows.at(-1)!.wallet);
  });
  it('does not wait for balances for ever, and tells of money that came from outside', () => {
    const { account, rows, hear, balances } = gateway(true);
    hear(order('TRADE', { ...buy, n: '0', N: 'BTC' }));
    account.flush(1_000);
    account.flush(1_900);
    expect(rows).toHaveLength(1);
    account.flush(2_000);
    expect(rows).toHaveLength(2);
    hear(balances('10', '0.00150', '0', 10));
    account.flush(2_200);
    hear({ e: 'balanceUpdate', a: 'USDT', d: '5', T: 30 });
    hear(balances('15', '0.00150', '0', 30));
    hear(balances('10', '0.00150', '0', 29));
    account.flush(2_400);
    expect(rows.slice(2).map((r) => [r.reason, r.wallet])).toEqual([
      ['margin', 10e8],
      ['deposit', 15e8],
    ]);
  });
  it('counts a commission in a third asset as 0 and marks it, by stream and by REST', () => {
    const { reports, hear } = gateway(true);
    hear(order('TRADE', { ...buy, n: '0.00002', N: 'BNB' }));
    expect(reports.at(-1)!.fee).toBe(0);
    const row = { id: 1, orderId: 2, price: '60000.00', qty: '0.00150', commission: '0.00002', time: 1 };
    expect(fillView({ ...row, commissionAsset: 'BNB' }, 'BTCUSDT', key)).toMatchObject({ fee: 0, unvalued: true });
    expect(fillView({ ...row, commissionAsset: 'BTC' }, 'BTCUSDT', key)).toMatchObject({
      fee: 1_20000000,
      baseFee: 2_000,
    });
    expect(fillView({ ...row, commissionAsset: 'USDT' }, 'BTCUSDT', key)).not.toHaveProperty('baseFee');
  });
  it('takes what others bought for no position', () => {
    const { account, rows, hear, balances } = gateway(false);
    hear(order('TRADE', { ...buy, n: '0', N: 'BTC' }));
    hear(balances('10', '0.00150', '0', 10));
    expect(rows.at(-1)).toMatchObject({ wallet: 10e8, position_qty: 0, entry_quote: 0 });
    expect(account.sellable('BTCUSDT').lots).toBe(0);
  });
  it('believes that the owner took some only when two pictures say so and nothing was traded between them', () => {
    const { account, rows, hear, balances } = gateway(true);
    hear(order('TRADE', { ...buy, n: '0', N: 'BTC' }));
    hear(balances('10', '0.00150', '0', 10));
    const picture = (free: string): void =>
      account.picture(
        [
          { asset: 'USDT', free: '10', locked: '0' },
          { asset: 'BTC', free, locked: '0.00020' },
        ],
        ['BTCUSDT'],
        40,
      );
    picture('0.00050');
    picture('0.00130');
    picture('0.00050');
    expect(account.sellable('BTCUSDT').lots).toBe(150);
    picture('0.00050');
    expect(account.sellable('BTCUSDT').lots).toBe(70);
    expect(rows.at(-1)).toMatchObject({ reason: 'margin', position_qty: 70, entry_quote: 70 * 6_000_000 });
  });
  it('tells the trigger of a stop, which keeps its id; a late word about an ended one changes nothing', () => {
    const { reports, hear } = gateway(true);
    const stop = { S: 'SELL', o: 'STOP_LOSS', P: '59000.00', c: 'stop' };
    hear(order('NEW', { ...stop, w: false, T: 10 }));
    hear(order('NEW', { ...stop, T: 20 }));
    hear(order('TRADE', { ...stop, ...buy, T: 20, n: '0.1', N: 'USDT' }));
    hear(order('NEW', { ...stop, T: 20 }));
    expect(reports.map((r) => `${r.exec}/${r.status} ${r.order_id}`)).toEqual([
      'new/new 7',
      'triggered/new 7',
      'trade/filled 7',
    ]);
  });
});
