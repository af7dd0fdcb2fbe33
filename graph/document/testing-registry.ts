import { z } from 'zod';
import {
  type ConfigIssue,
  defineGateway,
  defineNode,
  defineRxNode,
  defineSink,
  defineSource,
  input,
  output,
  type Sink,
} from '../node.ts';
import { Registry } from '../registry.ts';
import { EMPTY, of } from '../rx.ts';
import {
  Bar,
  type BlockReader,
  Depth,
  DepthSnapshot,
  f64,
  Intent,
  MarkPrice,
  OrderCommand,
  OrderReport,
  oneOf,
  record,
  Scalar,
  TopOfBook,
  Trade,
} from '../schema/index.ts';
import { duration } from './duration.ts';

/**
 * One node type of every kind that a document can meet, for the tests of reading, lint and reference pages. They compute
 * nothing: only their declarations count.
 */
const idle = { determinism: 'pure', state: () => ({}), step: () => undefined } as const;
const closed = (): Promise<BlockReader> =>
  Promise.resolve({ ports: [], read: () => Promise.resolve(null), close: () => Promise.resolve() });
const silent = (): Promise<Sink<never>> =>
  Promise.resolve({
    write: () => undefined,
    commit: () => Promise.resolve(),
    rollback: () => undefined,
    close: () => Promise.resolve(),
  });

