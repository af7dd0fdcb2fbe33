import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Tap } from '../graph/engine/tap.ts';
import { defineNode, input, output } from '../graph/node.ts';
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

const pipeline = (venue: Record<string, unknown>) =>
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
interface Said {
  port: string;
  time: number;
  key: number;
  values: Record<string, unknown>;
}
async function run(mode: 'generated' | 'interpreted', venue: Record<string, unknown>): Promise<Said[]> {
  const rows: Said[] = [];
  await runPipeline(pipeline(venue), {
    seed: 3,
    mode,
    commitInputs: 3000,
    taps: ['venue.report', 'venue.account', 'venue.position', 'trader.order'],
    onTap: (tap: Tap) => {
      const names = Object.keys(tap.schema.fields);
      for (let i = 0; i < tap.n; i++)
        rows.push({
          port: tap.port,
          time: tap.time(i),
          key: tap.key(i),
          values: Object.fromEntries(names.map((name, f) => [name, tap.value(i, f)])),
        });
    },
  });
  return rows;
}

describe('the venue in a pipeline', () => {
  it('trades a synthetic market: every kind of execution, each instrument with its own reports', async () => {
    const rows = await run('generated', { order_latency: '5ms', response_latency: '3ms' });
    const reports = rows.filter((r) => r.port === 'report');
    const kinds = new Map<string, number>();
    for (const { values: v } of reports) {
      const kind = v['exec'] === 'trade' ? `${v['maker'] ? 'maker' : 'taker'}` : `${v['exec']} ${v['code']}`;
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    for (const kind of ['new 0', 'maker', 'taker', 'canceled 0', 'expired 0', 'rejected -5022', 'rejected -2011'])
      expect([kind, kinds.get(kind) ?? 0]).toEqual([kind, expect.toSatisfy((n: number) => n > 3)]);
    for (const r of reports) expect(String(r.values['client_id']).startsWith(`${r.key}-`)).toBe(true);
    // Accounts are in step with the trades: one update per trade, with the same fee and profit.
    const money = (port: string): number[] =>
      rows
        .filter((r) => r.port === port && (port === 'account' || r.values['exec'] === 'trade'))
        .reduce(([f, p], r) => [f! + (r.values['fee'] as number), p! + (r.values['realized_pnl'] as number)], [0, 0]);
    expect(money('account')).toEqual(money('report'));
    const [fees, profit] = money('account');
    expect(rows.filter((r) => r.port === 'account').at(-1)!.values['wallet']).toBe(10_000e8 - fees! + profit!);
    // Answers come 8 ms after their order.
    const sent = new Map(
      rows
        .filter((r) => r.port === 'order' && r.values['action'] === 'place')
        .map((r) => [r.values['client_id'], r.time]),
    );
    for (const r of reports)
      if (r.values['exec'] === 'new') expect(r.time - sent.get(r.values['client_id'])!).toBe(8000);
  });
  it('says the same in the generated and in the interpreted plan', async () => {
    const config = { order_latency: '1ms', leverage: 50 };
    expect(await run('generated', config)).toEqual(await run('interpreted', config));
  });
});
