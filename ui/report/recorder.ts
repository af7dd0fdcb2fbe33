import { exitOf } from '../../graph/document/halves.ts';
import type { Pipeline, PipelineNode } from '../../graph/document/types.ts';
import type { Tap } from '../../graph/engine/tap.ts';
import { formatDecimal } from '../../graph/math/index.ts';
import { type Block, type BlockReader, ChimeraError, type KeyTable, type Schema } from '../../graph/schema/index.ts';
import type { Fill, FundingPayment, OrderCounts, PriceSeries } from './data.ts';
import { MONEY_SCALE } from './decimal.ts';
import { PriceSampler } from './down-sample.ts';
import { EquityCurve } from './equity-curve.ts';
import { FillColumns } from './fill-columns.ts';
import { PriceFeed } from './price-feed.ts';
import type { PriceStretches } from './price-stretches.ts';

/** Changes of the account between two commits, as the venue reported them, in order of time. Columns that are used again. */
class AccountRows {
  n = 0;
  readonly t: number[] = [];
  readonly key: number[] = [];
  readonly wallet: number[] = [];
  readonly qty: number[] = [];
  readonly entryQuote: number[] = [];
  push(t: number, key: number, wallet: number, qty: number, entryQuote: number): void {
    const i = this.n++;
    this.t[i] = t;
    this.key[i] = key;
    this.wallet[i] = wallet;
    this.qty[i] = qty;
    this.entryQuote[i] = entryQuote;
  }
}

export interface RecorderOptions {
  /** USDT × 10^8, where the venue does not state it itself (a gateway). */
  startBalance?: number | undefined;
  /** Prices that several recorders share; whoever made it adds blocks and drops what all have joined. */
  feed?: PriceFeed;
  /** Keep price series for drawing (default); `names`: only which instruments had a price. */
  prices?: boolean | 'names';
  /** Follow gross and net exposure (default). */
  exposure?: boolean;
}

/**
 * Watches a run and keeps what a report needs: fills, funding, order counts, and the equity at every price. It takes the
 * venue's own reports (taps, handed over at commits) and the prices of the sources (blocks, before they run), and joins
 * them by engine time at each commit, so that memory does not grow with the length of the input.
 */
export class BacktestRecorder {
  readonly fillColumns: FillColumns;
  readonly funding: FundingPayment[] = [];
  readonly orders: OrderCounts = {
    placed: 0,
    filled: 0,
    partial_fills: 0,
    canceled: 0,
    rejected: 0,
    expired: 0,
    post_only_refused: 0,
  };
  /** Taps to watch. */
  readonly watch: string[];
  readonly curve: EquityCurve;
  readonly startBalance: number;
  readonly feed: PriceFeed;
  readonly #report: string;
  readonly #account: string;
  readonly #command: string | undefined;
  readonly #keys: KeyTable;
  readonly #origins = new Map<string, string>();
  readonly #samplers: PriceSampler[] = [];
  readonly #pending = new AccountRows();
  /** How many of them have been, while prices are joined. */
  #applied = 0;
  finalBalance: number;

  readonly #prices: boolean | 'names';

