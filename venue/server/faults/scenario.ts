import { z } from 'zod';
import { duration } from '../../../graph/document/duration.ts';

/** `*` stands for any text. */
const glob = z.string().min(1).max(200);

const Match = z
  .strictObject({
    market: z.enum(['usdm', 'spot']).optional().describe('only this market'),
    route: glob.optional().describe('method and path of a request, as `POST /fapi/v1/order`'),
    stream: glob.optional().describe('name of a market stream, as `btcusdt@depth*`'),
    event: glob.optional().describe('type of a user event, as `ORDER_TRADE_UPDATE`'),
    status: glob.optional().describe('order status in a user event, as `FILLED`'),
    symbol: glob.optional().describe('symbol of a request or user event'),
  })
  .prefault({});

const when = {
  at: duration().optional().describe('once, this long after the start of the market (market time)'),
  every: duration({ min: '1ms' }).optional().describe('again and again, at this distance (market time)'),
  nth: z.int().min(1).optional().describe('the nth occasion that matches'),
  every_nth: z.int().min(1).optional().describe('each nth occasion that matches'),
  probability: z.number().gt(0).max(1).optional().describe('each occasion that matches, with this probability'),
  times: z.int().min(1).optional().describe('at most so often'),
  match: Match,
};
const kind = <K extends string, S extends z.core.$ZodLooseShape>(name: K, shape: S) =>
  z.strictObject({ kind: z.literal(name), ...when, ...shape });

const ms = (most: number) => z.int().min(1).max(most);

/** One fault: what happens, when, and to what. */
export const Fault = z
  .discriminatedUnion('kind', [
    // To frames of market streams.
    kind('gap', {}),
    kind('duplicate', {}),
    kind('reorder', {}),
    kind('delay', { ms: ms(600_000) }),
    // To websockets.
    kind('disconnect', { target: z.enum(['streams', 'user', 'api', 'all']).default('all') }),
    kind('server_shutdown', {}),
    // To requests.
    kind('unknown', { answer: z.enum(['503', '-1006', '-1007']).default('503') }),
    kind('unavailable', { answer: z.enum(['503', '-1008']).default('503') }),
    kind('timeout', { accepted: z.boolean().default(true) }),
    kind('slow', { ms: ms(600_000) }),
    kind('timestamp', {}),
    kind('not_found', { accepted: z.boolean().default(false) }),
    kind('rate_limit', { retry_after_s: ms(86_400).default(10) }),
    kind('ban', { seconds: ms(259_200).default(120) }),
    // To the account.
    kind('listen_key_expiry', {}),
    kind('liquidation', { symbol: z.string().min(1) }),
    kind('adl', { symbol: z.string().min(1) }),
    kind('clock_skew', { skew_ms: z.int().min(-86_400_000).max(86_400_000) }),
    // To user events.
    kind('late_report', { ms: ms(600_000) }),
    kind('duplicate_report', {}),
    kind('lost_report', {}),
  ])
  .superRefine((f, ctx) => {
    const set = (['at', 'every', 'nth', 'every_nth', 'probability'] as const).filter((k) => f[k] !== undefined);
    if (set.length !== 1)
      ctx.addIssue({
        code: 'custom',
        message: `a fault says with exactly one of at, every, nth, every_nth and probability when it happens, not ${set.length === 0 ? 'with none' : set.join(' and ')}`,
      });
    if (
      TIMED.has(f.kind) &&
      f.at === undefined &&
      f.every === undefined &&
      !(f.kind === 'disconnect' && f.match.stream)
    )
      ctx.addIssue({
        code: 'custom',
        message: `${f.kind} happens at a time: say \`at\` or \`every\`${f.kind === 'disconnect' ? ', or name frames with `match: { stream: … }`' : ''}`,
      });
  });
export type Fault = z.output<typeof Fault>;
export type FaultKind = Fault['kind'];

/** Kinds that need no occasion: they happen when their time has come. */
export const TIMED: ReadonlySet<string> = new Set([
  'disconnect',
  'server_shutdown',
  'listen_key_expiry',
  'liquidation',
  'adl',
  'clock_skew',
]);

export const Scenario = z.strictObject({
  chimera_faults: z.literal(1),
  seed: z.int().min(0).default(1),
  faults: z.array(Fault),
});
export type Scenario = z.output<typeof Scenario>;

/** As `POST /chimera/faults` takes it. */
export const FaultRequest = z.strictObject({ seed: z.int().min(0).default(1), faults: z.array(Fault).max(1000) });
