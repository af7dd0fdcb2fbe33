import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Env } from '../graph/node.ts';
import type { BlockReader, KeyTable } from '../graph/schema/index.ts';
import { main } from '../ui/cli/main.ts';
import { synthetic } from '../venue/synthetic/source.ts';
import { document, type Played, type PlayOptions, play, ROOT, type Row, readPipeline } from './testing/play.ts';

const RECORDING = join(ROOT, process.env['CHIMERA_DATA'] ?? '../shared/data', 'binance-raw/spot-btcusdt-20240808.gz');
const replay = { file: 'pipelines/profiles/spot/replay.yaml', text: readPipeline('profiles/spot/replay.yaml') };
/** The seeded market of agents under Spot's names: its decimals are those of futures, so the rules of the instruments are open. */
const market = (keys: KeyTable): Promise<BlockReader> => {
  const declare: KeyTable['declare'] = (name, px, qty) => keys.declare(name.replace('usdm:', 'spot:'), px, qty);
  const config = synthetic.config.parse({ symbols: ['BTCUSDT', 'ETHUSDT'], duration: '40s' });
  return synthetic.open(config as never, { keys: { declare }, seed: 1 } as unknown as Env);
};
const spot = (sets: Record<string, string> = {}) =>
  document(readPipeline('spot.yaml'), { preset: 'recording', ...sets }, replay);
const seeded = (sets: Record<string, string> = {}, options: PlayOptions = {}): Promise<Played> =>
  play(spot({ interval: '1s', instruments: '{}', ...sets }), { readers: { market }, ...options });
const num = (r: Row, f: string): number => r.values[f] as number;

/** Our books against the venue's, at every fill. */
function agree(p: Played): void {
  const ours = p.on('positions.change');
  const theirs = p.on('venue.account');
  expect(ours.map((c) => [c.key, c.values['qty_after']])).toEqual(theirs.map((a) => [a.key, a.values['position_qty']]));
  ours.forEach((c, i) => {
    const cost = num(theirs[i]!, 'entry_quote');
    // Less than a step more or less was paid at another price.
    expect(Math.abs(num(c, 'entry_quote') - cost)).toBeLessThanOrEqual(Math.max(1, cost * 1e-4));
    expect(num(c, 'qty_after')).toBeGreaterThanOrEqual(0);
    expect(num(c, 'fee')).toBe(num(theirs[i]!, 'fee'));
  });
}
const count = (p: Played, f: (v: Row['values']) => boolean, port = 'venue.report'): number =>
  p.on(port).filter((r) => f(r.values)).length;

describe('the profiles of pipelines/spot.yaml', () => {
  it.each(['replay', 'paper', 'testnet', 'live'])('%s is that of its own market, and lints', async (profile) => {
    const out: string[] = [];
    const write = (text: string): void => void out.push(text);
    const io = { stdout: { write }, stderr: { write: () => {} }, env: {}, signal: new AbortController().signal };
    const code = await main(['graph', join(ROOT, 'pipelines/spot.yaml'), '--profile', profile], io);
    expect(code).toBe(0);
    expect(out.join('')).toContain(profile === 'replay' ? 'venue.spot' : 'binance.spot');
  });
});

describe('pipelines/spot.yaml on a synthetic market', () => {
  it('trades, holds what the venue says it holds, and gives the same interpreted as generated', async () => {
    const one = await seeded();
    expect(count(one, (v) => v['exec'] === 'trade')).toBeGreaterThan(5);
    expect(count(one, (v) => v['exec'] === 'trade' && (v['base_fee'] as number) > 0)).toBeGreaterThan(2);
    agree(one);
    const two = await seeded({}, { mode: 'interpreted' });
    expect(two.ports.toSorted()).toEqual(one.ports.toSorted());
    for (const port of one.ports) expect([port, two.on(port)]).toEqual([port, one.on(port)]);
  });

  it('never sells more than it holds, with every send of an open outcome, and resolves each [S4.4] [S4.5]', async () => {
    const p = await seeded({ uncertain: '0.4' });
    const unknown = p.on('venue.report').filter((r) => r.values['exec'] === 'unknown');
    expect(unknown.length).toBeGreaterThan(5);
    for (const u of unknown.slice(0, -3))
      expect(
        p
          .on('venue.report')
          .some((r) => r.seq > u.seq && r.key === u.key && r.values['client_id'] === u.values['client_id']),
      ).toBe(true);
    // While an order of an instrument is UNKNOWN no entry of it is placed.
    for (const key of ['spot:BTCUSDT', 'spot:ETHUSDT']) {
      const events = [
        ...p.on('orders.doubt').filter((r) => r.key === key),
        ...p
          .on('orders.order')
          .filter((r) => r.key === key && r.values['origin'] === 'entry' && r.values['action'] === 'place'),
      ].sort((a, b) => a.t - b.t);
      let doubts = 0;
      for (const e of events)
        if ('orders' in e.values) doubts = num(e, 'orders');
        else expect([key, e.t, doubts]).toEqual([key, e.t, 0]);
    }
    agree(p);
    expect(count(p, (v) => v['exec'] === 'rejected' && v['code'] === -2022)).toBe(0);
  });
});

describe.skipIf(!existsSync(RECORDING))('pipelines/spot.yaml over a recording of six minutes', () => {
  it('really trades: makers, takers, lists of stop and target, partial fills; the books agree at every fill', async () => {
    const p = await play(spot({ symbols: '[BTCUSDT]' }), { inputs: [RECORDING] });
    expect(count(p, (v) => v['action'] === 'place', 'orders.order')).toBeGreaterThanOrEqual(50);
    expect(count(p, (v) => v['exec'] === 'trade')).toBeGreaterThanOrEqual(20);
    expect(count(p, (v) => v['exec'] === 'trade' && v['maker'] === true)).toBeGreaterThan(0);
    expect(count(p, (v) => v['exec'] === 'new' && v['type'] === 'take_profit_market')).toBeGreaterThan(5);
    expect(count(p, (v) => v['exec'] === 'rejected' && v['code'] === -2010)).toBeLessThan(20);
    agree(p);
    // Every order has passed the gates.
    const passed = new Set(p.on('gate.verdict').flatMap((r) => (r.values['allowed'] ? [r.values['intent_id']] : [])));
    for (const { values: v } of p.on('orders.order'))
      if (v['action'] === 'place' && v['origin'] === 'entry') expect(passed).toContain(v['intent_id']);
  });
});
