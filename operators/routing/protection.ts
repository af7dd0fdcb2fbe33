import { ceilTo, floorTo } from '../position/filters.ts';
import { clientId, command, type Desk, GUARD, life, type Report, reported } from './desk.ts';
import { doubt, isUnknown, known, stepAside } from './doubt.ts';
import type { Closer, Parent } from './state.ts';
import { begin, cancel, cut, filled, heldOf, hurry } from './work.ts';

/**
 * What rests at the venue while a position is open: a guardian stop, and the target when the intent named one. Both
 * close the whole position; when it is flat, what is left of them is cancelled: a pair of which one cancels the other.
 */
export function protect(d: Desk): void {
  const s = d.s;
  if (heldOf(d) === 0) {
    retire(d, s.guardian, 'flat');
    retire(d, s.target, 'flat');
    s.stopPx = Number.NaN;
    s.targetPx = Number.NaN;
    if (s.nakedSince >= 0) d.ctx.cancel(GUARD);
    s.nakedSince = -1;
  } else {
    if (s.killed && !s.work && s.flattenUs < 0) exitNow(d, 'operator', 'kill switch: flatten');
    if (d.spot) protectHolding(d);
    else protectPosition(d);
    watch(d);
  }
  if (!s.work && s.waiting && !(d.spot && (isHolding(s.guardian) || isHolding(s.target)))) {
    const w = s.waiting;
    s.waiting = null;
    start(d, w);
  }
}

function protectPosition(d: Desk): void {
  const s = d.s;
  // The position has changed sides behind our back: what rests would open, not close.
  if (s.guardian.buy !== s.pos < 0) retire(d, s.guardian, 'the position has turned');
  if (s.target.buy !== s.pos < 0) retire(d, s.target, 'the position has turned');
  const leaving = s.waiting !== null || s.work?.action === 'exit';
  if (s.guardian.status === 'none' && !leaving) armGuardian(d);
  if (s.target.status === 'none' && !leaving && s.target.tries < d.c.guardian.attempts && s.targetPx > 0)
    arm(d, s.target, onTick(d, s.targetPx, s.pos < 0));
}

/**
 * On Spot a stop holds the asset. So stop and target are one list, placed and replaced together, of the quantity held at that
 * moment: they are renewed when an entry has ended with more, and they go before anything else is sold.
 */
function protectHolding(d: Desk): void {
  const s = d.s;
  const leaving = s.waiting !== null || (s.work !== null && s.work.action !== 'enter');
  if (leaving) {
    retire(d, s.guardian, 'what it holds is to be sold');
    retire(d, s.target, 'what it holds is to be sold');
    return;
  }
  if (s.guardian.status === 'open' && !s.work && s.guardian.qty < s.pos) {
    retire(d, s.guardian, 'more is held');
    retire(d, s.target, 'more is held');
  }
  if (s.guardian.status !== 'none' || s.target.status !== 'none') return;
  armGuardian(d);
  if (s.guardian.id !== '' && isHolding(s.guardian) && s.target.tries < d.c.guardian.attempts && s.targetPx > 0)
    arm(d, s.target, onTick(d, s.targetPx, false));
}
/** An UNKNOWN one does not hold up an exit: the venue refuses what cannot be sold. */
const isHolding = (k: Closer): boolean => k.status === 'sent' || k.status === 'open' || k.status === 'cancelling';

/** Starts an exit with what is held now. */
export function start(
  d: Desk,
  w: { id: string; action: Parent['action']; origin: Parent['origin']; qty: number; urgent: boolean },
): void {
  const held = Math.abs(heldOf(d));
  const qty = w.action === 'exit' ? held : Math.min(w.qty, held);
  if (qty === 0) {
    d.emit.outcome({
      intent_id: w.id,
      action: w.action,
      result: 'refused',
      side: 'sell',
      qty: w.qty,
      filled: 0,
      maker_qty: 0,
      orders: 0,
      reason: 'the position is flat',
    });
    return;
  }
  begin(d, parent(w.id, w.action, w.origin, d.s.pos < 0, qty, d.ctx.now), w.urgent);
}

