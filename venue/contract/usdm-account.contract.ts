import { deepEqual, equal, ok } from 'node:assert/strict';
import type { LedgerEntry } from 'ccxt';
import { effectOf, LEDGER_ENTRY } from './ledger-entry.ts';
import { LEVERAGE_TIERS } from './leverage-tier.ts';
import { LEVERED, liquidationPrice, positionRules } from './position.ts';
import type { Session } from './testing/session.ts';
import { quote } from './testing/sizing.ts';
import { isDated, isNear, isNumber, isPositive } from './testing/stamp.ts';
import { flatten } from './usdm-orders.contract.ts';

/** Leverage, margin type, position mode, tiers. */
export async function settings(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  await flatten(s);
  const tiers = await client.fetchLeverageTiers([symbol]);
  contract.all('fetchLeverageTiers', [tiers[symbol]!], LEVERAGE_TIERS);
  for (const leverage of [5, 20]) {
    await client.setLeverage(leverage, symbol);
    const { longLeverage, shortLeverage } = await client.fetchLeverage(symbol);
    contract.claim('setLeverage: what is set is read', () =>
      deepEqual([longLeverage, shortLeverage], [leverage, leverage]),
    );
  }
  for (const mode of ['cross', 'isolated']) {
    await client.setMarginMode(mode, symbol);
    const { marginMode } = await client.fetchMarginMode(symbol);
    contract.claim('setMarginMode: what is set is read', () => equal(marginMode, mode));
  }
  const again = await client.setMarginMode('isolated', symbol);
  contract.claim('setMarginMode: what is set already is no fault', () => equal(again.code, -4046));
  const q = await quote(s);
  const resting = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy);
  await contract.refuses('another margin type beside an open order', 'OperationRejected', /-4047/, () =>
    client.setMarginMode('cross', symbol),
  );
  await client.cancelOrder(resting.id!, symbol);
  const { hedged } = await client.fetchPositionMode(symbol);
  contract.claim('fetchPositionMode: one position a symbol', () => equal(hedged, false));
  const leverages = await client.fetchLeverages([symbol]);
  const modes = await client.fetchMarginModes([symbol]);
  contract.claim('fetchLeverages and fetchMarginModes have the symbol', () => {
    equal(leverages[symbol]?.longLeverage, 20);
    equal(modes[symbol]?.marginMode, 'isolated');
  });
}

/** A position of each side: what it is worth, what it binds, where it would be liquidated. */
export async function positions(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  await flatten(s);
  const { amount } = await quote(s);
  const [tier] = (await client.fetchLeverageTiers([symbol]))[symbol]!;
  for (const side of ['buy', 'sell'] as const) {
    const order = await client.createOrder(symbol, 'market', side, amount);
    const [p, ...more] = await client.fetchPositions([symbol]);
    const what = `a position by a ${side}`;
    contract.claim(`${what}: there is one`, () => ok(p !== undefined && more.length === 0));
    if (p === undefined) continue;
    contract.all(what, [p], positionRules(market));
    contract.claim(`${what}: side, contracts and entry are those of the fill`, () => {
      deepEqual([p.side, p.contracts], [side === 'buy' ? 'long' : 'short', amount]);
      isNear(p.entryPrice, order.average!, 'entry', 1e-6);
    });
    contract.claim(`${what}: its initial margin is its entry by the leverage`, () =>
      isNear(Number(p.info.isolatedMargin) - p.unrealizedPnl!, (amount * order.average!) / 20, 'margin', 1e-4),
    );
    contract.claim(`${what}: it is liquidated where the formula says`, () => {
      const wallet = Number(p.info.isolatedMargin) - p.unrealizedPnl!;
      const px = liquidationPrice(p, wallet, tier!.maintenanceMarginRate!, Number(tier!.info.cum));
      ok(Math.abs(p.liquidationPrice! - px) <= market.precision.price!, `${p.liquidationPrice}, formula ${px}`);
    });
    const v2 = await client.fetchPositions([symbol], { useV2: true });
    contract.all(`${what}, by the second version`, v2, LEVERED);
    if (side === 'buy') await margin(s);
    await contract.refuses('another margin type beside a position', 'OperationRejected', /-4048/, () =>
      client.setMarginMode('cross', symbol),
    );
    await flatten(s);
  }
  const none = await client.fetchPositions([symbol]);
  contract.claim('fetchPositions: a closed position is gone', () => equal(none.length, 0));
}

