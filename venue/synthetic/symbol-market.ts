import type { KeyInfo } from '../../graph/schema/index.ts';
import { levels } from '../core/book.ts';
import type { LiveBook, LiveOwner } from '../core/liquidity.ts';
import { Agents } from './agents.ts';
import { type BlockWriter, portIndex } from './block-writer.ts';
import { LimitBook } from './limit-book.ts';
import type { Profile } from './profile.ts';
import { Rng } from './rng.ts';

const TRADE = portIndex('trade');
const TICKER = portIndex('book_ticker');
const DEPTH = portIndex('depth');
const SNAPSHOT = portIndex('depth_snapshot');
const MARK = portIndex('mark_price');

export interface FeedOptions {
  startUs: number;
  rate: number;
  depthEveryUs: number;
  fundingUs: number;
  /** Mean time between losses of the connection; 0 = never. */
  outageUs: number;
}
const SECOND = 1_000_000;
const SNAPSHOT_LEVELS = 1000;

/**
 * One synthetic instrument and its streams as USD-M sends them: every trade, every change of the best bid or ask, a depth
 * diff per interval (`U`, `u`, `pu`), a snapshot at the start and after each loss of connection, mark price and funding
 * rate each second. Times of the exchange in µs; the block writer adds the latency.
 */
export class SymbolMarket {
  readonly #key: KeyInfo;
  readonly #out: BlockWriter;
  readonly #o: FeedOptions;
  readonly #rng: Rng;
  readonly #net: Rng;
  readonly #book: LimitBook;
  readonly #agents: Agents;
  #owner: LiveOwner | undefined;
  /** The agents act: what an account does meanwhile belongs to the same update. */
  #acting = false;
  #wait = 0;
  /** Exchange time of the next action, diff and mark price, µs. */
  #actionUs: number;
  #depthUs: number;
  #markUs: number;
  #nowUs: number;
  /** Before the start the book fills up in silence. */
  #open = false;
  // Update ids: of the book, of the last diff.
  #u = 1_000_000;
  #diffU = 1_000_000;
  readonly #bids = new Set<number>();
  readonly #asks = new Set<number>();
  #changed = false;
  #tradeId = 1_000_000;
  #last: number;
  #bestBid = Number.NaN;
  #bestAsk = Number.NaN;
  #bestBidQty = 0;
  #bestAskQty = 0;
  #premium = 0;
  // Connection.
  #lostAt: number;
  #backAt = 0;
  #snapshotAt = 0;

