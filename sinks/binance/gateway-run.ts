import { mulDivRound } from '../../graph/math/index.ts';
import type { CommandSink, CommitMark, Ctx, Env, InPorts, LiveClock, Tick } from '../../graph/node.ts';
import type { Block, KeyInfo, LiveReader, ManyView, OrderCommand } from '../../graph/schema/index.ts';
import type { BinanceClient } from '../../sources/binance/client.ts';
import type { UserEvent } from '../../sources/binance/user/user-event.ts';
import { UserStream } from '../../sources/binance/user/user-stream.ts';
import { Courier, type OrderApi, type Timers } from './courier.ts';
import type { AccountOut, GatewayAccount, GatewayReader } from './gateway-account.ts';
import type { Holding, IntentLog } from './intent-log.ts';
import type { LedgerOptions } from './ledger-types.ts';
import { type Info, rulesOf } from './listed-rules.ts';
import type { OrderLimiter } from './order-limiter.ts';
import { isPair, type TradeRules } from './order-params.ts';
import { refusedCommand } from './order-report.ts';
import { type Command, copyOf, type Intent } from './order-state.ts';
import { newsOfAlgo, newsOfOrder } from './order-view.ts';
import { ReconcileDesk } from './reconcile-desk.ts';
import type { GatewayMark, SpotTrade } from './records.ts';
import { GATEWAY_OUT, ReportRing } from './report-ring.ts';
import { ToldTrades } from './told-trades.ts';

export interface GatewayParts {
  readonly env: Env;
  readonly clock: LiveClock;
  readonly market: 'usdm' | 'spot';
  readonly ex: BinanceClient;
  readonly api: OrderApi;
  readonly limiter: OrderLimiter;
  readonly log: IntentLog;
  readonly options: LedgerOptions;
  /** How often everything is compared with REST, ms. */
  readonly sweepMs: number;
  readonly secrets: readonly (string | undefined)[];
  /** Makes the account, with what reads it by REST. @param find instruments of this market by symbol */
  readonly account: (find: (symbol: string) => KeyInfo | undefined, out: AccountOut) => AccountParts;
  /** Before the first order: margin and leverage of the instruments. */
  readonly prepare: (symbols: readonly string[]) => Promise<void>;
  /** The one asset that instruments are quoted in; absent = any. */
  readonly quote?: string;
}
export interface AccountParts {
  readonly account: GatewayAccount;
  readonly reader: GatewayReader;
}
/** What is counted. */
export interface GatewayCounts {
  /** Commands sent, and recognised as sent before. */
  commands: number;
  repeated: number;
  /** Events of instruments that this run does not trade, and frames that could not be read. */
  foreign: number;
  unreadable: number;
  /** Trades whose commission was taken in an asset that is not valued here: told as 0. */
  unvaluedFees: number;
}

/** A gateway at work: the two halves that the run sees, and what connects them to the exchange. */
export class GatewayRun implements CommandSink<InPorts>, LiveReader {
  readonly ports = GATEWAY_OUT;
  readonly counts: GatewayCounts = {
    commands: 0,
    repeated: 0,
    foreign: 0,
    unreadable: 0,
    unvaluedFees: 0,
  };
  readonly courier: Courier;
  readonly stream: UserStream;
  readonly account: GatewayAccount;
  /** First error that makes going on pointless; thrown at the next call of the run. */
  fault: unknown;
  wake: () => void = () => {};
  readonly #p: GatewayParts;
  readonly #desk: ReconcileDesk | undefined;
  readonly #ring = new ReportRing();
  readonly #reader: GatewayReader;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #rules = new Map<string, TradeRules | undefined>();
  #buffer: { id: string; key: number; command: Command; nowUs: number }[] = [];
  /** Written down, and not sent yet. */
  #due: { symbol: string; intent: Intent }[] = [];
  /** What becomes durable once the run has taken the reports up to `at`. */
  #settled: { at: number; ended?: string; symbol?: string; trade?: number; holding?: Holding | undefined }[] = [];
  #cause = '';
  #index = 0;
  #symbols: string[] = [];
  #started = false;
  #closed = false;
  #accountMs = 0;