  /** @throws CHM917 when the pipeline has no venue */
  constructor(pipeline: Pipeline, keys: KeyTable, options: RecorderOptions = {}) {
    const venue = venueOf(pipeline);
    this.#keys = keys;
    this.fillColumns = new FillColumns(keys);
    this.#report = `${venue.id}.report`;
    this.#account = `${venue.id}.account`;
    // A gateway takes its commands in its other half.
    const taking = venue.gateway ? pipeline.nodes.find((n) => n.id === exitOf(venue.id))! : venue;
    const order = taking.inputs.find((e) => e.port === 'order');
    this.#command = order && `${order.node}.${order.out}`;
    this.watch = [this.#report, this.#account, ...(this.#command ? [this.#command] : [])];
    const balance = (venue.config as { balance_usdt?: number }).balance_usdt ?? 0;
    this.startBalance = options.startBalance ?? Math.round(balance * MONEY_SCALE);
    this.finalBalance = this.startBalance;
    this.curve = new EquityCurve(this.startBalance, options.exposure);
    this.feed = options.feed ?? new PriceFeed((i) => keys.at(i));
    this.#prices = options.prices ?? true;
  }

  onBlock(source: string, block: Block, reader: BlockReader): void {
    this.feed.add(source, block, reader);
  }

  onTap(tap: Tap): void {
    if (tap.n === 0) return;
    const port = `${tap.node}.${tap.port}`;
    const take =
      port === this.#command
        ? this.#takeCommand
        : port === this.#report
          ? this.#takeReport
          : port === this.#account
            ? this.#takeAccount
            : undefined;
    if (!take) return;
    const row = new RowView(tap);
    for (row.i = 0; row.i < tap.n; row.i++) take.call(this, row);
  }

  /** Everything up to engine time `now` has been handed over. */
  onCommit(now: number): void {
    this.feed.drop(this.join(now));
  }
  /** Joins what was handed over with the prices up to `now`. @returns how many points of the feed these are */
  join(now: number): number {
    const { t, key } = this.feed.points;
    const { end, stretches: s } = this.feed.upTo(now);
    const rows = this.#pending;
    this.#applied = 0;
    let i = 0;
    for (let n = 0; n < end; ) {
      const next = this.#applyBefore(t[n]!);
      while (i < s.n && s.to[i]! <= n) i++;
      if (next === t[n]) n = this.#withFills(n);
      else if (!(i < s.n && s.from[i]! <= n && this.curve.holdsAtMost(key[n]!)))
        n = this.#moments(n, firstFrom(t, n, end, next));
      // As long as every point is kept, short ones spare nothing either.
      else if (!s.bounded || !this.curve.thins) n = this.#alone(n, firstFrom(t, n, s.endOfRun(i, key), next));
      else if (s.from[i] === n && t[s.to[i]! - 1]! < next) n = this.#stretch(s, i);
      else n = this.#alone(n, firstFrom(t, n, s.to[i]!, next));
    }
    while (this.#applied < rows.n) this.#apply(this.#applied++);
    rows.n = 0;
    return end;
  }
  /** Applies what happened before `t`. @returns when the next thing happened */
  #applyBefore(t: number): number {
    const rows = this.#pending;
    while (this.#applied < rows.n && rows.t[this.#applied]! < t) this.#apply(this.#applied++);
    return this.#applied < rows.n ? rows.t[this.#applied]! : Number.POSITIVE_INFINITY;
  }
  // Each joins prices from `n` on, and returns where it ends.

  /** A price of a moment in which something happened. Fills come first: the price values what is held after them. */
  #withFills(n: number): number {
    const p = this.feed.points;
    const rows = this.#pending;
    const t = p.t[n]!;
    const last = !(n + 1 < p.n && p.t[n + 1] === t);
    if (last) while (this.#applied < rows.n && rows.t[this.#applied]! <= t) this.#apply(this.#applied++);
    this.#sample(n, n + 1);
    this.curve.price(t, p.key[n]!, p.px[n]!, last);
    return n + 1;
  }
  /** Moments in which nothing else happens. */
  #moments(n: number, to: number): number {
    const p = this.feed.points;
    this.#sample(n, to);
    this.curve.moments(p.t, p.key, p.px, n, to);
    return to;
  }
  /** Moments of one instrument, in which nothing else happens either. */
  #alone(n: number, to: number): number {
    const { t, key, px } = this.feed.points;
    const sampler = this.#sampler(key[n]!);
    if (this.#prices === true) sampler?.addMany(t, px, n, to);
    this.curve.prices(t, key[n]!, px, n, to);
    return to;
  }
  /** The same, with the lowest and highest price known. */
  #stretch(s: PriceStretches, i: number): number {
    const { t, key, px } = this.feed.points;
    const from = s.from[i]!;
    const to = s.to[i]!;
    const sampler = this.#sampler(key[from]!);
    if (this.#prices === true) sampler?.addMany(t, px, from, to);
    this.curve.stretch(t, key[from]!, px, from, to, s.low[i]!, s.high[i]!, this.feed.step(key[from]!));
    return to;
  }
  #sample(from: number, to: number): void {
    const p = this.feed.points;
    // Without series an instrument is only remembered.
    if (this.#prices === true) for (let i = from; i < to; i++) this.#sampler(p.key[i]!)!.add(p.t[i]!, p.px[i]!);
    else if (this.#prices) for (let i = from; i < to; i++) if (!this.#samplers[p.key[i]!]) this.#sampler(p.key[i]!);
  }
  #sampler(key: number): PriceSampler | undefined {
    if (!this.#prices) return undefined;
    let sampler = this.#samplers[key];
    if (!sampler) {
      sampler = new PriceSampler();
      this.#samplers[key] = sampler;
    }
    return sampler;
  }

  /** Made anew by each call. */
  get fills(): Fill[] {
    return this.fillColumns.list();
  }
  prices(): Record<string, PriceSeries> {
    const out: Record<string, PriceSeries> = {};
    this.#samplers.forEach((s, key) => {
      out[this.#keys.at(key).name] = s.series();
    });
    return out;
  }

  /** What is held and what it is worth, per instrument that has had a price. */
  instruments(): { name: string; px: number; pxDigits: number; qty: number; unrealised: number }[] {
    return this.curve.held().map(({ key, px, qty, cost }) => ({
      name: this.#keys.at(key).name,
      px,
      pxDigits: this.#keys.at(key).pxDigits,
      qty,
      unrealised: qty === 0 ? 0 : qty * px - cost,
    }));
  }
  keyIndex(name: string): number {
    return this.#keys.find(name)?.index ?? -1;
  }

  #apply(i: number): void {
    const { t, key, qty, entryQuote, wallet } = this.#pending;
    const k = this.#keys.at(key[i]!);
    this.curve.position(t[i]!, key[i]!, qty[i]! / k.qtyScale, entryQuote[i]! / (k.pxScale * k.qtyScale), wallet[i]!);
  }
  #takeCommand(v: RowView): void {
    if (v.of('action') !== 'place') return;
    this.orders.placed++;
    this.#origins.set(v.text('client_id'), v.text('origin'));
  }
  #takeAccount(v: RowView): void {
    const key = this.#keys.at(v.key);
    const wallet = v.number('wallet');
    this.finalBalance = wallet;
    this.#pending.push(v.time, key.index, wallet, v.number('position_qty'), v.number('entry_quote'));
    if (v.of('reason') === 'funding')
      this.funding.push({
        time_ms: v.number('time_ms'),
        symbol: key.name,
        amount: formatDecimal(v.number('funding'), 8),
      });
  }
  #takeReport(v: RowView): void {
    const o = this.orders;
    const exec = v.of('exec');
    const status = v.of('status');
    if (exec === 'trade') {
      if (status === 'filled') o.filled++;
      else o.partial_fills++;
      this.fillColumns.push({
        timeMs: v.number('time_ms'),
        key: this.#keys.at(v.key),
        buy: v.of('side') === 'buy',
        px: v.number('last_px'),
        qty: v.number('last_qty'),
        fee: v.number('fee'),
        maker: v.of('maker') === true,
        orderId: v.number('order_id'),
        pnl: v.number('realized_pnl'),
        reason: REASONS[v.text('type')] ?? this.#origins.get(v.text('client_id')) ?? '',
      });
    }
    if (exec === 'rejected') {
      // A refused cancel speaks of the cancel: the order itself goes on (order id 0).
      if (v.of('order_id') !== 0 || v.of('code') !== CANCEL_REFUSED) o.rejected++;
      if (v.of('code') === POST_ONLY_REFUSED) o.post_only_refused++;
    } else if (exec === 'canceled') o.canceled++;
    else if (exec === 'expired') {
      o.expired++;
      if (v.of('code') === POST_ONLY_REFUSED) o.post_only_refused++;
    }
    if (ENDED.has(status)) this.#origins.delete(v.text('client_id'));
  }
}

