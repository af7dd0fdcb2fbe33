import type { Effects, LedgerOptions, Request } from './ledger-types.ts';
import { OrderLedger } from './order-ledger.ts';
import type { OrderLimiter } from './order-limiter.ts';
import type { CancelOutcome, Fill, LedgerOrder, OrderView, PlaceOutcome, QueryOutcome } from './order-state.ts';
import type { SymbolOrders } from './symbol-orders.ts';

/** Questions to the exchange. An answer comes to every one, at the latest when it has timed out. */
export interface OrderApi {
  place(o: LedgerOrder, done: (outcome: PlaceOutcome) => void): void;
  /** What the order would be depends on what is not known yet, and soon is (Spot, an order that may only close). */
  blocked?(o: LedgerOrder): boolean;
  cancel(o: LedgerOrder, done: (outcome: CancelOutcome) => void): void;
  /** By its client id, or by the exchange's; a triggered conditional order together with what it became. */
  query(o: LedgerOrder, done: (outcome: QueryOutcome) => void): void;
  byId(symbol: string, orderId: string, done: (outcome: QueryOutcome) => void): void;
  /** @param done undefined: done; else it may be asked again after so many ms */
  cancelAll(symbol: string, conditional: boolean, done: (waitMs: number | undefined) => void): void;
  /** @param done undefined: no answer */
  open(symbol: string, conditional: boolean, done: (views: OrderView[] | undefined) => void): void;
  /** Of one order, from a trade id on (at most 1,000, ascending), or the last one. */
  trades(symbol: string, which: Which, done: (fills: Fill[] | undefined) => void): void;
}
export type Which = { readonly fromId: number } | { readonly orderId: string } | 'last';

/** Time as it passes for the courier: real, or a test's. */
export interface Timers {
  /** ms of the wall clock. */
  now(): number;
  after(ms: number, run: () => void): void;
}

const PAGE = 1_000;
/** A blocked order looks again after this long. */
const BLOCKED_MS = 50;

/** Carries the ledger's requests to the exchange, in time and within its limits, and the answers back. */
export class Courier {
  readonly ledger: OrderLedger;
  readonly #api: OrderApi;
  readonly #limiter: OrderLimiter;
  readonly #timers: Timers;
  closed = false;
  /** Pictures read, and those that could not be. */
  pictures = 0;
  failures = 0;

  constructor(
    api: OrderApi,
    limiter: OrderLimiter,
    timers: Timers,
    options: LedgerOptions,
    effects: Omit<Effects, 'request'>,
  ) {
    this.#api = api;
    this.#limiter = limiter;
    this.#timers = timers;
    this.ledger = new OrderLedger(options, {
      report: effects.report,
      refused: effects.refused,
      ended: effects.ended,
      began: effects.began,
      ...(effects.held ? { held: effects.held } : {}),
      ...(effects.compared ? { compared: effects.compared } : {}),
      request: (r) => this.#at(r.atMs, () => this.#perform(r)),
    });
  }