async function margin({ client, contract, symbol }: Session): Promise<void> {
  const bound = async (): Promise<number> => {
    const [p] = await client.fetchPositions([symbol]);
    return Number(p!.info.isolatedMargin) - p!.unrealizedPnl!;
  };
  const before = await bound();
  const added = await client.addMargin(symbol, 3);
  const more = await bound();
  await client.reduceMargin(symbol, 2);
  const less = await bound();
  const history = await client.fetchMarginAdjustmentHistory(symbol);
  contract.claim('fetchMarginAdjustmentHistory has both', () => {
    const last = history.slice(-2).map((m) => [m.type, m.amount]);
    deepEqual(last.sort(), [
      ['add', 3],
      ['reduce', 2],
    ]);
  });
  contract.claim('addMargin answers with the amount', () => equal(added.amount, 3));
  contract.claim('addMargin and reduceMargin move the margin of the position', () => {
    isNear(more, before + 3, 'margin', 1e-6);
    isNear(less, before + 1, 'margin', 1e-6);
  });
}

/** What the wallet was changed by, entry by entry. */
export async function ledger(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  await flatten(s);
  const { amount } = await quote(s);
  const wallet = async (): Promise<number> => Number((await client.fetchBalance()).info.totalWalletBalance);
  const entries = (): Promise<LedgerEntry[]> => client.fetchLedger('USDT', undefined, 1000);
  const [before, known] = [await wallet(), (await entries()).length];
  const buy = await client.createOrder(symbol, 'market', 'buy', amount);
  const sell = await client.createOrder(symbol, 'market', 'sell', amount);
  const [after, all] = [await wallet(), await entries()];
  const rows = all.slice(known);
  contract.all('fetchLedger', all, LEDGER_ENTRY);
  contract.claim('fetchLedger: a round trip leaves two fees, and its profit when there is one', () => {
    const of = (type: string): LedgerEntry[] => rows.filter((e) => e.info.incomeType === type);
    ok(of('COMMISSION').length >= 2);
    ok(buy.cost === sell.cost || of('REALIZED_PNL').some((e) => e.amount! > 0));
    equal(of('COMMISSION').length + of('REALIZED_PNL').length, rows.length);
  });
  contract.claim('fetchLedger: the entries make the change of the wallet', () =>
    isNear(
      rows.reduce((n, e) => n + effectOf(e), 0),
      after - before,
      'sum of the entries',
      1e-7,
    ),
  );
  contract.claim('a round trip costs its loss and two fees', () => {
    const { taker } = s.client.market(symbol);
    const [bought, sold] = [buy.cost!, sell.cost!];
    isNear(after - before, sold - bought - (sold + bought) * Number(taker), 'change of the wallet', 1e-4);
  });
  const trades = (await client.fetchMyTrades(symbol)).filter((t) => t.order === sell.id);
  contract.claim('fetchMyTrades: the profit is on the trade that closed', () => {
    const profit = trades.reduce((n, t) => n + Number(t.info.realizedPnl), 0);
    isNear(profit, sell.cost! - buy.cost!, 'realized profit', 1e-4);
  });
  const funding = await client.fetchFundingHistory(symbol);
  contract.claim('fetchFundingHistory is a list of payments', () => {
    ok(Array.isArray(funding));
    for (const f of funding) {
      isDated(f);
      isNumber(f.amount, 'amount');
    }
  });
  const fees = await client.fetchTradingFees();
  contract.claim('fetchTradingFees has the symbol', () => isPositive(fees[symbol]?.taker, 'taker'));
}
