import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { registry } from '../cli/registry.ts';
import { chimera as cli } from '../cli/testing/said.ts';
import { mergePipelines } from './merge.ts';
import { grid, parseValues, readSets } from './parameter-sets.ts';
import { runSweep } from './run-sweep.ts';

let dir = '';
let candles = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'chimera-sweep-test-'));
  candles = join(dir, 'btc.csv');
  writeFileSync(candles, swings(9000));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Candles with two swings that are no multiples of each other: the averages cross often, and opens are no closes. */
function swings(n: number, offsetMs = 0, faster = 1): string {
  let text = 'open_time,open,high,low,close,volume\n';
  let before = 20_000;
  for (let i = 0; i < n; i++) {
    const at = i * faster;
    // Ever wider, so that the deepest drawdown comes late; and never smooth, so that soon not every point is kept.
    const wide = 1 + at / 50_000;
    const close =
      Math.round(
        (20_000 + wide * (900 * Math.sin(at / 700) + 300 * Math.sin(at / 131)) + 20 * Math.sin(i * 1.7)) * 10,
      ) / 10;
    const open = Math.round((before + 3 * Math.sin(i)) * 10) / 10;
    text += `${1_609_459_200_000 + offsetMs + i * 60_000},${open},${Math.max(open, close) + 5},${Math.min(open, close) - 5},${close},1\n`;
    before = close;
  }
  return text;
}

const load = (file: string, sets: Record<string, string>): Pipeline =>
  loadPipeline(readFileSync(file, 'utf8'), file, registry, { sets }).pipeline!;
const EMA = 'pipelines/bench/ema-cross.yaml';
const ids = (p: Pipeline): string[] => p.nodes.map((n) => n.id).sort();

describe('parameter sets', () => {
  it('are ranges with a step, lists, and every combination of them', () => {
    expect(parseValues('fast=5..8')).toEqual({ name: 'fast', values: ['5', '6', '7', '8'] });
    expect(parseValues('qty=0.1..0.3:0.1').values).toEqual(['0.1', '0.2', '0.3']);
    expect(parseValues('width=15m,1h').values).toEqual(['15m', '1h']);
    expect(grid(['a=1,2', 'b=x,y'])).toEqual([
      { a: '1', b: 'x' },
      { a: '1', b: 'y' },
      { a: '2', b: 'x' },
      { a: '2', b: 'y' },
    ]);
  });
  it.each(['fast', 'fast=', 'fast=5..3', 'fast=1,,2', 'fast=0..1:0.0000001'])('refuses %s', (text) => {
    expect(() => parseValues(text)).toThrow(expect.objectContaining({ code: 'CHM911' }));
  });
  it('are read from CSV and JSON alike', () => {
    writeFileSync(join(dir, 'sets.csv'), 'fast,slow\n5,20\n8,30\n');
    writeFileSync(join(dir, 'sets.json'), '[{"fast":5,"slow":20},{"fast":8,"slow":30}]');
    expect(readSets(join(dir, 'sets.csv'))).toEqual(readSets(join(dir, 'sets.json')));
  });
});

describe('mergePipelines', () => {
  it('keeps what does not differ once, and what follows from a difference for each set', () => {
    const { pipeline, views } = mergePipelines([
      load(EMA, { fast: '5', slow: '20' }),
      load(EMA, { fast: '5', slow: '30' }),
      load(EMA, { fast: '8', slow: '20' }),
    ]);
    expect(ids(pipeline)).toEqual(
      [
        'market',
        'hours',
        'fast',
        'fast@2',
        'slow',
        'slow@2',
        'cross',
        'cross@2',
        'cross@3',
        'venue',
        'venue@2',
        'venue@3',
      ].sort(),
    );
    expect(ids(views[1]!)).toEqual(['cross@2', 'fast', 'hours', 'market', 'slow@2', 'venue@2']);
  });
  it('duplicates a whole loop when one node of it differs', () => {
    const file = 'pipelines/bench/bracket.yaml';
    const { pipeline } = mergePipelines([load(file, {}), load(file, { tick: '0.1' })]);
    // The venue differs, so the decision that reads its reports does too; nothing else.
    expect(ids(pipeline).filter((id) => id.includes('@'))).toEqual(['trade@2', 'venue@2']);
  });
  it('is one pipeline again when no set differs', () => {
    const { pipeline } = mergePipelines([load(EMA, {}), load(EMA, { fast: '10' })]);
    expect(ids(pipeline)).toEqual(ids(load(EMA, {})));
  });
});

