import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryBus } from '../../graph/bus/memory-bus.ts';
import { cutGraph } from '../../graph/cut/cut.ts';
import { runPart } from '../../graph/cut/part-run.ts';
import { loadPipeline } from '../../graph/document/load.ts';
import type { LoadOptions, Pipeline } from '../../graph/document/types.ts';
import { type Tap, tapRow } from '../../graph/engine/tap.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { Run } from '../../graph/runner/runner.ts';
import { KeyTable } from '../../graph/schema/index.ts';
import { main } from '../cli/main.ts';
import { registry } from '../cli/registry.ts';
import { type CutView, cutView } from './cut-view.ts';
import { toCutDot } from './to-cut-dot.ts';
import { toCutMermaid } from './to-cut-mermaid.ts';
import { toCutSvg } from './to-cut-svg.ts';
import { toCutText } from './to-cut-text.ts';
import { jsonView } from './to-json.ts';

const folder = new URL('../../pipelines/', import.meta.url).pathname;
const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
const trendFile = join(folder, 'trend.yaml');

function load(text: string, options: LoadOptions = {}): Pipeline {
  const { pipeline, diagnostics } = loadPipeline(text, 'pipelines/trend.yaml', registry, options);
  expect(diagnostics).toEqual([]);
  return pipeline!;
}
const withProfile = (profile: string): Pipeline =>
  load(read('trend.yaml'), { profile: { file: profile, text: read(`profiles/${profile}`) } });
const profiles = readdirSync(join(folder, 'profiles')).filter((f) => f.endsWith('.yaml'));

/** Rows of a port as exact text: cause, number, time, instrument, record. */
function collect(tap: Tap, keys: KeyTable, into: Map<string, string[]>): void {
  const port = `${tap.node}.${tap.port}`;
  const rows = into.get(port) ?? [];
  into.set(port, rows);
  const exact = (_: string, v: unknown): unknown => (Object.is(v, -0) ? '-0' : typeof v === 'number' ? String(v) : v);
  for (let i = 0; i < tap.n; i++)
    rows.push(
      `${tap.cause(i)}#${tap.seq(i)} ${tap.time(i)} ${keys.at(tap.key(i)).name} ${JSON.stringify(tapRow(tap, i), exact)}`,
    );
}

const SMALL = `
chimera: 1
pipeline: small
nodes:
  market: { type: source.market }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1s } }
  fast: { type: feature.ema, in: bars.bar.close }
  files: { type: sink.csv, in: { fast: fast.value, bar: bars.bar }, with: { dir: out } }
services: { s1: [market], s2: [bars, fast, files] }
streams: { mkt: [market] }
`;
const small = cutView(load(SMALL))!;
const trend = cutView(withProfile('replay.yaml'))!;
const stream = (view: CutView, family: string) => view.streams.find((s) => s.family === family)!;
const serviceOf = (view: CutView, part: string): string => view.parts.find((p) => p.id === part)!.service;
const readers = (view: CutView, family: string): string[] =>
  [...new Set(stream(view, family).to.map((t) => serviceOf(view, t.part)))].sort();

describe('the plan of a cut', () => {
  it('has the parts of each service, the streams between them, and what each waits for', () => {
    expect(small).toEqual({
      name: 'small',
      hash: small.hash,
      services: ['s1', 's2'],
      parts: [
        { id: 's1.0', service: 's1', kind: 'entrance', nodes: ['market'], follows: [], column: 0 },
        {
          id: 's2.1',
          service: 's2',
          kind: 'part',
          nodes: ['bars', 'fast'],
          follows: [{ part: 's1.0', delay_us: 0 }],
          column: 1,
        },
        {
          id: 's2.files',
          service: 's2',
          kind: 'sink',
          nodes: ['files'],
          follows: [{ part: 's2.1', delay_us: 0 }],
          column: 2,
        },
      ],
      streams: [
        {
          family: 'mkt',
          named: true,
          from: 's1.0',
          ports: ['market.trade'],
          to: [{ part: 's2.1', ports: ['market.trade'], delay_us: 0 }],
        },
        {
          family: 's2.1:events',
          named: false,
          from: 's2.1',
          ports: ['bars.bar', 'fast.value'],
          to: [{ part: 's2.files', ports: ['bars.bar', 'fast.value'], delay_us: 0 }],
        },
      ],
    });
  });
  it('is nothing without services', () => {
    const alone = load(SMALL.slice(0, SMALL.indexOf('services:')));
    expect(cutView(alone)).toBeNull();
    expect(jsonView(alone).cut).toBeNull();
  });
  it('says by how much a loop looks ahead, and who only follows the time of the sources', () => {
    expect(trend.parts.find((p) => p.id === 's3.0')!.follows).toEqual([
      { part: 's1.5', delay_us: 5000 },
      { part: 's1.0', delay_us: 0 },
    ]);
    expect(stream(trend, 'ord:cmd').to.filter((t) => t.part === 's6.documents')).toEqual([
      {
        part: 's6.documents',
        ports: [
          'orders.alert',
          'by_hand.outcome',
          'last_gate.order',
          'last_gate.verdict',
          'last_gate.status',
          'last_gate.flat',
        ],
        delay_us: 0,
      },
      { part: 's6.documents', ports: ['orders.outcome'], delay_us: 1000 },
    ]);
  });
});

