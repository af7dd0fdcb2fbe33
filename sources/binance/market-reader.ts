import type { LiveClock } from '../../graph/node.ts';
import type { Block, InputQuality, KeyInfo, LiveReader } from '../../graph/schema/index.ts';
import { PORT, PORTS, type PortBuffer } from '../../lake/decode/row-store.ts';
import { type BinanceAccess, secretsOf } from './access.ts';
import { syncBook } from './book-sync.ts';
import type { BinanceClient } from './client.ts';
import { DepthGate } from './depth-gate.ts';
import { type DecodedRows, FrameDecoder } from './frame-decoder.ts';
import { FundingWatch } from './funding-watch.ts';
import { Inbox } from './inbox.ts';
import type { Instrument } from './instruments.ts';
import { type Kind, type MarketConfig, wantedKinds, wantedPorts, weightPerMinute } from './market-config.ts';
import { MarketRest } from './market-rest.ts';
import { Faults, type MarketStats } from './market-stats.ts';
import { reasonOf } from './redact.ts';
import { RepeatedRows } from './repeated-rows.ts';
import { Sleeper } from './sleeper.ts';
import { ClientHook, type Connection, StreamLoop } from './stream-loop.ts';
import { type BackfillOptions, catchUp, fillHoles } from './trade-backfill.ts';
import { TradeGate } from './trade-gate.ts';
import { watchStream } from './watch-stream.ts';

/** That many stale book tickers and nothing new since a reconnect: the exchange began again. */
const RESTART_RUN = 500;
/** Streams of which a healthy market always has something to say. */
const BUSY: ReadonlySet<Kind> = new Set(['depth', 'book_ticker', 'mark_price']);

interface State {
  readonly instrument: Instrument;
  readonly key: KeyInfo;
  readonly trade: TradeGate;
  readonly depth: DepthGate;
  readonly funding: FundingWatch | undefined;
  tickerU: number;
  tickerStale: number;
  /** Something new came since the last reconnect. */
  tickerFresh: boolean;
  filling: boolean;
  syncing: boolean;
}