  #at(ms: number, run: () => void): void {
    this.#timers.after(Math.max(0, ms - this.#timers.now()), () => {
      if (!this.closed) run();
    });
  }
  /** Answers after the end are nobody's business. */
  #back<A>(use: (answer: A, nowMs: number) => void): (answer: A) => void {
    return (answer) => {
      if (!this.closed) use(answer, this.#timers.now());
    };
  }

  #perform(r: Request): void {
    const now = this.#timers.now();
    const { ledger } = this;
    if (r.kind === 'place') {
      const o = r.order;
      const wait = this.#limiter.orderWait(now, o.reduceOnly || o.intent?.command.close_position === true);
      if (wait > 0 && ledger.waits(o, now, wait)) {
        this.#at(now + wait, () => this.#perform(r));
        return;
      }
      if (wait === 0 && this.#api.blocked?.(o) && ledger.waits(o, now, BLOCKED_MS)) {
        this.#at(now + BLOCKED_MS, () => this.#perform(r));
        return;
      }
      if (!ledger.begin(o, now, wait)) return;
      this.#limiter.ordered(now);
      if (o.partner) this.#limiter.ordered(now);
      this.#api.place(
        o,
        this.#back((outcome, t) => ledger.placed(o, outcome, t)),
      );
      return;
    }
    const wait = this.#limiter.weightWait(now, 1, true);
    if (wait > 0) {
      this.#at(now + wait, () => this.#perform(r));
      return;
    }
    if (r.kind === 'reconcile') {
      this.#read(ledger.symbols.get(r.symbol)!);
      return;
    }
    this.#limiter.weighed(now, 1);
    if (r.kind === 'cancel_all')
      this.#api.cancelAll(
        r.symbol,
        r.conditional,
        this.#back((waitMs, t) => ledger.canceledAll(r.symbol, r.conditional, waitMs, t)),
      );
    else if (r.kind === 'cancel')
      this.#api.cancel(
        r.order,
        this.#back((outcome, t) => ledger.canceled(r.order, outcome, t)),
      );
    else
      this.#api.query(
        r.order,
        this.#back((outcome, t) => ledger.queried(r.order, outcome, t, now)),
      );
  }

  /** Reads the picture of one instrument, question by question; one that keeps failing makes the whole fail. */
  #read(s: SymbolOrders): void {
    const steps = this.#picture(s);
    const end = (picture: Parameters<OrderLedger['reconciled']>[1]): void => {
      if (picture) this.pictures++;
      else this.failures++;
      this.ledger.reconciled(s, picture, this.#timers.now());
    };
    const go = (answer: unknown): void => {
      const next = steps.next(answer);
      if (next.done) end(next.value);
      else {
        let tries = 0;
        const put = (question: Question): void => {
          this.#limiter.weighed(this.#timers.now(), question.weight);
          question.ask(
            this.#back((a: unknown, nowMs) => {
              if (!failed(a)) go(a);
              else if (++tries < TRIES) this.#at(nowMs + 50 * tries, () => put(question));
              else end(undefined);
            }),
          );
        };
        put(next.value);
      }
    };
    go(undefined);
  }
  *#picture(s: SymbolOrders): Generator<Question, Parameters<OrderLedger['reconciled']>[1], unknown> {
    const api = this.#api;
    const askedMs = this.#timers.now();
    if (s.mark < 0) {
      const last = (yield { weight: 5, ask: (d) => api.trades(s.name, 'last', d) }) as Fill[];
      // A trade may have come by the stream meanwhile; it will be taken from there.
      if (s.mark < 0) s.mark = last[0]?.tradeId ?? 0;
    }
    const views: OrderView[] = [];
    for (const conditional of [false, true])
      views.push(...((yield { weight: 1, ask: (d) => api.open(s.name, conditional, d) }) as OrderView[]));
    const missing: string[] = [];
    for (const o of this.ledger.unaccounted(s, views)) {
      // Known a moment ago: a word that it does not exist comes from a list that is behind, and is no answer.
      const recent = o.seenMs > 0 && askedMs - o.seenMs < this.ledger.acceptMs;
      const answer = (yield {
        weight: 1,
        ask: (d) => api.query(o, (a) => d(recent && a.kind === 'not_found' ? undefined : a)),
      }) as QueryOutcome;
      if (answer.kind === 'found') views.push(answer.view);
      else missing.push(o.clientId);
    }
    const fills: Fill[] = [];
    for (let from = s.mark + 1; ; ) {
      const page = (yield { weight: 5, ask: (d) => api.trades(s.name, { fromId: from }, d) }) as Fill[];
      fills.push(...page);
      if (page.length < PAGE) break;
      from = page.at(-1)!.tradeId + 1;
    }
    for (const id of this.ledger.incomplete(s, views))
      fills.push(...((yield { weight: 5, ask: (d) => api.trades(s.name, { orderId: id }, d) }) as Fill[]));
    const named = new Set(views.flatMap((v) => [v.orderId, v.childId]));
    for (const id of new Set(fills.map((f) => f.orderId))) {
      if (named.has(id) || s.byOrder.has(id)) continue;
      const answer = (yield { weight: 1, ask: (d) => api.byId(s.name, id, d) }) as QueryOutcome;
      if (answer.kind !== 'found') return undefined;
      views.push(answer.view);
    }
    return { views, missing, fills, askedMs };
  }
}

/** Times that one question of a picture is asked before the whole begins anew. */
const TRIES = 4;
const failed = (answer: unknown): boolean =>
  answer === undefined || (answer as { readonly kind?: unknown } | null)?.kind === 'failed';

interface Question {
  readonly weight: number;
  ask(done: (answer: unknown) => void): void;
}
