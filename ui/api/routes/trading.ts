import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Api, Transfer } from '../api.ts';
import type { Kill, Order } from '../contract/records.ts';
import type { Asked, ManualAnswer, OrderRequest, RunHandle } from '../ports.ts';
import { ApiError, notFound } from '../problem.ts';
import {
  type Call,
  count,
  decimal,
  type Identity,
  id,
  instrument,
  nothing,
  type Route,
  route,
  us,
  words,
} from '../route.ts';
import { digestOf } from '../state/answers.ts';
import { lacks, runOf } from './runs.ts';

const whichRun = z.strictObject({ run: id.optional() });

/** The run that is meant: the named one, or the only one that is going on. */
export function liveRun(api: Api, name: string | undefined): RunHandle {
  if (name !== undefined) return runOf(api, name);
  const live = api.runs.list().filter((r) => r.live() !== undefined);
  if (live.length === 1) return live[0]!;
  throw live.length === 0
    ? new ApiError('CHM1121', 'no run is going on here', { help: 'start one, or name a run with ?run=' })
    : new ApiError('CHM1110', `several runs are going on: ${live.map((r) => r.id).join(', ')}`, {
        field: 'run',
        help: 'name one with ?run=',
      });
}
function tradingOf(run: RunHandle) {
  const trading = run.live()?.trading();
  if (!trading) throw lacks(run, 'positions now', 'positions and orders are of runs that are going on');
  return trading;
}
export const askedBy = (call: Pick<Call, 'who' | 'correlation' | 'request'>): Asked => {
  const key = call.request.headers['idempotency-key'];
  return {
    by: call.who.name,
    correlation: call.correlation,
    // Keys of different people are different keys.
    ...(typeof key === 'string' ? { idempotency: digestOf(call.who.kind, call.who.name, key) } : {}),
  };
};
/** An order by hand as the caller gets it back: it has left for the venue, whose reports say the rest. */
function sentOrder(o: OrderRequest, { client_id, at_us }: ManualAnswer): Order {
  const { instrument, side, type, price = null, qty } = o;
  const times = { created_us: at_us, updated_us: at_us };
  return { client_id, instrument, side, type, price, qty, filled: '0', status: 'sent', reason: 'operator', ...times };
}
/** A movement of money that somebody, or the position manager, asks for. */
const transferBody = z.strictObject({
  run: id.optional(),
  from: z.enum(['spot', 'usdm']),
  to: z.enum(['spot', 'usdm']),
  asset: z.string().regex(/^[A-Z0-9]{2,12}$/),
  amount: decimal,
  reason: words(),
});
const NO_KILL: Kill = { state: 'unknown', reason: null, by: null, since_us: null, steps: [] };

const CLOSED = new Set(['filled', 'canceled', 'rejected', 'expired']);

/** Approvals that are under way: of two at once one wins. */
const deciding = new Set<string>();

