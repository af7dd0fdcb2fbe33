import { floorTo, notionalOf } from '../position/filters.ts';
import { takeCommission } from '../position/net-quantity.ts';
import {
  type Command,
  clientId,
  command,
  type Desk,
  executionStep,
  FLATTEN,
  hasBook,
  type Report,
  reported,
  WORK,
} from './desk.ts';
import { ask, doubt, known, stepAside } from './doubt.ts';
import type { Child, Parent } from './state.ts';

/**
 * The working of one intent: maker first with a bounded chase, then taker; or slices in time. One order is out at a
 * time, and the next is sent only when the venue has said that the one before has ended: the total can never exceed
 * what was asked for.
 */
export function begin(d: Desk, p: Parent, urgent: boolean): void {
  d.s.work = p;
  const style = p.action === 'enter' ? d.c.entry : urgent ? 'taker' : d.c.exit;
  const twap = d.c.twap;
  p.phase = style === 'taker' ? 'taker' : 'maker';
  p.giveUpMaker = style === 'maker_only';
  if (twap && !urgent && hasBook(d) && notionalOf(d.book.ask_px, p.qty, d.ctx.key) >= Math.round(twap.above_usdt * 1e8))
    p.phase = 'twap';
  if (hasBook(d)) p.mid = (d.book.bid_px + d.book.ask_px) / 2 / d.ctx.key.pxScale;
  advance(d, p);
}

/** Sends what comes next, or ends. Called when no order of the intent is out. */
function advance(d: Desk, p: Parent): void {
  if (p.filled >= p.qty) end(d, p, 'filled', '');
  else if (p.cut !== '') end(d, p, p.filled > 0 ? 'partial' : 'unfilled', p.cut);
  else if (leftOf(d, p) === 0) end(d, p, p.filled > 0 ? 'partial' : 'unfilled', 'flat');
  else if (p.phase === 'twap') slice(d, p);
  else if (p.phase === 'maker' && p.attempt < d.c.chase.attempts && hasBook(d)) maker(d, p);
  else if (p.giveUpMaker) end(d, p, p.filled > 0 ? 'partial' : 'unfilled', 'chase is over');
  else if (p.takers < d.c.taker.attempts) taker(d, p, leftOf(d, p), 'taker');
  else end(d, p, p.filled > 0 ? 'partial' : 'unfilled', 'market orders expired');
}

/** Of an exit at most what is held: somebody else may have closed a part of it. */
const leftOf = (d: Desk, p: Parent): number =>
  p.action === 'enter' ? p.qty - p.filled : Math.min(p.qty - p.filled, Math.max(0, p.buy ? -d.s.pos : heldOf(d)));

/** The position; on Spot 0 when an exchange would take no order as small as that. */
export function heldOf(d: Desk): number {
  const { pos } = d.s;
  if (!d.spot || pos === 0 || !hasBook(d)) return pos;
  return notionalOf(d.book.bid_px, pos, d.ctx.key) < d.filter.minNotional ? 0 : pos;
}

function maker(d: Desk, p: Parent): void {
  p.attempt++;
  place(d, p, 'maker', leftOf(d, p), p.buy ? d.book.bid_px : d.book.ask_px);
  executionStep(d, p, 'PLACE_MAKER');
  // The period of the chase begins with the venue's acknowledgement.
  d.ctx.after(d.c.ack_timeout, WORK);
}

function taker(d: Desk, p: Parent, qty: number, mode: 'taker' | 'slice'): void {
  if (mode === 'taker') p.phase = 'taker';
  p.takers++;
  place(d, p, mode, qty, Number.NaN);
  executionStep(d, p, 'PLACE_TAKER');
  d.ctx.after(d.c.ack_timeout, WORK);
}

/**
 * The part that is due by the plan and not yet sent. Slice i of n is due at start + i × over / n; a slice that was
 * missed (the one before had not ended) is sent together with the next.
 */
function slice(d: Desk, p: Parent): void {
  const t = d.c.twap!;
  while (p.slice < t.slices && d.ctx.now >= p.startUs + Math.floor((p.slice * t.over) / t.slices)) p.slice++;
  const planned = p.slice >= t.slices ? p.qty : floorTo(Math.floor((p.qty * p.slice) / t.slices), d.filter.step);
  if (p.takers >= t.slices * d.c.taker.attempts)
    end(d, p, p.filled > 0 ? 'partial' : 'unfilled', 'market orders expired');
  else if (planned > p.filled) taker(d, p, Math.min(planned - p.filled, leftOf(d, p)), 'slice');
  else if (p.slice < t.slices) d.ctx.at(p.startUs + Math.floor((p.slice * t.over) / t.slices), WORK);
  else end(d, p, 'partial', 'slices are over');
}

