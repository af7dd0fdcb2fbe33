import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { AccountUpdate, OrderCommand, OrderReport, type RecordView, type Values } from '../../graph/schema/index.ts';
import { filters } from '../position/filters.ts';
import { RiskVerdict } from '../position/records.ts';
import { close, tell } from './closing.ts';
import { heldOf, initialState, isSpot, type LastGateState } from './last-gate-state.ts';
import { heard, orderKey, passed, roleOf } from './open-orders.ts';
import { KillFlat, KillState, KillStatus } from './records.ts';

const config = z.strictObject({
  ack_timeout: duration({ min: '10ms', max: '10m' })
    .prefault('3s')
    .describe(
      'while engaged: an order that was cancelled and not heard of for so long is cancelled and asked for again',
    ),
  patience: duration({ min: '10ms', max: '10m' })
    .prefault('1s')
    .describe('while engaged: a position that nobody is closing for so long is closed from here'),
  filters,
});
export type LastGateConfig = z.output<typeof config>;
const out = {
  order: output(OrderCommand, { many: true, keyed: true, doc: 'to the venue, and to nowhere else' }),
  refused: output(OrderReport, {
    many: true,
    keyed: true,
    doc: 'orders that did not leave; feed it back to the router',
  }),
  verdict: output(RiskVerdict, { many: true, keyed: true, doc: 'why an order did not leave' }),
  status: output(KillStatus, { doc: 'how far the closing has come, at each change' }),
  flat: output(KillFlat, { many: true, keyed: true, doc: 'flat verified: by instrument, once everything is closed' }),
};
export type LastGateEmit = Emit<typeof out>;

export const lastGate = defineNode({
  type: 'governance.last_gate',
  version: 1,
  tier: 'gold',
  summary:
    'The last gate before the venue: obeys the kill switch, then cancels all, flattens, and verifies that the account is flat.',
  doc: `Every command to the venue passes here, and nothing else may stand between it and the venue.

**Refused** is an order that adds risk (neither reduce-only nor closing the position) while the switch is engaged, while new risk is
paused, or before the switch has said anything: an unreadable state counts as engaged. The router is told by \`refused\`, and \`verdict\` says
why. Cancels, queries and whatever reduces risk always pass.

**Engaged** it goes on by itself until the account is flat:
1. *cancelling*: every open order that adds risk is cancelled, also those that others placed and those that are UNKNOWN; again and with a query
   when nothing is heard for \`ack_timeout\`;
2. *flattening*: the router closes what it knows of. A position that the venue reports and that nobody has been closing for \`patience\`
   is closed from here with a reduce-only market order, the next one only when the one before has ended: an UNKNOWN one is asked for first, so nothing
   is sold twice. Guardian stops stay meanwhile; on Spot, where a stop holds the asset, they are cancelled first;
3. *flat*: the venue itself says 0 for every position, in a word that is as new as its last fill, and every order has ended. \`flat\` tells
   it for each instrument. A position that appears afterwards is closed again.

It holds its latch by itself: a switch that starts anew and says "released" without a release does not open this gate.
On Spot what is worth less than the minimum notional is flat: no order can be that small.`,
  config,
  ports: {
    in: {
      order: input(OrderCommand, { key: 'any' }),
      by_hand: input(OrderCommand, { key: 'any', optional: true, doc: 'orders by people: governance.manual_orders' }),
      kill: input(KillState, { key: 'none' }),
      report: input(OrderReport, { key: 'any' }),
      account: input(AccountUpdate, { key: 'any', doc: "positions in the venue's own words" }),
    },
    out,
  },
  determinism: 'pure',
  state: initialState,
  step(s, tick, c, emit, ctx) {
    for (let i = 0; i < tick.report.n; i++) {
      const r = tick.report.at(i);
      heard(s.open, r.key, isSpot(ctx, r.key), r, ctx.now);
      if (r.exec !== 'trade') continue;
      const h = heldOf(s, r.key);
      h.fillMs = Math.max(h.fillMs, r.time_ms);
      h.px = r.last_px;
    }
    for (let i = 0; i < tick.account.n; i++) {
      const a = tick.account.at(i);
      const h = heldOf(s, a.key);
      h.qty = a.position_qty;
      h.toldMs = Math.max(h.toldMs, a.time_ms);
    }
    if (tick.kill.ticked) obey(s, tick.kill, ctx);
    for (let i = 0; i < tick.order.n; i++) pass(s, tick.order.at(i), emit, ctx);
    for (let i = 0; i < tick.by_hand.n; i++) pass(s, tick.by_hand.at(i), emit, ctx);
    if (s.engaged) close(s, c, emit, ctx);
    if (s.engaged || s.dirty) tell(s, c, emit, ctx);
    s.dirty = false;
  },
});

