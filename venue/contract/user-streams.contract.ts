import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Order, Position, Trade } from 'ccxt';
import { rowOf } from './balance.ts';
import { orderRules } from './order.ts';
import { gather, until } from './testing/events.ts';
import { room } from './testing/room.ts';
import type { Session } from './testing/session.ts';
import { freshId, quote } from './testing/sizing.ts';
import { isNear } from './testing/stamp.ts';
import { fillRules } from './trade.ts';

/** What the account does is told: orders, fills, balances, positions. */
export async function userStreams(s: Session): Promise<void> {
  const { client, contract, symbol, market, name } = s;
  const usdm = name === 'usdm';
  await room(s, 10);
  await warmUp(s);
  const q = await quote(s);
  const [bought, rested] = [freshId(), freshId()];
  const orders: Order[] = [];
  const about = (id: string, status: string): boolean =>
    orders.some((o) => o.clientOrderId === id && o.status === status);
  const trades: Trade[] = [];
  const balances: number[] = [];
  const positions: Position[] = [];
  const traded = (): number => trades.reduce((n, t) => n + t.amount!, 0);
  const code = usdm ? 'USDT' : market.base;
  const flows = [
    gather(
      'watchOrders',
      // ccxt goes on changing the order that it gave.
      async () => orders.push(...((await client.watchOrders(symbol)) as Order[]).map((o) => ({ ...o }))),
      () => about(bought, 'closed') && about(rested, 'open') && about(rested, 'canceled'),
    ),
    gather(
      'watchMyTrades',
      async () => trades.push(...((await client.watchMyTrades(symbol)) as Trade[])),
      () => traded() >= q.amount * 0.999999,
    ),
    gather(
      'watchBalance',
      async () => balances.push(rowOf(await client.watchBalance(), code).total ?? Number.NaN),
      () => balances.length >= 1,
    ),
    ...(usdm
      ? [
          gather(
            'watchPositions',
            async () => positions.push(...((await client.watchPositions([symbol])) as Position[])),
            () => positions.some((p) => p.contracts === q.amount),
          ),
        ]
      : []),
  ];
  const taken = await client.createOrder(symbol, 'market', 'buy', q.amount, undefined, { clientOrderId: bought });
  const limit = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy, { clientOrderId: rested });
  await until('the order on the stream', async () => about(rested, 'open'), Boolean);
  await client.cancelOrder(limit.id!, symbol);
  const ends = await Promise.allSettled(flows);
  for (const [i, what] of ['watchOrders', 'watchMyTrades', 'watchBalance', 'watchPositions']
    .slice(0, flows.length)
    .entries())
    contract.claim(`${what} tells what the account does`, () => {
      const end = ends[i]!;
      ok(end.status === 'fulfilled', end.status === 'rejected' ? String(end.reason) : '');
    });
  const own = orders.filter((o) => o.clientOrderId === bought || o.clientOrderId === rested);
  contract.all('watchOrders', own, orderRules(market));
  contract.claim('watchOrders: a filled order has its amount', () => {
    const done = own.find((o) => o.clientOrderId === bought && o.status === 'closed');
    equal(done?.filled, q.amount);
    equal(done?.id, taken.id);
    isNear(done?.average, taken.average!, 'average', 1e-6);
  });
  contract.claim('watchOrders: a cancelled order keeps its client id', () => {
    const done = own.find((o) => o.id === limit.id && o.status === 'canceled');
    equal(done?.clientOrderId, rested);
  });
  contract.all('watchMyTrades', trades, fillRules(market));
  const told = await client.fetchMyTrades(symbol);
  contract.claim('watchMyTrades and fetchMyTrades tell the same fills', () => {
    for (const t of trades) {
      const same = told.find((x) => x.id === t.id && x.order === t.order);
      equal(same?.price, t.price);
      equal(same?.amount, t.amount);
      isNear(t.fee?.cost, same!.fee!.cost!, 'fee');
    }
  });
  const balance = await client.fetchBalance();
  contract.claim('watchBalance and fetchBalance agree', () =>
    isNear(
      balances.at(-1),
      usdm ? Number(balance.info.totalWalletBalance) : rowOf(balance, code).total!,
      'total',
      1e-7,
    ),
  );
  if (usdm) {
    const last = positions.findLast((p) => p.contracts === q.amount);
    contract.claim('watchPositions: side, amount and entry', () => {
      equal(last?.side, 'long');
      equal(last?.symbol, symbol);
      isNear(last?.entryPrice, taken.average!, 'entry', 1e-6);
    });
    const late = await s.connect();
    const [snapshot] = await gather(
      'the snapshot',
      () => late.watchPositions([symbol]),
      (got) => got.length === 1,
    );
    contract.claim('watchPositions begins with what there is', () => {
      const there = (snapshot as Position[]).map((p) => [p.symbol, p.side, p.contracts]);
      deepEqual(there, [[symbol, 'long', q.amount]]);
    });
  }
}

