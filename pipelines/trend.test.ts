import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pipeline } from '../graph/document/types.ts';
import { nextInt, seedRandom } from '../graph/math/index.ts';
import { createPlan } from '../graph/plan/plan.ts';
import type { Run } from '../graph/runner/runner.ts';
import { ChimeraError } from '../graph/schema/index.ts';
import { COLLECTIONS, type Collection, openEmbeddedStore } from '../sinks/store/index.ts';
import { compareTaps } from '../ui/run/compare-taps.ts';
import { portsOf, runJob } from '../ui/run/run.ts';
import { type Played, play, type Row, synthetic, trend } from './testing/play.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-trend-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folder = (name: string) => join(root, name);

/** Every value of every port, as one hash each. */
const hashes = (rows: ReadonlyMap<string, Row[]>): Record<string, string> =>
  Object.fromEntries(
    [...rows].map(([port, list]) => [port, createHash('sha256').update(JSON.stringify(list, exactly)).digest('hex')]),
  );
/** JSON that tells NaN, infinities and −0 from one another. */
const exactly = (_: string, v: unknown): unknown =>
  typeof v === 'number' && (!Number.isFinite(v) || Object.is(v, -0)) ? `number:${Object.is(v, -0) ? '-0' : v}` : v;
const rowsOf = (p: Played) => new Map(p.ports.map((port) => [port, p.on(port)]));
async function documentsOf(dir: string): Promise<Record<string, unknown>> {
  const store = openEmbeddedStore(dir);
  const all: Record<string, unknown> = {};
  for (const collection of Object.keys(COLLECTIONS) as Collection[])
    all[collection] = await store.query('by_time', { collection, from: 0, to: Number.MAX_SAFE_INTEGER });
  await store.close();
  return all;
}

describe('pipelines/trend.yaml on a synthetic market', () => {
  const outages = synthetic('outage_every: 15s', '60s');
  let straight: Played;
  beforeAll(async () => {
    straight = await play(trend({}, outages), { dir: folder('straight') });
  });

  it('trades: makers and takers, partial fills, cancels, refusals, stops, and a book that breaks and recovers', () => {
    const reports = straight.on('venue.report').map(({ values: v }) => v);
    const count = (f: (v: Row['values']) => boolean) => reports.filter(f).length;
    expect(count((v) => v['exec'] === 'trade' && v['maker'] === true)).toBeGreaterThan(10);
    expect(count((v) => v['exec'] === 'trade' && v['maker'] === false)).toBeGreaterThan(0);
    expect(count((v) => v['status'] === 'partially_filled')).toBeGreaterThan(5);
    expect(count((v) => v['exec'] === 'canceled')).toBeGreaterThan(5);
    expect(count((v) => v['code'] === -5022)).toBeGreaterThan(5);
    expect(count((v) => v['type'] === 'stop_market' && v['exec'] === 'new')).toBeGreaterThan(3);
    const states = straight.on('book.state').map(({ values: v }) => v['state']);
    expect(new Set(states)).toEqual(new Set(['live', 'resync']));
  });

  it('gives the same values interpreted as generated, at every port', async () => {
    const interpreted = await play(trend({}, outages), { mode: 'interpreted' });
    expect(hashes(rowsOf(interpreted))).toEqual(hashes(rowsOf(straight)));
  });

  it.each([1, 2])(
    'gives the same values and documents when it is stopped and crashes at random moments (seed %i)',
    async (seed) => {
      const dir = folder(`resumed-${seed}`);
      const random = seedRandom(seed);
      // Taps are handed over at commits, so what a crash loses is never in here.
      const rows = new Map<string, Row[]>();
      let stops = 0;
      for (let done = false; !done; ) {
        const abort = new AbortController();
        const at = nextInt(random, 9000);
        const crash = nextInt(random, 2) === 0;
        const store = openEmbeddedStore(dir);
        let first: number | undefined;
        const onProgress = ({ events }: { events: number }) => {
          first ??= events;
          if (events < first + at || abort.signal.aborted) return;
          stops++;
          if (crash) throw new ChimeraError('CHM918', 'the plug was pulled');
          abort.abort();
        };
        const commitInputs = 1 + nextInt(random, 3000);
        try {
          await play(trend({}, outages), { dir, store, into: rows, commitInputs, signal: abort.signal, onProgress });
          done = !abort.signal.aborted;
        } catch (e) {
          if (!(e instanceof ChimeraError && e.code === 'CHM918')) throw e;
        } finally {
          await store.close();
        }
      }
      expect(stops).toBeGreaterThan(4);
      expect(hashes(rows)).toEqual(hashes(rowsOf(straight)));
      expect(await documentsOf(dir)).toEqual(await documentsOf(folder('straight')));
    },
  );

  it('keeps the ledger of the venue at zero, and our positions, costs and results at the venue’s', async () => {
    let sums = 0;
    let run: Run | undefined;
    await play(trend({}, outages), {
      taps: [],
      commitInputs: 1000,
      onRun: (r) => {
        run = r;
      },
      onCommit: () => {
        const venue = run!.engine.snapshot().instances.find((i) => i.node === 'venue')!;
        const { balances } = (venue.state as { ledger: { balances: number[] } }).ledger;
        expect(balances.reduce((a, b) => a + b, 0)).toBe(0);
        expect(balances[1]).toBe(-1_000_000e8);
        sums++;
      },
    });
    expect(sums).toBeGreaterThan(30);
    const venue = straight.on('venue.account').filter((r) => r.values['reason'] === 'order');
    const ours = straight.on('positions.change');
    expect(ours.length).toBeGreaterThan(20);
    expect(ours.map((r) => [r.key, r.values['qty_after'], r.values['realized'], r.values['fee']])).toEqual(
      venue.map((r) => [r.key, r.values['position_qty'], r.values['realized_pnl'], r.values['fee']]),
    );
    const wallet = venue.at(-1)!.values['wallet'] as number;
    const total = ours.reduce((a, r) => a + (r.values['realized'] as number) - (r.values['fee'] as number), 0);
    expect(wallet).toBe(1_000_000e8 + total);
  });

  it('sends no order without a verdict of the gates, an intent, and a moment that explains it [RISK.9]', () => {
    const intents = new Map(
      [...straight.on('rules.intent'), ...straight.on('stops.intent')].map((r) => [r.values['id'], r]),
    );
    const moments = new Set(straight.on('rules.verdict').map((r) => r.values['intent_id']));
    const allowed = new Map(
      straight
        .on('gate.verdict')
        .filter((r) => r.values['allowed'])
        .map((r) => [r.values['intent_id'], r]),
    );
    const placed = straight.on('orders.order').filter((r) => r.values['action'] === 'place');
    expect(placed.length).toBeGreaterThan(50);
    for (const o of placed) {
      const id = o.values['intent_id'];
      expect(intents.has(id), `intent ${id}`).toBe(true);
      expect(allowed.has(id), `gate verdict of ${id}`).toBe(true);
      expect(allowed.get(id)!.t).toBeLessThanOrEqual(o.t);
      if (String(id).includes('/rules/')) expect(moments.has(id)).toBe(true);
    }
  });

  it('trades several instruments, each as if the other were not there [S3.14]', async () => {
    const alone = await play(trend({}, synthetic('outage_every: 15s', '60s', '[BTCUSDT]')));
    const ports = [
      'bars.bar',
      'features.features',
      'guards.state',
      'rules.verdict',
      'orders.order',
      'positions.change',
    ];
    for (const port of ports) {
      const mine = straight.on(port).filter((r) => r.key === 'usdm:BTCUSDT');
      expect(mine.length).toBeGreaterThan(0);
      expect(straight.on(port).length).toBeGreaterThan(mine.length);
      expect(
        mine.map(({ t, values }) => ({ t, values })),
        port,
      ).toEqual(alone.on(port).map(({ t, values }) => ({ t, values })));
    }
  });
});