/** The market of some instruments as it arrives over ccxt's connections: rows in a bounded ring, taken by `poll`. */
export class MarketReader implements LiveReader, DecodedRows {
  readonly ports = PORTS;
  readonly #c: MarketConfig;
  readonly #clock: LiveClock;
  readonly #ex: BinanceClient;
  readonly #access: BinanceAccess;
  readonly #inbox: Inbox;
  readonly #decoder: FrameDecoder;
  readonly #rest: MarketRest;
  readonly #sleeper = new Sleeper();
  readonly #faults = new Faults();
  readonly #states: State[] = [];
  /** By the decoder's number of the symbol. */
  readonly #bySymbol: State[] = [];
  readonly #loops = new Map<Kind, StreamLoop>();
  readonly #loopOfPort: (StreamLoop | undefined)[] = [];
  readonly #tasks = new Set<Promise<void>>();
  readonly #emitsMark: boolean;
  #frames = 0;
  #refused = 0;
  #duplicates = 0;
  /** The rows at hand were fetched; the snapshot at hand was let pass. */
  #backfill = false;
  #snapshotPassed = false;
  #replying: Connection | undefined;
  readonly #repeated = new RepeatedRows();
  /** Instruments of which it was told that their amounts do not fit. */
  readonly #coarse = new Set<number>();
  #measured: MarketStats['clock'] = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    c: MarketConfig,
    node: string,
    clock: LiveClock,
    ex: BinanceClient,
    access: BinanceAccess,
    instruments: readonly Instrument[],
  ) {
    this.#c = c;
    this.#clock = clock;
    this.#ex = ex;
    this.#access = access;
    this.#inbox = new Inbox(node, clock, c.ring_rows, this.#faults);
    const wanted = wantedPorts(c);
    this.#emitsMark = wanted.has('mark_price');
    const kinds = wantedKinds(wanted);
    const decoded = new Set<number>([...kinds.map((k) => PORT[k]), PORT.depth_snapshot]);
    this.#decoder = new FrameDecoder(instruments, decoded, this);
    this.#rest = new MarketRest(ex, c.market, access, this.#sleeper, weightPerMinute(c));
    for (const instrument of instruments) {
      const state = this.#state(instrument, wanted.has('funding_rate'));
      this.#states.push(state);
      this.#bySymbol[this.#decoder.symbol(instrument.symbol)] = state;
    }
    const hook = new ClientHook(ex);
    for (const kind of kinds) {
      const loop = this.#loop(kind, hook);
      this.#loops.set(kind, loop);
      this.#loopOfPort[PORT[kind]] = loop;
    }
  }
  get quality(): InputQuality {
    return this.#inbox.quality;
  }
  get wake(): () => void {
    return this.#inbox.wake;
  }
  set wake(wake: () => void) {
    this.#inbox.wake = wake;
  }

  start(): void {
    for (const loop of this.#loops.values()) this.#task(loop.run());
    const { heartbeat_ms, silence_ms } = this.#c;
    this.#timer = setInterval(() => this.#tend(), Math.max(20, Math.min(1000, heartbeat_ms / 3, silence_ms / 3)));
    this.#task(this.#measureClock());
    for (const s of this.#states) if (s.funding) this.#task(s.funding.fetch(undefined));
  }
  async read(): Promise<Block | null> {
    return this.poll(this.#clock.now());
  }
  poll(nowUs: number): Block | null {
    return this.#inbox.poll(nowUs);
  }
  async close(): Promise<void> {
    if (this.#sleeper.closed) return;
    this.#sleeper.close();
    clearInterval(this.#timer);
    for (const loop of this.#loops.values()) loop.end('closed');
    // Requests on their way end by themselves; nothing waits for them long.
    await Promise.race([
      Promise.allSettled([this.#ex.close(), ...this.#tasks]),
      new Promise((resolve) => setTimeout(resolve, 1000).unref()),
    ]);
    (this.#ex as unknown as { httpAgent?: { destroy(): void } }).httpAgent?.destroy();
  }

  stats(): MarketStats {
    const inbox = this.#inbox;
    const sum = (f: (s: State) => number): number => this.#states.reduce((n, s) => n + f(s), 0);
    const streams: MarketStats['streams'] = {};
    for (const [kind, loop] of this.#loops)
      streams[kind] = {
        connected: loop.current?.acknowledged === true,
        opens: loop.opens,
        reconnects: loop.reconnects,
        event_lag_ms: inbox.lagMs[PORT[kind]]!,
        event_lag_max_ms: inbox.lagMaxMs[PORT[kind]]!,
      };
    return {
      frames: this.#frames,
      rows: Object.fromEntries(PORTS.map((p, i) => [p.name, inbox.counts[i]!]).filter(([, n]) => n !== 0)),
      refused: this.#refused,
      duplicates: this.#duplicates + sum((s) => s.trade.duplicates + s.depth.duplicates),
      ring: {
        rows: inbox.ring.rows,
        highest: inbox.ring.highest,
        capacity: inbox.ring.capacity,
        lost: inbox.lost,
      },
      streams,
      trades: {
        gaps: sum((s) => s.trade.gaps),
        backfilled: sum((s) => s.trade.backfilled),
        lost: sum((s) => s.trade.lost),
        waiting: sum((s) => s.trade.waiting),
      },
      books: {
        gaps: sum((s) => s.depth.gaps),
        snapshots: sum((s) => s.depth.snapshots),
        too_old: sum((s) => s.depth.tooOld),
        waiting: this.#loops.has('depth') ? sum((s) => (s.depth.wanted ? 1 : 0)) : 0,
      },
      clock: this.#measured,
      rest: { requests: this.#rest.requests, errors: this.#rest.errors },
      faults: this.#faults.byCode,
    };
  }

  row(port: number, symbol: number, rows: PortBuffer, r: number): void {
    const s = this.#bySymbol[symbol]!;
    const n = rows.numbers;
    if (port === PORT.trade) {
      const { restarts } = s.trade;
      if (s.trade.take(rows, r, this.#backfill) && !s.filling) this.#task(this.#fill(s));
      if (s.trade.restarts !== restarts) this.#restarted(s, 'trade');
    } else if (port === PORT.depth) {
      const u = n[1]![r]!;
      const { restarts } = s.depth;
      if (!s.depth.isNew(u)) return;
      if (s.depth.restarts !== restarts) this.#restarted(s, 'depth');
      if (!this.#inbox.push(port, s.key, rows, r)) return;
      s.depth.passed(n[0]![r]!, u, n[2]![r]!);
      if (s.depth.wanted && !s.syncing) this.#task(this.#sync(s));
    } else if (port === PORT.book_ticker) {
      const u = n[0]![r]!;
      if (u <= s.tickerU) {
        if (s.tickerFresh || ++s.tickerStale < RESTART_RUN) {
          this.#duplicates++;
          return;
        }
        this.#restarted(s, 'book_ticker');
      }
      s.tickerStale = 0;
      s.tickerFresh = true;
      if (this.#inbox.push(port, s.key, rows, r)) s.tickerU = u;
    } else if (port === PORT.depth_snapshot) {
      this.#snapshotPassed = this.#inbox.push(port, s.key, rows, r);
    } else {
      if (this.#loopOfPort[port]?.next !== undefined && this.#repeated.has(port, symbol, rows, r)) {
        this.#duplicates++;
        return;
      }
      if (port === PORT.mark_price) {
        const settled = s.funding?.due(n[4]![r]!);
        if (settled !== undefined) this.#task(s.funding!.fetch(settled));
        if (!this.#emitsMark) return;
      }
      this.#inbox.push(port, s.key, rows, r);
    }
  }
  refused(code: string, message: string, raw: string): void {
    this.#refused++;
    this.#faults.add('CHM936', `${code} ${message}`);
    this.#inbox.deadLetter(code, message, raw);
  }
  coarsened(key: KeyInfo, message: string, raw: string): void {
    this.#faults.add('CHM943', message);
    if (this.#coarse.has(key.index)) return;
    this.#coarse.add(key.index);
    this.#inbox.deadLetter('CHM943', message, raw);
  }
  reply(message: Readonly<Record<string, unknown>>): void {
    const connection = this.#replying;
    if (connection === undefined) return;
    if (message['error'] === undefined && message['code'] === undefined) {
      connection.acknowledged = true;
      this.#reconnected(connection);
      return;
    }
    const why = reasonOf(message['error'] ?? message, secretsOf(this.#access));
    this.#faults.add('CHM940', why);
    connection.terminate(`the subscription was refused: ${why}`);
  }

  #state(instrument: Instrument, funding: boolean): State {
    const { key, symbol } = instrument;
    const inbox = this.#inbox;
    return {
      instrument,
      key,
      trade: new TradeGate({
        row: (rows, r) => inbox.push(PORT.trade, key, rows, r),
        values: (values) => inbox.pushValues(PORT.trade, key, values),
      }),
      depth: new DepthGate(this.#c.market),
      funding: funding
        ? new FundingWatch(
            symbol,
            this.#rest,
            this.#sleeper,
            (...values) => inbox.pushValues(PORT.funding_rate, key, values),
            (why) => this.#faults.add('CHM942', `funding of ${key.name}: ${why}`),
          )
        : undefined,
      tickerU: -1,
      tickerStale: 0,
      tickerFresh: true,
      filling: false,
      syncing: false,
    };
  }
  #loop(kind: Kind, hook: ClientHook): StreamLoop {
    const c = this.#c;
    const options = {
      baseMs: c.reconnect_base_ms,
      maxMs: c.reconnect_max_ms,
      stableMs: c.stable_after_ms,
      heartbeatMs: c.heartbeat_ms,
      silenceMs: BUSY.has(kind) ? c.silence_ms : Number.POSITIVE_INFINITY,
      maxAgeMs: c.max_age_ms,
    };
    const secrets = secretsOf(this.#access);
    const unified = this.#states.map((s) => s.instrument.unified);
    const loop: StreamLoop = new StreamLoop(
      kind,
      this.#ex,
      hook,
      () => watchStream(this.#ex, kind, unified, c),
      options,
      {
        text: (data, connection) => this.#take(data, connection, loop),
        lost: (reason) => this.#faults.add('CHM939', `${kind}: ${reasonOf(reason, secrets)}`),
      },
      this.#sleeper,
    );
    return loop;
  }
  #take(data: string, connection: Connection, loop: StreamLoop): void {
    if (this.#sleeper.closed) return;
    this.#replying = connection;
    const kind = this.#decoder.text(data);
    this.#replying = undefined;
    if (kind === 'reply') return;
    this.#frames++;
    connection.frames++;
    if (kind === 'shutdown') loop.replace();
  }
  #restarted(s: State, stream: string): void {
    const text = `the ids of ${s.key.name} ${stream} began again`;
    this.#faults.add('CHM941', text);
    this.#inbox.deadLetter('CHM941', text, '');
  }
  #backfillOf(s: State): BackfillOptions {
    const c = this.#c;
    const aggregate = c.trades === 'agg_trade';
    return {
      waitMs: c.backfill_wait_ms,
      maxTrades: c.backfill_max_trades,
      fetch: (fromId) => this.#rest.trades(s.instrument.symbol, fromId, aggregate),
      idOf: (row) => Number(aggregate ? row['a'] : row['t']),
      feed: (row) => this.#feed(row),
      gaveUp: (lost, why) => {
        if (lost === 0) return;
        const text = `${lost} trades of ${s.key.name} are missing: ${why}`;
        this.#faults.add('CHM937', text);
        this.#inbox.deadLetter('CHM937', text, '');
      },
    };
  }
  async #fill(s: State): Promise<void> {
    s.filling = true;
    await fillHoles(s.trade, this.#backfillOf(s), this.#sleeper);
    s.filling = false;
  }
  #feed(trade: Readonly<Record<string, unknown>>): void {
    this.#backfill = true;
    this.#decoder.object(trade);
    this.#backfill = false;
  }
  /** A first connection, or one that takes over from another, is none: nothing was lost before it. */
  #reconnected(connection: Connection): void {
    for (const [kind, loop] of this.#loops) {
      if (loop.current !== connection || loop.reconnects === 0) continue;
      for (const s of this.#states) {
        if (kind === 'depth') s.depth.reconnected();
        else if (kind === 'book_ticker') s.tickerFresh = false;
        else if (kind === 'trade') {
          s.trade.reconnected();
          this.#task(catchUp(s.trade, this.#backfillOf(s), this.#sleeper));
        }
      }
    }
  }
  async #sync(s: State): Promise<void> {
    s.syncing = true;
    const { symbol } = s.instrument;
    await syncBook(
      s.depth,
      () => this.#rest.depth(symbol, this.#c.depth_snapshot_levels),
      (snapshot) => {
        this.#snapshotPassed = false;
        this.#decoder.object(snapshot, this.#decoder.symbol(symbol));
        return this.#snapshotPassed;
      },
      (why) => this.#faults.add('CHM938', `${s.key.name}: ${why}`),
      this.#sleeper,
    );
    s.syncing = false;
  }
  async #measureClock(): Promise<void> {
    do {
      try {
        const { offsetMs, rttMs } = await this.#rest.clock(5, Date.now);
        this.#measured = { offset_ms: offsetMs, rtt_ms: rttMs, measured_at_ms: Date.now() };
      } catch (e) {
        if (!this.#sleeper.closed) this.#faults.add('CHM942', `time: ${reasonOf(e)}`);
      }
    } while (await this.#sleeper.sleep(this.#c.clock_every_ms));
  }

  #tend(): void {
    const now = Date.now();
    for (const loop of this.#loops.values()) loop.tend(now);
    const depth = this.#loops.get('depth')?.current;
    // A book of a silent market gets its snapshot without waiting for a diff.
    const quiet = depth?.acknowledged === true && now - depth.openedMs >= this.#c.heartbeat_ms / 8;
    for (const s of this.#states) {
      if (s.depth.wanted && !s.syncing && quiet) this.#task(this.#sync(s));
      if (s.trade.waiting > 0 && !s.filling) this.#task(this.#fill(s));
    }
  }
  /** Work in the background: none of it may reject unseen. */
  #task(work: Promise<void>): void {
    const guarded = work.catch((e: unknown) => this.#faults.add('CHM942', reasonOf(e, secretsOf(this.#access))));
    this.#tasks.add(guarded);
    void guarded.then(() => this.#tasks.delete(guarded));
  }
}
