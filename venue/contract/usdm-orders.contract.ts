import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Order } from 'ccxt';
import { conditionalRules, orderRules } from './order.ts';
import { until } from './testing/events.ts';
import type { Session } from './testing/session.ts';
import { freshId, quote } from './testing/sizing.ts';

const TRIGGER = { trigger: true };
const has = (list: readonly Order[], id: string | undefined): boolean => list.some((o) => o.id === id);
const sizeOf = async ({ client, symbol }: Session): Promise<number> =>
  (await client.fetchPositions([symbol]))[0]?.contracts ?? 0;

/** Brings the position to nothing, whatever was before. */
export async function flatten(s: Session): Promise<void> {
  const { client, symbol } = s;
  await client.cancelAllOrders(symbol);
  await client.cancelAllOrders(symbol, TRIGGER);
  const [p] = await client.fetchPositions([symbol]);
  if (!p?.contracts) return;
  const side = p.side === 'long' ? 'sell' : 'buy';
  await client.createOrder(symbol, 'market', side, p.contracts, undefined, { reduceOnly: true });
}

/** Reduce-only orders close and never open. */
export async function reduceOnly(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  await flatten(s);
  const { amount, farSell } = await quote(s);
  await client.createOrder(symbol, 'market', 'buy', amount);
  const resting = await client.createOrder(symbol, 'limit', 'sell', amount, farSell, { reduceOnly: true });
  contract.claim('a reduce-only order: it is told as one', () => equal(resting.reduceOnly, true));
  await client.cancelOrder(resting.id!, symbol);
  const sold = await client.createOrder(symbol, 'market', 'sell', amount, undefined, { reduceOnly: true });
  const left = await sizeOf(s);
  contract.claim('a reduce-only order: it closes the position', () => {
    equal(sold.status, 'closed');
    equal(left, 0);
  });
  await contract.refuses('a reduce-only order: with nothing left it is refused', 'InvalidOrder', /-2022/, () =>
    client.createOrder(symbol, 'market', 'sell', amount, undefined, { reduceOnly: true }),
  );
}

/** Conditional orders of each kind rest with the Algo service, apart from plain ones. */
export async function conditional(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  await flatten(s);
  const q = await quote(s);
  await client.createOrder(symbol, 'market', 'buy', q.amount);
  const place = (type: string, price: number | undefined, params: object): Promise<Order> =>
    client.createOrder(symbol, type, 'sell', q.amount, price, { reduceOnly: true, ...params });
  const clientAlgoId = freshId();
  const placed: readonly [string, Order][] = [
    ['STOP_MARKET', await place('market', undefined, { stopLossPrice: q.farBuy, clientOrderId: clientAlgoId })],
    ['TAKE_PROFIT_MARKET', await place('market', undefined, { takeProfitPrice: q.farSell })],
    ['STOP', await place('limit', q.farBuy, { stopLossPrice: q.farBuy })],
    ['TAKE_PROFIT', await place('limit', q.farSell, { takeProfitPrice: q.farSell })],
    ['TRAILING_STOP_MARKET', await place('market', undefined, { trailingPercent: 3 })],
  ];
  const open = await client.fetchOpenOrders(symbol, undefined, undefined, TRIGGER);
  const plain = await client.fetchOpenOrders(symbol);
  for (const [type, order] of placed) {
    const read = await client.fetchOrder(order.id!, symbol, TRIGGER);
    contract.all(`a ${type} order`, [order, read], conditionalRules(market));
    contract.claim(`a ${type} order: it keeps its type`, () => equal(read.info.orderType, type));
    contract.claim(`a ${type} order: it is open with the service and not among plain orders`, () => {
      ok(has(open, order.id), 'not with the service');
      ok(!has(plain, order.id), 'among plain orders');
    });
  }
  const [, stop] = placed[0]!;
  contract.claim('a STOP_MARKET order: trigger, amount and reduce-only come back', () =>
    deepEqual([stop.triggerPrice, stop.amount, stop.reduceOnly], [q.farBuy, q.amount, true]),
  );
  contract.claim('a STOP_MARKET order: its client id comes back', () => equal(stop.clientOrderId, clientAlgoId));
  await contract.refuses('a conditional order is no plain one', 'OrderNotFound', /-2013/, () =>
    client.fetchOrder(stop.id!, symbol, { clientOrderId: clientAlgoId }),
  );
  await contract.refuses('the id of a conditional order is no plain one', 'OrderNotFound', /-2013/, () =>
    client.fetchOrder(stop.id!, symbol),
  );
  await client.cancelOrder(stop.id!, symbol, TRIGGER);
  const gone = await client.fetchOrder(stop.id!, symbol, TRIGGER);
  contract.claim('a conditional order: it can be cancelled', () => equal(gone.status, 'canceled'));
  await contract.refuses('the cancellation of a conditional order that is gone', 'OrderNotFound', /-2011/, () =>
    client.cancelOrder(stop.id!, symbol, TRIGGER),
  );
  await client.cancelAllOrders(symbol, TRIGGER);
  const left = await client.fetchOpenOrders(symbol, undefined, undefined, TRIGGER);
  contract.claim('cancelAllOrders: no conditional order is left', () => equal(left.length, 0));
  await contract.refuses('a stop that would trigger at once', 'OrderImmediatelyFillable', /-2021/, () =>
    place('market', undefined, { stopLossPrice: q.farSell }),
  );
  await contract.refuses('a take-profit that would trigger at once', 'OrderImmediatelyFillable', /-2021/, () =>
    place('market', undefined, { takeProfitPrice: q.farBuy }),
  );
  await flatten(s);
}

