import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPlan } from '../graph/plan/plan.ts';
import { readLake, schemaId } from '../lake/manifest.ts';
import { lakeSql } from '../lake/sql.ts';
import { LocalStorage } from '../lake/storage.ts';
import { ExecutionStep } from '../operators/routing/records.ts';
import {
  COLLECTIONS,
  type Collection,
  type Document,
  documentId,
  documentKey,
  type LineageStep,
  openEmbeddedStore,
  type SqliteStore,
} from '../sinks/store/index.ts';
import { runJob } from '../ui/run/run.ts';
import { type Played, play, type Row, synthetic, trend } from './testing/play.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-audit-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Trailing stops so near that they are reached within seconds. */
const near = (text: string) => text.replace('{ distance_bp: 100, start_roe: 0.1 }', '{ distance_bp: 1, start_roe: 0 }');
const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER };
const USDT = 1e8;

describe('what a run of pipelines/trend.yaml leaves behind', () => {
  let run: Played;
  let store: SqliteStore;
  const pipeline = trend({}, synthetic('outage_every: 8s', '90s'), near);
  beforeAll(async () => {
    run = await play(pipeline, { dir: root, commitInputs: 5000 });
    store = openEmbeddedStore(root);
  });
  afterAll(() => store.close());

  const list = (collection: Collection): Promise<Document[]> => store.query('by_time', { collection, ...ALL });
  const ancestors = (id: string): Promise<LineageStep[]> => store.query('lineage', { id, direction: 'ancestors' });
  const collectionOf = (s: LineageStep) => s.id.slice(0, s.id.indexOf('/'));
  /** Services that made a document, in order of its edges. */
  const madeBy = (steps: readonly LineageStep[], id: string): string[] =>
    steps.filter((s) => s.kind === 'made_by' && s.from === id).map((s) => s.id);
  const has = (port: string, f: (v: Row['values']) => boolean) => run.on(port).filter((r) => f(r.values));

  it('has one signal for every decision moment, also for those that were skipped, with its complete feature set [S2.36]', async () => {
    const signals = await list('signals');
    const moments = run.on('rules.verdict');
    expect(signals.map((s) => [s['t'], s['instrument']])).toEqual(moments.map((r) => [r.t, r.key]));
    expect(moments.length).toBe(run.on('features.features').length);
    for (const outcome of ['enter', 'hold'])
      expect(
        signals.some((s) => s['outcome'] === outcome),
        outcome,
      ).toBe(true);
    expect(signals.some((s) => s['layer'] === 'l0')).toBe(true);
    const join = pipeline.nodes.find((n) => n.id === 'features')!;
    const names = Object.keys(join.out['features']!.schema.fields);
    const optional = (join.config as { optional: string[] }).optional;
    for (const s of signals) {
      const features = s['features'] as Record<string, unknown>;
      expect(Object.keys(features)).toEqual(names);
      for (const n of names) if (!optional.includes(n)) expect(typeof features[n], n).toBe('number');
    }
    // A bar that was no decision moment says which features it lacked.
    const closed = run.on('bars.bar').length;
    const lacking = run.on('features.missing');
    expect(moments.length + lacking.length).toBe(closed);
    for (const r of lacking) expect(r.values['names']).toMatch(/^\w+(,\w+)*$/);
  });

  it('answers what the strategy saw at a time, with exactly the values that the decision used [S2.37]', async () => {
    for (const moment of run.on('features.features')) {
      const { t, key } = moment;
      const [signal, ...more] = await store.query('by_time', {
        collection: 'signals',
        from: t,
        to: t + 1,
        instrument: key,
      });
      expect(more).toEqual([]);
      expect(signal!['features']).toEqual(moment.values);
      const operands = String(signal!['operands']).split(',').filter(Boolean);
      for (const [i, name] of operands.entries())
        if (!name.startsWith('position.')) expect((signal!['values'] as number[])[i]).toBe(moment.values[name]);
    }
  });

  it('leads from every fill over its order and intent to the signal, or to the stop that asked [FLOW.12]', async () => {
    const fills = await list('fills');
    expect(fills.length).toBe(has('venue.report', (v) => v['exec'] === 'trade').length);
    const origins = new Set<string>();
    for (const fill of fills) {
      const steps = await ancestors(documentId('fills', fill._key));
      const found = (c: string) => steps.filter((s) => collectionOf(s) === c && s.document !== null);
      expect(found('orders').map((s) => s.document!['client_id'])).toEqual([fill['client_id']]);
      const intent = found('strategy_events').map((s) => s.document!);
      expect(intent.length).toBe(1);
      expect(['intent', 'exit']).toContain(intent[0]!['kind']);
      origins.add(String(intent[0]!['kind']));
      const signals = found('signals').map((s) => s.document!);
      if (intent[0]!['kind'] === 'intent') {
        expect(signals.map((s) => s['intent_id'])).toEqual([intent[0]!['id']]);
        expect(Object.keys(signals[0]!['features'] as object).length).toBeGreaterThan(10);
        expect(signals[0]!['condition']).not.toBe('');
      }
      // Each of them names the input that caused it.
      expect(steps.filter((s) => collectionOf(s) === 'inputs').length).toBeGreaterThanOrEqual(2);
    }
    expect(origins).toEqual(new Set(['intent', 'exit']));
  });

  it('names the services of an entry in the order of the decision’s way: S2, S3, S4, S1 [FLOW.2]', async () => {
    const entry = (await list('fills')).find((f) =>
      run.on('orders.order').some((o) => o.values['client_id'] === f['client_id'] && o.values['origin'] === 'entry'),
    )!;
    const steps = await ancestors(documentId('fills', entry._key));
    const chain = steps.filter((s) => s.document !== null).toSorted((a, b) => b.depth - a.depth);
    expect(chain.map(collectionOf)).toEqual(['signals', 'strategy_events', 'orders', 'fills']);
    const services = chain.map((s) => madeBy(steps, s.id));
    // Factors and verdict, intent, order, fill. What the walk has met before it does not name again.
    const first = await Promise.all(chain.map(async (s) => madeBy(await ancestors(s.id), s.id)));
    expect(first[0]).toEqual(expect.arrayContaining(['services/s2', 'services/s3']));
    expect(first[1]).toEqual(['services/s3']);
    expect(first[2]![0]).toBe('services/s4');
    expect(first[3]).toEqual(['services/s1']);
    expect(new Set(services.flat())).toEqual(new Set(['services/s1', 'services/s2', 'services/s3', 'services/s4']));
    const times = chain.map((s) => s.document!['t'] as number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('names the services of a trailing exit in the order of the position’s way: S6, S4, S1 [FLOW.3]', async () => {
    const exits = has('stops.intent', (v) => v['reason'] === 'trailing_stop').map((r) => r.values['id']);
    const filled = await Promise.all(
      (await list('fills')).map(async (f) => ({ f, steps: await ancestors(documentId('fills', f._key)) })),
    );
    const trailing = filled.filter(({ steps }) => steps.some((s) => s.document && exits.includes(s.document['id'])));
    expect(trailing.length).toBeGreaterThan(0);
    for (const { steps } of trailing) {
      const chain = steps.filter((s) => s.document !== null).toSorted((a, b) => b.depth - a.depth);
      expect(chain.map(collectionOf)).toEqual(['strategy_events', 'orders', 'fills']);
      const services = await Promise.all(chain.map(async (s) => madeBy(await ancestors(s.id), s.id)[0]));
      expect(services).toEqual(['services/s6', 'services/s4', 'services/s1']);
    }
  });

  it('follows every fill and every mark price: quantity, entry, margin, ROE [S6.4]', () => {
    const marks = run.on('market.mark_price');
    const positions = run.on('positions.position');
    const changes = run.on('positions.change');
    const accounts = run.on('venue.account').filter((r) => r.values['reason'] === 'order');
    const at = (rows: readonly Row[], t: number, key: string) => rows.findLast((r) => r.t <= t && r.key === key);
    let open = 0;
    for (const mark of marks) {
      const change = changes.findLast((c) => c.key === mark.key && c.t < mark.t);
      if (!change || change.values['qty_after'] === 0) continue;
      open++;
      const p = positions.find((r) => r.t === mark.t && r.key === mark.key)!;
      // Written out in units: value of the quantity at the mark against what it cost, over a twentieth of the cost.
      const { pxScale, qtyScale } = run.keys.find(mark.key)!;
      const qty = (change.values['qty_after'] as number) / qtyScale;
      const cost = (change.values['entry_quote'] as number) / (pxScale * qtyScale);
      const price = (mark.values['mark_px'] as number) / USDT;
      expect(p.values).toMatchObject({
        qty: change.values['qty_after'],
        side: qty > 0 ? 'long' : 'short',
        mark_px: price,
      });
      expect(p.values['entry_px']).toBeCloseTo(cost / qty, 6);
      expect(p.values['roe']).toBeCloseTo((qty * price - cost) / (Math.abs(cost) / 20), 9);
      expect(p.values['pnl']).toBeCloseTo(qty * price - cost, 6);
    }
    expect(open).toBeGreaterThan(5);
    // One position record with each fill, and a margin of a twentieth of the cost (to the rounding of one 10⁻⁸ a fill).
    for (const c of changes) {
      expect(positions.some((p) => p.t === c.t && p.key === c.key && p.seq === c.seq)).toBe(true);
      const account = at(accounts, c.t, c.key)!.values;
      const { pxScale, qtyScale } = run.keys.find(c.key)!;
      const margin = (Math.abs(account['entry_quote'] as number) / (pxScale * qtyScale) / 20) * USDT;
      expect(Math.abs((account['isolated_wallet'] as number) - margin)).toBeLessThanOrEqual(200);
    }
  });

  it('restores wallet, positions, result and open orders of any moment as the venue had told them [FLOW.14] [S6.8]', async () => {
    // What the venue says is heard 5 ms later (`delay` of its feedback).
    const heard = (r: Row): Row => ({ ...r, t: r.t + 5000 });
    const reports = run.on('venue.report').map(heard);
    const accounts = run.on('venue.account').map(heard);
    const commands = run.on('orders.order').filter((r) => r.values['action'] === 'place');
    const [from, to] = [commands[0]!.t, commands.at(-1)!.t];
    let openSeen = 0;
    for (let i = 0; i <= 60; i++) {
      const t = Math.round(from + ((to - from) * i) / 60);
      for (const key of ['usdm:BTCUSDT', 'usdm:ETHUSDT']) {
        const told = accounts.findLast((r) => r.t <= t && r.key === key);
        const [snapshot] = await store.query('positions_at', { t, instrument: key });
        if (!told) {
          expect(snapshot).toBeUndefined();
          continue;
        }
        const { qtyScale } = run.keys.find(key)!;
        const mine = accounts.filter((r) => r.t <= t && r.key === key).map((r) => r.values);
        const sum = (field: string) => mine.reduce((a, v) => a + (v[field] as number), 0) / USDT;
        expect(snapshot).toMatchObject({
          wallet: (told.values['wallet'] as number) / USDT,
          isolated_wallet: (told.values['isolated_wallet'] as number) / USDT,
          position_qty: (told.values['position_qty'] as number) / qtyScale,
          qty_after: (told.values['position_qty'] as number) / qtyScale,
        });
        expect(snapshot!['realized_total']).toBeCloseTo(sum('realized_pnl'), 8);
        expect(snapshot!['fee_total']).toBeCloseTo(sum('fee'), 8);
      }
      const open = (await store.query('open_orders_at', { t })).map((o) => o['client_id']);
      const ended = new Set(
        reports
          .filter((r) => r.t <= t && /filled|canceled|rejected|expired/.test(String(r.values['status'])))
          .filter((r) => r.values['status'] !== 'partially_filled')
          .map((r) => r.values['client_id']),
      );
      const alive = commands
        .filter((c) => c.t <= t && !ended.has(c.values['client_id']))
        .map((c) => c.values['client_id']);
      expect(open.toSorted()).toEqual(alive.toSorted());
      openSeen += open.length;
    }
    expect(openSeen).toBeGreaterThan(20);
  });

  it('keeps decisions and the life of the strategy as events in their order [STO.7]', async () => {
    const events = await list('strategy_events');
    const times = events.map((e) => e['t'] as number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const of = (kind: string) => events.filter((e) => e['kind'] === kind);
    const ids = (port: string, field: string) => run.on(port).map((r) => r.values[field]);
    expect(of('intent').map((e) => e['id'])).toEqual(ids('rules.intent', 'id'));
    expect(of('exit').map((e) => e['id'])).toEqual(ids('stops.intent', 'id'));
    expect(of('risk').map((e) => [e['intent_id'], e['allowed'], e['gate']])).toEqual(
      run.on('gate.verdict').map((r) => [r.values['intent_id'], r.values['allowed'], r.values['gate']]),
    );
    expect(of('route').map((e) => [e['intent_id'], e['result']])).toEqual(
      run.on('orders.outcome').map((r) => [r.values['intent_id'], r.values['result']]),
    );
    expect(new Set(events.map((e) => e['kind']))).toEqual(new Set(['intent', 'exit', 'risk', 'route', 'kill_status']));
  });

  it('finds trading data, the configuration and log lines in one store; a bundle is there once and never altered [STO.8] [STO.11]', async () => {
    const config = { pipeline: pipeline.name, hash: pipeline.hash, params: pipeline.params } as never;
    const bundle = { _key: documentKey(pipeline.hash), t: 1, comment: 'trend, trailing near', config };
    await store.upsert('config_bundles', [bundle]);
    await store.upsert('config_bundles', [bundle]);
    expect(await list('config_bundles')).toEqual([bundle]);
    await expect(store.upsert('config_bundles', [{ ...bundle, comment: 'another' }])).rejects.toMatchObject({
      code: 'CHM541',
    });
    expect(await list('config_bundles')).toEqual([bundle]);
    await store.upsert('logs', [{ _key: documentKey('run', 1), t: 2, level: 'info', message: 'the run has ended' }]);
    expect((await list('orders')).length).toBeGreaterThan(20);
    expect((await list('logs'))[0]).toMatchObject({ level: 'info' });
  });

  it('finds documents by a word of a decision’s reason, or of a report [STO.13]', async () => {
    const signals = await list('signals');
    for (const word of ['enter_long', 'enter_short', 'book_state']) {
      const found = await store.query('full_text', { text: word, collections: ['signals'], limit: 10_000 });
      const with_it = signals.filter((s) =>
        ['rule', 'gate', 'condition'].some((f) =>
          String(s[f])
            .split(/[^\w]+/)
            .includes(word),
        ),
      );
      expect(with_it.length, word).toBeGreaterThan(0);
      expect(found.map((f) => f.document._key).toSorted(), word).toEqual(with_it.map((s) => s._key).toSorted());
    }
    const trailing = await store.query('full_text', { text: 'trailing_stop', collections: ['strategy_events'] });
    expect(trailing.length).toBeGreaterThan(0);
    expect(trailing.every((f) => f.document['reason'] === 'trailing_stop')).toBe(true);
    await store.upsert('reports', [{ _key: 'r1', t: 3, title: 'Ninety seconds', text: 'The drawdown was small.' }]);
    const [report] = await store.query('full_text', { text: 'drawdown' });
    expect(report).toMatchObject({ collection: 'reports', document: { _key: 'r1' } });
  });

  it('uses no collection that is not declared in the one list [STO.10]', async () => {
    const db = new Database(join(root, 'store.sqlite'), { readonly: true } as never);
    const tables = (db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]).map(
      (r) => r.name,
    );
    db.close();
    const declared = Object.keys(COLLECTIONS);
    for (const name of declared) expect(tables).toContain(name);
    // Besides them only the engine's own tables, and the indexes of words.
    const others = tables.filter((t) => !declared.includes(t) && !declared.some((d) => t.startsWith(`${d}_`)));
    expect(others.filter((t) => !t.startsWith('sqlite_')).toSorted()).toEqual(['checkpoints', 'manifests']);
    await expect(store.upsert('gossip' as Collection, [])).rejects.toMatchObject({ code: 'CHM543' });
  });

  it('keeps the realised volatility of the last minute with each step of the execution, as the bars of a second give it [RL.8]', () => {
    const seconds = run.on('seconds.bar');
    let compared = 0;
    for (const step of run.on('orders.step')) {
      // The end of the input closes the bars one node after the other, each in a cycle of its own.
      if (step.t === run.result.last_us) continue;
      const value = step.values['realized_vol_1m'] as number;
      const closes = seconds.filter((b) => b.key === step.key && b.t <= step.t).map((b) => b.values['close'] as number);
      if (closes.length < 61) {
        expect(value).toBeNaN();
        continue;
      }
      const last = closes.slice(-61);
      const squares = last.slice(1).map((c, i) => Math.log(c / last[i]!) ** 2);
      expect(value).toBeCloseTo(Math.sqrt(squares.reduce((a, b) => a + b, 0)), 12);
      compared++;
    }
    expect(compared).toBeGreaterThan(3);
  });
});

it('lets the time to funding fall to zero at the funding, then jump to its interval, in the state of each step [RL.10]', async () => {
  const run = await play(trend({}, synthetic('funding_interval: 1m', '130s')));
  const START_US = 1_704_067_200_000_000;
  const values = run.on('funding.time_to_funding').filter((r) => r.key === 'usdm:BTCUSDT');
  // Told with the mark price of each full second, 5 ms later; fundings are at the full minutes.
  expect(values.map((r) => r.values['value'])).toEqual(values.map((_, i) => 60 - (i % 60)));
  expect(values.map((r) => r.t)).toEqual(values.map((_, i) => START_US + i * 1_000_000 + 5000));
  const steps = run.on('orders.step').filter((r) => r.key === 'usdm:BTCUSDT');
  expect(steps.length).toBeGreaterThan(5);
  for (const s of steps)
    expect(s.values['time_to_next_funding']).toBe(values.findLast((r) => r.t <= s.t)!.values['value']);
  expect(new Set(steps.map((s) => Math.floor((s.t - START_US) / 60e6))).size).toBeGreaterThan(1);
});

it('stores a transition for every state of an order, UNKNOWN among them [S4.4]', async () => {
  const dir = join(root, 'slow');
  // Answers that come after the router has stopped waiting for them.
  const run = await play(trend({ answer: '4s' }, synthetic('', '60s'), near), { dir });
  const other = await play(trend({}, synthetic('', '60s')), { dir: join(root, 'fast') });
  const seen = new Set<string>();
  for (const name of ['slow', 'fast']) {
    const store = openEmbeddedStore(join(root, name));
    for (const o of await store.query('by_time', { collection: 'orders', ...ALL }))
      for (const e of o['events'] as { exec: string; status?: string }[]) seen.add(e.status ?? e.exec);
    await store.close();
  }
  const { rows } = await lakeSql(join(dir, 'lake'), 'SELECT DISTINCT event FROM order_life');
  for (const [event] of rows) if (event === 'unknown') seen.add(event);
  for (const status of ['new', 'partially_filled', 'filled', 'canceled', 'rejected', 'expired', 'unknown'])
    expect(seen, status).toContain(status);
  const unknown = run.on('orders.life').filter((r) => r.values['event'] === 'unknown');
  const { rows: counted } = await lakeSql(join(dir, 'lake'), "SELECT count(*) FROM order_life WHERE event = 'unknown'");
  expect(Number(counted[0]![0])).toBe(unknown.length);
  expect(other.on('orders.life').every((r) => r.values['event'] !== 'unknown')).toBe(true);
});

it('lays its data in tiers: each dataset in one, and every row of a higher one has its cause in the lower [STO.36] [RL.18]', async () => {
  const dir = join(root, 'tiers');
  const lake = join(dir, 'lake');
  const text = (t: string) =>
    t
      .replace(
        '  archive:\n',
        '  bar_archive: { type: sink.parquet, in: { bars: bars.bar, book_states: book.state }, with: { tier: silver } }\n  archive:\n',
      )
      .replace('documents, archive, shared]', 'documents, archive, shared, bar_archive]');
  const tiered = trend({}, synthetic('', '60s'), text);
  const { taps } = await runJob({
    pipeline: tiered,
    inputs: [],
    state: dir,
    capture: lake,
    taps: { 'orders.step': join(root, 'steps.csv') },
  });
  const { rows } = await lakeSql(
    lake,
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('bronze', 'silver', 'gold') ORDER BY ALL",
  );
  const tiers = new Map<string, string>();
  for (const [tier, dataset] of rows as [string, string][]) {
    expect(tiers.has(dataset), `${dataset} lies in one tier`).toBe(false);
    tiers.set(dataset, tier);
  }
  expect(Object.fromEntries(tiers)).toMatchObject({
    trade: 'bronze',
    depth: 'bronze',
    bars: 'silver',
    book_states: 'silver',
    features: 'gold',
    verdicts: 'gold',
    order_life: 'gold',
    position_changes: 'gold',
  });
  const bronze = [...tiers].filter(([, tier]) => tier === 'bronze').map(([name]) => `SELECT seq FROM bronze.${name}`);
  for (const [dataset, tier] of tiers) {
    if (tier === 'bronze') continue;
    const { rows: orphans } = await lakeSql(
      lake,
      `SELECT count(*), count(*) FILTER (cause_source = 'market' AND cause_seq NOT IN (${bronze.join(' UNION ALL ')})) FROM ${tier}.${dataset}`,
    );
    expect(Number(orphans[0]![0]), dataset).toBeGreaterThan(0);
    expect(Number(orphans[0]![1]), dataset).toBe(0);
  }
  // Commands by people are the other source; there were none.
  expect(createPlan(tiered).sources.length).toBe(2);
  // What the execution can learn from: every step, in Parquet, under the name and version of its schema.
  const view = await readLake(new LocalStorage(lake));
  const files = view.files.filter((f) => f.dataset === 'execution_steps');
  expect(files.reduce((n, f) => n + f.rows, 0)).toBe(taps['orders.step']!.rows);
  for (const f of files) {
    const id = schemaId(f.schema, f.schema_version);
    expect(f.schema_version).toBe(1);
    expect(Object.keys(view.schemas.get(id)!.fields)).toEqual(
      expect.arrayContaining(Object.keys(ExecutionStep.fields)),
    );
  }
});
