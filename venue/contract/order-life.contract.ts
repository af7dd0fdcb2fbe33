import { equal, ok } from 'node:assert/strict';
import type { Order, Trade } from 'ccxt';
import { orderRules } from './order.ts';
import { until } from './testing/events.ts';
import type { Session } from './testing/session.ts';
import { freshId, quote } from './testing/sizing.ts';
import { isNear } from './testing/stamp.ts';
import { fillRules } from './trade.ts';

const has = (list: readonly Order[], id: string | undefined): boolean => list.some((o) => o.id === id);
const sum = (list: readonly Trade[], of: (t: Trade) => number): number => list.reduce((n, t) => n + of(t), 0);

/** Placed where it rests, found everywhere, cancelled, found no more. */
export async function farLimit(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const q = await quote(s);
  const clientOrderId = freshId();
  const placed = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy, { clientOrderId });
  contract.claim('a far limit order: it rests', () => equal(placed.status, 'open'));
  contract.claim('a far limit order: price, amount and side come back', () => {
    equal(placed.price, q.farBuy);
    equal(placed.amount, q.amount);
    equal(placed.side, 'buy');
    equal(placed.type, 'limit');
    equal(placed.timeInForce, 'GTC');
  });
  contract.claim('a far limit order: the client id comes back', () => equal(placed.clientOrderId, clientOrderId));
  contract.claim('a far limit order: nothing is filled', () => equal(placed.filled, 0));
  const [byId, byClientId, open, openAll, orders] = await Promise.all([
    client.fetchOrder(placed.id!, symbol),
    client.fetchOrder(placed.id!, symbol, { clientOrderId }),
    client.fetchOpenOrders(symbol),
    client.fetchOpenOrders(),
    client.fetchOrders(symbol),
  ]);
  contract.all('an order that rests', [placed, byId, byClientId], orderRules(s.market));
  contract.claim('fetchOrder finds it by its id', () => equal(byId.clientOrderId, clientOrderId));
  contract.claim('fetchOrder finds it by its client id', () => equal(byClientId.id, placed.id));
  contract.claim('fetchOpenOrders of the symbol has it', () => ok(has(open, placed.id)));
  contract.claim('fetchOpenOrders of all symbols has it', () => ok(has(openAll, placed.id)));
  contract.claim('fetchOrders has it', () => ok(has(orders, placed.id)));
  const canceled = await client.cancelOrder(placed.id!, symbol);
  contract.claim('cancelOrder answers with the cancelled order', () => {
    equal(canceled.id, placed.id);
    equal(canceled.status, 'canceled');
  });
  const [after, left, done] = await Promise.all([
    client.fetchOrder(placed.id!, symbol),
    client.fetchOpenOrders(symbol),
    client.fetchCanceledOrders(symbol),
  ]);
  contract.all('an order that was cancelled', [after], orderRules(s.market));
  contract.claim('fetchOrder says that it was cancelled', () => equal(after.status, 'canceled'));
  contract.claim('fetchOpenOrders has it no more', () => ok(!has(left, placed.id)));
  contract.claim('fetchCanceledOrders has it', () => ok(has(done, placed.id)));
  await contract.refuses('cancelOrder of what is cancelled', 'OrderNotFound', /-2011/, () =>
    client.cancelOrder(placed.id!, symbol),
  );
}