export const parent = (
  id: string,
  action: Parent['action'],
  origin: Parent['origin'],
  buy: boolean,
  qty: number,
  now: number,
): Parent => ({
  id,
  action,
  origin,
  buy,
  qty,
  filled: 0,
  makerQty: 0,
  orders: 0,
  phase: 'taker',
  attempt: 0,
  takers: 0,
  slice: 0,
  startUs: now,
  cut: '',
  giveUpMaker: false,
  stopPx: Number.NaN,
  targetPx: Number.NaN,
  child: null,
  mid: 0,
  spent: 0,
  fees: 0,
  steps: 0,
});

/** Closes the position at the market; behind the present work, which is cut. On Spot `protect` starts it, once nothing holds the asset. */
export function exitNow(d: Desk, origin: Parent['origin'], reason: string): void {
  const s = d.s;
  if (s.waiting || heldOf(d) === 0) return;
  // Under the kill switch nothing is sold twice: an UNKNOWN exit is asked for, and the next one waits for its proof.
  if (s.killed && (isUnknown(s.work) || s.aside.some((p) => p.action !== 'enter')) && s.work?.action !== 'enter')
    return;
  if (s.work && s.work.action !== 'enter' && !stepAside(d, reason)) return;
  const id = `${d.ctx.key.name}/${d.ctx.node}/${origin}-${d.ctx.now.toString(36)}-${(s.emergencies++).toString(36)}`;
  life(d, {
    stage: 'place',
    event: origin === 'operator' ? 'kill_switch' : 'guardian_exit',
    intent_id: id,
    client_id: '',
    origin,
    side: s.pos > 0 ? 'sell' : 'buy',
    qty: Math.abs(s.pos),
    px: Number.NaN,
    cum_qty: 0,
    left: Math.abs(s.pos),
    attempt: 0,
    code: 0,
    reason,
  });
  const w = { id, action: 'exit' as const, origin, qty: Math.abs(s.pos), urgent: true };
  if (s.work) {
    s.waiting = w;
    cut(d, s.work, reason);
  } else if (d.spot) s.waiting = w;
  else start(d, w);
}

function armGuardian(d: Desk): void {
  const s = d.s;
  if (s.guardian.tries >= d.c.guardian.attempts) {
    exitNow(d, 'guardian', 'the guardian stop cannot be placed');
    return;
  }
  const long = s.pos > 0;
  const bp = Math.round(d.c.guardian.distance_bp * 100);
  const own = Math.floor((s.entryPx * (long ? 1_000_000 - bp : 1_000_000 + bp)) / 1_000_000);
  arm(d, s.guardian, onTick(d, s.stopPx > 0 ? s.stopPx : own, long));
}

/** On the price step; towards the market, so that the stop is never further away than was asked for. */
const onTick = (d: Desk, px: number, up: boolean): number =>
  Math.max(d.filter.tick, up ? ceilTo(px, d.filter.tick) : floorTo(px, d.filter.tick));

function arm(d: Desk, k: Closer, px: number): void {
  const s = d.s;
  k.id = clientId(d);
  k.status = 'sent';
  k.buy = d.s.pos < 0;
  k.px = px;
  k.cum = 0;
  k.qty = Math.abs(s.pos);
  k.askedUs = d.ctx.now;
  k.tries++;
  command(
    d,
    {
      action: 'place',
      client_id: k.id,
      side: d.s.pos > 0 ? 'sell' : 'buy',
      type: k.kind === 'guardian' ? 'stop_market' : 'take_profit_market',
      tif: 'gtc',
      qty: 0,
      px: Number.NaN,
      stop_px: px,
      working: k.kind === 'guardian' ? 'mark' : 'last',
      reduce_only: false,
      close_position: true,
      intent_id: s.entryId,
      origin: 'guardian',
    },
    k.kind,
    { attempt: k.tries },
  );
}

function retire(d: Desk, k: Closer, reason: string): void {
  k.tries = 0;
  if (k.status !== 'open' && k.status !== 'sent') return;
  k.status = 'cancelling';
  k.askedUs = d.ctx.now;
  cancel(d, k.id, k.buy, '', 'guardian', reason);
}