function place(d: Desk, p: Parent, mode: Child['mode'], qty: number, px: number): void {
  const child: Child = {
    id: clientId(d),
    mode,
    status: 'sent',
    px,
    qty,
    cum: 0,
    doubtUs: -1,
    alerted: false,
    askedUs: d.ctx.now,
  };
  p.child = child;
  p.orders++;
  const cmd: Command = {
    action: 'place',
    client_id: child.id,
    side: p.buy ? 'buy' : 'sell',
    type: mode === 'maker' ? 'limit' : 'market',
    tif: mode === 'maker' ? 'gtx' : 'gtc',
    qty,
    px,
    stop_px: Number.NaN,
    working: 'last',
    reduce_only: p.action !== 'enter',
    close_position: false,
    intent_id: p.id,
    origin: p.origin,
  };
  command(d, cmd, mode, { left: p.qty - p.filled, attempt: p.attempt });
}

export function cancel(
  d: Desk,
  id: string,
  buy: boolean,
  intent: string,
  origin: Command['origin'],
  reason: string,
): void {
  command(
    d,
    {
      action: 'cancel',
      client_id: id,
      side: buy ? 'buy' : 'sell',
      type: 'limit',
      tif: 'gtc',
      qty: 0,
      px: Number.NaN,
      stop_px: Number.NaN,
      working: 'last',
      reduce_only: false,
      close_position: false,
      intent_id: intent,
      origin,
    },
    'cancel',
    { reason },
  );
}

/** No further orders of this intent; what is out is cancelled. An UNKNOWN order does not hold up the exit that waits behind it. */
export function cut(d: Desk, p: Parent, reason: string): void {
  if (p.cut === '') p.cut = reason;
  if (p === d.s.work && d.s.waiting && stepAside(d, reason)) {
    d.ctx.cancel(WORK);
    return;
  }
  const child = p.child;
  if (!child) advance(d, p);
  else if (child.mode === 'maker' && (child.status === 'open' || child.status === 'sent'))
    withdraw(d, p, child, reason);
}

/** No more patience: what is left of the intent is taken at the market. Returns false when it is being taken already. */
export function hurry(d: Desk, p: Parent, reason: string): boolean {
  if (p.phase !== 'maker') return false;
  p.phase = 'taker';
  const child = p.child;
  if (child?.mode === 'maker' && (child.status === 'open' || child.status === 'sent')) withdraw(d, p, child, reason);
  return true;
}

function withdraw(d: Desk, p: Parent, child: Child, reason: string): void {
  // An order that is sent but not yet acknowledged can be cancelled too: the venue takes commands in order.
  child.status = 'cancelling';
  child.askedUs = d.ctx.now;
  cancel(d, child.id, p.buy, p.id, p.origin, reason);
  if (p === d.s.work) d.ctx.after(d.c.ack_timeout, WORK);
}

/** The time of the present order, or of the next slice, has come. */
export function onWorkTimer(d: Desk): void {
  const p = d.s.work;
  if (!p) return;
  const child = p.child;
  if (!child) {
    advance(d, p);
    return;
  }
  if (child.status === 'open' && child.mode === 'maker') {
    const touch = p.buy ? d.book.bid_px : d.book.ask_px;
    if (p.attempt < d.c.chase.attempts && hasBook(d) && touch === child.px) {
      // Still the best price: cancelling would only lose the place in the queue.
      p.attempt++;
      executionStep(d, p, 'WAIT_500MS');
      d.ctx.after(d.c.chase.reprice_after, WORK);
    } else withdraw(d, p, child, p.attempt < d.c.chase.attempts ? 'reprice' : 'chase is over');
    return;
  }
  // No answer. Nothing is assumed: the order is UNKNOWN, no other is sent, and the venue is asked how it stands.
  doubt(d, child, p);
  ask(d, child, p);
  d.ctx.after(d.c.ack_timeout, WORK);
  if (d.s.waiting) cut(d, p, 'an exit waits');
}

const ENDED: ReadonlySet<string> = new Set(['filled', 'canceled', 'rejected', 'expired']);

/** A report on the present order, or on one that was put aside. Returns false when it is about another one. */
export function onWorkReport(d: Desk, r: Report): boolean {
  const { s } = d;
  const p = s.work?.child?.id === r.client_id ? s.work : s.aside.find((a) => a.child?.id === r.client_id);
  const child = p?.child;
  if (!p || !child) return false;
  const delta = r.exec === 'trade' ? r.cum_qty - child.cum : 0;
  if (delta > 0) {
    child.cum = r.cum_qty;
    p.filled += delta;
    if (r.maker) p.makerQty += delta;
    p.spent += (r.last_px / d.ctx.key.pxScale) * delta;
    p.fees += r.fee / 1e8;
    filled(d, p.buy ? delta : -delta, r.last_px, p, r.base_fee);
  }
  reported(d, r, p.id, p.origin, p.qty - p.filled);
  if (r.exec === 'unknown') {
    doubt(d, child, p, r);
    if (p !== s.work) return true;
    d.ctx.after(d.c.ack_timeout, WORK);
    if (s.waiting) cut(d, p, 'an exit waits');
  } else if (child.cum >= child.qty || r.status === 'filled') over(d, p);
  else if (r.exec === 'rejected' || r.status === 'rejected') rejected(d, p, child, r);
  else if (ENDED.has(r.status)) over(d, p);
  else if (r.exec === 'new' || r.exec === 'status' || (r.exec === 'trade' && child.status === 'unknown'))
    stands(d, p, child, r.exec === 'status');
  return true;
}

