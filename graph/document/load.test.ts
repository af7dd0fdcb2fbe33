import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Registry } from '../registry.ts';
import { loadPipeline } from './load.ts';
import { testingRegistry } from './testing-registry.ts';
import type { LoadOptions } from './types.ts';

const whole = readFileSync(new URL('./corpus/valid/whole.yaml', import.meta.url), 'utf8');
const load = (text: string, options?: LoadOptions) => loadPipeline(text, 'p.yaml', testingRegistry, options);
const HEAD = 'chimera: 1\npipeline: p\nnodes:\n  market: { type: source.market, with: { symbols: [BTCUSDT] } }\n';
const found = (text: string, options?: LoadOptions) =>
  load(text, options).diagnostics.map(
    (d) => `${d.line}:${d.column} ${d.code}${d.suggestion === null ? '' : ` ${d.suggestion}`}`,
  );

describe('reading a pipeline', () => {
  it('resolves types, configurations with defaults, keys and references', () => {
    const { pipeline, diagnostics } = load(whole);
    expect(diagnostics).toEqual([]);
    const node = (id: string) => pipeline!.nodes.find((n) => n.id === id)!;
    expect(pipeline!.nodes.map((n) => n.id).slice(0, 5)).toEqual(['market', 'clock', 'trades', 'book', 'bars']);
    expect(node('bars')).toMatchObject({
      key: 'instrument',
      config: { width: 60_000_000, grace: 1_500_000 },
      onError: 'stop',
      delayUs: 0,
      line: 22,
      column: 3,
    });
    expect(node('fast').inputs).toMatchObject([
      { port: 'x', node: 'bars', out: 'bar', field: 'close', rest: false, schema: { name: 'scalar' } },
    ]);
    expect(node('slow').inputs[0]).toMatchObject({ node: 'bars', out: 'bar', field: 'close' });
    expect(node('atr').inputs[0]).toMatchObject({
      node: 'bars',
      out: 'bar',
      field: undefined,
      schema: { name: 'bar' },
    });
    expect(node('joined').inputs.map((i) => [i.port, i.rest])).toEqual([
      ['fast', true],
      ['slow', true],
      ['atr', true],
    ]);
    expect(Object.keys(node('joined').out['features']!.schema.fields)).toEqual(['fast', 'slow', 'atr']);
    expect(node('decide').inputs[2]).toMatchObject({ port: 'half', node: 'joined', out: 'features', field: 'atr' });
    expect(node('venue')).toMatchObject({
      key: 'instrument',
      feedback: ['report'],
      delayUs: 5_000,
      onError: 'quarantine',
    });
    expect(node('account').key).toBe('none');
    expect(node('gate').config).toMatchObject({
      limits: { max_loss_usdt: 100, max_spread_bp: 5, window: 86_400_000_000 },
    });
    expect(pipeline!.services['s2']).toEqual(['book', 'bars', 'fast', 'slow', 'atr', 'middle', 'joined']);
    expect(pipeline!.streams).toEqual({
      mkt: ['market', 'trades'],
      features: ['book', 'bars', 'fast', 'slow', 'atr', 'middle', 'joined'],
      'ord:cmd': ['orders'],
      result: ['venue'],
    });
    expect(pipeline!.params).toMatchObject({ interval: '1m', symbols: ['BTCUSDT', 'ETHUSDT'] });
  });

  it('applies presets first and single settings over them', () => {
    const width = (sets: Record<string, string>) =>
      (load(whole, { sets }).pipeline!.nodes.find((n) => n.id === 'bars')!.config as { width: number }).width;
    expect(width({ preset: 'recording' })).toBe(5_000_000);
    expect(width({ interval: '2m', preset: 'recording' })).toBe(120_000_000);
    const { pipeline } = load(whole, { sets: { symbols: '[SOLUSDT]' } });
    expect(pipeline!.nodes[0]!.config).toMatchObject({ symbols: ['SOLUSDT'] });
  });

  it('binds sources, sinks and the venue by a profile; what the profile leaves out stays', () => {
    const profile = {
      file: 'paper.yaml',
      text: 'chimera: 1\nprofile: paper\nbind:\n  market: { type: source.recorder }\n  venue: { type: venue.paper, with: { fee_bp: 2 } }\n  table: { with: { file: other.csv } }\n',
    };
    const { pipeline, diagnostics } = load(whole, { profile });
    expect(diagnostics).toEqual([]);
    const node = (id: string) => pipeline!.nodes.find((n) => n.id === id)!;
    expect([node('market').type.type, node('venue').type.type, node('table').type.type]).toEqual([
      'source.recorder',
      'venue.paper',
      'sink.table',
    ]);
    expect(node('market').config).toMatchObject({ symbols: ['BTCUSDT', 'ETHUSDT'] });
    expect(node('venue')).toMatchObject({ config: { fee_bp: 2 }, feedback: ['report'], delayUs: 5_000 });
  });

  it('takes $$ for a dollar sign', () => {
    const { pipeline, diagnostics } = load(`${HEAD}  clock: { type: source.clock, with: { every: 1s, label: $$x } }\n`);
    expect(diagnostics).toEqual([]);
    expect(pipeline!.nodes[1]!.config).toMatchObject({ label: '$x' });
  });

  it('gives the same places with a byte order mark and with CR LF', () => {
    const text = `${HEAD}  bars:\n    type: silver.time_bars\n    in: market.trad\n    each: instrument\n    with: { width: 1x }\n`;
    const plain = found(text);
    expect(plain).toEqual(['7:9 CHM201 market.trade', '9:20 CHM106']);
    expect(found(`\uFEFF${text}`)).toEqual(plain);
    expect(found(text.replaceAll('\n', '\r\n'))).toEqual(plain);
  });

  it('suppresses a warning, and the errors that may be, with code and reason', () => {
    const silver = (allow: string) =>
      `${HEAD}  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1m } }\n  label: { type: label.forward, in: bars.close, with: { horizon: 1h } }\n  fast: { type: feature.ema, in: label.count${allow} }\n`;
    expect(found(silver(''))).toEqual(['7:34 CHM310']);
    expect(found(silver(', allow: [{ code: CHM310, reason: counts are no decisions }]'))).toEqual([]);
    const bronze = (allow: string) =>
      `${HEAD}  t1: { type: bronze.dedupe, in: t2, each: instrument${allow} }\n  t2: { type: silver.filter, in: market.trade, each: instrument }\n`;
    expect(found(bronze(''))).toEqual(['5:34 CHM309']);
    const allowed = load(bronze(', allow: [{ code: CHM309, reason: it only passes trades on }]'));
    expect(allowed.diagnostics).toEqual([]);
    expect(allowed.pipeline).toBeDefined();
    expect(
      found(
        bronze('').replace('pipeline: p\n', 'pipeline: p\nallow: [{ code: CHM309, reason: for the whole document }]\n'),
      ),
    ).toEqual([]);
  });

  it('does not take names that every object has for names of nodes, ports or types', () => {
    for (const name of ['constructor', 'tostring', '__proto__', 'hasOwnProperty']) {
      const text = `${HEAD}  fast: { type: feature.ema, in: market.${name} }\n  slow: { type: feature.ema, in: ${name} }\n  b: { type: ${name} }\n  c: { type: feature.ema, in: { ${name}: market.mark_price.mark_px } }\n  d: { type: feature.ema, in: market.trade.${name}, with: { ${name}: 1 } }\n`;
      const codes = load(text).diagnostics.map((d) => d.code);
      expect(codes, name).toEqual(['CHM201', 'CHM201', 'CHM200', 'CHM202', 'CHM201', 'CHM110']);
    }
  });

  it('finds nothing in an empty registry but unknown types', () => {
    const { diagnostics } = loadPipeline(whole, 'p.yaml', new Registry([]));
    expect(new Set(diagnostics.map((d) => d.code))).toEqual(new Set(['CHM200']));
    expect(diagnostics).toHaveLength(19);
  });

  it('marks only what the lint of a chain of 500 nodes finds, in little time', () => {
    let text = `${HEAD}  n0: { type: feature.ema, in: market.trade.px, each: instrument }\n`;
    for (let i = 1; i < 500; i++) text += `  n${i}: { type: feature.ema, in: n${i - 1} }\n`;
    const started = performance.now();
    expect(load(text).diagnostics).toEqual([]);
    expect(performance.now() - started).toBeLessThan(20_000); // it took 0.1 s; a loaded machine is no defect
    expect(found(text.replace('in: n298 }', 'in: n2980 }'))).toHaveLength(1);
  });
});