describe('a sweep', () => {
  const sets = grid(['fast=5,9', 'slow=20,25']);
  const alone = async (file: string, set: Record<string, string>, inputs = [candles]) => {
    const fills = join(dir, 'fills.csv');
    const given = Object.entries(set).flatMap(([k, v]) => ['--set', `${k}=${v}`]);
    const r = await cli(['backtest', file, '--input', ...inputs, ...given, '--fills', fills, '--json']);
    const sha = createHash('sha256').update(readFileSync(fills)).digest('hex');
    return { ...(JSON.parse(r.out) as Record<string, unknown>), fills_sha256: sha };
  };

  it('gives each set the figures and the fills of a run of that set alone', async () => {
    const run = await runSweep(
      sets.map((s) => load(EMA, s)),
      { inputs: [candles] },
    );
    for (const [i, set] of sets.entries()) {
      expect(run.figures[i]!.fills).toBeGreaterThan(4);
      expect(await alone(EMA, set)).toMatchObject(run.figures[i]!);
    }
    expect(new Set(run.figures.map((f) => f.fills_sha256)).size).toBe(sets.length);
  });
  it.each([
    ['one instrument', [0]],
    ['several at once', [0, 0]],
    ['several in turn', [0, 20_000, 20_000]],
  ])(
    'does so over long input of %s',
    async (_, offsets) => {
      // More than an equity curve keeps of each: prices are joined in stretches from there on.
      const inputs = offsets.map((ms, k) => {
        const file = join(dir, `long${k}.csv`);
        writeFileSync(file, swings(200_000, ms, 1 + k));
        return file;
      });
      const run = await runSweep(
        sets.map((s) => load(EMA, s)),
        { inputs },
      );
      for (const [i, set] of sets.entries()) {
        expect(run.figures[i]!.fills).toBeGreaterThan(40);
        expect(await alone(EMA, set, inputs)).toMatchObject(run.figures[i]!);
      }
    },
    120_000,
  );
  it('does so for strategies with feedback and orders that rest', async () => {
    const file = 'pipelines/bench/bracket.yaml';
    const both: Record<string, string>[] = [{ tick: '0' }, { tick: '0.1' }, { tick: '5', fill: 'close' }];
    const run = await runSweep(
      both.map((s) => load(file, s)),
      { inputs: [candles] },
    );
    for (const [i, set] of both.entries()) {
      expect(run.figures[i]!.fills).toBeGreaterThan(1);
      expect(await alone(file, set)).toMatchObject(run.figures[i]!);
    }
  });
  it('gives the same with one thread and with two, sorted by the figure that was asked for', async () => {
    const args = [
      'sweep',
      EMA,
      '--input',
      candles,
      '--vary',
      'fast=5,9',
      '--vary',
      'slow=20,25',
      '--sort',
      'total_return',
    ];
    const out = join(dir, 'table.csv');
    const one = JSON.parse((await cli([...args, '--out', out, '--json'])).out) as { rows: Record<string, number>[] };
    const two = JSON.parse((await cli([...args, '--jobs', '2', '--json'])).out) as { rows: Record<string, number>[] };
    expect(two.rows).toEqual(one.rows);
    const returns = one.rows.map((r) => r['total_return']!);
    expect(returns).toEqual([...returns].sort((a, b) => b - a));
    expect(readFileSync(out, 'utf8').split('\n')).toHaveLength(sets.length + 2);
  });
  it.each([
    ['in each thread', ['fast=5,9', 'market=any,usdm']],
    ['between threads', ['market=any,usdm', 'fast=5,9']],
  ])('gives the same when sources differ %s', async (_, vary) => {
    const file = join(dir, 'sources.yaml');
    writeFileSync(
      file,
      readFileSync(EMA, 'utf8')
        .replace('params: { ', 'params: { market: any, ')
        .replace('streams: [candle]', '$&, market: $market'),
    );
    const args = ['sweep', file, '--input', candles, ...vary.flatMap((v) => ['--vary', v]), '--json'];
    const [one, two] = await Promise.all([cli(args), cli([...args, '--jobs', '2'])]);
    const rows = (r: { out: string }) => (JSON.parse(r.out) as { rows: Record<string, unknown>[] }).rows;
    expect(rows(two)).toHaveLength(4);
    expect(rows(two)).toEqual(rows(one));
    // Two sources side by side do not value each other's positions.
    for (const { fast, market, graph_hash: _, ...figures } of rows(one))
      expect(await alone(file, { fast: String(fast), market: String(market) })).toMatchObject(figures);
  });
  it('writes Parquet that holds the same table', async () => {
    const out = join(dir, 'table.parquet');
    const r = await cli(['sweep', EMA, '--input', candles, '--vary', 'fast=5,9', '--out', out]);
    expect(r.code).toBe(0);
    const { DuckDb, sqlText } = await import('../../lake/duckdb.ts');
    const db = await DuckDb.open();
    const c = await db.connect();
    const rows = (
      await c.runAndReadAll(`SELECT fast, fills FROM read_parquet(${sqlText(out)}) ORDER BY fast`)
    ).getRows();
    db.close();
    expect(rows.map((row) => Number(row[0]))).toEqual([5, 9]);
  });
  it('says what is wrong with its options', async () => {
    expect((await cli(['sweep', EMA, '--input', candles])).err).toContain('CHM911');
    expect((await cli(['sweep', EMA, '--input', candles, '--vary', 'fast=0'])).err).toContain('CHM914');
    // The second set is read by a worker.
    const worker = await cli(['sweep', EMA, '--input', candles, '--vary', 'fast=5,0', '--jobs', '2']);
    expect(worker.code).toBe(2);
    expect(worker.err).toContain('--set fast=0');
    expect(worker.err).toContain('CHM914');
    const both = await cli(['sweep', EMA, '--input', candles, '--vary', 'fast=5', '--set', 'fast=6']);
    expect(both.err).toContain('both fixed and varied');
  });
});
