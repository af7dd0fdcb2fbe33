import type { BookLadder, KeyInfo, TopOfBook, Values } from '../../graph/schema/index.ts';
import { amend } from './amend.ts';
import { applyBest, applyLadder, bestPx } from './book.ts';
import { settle } from './fill.ts';
import { checkLiquidation, payFunding } from './liquidate.ts';
import { reachLive } from './live.ts';
import { refreshMargin } from './margin.ts';
import { meetBook, meetTrade, triggerStops } from './match.ts';
import { divide, rateE8 } from './money.ts';
import { cancel, cancelAll, cancelLimits, cancelStops, place } from './place.ts';
import { refuse, tellPosition } from './report.ts';
import { type Command, type Exchange, isConditional, type Market, marketOf } from './state.ts';

/** Every event of the market and every command enters the venue through one of these, in order of time (µs). */

/** A recorded trade that happened on the market (`taker` 1: the taker bought). */
export function onTrade(x: Exchange, m: Market, px: number, qty: number, taker: number, now: number): void {
  m.last = px;
  if (!m.live && (m.buys.length > 0 || m.sells.length > 0)) {
    const given = meetTrade(x, m, -taker, px, qty, taker, now);
    meetTrade(x, m, taker, px, qty - given, taker, now);
  }
  if (m.stops.length > 0) triggerStops(x, m, 'last', px * m.instrument.pxMoney, now);
  if (now >= m.nextMarkUs && x.kind === 'usdm' && bestPx(m.book, 1) === 0 && bestPx(m.book, -1) === 0)
    fallBack(x, m, px * m.instrument.pxMoney, now);
  if (x.touched) settle(x, m);
}

/** A new ladder of the recorded book. */
export function onLadder(x: Exchange, m: Market, v: Readonly<Values<typeof BookLadder>>, now: number): void {
  applyLadder(m.book, v.u, v.bid_px, v.bid_qty, v.ask_px, v.ask_qty);
  onBook(x, m, true, now);
}
/** A new best bid and ask. */
export function onBest(x: Exchange, m: Market, v: Readonly<Values<typeof TopOfBook>>, now: number): void {
  applyBest(m.book, v.u, v.bid_px, v.bid_qty, v.ask_px, v.ask_qty);
  onBook(x, m, false, now);
}
function onBook(x: Exchange, m: Market, ladder: boolean, now: number): void {
  if (m.live) reachLive(m);
  else {
    if (m.buys.length > 0) meetBook(x, m, 1, ladder, now);
    if (m.sells.length > 0) meetBook(x, m, -1, ladder, now);
  }
  if (now >= m.nextMarkUs && x.kind === 'usdm') {
    const bid = bestPx(m.book, 1);
    const ask = bestPx(m.book, -1);
    if (bid > 0 && ask > 0) fallBack(x, m, divide((bid + ask) * m.instrument.pxMoney, 2), now);
  }
  if (x.touched) settle(x, m);
}

/**
 * Where no mark price comes (none yet, or none within `markTimeoutUs`), the mid of the recorded book stands in, taken at
 * its first change in every `markIntervalUs`; where there is no book either, the last trade.
 */
function fallBack(x: Exchange, m: Market, mark: number, now: number): void {
  m.nextMarkUs = now + x.rules.markIntervalUs;
  setMark(x, m, mark, now);
}
function setMark(x: Exchange, m: Market, mark: number, now: number): void {
  m.mark = mark;
  if (m.position.qty !== 0) {
    checkLiquidation(x, m, now);
    if (m.position.qty !== 0) tellPosition(x, m, now);
  }
  if (m.stops.length > 0) triggerStops(x, m, 'mark', mark, now);
}

/**
 * A mark price, with the running funding rate and its next time where the stream has them (NaN otherwise). Funding is
 * settled by the first mark price whose own time is at or after the announced time, at that mark and at the
 * rate announced last before it.
 */
export function onMark(
  x: Exchange,
  m: Market,
  mark: number,
  rate: number,
  nextMs: number,
  eventMs: number,
  now: number,
): void {
  m.nextMarkUs = now + x.rules.markTimeoutUs;
  if (m.fundingMs > 0 && eventMs >= m.fundingMs) {
    m.mark = mark;
    if (isNewFunding(m, m.fundingMs)) payFunding(x, m, m.fundingRate, m.fundingMs, now);
    m.fundingMs = 0;
    if (x.touched) refreshMargin(x, m);
  }
  // A frame may still announce the time that it has just passed.
  if (nextMs > eventMs && !Number.isNaN(rate)) {
    m.fundingMs = nextMs;
    m.fundingRate = rateE8(rate);
  }
  setMark(x, m, mark, now);
  if (x.touched) settle(x, m);
}

/** A settled funding rate of an archive; one that the mark price stream has settled already is not paid twice. */
export function onFunding(x: Exchange, m: Market, rate: number, timeMs: number, now: number): void {
  if (!isNewFunding(m, timeMs)) return;
  payFunding(x, m, rateE8(rate), timeMs, now);
  if (m.fundingMs > 0 && Math.abs(m.fundingMs - timeMs) < SAME_FUNDING_MS) m.fundingMs = 0;
  if (!x.touched) return;
  refreshMargin(x, m);
  checkLiquidation(x, m, now);
  settle(x, m);
}
/** Times of one settlement in different sources differ by milliseconds; settlements are at least an hour apart. */
const SAME_FUNDING_MS = 60_000;
const isNewFunding = (m: Market, timeMs: number): boolean => Math.abs(timeMs - m.fundedMs) >= SAME_FUNDING_MS;

/**
 * A command is sent: it takes effect `orderLatencyUs` later. The command is kept until then. Returns whether a timer has
 * to be set.
 */
export function send(x: Exchange, key: KeyInfo, c: Command, now: number): boolean {
  if (x.rules.orderLatencyUs === 0) {
    arrive(x, key, c, now);
    return false;
  }
  x.inbox.push({ at: now + x.rules.orderLatencyUs, key: key.index, command: c });
  return true;
}
/** Lets commands in whose time has come. `keyAt` gives the instrument of a key index. */
export function receive(x: Exchange, keyAt: (index: number) => KeyInfo, now: number): void {
  let n = 0;
  while (n < x.inbox.length && x.inbox[n]!.at <= now) {
    const { key, command } = x.inbox[n++]!;
    arrive(x, keyAt(key), command, now);
  }
  if (n > 0) x.inbox.splice(0, n);
}
/** A command takes effect. */
export function arrive(x: Exchange, key: KeyInfo, c: Command, now: number): void {
  const m = marketOf(x, key);
  if (!m) {
    refuse(x, key.index, c, 'invalidSymbol', now);
    return;
  }
  if (c.action === 'place') place(x, m, c, now);
  else if (c.action === 'cancel') cancel(x, m, c, now);
  else if (c.action === 'amend') amend(x, m, c, now);
  else if (!x.rules.algo) cancelAll(x, m, now);
  else if (isConditional(c)) cancelStops(x, m, now);
  else cancelLimits(x, m, now);
  settle(x, m);
}
