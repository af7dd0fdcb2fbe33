import { addExact, mulExact } from '../../graph/math/index.ts';
import { orderReport, refusedCommand } from './order-report.ts';
import {
  type CancelOutcome,
  type Command,
  type Fill,
  type Intent,
  isConditional,
  isTerminal,
  type LedgerOrder,
  newOrder,
  type OrderView,
  orderOf,
  type Picture,
  type PlaceOutcome,
  type QueryOutcome,
  type Report,
  type Status,
  type TradeOf,
} from './order-state.ts';
import { forget, matchOrder, type StreamNews, SymbolOrders } from './symbol-orders.ts';

/** What the ledger wants done. Times are ms of the clock that the caller passes in. */
export type Request =
  | { readonly kind: 'place' | 'cancel' | 'query'; readonly order: LedgerOrder; readonly atMs: number }
  | { readonly kind: 'cancel_all'; readonly symbol: string; readonly conditional: boolean; readonly atMs: number }
  | { readonly kind: 'reconcile'; readonly symbol: string; readonly atMs: number };

export interface LedgerOptions {
  /** After this long the exchange can no longer accept a request (its recvWindow, clock error and queues included). */
  readonly acceptMs: number;
  /** How long the stream may be behind what REST has said. */
  readonly settleMs: number;
  /** Oldest decision that may still open risk, and that may still close it. */
  readonly riskAgeMs: number;
  readonly closeAgeMs: number;
  /** Sends of one order, each but the last proven not to have been accepted. */
  readonly attempts: number;
  /** Conditional orders are a service of their own, with ids of their own (USD-M). Default true. */
  readonly algo?: boolean;
}
export interface Effects {
  request(r: Request): void;
  /** @param trade of the report of a trade */
  report(key: number, values: Report, trade?: TradeOf): void;
  /**
   * The order will not be sent (again), and is about to be reported so. It must be on disk when this returns: a run that
   * starts anew would find neither the order at the exchange nor a reason not to send it.
   */
  refused(order: LedgerOrder, code: number, reason: string): void;
  /** Everything about the order has been reported. */
  ended(order: LedgerOrder): void;
  /** Trades up to this id were done before; it must be on disk when this returns, before the first order is sent. */
  began(s: SymbolOrders): void;
}

const WITHDRAWN = 'withdrawn before it was sent';
const TIMEOUT = -1007;
const TOO_MANY = -1015;
const TOO_OLD = -1021;
const UNKNOWN_ORDER = -2011;
const DUPLICATE = -4116;
/** Ended orders are remembered this long, for late words about them. */
const REMEMBER_MS = 3_600_000;

/**
 * What is known of every order, and what follows from it: a pure machine. In: commands, answers, stream events, pictures
 * read by REST, time. Out: requests and reports. Rules:
 * - one request about an order is out at a time;
 * - no answer is UNKNOWN, and UNKNOWN ends by a query only: found, or not found after the exchange could last have accepted it;
 * - what REST says of fills is a goal; the fills themselves come one by one, by stream or `userTrades`, each reported once;
 * - the end of an order is reported behind all its fills, and the answer to a cancel behind the end;
 * - where the stream cannot be right (a fill is missing, a connection was lost), the instrument is put on hold, read by REST, and
 *   what came meanwhile is applied afterwards.
 */
export class OrderLedger {
  readonly symbols = new Map<string, SymbolOrders>();
  readonly #o: LedgerOptions;
  readonly #out: Effects;
  readonly #algo: boolean;

  constructor(options: LedgerOptions, effects: Effects) {
    this.#o = options;
    this.#algo = options.algo ?? true;
    this.#out = effects;
  }

  symbol(name: string, key: number): SymbolOrders {
    let s = this.symbols.get(name);
    if (!s) {
      s = new SymbolOrders(name, key);
      this.symbols.set(name, s);
    }
    return s;
  }
  get acceptMs(): number {
    return this.#o.acceptMs;
  }
  /** Orders of which it is not known whether the exchange has them. */
  get unknown(): number {
    let n = 0;
    for (const s of this.symbols.values()) for (const o of s.orders) if (o.phase === 'unknown') n++;
    return n;
  }

  // Commands