  constructor(parts: GatewayParts) {
    this.#p = parts;
    const desk = parts.env.access?.['reconciler'];
    this.#desk = desk instanceof ReconcileDesk ? desk : undefined;
    this.#desk?.attach(this);
    const timers: Timers = { now: Date.now, after: (ms, run) => this.#after(ms, run) };
    this.courier = new Courier(parts.api, parts.limiter, timers, parts.options, {
      report: (key, values, trade) => {
        const told = this.account.reported(key, values, trade);
        this.#say('report', key, told);
        if (told.exec !== 'trade') return;
        if (trade?.fill.unvalued) this.counts.unvaluedFees++;
        const holding = this.account.holding(key);
        this.#settled.push({ at: this.#ring.added, symbol: this.#symbolOf(key), trade: told.trade_id, holding });
        this.account.traded(key, told);
      },
      refused: (intent, code, reason) => parts.log.refuse(intent.id, code, reason),
      ended: (intent) => {
        this.#settled.push({ at: this.#ring.added, ended: intent.id });
      },
      began: (s) => {
        parts.log.mark(s.name, s.mark);
        parts.log.sync();
      },
      held: (s) => this.#desk?.began(s.name),
      compared: (c, nowMs) => this.#desk?.compared(c, nowMs),
    });
    const { account, reader } = parts.account((symbol) => this.#key(symbol), {
      account: (key, values) => this.#say('account', key, values),
      position: (key, values) => this.#say('position', key, values),
    });
    this.account = account;
    this.#reader = reader;
    this.stream = new UserStream(
      parts.ex,
      parts.market,
      {
        event: (e) => this.#event(e),
        unreadable: () => this.#unreadable(),
        up: () => this.#compare(),
        down: () => {},
      },
      { secrets: parts.secrets },
    );
  }

