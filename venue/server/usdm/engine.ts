import type { KeyInfo } from '../../../graph/schema/index.ts';
import { arrive, onBest, onLadder, onMark, onTrade } from '../../core/exchange.ts';
import { settle } from '../../core/fill.ts';
import { ACCOUNT, balance, walletBalance } from '../../core/ledger.ts';
import { attachLive } from '../../core/liquidity.ts';
import { dropLive, fillLive } from '../../core/live.ts';
import { cancelLimits, expireDue } from '../../core/place.ts';
import { REJECT, type Reject } from '../../core/reject.ts';
import { type Command, createExchange, type Exchange, type Market, marketOf, type Report } from '../../core/state.ts';
import { forceAdl, forceLiquidation, transfer, withdrawable } from '../../core/usdm-account.ts';
import { type AccountEngine, type ApiCall, ApiError, type MarketListener, type Route } from '../contract.ts';
import { accountRoutes } from './account-routes.ts';
import type { AlgoBook } from './algo-book.ts';
import { algoRoutes } from './algo-routes.ts';
import { configRoutes } from './config-routes.ts';
import { type AlgoRecord, createDesk, type Desk, type OrderRecord } from './desk.ts';
import { balanceChange } from './events.ts';
import { historyRoutes } from './history-routes.ts';
import { FIRST_ALGO_ID, firstOrderId } from './ids.ts';
import type { Incomes } from './incomes.ts';
import type { UsdmOptions } from './options.ts';
import type { Placement } from './order-params.ts';
import { orderRoutes } from './order-routes.ts';
import { exchangeRules } from './rules.ts';
import { Teller } from './teller.ts';

interface Waiting {
  readonly at: number;
  readonly run: () => void;
}

/** One account of USD-M futures: the core's exchange, what its owner may ask of it, and what it tells. */
export class UsdmEngine implements AccountEngine {
  readonly market = 'usdm';
  readonly options: UsdmOptions;
  readonly exchange: Exchange;
  readonly desks: readonly Desk[];
  readonly algos: AlgoBook;
  readonly incomes: Incomes;
  readonly listener: MarketListener;
  readonly routes: readonly Route[];
  onUserEvent: (event: object) => void = () => {};
  /** Market time as far as the account knows it, µs. */
  nowUs: number;
  feeBurn = false;
  #nextFreshId = 1;
  readonly #bySymbol = new Map<string, Desk>();
  readonly #byKey: (Desk | undefined)[] = [];
  #queue: Waiting[] = [];
  readonly #teller: Teller;
  /** A command is under way: what it causes in a live book is told with it. */
  #busy = false;

  constructor(options: UsdmOptions) {
    this.options = options;
    this.nowUs = options.startUs ?? 0;
    const listed = options.listed.filter((l) => l.market === 'usdm');
    this.exchange = createExchange(exchangeRules(options, listed), options.deposit ?? 10_000e8);
    this.exchange.nextAlgoId = FIRST_ALGO_ID;
    this.desks = listed.map((l) => {
      const m = marketOf(this.exchange, l.key);
      if (!m) throw new Error(`${l.key.name} is no instrument of USD-M`);
      m.cross = options.marginType === 'cross';
      m.nextOrderId = firstOrderId(m.slot);
      this.#goLive(m, l.key);
      const d = createDesk(l, m);
      this.#bySymbol.set(l.symbol, d);
      this.#byKey[l.key.index] = d;
      return d;
    });
    this.#teller = new Teller(this.exchange, this.#byKey, this.nowMs, (event) => this.emit(event));
    this.algos = this.#teller.algos;
    this.incomes = this.#teller.incomes;
    this.listener = this.#listen();
    this.routes = [
      ...orderRoutes(this),
      ...algoRoutes(this),
      ...historyRoutes(this),
      ...accountRoutes(this),
      ...configRoutes(this),
    ];
  }

