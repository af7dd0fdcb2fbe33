import { equal, ok } from 'node:assert/strict';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effectOf } from './ledger-entry.ts';
import { gather, until } from './testing/events.ts';
import { openSession, type Session } from './testing/session.ts';
import { isDated, isNear } from './testing/stamp.ts';

/** Eight hours of the market in half a minute: one symbol, few agents. */
const OPTIONS = { seed: 7, rate: 1000, symbols: ['BTCUSDT'], agentRate: 2 };
const AMOUNT = 0.01;
let s: Session;
beforeAll(async () => {
  s = await openSession('usdm', undefined, OPTIONS);
});
afterAll(() => s?.close());

describe('a position over the hour of funding', () => {
  it('pays the rate on its value at the mark, in wallet, ledger and margin alike', {
    timeout: 120_000,
    retry: 0,
  }, async () => {
    await s.contract.flow('funding', () => fundingPayment(s));
    expect(s.contract.different).toBe(8);
  });
});

async function fundingPayment({ client, contract, symbol }: Session): Promise<void> {
  const book = () => client.fetchOrderBook(symbol, 5);
  await until('a book with both sides', book, (b) => b.bids.length > 0 && b.asks.length > 0);
  const next = await client.fetchFundingRate(symbol);
  const buy = await client.createOrder(symbol, 'market', 'buy', AMOUNT);
  const reason = async (): Promise<string> => (await client.watchBalance()).info.a?.m;
  const paying = (got: readonly string[]): boolean => got.at(-1) === 'FUNDING_FEE';
  const told = await gather('funding on the user stream', reason, paying, 100_000);
  contract.claim('watchBalance tells that the wallet changed by funding', () => ok(paying(told)));
  const [paid] = await client.fetchFundingHistory(symbol);
  const [rates, minutes, ledger, positions, balance, after] = await Promise.all([
    client.fetchFundingRateHistory(symbol),
    client.fetchMarkOHLCV(symbol, '1m', paid!.timestamp! - 120_000, 4),
    client.fetchLedger('USDT'),
    client.fetchPositions([symbol]),
    client.fetchBalance(),
    client.fetchFundingRate(symbol),
  ]);
  const rate = rates.find((r) => Math.abs(r.timestamp! - paid!.timestamp!) < 1000);
  contract.claim('fetchFundingHistory: dated, in USDT, when it was announced', () => {
    isDated(paid!);
    equal(paid!.code, 'USDT');
    ok(Math.abs(paid!.timestamp! - next.fundingTimestamp!) < 1000, `${paid!.datetime}, ${next.fundingDatetime}`);
  });
  contract.claim('fetchFundingRateHistory has the rate that was paid', () => ok(rate !== undefined));
  contract.claim('the payment is −quantity × mark × rate', () => {
    const marks = minutes.flatMap(([, , high, low]) => [low!, high!]);
    const mark = -paid!.amount! / (AMOUNT * rate!.fundingRate!);
    ok(mark >= Math.min(...marks) - 0.01 && mark <= Math.max(...marks) + 0.01, `mark ${mark}, ${marks}`);
  });
  contract.claim('fetchLedger has the payment', () => {
    const row = ledger.find((e) => e.info.incomeType === 'FUNDING_FEE');
    equal(effectOf(row!), paid!.amount);
    equal(row!.type, 'fee');
  });
  contract.claim('the wallet is what it was, less fee and funding', () =>
    isNear(
      Number(balance.info.totalWalletBalance),
      ledger.reduce((n, e) => n + effectOf(e), 10_000),
      'wallet',
      1e-9,
    ),
  );
  contract.claim('an isolated position pays from its own margin', () => {
    const [p] = positions;
    isNear(
      Number(p!.info.isolatedMargin) - p!.unrealizedPnl!,
      (AMOUNT * buy.average!) / 20 + paid!.amount!,
      'margin',
      1e-6,
    );
  });
  contract.claim('the next funding is an interval later', () =>
    equal(after.fundingTimestamp! - next.fundingTimestamp!, 8 * 3_600_000),
  );
}
