import { z } from 'zod';
import { type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { Intent, type RecordView, TopOfBook, type Values } from '../../graph/schema/index.ts';
import { filterOf, filters, floorTo, notionalOf, qtyFor } from './filters.ts';
import { Position, RiskVerdict, SizedIntent } from './records.ts';
import { URGENT } from './stops.ts';

const config = z.strictObject({
  margin_usdt: z.number().positive().max(1e6).default(20).describe('isolated margin of one position at size 1'),
  leverage: z.int().min(1).max(125).default(20),
  filters,
});
type Config = z.output<typeof config>;
const out = { intent: output(SizedIntent, { many: true }), verdict: output(RiskVerdict, { many: true }) };

export const sizing = defineNode({
  type: 'position.sizing',
  version: 2,
  tier: 'gold',
  summary:
    'Gives an intent its exact quantity: margin × leverage at the dearer side of the book, rounded down to the step.',
  doc: `An entry of size 1 is \`margin_usdt × leverage\` of notional (20 × 20 = 400 USDT), divided by the best ask for either side,
so that neither a maker nor a taker fill at the present book exceeds it, and rounded **down** to the quantity step.
Below one step, or below the minimum notional, the intent is refused with its reason; it is never rounded up.
An exit takes the whole position; a reduction takes \`size_mult\` of it, rounded down to the step.
A stop or a target on the wrong side of the book is refused. Arithmetic is on integers throughout.`,
  config,
  ports: {
    in: {
      intent: input(Intent),
      exit: input(Intent, { optional: true, doc: 'a second source of intents, e.g. position.stops' }),
      book: input(TopOfBook, { passive: true }),
      position: input(Position, { optional: true, passive: true }),
    },
    out,
  },
  determinism: 'pure',
  state: () => ({}),
  /** The record of its verdicts has grown. */
  migrate: () => ({}),
  step(_, tick, c, emit, ctx) {
    // Exits first: what a position needs comes before what a strategy wishes.
    if (tick.exit.ticked) size(tick.exit, URGENT.includes(tick.exit.reason), tick.book, tick.position, c, emit, ctx);
    if (tick.intent.ticked) size(tick.intent, false, tick.book, tick.position, c, emit, ctx);
  },
});

type Gate = Values<typeof RiskVerdict>['gate'];

function size(
  intent: Readonly<Values<typeof Intent>>,
  urgent: boolean,
  book: RecordView<typeof TopOfBook>,
  position: RecordView<typeof Position>,
  c: Config,
  emit: Emit<typeof out>,
  ctx: Ctx,
): void {
  const refuse = (gate: Gate, reason: string): void =>
    emit.verdict({ intent_id: intent.id, allowed: false, gate, reason, qty: 0, open: 0, margin_in_use: 0 });
  const key = ctx.key;
  if (intent.action === 'skip') return;
  const filter = filterOf(c.filters, key);
  if (intent.action !== 'enter') {
    const held = position.seen ? position.qty : 0;
    if (held === 0) {
      refuse('no_position', 'there is no position to close');
      return;
    }
    const qty =
      intent.action === 'exit' ? Math.abs(held) : floorTo(Math.floor(Math.abs(held) * intent.size_mult), filter.step);
    if (qty <= 0) {
      refuse('size', 'the part to close is below one quantity step');
      return;
    }
    emit.intent({
      id: intent.id,
      action: intent.action,
      side: held > 0 ? 'sell' : 'buy',
      qty,
      ref_px: book.seen ? (held > 0 ? book.bid_px : book.ask_px) : 0,
      margin: 0,
      stop_px: Number.NaN,
      target_px: Number.NaN,
      urgent,
      rule: intent.rule,
      reason: intent.reason,
    });
    return;
  }
  if (!book.seen || book.bid_px <= 0 || book.ask_px <= 0) {
    refuse('no_price', 'no best bid and ask yet');
    return;
  }
  const buy = intent.side === 'buy';
  // Both sides may be absent (NaN), and then nothing is wrong with them.
  if (
    buy
      ? intent.stop_px >= book.bid_px || intent.target_px <= book.ask_px
      : intent.stop_px <= book.ask_px || intent.target_px >= book.bid_px
  ) {
    refuse('stop_side', 'the stop or the target lies on the wrong side of the book');
    return;
  }
  // Multipliers are read to nine decimals, so that the product stays an integer.
  const notional = Number(
    (BigInt(Math.round(c.margin_usdt * 1e8)) * BigInt(c.leverage) * BigInt(Math.round(intent.size_mult * 1e9))) /
      1_000_000_000n,
  );
  const qty = qtyFor(notional, book.ask_px, filter.step, key);
  if (qty <= 0) {
    refuse('size', 'the size is below one quantity step');
    return;
  }
  if (notionalOf(book.bid_px, qty, key) < filter.minNotional) {
    refuse('min_notional', 'the notional is below the minimum of the instrument');
    return;
  }
  emit.intent({
    id: intent.id,
    action: 'enter',
    side: intent.side,
    qty,
    ref_px: book.ask_px,
    margin: notionalOf(book.ask_px, qty, key, c.leverage),
    stop_px: intent.stop_px,
    target_px: intent.target_px,
    urgent: false,
    rule: intent.rule,
    reason: intent.reason,
  });
}
