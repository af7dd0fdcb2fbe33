import { describe, expect, it } from 'vitest';
import { rowsReader } from '../graph/runner/rows-reader.ts';
import { CONTROL_PORTS } from '../sources/control/live-reader.ts';
import { type Played, play, synthetic, trend } from './testing/play.ts';

const BTC = 'usdm:BTCUSDT';
const S = 1_000_000;
/** Commands at offsets from the first event, as a journal would give them. */
const commands = (startUs: number, list: readonly (readonly [offsetUs: number, kind: string, subject: string])[]) => ({
  control: async () =>
    rowsReader(
      CONTROL_PORTS,
      list.map(([offset, kind, subject], i) => ({
        t: startUs + offset,
        port: 'control',
        key: -1,
        values: {
          kind,
          reason: 'by hand',
          who: 'ana',
          correlation_id: `c${i}`,
          idempotency_key: `k${i}`,
          instrument: BTC,
          subject,
        },
      })),
    ),
});
const byHand = (p: Played) => p.on('last_gate.order').filter((r) => r.values['origin'] === 'operator');

describe('orders by hand in pipelines/trend.yaml on a synthetic market', () => {
  /** No bar ends within the run, so no rule is asked: whatever is traded was ordered by hand. */
  const quiet = () => trend({ interval: '1h', stagnant_after: '4h' }, synthetic('', '40s'));

  it('are traded, protected, reduced by hand and documented; the same commands give the same bytes', async () => {
    const straight = await play(quiet(), {});
    const start = straight.result.first_us!;
    expect(straight.on('last_gate.order')).toEqual([]);
    const list = [
      [10 * S, 'order_place', 'buy market 0.003'],
      [20 * S, 'order_place', 'sell market 0.003 reduce_only'],
      [30 * S, 'order_place', 'buy market 900'],
    ] as const;
    const runs = await Promise.all([1, 2].map(() => play(quiet(), { readers: commands(start, list) })));
    const [run, again] = runs as [Played, Played];
    expect(byHand(run).map((r) => [r.values['side'], r.values['reduce_only']])).toEqual([
      ['buy', false],
      ['sell', true],
    ]);
    expect(byHand(again)).toEqual(byHand(run));
    const traded = run.on('venue.report').filter((r) => r.values['exec'] === 'trade');
    const net = traded.reduce((n, { values: v }) => n + (v['side'] === 'buy' ? 1 : -1) * (v['last_qty'] as number), 0);
    expect([traded.length > 1, net]).toEqual([true, 0]);
    // What was bought by hand had the router's stop while it was held, and the stop went with it.
    const stops = run.on('last_gate.order').filter((r) => r.values['origin'] === 'guardian');
    expect(stops[0]!.values).toMatchObject({ action: 'place', close_position: true, side: 'sell' });
    const said = run.on('venue.report').filter((r) => r.values['client_id'] === stops[0]!.values['client_id']);
    expect(said.map((r) => r.values['status'])).toEqual(['new', 'expired']);
    expect(run.on('by_hand.outcome').map((r) => r.values['sent'])).toEqual([true, true, false]);
    expect(run.on('by_hand.reserved').at(-1)!.values).toMatchObject({ orders: 0, margin: 0 });
    // The gate counted it: a place and its margin, and gave both back.
    const open = run.on('gate.usage').map((r) => r.values['open']);
    expect(open.filter((n, i) => n !== open[i - 1])).toEqual([0, 1, 0]);
  });
});