describe('the trend follower, cut', () => {
  it.each(profiles)('lints with %s, and every stream has a name of the document [STO.24]', (profile) => {
    const pipeline = withProfile(profile);
    const view = cutView(pipeline)!;
    expect(view.streams.filter((s) => !s.named)).toEqual([]);
    expect(view.streams.map((s) => s.family).sort()).toEqual(Object.keys(pipeline.streams!).sort());
    expect(view.parts.filter((p) => p.kind === 'entrance').map((p) => p.id)).toEqual(['s1.0']);
  });
  it('sends the market from S1 to S2, features from S2 to S3, commands from S4 to the venue, reports to S4 and S6, positions from S6', () => {
    const from = (family: string): string => serviceOf(trend, stream(trend, family).from);
    expect([from('mkt'), readers(trend, 'mkt').includes('s2')]).toEqual(['s1', true]);
    expect([from('feat:events'), readers(trend, 'feat:events').includes('s3')]).toEqual(['s2', true]);
    expect([from('ord:cmd'), readers(trend, 'ord:cmd').includes('s1')]).toEqual(['s4', true]);
    expect([from('ord:result'), readers(trend, 'ord:result')]).toEqual(['s1', ['s3', 's4', 's6']]);
    expect(from('pos:events')).toBe('s6');
  });
  it('keeps the entrance of a gateway with the market, and its exit as a sink of the same service', () => {
    const view = cutView(withProfile('paper.yaml'))!;
    expect(view.parts.filter((p) => p.service === 's1').map((p) => [p.id, p.kind, p.nodes])).toEqual([
      ['s1.0', 'entrance', ['market', 'control', 'venue']],
      ['s1.venue_out', 'sink', ['venue:out']],
    ]);
    expect(stream(view, 'ord:result').from).toBe('s1.0');
  });
  it('may have the venue in another service than the market, also with a profile that makes it a source', () => {
    const text = read('trend.yaml').replace('s1: [market, control, venue]', 's1: [market, control]\n  s5: [venue]');
    const found = (profile: string) =>
      loadPipeline(text, 'trend.yaml', registry, {
        profile: { file: profile, text: read(`profiles/${profile}`) },
      }).diagnostics.map((d) => `${d.code} ${text.split('\n')[d.line - 1]!.trim()}`);
    expect(found('replay.yaml')).toEqual([]);
    expect(found('paper.yaml')).toEqual([]);
  });
  it('writes mkt:{instrument} and its like, nothing undeclared, and S2 gives what it gives uncut [S1.9] [STO.16] [STO.17] [STO.24]', async () => {
    const market = 'source.synthetic, with: { symbols: [BTCUSDT, ETHUSDT], duration: 6s, rate: 40 }';
    const profile = `chimera: 1\nprofile: p\nbind:\n  market: { type: ${market} }\n  venue: { type: venue.usdm }\n`;
    const pipeline = load(read('trend.yaml'), {
      profile: { file: 'p.yaml', text: profile },
      sets: { preset: 'recording', interval: '1s', volatility: '2', regime: '2', strength: '2', slow: '3' },
    });
    const dirs = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'chimera-cut-')));
    const bus = new MemoryBus();
    try {
      const plan = createPlan(pipeline);
      const s2 = plan.nodes
        .filter((n) => pipeline.services['s2']!.includes(n.id))
        .flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));
      const whole = new Map<string, string[]>();
      const keys = new KeyTable();
      const options = { seed: 1, taps: s2, keys, dir: dirs[0]!, onTap: (tap: Tap) => collect(tap, keys, whole) };
      const run = new Run(plan, options);
      await run.execute();
      await run.close();
      const apart = new Map<string, string[]>();
      const cut = cutGraph(plan);
      const naming = { prefix: '', pipeline: 'trend' };
      const common = { cut, bus, naming, holder: 'test', seed: 1, taps: s2, dir: dirs[1]! };
      await Promise.all(
        cut.parts.map((part) => runPart({ ...common, part, onTap: (tap, table) => collect(tap, table, apart) })),
      );
      expect([...whole.values()].filter((rows) => rows.length > 0).length).toBeGreaterThan(15);
      expect(whole.get('features.features')!.length).toBeGreaterThan(0);
      expect(apart).toEqual(whole);
    } finally {
      await bus.close();
      for (const d of dirs) rmSync(d, { recursive: true, force: true });
    }
    const written = [...bus.streams].filter(([, s]) => s.position > 0).map(([name]) => name);
    for (const family of ['mkt', 'feat:events'])
      for (const symbol of ['BTCUSDT', 'ETHUSDT']) expect(written).toContain(`${family}:{usdm:${symbol}}`);
    const families = new Set(written.map((name) => name.slice(0, name.indexOf(':{'))));
    families.delete('frontier');
    expect([...families].filter((f) => !Object.hasOwn(pipeline.streams!, f))).toEqual([]);
  }, 60_000);
});