export const trading: readonly Route[] = [
  route({
    method: 'GET',
    path: '/runs/:run/trading',
    service: 's6',
    rule: 'read',
    summary: 'wallets, positions, orders, reconciler and kill switch of a run now',
    params: z.strictObject({ run: id }),
    handle: ({ api, params }) => tradingOf(runOf(api, params.run)),
  }),
  route({
    method: 'GET',
    path: '/positions',
    service: 's6',
    rule: 'read',
    summary: 'open positions now',
    query: whichRun,
    handle: ({ api, query }) => ({ items: tradingOf(liveRun(api, query.run)).positions, next: null }),
  }),
  route({
    method: 'GET',
    path: '/orders',
    service: 's4',
    rule: 'read',
    summary: 'orders now',
    query: whichRun,
    handle: ({ api, query }) => ({ items: tradingOf(liveRun(api, query.run)).orders, next: null }),
  }),
  route({
    method: 'POST',
    path: '/orders',
    service: 's4',
    rule: 'orders.write',
    summary: 'place an order',
    query: whichRun,
    body: z.strictObject({
      instrument,
      side: z.enum(['buy', 'sell']),
      type: z.enum(['market', 'limit', 'stop_market', 'take_profit_market']),
      price: decimal.optional(),
      qty: decimal,
      reduce_only: z.boolean().optional(),
      reason: words(500).optional(),
    }),
    codes: ['CHM1121', 'CHM1122', 'CHM1140'],
    handle: async (call) => {
      const { api, body, query } = call;
      if ((body.type === 'market') !== (body.price === undefined))
        throw new ApiError(
          'CHM1110',
          body.type === 'market' ? 'a market order has no price' : `${body.type} needs a price`,
          {
            field: 'price',
          },
        );
      const order = sentOrder(body, await liveRun(api, query.run).call('order', body, askedBy(call)));
      call.changed(null, order);
      return order;
    },
  }),
  route({
    method: 'POST',
    path: '/cancel',
    service: 's4',
    rule: 'orders.write',
    summary: 'cancel an order',
    query: whichRun,
    body: z.strictObject({ client_id: id, reason: words(500).optional() }),
    codes: ['CHM1112', 'CHM1118', 'CHM1121', 'CHM1122'],
    handle: async (call) => {
      const { client_id, reason } = call.body;
      const run = liveRun(call.api, call.query.run);
      if (!run.offers('cancel')) throw lacks(run, 'orders by hand', 'add a node of type governance.manual_orders');
      const order = tradingOf(run).orders.find((o) => o.client_id === client_id);
      if (!order) throw notFound(`order ${client_id}`);
      if (CLOSED.has(order.status)) throw new ApiError('CHM1118', `this order is ${order.status}`);
      const { instrument } = order;
      await run.call('cancel', { instrument, client_id, ...(reason ? { reason } : {}) }, askedBy(call));
      call.changed(order, { client_id, status: 'cancelling' });
      return { ...order, status: 'cancelling' };
    },
  }),
  route({
    method: 'GET',
    path: '/reconcile',
    service: 's5',
    rule: 'read',
    summary: 'how ours and the venue’s agree',
    query: whichRun,
    handle: ({ api, query }) => tradingOf(liveRun(api, query.run)).reconciler,
  }),
  route({
    method: 'POST',
    path: '/reconcile',
    service: 's5',
    rule: 'reconcile',
    summary: 'compare ours with the venue’s now',
    query: whichRun,
    body: nothing,
    handle: async (call) => {
      const result = await liveRun(call.api, call.query.run).call('reconcile', {}, askedBy(call));
      call.changed(null, result);
      return result;
    },
  }),
  route({
    method: 'GET',
    path: '/kill-switch',
    service: 's12',
    rule: 'read',
    summary: 'state of the kill switch',
    query: whichRun,
    // What cannot be read counts as engaged, and says that it is not known.
    handle: ({ api, query }) => liveRun(api, query.run).live()?.trading()?.kill ?? NO_KILL,
  }),
  route({
    method: 'POST',
    path: '/kill-switch/prepare',
    service: 's12',
    rule: ['kill.engage', 'kill.release'],
    summary: 'first step of the kill switch: a confirmation that is good for half a minute',
    body: z.strictObject({ action: z.enum(['engage', 'release']), run: id }),
    handle: ({ api, body, who }) => {
      mayKill(who, body.action);
      const run = runOf(api, body.run);
      if (!run.offers('kill')) throw lacks(run, 'kill switch', 'add one to its graph');
      return api.confirmations.prepare(who.name, `kill/${body.action}/${body.run}`);
    },
  }),
  route({
    method: 'POST',
    path: '/kill-switch',
    service: 's12',
    rule: ['kill.engage', 'kill.release'],
    summary: 'second step: nothing that adds risk leaves any more, orders are cancelled, positions closed; or release',
    body: z.strictObject({
      action: z.enum(['engage', 'release']),
      reason: words(),
      confirm: z.string().max(100),
      run: id,
    }),
    codes: ['CHM1136'],
    handle: async (call) => {
      const { api, body, who } = call;
      mayKill(who, body.action);
      const run = runOf(api, body.run);
      api.confirmations.take(body.confirm, who.name, `kill/${body.action}/${body.run}`);
      const before = run.live()?.trading()?.kill ?? NO_KILL;
      const after = await run.call('kill', { action: body.action, reason: body.reason }, askedBy(call));
      call.changed(before, after);
      return after;
    },
  }),
  route({
    method: 'GET',
    path: '/transfers',
    service: 's12',
    rule: 'read',
    summary: 'movements of money that wait for another person, and those that had one',
    query: z.strictObject({ limit: count(1000, 100), before: us.optional() }),
    handle: ({ api, query }) => {
      const items = api.transfers.list(query.limit, query.before);
      return { items, next: items.length === query.limit ? (items.at(-1)?.at_ms ?? null) : null };
    },
  }),
  route({
    method: 'POST',
    path: '/treasury/transfer',
    service: 's12',
    rule: 'transfer.propose',
    summary: 'propose to move money between wallets; another person approves',
    body: transferBody,
    status: 202,
    handle: ({ api, body, who, changed }) => propose(api, body, who, changed),
  }),
  route({
    method: 'POST',
    path: '/auto-transfer/trigger',
    service: 's6',
    rule: 'transfer.propose',
    summary: 'what the position manager asks for by itself: a transfer that waits for approval',
    body: transferBody,
    status: 202,
    handle: ({ api, body, who, changed }) => propose(api, body, who, changed),
  }),
  route({
    method: 'POST',
    path: '/transfers/:id/approve',
    service: 's12',
    rule: 'transfer.approve',
    summary: 'approve a transfer that another person proposed: it is carried out once',
    params: z.strictObject({ id }),
    body: z.strictObject({ note: words().optional() }).optional(),
    codes: ['CHM1106', 'CHM1118'],
    handle: async (call) => {
      const { api, params, who } = call;
      const t = waiting(api, params.id, who, 'approve');
      if (deciding.has(t.id)) throw new ApiError('CHM1118', 'this transfer is being decided');
      deciding.add(t.id);
      try {
        const run = liveRun(api, t.run === '' ? undefined : t.run);
        const result = await run.call(
          'transfer',
          { from: t.from, to: t.to, asset: t.asset, amount: t.amount },
          askedBy(call),
        );
        return decided(call, t, { state: 'done', note: call.body?.note ?? null, result });
      } finally {
        deciding.delete(t.id);
      }
    },
  }),
  route({
    method: 'POST',
    path: '/transfers/:id/refuse',
    service: 's12',
    rule: 'transfer.approve',
    summary: 'refuse a transfer',
    params: z.strictObject({ id }),
    body: z.strictObject({ note: words().optional() }).optional(),
    codes: ['CHM1118'],
    handle: (call) => {
      const t = waiting(call.api, call.params.id, call.who, 'refuse');
      if (deciding.has(t.id)) throw new ApiError('CHM1118', 'this transfer is being decided');
      return decided(call, t, { state: 'refused', note: call.body?.note ?? null, result: null });
    },
  }),
];