/** How long the position has been without a resting stop. */
function watch(d: Desk): void {
  const s = d.s;
  if (s.guardian.status === 'open') {
    if (s.nakedSince >= 0) d.ctx.cancel(GUARD);
    s.nakedSince = -1;
  } else if (s.nakedSince < 0) {
    s.nakedSince = d.ctx.now;
    d.ctx.after(d.c.guardian.missing_limit, GUARD);
  }
}

export function onGuardTimer(d: Desk): void {
  const { s } = d;
  if (heldOf(d) === 0 || s.guardian.status === 'open') return;
  // On Spot there is none while an exit is worked: it takes the rest now.
  if (d.spot && s.work && s.work.action !== 'enter' && !isUnknown(s.work)) hurry(d, s.work, 'no resting stop');
  alert(d, 'no_guardian', s.guardian.id, s.nakedSince, 'no resting stop within missing_limit: the position is closed');
  exitNow(d, 'guardian', 'no resting stop within missing_limit');
  d.ctx.after(d.c.guardian.missing_limit, GUARD);
}

/** A report on the guardian or the target. Returns false when it is about another order. */
export function onCloserReport(d: Desk, r: Report): boolean {
  const s = d.s;
  const k = s.guardian.id === r.client_id ? s.guardian : s.target.id === r.client_id ? s.target : undefined;
  if (!k || k.id === '') return false;
  const delta = r.exec === 'trade' ? r.cum_qty - k.cum : 0;
  if (delta > 0) {
    k.cum = r.cum_qty;
    filled(d, r.side === 'buy' ? delta : -delta, r.last_px, null, r.base_fee);
    // The position is being closed at the venue: an entry that still works would open it again.
    if (s.work?.action === 'enter') cut(d, s.work, `${k.kind} triggered`);
  }
  reported(d, r, '', 'guardian', Math.abs(s.pos));
  if (r.exec === 'unknown') doubt(d, k, null, r);
  else if (r.status === 'canceled' || r.status === 'expired' || r.status === 'filled') ended(d, k, r);
  else if (r.exec === 'rejected' && r.code === -2011) {
    // Not there to be cancelled: it has triggered, and what it did was or will be reported.
    if (k.status === 'cancelling') k.status = 'none';
  } else if (r.exec === 'rejected' || r.status === 'rejected') {
    // A query that finds nothing proves something only of what was in doubt.
    if (r.code === -2013 && k.status !== 'unknown') return true;
    ended(d, k, r);
    if (s.pos !== 0 && atOnce(r)) exitNow(d, 'guardian', `${k.kind} would trigger at once`);
  } else {
    // It stands; a cancel that is on its way may not have arrived, one that was lost is sent again.
    if (k.status === 'sent' || k.status === 'unknown' || r.exec === 'status') k.status = 'open';
    known(k);
    k.tries = 0;
  }
  return true;
}

/** It would trigger at once: the price is beyond it already. USD-M has a code for it, Spot words. */
const atOnce = (r: Report): boolean =>
  r.code === -2021 || (r.code === -2010 && /trigger immediately|relationship of the prices/.test(r.reason));

function ended(d: Desk, k: Closer, r: Report): void {
  const wanted = k.status === 'cancelling' || r.status === 'filled' || d.s.pos === 0 || k.kind === 'target';
  const since = k.doubtUs >= 0 ? k.doubtUs : d.ctx.now;
  known(k);
  k.status = 'none';
  // The other order of the list that has traded or been cancelled.
  const pair = d.spot && d.s.target.status !== 'none';
  if (!wanted && !pair)
    alert(d, 'guardian_lost', k.id, since, `the guardian stop is gone: ${r.exec} ${r.reason}`.trim());
}

function alert(d: Desk, kind: 'guardian_lost' | 'no_guardian', id: string, since: number, reason: string): void {
  d.emit.alert({
    kind,
    intent_id: d.s.entryId,
    client_id: id,
    origin: 'guardian',
    since_us: since,
    qty: Math.abs(d.s.pos),
    reason,
  });
}
