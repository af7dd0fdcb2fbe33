import { equal, ok } from 'node:assert/strict';
import type { Order } from 'ccxt';
import { rowOf } from './balance.ts';
import { orderRules } from './order.ts';
import { until } from './testing/events.ts';
import { room } from './testing/room.ts';
import type { Session } from './testing/session.ts';
import { freshId, quote } from './testing/sizing.ts';
import { isNear } from './testing/stamp.ts';

/** Sells what there is of the base. */
export async function sellAll(s: Session): Promise<void> {
  const { client, symbol, market } = s;
  if ((await client.fetchOpenOrders(symbol)).length > 0) await client.cancelAllOrders(symbol);
  const free = rowOf(await client.fetchBalance(), market.base).free!;
  const { bid } = await quote(s);
  if (free * bid < (market.limits.cost?.min ?? 5) * 1.05) return;
  await client.createOrder(symbol, 'market', 'sell', Number(client.amountToPrecision(symbol, free)));
}

/** Fees come off what is received; balances follow the fills. */
export async function balances(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  const { amount } = await quote(s);
  const read = async () => {
    const b = await client.fetchBalance();
    return { base: rowOf(b, market.base).total!, quote: rowOf(b, 'USDT').total! };
  };
  const before = await read();
  const buy = await client.createOrder(symbol, 'market', 'buy', amount);
  const between = await read();
  const fees = await client.fetchOrderTrades(buy.id!, symbol);
  const fee = fees.reduce((n, t) => n + t.fee!.cost!, 0);
  contract.claim('a purchase: the fee is in the base', () => ok(fees.every((t) => t.fee!.currency === market.base)));
  contract.claim('a purchase: the base rises by what was bought less the fee', () =>
    isNear(between.base - before.base, amount - fee, 'base', 1e-9),
  );
  contract.claim('a purchase: the quote falls by its cost', () =>
    isNear(before.quote - between.quote, buy.cost!, 'quote', 1e-7),
  );
  contract.claim('a purchase: the answer holds its fills', () => {
    ok(buy.trades.length > 0);
    isNear(
      buy.trades.reduce((n, t) => n + t.amount!, 0),
      amount,
      'fills',
    );
  });
  await contract.refuses('the sale of all that was ordered, before the fee', 'InsufficientFunds', /insufficient/, () =>
    client.createOrder(symbol, 'market', 'sell', between.base + market.precision.amount!),
  );
  await sellAll(s);
  const after = await read();
  contract.claim('a sale leaves less than a lot', () =>
    ok(after.base < market.precision.amount! * 1.0001, `${after.base}`),
  );
}

export async function byCost(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const bought = await client.createMarketBuyOrderWithCost(symbol, 50);
  contract.claim('createMarketBuyOrderWithCost spends no more than its cost', () => {
    equal(bought.status, 'closed');
    ok(bought.cost! <= 50 && bought.cost! > 48, `${bought.cost}`);
  });
  const checked = await client.createOrder(symbol, 'limit', 'buy', 1, 1000, { test: true }).then(
    () => 'accepted',
    (e: unknown) => String(e),
  );
  const open = await client.fetchOpenOrders(symbol);
  contract.claim('an order that is a test leaves nothing', () => equal(open.length, 0, checked));
  await sellAll(s);
}

/** Stops and take-profits, which rest among the other orders. */
export async function conditional(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  const q = await quote(s);
  await client.createOrder(symbol, 'market', 'buy', q.amount * 2);
  const place = (type: string, price: number | undefined, params: object): Promise<Order> =>
    client.createOrder(symbol, type, 'sell', q.amount, price, params);
  const kinds: readonly [string, () => Promise<Order>][] = [
    ['STOP_LOSS', () => place('market', undefined, { stopLossPrice: q.farBuy })],
    ['STOP_LOSS_LIMIT', () => place('limit', q.farBuy, { stopLossPrice: q.farBuy })],
    ['TAKE_PROFIT', () => place('market', undefined, { takeProfitPrice: q.farSell })],
    ['TAKE_PROFIT_LIMIT', () => place('limit', q.farSell, { takeProfitPrice: q.farSell })],
  ];
  for (const [type, call] of kinds) {
    const placed = await call();
    const read = await client.fetchOrder(placed.id!, symbol);
    contract.all(`a ${type} order`, [read], orderRules(market));
    contract.claim(`a ${type} order: it waits with its trigger`, () => {
      equal(read.status, 'open');
      equal(read.info.type, type);
      equal(read.triggerPrice, type.startsWith('STOP') ? q.farBuy : q.farSell);
    });
    const gone = await client.cancelOrder(placed.id!, symbol);
    contract.claim(`a ${type} order: it can be cancelled`, () => equal(gone.status, 'canceled'));
  }
  await sellAll(s);
}

interface List {
  readonly orderListId: number | string;
  readonly listStatusType: string;
  readonly listOrderStatus: string;
  readonly contingencyType: string;
  readonly orders: readonly { readonly orderId: number | string }[];
}