/** GTE_GTC: a conditional order depends on the position alone. */
export async function withPosition(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  await flatten(s);
  const q = await quote(s);
  const stop = (): Promise<Order> =>
    client.createOrder(symbol, 'market', 'sell', q.amount, undefined, {
      reduceOnly: true,
      stopLossPrice: q.farBuy,
      timeInForce: 'GTE_GTC',
    });
  await contract.refuses('GTE_GTC: without a position it is refused', 'ExchangeError', /-4509/, stop);
  await client.createOrder(symbol, 'market', 'buy', q.amount);
  const { id } = await stop();
  const status = async (): Promise<unknown> => (await client.fetchOrder(id!, symbol, TRIGGER)).info.algoStatus;
  const before = await status();
  await client.createOrder(symbol, 'market', 'sell', q.amount);
  const after = await status();
  contract.claim('GTE_GTC: it waits while the position is open and expires with it', () =>
    deepEqual([before, after], ['NEW', 'EXPIRED']),
  );
}

/** A stop and a take-profit close around the market: it reaches one of them, which then closes the position. */
export async function triggered(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  await flatten(s);
  const q = await quote(s);
  await client.createOrder(symbol, 'market', 'buy', q.amount);
  const around = await quote(s);
  const away = 0.0002 * around.bid;
  const px = (v: number): number => Number(client.priceToPrecision(symbol, v));
  const legs = [
    { stopLossPrice: px(around.bid - away), closePosition: true },
    { takeProfitPrice: px(around.ask + away), closePosition: true },
  ];
  const orders: Order[] = [];
  // The market may be there already when the second arrives.
  for (const leg of legs)
    try {
      orders.push(await client.createOrder(symbol, 'market', 'sell', q.amount, undefined, leg));
    } catch (e) {
      if (!/-2021|-4509|-2022/.test(String(e))) throw e;
    }
  await until(
    'a conditional order closes the position',
    () => sizeOf(s),
    (size) => size === 0,
    30_000,
  );
  const told = await Promise.all(orders.map((o) => client.fetchOrder(o.id!, symbol, TRIGGER)));
  const done = told.filter((o) => o.status === 'closed');
  contract.claim('a conditional order that was reached is told as triggered', () => {
    equal(done.length, 1, JSON.stringify(told.map((o) => [o.info.algoStatus, o.status])));
    ok(['TRIGGERED', 'FINISHED'].includes(done[0]!.info.algoStatus));
  });
  const child = String(done[0]?.info.actualOrderId ?? '');
  contract.claim('a conditional order that was reached names its order', () => ok(/^[1-9]\d*$/.test(child), child));
  const order = await client.fetchOrder(child, symbol);
  contract.claim('the order of a conditional order is filled', () => {
    equal(order.status, 'closed');
    equal(order.filled, q.amount);
    equal(order.side, 'sell');
  });
  contract.all('the order of a conditional order', [order], orderRules(market));
  await flatten(s);
}

export async function batches(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  const q = await quote(s);
  const row = (amount: number, price: number) => ({ symbol, type: 'limit', side: 'buy', amount, price });
  const answers = await client.createOrders([
    row(q.amount, q.farBuy),
    row(q.amount, q.bid * 0.96),
    row(market.limits.amount!.min!, q.farBuy),
  ] as Parameters<typeof client.createOrders>[0]);
  contract.claim('createOrders answers for each', () => equal(answers.length, 3));
  const placed = answers.filter((o) => o.status === 'open');
  contract.claim('createOrders: what is right is placed', () => equal(placed.length, 2));
  contract.claim('createOrders: what is wrong is refused by itself', () => equal(answers[2]?.info.code, -4164));
  contract.all('an order of a batch', placed, orderRules(market));
  await client.cancelOrders(
    placed.map((o) => o.id!),
    symbol,
  );
  const open = await client.fetchOpenOrders(symbol);
  contract.claim('cancelOrders: none is left', () => equal(open.length, 0));
}

/** The exchange cancels what a client does not keep alive. */
export async function countdown({ client, contract, symbol, market, ...s }: Session): Promise<void> {
  const q = await quote({ client, contract, symbol, market, ...s });
  const placed = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy);
  const answer = await client.fapiPrivatePostCountdownCancelAll({ symbol: market.id, countdownTime: 1000 });
  contract.claim('countdownCancelAll is acknowledged', () => equal(answer.symbol, market.id));
  const read = () => client.fetchOrder(placed.id!, symbol);
  const order = await until('the end of the countdown', read, (o) => o.status !== 'open');
  contract.claim('countdownCancelAll cancels when it ends', () => equal(order.status, 'canceled'));
}