/** A row of a tap: what is asked of it, without an object for each row. */
class RowView {
  i = 0;
  readonly #tap: Tap;
  readonly #places: ReadonlyMap<string, number>;
  constructor(tap: Tap) {
    this.#tap = tap;
    this.#places = placesOf(tap.schema);
  }
  get key(): number {
    return this.#tap.key(this.i);
  }
  get time(): number {
    return this.#tap.time(this.i);
  }
  /** Undefined where the schema has no such field. */
  of(field: string): unknown {
    const f = this.#places.get(field);
    return f === undefined ? undefined : this.#tap.value(this.i, f);
  }
  number(field: string): number {
    return this.of(field) as number;
  }
  text(field: string): string {
    return String(this.of(field) ?? '');
  }
}
const places = new WeakMap<Schema, ReadonlyMap<string, number>>();
function placesOf(schema: Schema): ReadonlyMap<string, number> {
  let found = places.get(schema);
  if (!found) {
    found = new Map(Object.keys(schema.fields).map((name, f) => [name, f]));
    places.set(schema, found);
  }
  return found;
}

const ENDED: ReadonlySet<unknown> = new Set(['filled', 'canceled', 'rejected', 'expired']);
const REASONS: Readonly<Record<string, string>> = {
  liquidation: 'liquidation',
  stop_market: 'stop',
  take_profit_market: 'target',
};
/** Binance: "Order would immediately match and take" and "Unknown order sent". */
const POST_ONLY_REFUSED = -5022;
const CANCEL_REFUSED = -2011;

/** The venue of a pipeline: the first node of a type `venue.*`, or a gateway to one, that reports orders and the account. */
export function venueOf(pipeline: Pipeline): PipelineNode {
  const venue = pipeline.nodes.find(
    (n) => (n.gateway !== undefined || n.type.type.startsWith('venue.')) && n.out['report'] && n.out['account'],
  );
  if (!venue)
    throw new ChimeraError('CHM917', `${pipeline.name} has no venue: nothing can be bought or sold in it`, {
      file: pipeline.file,
      help: 'use `chimera run` for pipelines that only compute; a backtest needs a node such as venue.usdm or venue.candle',
    });
  return venue;
}

/** The first of [from, to) that is not before `time`. */
function firstFrom(t: Float64Array, from: number, to: number, time: number): number {
  if (t[to - 1]! < time) return to;
  let i = from;
  while (i < to && t[i]! < time) i++;
  return i;
}