  /** A command that is on disk and has not been sent before. */
  command(symbol: string, intent: Intent, nowMs: number): void {
    const s = this.symbol(symbol, intent.key);
    const c = intent.command;
    if (!s.started && !s.held) this.hold(s, nowMs);
    if (c.action === 'place') {
      if (s.byClient.has(c.client_id)) {
        this.#out.report(s.key, refusedCommand(c, DUPLICATE, 'clientOrderId is duplicated.', nowMs));
        return;
      }
      const o = orderOf(symbol, intent, this.#algo);
      s.add(o);
      this.#advance(o, nowMs);
    } else if (c.action === 'cancel') {
      const o = s.byClient.get(c.client_id) ?? this.#foreign(s, c);
      o.cancels.push(c);
      o.cancelWanted = true;
      this.#advance(o, nowMs);
    } else {
      // What is under way may arrive after the cancel: it is cancelled by itself as soon as it stands.
      for (const o of s.orders)
        if (o.phase === 'queued' || o.phase === 'sending' || o.phase === 'unknown') o.cancelWanted = true;
      for (const o of s.orders) if (o.phase === 'queued') this.#advance(o, nowMs);
      s.cancelAll += 2;
      this.#out.request({ kind: 'cancel_all', symbol, conditional: false, atMs: nowMs });
      this.#out.request({ kind: 'cancel_all', symbol, conditional: true, atMs: nowMs });
    }
  }
  /** A command of an earlier run whose outcome was not written down: sent or not, nobody knows. */
  restore(
    symbol: string,
    intent: Intent,
    nowMs: number,
    refused: { code: number; reason: string } | undefined = undefined,
  ): void {
    const s = this.symbol(symbol, intent.key);
    const c = intent.command;
    if (c.action === 'place') {
      if (s.byClient.has(c.client_id)) return;
      const o = orderOf(symbol, intent, this.#algo);
      if (refused) {
        // It may not have been told before that run came to its end.
        s.add(o);
        if (refused.code === 0) this.#withdraw(o, nowMs);
        else this.#refuse(o, refused.code, refused.reason, nowMs);
        return;
      }
      o.phase = 'unknown';
      o.restored = true;
      o.attempts = 1;
      // It may have been sent at any moment up to the end of that run.
      o.sentAtMs = nowMs;
      o.unknownSinceMs = nowMs;
      s.add(o);
      this.#advance(o, nowMs);
    } else if (c.action === 'cancel') {
      const o = s.byClient.get(c.client_id);
      if (!o) return;
      o.cancels.push(c);
      o.cancelWanted = true;
      this.#advance(o, nowMs);
    } else if (nowMs - intent.madeMs < this.#o.closeAgeMs) this.command(symbol, intent, nowMs);
  }
  /** A cancel of an order that this ledger does not know: tried as an order, then as a conditional one. */
  #foreign(s: SymbolOrders, c: Command): LedgerOrder {
    const o = newOrder(s.name, s.key, c.client_id);
    o.side = c.side;
    s.add(o);
    return o;
  }

  // Answers

  /** The order is about to be sent; `waitMs`: it may not be yet, and cannot wait. False: it must not be (any more), which has been reported. */
  begin(o: LedgerOrder, nowMs: number, waitMs = 0): boolean {
    o.busy = false;
    if (o.phase !== 'queued') return false;
    if (o.cancelWanted) {
      this.#withdraw(o, nowMs);
      return false;
    }
    if (!this.symbols.get(o.symbol)!.ready) return false;
    if (waitMs > 0) {
      this.#refuse(o, TOO_MANY, 'the order limits leave no room for it in time; it was not sent', nowMs);
      return false;
    }
    if (!this.#fresh(o, nowMs)) {
      this.#refuse(o, TOO_OLD, 'the command is older than its max age; it was not sent', nowMs);
      return false;
    }
    o.phase = 'sending';
    o.busy = true;
    o.attempts++;
    o.sentAtMs = nowMs;
    return true;
  }
  /** An order that must wait for the limiter. False: it may not wait that long, and `begin` will say so. */
  waits(o: LedgerOrder, nowMs: number, waitMs: number): boolean {
    return o.phase === 'queued' && !o.cancelWanted && this.#fresh(o, nowMs + waitMs);
  }
  placed(o: LedgerOrder, outcome: PlaceOutcome, nowMs: number): void {
    o.busy = false;
    // The stream may have been faster: then the exchange has it, whatever this answer says.
    const undecided = o.phase === 'sending';
    if (outcome.kind === 'accepted' && outcome.view) this.#see(o, outcome.view, nowMs);
    else if (!undecided) {
      if (outcome.kind !== 'unknown' && outcome.kind !== 'duplicate' && o.phase === 'open') o.asks = true;
    } else if (outcome.kind === 'refused') this.#refuse(o, outcome.code, outcome.reason, nowMs);
    else if (outcome.kind === 'turned_away') this.#again(o, outcome.code, outcome.reason, outcome.waitMs, nowMs);
    else {
      o.phase = 'unknown';
      o.unknownSinceMs = nowMs;
      o.queries = 0;
      o.absences = 0;
    }
    this.#advance(o, nowMs);
  }
  /** @param askedMs when the question was asked: only what could not be accepted any more by then is proven absent */
  queried(o: LedgerOrder, outcome: QueryOutcome, nowMs: number, askedMs: number): void {
    o.busy = false;
    o.asks = false;
    if (outcome.kind === 'found') this.#see(o, outcome.view, nowMs);
    else if (outcome.kind === 'failed') {
      o.queries++;
      if (o.phase === 'open') o.asks = true;
    } else if (o.phase === 'unknown') {
      // Asked twice after the last moment at which it could have been accepted: one such answer may come from a list that is behind.
      if (askedMs - o.sentAtMs < this.#o.acceptMs || o.absences++ === 0) o.queries = Math.max(1, o.queries + 1);
      else this.#absent(o, nowMs);
    } else if (o.phase === 'open') this.#vanished(o, nowMs, askedMs);
    this.#advance(o, nowMs);
  }
  canceled(o: LedgerOrder, outcome: CancelOutcome, nowMs: number): void {
    o.busy = false;
    if (o.phase === 'open') {
      if (outcome.kind === 'accepted') {
        o.cancelWanted = false;
        if (outcome.view) this.#see(o, outcome.view, nowMs);
        // The Algo service answers with the id alone.
        else this.#goal(o, o.cum, 'canceled', '', 0, nowMs, nowMs);
      } else if (outcome.kind === 'not_open') {
        if (o.intent || o.orderId !== '') o.asks = true;
        else this.#elsewhere(o, nowMs);
      } else if (outcome.kind === 'unknown') o.asks = true;
      o.cancelTries++;
    }
    this.#advance(o, nowMs, outcome.kind === 'turned_away' ? outcome.waitMs : 0);
  }
  /** @param waitMs undefined: done; otherwise it is asked again after so long (a cancel of everything may be repeated) */
  canceledAll(symbol: string, conditional: boolean, waitMs: number | undefined, nowMs: number): void {
    const s = this.symbols.get(symbol)!;
    if (waitMs !== undefined) {
      this.#out.request({ kind: 'cancel_all', symbol, conditional, atMs: nowMs + waitMs });
      return;
    }
    s.cancelAll--;
    if (s.cancelAll > 0) return;
    if (s.orders.some((o) => o.phase !== 'ended')) s.checkMs = nowMs + this.#o.settleMs;
    for (const o of [...s.orders]) if (o.phase === 'queued') this.#advance(o, nowMs);
  }

  // The user stream and REST pictures

  /** The stream has (re)connected: what happened before is read by REST, what comes now waits for it. */
  connected(nowMs: number): void {
    for (const s of this.symbols.values()) this.hold(s, nowMs);
  }
  hold(s: SymbolOrders, nowMs: number, waitMs = 0): void {
    if (s.held) {
      s.again = true;
      return;
    }
    s.held = [];
    s.tries = 0;
    this.#out.request({ kind: 'reconcile', symbol: s.name, atMs: nowMs + waitMs });
  }
  news(s: SymbolOrders, e: StreamNews, nowMs: number): void {
    if (s.held) s.held.push(e);
    else this.#news(s, e, nowMs);
  }
  /** Orders that should be open and are not in the list: to be asked for one by one. */
  unaccounted(s: SymbolOrders, open: readonly OrderView[]): LedgerOrder[] {
    const there = new Set(open.map((v) => v.orderId));
    const named = new Set(open.map((v) => v.clientId));
    return s.orders.filter(
      (o) =>
        (o.phase === 'open' || o.phase === 'unknown') &&
        (o.intent || o.orderId !== '') &&
        !there.has(o.orderId) &&
        !named.has(o.clientId),
    );
  }
  /**
   * Ids of orders whose trades are asked for by order: fills that the exchange counts and that have not come, and what orders
   * of an earlier run had done before this one.
   */
  incomplete(s: SymbolOrders, views: readonly OrderView[]): string[] {
    const ids = new Set<string>();
    for (const o of s.orders) {
      const short = o.goal !== undefined && o.cum < o.goal.cum;
      if (!short && !(o.restored && !o.history)) continue;
      const v = views.find((w) => matchOrder(s, w) === o);
      const id = o.conditional ? o.childId || v?.childId : o.orderId || v?.orderId;
      if (id) ids.add(id);
    }
    return [...ids];
  }
  reconciled(s: SymbolOrders, picture: Picture | undefined, nowMs: number): void {
    const puzzling =
      picture?.views.some((v) => !v.conditional && !matchOrder(s, v) && mayHaveParent(s, v, false)) && s.tries < 6;
    if (!picture || s.again || puzzling) {
      s.again = false;
      s.tries = picture && !puzzling ? 0 : s.tries + 1;
      this.#out.request({ kind: 'reconcile', symbol: s.name, atMs: nowMs + backoff(s.tries) });
      return;
    }
    for (const v of picture.views) {
      const o = matchOrder(s, v);
      if (o) {
        if (o.phase !== 'ended') this.#see(o, v, nowMs);
        continue;
      }
      const made = this.#adopt(s, v);
      // What an order of somebody else did before we came is not ours to report.
      if (!s.started) made.cum = Math.max(0, v.cum - traded(picture, v));
      this.#see(made, v, nowMs);
    }
    if (!s.started) {
      s.started = true;
      this.#out.began(s);
    }
    for (const id of picture.missing) {
      const o = s.byClient.get(id);
      if (o?.phase === 'open' && !o.busy) this.#vanished(o, nowMs, picture.askedMs);
    }
    for (const f of [...picture.fills].sort((a, b) => a.tradeId - b.tradeId)) {
      const o = s.byOrder.get(f.orderId);
      if (o) this.#fill(o, f, nowMs);
    }
    for (const o of s.orders) o.history = true;
    for (const o of s.orders)
      if (o.goal) {
        o.goal.sinceMs = nowMs;
        this.#meet(o, nowMs);
      }
    for (const o of [...s.orders]) this.#advance(o, nowMs);
    const held = s.held ?? [];
    s.held = undefined;
    for (const e of held) this.news(s, e, nowMs);
  }

  /** To be called a few times a second. */
  tick(nowMs: number): void {
    for (const s of this.symbols.values()) {
      if (!s.held) {
        const late = s.orders.some((o) => o.goal && o.cum < o.goal.cum && nowMs - o.goal.sinceMs >= this.#o.settleMs);
        if (late || nowMs >= s.checkMs) {
          s.checkMs = Number.POSITIVE_INFINITY;
          this.hold(s, nowMs);
        }
      }
      forget(s, nowMs - REMEMBER_MS);
    }
  }

  #news(s: SymbolOrders, e: StreamNews, nowMs: number): void {
    const v = e.view;
    let o = matchOrder(s, v);
    if (!o && e.mayBeChild && mayHaveParent(s, v, true)) {
      // An order that a conditional one may have become, before we were told which: REST says it.
      if (s.puzzles++ < 2) {
        this.hold(s, nowMs, s.puzzles > 1 ? backoff(s.puzzles) : 0);
        s.held!.push(e);
        return;
      }
    }
    s.puzzles = 0;
    o ??= this.#adopt(s, v);
    const stop = this.#algo && isConditional(o.type) && !o.conditional;
    if (o.phase === 'ended' && e.what === 'stands' && v.status === 'new' && stop) {
      // Before the Algo service a triggered stop expired and came back under its own id.
      o.phase = 'open';
      this.#trigger(o, v.timeMs);
    }
    if (o.phase === 'ended' && e.what !== 'trade') return;
    const child = o.conditional && !v.conditional;
    if (v.qty > 0) o.qty = v.qty;
    if (e.what === 'trade') {
      if (s.seen.has(e.fill!.tradeId)) return;
      // REST has told of fills that the stream has not brought: what comes now may be behind them.
      const behind = s.orders.some((other) => other !== o && other.goal !== undefined && other.cum < other.goal.cum);
      if (behind || (v.cum - e.fill!.qty > o.cum && o.phase !== 'ended')) {
        if (s.gaps++ < 5) {
          this.hold(s, nowMs, s.gaps > 1 ? backoff(s.gaps) : 0);
          s.held!.push(e);
          return;
        }
      }
      s.gaps = 0;
      if (child || v.triggered) this.#trigger(o, v.timeMs);
      this.#fill(o, e.fill!, nowMs);
    } else if (e.what === 'amended') {
      o.px = v.px;
      this.#out.report(o.key, orderReport(o, 'new', { timeMs: v.timeMs, reason: 'amended' }));
    } else if (e.what === 'asks') o.asks = true;
    else this.#see(o, v, nowMs);
    if (o.goal && o.cum < o.goal.cum && isTerminal(o.goal.status)) this.hold(s, nowMs);
    this.#advance(o, nowMs);
  }

  // What an order goes through

  /** The exchange says how the order stands. */
  #see(o: LedgerOrder, v: OrderView, nowMs: number): void {
    const s = this.symbols.get(o.symbol)!;
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
      o.phase = 'ended';
      o.endedMs = nowMs;
      const how = { timeMs: v.timeMs, code: v.code, reason: v.reason, status: 'rejected' as const };
      this.#out.report(o.key, orderReport(o, 'rejected', how));
      this.#finish(o, nowMs);
      return;
    }
    this.#ack(o, v.timeMs);
    if (v.triggered || child) this.#trigger(o, v.timeMs);
    if (v.cum > o.cum || isTerminal(v.status)) this.#goal(o, v.cum, v.status, v.reason, v.code, v.timeMs, nowMs);
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
  #trigger(o: LedgerOrder, timeMs: number): void {
    if (o.triggered) return;
    this.#ack(o, timeMs);
    o.triggered = true;
    this.#out.report(o.key, orderReport(o, 'triggered', { timeMs }));
  }
  #goal(
    o: LedgerOrder,
    cum: number,
    status: Status,
    reason: string,
    code: number,
    timeMs: number,
    nowMs: number,
  ): void {
    const g = o.goal;
    if (g && isTerminal(g.status)) g.cum = Math.max(g.cum, cum);
    else o.goal = { cum: Math.max(cum, g?.cum ?? 0), status, reason, code, timeMs, sinceMs: g?.sinceMs ?? nowMs };
    this.#meet(o, nowMs);
  }
  /** Reports the end once all fills before it have been reported. */
  #meet(o: LedgerOrder, nowMs: number): void {
    const g = o.goal;
    if (!g || o.cum < g.cum || o.phase === 'ended') return;
    o.goal = undefined;
    if (!isTerminal(g.status)) return;
    if (g.status === 'filled' && !o.elsewhere) this.#end(o, nowMs);
    else {
      const exec = g.status === 'canceled' ? 'canceled' : g.status === 'rejected' ? 'rejected' : 'expired';
      if (o.elsewhere) g.reason = `executed as order ${o.childId}`;
      if (exec === 'canceled') o.cancels = [];
      o.phase = 'ended';
      o.endedMs = nowMs;
      this.#out.report(o.key, orderReport(o, exec, { ...g, status: exec }));
      this.#finish(o, nowMs);
    }
  }
  #fill(o: LedgerOrder, f: Fill, nowMs: number): void {
    const s = this.symbols.get(o.symbol)!;
    if (s.seen.has(f.tradeId)) return;
    s.saw(f.tradeId);
    const before = o.restored && f.tradeId <= s.restoredMark;
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
      this.#goal(o, o.cum, 'filled', '', 0, f.timeMs, nowMs);
    } else if (filled) this.#end(o, nowMs);
    else this.#meet(o, nowMs);
  }
  /** The exchange cannot have it: it is sent again where that is still wanted, else refused. */
  #absent(o: LedgerOrder, nowMs: number): void {
    const why = o.lastRefusal ?? {
      code: TIMEOUT,
      reason: 'no answer, and the exchange does not know the order: it was not accepted',
    };
    if (!o.cancelWanted && o.attempts < this.#o.attempts && this.#fresh(o, nowMs)) o.phase = 'queued';
    else this.#refuse(o, why.code, why.reason, nowMs);
  }
  /** An order that stood is not known any more: orders without fills disappear from queries some days after their end. */
  #vanished(o: LedgerOrder, nowMs: number, askedMs: number): void {
    if (o.intent || o.orderId !== '') {
      // Queries may be behind for a moment: only what was seen long before the question, and is missed twice, counts as gone.
      if (askedMs - o.seenMs >= this.#o.acceptMs && o.absences++ > 0)
        this.#goal(o, o.cum, 'expired', 'not known to the exchange any more', 0, nowMs, nowMs);
      else {
        o.asks = true;
        o.queries++;
      }
    } else this.#elsewhere(o, nowMs);
  }
  /** A stranger that is no order: it may be a conditional one, where these are apart. */
  #elsewhere(o: LedgerOrder, nowMs: number): void {
    if (this.#algo && !o.conditional) o.conditional = true;
    else this.#end(o, nowMs);
  }
  #again(o: LedgerOrder, code: number, reason: string, waitMs: number, nowMs: number): void {
    o.lastRefusal = { code, reason };
    const worth = code === TOO_OLD || closes(o);
    if (!o.cancelWanted && worth && o.attempts < this.#o.attempts && this.#fresh(o, nowMs + waitMs)) {
      o.phase = 'queued';
      o.busy = true;
      this.#out.request({ kind: 'place', order: o, atMs: nowMs + waitMs });
    } else this.#refuse(o, code, reason, nowMs);
  }
  #refuse(o: LedgerOrder, code: number, reason: string, nowMs: number): void {
    this.#out.refused(o, code, reason);
    o.phase = 'ended';
    o.endedMs = nowMs;
    this.#out.report(o.key, refusedCommand(o.intent!.command, code, reason, nowMs));
    this.#finish(o, nowMs);
  }
  #withdraw(o: LedgerOrder, nowMs: number): void {
    this.#out.refused(o, 0, WITHDRAWN);
    o.phase = 'ended';
    o.endedMs = nowMs;
    o.cancels = [];
    this.#out.report(o.key, orderReport(o, 'canceled', { timeMs: nowMs, status: 'canceled', reason: WITHDRAWN }));
    this.#finish(o, nowMs);
  }
  #end(o: LedgerOrder, nowMs: number): void {
    o.phase = 'ended';
    o.endedMs = nowMs;
    this.#finish(o, nowMs);
  }
  /** Cancels that came too late are answered, and the order is put away. */
  #finish(o: LedgerOrder, nowMs: number): void {
    o.goal = undefined;
    o.cancelWanted = false;
    this.#answerCancels(o, nowMs);
    this.#out.ended(o);
  }
  #answerCancels(o: LedgerOrder, nowMs: number): void {
    for (const c of o.cancels) this.#out.report(o.key, refusedCommand(c, UNKNOWN_ORDER, 'Unknown order sent.', nowMs));
    o.cancels = [];
  }
  #adopt(s: SymbolOrders, v: OrderView): LedgerOrder {
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
  #advance(o: LedgerOrder, nowMs: number, waitMs = 0): void {
    if (o.phase === 'ended') {
      this.#answerCancels(o, nowMs);
      return;
    }
    if (o.busy) return;
    if (o.phase === 'queued') {
      if (o.cancelWanted) this.#withdraw(o, nowMs);
      else if (this.symbols.get(o.symbol)!.ready) this.#ask('place', o, nowMs);
    } else if (o.phase === 'unknown') this.#ask('query', o, nowMs + backoff(o.queries));
    else if (o.phase === 'open') {
      if (o.asks) this.#ask('query', o, nowMs + (o.queries > 0 ? backoff(o.queries) : 0));
      else if (o.cancelWanted && !(o.goal && isTerminal(o.goal.status)))
        this.#ask('cancel', o, nowMs + Math.max(waitMs, o.cancelTries > 0 ? backoff(o.cancelTries) : 0));
    }
  }
  #ask(kind: 'place' | 'cancel' | 'query', o: LedgerOrder, atMs: number): void {
    o.busy = true;
    this.#out.request({ kind, order: o, atMs });
  }
  #fresh(o: LedgerOrder, nowMs: number): boolean {
    const age = nowMs - o.intent!.madeMs;
    return age <= (closes(o) ? this.#o.closeAgeMs : this.#o.riskAgeMs);
  }
}

/** It can only make the position smaller. */
const closes = (o: LedgerOrder): boolean => o.reduceOnly || o.intent?.command.close_position === true;

/**
 * There is a conditional order that it may have become before we were told. `open`: those that stand are meant too; of
 * these a picture says whether they have triggered.
 */
const mayHaveParent = (s: SymbolOrders, v: OrderView, open: boolean): boolean =>
  v.type !== 'limit' &&
  v.type !== 'liquidation' &&
  s.orders.some(
    (c) =>
      c.conditional &&
      c.side === v.side &&
      c.childId === '' &&
      (c.phase === 'sending' || c.phase === 'unknown' || (open && c.phase === 'open')),
  );

const traded = (p: Picture, v: OrderView): number =>
  p.fills.reduce((sum, f) => (f.orderId === v.orderId || f.orderId === v.childId ? sum + f.qty : sum), 0);

/** Delay before try n: 50 ms, doubled up to 2 s. */
const backoff = (n: number): number => Math.min(2_000, 50 * 2 ** Math.min(n, 6));
