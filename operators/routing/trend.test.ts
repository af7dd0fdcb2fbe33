import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import { tapRow } from '../../graph/engine/tap.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { Registry } from '../../graph/registry.ts';
import { Run } from '../../graph/runner/runner.ts';
import { sinkNodes } from '../../sinks/index.ts';
import { sourceNodes } from '../../sources/index.ts';
import { venueNodes } from '../../venue/index.ts';
import { decisionNodes } from '../decision/index.ts';
import { featureNodes } from '../feature/index.ts';
import { governanceNodes } from '../governance/index.ts';
import { positionNodes } from '../position/index.ts';
import { silverNodes } from '../silver/index.ts';
import { routingNodes } from './index.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const RECORDING = resolve(
  ROOT,
  process.env['CHIMERA_DATA'] ?? '../shared/data',
  'binance-raw/usdm-btcusdt-20240808.gz',
);
const registry = new Registry(
  sourceNodes,
  silverNodes,
  featureNodes,
  decisionNodes,
  positionNodes,
  routingNodes,
  governanceNodes,
  venueNodes,
  sinkNodes,
);
type Row = Record<string, unknown>;

/** The whole graph over a recording. Skipped where there is none. */
describe.skipIf(!existsSync(RECORDING))('pipelines/trend.yaml over a recording of six minutes', () => {
  const rows: Record<string, Row[]> = {};
  const on = (port: string): Row[] => rows[port] ?? [];

  beforeAll(async () => {
    const file = resolve(ROOT, 'pipelines/trend.yaml');
    const sets = { preset: 'recording' };
    const { pipeline, diagnostics } = loadPipeline(readFileSync(file, 'utf8'), file, registry, { sets });
    expect(diagnostics).toEqual([]);
    const run = new Run(createPlan(pipeline!), {
      inputs: [RECORDING],
      taps: [
        'rules.intent',
        'rules.verdict',
        'stops.intent',
        'size.verdict',
        'gate.verdict',
        'orders.order',
        'orders.outcome',
        'orders.step',
        'venue.report',
        'venue.account',
        'positions.change',
      ],
      onTap: (tap) => {
        const port = `${tap.node}.${tap.port}`;
        rows[port] = [...on(port), ...Array.from({ length: tap.n }, (_, i) => tapRow(tap, i))];
      },
    });
    await run.execute();
    await run.close();
  });

  it('really trades', () => {
    const reports = on('venue.report');
    const count = (f: (r: Row) => boolean) => reports.filter(f).length;
    expect(on('orders.order').filter((o) => o['action'] === 'place').length).toBeGreaterThanOrEqual(200);
    expect(count((r) => r['exec'] === 'trade')).toBeGreaterThanOrEqual(100);
    expect(count((r) => r['exec'] === 'trade' && r['status'] === 'partially_filled')).toBeGreaterThanOrEqual(10);
    expect(count((r) => r['exec'] === 'canceled')).toBeGreaterThanOrEqual(50);
    expect(count((r) => r['code'] === -5022)).toBeGreaterThanOrEqual(10);
  });

  it('leaves exactly one verdict of the risk gates for every intent [S3.15] [RISK.9]', () => {
    const intents = [...on('rules.intent'), ...on('stops.intent')].map((r) => r['id']);
    const verdicts = [...on('size.verdict'), ...on('gate.verdict')].map((r) => r['intent_id']);
    expect(verdicts.toSorted()).toEqual(intents.toSorted());
    const passed = new Set(
      on('gate.verdict')
        .filter((v) => v['allowed'])
        .map((v) => v['intent_id']),
    );
    for (const o of on('orders.order'))
      if (o['origin'] === 'entry' || o['origin'] === 'exit') expect(passed).toContain(o['intent_id']);
  });

  it('follows the position exactly as the venue does, at every fill', () => {
    const venue = on('venue.account').filter((a) => a['reason'] === 'order');
    const ours = on('positions.change');
    expect(ours.map((c) => c['qty_after'])).toEqual(venue.map((a) => a['position_qty']));
    // Average price within 0.01 %.
    ours.forEach((c, i) => {
      const theirs = venue[i]!['entry_quote'] as number;
      expect(Math.abs((c['entry_quote'] as number) - theirs)).toBeLessThanOrEqual(Math.abs(theirs) * 1e-4);
    });
  });

  it('never uses an order id twice, and only ids that Binance accepts', () => {
    const ids = on('orders.order')
      .filter((o) => o['action'] === 'place')
      .map((o) => String(o['client_id']));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[.A-Z:/a-z0-9_-]{1,36}$/);
  });

  it('fills what it was asked for, and no more', () => {
    for (const o of on('orders.outcome')) {
      const fills = on('venue.report').filter((r) => r['exec'] === 'trade');
      const ids = new Set(
        on('orders.order')
          .filter((c) => c['intent_id'] === o['intent_id'] && !c['close_position'])
          .map((c) => c['client_id']),
      );
      const sum = fills.filter((r) => ids.has(r['client_id'])).reduce((a, r) => a + (r['last_qty'] as number), 0);
      expect(sum).toBe(o['filled']);
      expect(sum).toBeLessThanOrEqual(o['qty'] as number);
    }
  });

  it('keeps a reward for every executed intent [RL.16]', () => {
    const executed = on('orders.outcome')
      .filter((o) => (o['filled'] as number) > 0)
      .map((o) => o['intent_id']);
    const rewarded = on('orders.step')
      .filter((r) => r['done'] && Number.isFinite(r['reward']))
      .map((r) => r['intent_id']);
    expect(rewarded).toEqual(executed);
  });
});
