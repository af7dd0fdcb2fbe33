import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { bool, Intent, px, record } from '../../graph/schema/index.ts';
import { Position } from './records.ts';

/** What is needed of a trade; a producer has more. */
const Print = record('print', 1, { px: px(), on_market: bool() });

const config = z.strictObject({
  leverage: z.int().min(1).max(125).default(20).describe('for ROE'),
  stop_roe: z.number().lt(0).min(-1).optional().describe('closes the position at this return on its margin'),
  trailing: z
    .strictObject({
      distance_bp: z.number().positive().max(5000).describe('from the best price since the start'),
      start_roe: z.number().default(0).describe('the stop exists from this return on'),
    })
    .optional(),
  stages: z
    .array(
      z.strictObject({
        at_roe: z.number().positive(),
        fraction: z.number().gt(0).max(1).describe('of the largest size that the position had'),
      }),
    )
    .max(10)
    .default([])
    .describe('staged take-profit; together at most the whole position'),
  stagnation: z
    .strictObject({
      after: duration({ min: '1s' }).describe('age of the position'),
      min_roe: z.number().default(0).describe('best return so far that is enough to stay'),
    })
    .optional(),
  retry_after: duration({ min: '10ms' }).prefault('5s').describe('an exit that changed nothing is asked for again'),
});
type Config = z.output<typeof config>;

/** Reasons that do not wait for a better price: the router takes at once. The others follow its style for exits. */
export const URGENT: readonly string[] = ['stop_roe', 'trailing_stop'];
const out = { intent: output(Intent, { doc: 'for the `exit` port of position.sizing' }) };

interface State {
  n: number;
  /** Direction, entry and size as of the last report of the position. */
  side: number;
  entry: number;
  qty: number;
  largest: number;
  /** Best price since it was opened, and best ROE. */
  best: number;
  bestRoe: number;
  armed: boolean;
  stage: number;
  /** Engine time of an exit that was asked for and has not shown yet; −1 = none. */
  askedUs: number;
  openedUs: number;
}
const STAGNATION = 1;
const RETRY = 2;

export const stops = defineNode({
  type: 'position.stops',
  version: 1,
  tier: 'gold',
  summary: 'Watches open positions: stop on ROE, trailing stop, staged take-profit, stagnation.',
  doc: `Watches every trade print on the market (without \`trade\`: every mark of the position). In this order, the first that holds asks for one exit:
stop at \`stop_roe\`; trailing stop at \`distance_bp\` from the best price since \`start_roe\` was reached, which therefore only
moves in the position's favour; the next stage of the take-profit; and, once, stagnation: older than \`after\` without ever
having reached \`min_roe\`. It works beside the guardian stop that rests at the venue, and independently of it.`,
  config,
  ports: {
    in: {
      position: input(Position),
      trade: input(Print, { optional: true }),
    },
    out,
  },
  determinism: 'pure',
  check(c) {
    const sum = c.stages.reduce((a, x) => a + x.fraction, 0);
    const rising = c.stages.every((x, i) => i === 0 || x.at_roe > c.stages[i - 1]!.at_roe);
    return [
      ...(sum > 1 + 1e-12
        ? [
            {
              code: 'CHM815',
              path: ['stages'],
              message: `the fractions of the stages sum to ${sum}, more than the position`,
              help: 'let them sum to 1 at most',
            },
          ]
        : []),
      ...(rising
        ? []
        : [
            {
              code: 'CHM815',
              path: ['stages'],
              message: 'the stages are not in order of at_roe',
              help: 'sort them, lowest first',
            },
          ]),
    ];
  },
  state: (): State => ({
    n: 0,
    side: 0,
    entry: 0,
    qty: 0,
    largest: 0,
    best: 0,
    bestRoe: 0,
    armed: false,
    stage: 0,
    askedUs: -1,
    openedUs: 0,
  }),
  step(s, tick, c, emit, ctx) {
    if (tick.position.ticked) onPosition(s, tick.position, c, ctx);
    if (s.side === 0) return;
    if (ctx.timer === RETRY) s.askedUs = -1;
    let price = 0;
    if (tick.trade.ticked && tick.trade.on_market) price = tick.trade.px / ctx.key.pxScale;
    else if (tick.position.ticked && !tick.trade.seen) price = tick.position.mark_px;
    if (price > 0) onPrice(s, price, c, emit, ctx);
    else if (ctx.timer === STAGNATION && s.askedUs < 0 && c.stagnation && s.bestRoe < c.stagnation.min_roe)
      ask(s, 'exit', 1, 'stagnation', c, emit, ctx);
  },
});

function onPosition(
  s: State,
  p: { side: 'flat' | 'long' | 'short'; entry_px: number; qty: number; opened_us: number },
  c: Config,
  ctx: Ctx,
): void {
  const side = p.side === 'flat' ? 0 : p.side === 'long' ? 1 : -1;
  if (p.qty !== s.qty) {
    s.askedUs = -1;
    ctx.cancel(RETRY);
  }
  if (side !== s.side || (side !== 0 && p.opened_us !== s.openedUs)) {
    s.side = side;
    s.openedUs = p.opened_us;
    s.largest = 0;
    s.best = p.entry_px;
    s.bestRoe = 0;
    s.armed = false;
    s.stage = 0;
    if (side === 0) ctx.cancel(STAGNATION);
    else if (c.stagnation) ctx.at(p.opened_us + c.stagnation.after, STAGNATION);
  }
  s.entry = p.entry_px;
  s.qty = p.qty;
  s.largest = Math.max(s.largest, Math.abs(p.qty));
}

function onPrice(s: State, price: number, c: Config, emit: Emit<typeof out>, ctx: Ctx): void {
  const roe = s.side * (price / s.entry - 1) * c.leverage;
  if (roe > s.bestRoe) s.bestRoe = roe;
  const t = c.trailing;
  if (t) {
    if (!s.armed && roe >= t.start_roe) {
      s.armed = true;
      s.best = price;
    } else if (s.armed && (price - s.best) * s.side > 0) s.best = price;
  }
  if (s.askedUs >= 0) return;
  if (c.stop_roe !== undefined && roe <= c.stop_roe) ask(s, 'exit', 1, 'stop_roe', c, emit, ctx);
  else if (t && s.armed && (price - s.best * (1 - (s.side * t.distance_bp) / 1e4)) * s.side <= 0)
    ask(s, 'exit', 1, 'trailing_stop', c, emit, ctx);
  else if (s.stage < c.stages.length && roe >= c.stages[s.stage]!.at_roe) {
    // Each stage is asked for once; its fraction is of the whole, so it is more of what is left.
    const part = Math.min(1, (c.stages[s.stage++]!.fraction * s.largest) / Math.abs(s.qty));
    ask(s, part >= 1 ? 'exit' : 'reduce', part, 'take_profit', c, emit, ctx);
  }
}

function ask(
  s: State,
  action: 'exit' | 'reduce',
  part: number,
  reason: string,
  c: Config,
  emit: Emit<typeof out>,
  ctx: Ctx,
): void {
  s.askedUs = ctx.now;
  ctx.after(c.retry_after, RETRY);
  emit.intent({
    id: `${ctx.key.name}/${ctx.node}/${ctx.now.toString(36)}-${(s.n++).toString(36)}`,
    action,
    side: s.side > 0 ? 'sell' : 'buy',
    size_mult: part,
    stop_px: Number.NaN,
    target_px: Number.NaN,
    rule: reason,
    reason,
  });
}
