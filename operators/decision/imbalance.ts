import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineNode, input, output } from '../../graph/node.ts';
import { OrderCommand, OrderReport, px, qty, record } from '../../graph/schema/index.ts';
import { exactQty, marketOrder, orderId } from './market-order.ts';

/** What is needed of a best bid and ask; producers have more. */
const Quote = record('quote', 1, { bid_px: px(), bid_qty: qty(), ask_px: px(), ask_qty: qty() });

interface State {
  orders: number;
  /** Id of the buy order that is out; empty = none. */
  open: string;
  cancelling: boolean;
  held: number;
  /** A sell order is out. */
  leaving: boolean;
}
const CANCEL = 1;

export const imbalance = defineNode({
  type: 'decision.imbalance',
  version: 2,
  tier: 'gold',
  summary: 'Joins the bid when the top of the book is heavy on its side, and sells when it is light.',
  doc: `At each quote: imbalance = (bid_qty − ask_qty) / (bid_qty + ask_qty). Above \`enter_above\`, flat and without an order out, a
post-only buy of \`qty\` at the bid; it is cancelled after \`cancel_after\`. Once it has ended with something filled, all of it
is sold at the market at the next quote with an imbalance below \`exit_below\`. No risk gates: for backtests over quotes.`,
  config: z.strictObject({
    qty: z.number().positive().describe('in units of the base'),
    enter_above: z.number().min(-1).max(1).default(0.6),
    exit_below: z.number().min(-1).max(1).default(0),
    cancel_after: duration({ min: '1ms' }).prefault('5s'),
  }),
  ports: {
    in: { quote: input(Quote), report: input(OrderReport, { many: true, doc: 'from the venue, as feedback' }) },
    out: { order: output(OrderCommand, { many: true }) },
  },
  determinism: 'pure',
  /** The records of its ports have grown; the state is what it was. */
  migrate: (old): State => old as State,
  state: (): State => ({ orders: 0, open: '', cancelling: false, held: 0, leaving: false }),
  step(s, tick, c, emit, ctx) {
    for (let i = 0; i < tick.report.n; i++) {
      const r = tick.report.at(i);
      if (r.exec === 'trade') s.held += r.side === 'buy' ? r.last_qty : -r.last_qty;
      const over = r.exec === 'trade' ? r.status === 'filled' : r.exec !== 'new' && r.exec !== 'triggered';
      if (!over) continue;
      if (r.client_id !== s.open) {
        if (r.side === 'sell') s.leaving = false;
      } else if (r.code !== -2011) {
        s.open = '';
        s.cancelling = false;
        ctx.cancel(CANCEL);
      }
    }
    const q = tick.quote;
    if (q.ticked) {
      // In units, as anyone would compute it from the printed quantities: ratios of the scaled integers tie elsewhere.
      const { qtyScale } = ctx.key;
      const bid = q.bid_qty / qtyScale;
      const ask = q.ask_qty / qtyScale;
      const x = (bid - ask) / (bid + ask);
      if (s.open === '' && !s.leaving) {
        if (s.held > 0) {
          if (x < c.exit_below) {
            s.leaving = true;
            emit.order(marketOrder(ctx.key.name, ctx.now, s.orders++, 'imbalance', -s.held, true));
          }
        } else if (x > c.enter_above) {
          s.open = orderId(ctx.key.name, ctx.now, s.orders++);
          emit.order({
            action: 'place',
            client_id: s.open,
            side: 'buy',
            type: 'limit',
            tif: 'gtx',
            qty: exactQty(c.qty, ctx.key),
            px: q.bid_px,
            stop_px: Number.NaN,
            working: 'last',
            reduce_only: false,
            close_position: false,
            intent_id: 'imbalance',
            origin: 'entry',
          });
          ctx.after(c.cancel_after, CANCEL);
        }
      }
    } else if (ctx.timer === CANCEL && s.open !== '' && !s.cancelling) {
      s.cancelling = true;
      emit.order({
        action: 'cancel',
        client_id: s.open,
        side: 'buy',
        type: 'limit',
        tif: 'gtx',
        qty: 0,
        px: Number.NaN,
        stop_px: Number.NaN,
        working: 'last',
        reduce_only: false,
        close_position: false,
        intent_id: 'imbalance',
        origin: 'entry',
      });
    }
  },
});
