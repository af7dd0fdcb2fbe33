import { equal, ok } from 'node:assert/strict';
import type { Refusal } from './error.contract.ts';
import { room } from './testing/room.ts';
import type { Session } from './testing/session.ts';
import { freshId, quote } from './testing/sizing.ts';

const header = (s: Session, name: string): string | undefined => {
  const all = (s.client.last_response_headers ?? {}) as Record<string, string>;
  const key = Object.keys(all).find((k) => k.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : all[key];
};

export async function refusals(s: Session, list: readonly Refusal[]): Promise<void> {
  await room(s, list.length + 5);
  const q = await quote(s);
  for (const { what, as, says, call } of list) await s.contract.refuses(what, as, says, () => call(s, q));
  const open = await s.client.fetchOpenOrders(s.symbol);
  s.contract.claim('what is refused leaves no order', () => equal(open.length, 0));
}

/** What a client governs itself by. */
export async function counters(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  await client.fetchTicker(symbol);
  const weight = Number(header(s, 'X-MBX-USED-WEIGHT-1M'));
  await client.fetchOrderBook(symbol, 1000);
  const more = Number(header(s, 'X-MBX-USED-WEIGHT-1M'));
  contract.claim('the weight that is used is told and rises', () => {
    ok(weight > 0, `${weight}`);
    ok(more > weight || more < 100, `${weight}, ${more}`);
  });
  const q = await quote(s);
  const order = await client.createOrder(symbol, 'limit', 'buy', q.amount, q.farBuy, { clientOrderId: freshId() });
  const count = Number(header(s, 'X-MBX-ORDER-COUNT-10S'));
  await client.cancelOrder(order.id!, symbol);
  contract.claim('the orders that were sent are counted', () => ok(count > 0, `${count}`));
}

/** Of a venue of our own alone, and at the end: the address is refused for a while. */
export async function flood(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const weigh = (): Promise<unknown> => client.fetchOrderBook(symbol, 1000);
  const ask = async (): Promise<void> => {
    for (let i = 0; i < 600; i++) await weigh();
  };
  await contract.refuses('more weight than a minute has', 'DDoSProtection', /429.*-1003/s, ask);
  contract.claim('who asks too often is told how long to wait', () => {
    const after = Number(header(s, 'Retry-After'));
    ok(after > 0 && after <= 120, `${after}`);
  });
}
