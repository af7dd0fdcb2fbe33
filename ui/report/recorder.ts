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
    this.curve = new EquityCurve(this.startBalance);
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
    const p = this.feed.points;
    const rows = this.#pending;
    let i = 0;
    let n = 0;
    while (n < p.n && p.t[n]! <= now) {
      const t = p.t[n]!;
      while (i < rows.n && rows.t[i]! < t) this.#apply(i++);
      const end = this.#alone(n, now, i < rows.n ? rows.t[i]! : Number.POSITIVE_INFINITY);
      const until = this.#together(n, now);
      if (until > n + 1 && !(i < rows.n && rows.t[i]! <= t)) {
        // Prices of one moment, and nothing else happens in it.
        for (let j = n; j < until; j++) {
          const sampler = this.#sampler(p.key[j]!);
          if (this.#prices === true) sampler?.add(t, p.px[j]!);
        }
        this.curve.moment(t, p.key, p.px, n, until);
        n = until;
        continue;
      }
      const key = p.key[n]!;
      const sampler = this.#sampler(key);
      if (end > n) {
        if (this.#prices === true) sampler?.addMany(p.t, p.px, n, end);
        this.curve.prices(p.t, key, p.px, n, end);
        n = end;
        continue;
      }
      // Fills of the price's own moment come first: the price values what is held after them.
      const together = n + 1 < p.n && p.t[n + 1]! === t;
      const px = p.px[n]!;
      if (!together) while (i < rows.n && rows.t[i]! <= t) this.#apply(i++);
      if (this.#prices === true) sampler?.add(t, px);
      this.curve.price(t, key, px, !together);
      n++;
    }
    for (; i < rows.n; i++) this.#apply(i);
    rows.n = 0;
    return n;
  }

  /** Where the prices of the moment end that `n` is of. */
  #together(n: number, now: number): number {
    const { t, n: all } = this.feed.points;
    const at = t[n]!;
    let i = n + 1;
    if (at <= now) while (i < all && t[i] === at) i++;
    return i;
  }
  /** Where the stretch of prices from `n` on ends that are of one instrument, of moments of their own, and before `until`. */
  #alone(n: number, now: number, until: number): number {
    const { t, key, n: all } = this.feed.points;
    let i = n;
    while (i < all && t[i]! <= now && t[i]! < until && key[i] === key[n] && !(i + 1 < all && t[i + 1] === t[i])) i++;
    return i;
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