/** A limit order through the market is filled and told as a fill. Leaves what it bought. */
export async function marketableLimit(s: Session): Promise<void> {
  const { client, contract, symbol, market } = s;
  const q = await quote(s);
  const placed = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.throughBuy);
  const read = () => client.fetchOrder(placed.id!, symbol);
  const order = await until('the fill of a marketable limit order', read, (o) => o.status !== 'open');
  contract.all('an order that was filled', [order], orderRules(market));
  contract.claim('a marketable limit order: it is filled whole', () => {
    equal(order.status, 'closed');
    equal(order.filled, q.amount);
  });
  contract.claim('a marketable limit order: not above its price', () =>
    ok(order.average! <= q.throughBuy && order.average! > q.bid * 0.99, `${order.average}, limit ${q.throughBuy}`),
  );
  const fills = (await client.fetchMyTrades(symbol)).filter((t) => t.order === placed.id);
  contract.all('fetchMyTrades', fills, fillRules(market));
  contract.claim('fetchMyTrades: the fills make the order', () => {
    isNear(
      sum(fills, (t) => t.amount!),
      q.amount,
      'amount of the fills',
    );
    isNear(
      sum(fills, (t) => t.cost!),
      order.cost!,
      'cost of the fills',
      1e-4,
    );
  });
  contract.claim('fetchMyTrades: the fills took', () => ok(fills.every((t) => t.takerOrMaker === 'taker')));
  const rate = await client.fetchTradingFee(symbol);
  contract.claim('fetchTradingFee: rates are fractions, taking is not cheaper', () =>
    ok(rate.taker! > 0 && rate.taker! < 0.01 && rate.maker! <= rate.taker!, `${rate.maker} and ${rate.taker}`),
  );
  // Spot takes its fee from what was bought; USD-M in the quote.
  contract.claim('fetchMyTrades: the fee is the taker rate of what was received', () => {
    for (const t of fills) {
      const base = s.name === 'spot' && t.fee!.currency === market.base;
      if (!base && t.fee!.currency !== market.quote) continue;
      isNear(t.fee!.cost!, (base ? t.amount! : t.cost!) * rate.taker!, 'fee', 1e-7);
    }
  });
  if (s.name === 'spot') {
    const ofOrder = await client.fetchOrderTrades(placed.id!, symbol);
    contract.claim('fetchOrderTrades: just the fills of the order', () => {
      ok(ofOrder.every((t) => t.order === placed.id));
      equal(ofOrder.length, fills.length);
    });
  }
  const [first] = fills;
  const since = await client.fetchMyTrades(symbol, first!.timestamp);
  contract.claim('fetchMyTrades since a time begins there', () => {
    ok(since.some((t) => t.id === first!.id));
    ok(since.every((t) => t.timestamp! >= first!.timestamp!));
  });
  const closed = await client.fetchClosedOrders(symbol);
  contract.claim('fetchClosedOrders has it', () => ok(has(closed, placed.id)));
  await contract.refuses('cancelOrder of what is filled', 'OrderNotFound', /-2011/, () =>
    client.cancelOrder(placed.id!, symbol),
  );
}

/** Market orders both ways. */
export async function marketOrders(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const { amount, bid, ask } = await quote(s);
  // More than is sold: Spot's fee comes off what was bought.
  const buy = await client.createOrder(symbol, 'market', 'buy', amount * 2);
  const sell = await client.createOrder(symbol, 'market', 'sell', amount);
  contract.all('a market order', [buy, sell], orderRules(s.market));
  contract.claim('a market order: it is answered when it is filled', () => {
    equal(buy.status, 'closed');
    equal(sell.status, 'closed');
  });
  contract.claim('a market order: it is filled near the market', () => {
    ok(Math.abs(buy.average! / ask - 1) < 0.01, `${buy.average} at ${ask}`);
    ok(Math.abs(sell.average! / bid - 1) < 0.01, `${sell.average} at ${bid}`);
  });
  contract.claim('a market order: order ids rise', () => ok(Number(sell.id) > Number(buy.id)));
}

export async function postOnly(s: Session): Promise<void> {
  const { client, contract, symbol, name } = s;
  const q = await quote(s);
  const placed = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy, { postOnly: true });
  const read = await client.fetchOrder(placed.id!, symbol);
  contract.claim('a post-only order: it rests', () => equal(read.status, 'open'));
  contract.claim('a post-only order: it is told as one', () => {
    equal(read.postOnly, true);
    equal(name === 'usdm' ? read.info.timeInForce : read.info.type, name === 'usdm' ? 'GTX' : 'LIMIT_MAKER');
  });
  contract.all('a post-only order', [placed, read], orderRules(s.market));
  await client.cancelOrder(placed.id!, symbol);
  const [wrong, says] =
    name === 'usdm'
      ? (['OrderNotFillable', /-5022/] as const)
      : (['OrderImmediatelyFillable', /-2010|match and take/] as const);
  await contract.refuses('a post-only order that would take', wrong, says, () =>
    client.createOrder(symbol, 'limit', 'buy', q.amount, q.throughBuy, { postOnly: true }),
  );
}

