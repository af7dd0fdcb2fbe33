import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  AccountUpdate,
  f64,
  Intent,
  OrderCommand,
  OrderReport,
  oneOf,
  record,
  type Schema,
  text,
} from '../../graph/schema/index.ts';
import { type Document, openEmbeddedStore } from '../store/index.ts';
import { type Cycle, play } from '../testing/play.ts';
import { documents } from './documents.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-documents-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let n = 0;

const Verdict = record('verdict', 1, { outcome: oneOf('hold', 'enter'), rule: text(), intent_id: text() });
const Features = record('features', 1, { ema: f64({ nullable: true }), rsi: f64() });
const Alarm = record('alarm', 1, { reason: text(), client_id: text() });
const INPUTS: Record<string, Schema> = {
  features: Features,
  signal: Verdict,
  intent: Intent,
  command: OrderCommand,
  report: OrderReport,
  account: AccountUpdate,
  alarm: Alarm,
};
const run = (dir: string, cycles: readonly Cycle[], commits: readonly number[], epoch = 0, config = {}) =>
  play(documents, config, { dir, inputs: INPUTS, cycles, commits, epoch });

const command = {
  action: 'place',
  client_id: 'c1',
  side: 'buy',
  type: 'limit',
  tif: 'gtx',
  qty: 3,
  px: 6500010,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: 'trend/7',
  origin: 'entry',
};
const report = {
  ...command,
  order_id: 1,
  exec: 'new',
  status: 'new',
  code: 0,
  reason: '',
  last_px: Number.NaN,
  last_qty: 0,
  cum_qty: 0,
  cum_quote: 0,
  fee: 0,
  realized_pnl: 0,
  maker: true,
  trade_id: 0,
  time_ms: 1,
};
const fill = (qty: number, cum: number, done: boolean) => ({
  ...report,
  exec: 'trade',
  status: done ? 'filled' : 'partially_filled',
  last_px: 6500010,
  last_qty: qty,
  cum_qty: cum,
  cum_quote: cum * 6500010,
  fee: 1300002 * qty,
  trade_id: cum,
});
const account = {
  reason: 'order',
  wallet: 1e12,
  position_qty: 0,
  entry_quote: 0,
  isolated_wallet: 0,
  funding: 0,
  fee: 0,
  realized_pnl: 0,
  mark_px: Number.NaN,
  time_ms: 1,
};
const T = 1_723_104_000_000_000;
const STORY: readonly Cycle[] = [
  {
    t: T,
    seq: 6,
    records: { features: [{ ema: 1.5, rsi: 40 }], signal: [{ outcome: 'hold', rule: 'up', intent_id: '' }] },
  },
  {
    t: T + 1,
    seq: 7,
    records: {
      features: [{ ema: Number.NaN, rsi: 71.5 }],
      signal: [{ outcome: 'enter', rule: 'up', intent_id: 'trend/7' }],
      intent: [
        {
          id: 'trend/7',
          action: 'enter',
          side: 'buy',
          size_mult: 1,
          stop_px: 6400000,
          target_px: Number.NaN,
          rule: 'up',
          reason: 'momentum above its mean',
        },
      ],
      command: [command],
    },
  },
  { t: T + 2, seq: 8, records: { report: [report] } },
  {
    t: T + 3,
    seq: 9,
    records: {
      report: [fill(1, 1, false), fill(2, 3, true)],
      account: [
        { ...account, position_qty: 1, wallet: 1e12 - 1300002 },
        { ...account, position_qty: 3, wallet: 1e12 - 3900006 },
      ],
    },
  },
  {
    t: T + 4,
    seq: 10,
    records: {
      account: [{ ...account, reason: 'funding', position_qty: 3, funding: -12345678, wallet: 1e12 - 16245684 }],
      alarm: [{ reason: 'no guardian', client_id: 'c1' }],
    },
  },
];

async function dump(dir: string): Promise<Record<string, Document[]>> {
  const store = openEmbeddedStore(dir);
  const all: Record<string, Document[]> = {};
  for (const collection of [
    'signals',
    'orders',
    'fills',
    'positions_snapshots',
    'funding_records',
    'strategy_events',
    'lineage',
  ] as const)
    all[collection] = await store.query('by_time', { collection, from: 0, to: 1e17 });
  await store.close();
  return all;
}
const folder = (): string => join(root, String(n++));

