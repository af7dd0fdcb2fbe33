import type { Ctx } from '../graph/node.ts';
import type { KeyInfo } from '../graph/schema/index.ts';
import { scaled } from './core/money.ts';
import { cancelAll, cancelTarget } from './core/spot/cancel.ts';
import { command } from './core/spot/exchange.ts';
import { placeOrder } from './core/spot/place.ts';
import { placeList, stopFirst } from './core/spot/place-list.ts';
import { SPOT_REJECT, type SpotReject } from './core/spot/reject.ts';
import { listSpot, type SpotExchange, type SpotMarket, type SpotRequest, spotMarket } from './core/spot/state.ts';
import { isDone } from './core/state.ts';
import { about, type Command } from './order-desk.ts';
import type { SpotConfig, SpotState } from './spot.ts';
import { executionOf, stepsOf } from './spot-report.ts';

export const QUOTE = 'USDT';
const NOTHING_TO_REDUCE = -2022;
const INSUFFICIENT = -2010;
/** Ended orders that the exchange itself still remembers. */
const KEPT = 256;

/** Lists an instrument at its first event; null when it is not one of Spot, or not quoted in USDT. */
export function list(s: SpotState, c: SpotConfig, key: KeyInfo): SpotMarket | null {
  const { name } = key;
  if (!name.startsWith('spot:') || !name.endsWith(QUOTE)) return null;
  const symbol = name.slice(name.indexOf(':') + 1);
  const rules = c.instruments[name] ?? {};
  while (s.held.length <= key.index) s.held.push(null);
  s.held[key.index] = { base: 0, cost: 0, toldUs: 0 };
  return listSpot(s.x, key, {
    base: symbol.slice(0, -QUOTE.length),
    quote: QUOTE,
    symbol,
    tick: Math.max(1, scaled(rules.tick ?? 0, key.pxDigits, 'tick')),
    step: Math.max(1, scaled(rules.step ?? 0, key.qtyDigits, 'step')),
    minQty: 0,
    maxQty: Number.MAX_SAFE_INTEGER,
    minPx: 0,
    maxPx: 0,
    minNotional: scaled(rules.min_notional_usdt ?? 5, 8, 'min_notional_usdt'),
    maxNotional: 0,
  });
}

const closes = (c: Command): boolean => c.reduce_only || c.close_position;
const conditional = (c: Command): boolean => c.type === 'stop_market' || c.type === 'take_profit_market';
/** A stop and a take-profit that close the same position: one list, of which one order ends the other. */
export const isPair = (a: Command, b: Command): boolean =>
  a.action === 'place' &&
  b.action === 'place' &&
  a.close_position &&
  b.close_position &&
  a.side === b.side &&
  conditional(a) &&
  conditional(b) &&
  a.type !== b.type;

/** A command of the graph takes effect; what comes of it is in `x.events`, or a refusal on its way. */
export function act(s: SpotState, m: SpotMarket, key: KeyInfo, orders: Command[], now: number, backUs: number): void {
  const { x } = s;
  const [c, other] = orders as [Command, Command | undefined];
  if (c.action === 'cancel_all') {
    command(x, m, now, () => cancelAll(x, m, '', now));
    return;
  }
  if (c.action === 'cancel') {
    const target = { orderId: 0, clientId: c.client_id };
    const why = command(x, m, now, () => cancelTarget(x, m, target, undefined, '', now));
    if (typeof why === 'string') reject(s, key.index, c, why, now, backUs);
    return;
  }
  let { qty } = c;
  if (closes(c)) {
    const free = stepsOf(m, x.assets.free[m.base]!);
    const held = stepsOf(m, x.assets.free[m.base]! + x.assets.locked[m.base]!);
    if (c.side === 'buy' || held === 0 || free === 0) {
      const nothing = c.side === 'buy' || held === 0;
      const code = nothing ? NOTHING_TO_REDUCE : INSUFFICIENT;
      const reason = nothing ? 'nothing that was bought here is held' : 'open sell orders wait for all that is held';
      for (const o of orders) refused(s, key.index, o, code, reason, now, backUs);
      return;
    }
    qty = c.close_position ? free : Math.min(qty, free);
  }
  const first = requestOf(c, qty);
  const why = command(x, m, now, () =>
    other
      ? placeList(
          x,
          m,
          { clientId: `list-${c.client_id}`, kind: 'OCO', orders: stopFirst(first, requestOf(other, qty)) },
          now,
        )
      : placeOrder(x, m, first, now),
  );
  if (typeof why === 'string') for (const o of orders) reject(s, key.index, o, why, now, backUs);
}

function requestOf(c: Command, qty: number): SpotRequest {
  const postOnly = c.type === 'limit' && c.tif === 'gtx';
  return {
    clientId: c.client_id,
    side: c.side === 'buy' ? 1 : -1,
    kind: postOnly
      ? 'LIMIT_MAKER'
      : c.type === 'market'
        ? 'MARKET'
        : c.type === 'limit'
          ? 'LIMIT'
          : c.type === 'stop_market'
            ? 'STOP_LOSS'
            : 'TAKE_PROFIT',
    tif: c.tif === 'ioc' ? 'IOC' : c.tif === 'fok' ? 'FOK' : 'GTC',
    qty,
    quote: 0,
    px: c.type === 'limit' ? c.px : Number.NaN,
    stopPx: conditional(c) ? c.stop_px : Number.NaN,
    trailingDelta: 0,
    stp: 'NONE',
    strategyId: closes(c) ? CLOSES : -1,
    strategyType: -1,
  };
}
/** Spot's own field for a mark of the client's: which orders were sent to close. */
const CLOSES = 1;

function reject(s: SpotState, key: number, c: Command, why: SpotReject, now: number, backUs: number): void {
  const [code, reason] = SPOT_REJECT[why];
  refused(s, key, c, code, reason, now, backUs);
}
export function refused(
  s: SpotState,
  key: number,
  c: Command,
  code: number,
  reason: string,
  now: number,
  backUs: number,
): void {
  const values = about(key, c, now, { exec: 'rejected', status: 'rejected', code, reason });
  s.out.push({ at: now + backUs, port: 'report', values });
}

/** What the exchange has told goes on its way to the graph. */
export function takeEvents(s: SpotState, c: SpotConfig, ctx: Ctx): void {
  const { x } = s;
  const at = ctx.now + c.response_latency;
  for (const event of x.events as Readonly<Record<string, unknown>>[]) {
    if (event['e'] !== 'executionReport') continue;
    const index = x.live.find((k) => spotMarket(x, k).rules.symbol === event['s'])!;
    const rows = executionOf(x, spotMarket(x, index), ctx.keys.at(index), event, s, event['j'] === CLOSES);
    for (const row of rows) s.out.push({ at, ...row });
  }
  x.events.length = 0;
}

/** What the exchange remembers for its own queries is more than a node needs. */
export function trim(x: SpotExchange, m: SpotMarket): void {
  m.trades.length = 0;
  if (x.lists.length > KEPT) x.lists = x.lists.filter((l) => !l.done);
  if (m.orders.length < 2 * KEPT) return;
  let n = 0;
  while (n < KEPT && isDone(m.orders[n]!)) n++;
  m.orders.splice(0, n);
  m.firstId += n;
}