describe('the hash of a graph', () => {
  const hash = (text: string, options?: LoadOptions) => {
    const { pipeline, diagnostics } = load(text, options);
    expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
    return pipeline!.hash;
  };
  const base = hash(whole);

  it('is that of the meaning: comments, layout, key order, services, streams, docs, names of pipelines and forms of values do not count', () => {
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(hash(`# more\n${whole}`)).toBe(base);
    expect(hash(whole.replace('interval: 1m', 'interval: 60s'))).toBe(base);
    expect(hash(whole.replace('with: { levels: 5 }', 'doc: five levels\n    with:\n      levels: 5'))).toBe(base);
    expect(
      hash(
        whole.replace(
          '{ depth: market.depth, snapshot: market.depth_snapshot }',
          '{ snapshot: market.depth_snapshot, depth: market.depth }',
        ),
      ),
    ).toBe(base);
    expect(hash(whole.slice(0, whole.indexOf('services:')))).toBe(base);
    expect(hash(whole.slice(0, whole.indexOf('\nstreams:')))).toBe(base);
    expect(hash(whole.replace('result: $reports', 'other: $reports'))).toBe(base);
    expect(hash(whole.replace('pipeline: whole', 'pipeline: other'))).toBe(base);
    expect(
      hash(whole.replace('in: bars.close, with: { period: 10 }', 'in: { x: bars.bar.close }, with: { period: 10 }')),
    ).toBe(base);
    expect(hash(whole.replace('with: { period: 30 } }', 'with: { period: 20 } }'))).toBe(
      hash(whole.replace(', with: { period: 30 } }', ' }')),
    );
  });

  it('differs with everything that can change an output', () => {
    const changes: [string, string][] = [
      ['period: 10', 'period: 11'],
      ['in: bars.close, with: { period: 10 }', 'in: bars.open, with: { period: 10 }'],
      ['delay: 5ms', 'delay: 6ms'],
      ['on_error: quarantine', 'on_error: stop'],
      ['type: venue.sim', 'type: venue.paper'],
      ['fast: fast, slow: slow.value, atr: atr.value', 'slow: slow.value, fast: fast, atr: atr.value'],
      ['when: fast > slow', 'when: slow > fast'],
      [
        'fast: { type: feature.ema, in: bars.close, with: { period: 10 } }\n  slow: { type: feature.ema, in: bars.bar.close, with: { period: 30 } }',
        'slow: { type: feature.ema, in: bars.bar.close, with: { period: 30 } }\n  fast: { type: feature.ema, in: bars.close, with: { period: 10 } }',
      ],
    ];
    const hashes = [base, hash(whole, { sets: { preset: 'recording' } })];
    for (const [from, to] of changes) {
      expect(whole).toContain(from);
      hashes.push(hash(whole.replace(from, to)));
    }
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('differs with the version of a type', () => {
    const newer = new Registry([...testingRegistry].map((t) => (t.type === 'feature.ema' ? { ...t, version: 2 } : t)));
    expect(loadPipeline(whole, 'p.yaml', newer).pipeline!.hash).not.toBe(base);
  });
});
