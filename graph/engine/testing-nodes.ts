import { z } from 'zod';
import { type Answering, defineAsyncNode, defineNode, defineRxNode, defineSource, input, output } from '../node.ts';
import { type InputRow, rowsReader } from '../runner/rows-reader.ts';
import { map, scan } from '../rx.ts';
import { f64, int, money, px, qty, quote, record, Scalar } from '../schema/index.ts';

/** Small node types with one peculiarity each, for tests of plan, engine and runner. */

const none = z.strictObject({});
const base = { version: 1, tier: 'silver' as const, summary: 'test', determinism: 'pure' as const };

/** A number with its place in a list. */
export const Numbered = record('numbered', 1, { value: f64(), n: int() });
/** One field of every kind of exact amount, and one that may be absent. */
export const Amounts = record('amounts', 1, {
  price: px(),
  size: qty(),
  volume: quote(),
  fee: money(),
  maybe: f64({ nullable: true }),
});

export const PORTS = [
  { name: 'x', schema: Scalar },
  { name: 'y', schema: Scalar },
  { name: 'all', schema: Scalar },
  { name: 'rec', schema: Amounts },
];
/** `x`, `y` and `rec` are keyed by instrument, `all` is not. */
export const source = defineSource({
  type: 'test.source',
  version: 1,
  tier: 'bronze',
  summary: 'rows',
  config: none,
  ports: { out: { x: output(Scalar), y: output(Scalar), all: output(Scalar, { key: 'none' }), rec: output(Amounts) } },
  determinism: 'pure',
  open: async () => rowsReader(PORTS, []),
});
export const x = (t: number, value: number, key = 0, port = 'x'): InputRow => ({ t, port, key, values: { value } });