  get symbols(): readonly string[] {
    return this.#symbols;
  }
  #key(symbol: string): KeyInfo | undefined {
    return this.#p.env.keys.find(`${this.#p.market}:${symbol}`);
  }
  #symbolOf(key: number): string {
    const { name } = this.#p.env.keys.at(key);
    return name.slice(name.indexOf(':') + 1);
  }
  /** Rules of an instrument of this market; undefined: it is not traded there. */
  rules(symbol: string): TradeRules | undefined {
    if (this.#rules.has(symbol)) return this.#rules.get(symbol);
    const key = this.#key(symbol);
    const listed = (this.#p.ex.markets_by_id as Readonly<Record<string, { info: Info }[] | undefined>>)?.[symbol]?.[0];
    const { quote } = this.#p;
    const traded = key && listed && (quote === undefined || listed.info.quoteAsset === quote);
    const rules = traded ? rulesOf(symbol, key, listed.info, this.#p.market === 'spot') : undefined;
    this.#rules.set(symbol, rules);
    return rules;
  }

  // The half that takes commands

  write(tick: Tick<InPorts>, ctx: Ctx): void {
    const { order, mark, trade } = tick as unknown as {
      order: ManyView<typeof OrderCommand>;
      mark?: ManyView<typeof GatewayMark>;
      trade?: ManyView<typeof SpotTrade>;
    };
    const { source, seq } = ctx.cause;
    const cause = `${source}#${seq}@${ctx.now}`;
    if (cause !== this.#cause) {
      this.#cause = cause;
      this.#index = 0;
    }
    for (let i = 0; i < order.n; i++) {
      const v = order.at(i);
      this.#buffer.push({ id: `${cause}/${this.#index++}`, key: v.key, command: copyOf(v), nowUs: ctx.now });
    }
    // While a run catches up with its journal, marks are of the past.
    if (!this.#started) return;
    if (mark?.ticked)
      for (let i = 0; i < mark.n; i++) {
        const v = mark.at(i);
        this.account.mark(v.key, v.mark_px, v.event_ms);
      }
    // Spot has no mark price: what was last paid stands for it.
    if (this.#p.market === 'spot' && trade?.ticked)
      for (let i = 0; i < trade.n; i++) {
        const v = trade.at(i);
        this.account.mark(v.key, mulDivRound(v.px, 1e8, this.#p.env.keys.at(v.key).pxScale), v.time_ms);
      }
  }
  pending(): boolean {
    return this.#buffer.length + this.#due.length > 0;
  }
  flush(): void {
    this.#check();
    this.#writeDown();
    const due = this.#due;
    this.#due = [];
    const now = Date.now();
    const { ledger } = this.courier;
    for (let i = 0; i < due.length; i++) {
      const { symbol, intent } = due[i]!;
      this.counts.commands++;
      // A question changes nothing: there is nothing to remember about it.
      if (intent.command.action === 'query') this.#settled.push({ at: this.#ring.added, ended: intent.id });
      const next = due[i + 1];
      if (symbol !== '' && this.rules(symbol)) {
        if (this.#p.market === 'spot' && next?.symbol === symbol && isPair(intent.command, next.intent.command)) {
          this.counts.commands++;
          ledger.pair(symbol, intent, next.intent, now);
          i++;
        } else ledger.command(symbol, intent, now);
      } else {
        this.#p.log.refuse(intent.id, -1121, 'Invalid symbol.');
        this.#say('report', intent.key, refusedCommand(intent.command, -1121, 'Invalid symbol.', now));
        this.#settled.push({ at: this.#ring.added, ended: intent.id });
      }
    }
  }
  /** On disk before anything is sent, and before a checkpoint leaves them behind. */
  #writeDown(): void {
    if (this.#buffer.length === 0) return;
    const { log, env, clock, market } = this.#p;
    const wall = Date.now();
    const before = this.#due.length;
    for (const { id, key, command, nowUs } of this.#buffer) {
      if (log.has(id, command)) {
        this.counts.repeated++;
        continue;
      }
      const { name } = env.keys.at(key);
      const madeMs = wall - Math.max(0, clock.now() - nowUs) / 1000;
      const intent: Intent = { id, key, command, madeMs };
      log.intend(name, intent);
      this.#due.push({ symbol: name.startsWith(`${market}:`) ? this.#symbolOf(key) : '', intent });
    }
    this.#buffer = [];
    if (this.#due.length > before) log.sync();
  }
  async commit(_mark: CommitMark): Promise<void> {
    this.#writeDown();
    this.#p.log.committed();
    this.settle();
  }
  settle(): void {
    const { log } = this.#p;
    const taken = this.#ring.taken;
    const n = this.#settled.findIndex((s) => s.at > taken);
    const done = this.#settled.splice(0, n < 0 ? this.#settled.length : n);
    if (done.length === 0) return;
    log.ended(done.flatMap((s) => (s.ended === undefined ? [] : [s.ended])));
    for (const s of done) if (s.symbol !== undefined) log.tell(s.symbol, s.trade!, s.holding);
    log.sync();
  }
  rollback(): void {
    this.#buffer = [];
    this.#cause = '';
  }

  // The half that brings answers

  read(): Promise<null> {
    return Promise.resolve(null);
  }
  poll(nowUs: number): Block | null {
    this.#check();
    if (!this.#started) this.#start();
    return this.#ring.take(nowUs);
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.courier.closed = true;
    for (const t of this.#timers) clearInterval(t);
    await this.stream.close();
    this.#p.log.close();
  }
  #check(): void {
    if (this.fault !== undefined) throw this.fault;
  }
  #say(port: 'report' | 'account' | 'position', key: number, values: Readonly<Record<string, unknown>>): void {
    this.#ring.push(port, key, this.#p.clock.stamp(), values);
    this.wake();
  }
  #after(ms: number, run: () => void): void {
    const guarded = (): void => {
      if (this.#closed) return;
      try {
        run();
      } catch (e) {
        this.#fail(e);
      }
    };
    if (ms <= 0) queueMicrotask(guarded);
    else setTimeout(guarded, ms).unref();
  }
  #fail(e: unknown): void {
    this.fault ??= e;
    this.wake();
  }
  #every(ms: number, run: () => void): void {
    const timer = setInterval(() => this.#after(0, run), ms);
    timer.unref();
    this.#timers.push(timer);
  }

  /** All sources are open and the journals have been run: the instruments are known, and what was left open is asked for. */
  #start(): void {
    this.#started = true;
    const { env, market, log, sweepMs } = this.#p;
    const { ledger } = this.courier;
    for (const k of env.keys.list) {
      if (!k.name.startsWith(`${market}:`)) continue;
      const symbol = this.#symbolOf(k.index);
      if (!this.rules(symbol)) continue;
      this.#symbols.push(symbol);
      const s = ledger.symbol(symbol, k.index);
      s.mark = log.marks.get(symbol) ?? -1;
      s.told = ToldTrades.of(log.told(symbol).state);
      const holding = log.holdings.get(symbol);
      if (holding) this.account.restore(symbol, holding);
    }
    for (const { symbol, intent, refused } of log.unsettled(env.keys))
      if (this.rules(symbol)) ledger.restore(symbol, intent, Date.now(), refused);
    this.#p.prepare(this.#symbols).then(
      () => this.stream.start(),
      (e) => this.#fail(e),
    );
    this.#every(100, () => {
      const now = Date.now();
      ledger.tick(now);
      if (now - this.#accountMs > 150) this.account.flush(now);
    });
    this.#every(sweepMs, () => this.#compare());
  }
  reconcile(): void {
    this.#compare();
  }
  /** Puts everything on hold and reads it by REST. */
  #compare(): void {
    this.courier.ledger.connected(Date.now());
    void this.#reader.read().then((read) => {
      if (!read && !this.#closed) this.#after(2_000, () => void this.#reader.read());
    });
    void this.#reader.funding();
  }
  #event(e: UserEvent): void {
    try {
      this.#take(e);
    } catch {
      // An amount that does not fit the instrument.
      this.#unreadable();
    }
  }
  #take(e: UserEvent): void {
    if (e.kind === 'order' || e.kind === 'algo') {
      const key = this.#key(e.symbol);
      if (!key || !this.rules(e.symbol)) {
        this.counts.foreign++;
        return;
      }
      const { ledger } = this.courier;
      const news = e.kind === 'order' ? newsOfOrder(e, key) : newsOfAlgo(e, key);
      ledger.news(ledger.symbol(e.symbol, key.index), news, Date.now());
    } else {
      const now = Date.now();
      const money = this.account.heard(e, now);
      if (money !== 'other') this.#accountMs = now;
      if (money === 'asks') void this.#reader.funding();
    }
  }
  /** What cannot be read from the stream is read by REST. */
  #unreadable(): void {
    this.counts.unreadable++;
    this.#compare();
  }
}