  constructor(key: KeyInfo, index: number, p: Profile, seed: number, out: BlockWriter, o: FeedOptions) {
    this.#key = key;
    this.#out = out;
    this.#o = o;
    this.#rng = new Rng(seed, 2 * index);
    this.#net = new Rng(seed, 2 * index + 1);
    const ticks = Math.round(p.price * key.pxScale);
    this.#last = ticks;
    this.#nowUs = o.startUs;
    this.#book = new LimitBook(ticks, {
      onTrade: (tick, qty, taker) => this.#trade(tick, qty, taker),
      onLevel: (side, tick) => {
        (side > 0 ? this.#bids : this.#asks).add(tick);
        this.#changed = true;
      },
      onOwned: (id, tick, qty) => this.#owner?.onFill(id, tick, qty, this.#nowUs),
      onLost: (id) => this.#owner?.onLost(id),
    });
    this.#agents = new Agents(this.#rng, this.#book, ticks, o.rate, p.sigma, p.lot);
    // What stood before the start is in the snapshot, not in the first diff.
    this.#bids.clear();
    this.#asks.clear();
    this.#changed = false;
    this.#depthUs = o.startUs + o.depthEveryUs;
    this.#markUs = o.startUs;
    this.#lostAt = o.outageUs > 0 ? o.startUs + o.outageUs * this.#net.exponential() : Number.POSITIVE_INFINITY;
    this.#wait = this.#agents.wait();
    this.#actionUs = o.startUs + Math.max(1, Math.round(this.#wait * SECOND));
    this.#snapshotAt = o.startUs;
    this.#open = true;
  }

  /**
   * Lets an account trade in this book beside the agents: they see its orders and take them, its trades are trades of the
   * market. One account a market. Between two actions of agents, at the owner's time.
   */
  live(owner: LiveOwner): LiveBook {
    const book = this.#book;
    this.#owner = owner;
    const price = (tick: number): number => (Number.isNaN(tick) ? 0 : tick);
    return {
      bestPx: (side) => price(side > 0 ? book.bestBid : book.bestAsk),
      takeable(side, limit, want) {
        let n = 0;
        let left = want;
        book.walk(side, (tick, qty) => {
          if ((tick - limit) * side < 0) return false;
          levels.px[n] = tick;
          levels.qty[n++] = Math.min(left, qty);
          left -= Math.min(left, qty);
          return left > 0 && n < levels.px.length;
        });
        levels.n = n;
        levels.total = want - left;
        return levels.total;
      },
      take: (side, px, qty) => this.#outside(() => book.take(side, px, qty)),
      add: (side, px, qty) => (book.reaches(px) ? this.#outside(() => book.addOwned(side, px, qty)) : -1),
      cancel: (id) => this.#outside(() => book.cancel(id)),
      reduce: (id, qty) => this.#outside(() => book.reduce(id, qty)),
      ahead: (id) => book.aheadOf(id),
      reaches: (px) => book.reaches(px),
    };
  }
  /** What an account does to the book is an update of it like any other. */
  #outside<T>(run: () => T): T {
    const now = this.#owner!.nowUs();
    if (this.#acting) return run();
    if (now > this.#nowUs) this.#nowUs = now;
    const result = run();
    this.#updated();
    return result;
  }

  /** Exchange time of what comes next, µs. */
  get nextUs(): number {
    return Math.min(this.#actionUs, this.#depthUs, this.#markUs);
  }
  /** The next action, diff or mark price. */
  advance(): void {
    const t = this.nextUs;
    this.#nowUs = t;
    this.#connection(t);
    if (t === this.#markUs) this.#mark();
    else if (t === this.#depthUs) this.#diff();
    else this.#action();
  }

  #action(): void {
    this.#acting = true;
    this.#agents.act(this.#wait);
    this.#acting = false;
    this.#wait = this.#agents.wait();
    this.#actionUs += Math.max(1, Math.round(this.#wait * SECOND));
    this.#updated();
  }
  #updated(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#u++;
    this.#ticker();
    if (this.#nowUs >= this.#snapshotAt) this.#snapshot();
  }
  #connection(t: number): void {
    if (t < this.#lostAt) return;
    this.#backAt = this.#lostAt + SECOND * (0.5 + 2.5 * this.#net.uniform());
    this.#snapshotAt = Math.round(this.#backAt + 300_000);
    this.#lostAt = this.#backAt + this.#o.outageUs * this.#net.exponential();
  }
  /** Row for a frame sent now, or −1 while there is no connection. */
  #row(port: number): number {
    if (this.#nowUs < this.#backAt) return -1;
    return this.#out.row(port, this.#nowUs, this.#key.index);
  }

  #trade(tick: number, qty: number, taker: number): void {
    if (!this.#open) return;
    this.#last = tick;
    const id = this.#tradeId++;
    const r = this.#row(TRADE);
    if (r < 0) return;
    const ms = Math.floor(this.#nowUs / 1000);
    const c = (i: number): Float64Array => this.#out.numbers(TRADE, i);
    c(0)[r] = id;
    c(1)[r] = tick;
    c(2)[r] = qty;
    c(3)[r] = taker > 0 ? 0 : 1;
    c(4)[r] = ms;
    c(5)[r] = ms;
    c(6)[r] = 1;
    c(7)[r] = 0;
    c(8)[r] = id;
    c(9)[r] = id;
  }
  #ticker(): void {
    const [bid, ask] = [this.#book.bestBid, this.#book.bestAsk];
    const bidQty = this.#book.sizeAt(1, bid);
    const askQty = this.#book.sizeAt(-1, ask);
    if (bid === this.#bestBid && ask === this.#bestAsk && bidQty === this.#bestBidQty && askQty === this.#bestAskQty)
      return;
    this.#bestBid = bid;
    this.#bestAsk = ask;
    this.#bestBidQty = bidQty;
    this.#bestAskQty = askQty;
    const r = this.#row(TICKER);
    if (r < 0) return;
    const ms = Math.floor(this.#nowUs / 1000);
    const c = (i: number): Float64Array => this.#out.numbers(TICKER, i);
    c(0)[r] = this.#u;
    c(1)[r] = bid;
    c(2)[r] = bidQty;
    c(3)[r] = ask;
    c(4)[r] = askQty;
    c(5)[r] = ms;
    c(6)[r] = ms;
  }
  #diff(): void {
    this.#depthUs += this.#o.depthEveryUs;
    if (this.#u === this.#diffU) return;
    const pu = this.#diffU;
    this.#diffU = this.#u;
    const r = this.#row(DEPTH);
    if (r >= 0) {
      const ms = Math.floor(this.#nowUs / 1000);
      const c = (i: number): Float64Array => this.#out.numbers(DEPTH, i);
      c(0)[r] = pu + 1;
      c(1)[r] = this.#u;
      c(2)[r] = pu;
      c(3)[r] = ms;
      c(4)[r] = ms;
      const bids = [...this.#bids].sort((a, b) => b - a);
      const asks = [...this.#asks].sort((a, b) => a - b);
      this.#out.list(DEPTH, 5, r, bids);
      this.#out.list(
        DEPTH,
        6,
        r,
        bids.map((tick) => this.#book.sizeAt(1, tick)),
      );
      this.#out.list(DEPTH, 7, r, asks);
      this.#out.list(
        DEPTH,
        8,
        r,
        asks.map((tick) => this.#book.sizeAt(-1, tick)),
      );
    }
    this.#bids.clear();
    this.#asks.clear();
  }
  /** Right after an update inside a diff's interval, so that the next diff has U ≤ lastUpdateId ≤ u. */
  #snapshot(): void {
    this.#snapshotAt = Number.POSITIVE_INFINITY;
    const r = this.#row(SNAPSHOT);
    if (r < 0) return;
    const ms = Math.floor(this.#nowUs / 1000);
    const c = (i: number): Float64Array => this.#out.numbers(SNAPSHOT, i);
    c(0)[r] = this.#u;
    c(1)[r] = ms;
    c(2)[r] = ms;
    for (const side of [1, -1]) {
      const px: number[] = [];
      const qty: number[] = [];
      this.#book.walk(side, (tick, size) => {
        px.push(tick);
        qty.push(size);
        return px.length < SNAPSHOT_LEVELS;
      });
      this.#out.list(SNAPSHOT, side > 0 ? 3 : 5, r, px);
      this.#out.list(SNAPSHOT, side > 0 ? 4 : 6, r, qty);
    }
  }
  /**
   * Index = the fair price; mark = the median of the index with its funding until the next settlement, the index with its
   * average basis, and the last price; rate = average premium + (interest − premium within ±0.05 %).
   */
  #mark(): void {
    const t = this.#markUs;
    this.#markUs += SECOND;
    const index = this.#agents.fair;
    const mid = (this.#book.bestBid + this.#book.bestAsk) / 2;
    this.#premium += (mid / index - 1 - this.#premium) / 30;
    const gap = 1e-4 - this.#premium;
    const rate = Math.round((this.#premium + Math.max(-5e-4, Math.min(5e-4, gap))) * 1e8) / 1e8;
    const next = (Math.floor(t / this.#o.fundingUs) + 1) * this.#o.fundingUs;
    const p1 = index * (1 + (rate * (next - t)) / this.#o.fundingUs);
    const p2 = index * (1 + this.#premium);
    const mark = Math.max(Math.min(p1, p2), Math.min(Math.max(p1, p2), this.#last));
    const r = this.#row(MARK);
    if (r < 0) return;
    const unit = 1e8 / this.#key.pxScale;
    const c = (i: number): Float64Array => this.#out.numbers(MARK, i);
    c(0)[r] = Math.round(mark * unit);
    c(1)[r] = Math.round(index * unit);
    c(2)[r] = Math.round(index * unit);
    c(3)[r] = rate;
    c(4)[r] = Math.round(next / 1000);
    c(5)[r] = Math.floor(t / 1000);
  }
}