describe('a live run of pipelines/trend.yaml and the replay of what it captured', () => {
  const edits: [string, (text: string) => string, string[]][] = [
    ['maker, then taker', (text) => text, ['maker', 'taker']],
    [
      'slices in time',
      (text) =>
        text.replace('chase: { reprice', 'twap: { above_usdt: 1000, slices: 4, over: 2s }\n      chase: { reprice'),
      ['slice'],
    ],
  ];
  it.each(edits)(
    'agree in every bit of every feature, decision, order, fill and position, whichever connector brings the market: %s [FLOW.13] [S2.34] [S4.11] [S1.8]',
    async (name, edit, steps) => {
      const at = (part: string) => join(root, name, part);
      const live = trend({}, synthetic('outage_every: 20s', '60s'), edit);
      const replay = trend({}, REPLAY, edit);
      expect([live, replay].map((p) => p.nodes[0]!.type.type)).toEqual(['source.synthetic', 'source.market']);
      expect(downstream(live)).toEqual(downstream(replay));
      await runJob({
        pipeline: live,
        inputs: [],
        state: at('state'),
        capture: at('lake'),
        tapAll: at('live'),
        seed: 7,
      });
      const report = await runJob({ pipeline: replay, inputs: [at('lake')], tapAll: at('replay'), seed: 8 });
      const ports = portsOf(createPlan(live));
      expect(await compareTaps(at('live'), at('replay'), ports)).toBeNull();
      const spoken = ['features.features', 'rules.verdict', 'orders.order', 'venue.report', 'positions.change'];
      for (const port of spoken) expect(report.taps[port]!.rows, port).toBeGreaterThan(5);
      // The steps of the execution are there, with the same times and reasons.
      const life = readFileSync(at('live/orders.life.csv'), 'utf8');
      for (const step of steps) expect(life).toMatch(new RegExp(`,route,${step},`));
      expect(readFileSync(at('replay/orders.life.csv'), 'utf8')).toBe(life);

      // The check is checked: one digit of one fee, and it names exactly that.
      const file = at('replay/venue.report.csv');
      const lines = readFileSync(file, 'utf8').split('\n');
      const header = lines[0]!.split(',');
      const row = lines.findIndex((l) => l.split(',')[header.indexOf('exec')] === 'trade');
      const cells = lines[row]!.split(',');
      const fee = header.indexOf('fee');
      cells[fee] = cells[fee]!.replace(/\d$/, (d) => String((Number(d) + 1) % 10));
      lines[row] = cells.join(',');
      writeFileSync(file, lines.join('\n'));
      expect(await compareTaps(at('live'), at('replay'), ports)).toMatchObject({
        node: 'venue',
        port: 'report',
        field: 'fee',
        seq: Number(cells[1]),
        replay: cells[fee],
      });
    },
  );
});

/** All but the connector. */
const downstream = (p: Pipeline) =>
  p.nodes
    .filter((n) => n.id !== 'market')
    .map((n) => [n.id, n.type, n.config, n.inputs.map((e) => [e.port, e.node, e.out])]);
const REPLAY = {
  file: 'pipelines/profiles/replay.yaml',
  text: 'chimera: 1\nprofile: replay\nbind: { market: { type: source.market }, venue: { type: venue.usdm } }\n',
};
