import { addExact, mulExact } from '../../graph/math/index.ts';
import { backoff } from './backoff.ts';
import type { Effects, LedgerOptions } from './ledger-types.ts';
import { orderReport, refusedCommand } from './order-report.ts';
import { type Fill, isTerminal, type LedgerOrder, newOrder, type OrderView, type Status } from './order-state.ts';
import type { SymbolOrders } from './symbol-orders.ts';

const WITHDRAWN = 'withdrawn before it was sent';
const TIMEOUT = -1007;
const TOO_OLD = -1021;
const UNKNOWN_ORDER = -2011;
const NO_SUCH_ORDER = -2013;
const GONE = 'not known to the exchange any more';
const ANSWER = 'queried';

/** What one order goes through, from what the exchange says of it to what is reported and asked for next. */
export class OrderFlow {
  readonly #symbols: ReadonlyMap<string, SymbolOrders>;
  readonly #o: LedgerOptions;
  readonly #out: Effects;
  readonly #algo: boolean;

  constructor(symbols: ReadonlyMap<string, SymbolOrders>, options: LedgerOptions, effects: Effects) {
    this.#symbols = symbols;
    this.#o = options;
    this.#out = effects;
    this.#algo = options.algo ?? true;
  }

  /** The exchange says how the order stands. */
  see(o: LedgerOrder, v: OrderView, nowMs: number): void {
    const s = this.#symbols.get(o.symbol)!;
    const child = o.conditional && !v.conditional;
    if (o.phase === 'ended') return;
    o.phase = 'open';
    o.seenMs = nowMs;
    o.queries = 0;
    o.absences = 0;
    if (!child) s.identify(o, v.orderId);
    if (v.childId !== '' || child) this.#adoptChild(s, o, child ? v.orderId : v.childId);
    if (v.qty > 0) o.qty = v.qty;
    if (v.status === 'rejected' && o.cum === 0) {
      this.#over(o, 'rejected', v.code, v.reason, nowMs);
      const how = { timeMs: v.timeMs, code: v.code, reason: v.reason, status: 'rejected' as const };
      this.#out.report(o.key, orderReport(o, 'rejected', how));
      this.#finish(o, nowMs);
      return;
    }
    this.#ack(o, v.timeMs);
    if (v.triggered || child) this.trigger(o, v.timeMs);
    if (v.cum > o.cum || isTerminal(v.status)) this.goal(o, v.cum, v.status, v.reason, v.code, v.timeMs, nowMs);
  }
  /** What a conditional order became may have been told already, under its own name. */
  #adoptChild(s: SymbolOrders, o: LedgerOrder, childId: string): void {
    const stranger = s.byOrder.get(childId);
    s.nameChild(o, childId);
    if (!stranger || stranger === o || stranger.cum === 0) return;
    o.elsewhere = true;
    o.cum = stranger.cum;
    o.cumQuote = stranger.cumQuote;
  }
  #ack(o: LedgerOrder, timeMs: number): void {
    if (o.acked) return;
    o.acked = true;
    this.#out.report(o.key, orderReport(o, 'new', { timeMs }));
  }
  trigger(o: LedgerOrder, timeMs: number): void {
    if (o.triggered) return;
    this.#ack(o, timeMs);
    o.triggered = true;
    this.#out.report(o.key, orderReport(o, 'triggered', { timeMs }));
  }
  goal(o: LedgerOrder, cum: number, status: Status, reason: string, code: number, timeMs: number, nowMs: number): void {
    const g = o.goal;
    if (g && isTerminal(g.status)) g.cum = Math.max(g.cum, cum);
    else o.goal = { cum: Math.max(cum, g?.cum ?? 0), status, reason, code, timeMs, sinceMs: g?.sinceMs ?? nowMs };
    this.meet(o, nowMs);
  }
  /** Reports the end once all fills before it have been reported. */
  meet(o: LedgerOrder, nowMs: number): void {
    const g = o.goal;
    if (!g || o.cum < g.cum || o.phase === 'ended') return;
    o.goal = undefined;
    if (!isTerminal(g.status)) return;
    if (g.status === 'filled' && !o.elsewhere) this.#end(o, nowMs);
    else {
      const exec = g.status === 'canceled' ? 'canceled' : g.status === 'rejected' ? 'rejected' : 'expired';
      if (o.elsewhere) g.reason = `executed as order ${o.childId}`;
      if (exec === 'canceled') o.cancels = [];
      this.#over(o, exec, g.code, g.reason, nowMs);
      this.#out.report(o.key, orderReport(o, exec, { ...g, status: exec }));
      this.#finish(o, nowMs);
    }
  }
  fill(o: LedgerOrder, f: Fill, nowMs: number): void {
    const s = this.#symbols.get(o.symbol)!;
    if (s.seen.has(f.tradeId)) return;
    s.saw(f.tradeId);
    o.absences = 0;
    const before = o.restored && s.told.has(f.tradeId);
    if (!before) {
      this.#ack(o, f.timeMs);
      if (o.phase !== 'ended') o.phase = 'open';
      o.seenMs = nowMs;
    }
    o.cum = addExact(o.cum, f.qty);
    o.cumQuote = addExact(o.cumQuote, mulExact(f.px, f.qty));
    const filled = o.qty > 0 && o.cum >= o.qty;
    if (!before)
      this.#out.report(
        o.key,
        orderReport(o, 'trade', { timeMs: f.timeMs, status: filled ? 'filled' : 'partially_filled', fill: f }),
        { fill: f, own: o.intent !== undefined },
      );
    if (o.phase === 'ended') return;
    if (filled && before && o.conditional) {
      // Told by an earlier run, perhaps under the name of the order that it became: its own end may not have been.
      o.elsewhere = true;
      this.goal(o, o.cum, 'filled', '', 0, f.timeMs, nowMs);
    } else if (filled) this.#end(o, nowMs);
    else this.meet(o, nowMs);
  }
  /** The exchange cannot have it: it is sent again where that is still wanted, else refused. */
  absent(o: LedgerOrder, nowMs: number): void {
    const why = o.lastRefusal ?? {
      code: TIMEOUT,
      reason: 'no answer, and the exchange does not know the order: it was not accepted',
    };
    // Of a pair the other one is asked for by itself: the two cannot go out together any more.
    if (!o.partner && !o.cancelWanted && o.attempts < this.#o.attempts && this.fresh(o, nowMs)) o.phase = 'queued';
    else this.refuse(o, why.code, why.reason, nowMs);
  }
  /** An order that stood is not known any more: orders without fills disappear from queries some days after their end. */
  vanished(o: LedgerOrder, nowMs: number, askedMs: number): void {
    if (o.intent || o.orderId !== '') {
      // Queries may be behind for a moment: only what was seen long before the question, and is missed twice, counts as gone.
      // What was to be cancelled, and is not there any more, was: an order that somebody asks to cancel does not just expire.
      if (askedMs - o.seenMs >= this.#o.acceptMs && this.missed(o, askedMs))
        this.goal(o, o.cum, this.#wasCanceled(o) ? 'canceled' : 'expired', GONE, 0, nowMs, nowMs);
      else {
        o.asks = true;
        o.queries++;
      }
    } else this.elsewhere(o, nowMs);
  }
  /** An answer that there is no such order. @returns it is the second one, asked for when a list that was behind had caught up */
  missed(o: LedgerOrder, askedMs: number): boolean {
    if (o.absences > 0 && askedMs - o.absentMs < this.#o.settleMs) return false;
    o.absentMs = askedMs;
    return o.absences++ > 0;
  }
  #wasCanceled(o: LedgerOrder): boolean {
    return o.cancelTries > 0 || (o.partner !== undefined && o.partner.cancelTries > 0);
  }
  /** A stranger that is no order: it may be a conditional one, where these are apart. */
  elsewhere(o: LedgerOrder, nowMs: number): void {
    if (this.#algo && !o.conditional) o.conditional = true;
    else this.#end(o, nowMs);
  }
  again(o: LedgerOrder, code: number, reason: string, waitMs: number, nowMs: number): void {
    o.lastRefusal = { code, reason };
    const worth = code === TOO_OLD || closes(o);
    if (!o.cancelWanted && worth && o.attempts < this.#o.attempts && this.fresh(o, nowMs + waitMs)) {
      o.phase = 'queued';
      if (o.partner) o.partner.phase = 'queued';
      this.#ask('place', o, nowMs + waitMs);
    } else this.refuse(o, code, reason, nowMs);
  }
  refuse(o: LedgerOrder, code: number, reason: string, nowMs: number): void {
    if (o.intent) this.#out.refused(o.intent, code, reason);
    this.#over(o, 'rejected', code, reason, nowMs);
    this.#out.report(o.key, refusedCommand(o.intent!.command, code, reason, nowMs));
    this.#finish(o, nowMs);
    const p = this.#waitingPartner(o);
    if (p) this.refuse(p, code, reason, nowMs);
  }
  withdraw(o: LedgerOrder, nowMs: number): void {
    if (o.intent) this.#out.refused(o.intent, 0, WITHDRAWN);
    this.#over(o, 'canceled', 0, WITHDRAWN, nowMs);
    o.cancels = [];
    this.#out.report(o.key, orderReport(o, 'canceled', { timeMs: nowMs, status: 'canceled', reason: WITHDRAWN }));
    this.#finish(o, nowMs);
    const p = this.#waitingPartner(o);
    if (p) this.withdraw(p, nowMs);
  }
  /** The other one of a pair that is not sent: neither goes alone. */
  #waitingPartner(o: LedgerOrder): LedgerOrder | undefined {
    return o.partner?.phase === 'queued' || o.partner?.phase === 'sending' ? o.partner : undefined;
  }
  #end(o: LedgerOrder, nowMs: number): void {
    this.#over(o, o.cum > 0 ? 'filled' : 'canceled', 0, '', nowMs);
    this.#finish(o, nowMs);
  }
  #over(o: LedgerOrder, status: Status, code: number, reason: string, nowMs: number): void {
    o.phase = 'ended';
    o.endedMs = nowMs;
    o.fate = { status, code, reason };
  }
  /** Nobody can tell whether the exchange has it: told as such, then asked for. */
  doubt(o: LedgerOrder, reason: string, nowMs: number): void {
    o.phase = 'unknown';
    o.unknownSinceMs = nowMs;
    o.queries = 0;
    o.absences = 0;
    this.#out.report(o.key, orderReport(o, 'unknown', { timeMs: nowMs, reason }));
  }
  /** Cancels that came too late are answered, and the order is put away. */
  #finish(o: LedgerOrder, nowMs: number): void {
    o.goal = undefined;
    o.cancelWanted = false;
    this.#answerCancels(o, nowMs);
    this.#answerQuestions(o, nowMs);
    if (o.intent) this.#out.ended(o.intent);
  }
  #answerCancels(o: LedgerOrder, nowMs: number): void {
    for (const c of o.cancels) this.#out.report(o.key, refusedCommand(c, UNKNOWN_ORDER, 'Unknown order sent.', nowMs));
    o.cancels = [];
  }
  /** A stranger that was asked for, and is there: what it did before is not ours to report. */
  found(o: LedgerOrder, v: OrderView, nowMs: number): void {
    o.acked = true;
    o.cum = v.cum;
    if (!isTerminal(v.status)) {
      this.see(o, v, nowMs);
      return;
    }
    this.#symbols.get(o.symbol)!.identify(o, v.orderId);
    o.qty = v.qty;
    this.#over(o, v.status, v.code, v.reason, nowMs);
    this.#finish(o, nowMs);
  }
  /** How it stands, to whom it was that asked. */
  #answerQuestions(o: LedgerOrder, nowMs: number): void {
    if (o.questions.length === 0) return;
    const known = o.intent !== undefined || o.orderId !== '' || o.acked;
    for (const c of o.questions) {
      const how = { timeMs: nowMs, reason: ANSWER, ...o.fate };
      this.#out.report(
        o.key,
        known ? orderReport(o, 'status', how) : refusedCommand(c, NO_SUCH_ORDER, 'Order does not exist.', nowMs),
      );
    }
    o.questions = [];
  }
  adopt(s: SymbolOrders, v: OrderView): LedgerOrder {
    const o = newOrder(s.name, s.key, v.clientId);
    o.conditional = v.conditional;
    o.side = v.side;
    o.type = v.type;
    o.tif = v.tif;
    o.px = v.px;
    o.stopPx = v.stopPx;
    o.qty = v.qty;
    o.reduceOnly = v.reduceOnly;
    o.orderId = v.orderId;
    s.add(o);
    return o;
  }

  /** Asks for what comes next. */
  advance(o: LedgerOrder, nowMs: number, waitMs = 0): void {
    if (o.phase === 'ended') {
      this.#answerCancels(o, nowMs);
      this.#answerQuestions(o, nowMs);
      return;
    }
    if (o.busy) return;
    if (o.phase === 'queued') {
      if (o.cancelWanted) this.withdraw(o, nowMs);
      else if (o.follows) return;
      else if (this.#symbols.get(o.symbol)!.ready) this.#ask('place', o, nowMs);
    } else if (o.phase === 'unknown') this.#ask('query', o, nowMs + backoff(o.queries));
    else if (o.phase === 'open') {
      if (!o.asks && !(o.goal && o.cum < o.goal.cum)) this.#answerQuestions(o, nowMs);
      if (o.asks) this.#ask('query', o, nowMs + (o.queries > 0 ? backoff(o.queries) : 0));
      else if (o.cancelWanted && !(o.goal && isTerminal(o.goal.status)))
        this.#ask('cancel', o, nowMs + Math.max(waitMs, o.cancelTries > 0 ? backoff(o.cancelTries) : 0));
    }
  }
  #ask(kind: 'place' | 'cancel' | 'query', o: LedgerOrder, atMs: number): void {
    o.busy = true;
    this.#out.request({ kind, order: o, atMs });
  }
  fresh(o: LedgerOrder, nowMs: number): boolean {
    const age = nowMs - o.intent!.madeMs;
    return age <= (closes(o) ? this.#o.closeAgeMs : this.#o.riskAgeMs);
  }
}

/** It can only make the position smaller. */
const closes = (o: LedgerOrder): boolean => o.reduceOnly || o.intent?.command.close_position === true;