/** a + b + plus, and a trace of how often it has run. */
export const add = defineNode({
  ...base,
  type: 'test.add',
  config: z.strictObject({ plus: z.number().default(1) }),
  ports: { in: { a: input(Scalar), b: input(Scalar, { optional: true }) }, out: { value: output(Scalar) } },
  state: () => ({ runs: 0 }),
  step(s, tick, c, emit) {
    s.runs++;
    emit.value({ value: (tick.a.seen ? tick.a.value : 0) + (tick.b.seen ? tick.b.value : 0) + c.plus + s.runs * 1e-3 });
  },
});
/** |a| mod 4 records in one cycle. */
export const burst = defineNode({
  ...base,
  type: 'test.burst',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { list: output(Numbered, { many: true }) } },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    for (let n = 0; n < Math.abs(Math.trunc(tick.a.value)) % 4; n++) emit.list({ value: tick.a.value, n });
  },
});
/** A running sum over lists that depends on their order. */
export const collect = defineNode({
  ...base,
  type: 'test.collect',
  config: none,
  ports: { in: { list: input(Numbered, { many: true }) }, out: { value: output(Scalar) } },
  state: () => ({ total: 0 }),
  step(s, tick, _c, emit) {
    for (let i = 0; i < tick.list.n; i++) s.total = (s.total + tick.list.at(i).value * 10 + tick.list.at(i).n) % 1e6;
    emit.value({ value: s.total });
  },
});
/** All keys at once: a running sum that depends on keys and order. */
export const sumAll = defineNode({
  ...base,
  type: 'test.sum_all',
  config: none,
  ports: { in: { x: input(Scalar, { key: 'any' }) }, out: { value: output(Scalar) } },
  state: () => ({ total: 0 }),
  step(s, tick, _c, emit) {
    for (let i = 0; i < tick.x.n; i++) s.total = (s.total * 1.5 + tick.x.at(i).value * (2 + tick.x.at(i).key)) % 1e6;
    emit.value({ value: s.total });
  },
});
/** An unkeyed value that reaches every instance. */
export const shared = defineNode({
  ...base,
  type: 'test.shared',
  config: none,
  ports: { in: { x: input(Scalar), g: input(Scalar, { key: 'none' }) }, out: { value: output(Scalar) } },
  state: () => ({}),
  step(_s, tick, _c, emit, ctx) {
    emit.value({ value: (tick.x.seen ? tick.x.value : 0) + (tick.g.seen ? tick.g.value : 0) + ctx.key.index * 100 });
  },
});
/** Answers after a while, twice for positive values; each input replaces the timers of the one before. */
export const timed = defineNode({
  ...base,
  type: 'test.timed',
  config: z.strictObject({ after: z.int().default(5) }),
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  state: () => ({ last: 0 }),
  step(s, tick, c, emit, ctx) {
    if (ctx.timer) emit.value({ value: s.last + ctx.timer * 1000 });
    else {
      s.last = tick.a.value;
      ctx.after(c.after, 1);
      if (tick.a.value > 0) ctx.after(c.after + 3, 2);
      else ctx.cancel(2);
    }
  },
});
/** Speaks when the run ends: of all it saw, and of when that is. */
export const closing = defineNode({
  ...base,
  type: 'test.closing',
  config: z.strictObject({}),
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  state: () => ({ sum: 0 }),
  step(s, tick) {
    s.sum += tick.a.value;
  },
  end(s, _c, emit, ctx) {
    emit.value({ value: s.sum + ctx.now });
  },
});
/** Sends `rounds` times, once per answer. */
export const loop = defineNode({
  ...base,
  type: 'test.loop',
  config: z.strictObject({ rounds: z.int().default(3) }),
  ports: {
    in: { a: input(Scalar), back: input(Numbered, { many: true, optional: true }) },
    out: { go: output(Numbered, { many: true }) },
  },
  state: () => ({ left: 0 }),
  step(s, tick, c, emit) {
    if (tick.a.ticked) s.left = c.rounds;
    if (s.left > 0) {
      s.left--;
      emit.go({ value: tick.a.seen ? tick.a.value : 0, n: s.left });
    }
  },
});
export const echo = defineNode({
  ...base,
  type: 'test.echo',
  config: none,
  ports: { in: { go: input(Numbered, { many: true }) }, out: { back: output(Numbered, { many: true }) } },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    for (let i = 0; i < tick.go.n; i++) emit.back({ value: tick.go.at(i).value, n: tick.go.at(i).n });
  },
});
/** One instance for all keys; answers each key's records on a `keyed` port. */
export const exchange = defineNode({
  ...base,
  type: 'test.exchange',
  config: none,
  ports: {
    in: { go: input(Numbered, { key: 'any' }) },
    out: { report: output(Numbered, { many: true, keyed: true }) },
  },
  state: () => ({ orders: 0 }),
  step(s, tick, _c, emit) {
    for (let i = 0; i < tick.go.n; i++) {
      const order = tick.go.at(i);
      s.orders++;
      emit.report({ value: order.value + s.orders, n: order.n, key: order.key });
      if (order.n % 2 === 1) emit.report({ value: -order.value, n: order.n, key: order.key });
    }
  },
});
/** Reads `last` without being woken by it. */
export const latch = defineNode({
  ...base,
  type: 'test.latch',
  config: none,
  ports: {
    in: { a: input(Scalar), last: input(Scalar, { passive: true, optional: true }) },
    out: { value: output(Scalar) },
  },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    emit.value({ value: tick.last.seen ? tick.last.value + tick.last.time / 1e3 : -1 });
  },
});
/** Any number of inputs with names of the document's own. */
export const join = defineNode({
  ...base,
  type: 'test.join',
  config: none,
  ports: { in: {}, rest: input(Scalar), out: { value: output(Scalar) } },
  state: () => ({}),
  step(_s, tick, _c, emit) {
    let sum = 0;
    tick.rest.forEach((view, i) => {
      const { value } = view as unknown as { value: number };
      if (view.seen) sum += value * (i + 1) + (view.ticked ? 0.5 : 0);
    });
    emit.value({ value: sum });
  },
});
/** A running sum in RxJS that a checkpoint can carry. */
export const rxSum = defineRxNode({
  ...base,
  type: 'test.rx_sum',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  rx(ticks$) {
    let sum = 0;
    return {
      out$: ticks$.pipe(
        map((tick) => {
          sum = (sum + tick.a.value) % 1e6;
          return { value: { value: sum } };
        }),
      ),
      snapshot: () => sum,
      restore: (state) => {
        sum = state as number;
      },
    };
  },
});
export const rxDouble = defineRxNode({
  ...base,
  type: 'test.rx_double',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  rx: (ticks$) => ({
    out$: ticks$.pipe(
      map((tick) => tick.a.value * 2),
      map((value) => ({ value: { value } })),
    ),
    stateless: true,
  }),
});
/** State inside RxJS that no checkpoint can see. */
export const rxHidden = defineRxNode({
  ...base,
  type: 'test.rx_hidden',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  rx: (ticks$) => ({
    out$: ticks$.pipe(
      scan((sum, tick) => sum + tick.a.value, 0),
      map((value) => ({ value: { value } })),
    ),
  }),
});
type Asked = { value: number; n: number };
/** Asks for every value that is no multiple of 3, also when its timer fires; `live` answers. */
export const asking = (live: Answering<Asked, { value: number }>['answer'], opened: () => void = () => {}) =>
  defineAsyncNode({
    ...base,
    determinism: 'journaled',
    type: 'test.asking',
    config: z.strictObject({ after: z.int().default(0) }),
    ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
    deadlineUs: () => 1000,
    state: () => ({ asked: 0, total: 0 }),
    ask(s, tick, c, ctx) {
      if (ctx.timer === 0 && c.after > 0) ctx.after(c.after, 1);
      if (tick.a.value % 3 === 0) return undefined;
      s.asked++;
      return { value: tick.a.value, n: s.asked };
    },
    fallback: (q) => ({ value: -q.value }),
    step(s, tick, _c, emit, ctx, answer) {
      if (answer) s.total = (s.total * 1.5 + answer.value.value + (answer.late ? 0.25 : 0)) % 1e6;
      emit.value({ value: s.total + tick.a.value + s.asked * 1e-3 + ctx.timer });
    },
    open: async () => {
      opened();
      return { answer: live };
    },
  });
/** Throws at 13, emits NaN at 99. */
export const fragile = defineNode({
  ...base,
  type: 'test.fragile',
  config: none,
  ports: { in: { a: input(Scalar) }, out: { value: output(Scalar) } },
  state: () => ({ n: 0 }),
  step(s, tick, _c, emit) {
    s.n++;
    if (tick.a.value === 13) throw new Error('thirteen');
    emit.value({ value: tick.a.value === 99 ? Number.NaN : s.n });
  },
});
