import { describe, expect, it } from 'vitest';
import { nextInt, seedRandom } from '../graph/math/index.ts';
import type { Env } from '../graph/node.ts';
import { rowsReader } from '../graph/runner/rows-reader.ts';
import type { BlockReader, KeyTable } from '../graph/schema/index.ts';
import { CONTROL_PORTS } from '../sources/control/live-reader.ts';
import { synthetic as agents } from '../venue/synthetic/source.ts';
import { document, type Played, play, type Row, readPipeline, synthetic, trend } from './testing/play.ts';

/** Commands at offsets from the first event, as a journal would give them. */
const commands = (startUs: number, list: readonly [offsetUs: number, kind: string][]) => ({
  control: async () =>
    rowsReader(
      CONTROL_PORTS,
      list.map(([offset, kind], i) => ({
        t: startUs + offset,
        port: 'control',
        key: -1,
        values: {
          kind,
          reason: 'drill',
          who: 'ana',
          correlation_id: `c${i}`,
          idempotency_key: `k${i}`,
          instrument: '',
          subject: '',
        },
      })),
    ),
});
const adds = ({ values: v }: Row): boolean =>
  v['action'] === 'place' && v['reduce_only'] === false && v['close_position'] === false;
const S = 1_000_000;

/** Net position by instrument from what the venue reported as traded. */
function positions(p: Played): Record<string, number> {
  const net: Record<string, number> = {};
  for (const { key, values: v } of p.on('venue.report'))
    if (v['exec'] === 'trade') net[key] = (net[key] ?? 0) + (v['side'] === 'buy' ? 1 : -1) * (v['last_qty'] as number);
  return net;
}

describe('the kill switch in pipelines/trend.yaml on a synthetic market', () => {
  it('wherever it is engaged: no risk leaves any more, and the account ends flat, verified by the venue', async () => {
    const straight = await play(trend({}, synthetic('', '60s')), {});
    const start = straight.result.first_us!;
    const random = seedRandom(7);
    let busy = 0;
    for (let i = 0; i < 12; i++) {
      const at = 36 * S + nextInt(random, 20 * S);
      const run = await play(trend({}, synthetic('', '60s')), { readers: commands(start, [[at, 'kill_engage']]) });
      const t = start + at;
      const sent = run.on('last_gate.order');
      expect(sent.filter((r) => r.t < t && adds(r)).length, 'it traded before').toBeGreaterThan(0);
      expect(sent.filter((r) => r.t >= t && adds(r))).toEqual([]);
      const last = run.on('last_gate.status').at(-1)!;
      expect(last.values, `engaged at ${at}`).toMatchObject({
        phase: 'flat',
        engaged: true,
        positions: 0,
        orders: 0,
        resting: 0,
      });
      expect(Object.values(positions(run)).every((q) => q === 0)).toBe(true);
      const flat = run.on('last_gate.flat');
      expect(flat.every(({ values: v }) => v['position_qty'] === 0)).toBe(true);
      if (sent.some((r) => r.t >= t && r.values['reduce_only'] === true)) busy++;
      // The same inputs, the same bytes before it.
      expect(sent.filter((r) => r.t < t)).toEqual(straight.on('last_gate.order').filter((r) => r.t < t));
    }
    expect(busy, 'some of them had something to close').toBeGreaterThan(3);
  });

  it('trades again after a release, and entries in between have verdicts that say why not', async () => {
    const at = 38 * S;
    const until = 48 * S;
    const first = await play(trend({}, synthetic('', '1s')), {});
    const start = first.result.first_us!;
    const run = await play(trend({}, synthetic('', '60s')), {
      readers: commands(start, [
        [at, 'kill_engage'],
        [until, 'kill_release'],
      ]),
    });
    const sent = run.on('last_gate.order').filter(adds);
    expect(sent.some((r) => r.t < start + at)).toBe(true);
    expect(sent.some((r) => r.t >= start + at && r.t < start + until)).toBe(false);
    expect(sent.some((r) => r.t >= start + until)).toBe(true);
    const refused = run.on('gate.verdict').filter(({ values: v }) => v['gate'] === 'kill_switch');
    expect(refused.length).toBeGreaterThan(0);
    for (const r of refused) expect(r.t >= start + at && r.t < start + until).toBe(true);
    expect(run.on('kill.change').map(({ values: v }) => [v['kind'], v['applied']])).toEqual([
      ['kill_engage', true],
      ['kill_release', true],
    ]);
  });

  it('pauses new risk and closes nothing', async () => {
    const at = 40 * S;
    const start = (await play(trend({}, synthetic('', '1s')), {})).result.first_us!;
    const run = await play(trend({}, synthetic('', '50s')), { readers: commands(start, [[at, 'risk_pause']]) });
    expect(run.on('last_gate.order').filter((r) => r.t >= start + at && adds(r))).toEqual([]);
    expect(run.on('orders.order').filter((r) => r.values['origin'] === 'operator')).toEqual([]);
  });

  it('is engaged by the daily loss where the pipeline says so', async () => {
    const run = await play(trend({ kill_on_daily_loss: 'true', daily_loss_usdt: '5' }, synthetic('', '60s')), {});
    const engaged = run.on('kill.change');
    expect(engaged.map(({ values: v }) => [v['kind'], v['who']])).toEqual([['trigger', 'daily_loss']]);
    expect(run.on('last_gate.order').filter((r) => r.t >= engaged[0]!.t && adds(r))).toEqual([]);
    expect(run.on('last_gate.status').at(-1)!.values).toMatchObject({ phase: 'flat' });
  });
});

describe('the kill switch in pipelines/spot.yaml on a synthetic market', () => {
  const market = (keys: KeyTable): Promise<BlockReader> => {
    // The seeded market of agents under Spot's names; its decimals are those of futures, so the rules of the instruments are open.
    const declare: KeyTable['declare'] = (name, px, qty) => keys.declare(name.replace('usdm:', 'spot:'), px, qty);
    const config = agents.config.parse({ symbols: ['BTCUSDT', 'ETHUSDT'], duration: '40s' });
    return agents.open(config as never, { keys: { declare }, seed: 1 } as unknown as Env);
  };
  const replay = { file: 'pipelines/profiles/spot/replay.yaml', text: readPipeline('profiles/spot/replay.yaml') };
  const spot = (sets: Record<string, string> = {}) =>
    document(readPipeline('spot.yaml'), { preset: 'recording', interval: '1s', instruments: '{}', ...sets }, replay);

  it('sells what is held, wherever it is engaged, also while outcomes of sends are open', async () => {
    const straight = await play(spot(), { readers: { market } });
    const start = straight.result.first_us!;
    const random = seedRandom(3);
    let sold = 0;
    for (const uncertain of ['0', '0', '0', '0.3', '0.3', '0.3']) {
      const at = 10 * S + nextInt(random, 25 * S);
      const run = await play(spot({ uncertain }), {
        readers: { market, ...commands(start, [[at, 'kill_engage']]) },
      });
      const t = start + at;
      const sent = run.on('last_gate.order');
      expect(sent.filter((r) => r.t >= t && adds(r))).toEqual([]);
      expect(run.on('last_gate.status').at(-1)!.values, `${uncertain} at ${at}`).toMatchObject({ phase: 'flat' });
      // What stays is less than an order can be: commissions in the asset leave parts of a step.
      for (const { values: v } of run.on('last_gate.flat')) expect(v['position_qty']).toBeLessThan(10);
      if (sent.some((r) => r.t >= t && r.values['side'] === 'sell' && r.values['type'] === 'market')) sold++;
    }
    expect(sold).toBeGreaterThan(2);
  });
});