export async function immediate(s: Session): Promise<void> {
  const { client, contract, symbol, name } = s;
  const q = await quote(s);
  const place = (timeInForce: string, price: number, amount = q.amount): Promise<Order> =>
    client.createOrder(symbol, 'limit', 'buy', amount, price, { timeInForce });
  const missed = await place('IOC', q.farBuy);
  const ioc = await client.fetchOrder(missed.id!, symbol);
  contract.claim('an IOC order off the market expires unfilled', () => {
    equal(ioc.info.status, 'EXPIRED');
    equal(ioc.filled, 0);
    equal(ioc.timeInForce, 'IOC');
  });
  contract.all('an order that expired', [ioc], orderRules(s.market));
  const took = await place('IOC', q.throughBuy);
  contract.claim('an IOC order through the market is filled at once', () => equal(took.status, 'closed'));
  const whole = await place('FOK', q.throughBuy);
  contract.claim('a FOK order that can be filled is filled whole', () => {
    equal(whole.status, 'closed');
    equal(whole.filled, q.amount);
  });
  if (name === 'usdm')
    await contract.refuses('a FOK order that cannot be filled', 'OrderNotFillable', /-5021/, () =>
      place('FOK', q.farBuy),
    );
  else {
    const killed = await place('FOK', q.farBuy);
    contract.claim('a FOK order that cannot be filled expires', () => equal(killed.info.status, 'EXPIRED'));
  }
  const open = await client.fetchOpenOrders(symbol);
  contract.claim('no IOC or FOK order rests', () => equal(open.length, 0));
}

/** A client id names one order for as long as that is open. */
export async function clientIds(s: Session): Promise<void> {
  const { client, contract, symbol, name } = s;
  const q = await quote(s);
  const clientOrderId = freshId();
  const place = (): Promise<Order> => client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy, { clientOrderId });
  const first = await place();
  const says = name === 'usdm' ? /-4116/ : /Duplicate order sent/;
  await contract.refuses('a client id that an open order has', 'InvalidOrder', says, place);
  const gone = await client.cancelOrder(first.id!, symbol, { clientOrderId });
  contract.claim('cancelOrder by client id', () => equal(gone.id, first.id));
  const second = await place();
  contract.claim('a client id can be used again after its order', () => {
    equal(second.status, 'open');
    ok(second.id !== first.id);
  });
  const read = await client.fetchOrder(second.id!, symbol, { clientOrderId });
  contract.claim('of two orders with a client id the later is found', () => equal(read.id, second.id));
  await client.cancelOrder(second.id!, symbol);
  await contract.refuses('a client id with other letters', 'BadRequest', /-1100|-4015/, () =>
    client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy, { clientOrderId: 'no spaces, please' }),
  );
}

export async function edit(s: Session): Promise<void> {
  const { client, contract, symbol, name } = s;
  const q = await quote(s);
  const placed = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy);
  const px = Number(client.priceToPrecision(symbol, q.farBuy * 0.999));
  const edited = await client.editOrder(placed.id!, symbol, 'limit', 'buy', q.amount, px);
  contract.claim('editOrder: the price is the new one', () => {
    equal(edited.price, px);
    equal(edited.status, 'open');
  });
  contract.all('an order that was changed', [edited], orderRules(s.market));
  // USD-M changes the order, Spot puts another in its place.
  contract.claim('editOrder: the order is the same on USD-M, another on Spot', () =>
    equal(edited.id === placed.id, name === 'usdm'),
  );
  const open = await client.fetchOpenOrders(symbol);
  contract.claim('editOrder: one order is open afterwards', () => {
    equal(open.length, 1);
    equal(open[0]!.price, px);
  });
  await client.cancelOrder(edited.id!, symbol);
}

export async function cancelAll(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const q = await quote(s);
  for (let i = 0; i < 3; i++) await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy);
  const before = await client.fetchOpenOrders(symbol);
  await client.cancelAllOrders(symbol);
  const after = await client.fetchOpenOrders(symbol);
  contract.claim('cancelAllOrders: all are open before, none after', () => {
    equal(before.length, 3);
    equal(after.length, 0);
  });
}

/** What a resting order holds back of the account is free again when it is cancelled. */
export async function reserves(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const q = await quote(s);
  const used = async (): Promise<number> => Number((await client.fetchBalance())['USDT']?.used);
  const before = await used();
  const placed = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy);
  const during = await used();
  await client.cancelOrder(placed.id!, symbol);
  const after = await used();
  contract.claim('fetchBalance: an open order holds its cost back', () =>
    ok(during > before + (q.amount * q.farBuy) / 200, `${before}, ${during}`),
  );
  // USD-M counts the profit of a position in, which moves.
  contract.claim('fetchBalance: a cancelled order gives it back', () => isNear(after, before, 'used', 1e-3));
}
