import { defineNode, input } from '../../graph/node.ts';
import { OrderReport, Scalar, TopOfBook, type Values } from '../../graph/schema/index.ts';
import { filterOf } from '../position/filters.ts';
import { SizedIntent } from '../position/records.ts';
import { isNewTrade } from '../position/seen-trades.ts';
import { routerConfig } from './config.ts';
import { type Desk, DOUBT, FLATTEN, GUARD, life, type Report, reported, routerOut, WORK } from './desk.ts';
import { inDoubt, isUnknown, look, stepAside, tellDoubt } from './doubt.ts';
import { exitNow, onCloserReport, onGuardTimer, parent, protect, start } from './protection.ts';
import { KillSwitch } from './records.ts';
import { initialState, migrateState } from './state.ts';
import { begin, cut, filled, hurry, onWorkReport, onWorkTimer } from './work.ts';

const micro = (doc: string) => input(Scalar, { optional: true, passive: true, doc });

export const router = defineNode({
  type: 'routing.router',
  version: 4,
  tier: 'gold',
  summary:
    'Works intents at the venue: maker first with a bounded chase, then taker; slices in time; guardian stop and target.',
  doc: `**Chase.** A post-only order joins the touch. After \`reprice_after\` it stays if it still is the best price, else it is cancelled and
placed anew; a refusal because it would take (−5022) also uses up one of the \`attempts\`. Then the rest is taken at the market.
The next order is sent only when the venue has reported the end of the one before, so the sum is exact.
**Slices.** From \`twap.above_usdt\` on, slice i of n is a market order due at start + i × over / n; a missed slice goes with the next.
**Unknown.** When the gateway says so, or without an answer within \`ack_timeout\`, an order is UNKNOWN: nothing more is sent for that
intent and no new risk is taken. The venue is asked by a \`query\` of its id before anything is tried again; only its answer ends that
state. Port \`doubt\` tells how many there are, and after \`unknown_limit\` port \`alert\` names the order. Exits go on: the intent steps
aside with its UNKNOWN order, and what the proof says of it is booked when it comes.
**Guardian.** The first fill of an entry puts a close-position stop on the mark price to the venue (the intent's stop, else
\`distance_bp\` from the entry), and a target when there is one. A stop that is lost is placed again; a position without a
resting stop for \`missing_limit\` is closed. When flat, what is left of the pair is cancelled.
**Spot.** Nothing is sold short. Commissions taken in the asset come off what is held, which counts in whole steps. Stop and target
are placed together, of the quantity held then (an exchange takes them as one list); they are renewed when more is held, and
cancelled before an exit, which is sent when they are gone.
**Kill switch.** While engaged entries are refused here, whatever let them through before; what works is cut, the position is closed
at the market, again half a second after each refusal, and the guardian stays until it is flat.
**Refused** are orders that the last gate did not let out: their intent ends with its reason.`,
  config: routerConfig,
  ports: {
    in: {
      intent: input(SizedIntent, { many: true, doc: 'from position.gate' }),
      report: input(OrderReport, { many: true }),
      refused: input(OrderReport, { many: true, optional: true, doc: 'from governance.last_gate, as feedback' }),
      book: input(TopOfBook, { passive: true }),
      kill: input(KillSwitch, { key: 'none', optional: true }),
      depth_5bp: micro('quantity within 5 bp of mid, both sides'),
      realized_vol_1m: micro('realised volatility of the last 60 s'),
      tick_imbalance: micro('(up − down) / (up + down)'),
      time_to_funding: micro('seconds to the next funding'),
    },
    out: routerOut,
  },
  determinism: 'pure',
  state: initialState,
  migrate: migrateState,
  step(s, tick, c, emit, ctx) {
    const spot = ctx.key.name.startsWith('spot:');
    const d: Desk = { s, c, filter: filterOf(c.filters, ctx.key), spot, book: tick.book, micro: tick, emit, ctx };
    for (let i = 0; i < tick.report.n; i++) onReport(d, tick.report.at(i));
    for (let i = 0; i < tick.refused.n; i++) onReport(d, tick.refused.at(i));
    // The last value, not the tick: an instrument may come to life after it.
    if (tick.kill.seen && tick.kill.engaged !== s.killed) onKill(d, tick.kill.engaged);
    if (ctx.timer === WORK) onWorkTimer(d);
    else if (ctx.timer === GUARD) onGuardTimer(d);
    else if (ctx.timer === FLATTEN) s.flattenUs = -1;
    else if (ctx.timer === DOUBT) {
      s.lookUs = -1;
      look(d);
    }
    for (let i = 0; i < tick.intent.n; i++) onIntent(d, tick.intent.at(i));
    protect(d);
    tellDoubt(d);
  },
});

function onReport(d: Desk, r: Report): void {
  const known = onWorkReport(d, r) || onCloserReport(d, r);
  const fresh = r.exec === 'trade' && isNewTrade(d.s.seen, r.trade_id);
  if (known) return;
  // An order that is not ours, or no more: liquidation, deleveraging, by hand, or a late word on one that has ended.
  if (fresh) {
    filled(d, r.side === 'buy' ? r.last_qty : -r.last_qty, r.last_px, null, r.base_fee);
    if (d.s.work?.action === 'enter' && r.type === 'liquidation') cut(d, d.s.work, 'liquidation');
  }
  reported(d, r, '', 'reconcile', 0);
}

function onKill(d: Desk, engaged: boolean): void {
  d.s.killed = engaged;
  if (!engaged) return;
  if (d.s.work?.action === 'enter') cut(d, d.s.work, 'kill switch');
  if (d.s.pos !== 0) exitNow(d, 'operator', 'kill switch: flatten');
}

function onIntent(d: Desk, it: Readonly<Values<typeof SizedIntent>>): void {
  const s = d.s;
  const origin = it.action === 'enter' ? 'entry' : 'exit';
  let refused = '';
  if (it.action === 'enter') {
    if (s.killed) refused = 'the kill switch is engaged';
    else if (inDoubt(d)) refused = 'an order is UNKNOWN';
    else if (s.work) refused = 'the router is at work';
    else if (d.spot && it.side === 'sell') refused = 'nothing is sold short on Spot';
  } else if (s.waiting || (s.work && s.work.action !== 'enter' && !(it.urgent && isUnknown(s.work)))) {
    refused = 'an exit is under way';
    if (it.urgent && s.work && hurry(d, s.work, it.reason)) refused = 'the exit under way takes the rest now';
  }
  life(d, {
    stage: 'place',
    event: refused ? 'refused' : 'accepted',
    intent_id: it.id,
    client_id: '',
    origin,
    side: it.side,
    qty: it.qty,
    px: it.ref_px,
    cum_qty: 0,
    left: it.qty,
    attempt: 0,
    code: 0,
    reason: refused || it.reason,
  });
  if (refused) {
    d.emit.outcome({
      intent_id: it.id,
      action: it.action,
      result: 'refused',
      side: it.side,
      qty: it.qty,
      filled: 0,
      maker_qty: 0,
      orders: 0,
      reason: refused,
    });
  } else if (it.action === 'enter') {
    const p = parent(it.id, 'enter', 'entry', it.side === 'buy', it.qty, d.ctx.now);
    p.stopPx = it.stop_px;
    p.targetPx = it.target_px;
    begin(d, p, false);
  } else {
    const w = { id: it.id, action: it.action, origin: 'exit' as const, qty: it.qty, urgent: it.urgent };
    if (s.work && !stepAside(d, 'an exit came')) {
      s.waiting = w;
      cut(d, s.work, 'an exit came');
    } else if (d.spot) s.waiting = w;
    else start(d, w);
  }
}
