import { type Command, command, type Desk, DOUBT, life, type Report } from './desk.ts';
import type { Child, Closer, Parent } from './state.ts';

/**
 * Orders of which nobody can tell whether the venue has them: its gateway says so (`unknown`), or no answer came within
 * `ack_timeout`. Nothing is assumed and nothing is sent again; the venue is asked, and only its answer ends that state. While
 * there is one no new risk is taken. After `unknown_limit` it is an alert.
 */

/** Most intents that wait aside for the end of their UNKNOWN order while exits go on. */
const MOST_ASIDE = 3;

export const isUnknown = (p: Parent | null): boolean => p?.child?.status === 'unknown';
/** Whether anything of this instrument is UNKNOWN. */
export const inDoubt = (d: Desk): boolean => {
  const { work, aside, guardian, target } = d.s;
  return isUnknown(work) || aside.length > 0 || guardian.status === 'unknown' || target.status === 'unknown';
};

/** The order is UNKNOWN from now on. `r`: the gateway's word for it; absent: there was no answer. */
export function doubt(d: Desk, o: Child | Closer, p: Parent | null, r?: Report): void {
  if (o.status === 'unknown') return;
  o.status = 'unknown';
  o.doubtUs = d.ctx.now;
  o.askedUs = d.ctx.now;
  o.alerted = false;
  if (r) return;
  const buy = 'kind' in o ? o.buy : p!.buy;
  life(d, {
    stage: 'report',
    event: 'unknown',
    intent_id: p?.id ?? '',
    client_id: o.id,
    origin: p?.origin ?? 'guardian',
    side: buy ? 'buy' : 'sell',
    qty: o.qty,
    px: o.px,
    cum_qty: o.cum,
    left: p ? p.qty - p.filled : Math.abs(d.s.pos),
    attempt: p?.attempt ?? 0,
    code: 0,
    reason: 'no answer within ack_timeout',
  });
}
/** The venue has said how it stands. */
export function known(o: Child | Closer): void {
  o.doubtUs = -1;
  o.alerted = false;
}

/** Asks the venue how an order stands. */
export function ask(d: Desk, o: Child | Closer, p: Parent | null): void {
  o.askedUs = d.ctx.now;
  const cmd: Command = {
    action: 'query',
    client_id: o.id,
    side: ('kind' in o ? o.buy : p!.buy) ? 'buy' : 'sell',
    type: 'limit',
    tif: 'gtc',
    qty: 0,
    px: Number.NaN,
    stop_px: Number.NaN,
    working: 'last',
    reduce_only: false,
    close_position: false,
    intent_id: p?.id ?? '',
    origin: p?.origin ?? 'guardian',
  };
  command(d, cmd, 'query', { reason: 'unknown' });
}

/** An exit does not wait for the proof: the intent that is worked steps aside with its UNKNOWN order. */
export function stepAside(d: Desk, reason: string): boolean {
  const { s } = d;
  const p = s.work;
  if (!p || !isUnknown(p) || s.aside.length >= MOST_ASIDE) return false;
  if (p.cut === '') p.cut = reason;
  s.aside.push(p);
  s.work = null;
  return true;
}

/** Asks again for what has not been answered, and says what has been UNKNOWN for too long. */
export function look(d: Desk): void {
  const { s, c, ctx } = d;
  for (const k of [s.guardian, s.target]) {
    if (!isWaiting(k) || ctx.now < k.askedUs + c.ack_timeout) continue;
    doubt(d, k, null);
    ask(d, k, null);
  }
  for (const p of s.aside) if (ctx.now >= p.child!.askedUs + c.ack_timeout) ask(d, p.child!, p);
  if (isUnknown(s.work)) alertLate(d, s.work!.child!, s.work);
  for (const p of s.aside) alertLate(d, p.child!, p);
  for (const k of [s.guardian, s.target]) if (k.status === 'unknown') alertLate(d, k, null);
}
const isWaiting = (k: Closer): boolean => k.status === 'sent' || k.status === 'cancelling' || k.status === 'unknown';

function alertLate(d: Desk, o: Child | Closer, p: Parent | null): void {
  if (o.alerted || d.ctx.now < o.doubtUs + d.c.unknown_limit) return;
  o.alerted = true;
  d.emit.alert({
    kind: 'unknown_order',
    intent_id: p?.id ?? d.s.entryId,
    client_id: o.id,
    origin: p?.origin ?? 'guardian',
    since_us: o.doubtUs,
    qty: o.qty,
    reason: 'UNKNOWN for longer than unknown_limit: no new risk is taken until the venue says what became of it',
  });
}

/** At the end of each step: says how many orders are UNKNOWN when that has changed, and when to look again. */
export function tellDoubt(d: Desk): void {
  const { s, c, ctx } = d;
  let n = 0;
  let oldest: Child | Closer | undefined;
  let due = Number.POSITIVE_INFINITY;
  const see = (o: Child | Closer, asks: boolean): void => {
    if (asks) due = Math.min(due, o.askedUs + c.ack_timeout);
    if (o.status !== 'unknown') return;
    n++;
    if (!o.alerted) due = Math.min(due, o.doubtUs + c.unknown_limit);
    if (!oldest || o.doubtUs < oldest.doubtUs) oldest = o;
  };
  // The order that is worked has a timer of its own.
  if (s.work?.child) see(s.work.child, false);
  for (const p of s.aside) see(p.child!, true);
  for (const k of [s.guardian, s.target]) if (k.status !== 'none') see(k, isWaiting(k));
  if (n !== s.doubts) {
    s.doubts = n;
    d.emit.doubt({
      orders: n,
      since_us: oldest?.doubtUs ?? Number.NaN,
      client_id: oldest?.id ?? '',
      reason: n === 0 ? '' : 'the venue has not said what became of it',
    });
  }
  const at = due === Number.POSITIVE_INFINITY ? -1 : due;
  if (at === s.lookUs) return;
  s.lookUs = at;
  if (at < 0) ctx.cancel(DOUBT);
  else ctx.at(at, DOUBT);
}