describe('a cut as text and picture', () => {
  it('text: services, their parts, and what these run, read, send and wait for', () => {
    expect(toCutText(small)).toBe(`small: 3 parts in 2 services, joined by 2 families of streams

s1
  s1.0 (inputs enter here)
    runs   market
    sends  mkt to s2.1: market.trade

s2
  s2.1
    runs   bars, fast
    reads  mkt of s1.0: market.trade
    sends  s2.1:events (not named under \`streams:\`) to s2.files: bars.bar, fast.value
  s2.files (sink)
    runs   files
    reads  s2.1:events of s2.1: bars.bar, fast.value
`);
    const text = toCutText(trend);
    expect(text).toContain('    ahead  of s1.5 by 5 ms\n    time   as far as s1.0 has come\n');
    expect(Math.max(...text.split('\n').map((l) => l.length))).toBeLessThanOrEqual(112);
  });
  it('Mermaid and DOT: services as frames, each stream drawn to each reader', () => {
    expect(toCutMermaid(small)).toBe(`%% small, cut along its services
flowchart LR
  subgraph s_s1["s1"]
    p_s1_0(["<b>s1.0</b><br/>market"])
  end
  subgraph s_s2["s2"]
    p_s2_1["<b>s2.1</b><br/>bars, fast"]
    p_s2_files[("<b>s2.files</b><br/>files")]
  end
  p_s1_0 -- "mkt" --> p_s2_1
  p_s2_1 -- "s2.1:events" --> p_s2_files
`);
    const lines = trend.streams.flatMap((s) => s.to);
    const dot = toCutDot(trend);
    expect(dot.split('{').length).toBe(dot.split('}').length);
    expect(dot.match(/ -> /g)).toHaveLength(lines.length);
    expect(dot.match(/style=dashed, constraint=false/g)).toHaveLength(lines.filter((t) => t.delay_us > 0).length);
    expect(toCutMermaid(trend)).toContain('p_s1_5 -. "ord:result +5 ms" .-> p_s4_4');
  });
  it('SVG: every part and every stream drawn, no two boxes overlap, an event goes to the right, the same bytes again', async () => {
    const svg = await toCutSvg(trend);
    const lines = trend.streams.flatMap((s) => s.to);
    expect(svg.match(/<path class="stream[^>]*><title>/g)).toHaveLength(lines.length);
    expect(svg.match(/<path class="stream late[^>]*><title>/g)).toHaveLength(
      lines.filter((t) => t.delay_us > 0).length,
    );
    const boxes = new Map(
      [
        ...svg.matchAll(
          /<title>([\w.]+): [^<]*<\/title><rect class="box" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g,
        ),
      ].map((m) => [m[1]!, m.slice(2).map(Number) as [number, number, number, number]]),
    );
    expect([...boxes.keys()].sort()).toEqual(trend.parts.map((p) => p.id).sort());
    for (const [i, a] of boxes)
      for (const [j, b] of boxes)
        if (i !== j)
          expect(a[0] + a[2] <= b[0] || b[0] + b[2] <= a[0] || a[1] + a[3] <= b[1] || b[1] + b[3] <= a[1]).toBe(true);
    for (const s of trend.streams)
      for (const t of s.to)
        if (t.delay_us === 0) {
          const [from, to] = [boxes.get(s.from)!, boxes.get(t.part)!];
          expect(from[0] + from[2]).toBeLessThan(to[0]);
        }
    expect((await toCutSvg(trend)) === svg).toBe(true);
  });
});

describe('chimera graph --cut', () => {
  async function chimera(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    const written = { out: '', err: '' };
    const to = (stream: 'out' | 'err') => ({
      write: (s: string) => {
        written[stream] += s;
      },
    });
    return { code: await main(argv, { stdout: to('out'), stderr: to('err'), env: {} }), ...written };
  }
  it('prints the plan; other formats, and JSON for programs', async () => {
    const text = await chimera('graph', trendFile, '--cut');
    expect([text.code, text.out]).toEqual([0, toCutText(trend)]);
    expect((await chimera('graph', trendFile, '--format', 'text')).out).toBe(text.out);
    expect((await chimera('graph', trendFile, '--cut', '--format', 'svg')).out).toContain('</svg>');
    expect((await chimera('graph', trendFile, '--cut', '--format', 'mermaid')).out).toContain('flowchart LR');
    expect(JSON.parse((await chimera('graph', trendFile, '--cut', '--json')).out)).toEqual(trend);
    expect(JSON.parse((await chimera('graph', trendFile, '--json')).out).cut).toEqual({
      parts: trend.parts,
      streams: trend.streams,
    });
    expect((await chimera('graph', trendFile, '--cut', '--profile', 'paper')).out).toContain('s1.venue_out (sink)');
  });
  it('says what is missing where there are no services', async () => {
    const { code, err } = await chimera('graph', join(folder, 'acceptance.yaml'), '--cut');
    expect(code).toBe(2);
    expect(err).toContain('no services along which it could be cut');
    expect(err).toContain('add `services:`');
  });
});