describe('sink.documents', () => {
  it('writes one signal per decision moment with every factor under features [STO.2] [S2.28]', async () => {
    const dir = folder();
    await (await run(dir, STORY, [4])).sink.close();
    const { signals } = await dump(dir);
    expect(signals).toHaveLength(2);
    expect(signals![0]).toEqual({
      _key: 'trend.out.signal.market.6.0',
      t: T,
      instrument: 'usdm:BTCUSDT',
      pipeline: 'trend',
      node: 'out',
      source: 'market',
      seq: 6,
      outcome: 'hold',
      rule: 'up',
      intent_id: '',
      features: { ema: 1.5, rsi: 40 },
    });
    expect(signals![1]).toMatchObject({ seq: 7, features: { ema: null, rsi: 71.5 } });
  });
  it('keeps one document per order with its life cycle, and fills that sum to its executed quantity [STO.3] [STO.4]', async () => {
    const dir = folder();
    await (await run(dir, STORY, [1, 2, 4])).sink.close();
    const { orders, fills } = await dump(dir);
    expect(orders).toHaveLength(1);
    expect(orders![0]).toMatchObject({
      client_id: 'c1',
      t: T + 1,
      closed_t: T + 3,
      status: 'filled',
      px: 65000.1,
      qty: 0.003,
      cum_qty: 0.003,
      fee: 0.03900006,
      intent_id: 'trend/7',
      origin: 'entry',
    });
    const events = orders![0]!['events'] as unknown as { exec: string; t: number; last_qty?: number }[];
    expect(events.map((e) => [e.exec, e.t - T])).toEqual([
      ['sent', 1],
      ['new', 2],
      ['trade', 3],
      ['trade', 3],
    ]);
    expect(fills!.map((f) => [f['qty'], f['px'], f['fee'], f['fee_asset'], f['liquidity']])).toEqual([
      [0.001, 65000.1, 0.01300002, 'USDT', 'maker'],
      [0.002, 65000.1, 0.02600004, 'USDT', 'maker'],
    ]);
  });
  it('books each funding payment once, with the sign and amount of the report [STO.6]', async () => {
    const dir = folder();
    await (await run(dir, STORY, [3, 4])).sink.close();
    const { funding_records } = await dump(dir);
    expect(funding_records).toMatchObject([{ amount: -0.12345678, asset: 'USDT', position_qty: 0.003 }]);
    expect(funding_records).toHaveLength(1);
  });
  it('has a position snapshot for every moment that equals the fold of fills and funding up to it [S6.8] [STO.5]', async () => {
    const dir = folder();
    await (await run(dir, STORY, [4])).sink.close();
    const store = openEmbeddedStore(dir);
    const { fills, funding_records } = await dump(dir);
    for (const t of [T + 2, T + 3, T + 4, T + 999]) {
      const upTo = (list: Document[]) => list.filter((d) => (d['t'] as number) <= t);
      const qty = upTo(fills!).reduce((s, f) => s + Math.round((f['qty'] as number) * 1e3), 0);
      const money = (d: Document, f: string) => Math.round((d[f] as number) * 1e8);
      const wallet =
        1e12 -
        upTo(fills!).reduce((s, f) => s + money(f, 'fee'), 0) +
        upTo(funding_records!).reduce((s, f) => s + money(f, 'amount'), 0);
      const [snapshot] = await store.query('positions_at', { t });
      if (qty === 0) expect(snapshot).toBeUndefined();
      else expect(snapshot).toMatchObject({ position_qty: qty / 1e3, wallet: wallet / 1e8 });
    }
    await store.close();
  });
  it('leads from a fill to its order, intent, decision, input and the services that made them [STO.12] [FLOW.12]', async () => {
    const dir = folder();
    await (await run(dir, STORY, [0, 4], 0, { services: { signal: 's3', command: 's4', report: 's4' } })).sink.close();
    const store = openEmbeddedStore(dir);
    const fill = (await store.query('order_life_cycle', { client_id: 'c1' })).at(-1)!;
    const up = await store.query('lineage', { id: `fills/${fill._key}`, direction: 'ancestors' });
    const ids = up.map((s) => s.id);
    for (const id of [
      'orders/trend.usdm:BTCUSDT.c1',
      'strategy_events/trend.intent.trend%2F7',
      'signals/trend.out.signal.market.7.0',
      'inputs/trend.market.7',
      'services/s3',
      'services/s4',
    ])
      expect(ids).toContain(id);
    expect(ids).not.toContain('signals/trend.out.signal.market.6.0');
    const down = await store.query('lineage', { id: 'signals/trend.out.signal.market.7.0', direction: 'descendants' });
    expect(down.map((s) => s.id)).toContain(`fills/${fill._key}`);
    await store.close();
  });
  it('states on each document its input and its services, and stores edges between documents only', async () => {
    const dir = folder();
    const services = { features: 's2', signal: 's3', intent: 's3', command: 's4', report: 's1', alarm: 's6' };
    await (await run(dir, STORY, [1, 4], 0, { services })).sink.close();
    const { signals, orders, fills, strategy_events, positions_snapshots, lineage } = await dump(dir);
    const stated = (d: Document) => [d['source'], d['seq'], d['made_by']];
    expect(signals!.map(stated)).toEqual([
      ['market', 6, ['s3', 's2']],
      ['market', 7, ['s3', 's2']],
    ]);
    // An order's input is that of its command, also when the rest of its life came in a later commit.
    expect(orders!.map(stated)).toEqual([['market', 7, ['s4', 's1']]]);
    expect(strategy_events!.map(stated)).toEqual([
      ['market', 7, ['s3']],
      ['market', 10, ['s6']],
    ]);
    expect(fills!.map(stated)).toEqual([
      ['market', 9, ['s1']],
      ['market', 9, ['s1']],
    ]);
    expect(positions_snapshots!.every((p) => p['made_by'] === undefined && p['source'] === 'market')).toBe(true);
    expect(lineage!.map((e) => [e['_from'], e['_to']].map((id) => String(id).split('/')[0]))).toEqual([
      ['strategy_events', 'signals'],
      ['orders', 'strategy_events'],
      ['fills', 'orders'],
      ['fills', 'orders'],
      ['strategy_events', 'orders'],
    ]);
  });
  it('keeps what a record says under a name of the document’s own beside it', async () => {
    const dir = folder();
    const Note = record('note', 1, { source: text(), t: f64(), made_by: text(), level: f64() });
    const note = { source: 'a hand', t: 3, made_by: 'me', level: 2 };
    const cycles = [{ t: T, seq: 4, records: { note: [note] } }];
    await (await play(documents, {}, { dir, inputs: { note: Note }, cycles, commits: [0] })).sink.close();
    expect((await dump(dir))['strategy_events']).toEqual([
      {
        _key: 'trend.out.note.market.4.0',
        t: T,
        instrument: 'usdm:BTCUSDT',
        pipeline: 'trend',
        node: 'out',
        source: 'market',
        seq: 4,
        kind: 'note',
        level: 2,
        record_source: 'a hand',
        record_t: 3,
        record_made_by: 'me',
      },
    ]);
  });
  it('orders strategy events and takes further streams under their own name, found by their words [STO.7] [STO.13]', async () => {
    const dir = folder();
    await (await run(dir, STORY, [4])).sink.close();
    expect((await dump(dir))['strategy_events']!.map((e) => e['kind'])).toEqual(['intent', 'alarm']);
    const store = openEmbeddedStore(dir);
    const found = await store.query('full_text', { text: 'guardian' });
    expect(found.map((f) => f.document['kind'])).toEqual(['alarm']);
    expect((await store.query('full_text', { text: 'momentum mean' }))[0]?.document).toMatchObject({
      id: 'trend/7',
      stop_px: 64000,
      target_px: null,
    });
    await store.close();
  });
  it('writes the same documents however commits cut the run, and after a resume from any of them', async () => {
    const whole = folder();
    await (await run(whole, STORY, [4])).sink.close();
    const expected = await dump(whole);
    const each = folder();
    await (await run(each, STORY, [0, 1, 2, 3, 4])).sink.close();
    expect(sorted(await dump(each))).toEqual(sorted(expected));
    for (let cut = 0; cut < 4; cut++) {
      const dir = folder();
      // Everything behind the cut was written but never committed: the process died.
      const first = await run(dir, STORY, [cut]);
      await first.sink.close();
      const second = await run(dir, STORY.slice(cut + 1), [3 - cut], first.epoch);
      await second.sink.close();
      expect(sorted(await dump(dir))).toEqual(sorted(expected));
      // A repeated commit, and a whole repeated run, change nothing.
      await (await run(dir, STORY, [2, 4])).sink.close();
      expect(sorted(await dump(dir))).toEqual(sorted(expected));
    }
  });
  it('keeps entries, exits and changes only, when told so', async () => {
    const dir = folder();
    const hold = (seq: number, rule: string): Cycle => ({
      t: T + seq,
      seq,
      records: { signal: [{ outcome: 'hold', rule, intent_id: '' }] },
    });
    const cycles = [hold(1, 'a'), hold(2, 'a'), hold(3, 'b'), hold(4, 'b'), hold(5, 'a')];
    await (await run(dir, cycles, [1, 3, 4], 0, { verdicts: 'changes' })).sink.close();
    expect((await dump(dir))['signals']!.map((s) => s['seq'])).toEqual([1, 3, 5]);
  });
  it('forgets what was not committed on a rollback', async () => {
    const dir = folder();
    const { sink } = await run(dir, STORY, []);
    sink.rollback();
    await sink.commit({ epoch: 1, now: T, offsets: {} });
    await sink.close();
    expect(Object.values(await dump(dir)).flat()).toEqual([]);
  });
});

const sorted = (all: Record<string, Document[]>) =>
  Object.fromEntries(Object.entries(all).map(([c, list]) => [c, [...list].sort((a, b) => (a._key < b._key ? -1 : 1))]));