/** Orders until the stream is heard: what was before its subscription is lost on any exchange. */
async function warmUp(s: Session): Promise<void> {
  const { client, symbol } = s;
  const q = await quote(s);
  let heard = false;
  const first = client.watchOrders(symbol).then(() => {
    heard = true;
  });
  const order = async (): Promise<boolean> => {
    const o = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy);
    await client.cancelOrder(o.id!, symbol);
    return heard;
  };
  await until('the user stream', order, Boolean, 30_000, 300);
  await first;
}

/** Orders and questions by the websocket API. */
export async function webSocketApi(s: Session): Promise<void> {
  const { client, contract, symbol, market, name } = s;
  const usdm = name === 'usdm';
  const q = await quote(s);
  const clientOrderId = freshId();
  const placed = await client.createOrderWs(symbol, 'limit', 'buy', q.amount, q.farBuy, { clientOrderId });
  contract.claim('createOrderWs: it rests, with its client id', () => {
    equal(placed.status, 'open');
    equal(placed.clientOrderId, clientOrderId);
  });
  const read = await client.fetchOrderWs(placed.id!, symbol);
  contract.all('an order by the websocket API', [placed, read], orderRules(market));
  contract.claim('fetchOrderWs finds it', () => equal(read.id, placed.id));
  const same = await client.fetchOrder(placed.id!, symbol);
  contract.claim('fetchOrder finds what createOrderWs placed', () => equal(same.clientOrderId, clientOrderId));
  const px = Number(client.priceToPrecision(symbol, q.farBuy * 0.999));
  const edited = await client.editOrderWs(placed.id!, symbol, 'limit', 'buy', q.amount, px);
  contract.claim('editOrderWs: the price is the new one', () => equal(edited.price, px));
  const gone = await client.cancelOrderWs(edited.id!, symbol);
  contract.claim('cancelOrderWs: it is cancelled', () => equal(gone.status, 'canceled'));
  await contract.refuses('cancelOrderWs of what is cancelled', 'OrderNotFound', /-2011/, () =>
    client.cancelOrderWs(edited.id!, symbol),
  );
  const bought = await client.createOrderWs(symbol, 'market', 'buy', q.amount);
  contract.claim('createOrderWs: a market order is filled', () => equal(bought.status, 'closed'));
  const balance = await client.fetchBalanceWs();
  // Of Spot's answer ccxt makes no rows: it looks for those of USD-M.
  contract.claim('fetchBalanceWs has the wallet', () => {
    const rows = balance.info.balances as { asset: string; free: string }[] | undefined;
    ok(Number(usdm ? rowOf(balance, 'USDT').total : rows?.find((r) => r.asset === 'USDT')?.free) > 0);
  });
  if (usdm) {
    const book = await client.fetchOrderBookWs(symbol, 20);
    contract.claim('fetchOrderBookWs is a book', () => ok(book.bids[0]![0]! < book.asks[0]![0]!));
    const [p] = await client.fetchPositionsWs([symbol]);
    contract.claim('fetchPositionsWs has the position', () => ok(p !== undefined && p.contracts! > 0));
    const stop = await client.createOrderWs(symbol, 'market', 'sell', q.amount, undefined, { stopLossPrice: q.farBuy });
    contract.claim('createOrderWs: a stop goes to the Algo service', () => ok(Number(stop.info.algoId) > 0));
    await client.cancelOrderWs(stop.id!, symbol, { trigger: true });
    const left = await client.fetchOpenOrders(symbol, undefined, undefined, { trigger: true });
    contract.claim('cancelOrderWs: a stop is cancelled with the Algo service', () => equal(left.length, 0));
    return;
  }
  const [open, trades, candles] = await Promise.all([
    client.fetchOpenOrdersWs(symbol),
    client.fetchTradesWs(symbol, undefined, 5),
    client.fetchOHLCVWs(symbol, '1m', undefined, 3),
  ]);
  contract.claim('fetchOpenOrdersWs, fetchTradesWs and fetchOHLCVWs answer', () => {
    equal(open.length, 0);
    ok(trades.length > 0 && candles.length > 0);
  });
}

/** USD-M alone: a conditional order is told by its own event, with the id of the service. Needs the stream of `userStreams`. */
export async function conditionalOnStream(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const q = await quote(s);
  const told: Order[] = [];
  let id = '';
  const flow = gather(
    'watchOrders',
    async () => told.push(...((await client.watchOrders(symbol)) as Order[]).map((o) => ({ ...o }))),
    () => told.some((o) => o.id === id && o.status === 'canceled'),
  );
  const placed = await client.createOrder(symbol, 'market', 'buy', q.amount, undefined, { stopLossPrice: q.farSell });
  id = placed.id!;
  await until(
    'the conditional order on the stream',
    async () => told.some((o) => o.id === id && o.status === 'open'),
    Boolean,
  );
  await client.cancelOrder(id, symbol, { trigger: true });
  await flow;
  contract.claim('watchOrders tells a conditional order when it is placed and when it is cancelled', () => {
    const own = told.filter((o) => o.id === id);
    deepEqual([own[0]?.status, own.at(-1)?.status], ['open', 'canceled']);
    equal(own[0]?.triggerPrice, q.farSell);
    equal(own[0]?.symbol, symbol);
  });
}
