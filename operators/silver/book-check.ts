import { z } from 'zod';
import { defineNode, type Emit, input, output } from '../../graph/node.ts';
import { BookTicker, TopOfBook } from '../../graph/schema/index.ts';
import { BookCheck } from './records.ts';

const ports = {
  in: { ticker: input(BookTicker), top: input(TopOfBook, { many: true }) },
  out: { check: output(BookCheck, { many: true }) },
};

/** Quotes sorted by update id: five numbers each (u, bid price, bid size, ask price, ask size) in [head, tail). */
interface Quotes {
  data: Float64Array;
  head: number;
  tail: number;
}
interface State {
  /** Books after the last applied diffs. */
  tops: Quotes;
  /** Tickers whose diff has not been applied yet. */
  waiting: Quotes;
}
const WIDTH = 5;

export const bookCheck = defineNode({
  type: 'silver.book_check',
  version: 1,
  tier: 'silver',
  summary: 'Compares each book ticker with the rebuilt book right after the diff of the same update id.',
  doc: `
One row for each ticker whose \`u\` is the \`u\` of an applied diff: \`equal\` when best bid and ask agree in price **and** size.
The ticker may come before that diff or after it: the last \`keep\` tickers ahead of the book wait, and the last \`keep\` books
are kept. A ticker whose diff is further away than that, or that no diff carries, yields no row.`,
  config: z.strictObject({
    keep: z.int().min(16).max(1_000_000).default(16_384).describe('books, and waiting tickers, kept'),
  }),
  ports,
  determinism: 'pure',
  state: (): State => ({ tops: createQuotes(), waiting: createQuotes() }),
  step(s: State, tick, c, emit) {
    const { top, ticker } = tick;
    for (let i = 0; i < top.n; i++) {
      const q = top.at(i);
      push(s.tops, q.u, q.bid_px, q.bid_qty, q.ask_px, q.ask_qty, c.keep);
      settle(s, q, emit);
    }
    if (!ticker.ticked) return;
    const { tops } = s;
    if (tops.head === tops.tail || ticker.u > tops.data[tops.tail - WIDTH]!) {
      push(s.waiting, ticker.u, ticker.bid_px, ticker.bid_qty, ticker.ask_px, ticker.ask_qty, c.keep);
      return;
    }
    const o = find(tops, ticker.u);
    if (tops.data[o] === ticker.u) emit.check({ u: ticker.u, equal: same(ticker, tops.data, o) });
  },
});

/** Answers the tickers that waited for this book, and forgets those that no diff will carry any more. */
function settle(s: State, top: Quote, emit: Emit<typeof ports.out>): void {
  const { waiting } = s;
  const { data } = waiting;
  while (waiting.head < waiting.tail && data[waiting.head]! <= top.u) {
    if (data[waiting.head] === top.u) emit.check({ u: top.u, equal: same(top, data, waiting.head) });
    waiting.head += WIDTH;
  }
}

interface Quote {
  readonly u: number;
  readonly bid_px: number;
  readonly bid_qty: number;
  readonly ask_px: number;
  readonly ask_qty: number;
}
const same = (q: Quote, data: Float64Array, o: number): boolean =>
  q.bid_px === data[o + 1] && q.bid_qty === data[o + 2] && q.ask_px === data[o + 3] && q.ask_qty === data[o + 4];

const createQuotes = (): Quotes => ({ data: new Float64Array(64 * WIDTH), head: 0, tail: 0 });

/** Keeps the order by u (also for a ticker that comes late), and at most `keep` quotes. */
function push(q: Quotes, u: number, bp: number, bq: number, ap: number, aq: number, keep: number): void {
  if (q.tail === q.data.length) {
    const used = q.tail - q.head;
    const from = q.data;
    if (used * 2 > from.length) q.data = new Float64Array(used * 2);
    q.data.set(from.subarray(q.head, q.tail));
    q.head = 0;
    q.tail = used;
  }
  const { data } = q;
  let o = q.tail;
  while (o > q.head && data[o - WIDTH]! > u) o -= WIDTH;
  if (o < q.tail) data.copyWithin(o + WIDTH, o, q.tail);
  data[o] = u;
  data[o + 1] = bp;
  data[o + 2] = bq;
  data[o + 3] = ap;
  data[o + 4] = aq;
  q.tail += WIDTH;
  if (q.tail - q.head > keep * WIDTH) q.head += WIDTH;
}

/** Offset of the first quote with an update id ≥ u. There is one. */
function find(q: Quotes, u: number): number {
  let lo = q.head / WIDTH;
  let hi = q.tail / WIDTH;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (q.data[mid * WIDTH]! < u) lo = mid + 1;
    else hi = mid;
  }
  return lo * WIDTH;
}