/** The venue has it. `asked`: that is the answer to a query. */
function stands(d: Desk, p: Parent, child: Child, asked: boolean): void {
  const was = child.status;
  known(child);
  if (was === 'open' || (was === 'cancelling' && !asked)) return;
  child.status = 'open';
  // What was to be cancelled meanwhile, or has lost its cancel, is cancelled now.
  const unwanted = p.cut !== '' || was === 'cancelling' || (p.phase === 'taker' && child.mode === 'maker');
  if (unwanted && child.mode === 'maker') withdraw(d, p, child, p.cut);
  else if (p === d.s.work && (child.mode === 'maker' || was === 'unknown'))
    d.ctx.after(child.mode === 'maker' ? d.c.chase.reprice_after : d.c.ack_timeout, WORK);
}

function rejected(d: Desk, p: Parent, child: Child, r: Report): void {
  // The cancel was refused: the order had ended, or has not arrived. Its own report decides, or the answer to a query.
  if (r.code === -2011) return;
  if (r.code === NO_SUCH_ORDER) {
    // Asked and not known there, and nothing of it was ever reported: proof that it does not stand.
    if (child.status === 'unknown' && child.cum === 0) over(d, p);
    return;
  }
  // A post-only order that would have taken uses up a period of the chase; the next goes to the touch of now.
  if (child.mode === 'maker' && wouldTake(r)) {
    over(d, p);
    return;
  }
  known(child);
  p.child = null;
  if (p.origin === 'operator') {
    d.s.flattenUs = d.ctx.now + FLATTEN_PAUSE_US;
    d.ctx.at(d.s.flattenUs, FLATTEN);
  }
  end(d, p, p.filled > 0 ? 'partial' : 'refused', r.code === 0 ? r.reason : `${r.code} ${r.reason}`);
}

/** Between attempts to close what the venue refused to close: it is asked often, and not flooded. */
const FLATTEN_PAUSE_US = 500_000;

/** USD-M has a code for it, Spot words. */
const wouldTake = (r: Report): boolean =>
  r.code === -5022 || (r.code === -2010 && r.reason.includes('immediately match'));
const NO_SUCH_ORDER = -2013;

/** The order has ended. */
function over(d: Desk, p: Parent): void {
  if (p === d.s.work) d.ctx.cancel(WORK);
  p.child = null;
  advance(d, p);
}

function end(d: Desk, p: Parent, result: 'filled' | 'partial' | 'unfilled' | 'refused', reason: string): void {
  if (p === d.s.work) {
    d.ctx.cancel(WORK);
    d.s.work = null;
  } else d.s.aside = d.s.aside.filter((a) => a !== p);
  if (p.steps > 0) {
    const avg = p.filled > 0 ? p.spent / p.filled : 0;
    const measured = p.filled > 0 && p.mid > 0;
    const slippage = measured ? ((p.buy ? avg - p.mid : p.mid - avg) / p.mid) * 1e4 : Number.NaN;
    const notional = p.spent / d.ctx.key.qtyScale || 1;
    executionStep(d, p, p.phase === 'maker' ? 'PLACE_MAKER' : 'PLACE_TAKER', {
      slippage,
      fee: measured ? (p.fees / notional) * 1e4 : Number.NaN,
    });
  }
  d.emit.outcome({
    intent_id: p.id,
    action: p.action,
    result,
    side: p.buy ? 'buy' : 'sell',
    qty: p.qty,
    filled: p.filled,
    maker_qty: p.makerQty,
    orders: p.orders,
    reason,
  });
}

/** Books a fill into the position. @param baseFee commission in the asset itself × 10^8 (Spot); NaN = none */
export function filled(d: Desk, delta: number, px: number, p: Parent | null, baseFee: number): void {
  const s = d.s;
  const before = s.pos;
  s.pos += delta;
  if (baseFee > 0) {
    const { less, dust } = takeCommission(s.dust, baseFee, d.filter, d.ctx.key);
    s.pos = Math.max(0, s.pos - less);
    s.dust = dust;
  }
  if (s.pos === 0) return;
  const opened = before === 0 || before > 0 !== s.pos > 0;
  if (opened || before > 0 === delta > 0) s.entryPx = px;
  // An add keeps the stop and the target that the position was opened with.
  if (opened) {
    s.stopPx = p?.action === 'enter' ? p.stopPx : Number.NaN;
    s.targetPx = p?.action === 'enter' ? p.targetPx : Number.NaN;
    s.entryId = p?.action === 'enter' ? p.id : '';
  }
}
