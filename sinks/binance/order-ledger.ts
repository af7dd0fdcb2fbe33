import type { Effects, LedgerOptions } from './ledger-types.ts';
import { OrderFlow } from './order-flow.ts';
import { refusedCommand } from './order-report.ts';
import {
  type CancelOutcome,
  type Command,
  type Intent,
  type LedgerOrder,
  newOrder,
  type OrderView,
  orderOf,
  type Picture,
  type PlaceOutcome,
  type QueryOutcome,
} from './order-state.ts';
import { StreamMerge } from './stream-merge.ts';
import { forget, type StreamNews, SymbolOrders } from './symbol-orders.ts';

const TOO_MANY = -1015;
const TOO_OLD = -1021;
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
  readonly #flow: OrderFlow;
  readonly #merge: StreamMerge;

  constructor(options: LedgerOptions, effects: Effects) {
    this.#o = options;
    this.#algo = options.algo ?? true;
    this.#out = effects;
    this.#flow = new OrderFlow(this.symbols, options, effects);
    this.#merge = new StreamMerge(this.symbols, this.#flow, effects, this.#algo);
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
    if (!s.started && !s.held) this.#merge.hold(s, nowMs);
    if (c.action === 'place') {
      if (s.byClient.has(c.client_id)) {
        this.#duplicate(s, intent, nowMs);
        return;
      }
      const o = orderOf(symbol, intent, this.#algo);
      s.add(o);
      this.#flow.advance(o, nowMs);
    } else if (c.action === 'cancel') {
      const o = s.byClient.get(c.client_id) ?? this.#foreign(s, c);
      o.cancels.push(c);
      o.cancelWanted = true;
      this.#flow.advance(o, nowMs);
    } else if (c.action === 'query') {
      const o = s.byClient.get(c.client_id) ?? this.#foreign(s, c);
      o.questions.push(c);
      if (o.phase === 'open') o.asks = true;
      this.#flow.advance(o, nowMs);
    } else {
      // What is under way may arrive after the cancel: it is cancelled by itself as soon as it stands.
      for (const o of s.orders)
        if (o.phase === 'queued' || o.phase === 'sending' || o.phase === 'unknown') o.cancelWanted = true;
      for (const o of s.orders) if (o.phase === 'queued') this.#flow.advance(o, nowMs);
      s.cancelAll += 2;
      this.#out.request({ kind: 'cancel_all', symbol, conditional: false, atMs: nowMs });
      this.#out.request({ kind: 'cancel_all', symbol, conditional: true, atMs: nowMs });
    }
  }
  /** Two closing orders of which one cancels the other, for one list (Spot): both stand, or neither. */
  pair(symbol: string, first: Intent, second: Intent, nowMs: number): void {
    const s = this.symbol(symbol, first.key);
    if (s.byClient.has(first.command.client_id) || s.byClient.has(second.command.client_id)) {
      this.command(symbol, first, nowMs);
      this.command(symbol, second, nowMs);
      return;
    }
    if (!s.started && !s.held) this.#merge.hold(s, nowMs);
    const a = orderOf(symbol, first, this.#algo);
    const b = orderOf(symbol, second, this.#algo);
    a.partner = b;
    b.partner = a;
    b.follows = true;
    s.add(a);
    s.add(b);
    this.#flow.advance(a, nowMs);
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
      if (s.byClient.has(c.client_id)) {
        this.#duplicate(s, intent, nowMs);
        return;
      }
      const o = orderOf(symbol, intent, this.#algo);
      if (refused) {
        // It may not have been told before that run came to its end.
        s.add(o);
        if (refused.code === 0) this.#flow.withdraw(o, nowMs);
        else this.#flow.refuse(o, refused.code, refused.reason, nowMs);
        return;
      }
      o.restored = true;
      o.attempts = 1;
      // It may have been sent at any moment up to the end of that run.
      o.sentAtMs = nowMs;
      s.add(o);
      this.#flow.doubt(o, 'of an earlier run, which did not write down what came of it', nowMs);
      this.#flow.advance(o, nowMs);
    } else if (c.action === 'cancel') {
      const o = s.byClient.get(c.client_id);
      if (!o) return;
      o.cancels.push(c);
      o.cancelWanted = true;
      this.#flow.advance(o, nowMs);
    } else if (c.action === 'query') {
      if (s.byClient.has(c.client_id)) this.command(symbol, intent, nowMs);
    } else if (nowMs - intent.madeMs < this.#o.closeAgeMs) this.command(symbol, intent, nowMs);
  }
  #duplicate(s: SymbolOrders, intent: Intent, nowMs: number): void {
    const reason = 'clientOrderId is duplicated.';
    this.#out.refused(intent, DUPLICATE, reason);
    this.#out.report(s.key, refusedCommand(intent.command, DUPLICATE, reason, nowMs));
    this.#out.ended(intent);
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
      this.#flow.withdraw(o, nowMs);
      return false;
    }
    if (!this.symbols.get(o.symbol)!.ready) return false;
    if (waitMs > 0) {
      this.#flow.refuse(o, TOO_MANY, 'the order limits leave no room for it in time; it was not sent', nowMs);
      return false;
    }
    if (!this.#flow.fresh(o, nowMs)) {
      this.#flow.refuse(o, TOO_OLD, 'the command is older than its max age; it was not sent', nowMs);
      return false;
    }
    for (const sent of o.partner ? [o, o.partner] : [o]) {
      sent.phase = 'sending';
      sent.busy = true;
      sent.attempts++;
      sent.sentAtMs = nowMs;
    }
    return true;
  }
  /** An order that must wait for the limiter. False: it may not wait that long, and `begin` will say so. */
  waits(o: LedgerOrder, nowMs: number, waitMs: number): boolean {
    return o.phase === 'queued' && !o.cancelWanted && this.#flow.fresh(o, nowMs + waitMs);
  }
  placed(o: LedgerOrder, outcome: PlaceOutcome, nowMs: number): void {
    const p = o.partner;
    if (p) p.busy = false;
    this.#placed(o, outcome, nowMs);
    // Refused, turned away or to be sent again: the one that leads has taken the other with it.
    if (!p || p.phase === 'ended' || p.phase === 'queued') return;
    const view = outcome.kind === 'accepted' ? outcome.partner : undefined;
    this.#placed(p, outcome.kind === 'accepted' ? { kind: 'accepted', view } : outcome, nowMs);
  }
  #placed(o: LedgerOrder, outcome: PlaceOutcome, nowMs: number): void {
    o.busy = false;
    // The stream may have been faster: then the exchange has it, whatever this answer says.
    const undecided = o.phase === 'sending';
    if (outcome.kind === 'accepted' && outcome.view) this.#flow.see(o, outcome.view, nowMs);
    else if (!undecided) {
      if (outcome.kind !== 'unknown' && outcome.kind !== 'duplicate' && o.phase === 'open') o.asks = true;
    } else if (outcome.kind === 'refused') this.#flow.refuse(o, outcome.code, outcome.reason, nowMs);
    else if (outcome.kind === 'turned_away') this.#flow.again(o, outcome.code, outcome.reason, outcome.waitMs, nowMs);
    else this.#flow.doubt(o, outcome.kind === 'unknown' ? outcome.reason : `answered: ${outcome.kind}`, nowMs);
    this.#flow.advance(o, nowMs);
  }
  /** @param askedMs when the question was asked: only what could not be accepted any more by then is proven absent */
  queried(o: LedgerOrder, outcome: QueryOutcome, nowMs: number, askedMs: number): void {
    o.busy = false;
    o.asks = false;
    const stranger = !o.intent && o.orderId === '' && o.questions.length > 0;
    if (outcome.kind === 'found') this.#flow[stranger ? 'found' : 'see'](o, outcome.view, nowMs);
    else if (outcome.kind === 'failed') {
      o.queries++;
      if (o.phase === 'open') o.asks = true;
    } else if (o.phase === 'unknown') {
      // Asked twice after the last moment at which it could have been accepted: one such answer may come from a list that is behind.
      if (askedMs - o.sentAtMs < this.#o.acceptMs || !this.#flow.missed(o, askedMs)) o.queries++;
      else this.#flow.absent(o, nowMs);
    } else if (o.phase === 'open') this.#flow.vanished(o, nowMs, askedMs);
    this.#flow.advance(o, nowMs);
  }
  canceled(o: LedgerOrder, outcome: CancelOutcome, nowMs: number): void {
    o.busy = false;
    if (o.phase === 'open') {
      if (outcome.kind === 'accepted') {
        o.cancelWanted = false;
        if (outcome.view) this.#flow.see(o, outcome.view, nowMs);
        // The Algo service answers with the id alone.
        else this.#flow.goal(o, o.cum, 'canceled', '', 0, nowMs, nowMs);
      } else if (outcome.kind === 'not_open') {
        if (o.intent || o.orderId !== '') o.asks = true;
        else this.#flow.elsewhere(o, nowMs);
      } else if (outcome.kind === 'unknown') o.asks = true;
      o.cancelTries++;
    }
    this.#flow.advance(o, nowMs, outcome.kind === 'turned_away' ? outcome.waitMs : 0);
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
    for (const o of [...s.orders]) if (o.phase === 'queued') this.#flow.advance(o, nowMs);
  }

  /** To be called a few times a second. */
  tick(nowMs: number): void {
    for (const s of this.symbols.values()) {
      if (!s.held) {
        const late = s.orders.some((o) => o.goal && o.cum < o.goal.cum && nowMs - o.goal.sinceMs >= this.#o.settleMs);
        if (late || nowMs >= s.checkMs) {
          s.checkMs = Number.POSITIVE_INFINITY;
          this.#merge.hold(s, nowMs);
        }
      }
      forget(s, nowMs - REMEMBER_MS);
    }
  }

  // The user stream and REST pictures: see stream-merge.ts

  connected(nowMs: number): void {
    this.#merge.connected(nowMs);
  }
  news(s: SymbolOrders, e: StreamNews, nowMs: number): void {
    this.#merge.news(s, e, nowMs);
  }
  unaccounted(s: SymbolOrders, open: readonly OrderView[]): LedgerOrder[] {
    return this.#merge.unaccounted(s, open);
  }
  incomplete(s: SymbolOrders, views: readonly OrderView[]): string[] {
    return this.#merge.incomplete(s, views);
  }
  reconciled(s: SymbolOrders, picture: Picture | undefined, nowMs: number): void {
    this.#merge.reconciled(s, picture, nowMs);
  }
}
