import { backoff } from './backoff.ts';
import { compare } from './comparison.ts';
import type { Effects } from './ledger-types.ts';
import type { OrderFlow } from './order-flow.ts';
import { orderReport } from './order-report.ts';
import { isConditional, isTerminal, type LedgerOrder, type OrderView, type Picture } from './order-state.ts';
import { matchOrder, type StreamNews, type SymbolOrders } from './symbol-orders.ts';

/**
 * What comes by stream and what REST says, put together: where the stream cannot be right (a fill is missing, a connection was
 * lost), an instrument is put on hold, read by REST, and what came meanwhile is applied afterwards.
 */
export class StreamMerge {
  readonly #symbols: ReadonlyMap<string, SymbolOrders>;
  readonly #flow: OrderFlow;
  readonly #out: Effects;
  readonly #algo: boolean;

  constructor(symbols: ReadonlyMap<string, SymbolOrders>, flow: OrderFlow, effects: Effects, algo: boolean) {
    this.#symbols = symbols;
    this.#flow = flow;
    this.#out = effects;
    this.#algo = algo;
  }

  /** The stream has (re)connected: what happened before is read by REST, what comes now waits for it. */
  connected(nowMs: number): void {
    for (const s of this.#symbols.values()) this.hold(s, nowMs);
  }
  hold(s: SymbolOrders, nowMs: number, waitMs = 0): void {
    if (s.held) {
      s.again = true;
      return;
    }
    s.held = [];
    s.tries = 0;
    this.#out.held?.(s);
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
    const found = compare(s, picture);
    for (const v of picture.views) {
      const o = matchOrder(s, v);
      if (o) {
        if (o.phase !== 'ended') this.#flow.see(o, v, nowMs);
        continue;
      }
      const made = this.#flow.adopt(s, v);
      // What an order of somebody else did before we came is not ours to report.
      if (!s.started) made.cum = Math.max(0, v.cum - traded(picture, v));
      this.#flow.see(made, v, nowMs);
    }
    if (!s.started) {
      s.started = true;
      this.#out.began(s);
    }
    for (const id of picture.missing) {
      const o = s.byClient.get(id);
      if (o?.phase === 'open' && !o.busy) this.#flow.vanished(o, nowMs, picture.askedMs);
    }
    for (const f of [...picture.fills].sort((a, b) => a.tradeId - b.tradeId)) {
      const o = s.byOrder.get(f.orderId);
      if (o) this.#flow.fill(o, f, nowMs);
    }
    for (const o of s.orders) o.history = true;
    for (const o of s.orders)
      if (o.goal) {
        o.goal.sinceMs = nowMs;
        this.#flow.meet(o, nowMs);
      }
    for (const o of [...s.orders]) this.#flow.advance(o, nowMs);
    const held = s.held ?? [];
    s.held = undefined;
    this.#out.compared?.(found, nowMs);
    for (const e of held) this.news(s, e, nowMs);
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
    o ??= this.#flow.adopt(s, v);
    const stop = this.#algo && isConditional(o.type) && !o.conditional;
    if (o.phase === 'ended' && e.what === 'stands' && v.status === 'new' && stop) {
      // Before the Algo service a triggered stop expired and came back under its own id.
      o.phase = 'open';
      this.#flow.trigger(o, v.timeMs);
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
      if (child || v.triggered) this.#flow.trigger(o, v.timeMs);
      this.#flow.fill(o, e.fill!, nowMs);
    } else if (e.what === 'amended') {
      o.px = v.px;
      this.#out.report(o.key, orderReport(o, 'new', { timeMs: v.timeMs, reason: 'amended' }));
    } else if (e.what === 'asks') o.asks = true;
    else this.#flow.see(o, v, nowMs);
    if (o.goal && o.cum < o.goal.cum && isTerminal(o.goal.status)) this.hold(s, nowMs);
    this.#flow.advance(o, nowMs);
  }
}

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