const market = defineSource({
  type: 'source.market',
  version: 1,
  tier: 'bronze',
  summary: 'Frames of a market.',
  config: z.strictObject({
    symbols: z.array(z.string().min(1)).min(1).describe('instruments without market'),
    market: z.enum(['usdm', 'spot']).default('usdm'),
    streams: z.array(z.enum(['trade', 'depth', 'mark_price'])).default(['trade', 'depth']),
  }),
  ports: {
    out: {
      trade: output(Trade, { doc: 'every trade' }),
      depth: output(Depth),
      depth_snapshot: output(DepthSnapshot),
      mark_price: output(MarkPrice),
    },
  },
  determinism: 'journaled',
  open: closed,
});
const recorder = defineSource({ ...omitKind(market), type: 'source.recorder', summary: 'Frames of a recorder file.' });
const clock = defineSource({
  type: 'source.clock',
  version: 1,
  tier: 'bronze',
  summary: 'Ticks of a clock, for all instruments.',
  config: z.strictObject({ every: duration({ min: '1ms' }), label: z.string().max(8).optional() }),
  ports: { out: { tick: output(Scalar, { key: 'none' }) } },
  determinism: 'journaled',
  open: closed,
});
const dedupe = defineNode({
  type: 'bronze.dedupe',
  version: 1,
  tier: 'bronze',
  summary: 'Trades without repetitions.',
  config: z.strictObject({}),
  ports: { in: { trade: input(Trade) }, out: { trade: output(Trade) } },
  ...idle,
});
const orderBook = defineNode({
  type: 'silver.order_book',
  version: 1,
  tier: 'silver',
  summary: 'The book from snapshot and diffs.',
  config: z.strictObject({ levels: z.int().min(1).max(1000).default(20).describe('levels per side') }),
  ports: {
    in: { depth: input(Depth), snapshot: input(DepthSnapshot, { optional: true }) },
    out: { top: output(TopOfBook), spread: output(Scalar) },
  },
  ...idle,
});
const filter = defineNode({
  ...omitKind(dedupe),
  type: 'silver.filter',
  tier: 'silver',
  summary: 'Trades of the market only.',
});
const otherTrades = defineNode({
  type: 'silver.other_trades',
  version: 1,
  tier: 'silver',
  summary: 'Trades with one side more than the market knows.',
  config: z.strictObject({}),
  ports: {
    in: { trade: input(Trade) },
    out: { trade: output(record('odd_trade', 1, { ...Trade.fields, side: oneOf('buy', 'sell', 'cross') })) },
  },
  ...idle,
});
const timeBars = defineNode({
  type: 'silver.time_bars',
  version: 2,
  tier: 'silver',
  summary: 'Bars of a fixed width.',
  doc: 'A trade belongs to the bar `floor(T / width)`; start inclusive, end exclusive.',
  config: z.strictObject({
    width: duration({ min: '1s', max: '1d' }).describe('length of a bar'),
    grace: duration().default(1_500_000).describe('how long a closed bar waits for late trades'),
  }),
  ports: { in: { trade: input(Trade) }, out: { bar: output(Bar, { doc: 'the closed bar' }) } },
  warmup: () => ({ trade: 1 }),
  ...idle,
});
const ema = defineNode({
  type: 'feature.ema',
  version: 1,
  tier: 'silver',
  summary: 'Exponential moving average with α = 2 / (period + 1).',
  reference: 'R. G. Brown, 1963',
  config: z.strictObject({ period: z.int().min(1).max(100_000).default(20).describe('values') }),
  ports: { in: { x: input(Scalar, { doc: 'what is averaged' }) }, out: { value: output(Scalar) } },
  warmup: () => ({ x: 1 }),
  ...idle,
});
const atr = defineNode({
  type: 'feature.atr',
  version: 1,
  tier: 'silver',
  summary: 'Average true range.',
  config: z.strictObject({
    period: z.int().min(2).describe('bars'),
    smoothing: z.enum(['wilder', 'simple', 'exponential']).default('wilder'),
    percent: z.boolean().default(false),
  }),
  ports: { in: { bar: input(Bar) }, out: { value: output(Scalar), range: output(Scalar) } },
  ...idle,
});
const join = defineNode({
  type: 'feature.join',
  version: 1,
  tier: 'silver',
  summary: 'Several numbers as one record.',
  config: z.strictObject({}),
  ports: {
    in: {},
    rest: input(Scalar),
    out: (_config, wiring) => ({
      features: output(record('features', 1, Object.fromEntries(Object.keys(wiring.inputs).map((n) => [n, f64()])))),
    }),
  },
  ...idle,
});
const median = defineRxNode({
  type: 'feature.median',
  version: 1,
  tier: 'silver',
  summary: 'Median of the last values, as an RxJS pipeline.',
  config: z.strictObject({ window: z.int().min(1) }),
  ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  rx: () => ({ out$: EMPTY, snapshot: () => 0, restore: () => undefined }),
});
const remote = defineRxNode({
  type: 'feature.remote',
  version: 1,
  tier: 'silver',
  summary: 'A number that somebody else computes.',
  config: z.strictObject({}),
  ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'external',
  rx: () => ({ out$: of(), stateless: true }),
});
const WORD = /[a-z_][a-z0-9_]*/g;
const rules = defineNode({
  type: 'decision.rules',
  version: 1,
  tier: 'gold',
  summary: 'Rules over named numbers.',
  config: z.strictObject({
    rules: z
      .array(
        z.object({
          name: z.string(),
          when: z.string().describe('expression over the inputs'),
          action: z.enum(['intent', 'skip_entry', 'size_mult']),
          size: z.number().positive().max(1).default(1),
        }),
      )
      .min(1),
    stop: z.union([z.number().positive(), z.enum(['atr', 'none'])]).default('none'),
    exit: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('time'), after: duration() }),
        z.strictObject({ kind: z.literal('target'), bp: z.number().min(1) }),
      ])
      .optional(),
    weights: z.record(z.string(), z.number()).default({}),
  }),
  ports: { in: {}, rest: input(Scalar), out: { intent: output(Intent) } },
  check(config, wiring) {
    const issues: ConfigIssue[] = [];
    for (const [i, rule] of config.rules.entries())
      for (const word of rule.when.matchAll(WORD))
        if (!Object.hasOwn(wiring.inputs, word[0]))
          issues.push({
            code: 'CHM181',
            path: ['rules', i, 'when'],
            message: `unknown feature "${word[0]}"`,
            help: `features: ${Object.keys(wiring.inputs).join(', ')}`,
            offset: word.index,
            length: word[0].length,
          });
    return issues;
  },
  ...idle,
});
const account = defineNode({
  type: 'risk.account',
  version: 1,
  tier: 'gold',
  summary: 'The state of the account over all instruments.',
  config: z.strictObject({}),
  ports: { in: { report: input(OrderReport, { key: 'any' }) }, out: { loss: output(Scalar) } },
  ...idle,
});
const gate = defineNode({
  type: 'risk.gate',
  version: 1,
  tier: 'gold',
  summary: 'Lets intents pass within limits.',
  config: z
    .strictObject({
      limits: z.strictObject({
        max_loss_usdt: z.number().min(0),
        max_spread_bp: z.number().multipleOf(0.5).default(5),
        window: duration().prefault('1d'),
      }),
      low: z.number().default(0),
      high: z.number().default(1),
      tag: z
        .string()
        .regex(/^[A-Z]{2,4}$/)
        .optional(),
    })
    .refine((c) => c.low < c.high, { message: 'low must be below high', path: ['low'] }),
  ports: {
    in: { intent: input(Intent), loss: input(Scalar, { key: 'none', optional: true, doc: 'loss of the account' }) },
    out: { intent: output(Intent) },
  },
  ...idle,
});
const router = defineNode({
  type: 'routing.router',
  version: 1,
  tier: 'gold',
  summary: 'Makes orders of intents.',
  config: z.strictObject({ timeout: duration().prefault('5s') }),
  ports: {
    in: {
      intent: input(Intent),
      top: input(TopOfBook),
      report: input(OrderReport, { many: true, optional: true }),
    },
    out: { order: output(OrderCommand, { many: true }) },
  },
  ...idle,
});
const first = defineNode({
  type: 'routing.last_order',
  version: 1,
  tier: 'gold',
  summary: 'Takes one order at a time.',
  config: z.strictObject({}),
  ports: { in: { order: input(OrderCommand) }, out: { qty: output(Scalar) } },
  ...idle,
});
const venue = defineNode({
  type: 'venue.sim',
  version: 1,
  tier: 'gold',
  summary: 'The exchange that is traded against.',
  config: z.strictObject({ fee_bp: z.number().min(0).default(5) }),
  ports: {
    in: { order: input(OrderCommand, { many: true }), trade: input(Trade, { optional: true }) },
    out: { report: output(OrderReport, { many: true }) },
  },
  ...idle,
});
const paper = defineNode({ ...omitKind(venue), type: 'venue.paper', summary: 'A venue that fills at once.' });
const gateway = defineGateway({
  type: 'venue.remote',
  version: 1,
  tier: 'gold',
  summary: 'An exchange elsewhere: orders go out, reports come in.',
  config: z.strictObject({}),
  ports: {
    in: { order: input(OrderCommand, { many: true }), trade: input(Trade, { optional: true }) },
    out: { report: output(OrderReport, { many: true }) },
  },
  determinism: 'journaled',
  open: () => Promise.reject(new Error('not opened')),
});
const pieces = defineNode({
  type: 'flow.flatten',
  version: 1,
  tier: 'gold',
  summary: 'Each order of a list by itself, one after the other.',
  config: z.strictObject({}),
  ports: {
    in: { order: input(OrderCommand, { many: true }) },
    out: { order: output(OrderCommand, { successive: true }) },
  },
  ...idle,
});
const forward = defineNode({
  type: 'label.forward',
  version: 1,
  tier: 'gold',
  summary: 'Return over a horizon, known only at its end.',
  config: z.strictObject({ horizon: duration({ min: '1s' }) }),
  ports: { in: { price: input(Scalar) }, out: { label: output(Scalar, { future: true }), count: output(Scalar) } },
  ...idle,
});
const winsor = defineNode({
  type: 'label.winsor',
  version: 1,
  tier: 'gold',
  summary: 'Clips labels.',
  config: z.strictObject({ at: z.number().min(0) }),
  ports: { in: { label: input(Scalar, { future: true }) }, out: { label: output(Scalar) } },
  ...idle,
});
const dataset = defineSink({
  type: 'sink.dataset',
  version: 1,
  tier: 'gold',
  summary: 'Rows of a training set.',
  config: z.strictObject({ file: z.string() }),
  ports: { in: {}, rest: input(Scalar, { future: true }) },
  determinism: 'external',
  open: silent,
});
const table = defineSink({
  type: 'sink.table',
  version: 1,
  tier: 'gold',
  summary: 'Orders of all instruments in one table.',
  config: z.strictObject({ file: z.string(), format: z.enum(['csv', 'parquet', 'jsonl']).default('csv') }),
  ports: { in: { order: input(OrderCommand, { key: 'any' }) } },
  determinism: 'external',
  open: silent,
});

export const testingRegistry = new Registry([
  market,
  recorder,
  clock,
  dedupe,
  filter,
  otherTrades,
  orderBook,
  timeBars,
  ema,
  atr,
  join,
  median,
  remote,
  rules,
  account,
  gate,
  router,
  first,
  venue,
  paper,
  gateway,
  pieces,
  forward,
  winsor,
  dataset,
  table,
]);

function omitKind<T extends { kind: string }>(node: T): Omit<T, 'kind'> {
  const { kind: _, ...rest } = node;
  return rest;
}
