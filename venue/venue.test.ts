import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Tap } from '../graph/engine/tap.ts';
import { defineNode, input, output } from '../graph/node.ts';
import { createPlan } from '../graph/plan/plan.ts';
import { runPipeline } from '../graph/runner/runner.ts';
import { OrderCommand, OrderReport, TopOfBook } from '../graph/schema/index.ts';
import { buildPipeline } from '../graph/testing/build.ts';
import { venueNodes } from './index.ts';

const node = (type: string) => venueNodes.find((n) => n.type === type)!;

/** Places, cancels and crosses by a fixed scheme: something of every kind of order. */
const trader = defineNode({
  type: 'test.trader',
  version: 1,
  tier: 'gold',
  summary: 'orders by the count of quotes',
  config: z.strictObject({}),
  ports: {
    in: { best: input(TopOfBook), report: input(OrderReport, { many: true, optional: true }) },
    out: { order: output(OrderCommand, { many: true }) },
  },
  determinism: 'pure',
  state: () => ({ n: 0, id: 0, open: '', fills: 0 }),
  step(s, tick, _c, emit, ctx) {
    for (let i = 0; i < tick.report.n; i++) if (tick.report.at(i).exec === 'trade') s.fills++;
    if (!tick.best.ticked || ++s.n % 20 !== 0) return;
    const k = (s.n / 20) % 6;
    const buy = (s.n / 120) % 2 < 1;
    const { bid_px, ask_px } = tick.best;
    const one = {
      action: 'place' as const,
      client_id: `${ctx.key.index}-${s.id++}`,
      side: buy ? ('buy' as const) : ('sell' as const),
      type: 'limit' as const,
      tif: 'gtx' as const,
      qty: ctx.key.qtyScale / 100,
      px: buy ? bid_px : ask_px,
      stop_px: Number.NaN,
      working: 'last' as const,
      reduce_only: false,
      close_position: false,
      intent_id: '',
      origin: 'entry' as const,
    };
    if (k < 2) emit.order(one);
    else if (k === 2) emit.order({ ...one, type: 'market', tif: 'gtc', px: Number.NaN });
    else if (k === 3) emit.order({ ...one, tif: 'gtx', px: buy ? ask_px : bid_px });
    else if (k === 4) emit.order({ ...one, action: 'cancel', client_id: `${ctx.key.index}-${s.id - 4}` });
    else emit.order({ ...one, tif: 'ioc', px: buy ? ask_px : bid_px });
  },
});

const pipeline = (venue: object) =>
  buildPipeline([
    { id: 'market', type: node('source.synthetic'), with: { duration: '30s', rate: 150 } },
    { id: 'trader', type: trader, in: { best: 'market.book_ticker', report: 'venue.report' } },
    {
      id: 'venue',
      type: node('venue.usdm'),
      key: 'none',
      with: venue,
      in: { order: 'trader.order', trade: 'market.trade', best: 'market.book_ticker', mark: 'market.mark_price' },
      feedback: ['report'],
    },
  ]);
async function run(mode: 'generated' | 'interpreted', venue: object, commitInputs = 65_536) {
  const rows: unknown[] = [];
  await runPipeline(createPlan(pipeline(venue)), {
    seed: 3,
    mode,
    commitInputs,
    taps: ['venue.report', 'venue.account', 'trader.order'],
    onTap: (t: Tap) => void rows.push(...[...t.rows].map((r) => [t.port, JSON.stringify(r)])),
  });
  return rows;
}

describe('the venue in a pipeline', () => {
  it('trades a synthetic market and answers each instrument with its own reports only', async () => {
    const rows = await run('generated', { order_latency: '5ms', response_latency: '3ms' });
    expect(rows.length).toBeGreaterThan(100);
  });
});
