import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../cli/main.ts';
import { type TestApi, testApi } from '../testing/test-api.ts';

const home = mkdtempSync(join(tmpdir(), 'chimera-home-'));
let t: TestApi;
let token: string;
const ids: string[] = [];

/** A sine of candles: something to trade on. */
function candles(file: string, shift: number): void {
  const rows = ['open_time,open,high,low,close,volume'];
  for (let i = 0; i < 4000; i++) {
    const at = (k: number) => (100 + 5 * Math.sin((k + shift) / 400)).toFixed(2);
    const [o, c] = [at(i), at(i + 1)];
    const [h, l] = [Math.max(Number(o), Number(c)).toFixed(2), Math.min(Number(o), Number(c)).toFixed(2)];
    rows.push([1_704_067_200_000 + i * 60_000, o, h, l, c, '1.5'].join(','));
  }
  writeFileSync(file, `${rows.join('\n')}\n`);
}

beforeAll(async () => {
  for (const shift of [0, 700]) {
    const input = join(home, `candles-${shift}`, 'BTCUSDT.csv');
    mkdirSync(join(home, `candles-${shift}`));
    candles(input, shift);
    let out = '';
    const io = { stdout: { write: (s: string) => (out += s) }, stderr: { write: () => undefined }, env: {} };
    const dir = join(home, `set-${shift}`);
    const code = await main(
      ['backtest', 'pipelines/bench/ema-cross.yaml', '--input', input, '--home', dir, '--json'],
      io,
    );
    expect(code, out).toBe(0);
  }
  // Runs are named by the second: two homes, put together.
  const { renameSync, readdirSync } = await import('node:fs');
  for (const shift of [0, 700]) {
    const [name] = readdirSync(join(home, `set-${shift}`));
    renameSync(join(home, `set-${shift}`, name!), join(home, `run-${shift}`));
    ids.push(`run-${shift}`);
  }
  t = await testApi({ home });
  token = await t.person('ann', 'strategist');
}, 120_000);
afterAll(() => t.close());
const get = (path: string) => t.ask('GET', path, { token });

describe('backtests that were kept', () => {
  it('are listed with figures and report, under the name of their folder, wherever it was moved', async () => {
    const { items } = (await get('/runs')).body;
    expect(items.map((r: { id: string }) => r.id).sort()).toEqual(ids);
    expect(items[0]).toMatchObject({ kind: 'backtest', state: 'ended', pipeline: 'ema_cross', has_report: true });
    expect(items[0].figures.trades).toBeGreaterThan(0);
  });
  it('show report, equity, fills and graph; the report runs without the rights of the page', async () => {
    const html = await get(`/runs/${ids[0]}/report`);
    expect(html.text).toMatch(/^<!doctype html>/i);
    expect(String(html.headers['content-security-policy'])).toContain('sandbox allow-scripts');
    expect((await get(`/runs/${ids[0]}/equity`)).body.points.length).toBeGreaterThan(10);
    expect((await get(`/runs/${ids[0]}/fills?limit=3`)).body.items).toHaveLength(3);
    const graph = (await get(`/runs/${ids[0]}/graph`)).body;
    expect(graph.run).toBe(ids[0]);
    expect(graph.yaml).toContain('pipeline: ema_cross');
    expect(graph.nodes.every((n: { rank: number }) => Number.isInteger(n.rank))).toBe(true);
  });
  it('are compared: figures, where they part, and trades that only one has', async () => {
    const same = (await get(`/compare?a=${ids[0]}&b=${ids[0]}`)).body;
    expect(same).toMatchObject({ first_difference: null, only_in_a: [], only_in_b: [] });
    const two = (await get(`/compare?a=${ids[0]}&b=${ids[1]}`)).body;
    expect(two.first_difference.index).toBe(0);
    expect(two.only_in_a.length).toBeGreaterThan(0);
    expect(two.figures.find((f: { name: string }) => f.name === 'final_balance').a).toBeGreaterThan(0);
  });
  it('cannot be commanded, and say what they do not have', async () => {
    const operator = await t.person('op', 'administrator');
    const said = await t.ask('POST', `/orders?run=${ids[0]}`, {
      token: operator,
      body: { instrument: 'usdm:BTCUSDT', side: 'buy', type: 'market', qty: '1' },
    });
    expect([said.status, said.body.error.code]).toEqual([501, 'CHM1121']);
    expect((await get(`/runs/${ids[0]}/trading`)).body.error.code).toBe('CHM1121');
    expect((await get('/runs/..%2F..%2Fetc/report')).status).toBe(404);
    expect((await get('/runs/none')).body.error.code).toBe('CHM1112');
  });
});

describe('configuration', () => {
  it('is linted with codes, places and help, and compared node by node', async () => {
    const { yaml } = (await get(`/runs/${ids[0]}/graph`)).body;
    const post = (path: string, body: unknown) => t.ask('POST', path, { token, body });
    expect((await post('/config/lint', { yaml, run: ids[0] })).body.diagnostics).toEqual([]);
    const broken = (await post('/config/lint', { yaml: yaml.replace('feature.ema', 'feature.emma') })).body.diagnostics;
    expect(broken[0]).toMatchObject({
      severity: 'error',
      code: expect.stringMatching(/^CHM/),
      line: expect.any(Number),
    });
    const diff = (await post('/config/diff', { run: ids[0], yaml: yaml.replace('fast: 10', 'fast: 12') })).body;
    expect(diff.restarted).toHaveLength(1);
    expect(diff.kept.length).toBeGreaterThan(2);
    expect([diff.dropped, diff.added]).toEqual([[], []]);
    expect((await post('/config/diff', { run: ids[0], yaml: 'nonsense' })).body.error.code).toBe('CHM1110');
  });
  it('goes from a proposal to another person, who cannot apply it to a run that has ended', async () => {
    const { yaml } = (await get(`/runs/${ids[0]}/graph`)).body;
    const risk = await t.person('risk', 'risk_manager');
    const both = await t.person('both', 'administrator');
    const changed = yaml.replace('fast: 10', 'fast: 12');
    const body = { run: ids[0], yaml: changed, reason: 'slower' };
    const made = await t.ask('POST', '/config/proposals', { token: both, body });
    expect(made).toMatchObject({ status: 201, body: { state: 'proposed', by: 'both', diff: { restarted: [{}] } } });
    const at = `/config/proposals/${made.body.id}`;
    expect((await t.ask('POST', `${at}/approve`, { token: both })).body.error.code).toBe('CHM1106');
    expect((await t.ask('POST', `${at}/refuse`, { token: both })).body.error.code).toBe('CHM1106');
    expect((await t.ask('POST', `${at}/approve`, { token: risk })).body.error.code).toBe('CHM1121');
    expect((await t.ask('POST', `${at}/withdraw`, { token })).body.error.code).toBe('CHM1105');
    expect((await t.ask('POST', `${at}/refuse`, { token: risk, body: { note: 'no' } })).body).toMatchObject({
      state: 'refused',
      decided_by: 'risk',
      note: 'no',
    });
    expect((await t.ask('POST', `${at}/withdraw`, { token: both })).body.error.code).toBe('CHM1118');
  });
  it('explains node types as the command line does', async () => {
    expect((await get('/node-types')).body.items.length).toBeGreaterThan(30);
    expect((await get('/node-types/feature.ema')).body).toMatchObject({ type: 'feature.ema', in: {}, out: {} });
    expect((await get('/node-types/feature.none')).status).toBe(404);
  });
});
