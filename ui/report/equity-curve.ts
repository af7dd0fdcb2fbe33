import type { Drawdown } from './data.ts';
import { MONEY_SCALE } from './decimal.ts';
import { DrawdownTracker } from './drawdown.ts';
import {
  AT_ONCE,
  COLUMNS,
  endOfMoments,
  equityAt,
  exposeAll,
  Holdings,
  MOMENTS,
  pricesOf,
  valueAll,
  valueMoments,
} from './holdings.ts';
import { ThinnedSeries } from './thinned-series.ts';

/**
 * Equity = wallet + Σ (quantity × price − cost), followed at every price; the deepest drawdown is exact, the kept points
 * are thinned to bounded memory: of each stretch of time the first, lowest, highest and last equity survive.
 */
export class EquityCurve {
  /** The last equity, money; undefined before the first change. */
  last: number | undefined;
  readonly #start: number;
  #drawdown: DrawdownTracker | undefined;
  readonly #held = new Holdings();
  #wallet: number;
  readonly #equity = new ThinnedSeries();
  /** Undefined: nobody asks for the exposure. */
  readonly #gross: ThinnedSeries | undefined;
  readonly #net: ThinnedSeries | undefined;
  constructor(start: number, exposure = true) {
    this.#start = start;
    this.#wallet = start;
    this.#gross = exposure ? new ThinnedSeries() : undefined;
    this.#net = exposure ? new ThinnedSeries() : undefined;
  }