  #goLive(m: Market, key: KeyInfo): void {
    const x = this.exchange;
    const book = this.options.live?.(key, {
      nowUs: () => this.nowUs,
      onFill: (id, px, qty, nowUs) => {
        if (nowUs > this.nowUs) this.#advance(nowUs);
        fillLive(x, m, id, px, qty, nowUs);
        if (x.outbox.length > 0 && !this.#busy) this.drain();
      },
      onLost: (id) => dropLive(m, id),
    });
    if (book) attachLive(m, book);
  }
  #listen(): MarketListener {
    const x = this.exchange;
    const at = (key: KeyInfo, nowUs: number): Desk | undefined => {
      if (nowUs > this.nowUs) this.#advance(nowUs);
      return this.#byKey[key.index];
    };
    return {
      onTrade: (key, px, qty, taker, nowUs) => {
        const d = at(key, nowUs);
        if (!d) return;
        onTrade(x, d.market, px, qty, taker, nowUs);
        if (x.outbox.length > 0) this.drain();
      },
      onLadder: (key, ladder, nowUs) => {
        const d = at(key, nowUs);
        if (!d) return;
        onLadder(x, d.market, ladder as Parameters<typeof onLadder>[2], nowUs);
        if (x.outbox.length > 0) this.drain();
      },
      onBest: (key, best, nowUs) => {
        const d = at(key, nowUs);
        if (!d) return;
        onBest(x, d.market, best, nowUs);
        if (x.outbox.length > 0) this.drain();
      },
      onMark: (key, mark, rate, nextMs, eventMs, nowUs) => {
        const d = at(key, nowUs);
        if (!d) return;
        onMark(x, d.market, mark, rate, nextMs, eventMs, nowUs);
        if (x.outbox.length > 0) this.drain();
      },
    };
  }

  /** A client id for an order that came without one. */
  freshId(): string {
    return `venue-${this.nowMs.toString(36)}-${this.#nextFreshId++}`;
  }
  /** The symbol that a call is about. @throws −1102, −1121 */
  desk(call: ApiCall): Desk {
    return this.deskOf(call.params.text('symbol'));
  }
  deskOf(symbol: string): Desk {
    const d = this.#bySymbol.get(symbol);
    if (!d) throw new ApiError(-1121, 'Invalid symbol.');
    return d;
  }

  // --- time -------------------------------------------------------------------------------------------------------

  nextUs(): number {
    let next = this.exchange.goodTillMs * 1000;
    if (this.#queue.length > 0) next = Math.min(next, this.#queue[0]!.at);
    for (const d of this.desks) if (d.countdownUs < next) next = d.countdownUs;
    return next;
  }
  advance(marketUs: number): void {
    if (marketUs > this.nowUs) this.#advance(marketUs);
    else this.#runDue(this.nowUs);
  }
  /** Whatever is due up to then, in order of its time. */
  #advance(toUs: number): void {
    for (;;) {
      const due = this.nextUs();
      if (due > toUs) break;
      if (due > this.nowUs) this.nowUs = due;
      this.#runDue(this.nowUs);
    }
    this.nowUs = toUs;
  }
  #runDue(nowUs: number): void {
    while (this.#queue.length > 0 && this.#queue[0]!.at <= nowUs) this.#queue.shift()!.run();
    const x = this.exchange;
    if (x.goodTillMs * 1000 <= nowUs) expireDue(x, Math.floor(nowUs / 1000));
    for (const d of this.desks) {
      if (d.countdownUs > nowUs) continue;
      d.countdownUs = Number.POSITIVE_INFINITY;
      cancelLimits(x, d.market, nowUs, 'countdown');
      settle(x, d.market);
    }
    if (x.outbox.length > 0) this.drain();
  }
  #later(at: number, run: () => void): void {
    let i = this.#queue.length;
    while (i > 0 && this.#queue[i - 1]!.at > at) i--;
    this.#queue.splice(i, 0, { at, run });
  }
  /** Runs a call that changes something, after the latency of orders; its answer leaves after that of responses. */
  act<T>(call: ApiCall, run: () => T): T | Promise<T> {
    this.advance(call.marketUs);
    const { orderLatencyUs = 0, responseLatencyUs = 0 } = this.options;
    if (orderLatencyUs === 0 && responseLatencyUs === 0) return run();
    return new Promise<T>((resolve, reject) => {
      this.#later(this.nowUs + orderLatencyUs, () => {
        let answer: () => void;
        try {
          const value = run();
          answer = () => resolve(value);
        } catch (e) {
          answer = () => reject(e as Error);
        }
        this.#later(this.nowUs + responseLatencyUs, answer);
      });
    });
  }
  emit(event: object): void {
    const { responseLatencyUs = 0 } = this.options;
    if (responseLatencyUs === 0) this.onUserEvent(event);
    else this.#later(this.nowUs + responseLatencyUs, () => this.onUserEvent(event));
  }
  get nowMs(): number {
    return Math.floor(this.nowUs / 1000);
  }

  // --- commands ---------------------------------------------------------------------------------------------------

  /** Sends a command into the core. @throws what the exchange answers to it when it does not take it */
  command(d: Desk, c: Command, placing?: Placement): OrderRecord | AlgoRecord | undefined {
    const teller = this.#teller;
    teller.refusal = undefined;
    teller.fresh = undefined;
    teller.placing = placing;
    this.#busy = true;
    try {
      arrive(this.exchange, d.key, c, this.nowUs);
    } catch (e) {
      // An amount that cannot be held exactly: nothing was booked before the checks that compute it.
      if ((e as { code?: string }).code !== 'CHM801') throw e;
      settle(this.exchange, d.market);
      throw new ApiError(-4005, 'Quantity greater than max quantity.');
    } finally {
      this.#busy = false;
      teller.drain();
      teller.placing = undefined;
    }
    const refusal = teller.refusal as Report | undefined;
    if (refusal) throw new ApiError(refusal.code, refusal.reason);
    return teller.fresh;
  }

  /** Takes over what the core said. */
  drain(): void {
    this.#teller.drain();
  }

  // --- money ------------------------------------------------------------------------------------------------------

  withdraw(asset: string, amount: number, marketUs: number): void {
    this.advance(marketUs);
    this.#move(asset, -amount, 'WITHDRAW');
  }
  deposit(asset: string, amount: number, marketUs: number): void {
    this.advance(marketUs);
    this.#move(asset, amount, 'DEPOSIT');
  }
  #move(asset: string, change: number, reason: string): void {
    if (asset !== 'USDT') throw new ApiError(-5001, `Asset ${asset} cannot be transferred to this account.`);
    const why = transfer(this.exchange, change);
    if (why) throw refused(why);
    this.#teller.updateMs = this.nowMs;
    this.incomes.add('', 'TRANSFER', change, this.nowMs, '', reason);
    this.emit(balanceChange(this.exchange, change, reason, this.nowMs));
  }
  force(kind: 'liquidation' | 'adl', symbol: string, marketUs: number): void {
    this.advance(marketUs);
    const d = this.deskOf(symbol);
    if (kind === 'adl') forceAdl(this.exchange, d.market, this.nowUs);
    else forceLiquidation(this.exchange, d.market, this.nowUs);
    this.drain();
  }
  /** When money last changed (ms of market time). */
  get updateMs(): number {
    return this.#teller.updateMs;
  }
  get wallet(): number {
    return walletBalance(this.exchange.ledger);
  }
  get crossWallet(): number {
    return balance(this.exchange.ledger, ACCOUNT.wallet);
  }
  get withdrawable(): number {
    return withdrawable(this.exchange);
  }
}

/** A refusal of the core as the API says it. */
export const refused = (why: Reject): ApiError => new ApiError(REJECT[why][0], REJECT[why][1]);
