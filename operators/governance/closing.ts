import type { Ctx } from '../../graph/node.ts';
import type { OrderCommand, Values } from '../../graph/schema/index.ts';
import { orderId } from '../decision/market-order.ts';
import { filterOf, notionalOf } from '../position/filters.ts';
import type { LastGateConfig, LastGateEmit } from './last-gate.ts';
import { type Held, isSpot, type LastGateState } from './last-gate-state.ts';
import { type OpenOrder, passed } from './open-orders.ts';

const LOOK = 1;

/** At the end of each step of the last gate, while the switch is engaged: whatever brings the account nearer to flat. */
export function close(s: LastGateState, c: LastGateConfig, emit: LastGateEmit, ctx: Ctx): void {
  let due = Number.POSITIVE_INFINITY;
  let adding = 0;
  let busy = 0;
  const wake = (at: number): void => {
    due = Math.min(due, at);
  };
  for (const o of s.open.values()) {
    if (o.role !== 'adds') continue;
    adding++;
    if (o.cancelling && ctx.now < o.askedUs + c.ack_timeout) wake(o.askedUs + c.ack_timeout);
    else cancel(o, o.cancelling, c, emit, ctx, wake);
  }
  if (adding === 0 && Number.isNaN(s.cancelledUs)) s.cancelledUs = ctx.now;
  for (let key = 0; key < s.held.length; key++) {
    const h = s.held[key]!;
    if (isFlat(h, key, c, ctx)) {
      h.idleUs = -1;
      continue;
    }
    busy++;
    flatten(s, h, key, c, emit, ctx, wake);
  }
  // Stops that are left behind protect nothing any more, and nothing can open that they would protect.
  if (busy === 0 && adding === 0)
    for (const o of s.open.values()) {
      if (o.role === 'adds') continue;
      const at = o.askedUs + (o.cancelling ? c.ack_timeout : c.patience);
      if (ctx.now < at) wake(at);
      else cancel(o, o.cancelling, c, emit, ctx, wake);
    }
  const flat = busy === 0 && s.open.size === 0;
  s.phase = flat ? 'flat' : adding > 0 ? 'cancelling' : 'flattening';
  if (!flat) s.flatUs = Number.NaN;
  else if (Number.isNaN(s.flatUs)) {
    s.flatUs = ctx.now;
    for (let key = 0; key < s.held.length; key++) {
      const h = s.held[key]!;
      if (Number.isNaN(h.qty)) continue;
      emit.flat({ key, position_qty: h.qty, venue_ms: h.toldMs, engaged_us: s.engagedUs, reason: s.reason });
    }
  }
  if (due < Number.POSITIVE_INFINITY) ctx.at(Math.max(due, ctx.now), LOOK);
  else ctx.cancel(LOOK);
}

/** By the venue's own word, which must be as new as its last fill. Of what it never spoke there is no position. */
function isFlat(h: Held, key: number, c: LastGateConfig, ctx: Ctx): boolean {
  if (Number.isNaN(h.qty)) return h.fillMs === 0;
  if (h.toldMs < h.fillMs) return false;
  if (h.qty === 0) return true;
  const k = ctx.keys.at(key);
  return isSpot(ctx, key) && h.px > 0 && notionalOf(h.px, h.qty, k) < filterOf(c.filters, k).minNotional;
}

/** Closes a position that nobody is closing. */
function flatten(
  s: LastGateState,
  h: Held,
  key: number,
  c: LastGateConfig,
  emit: LastGateEmit,
  ctx: Ctx,
  wake: (at: number) => void,
): void {
  const spot = isSpot(ctx, key);
  let under = false;
  for (const o of s.open.values()) {
    if (o.key !== key || o.role === 'rests') continue;
    under = true;
    // No end was told: asked for, and nothing else is sent until there is one.
    if (o.role !== 'closes') continue;
    if (ctx.now < o.askedUs + c.ack_timeout) wake(o.askedUs + c.ack_timeout);
    else query(o, c, emit, ctx, wake);
  }
  if (under || h.toldMs < h.fillMs || Number.isNaN(h.qty)) {
    h.idleUs = -1;
    return;
  }
  if (h.idleUs < 0) h.idleUs = ctx.now;
  if (ctx.now < h.idleUs + c.patience) {
    wake(h.idleUs + c.patience);
    return;
  }
  if (spot) {
    let holding = false;
    for (const o of s.open.values()) {
      if (o.key !== key) continue;
      holding = true;
      if (o.cancelling && ctx.now < o.askedUs + c.ack_timeout) wake(o.askedUs + c.ack_timeout);
      else cancel(o, o.cancelling, c, emit, ctx, wake);
    }
    if (holding) return;
  }
  h.idleUs = -1;
  const order: Values<typeof OrderCommand> = {
    ...COMMAND,
    action: 'place',
    client_id: `kill-${orderId(ctx.keys.at(key).name, ctx.now, s.orders++)}`,
    side: h.qty > 0 ? 'sell' : 'buy',
    type: 'market',
    qty: Math.abs(h.qty),
    reduce_only: true,
  };
  emit.order({ ...order, key });
  passed(s.open, key, order, ctx.now);
  wake(ctx.now + c.ack_timeout);
}

const COMMAND: Omit<Values<typeof OrderCommand>, 'action' | 'client_id' | 'side'> = {
  type: 'limit',
  tif: 'gtc',
  qty: 0,
  px: Number.NaN,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: 'kill_switch',
  origin: 'operator',
};

/** @param again nothing was heard of a cancel before: it is asked for as well */
function cancel(
  o: OpenOrder,
  again: boolean,
  c: LastGateConfig,
  emit: LastGateEmit,
  ctx: Ctx,
  wake: (at: number) => void,
): void {
  if (again) query(o, c, emit, ctx, wake);
  emit.order({ ...COMMAND, key: o.key, action: 'cancel', client_id: o.id, side: o.buy ? 'buy' : 'sell' });
  o.cancelling = true;
  o.askedUs = ctx.now;
  wake(ctx.now + c.ack_timeout);
}

function query(o: OpenOrder, c: LastGateConfig, emit: LastGateEmit, ctx: Ctx, wake: (at: number) => void): void {
  emit.order({ ...COMMAND, key: o.key, action: 'query', client_id: o.id, side: o.buy ? 'buy' : 'sell' });
  o.status = 'unknown';
  o.askedUs = ctx.now;
  wake(ctx.now + c.ack_timeout);
}

/** Says how things stand, when that has changed. */
export function tell(s: LastGateState, c: LastGateConfig, emit: LastGateEmit, ctx: Ctx): void {
  // Before it is engaged orders come and go all the time: nobody has to be told.
  let [adding, closing, resting, unknown, positions] = [0, 0, 0, 0, 0];
  if (s.engaged) {
    for (const o of s.open.values()) {
      if (o.role === 'adds') adding++;
      else if (o.role === 'closes') closing++;
      else resting++;
      if (o.status === 'unknown') unknown++;
    }
    for (let key = 0; key < s.held.length; key++) if (!isFlat(s.held[key]!, key, c, ctx)) positions++;
  }
  const now = [s.known, s.phase, s.paused, s.reason, s.refused, adding, closing, resting, unknown, positions].join();
  if (now === s.told || !s.known) return;
  s.told = now;
  emit.status({
    phase: s.phase,
    engaged: s.engaged,
    paused: s.paused,
    reason: s.reason,
    engaged_us: s.engagedUs,
    cancelled_us: s.cancelledUs,
    flat_us: s.flatUs,
    orders: adding,
    closing,
    resting,
    unknown,
    positions,
    refused: s.refused,
  });
}