  /** The account changed. `wallet` is money; quantity and cost are in units. */
  position(t: number, key: number, qty: number, cost: number, wallet: number): void {
    this.#held.set(key, qty, cost);
    this.#wallet = wallet;
    this.#note(t);
  }
  /** @param last no other price of the same moment follows */
  price(t: number, key: number, px: number, last: boolean): void {
    this.#held.price(key, px);
    if (last && this.#held.open.length > 0) this.#note(t);
  }

  /** Prices [from, to) of whole moments, of any instruments: `price` for each, of which the last one of a moment says so. */
  moments(t: Float64Array, keys: Int32Array, px: Float64Array, from: number, to: number): void {
    if (to <= from) return;
    const held = this.#held;
    for (let i = from; i < to; i++) if (!held.has(keys[i]!)) held.price(keys[i]!, px[i]!);
    if (held.open.length === 0) {
      pricesOf(keys, px, from, to, held.px);
      return;
    }
    this.#drawdown ??= new DrawdownTracker(this.#start, t[from]!);
    const { equity, gross, net } = COLUMNS;
    for (let i = from; i < to; ) {
      const end = endOfMoments(t, i, to, i + AT_ONCE);
      const n = valueMoments(t, keys, px, i, end, held, this.#wallet);
      this.#drawdown.addMany(MOMENTS, equity, 0, n);
      this.#equity.addMany(MOMENTS, equity, 0, n);
      this.#gross?.addMany(MOMENTS, gross, 0, n);
      this.#net?.addMany(MOMENTS, net, 0, n);
      this.last = equity[n - 1]!;
      i = end;
    }
  }

  /** Prices of one instrument, each the only one of its moment: `price` for rows [from, to), with less to do for each. */
  prices(t: Float64Array, key: number, px: Float64Array, from: number, to: number): void {
    if (to <= from) return;
    const held = this.#held;
    if (held.open.length === 0) {
      held.price(key, px[to - 1]!);
      return;
    }
    if (held.open.length !== 1 || held.open[0] !== key) {
      for (let i = from; i < to; i++) this.price(t[i]!, key, px[i]!, true);
      return;
    }
    const qty = held.qty[key]!;
    const cost = held.cost[key]!;
    const wallet = this.#wallet;
    this.#drawdown ??= new DrawdownTracker(this.#start, t[from]!);
    const { equity, gross, net } = COLUMNS;
    for (let i = from; i < to; i += AT_ONCE) {
      const n = Math.min(AT_ONCE, to - i);
      valueAll(px, i, n, qty, cost, wallet);
      this.#drawdown.addMany(t, equity, i, n);
      this.#equity.addMany(t, equity, i, n);
      if (this.#gross) {
        exposeAll(px, i, n, qty);
        this.#gross.addMany(t, gross, i, n);
        this.#net!.addMany(t, net, i, n);
      }
      this.last = equity[n - 1]!;
    }
    held.px[key] = px[to - 1]!;
  }

  /**
   * `prices` for [from, to), of which the first lowest and the first highest are known: where nothing new can lie between these, they do for all.
   * @param to at most AT_ONCE prices @param step no two prices are nearer to each other
   */
  stretch(
    t: Float64Array,
    key: number,
    px: Float64Array,
    from: number,
    to: number,
    low: number,
    high: number,
    step: number,
  ): void {
    const held = this.#held;
    const last = to - 1;
    if (
      this.#gross ||
      !this.#drawdown ||
      held.open.length !== 1 ||
      held.open[0] !== key ||
      !held.tells(key, step, px[high]!) ||
      !this.#equity.merges(t[from]!, t[last]!)
    ) {
      this.prices(t, key, px, from, to);
      return;
    }
    const qty = held.qty[key]!;
    const cost = held.cost[key]!;
    const at = (i: number) => equityAt(px[i]!, qty, cost, this.#wallet);
    // In order of time.
    const a = low < high ? low : high;
    const b = low < high ? high : low;
    const [va, vb] = [at(a), at(b)];
    if (!this.#drawdown.within(Math.min(va, vb), Math.max(va, vb))) {
      valueAll(px, from, to - from, qty, cost, this.#wallet);
      this.#drawdown.addMany(t, COLUMNS.equity, from, to - from);
    }
    this.last = at(last);
    this.#equity.addStretch(t[from]!, at(from), t[a]!, va, t[b]!, vb, t[last]!, this.last);
    held.px[key] = px[last]!;
  }
  /** Whether nothing is held but of this instrument. */
  holdsAtMost(key: number): boolean {
    const { open } = this.#held;
    return open.length === 0 || (open.length === 1 && open[0] === key);
  }
  /** Whether not every point is kept any more. */
  get thins(): boolean {
    return this.#equity.thins;
  }

  equity(): { t_us: number[]; equity: number[] } {
    const s = this.#equity.series();
    return { t_us: s.t, equity: s.v };
  }
  /** By key: last price, quantity and cost, in units. */
  held(): { key: number; px: number; qty: number; cost: number }[] {
    const { px, qty, cost } = this.#held;
    return Array.from(px, (p, key) => ({ key, px: p, qty: qty[key]!, cost: cost[key]! })).filter(
      (h) => !Number.isNaN(h.px),
    );
  }
  get drawdown(): Drawdown | undefined {
    return this.#drawdown?.worst;
  }
  exposure(): { t_us: number[]; gross: number[]; net: number[] } {
    const gross = this.#gross?.series() ?? { t: [], v: [] };
    const net = this.#net?.series() ?? { t: [], v: [] };
    // The two are thinned apart; gross is read at the times of net as the step function that it is.
    let j = 0;
    let value = 0;
    const aligned = net.t.map((t) => {
      while (j < gross.t.length && gross.t[j]! <= t) value = gross.v[j++]!;
      return value;
    });
    return { t_us: net.t, gross: aligned, net: net.v };
  }

  #note(t: number): void {
    let unrealised = 0;
    let gross = 0;
    let net = 0;
    const { open, px, qty, cost } = this.#held;
    for (const key of open) {
      // No price yet: valued at its cost.
      const value = Number.isNaN(px[key]!) ? cost[key]! : qty[key]! * px[key]!;
      unrealised += value - cost[key]!;
      gross += Math.abs(value);
      net += value;
    }
    const equity = this.#wallet + Math.round(unrealised * MONEY_SCALE);
    this.last = equity;
    this.#drawdown ??= new DrawdownTracker(this.#start, t);
    this.#drawdown.add(t, equity);
    this.#equity.add(t, equity);
    this.#gross?.add(t, Math.round(gross * MONEY_SCALE));
    this.#net?.add(t, Math.round(net * MONEY_SCALE));
  }
}