function pass(s: LastGateState, v: Command & { readonly key: number }, emit: LastGateEmit, ctx: Ctx): void {
  if (v.action === 'place') {
    const why = roleOf(v) === 'adds' ? stops(s) : '';
    if (why !== '') {
      refuse(s, v, v.key, why, emit, ctx);
      return;
    }
    passed(s.open, v.key, v, ctx.now);
  } else if (v.action === 'cancel') {
    const o = s.open.get(orderKey(v.key, v.client_id));
    if (o) {
      o.cancelling = true;
      o.askedUs = ctx.now;
    }
  }
  emit.order(copyOf(v));
}

function obey(s: LastGateState, v: RecordView<typeof KillState>, ctx: Ctx): void {
  s.known = true;
  s.dirty = true;
  s.paused = v.paused;
  if (v.engaged) {
    s.reason = v.reason;
    if (s.engaged) return;
    s.engaged = true;
    s.phase = 'engaged';
    s.engagedUs = ctx.now;
    s.cancelledUs = Number.NaN;
    s.flatUs = Number.NaN;
    s.refused = 0;
  } else if (s.engaged && v.cause !== 'release') {
    s.reason = 'the kill switch has lost its state: it counts as engaged until it is released';
  } else {
    s.engaged = false;
    s.phase = 'released';
    s.reason = v.reason;
    s.engagedUs = Number.NaN;
    s.cancelledUs = Number.NaN;
    s.flatUs = Number.NaN;
    for (const h of s.held) h.idleUs = -1;
  }
}

/** Why no risk may be added now; empty = it may. */
const stops = (s: LastGateState): string =>
  !s.known
    ? 'the state of the kill switch is not known: it counts as engaged'
    : s.engaged
      ? `the kill switch is engaged: ${s.reason}`
      : s.paused
        ? `new risk is paused: ${s.reason}`
        : '';

type Command = Readonly<Values<typeof OrderCommand>>;

function refuse(s: LastGateState, v: Command, key: number, reason: string, emit: LastGateEmit, ctx: Ctx): void {
  s.refused++;
  s.dirty = true;
  emit.refused({
    key,
    client_id: v.client_id,
    order_id: 0,
    exec: 'rejected',
    status: 'rejected',
    code: 0,
    reason,
    side: v.side,
    type: v.type,
    tif: v.tif,
    px: v.px,
    stop_px: v.stop_px,
    qty: v.qty,
    reduce_only: v.reduce_only,
    last_px: Number.NaN,
    last_qty: 0,
    cum_qty: 0,
    cum_quote: 0,
    fee: 0,
    realized_pnl: 0,
    maker: false,
    trade_id: 0,
    time_ms: Math.floor(ctx.now / 1000),
    base_fee: Number.NaN,
  });
  let open = 0;
  for (const h of s.held) if (h.qty !== 0 && !Number.isNaN(h.qty)) open++;
  emit.verdict({
    key,
    intent_id: v.intent_id,
    allowed: false,
    gate: 'kill_switch',
    reason,
    qty: v.qty,
    open,
    margin_in_use: 0,
  });
}

const copyOf = (v: Command & { readonly key: number }): Values<typeof OrderCommand> & { key: number } => ({
  key: v.key,
  action: v.action,
  client_id: v.client_id,
  side: v.side,
  type: v.type,
  tif: v.tif,
  qty: v.qty,
  px: v.px,
  stop_px: v.stop_px,
  working: v.working,
  reduce_only: v.reduce_only,
  close_position: v.close_position,
  intent_id: v.intent_id,
  origin: v.origin,
});
