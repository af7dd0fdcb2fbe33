import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineNode, type Emit, input, output } from '../../graph/node.ts';
import { Kline, Trade } from '../../graph/schema/index.ts';
import { addById, type BarValues, emptyBar, startBar } from './bar.ts';
import { KlineCheck } from './records.ts';

const ports = {
  in: { kline: input(Kline), trade: input(Trade) },
  out: { check: output(KlineCheck, { many: true }) },
};

/** What a kline update and a bar are compared by; `count` counts single trades, also those inside aggregates. */
const FIELDS = ['open', 'high', 'low', 'close', 'volume', 'quote', 'count', 'buy_volume'] as const;
type Name = (typeof FIELDS)[number];
/** What grows with every single trade: inside an aggregate it is known between two bounds only. */
const SUMS: ReadonlySet<Name> = new Set(['volume', 'quote', 'buy_volume']);
/** A mark: last trade id, start of its interval, FIELDS, first trade id. A waiting kline: the same, `closed` at the end. */
const WIDTH = 3 + FIELDS.length;

interface State {
  bar: BarValues;
  /** Single trades in the bar. */
  count: number;
  /** The earliest time that any input carried: intervals that began before it are not whole. */
  began: number;
  lastId: number;
  /** The running bar after each of the last trades: a ring by order of arrival. */
  marks: Float64Array;
  marked: number;
  waiting: Float64Array;
  waits: number;
}

export const klineCheck = defineNode({
  type: 'silver.kline_check',
  version: 1,
  tier: 'silver',
  summary: 'Compares each kline update of the exchange with the bar of the trades that it says it holds.',
  doc: `
A kline update names its last trade \`L\`. It is compared with the running bar of the same interval right after trade \`L\`:
prices, volume, quote amount, number of single trades and taker buy volume must agree (the quote amount as a decimal of the
exchange, to half a unit of its last digit). The trade may come before the update or after it; the last \`keep\` running bars and \`keep\` waiting
updates are kept. When trade \`L\` lies inside an aggregate (\`whole\` is false), prices and count are still compared exactly, the
three sums must lie between those before and after the aggregate. No row: intervals that began before the first input,
klines without trades, updates whose last trade never came.`,
  config: z.strictObject({
    interval: duration({ min: '1s' }).prefault('1m').describe('interval of the klines; others are ignored'),
    keep: z.int().min(16).max(1_000_000).default(4096).describe('running bars, and waiting updates, kept'),
  }),
  ports,
  determinism: 'pure',
  state: (c): State => ({
    bar: emptyBar(),
    count: 0,
    began: Number.NaN,
    lastId: -1,
    marks: new Float64Array(c.keep * WIDTH).fill(-1),
    marked: 0,
    waiting: new Float64Array(0),
    waits: 0,
  }),
  step(s: State, tick, c, emit, ctx) {
    const width = c.interval / 1000;
    const { trade: t, kline: k } = tick;
    if (t.ticked && t.on_market) {
      const start = Math.floor(t.time_ms / width) * width;
      if (Number.isNaN(s.began)) s.began = t.time_ms;
      if (s.bar.trades === 0 || start > s.bar.start) {
        startBar(s.bar, t);
        s.bar.start = start;
        s.count = 0;
      } else if (start === s.bar.start) addById(s.bar, t);
      else return ctx.count('late');
      s.count += t.last_id - t.first_id + 1;
      s.lastId = Math.max(s.lastId, t.last_id);
      mark(s, t.first_id, t.last_id, c.keep);
      settle(s, emit, ctx.key.pxScale * ctx.key.qtyScale);
    }
    if (!k.ticked) return;
    if (Number.isNaN(s.began)) s.began = k.event_ms;
    if (k.end_ms - k.start_ms + 1 !== width || !(k.last_id >= 0) || !(k.start_ms > s.began)) return;
    if (s.waiting.length < (s.waits + 1) * WIDTH) {
      const more = new Float64Array(Math.max(16 * WIDTH, 2 * s.waiting.length));
      more.set(s.waiting);
      s.waiting = more;
    }
    const o = s.waits * WIDTH;
    const row = [k.last_id, k.start_ms, k.open, k.high, k.low, k.close, k.volume, k.quote, k.trades, k.buy_volume];
    s.waiting.set(row, o);
    s.waiting[o + WIDTH - 1] = k.closed ? 1 : 0;
    s.waits++;
    settle(s, emit, ctx.key.pxScale * ctx.key.qtyScale);
    if (s.waits > c.keep) forget(s, 0);
  },
});

function mark(s: State, firstId: number, lastId: number, keep: number): void {
  const b = s.bar;
  const row = [lastId, b.start, b.open, b.high, b.low, b.close, b.volume, b.quote, s.count, b.buy_volume, firstId];
  s.marks.set(row, (s.marked % keep) * WIDTH);
  s.marked++;
}
function forget(s: State, i: number): void {
  s.waiting.copyWithin(i * WIDTH, (i + 1) * WIDTH, s.waits * WIDTH);
  s.waits--;
}

/** Answers the updates whose last trade has come. */
function settle(s: State, emit: Emit<typeof ports.out>, scale: number): void {
  for (let i = 0; i < s.waits; ) {
    const k = i * WIDTH;
    const lastId = s.waiting[k]!;
    if (lastId > s.lastId) {
      i++;
      continue;
    }
    const m = find(s, lastId, s.waiting[k + 1]!);
    if (m >= 0) {
      const whole = s.marks[m] === lastId;
      const differs = differences(s, k, m, scale);
      emit.check({
        start: s.waiting[k + 1]!,
        last_id: lastId,
        closed: s.waiting[k + WIDTH - 1] === 1,
        whole,
        equal: differs.length === 0,
        differs: differs.join(' '),
      });
    }
    forget(s, i);
  }
}

/** Names of the fields in which the kline at `k` is not the running bar at mark `m`. */
function differences(s: State, k: number, m: number, scale: number): Name[] {
  const lastId = s.waiting[k]!;
  const inside = s.marks[m]! - lastId;
  const places = s.marks.length / WIDTH;
  const before = ((m / WIDTH - 1 + places) % places) * WIDTH;
  const hasBefore = s.marks[before + 1] === s.marks[m + 1] && s.marks[before]! < s.marks[m]!;
  return FIELDS.filter((name, f) => {
    const theirs = name === 'quote' ? s.waiting[k + 2 + f]! * scale : s.waiting[k + 2 + f]!;
    const most = name === 'count' ? s.marks[m + 2 + f]! - inside : s.marks[m + 2 + f]!;
    const least = inside > 0 && SUMS.has(name) ? (hasBefore ? s.marks[before + 2 + f]! : 0) : most;
    // The exchange sends the quote amount as a decimal, read as a double: half a unit of the last digit.
    const slack = name === 'quote' ? 0.5 : 0;
    return theirs < least - slack || theirs > most + slack;
  });
}

/** The mark of the trade, or aggregate, that holds this id. */
function find(s: State, id: number, start: number): number {
  const places = s.marks.length / WIDTH;
  for (let back = 1; back <= Math.min(s.marked, places); back++) {
    const m = ((s.marked - back) % places) * WIDTH;
    if (s.marks[m]! >= id && s.marks[m + WIDTH - 1]! <= id && s.marks[m + 1] === start) return m;
  }
  return -1;
}