function mayKill(who: Identity, action: 'engage' | 'release'): void {
  if (!who.permissions.includes(`kill.${action}`))
    throw new ApiError('CHM1105', `this needs the permission kill.${action}`);
}

function propose(
  api: Api,
  body: { run?: string | undefined; from: string; to: string; asset: string; amount: string; reason: string },
  who: Identity,
  changed: Call['changed'],
): Transfer {
  if (body.from === body.to) throw new ApiError('CHM1110', 'from and to are the same wallet', { field: 'to' });
  if (!/[1-9]/.test(body.amount)) throw new ApiError('CHM1110', 'the amount is nothing', { field: 'amount' });
  const run = body.run === undefined ? '' : runOf(api, body.run).id;
  const { from, to, asset, amount, reason } = body;
  const transfer: Transfer = {
    id: randomUUID(),
    run,
    by: who.name,
    at_ms: api.now(),
    from,
    to,
    asset,
    amount,
    reason,
    state: 'proposed',
    decided_by: null,
    decided_ms: null,
    note: null,
    result: null,
  };
  api.transfers.put(transfer.id, transfer.at_ms, transfer);
  changed(null, transfer);
  return transfer;
}
function waiting(api: Api, id: string, who: Identity, action: 'approve' | 'refuse'): Transfer {
  const t = api.transfers.get(id);
  if (!t) throw notFound(`transfer ${id}`);
  if (action === 'approve' && t.by === who.name)
    throw new ApiError('CHM1106', 'who proposed a transfer does not approve it');
  if (t.state !== 'proposed') throw new ApiError('CHM1118', `this transfer is ${t.state}`);
  return t;
}
function decided(
  call: Pick<Call, 'api' | 'who' | 'changed'>,
  before: Transfer,
  to: Pick<Transfer, 'state' | 'note' | 'result'>,
): Transfer {
  const after: Transfer = { ...before, ...to, decided_by: call.who.name, decided_ms: call.api.now() };
  call.api.transfers.put(after.id, after.at_ms, after);
  call.changed(before, after);
  return after;
}