/** An OCO around the market, as near as it can be placed: the market may be past its prices when it arrives. */
async function around({ client, symbol, ...s }: Session, oco: object): Promise<List> {
  for (let away = 0.0002; ; away *= 2) {
    const { bid, ask } = await quote({ client, symbol, ...s });
    const near = {
      abovePrice: client.priceToPrecision(symbol, ask * (1 + away)),
      belowStopPrice: client.priceToPrecision(symbol, bid * (1 - away)),
    };
    try {
      return (await client.privatePostOrderListOco({ ...oco, ...near })) as List;
    } catch (e) {
      if (!/relationship of the prices/.test(String(e)) || away > 0.005) throw e;
    }
  }
}

/** Order lists, by the endpoints that have no unified method. */
export async function lists(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  await room(s, 20);
  const q = await quote(s);
  await client.createOrder(symbol, 'market', 'buy', q.amount * 2);
  const quantity = client.amountToPrecision(symbol, q.amount);
  const oco = { symbol: market.id, side: 'SELL', quantity, aboveType: 'LIMIT_MAKER', belowType: 'STOP_LOSS' };
  const far = { abovePrice: String(q.farSell), belowStopPrice: String(q.farBuy) };

  const placed = (await client.privatePostOrderListOco({ ...oco, ...far })) as List;
  contract.claim('an OCO: it has two orders and runs', () => {
    equal(placed.contingencyType, 'OCO');
    equal(placed.orders.length, 2);
    equal(placed.listOrderStatus, 'EXECUTING');
  });
  const open = await client.fetchOpenOrders(symbol);
  contract.claim('an OCO: both orders are open', () => {
    for (const o of placed.orders) ok(open.some((x) => x.id === String(o.orderId)));
  });
  contract.all('an order of an OCO', open, orderRules(market));
  const orderListId = placed.orderListId;
  const running = (await client.privateGetOpenOrderList()) as List[];
  contract.claim('an OCO: openOrderList has it', () =>
    ok(running.some((l) => String(l.orderListId) === String(orderListId))),
  );
  await client.cancelOrder(String(placed.orders[0]!.orderId), symbol);
  const left = await client.fetchOpenOrders(symbol);
  contract.claim('an OCO: to cancel one is to cancel both', () => equal(left.length, 0));
  const told = (await client.privateGetOrderList({ orderListId })) as List;
  contract.claim('an OCO: it is told as done', () => equal(told.listOrderStatus, 'ALL_DONE'));

  const second = (await client.privatePostOrderListOco({ ...oco, ...far, listClientOrderId: freshId() })) as List;
  const canceled = (await client.privateDeleteOrderList({
    symbol: market.id,
    orderListId: second.orderListId,
  })) as List;
  contract.claim('an OCO: it can be cancelled as a list', () => equal(canceled.listOrderStatus, 'ALL_DONE'));

  const third = await around(s, oco);
  // The market reaches one of the two, and the other expires.
  const legs = (): Promise<Order[]> =>
    Promise.all(third.orders.map((o) => client.fetchOrder(String(o.orderId), symbol)));
  const ends = await until('an OCO around the market', legs, (l) => l.some((o) => o.status === 'closed'), 30_000);
  contract.claim('an OCO: when one is filled the other expires', () => {
    const states = ends.map((o) => o.info.status as string).sort();
    equal(states.join(), 'EXPIRED,FILLED');
  });
  await sellAll(s);

  const oto = {
    symbol: market.id,
    workingType: 'LIMIT',
    workingSide: 'BUY',
    workingPrice: String(q.farBuy),
    workingQuantity: quantity,
    workingTimeInForce: 'GTC',
    pendingType: 'LIMIT',
    pendingSide: 'SELL',
    pendingPrice: String(q.farSell),
    pendingQuantity: quantity,
    pendingTimeInForce: 'GTC',
  };
  const chain = (await client.privatePostOrderListOto(oto)) as List;
  const waiting = await Promise.all(chain.orders.map((o) => client.fetchOrder(String(o.orderId), symbol)));
  contract.claim('an OTO: its second order waits for the first', () => {
    const states = waiting.map((o) => o.info.status as string).sort();
    equal(states.join(), 'NEW,PENDING_NEW');
  });
  await client.privateDeleteOrderList({ symbol: market.id, orderListId: chain.orderListId });
  const through = { workingPrice: String((await quote(s)).throughBuy) };
  // Less than is bought: the fee comes off.
  const pendingQuantity = client.amountToPrecision(symbol, q.amount * 0.9);
  const live = (await client.privatePostOrderListOto({ ...oto, ...through, pendingQuantity })) as List;
  const both = (): Promise<Order[]> =>
    Promise.all(live.orders.map((o) => client.fetchOrder(String(o.orderId), symbol)));
  const woken = await until('the second order of an OTO', both, (l) => l.every((o) => o.info.status !== 'PENDING_NEW'));
  contract.claim('an OTO: its second order rests when the first is filled', () => {
    const states = woken.map((o) => o.info.status as string).sort();
    equal(states.join(), 'FILLED,NEW');
  });
  await client.cancelAllOrders(symbol);
  const none = (await client.privateGetOpenOrderList()) as List[];
  contract.claim('cancelAllOrders ends order lists too', () => equal(none.length, 0));
  await sellAll(s);
}
