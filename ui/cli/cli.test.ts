import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ChimeraError } from '../../graph/schema/index.ts';
import { exitCode } from './exit-code.ts';
import { main } from './main.ts';
import { codeTables, registry } from './registry.ts';
import { home } from './version.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-cli-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (file: string) => join(dir, file);

class Said {
  text = '';
  readonly isTTY: boolean;
  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }
  write(s: string): void {
    this.text += s;
  }
}
async function chimera(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new Said(), new Said()];
  const code = await main(argv, { stdout, stderr, env: {} });
  return { code, out: stdout.text, err: stderr.text };
}
/** One JSON object and nothing else on stdout. */
const json = (out: string): Record<string, unknown> => {
  expect(out.endsWith('\n')).toBe(true);
  expect(out.trimEnd()).not.toContain('\n');
  return JSON.parse(out) as Record<string, unknown>;
};

writeFileSync(
  at('cross.yaml'),
  `chimera: 1
pipeline: cross
params: { qty: 0.1, qty_short: -0.1 }
nodes:
  market: { type: source.market, with: { streams: [candle] } }
  fast: { type: feature.ema, in: market.candle.close, each: instrument, with: { period: 3 } }
  slow: { type: feature.ema, in: market.candle.close, each: instrument, with: { period: 8 } }
  cross:
    type: decision.target
    in: { fast: fast.value, slow: slow.value }
    with: { warmup: 8, rules: [{ id: long, when: fast > slow, target: $qty }, { id: short, when: fast < slow, target: $qty_short }] }
  venue: { type: venue.candle, in: { candle: market.candle, order: cross.order }, with: { balance_usdt: 1000 } }
`,
);
writeFileSync(
  at('ABC.csv'),
  `open_time,open,high,low,close,volume\n${Array.from({ length: 300 }, (_, i) => {
    const px = (k: number) => Math.round(100 + 10 * Math.sin(k / 9));
    return `${1_700_000_000_000 + i * 60_000},${px(i)},${Math.max(px(i), px(i + 1)) + 1},${Math.min(px(i), px(i + 1)) - 1},${px(i + 1)},1.5\n`;
  }).join('')}`,
);

describe('the command line', () => {
  it('prints help with all commands, and help with examples for each', async () => {
    const { code, out } = await chimera('--help');
    expect(code).toBe(0);
    const commands = [
      'lint',
      'test',
      'graph',
      'list',
      'explain',
      'run',
      'replay',
      'backtest',
      'lake',
      'parity',
      'doctor',
      'start',
    ];
    for (const c of commands) expect(out).toMatch(new RegExp(`^  ${c}[ \\n]`, 'm'));
    const lake = ['import', 'ls', 'compact', 'verify', 'sql', 'dataset'].map((c) => ['lake', c]);
    for (const c of [...commands.filter((c) => c !== 'lake').map((c) => [c]), ...lake]) {
      const help = await chimera(...c, '--help');
      expect(help.code).toBe(0);
      expect(help.out).toContain(`$ npx chimera ${c.join(' ')}`);
      expect(help.out).toContain('--json');
    }
  });
  it('suggests what was meant by an unknown command or option, with exit code 2', async () => {
    expect(await chimera('lnt')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('Did you mean lint?'),
    });
    expect(await chimera('run', 'x.yaml', '--inptu', 'y')).toMatchObject({
      code: 2,
      err: expect.stringContaining('Did you mean --input?'),
    });
    expect((await chimera('run')).code).toBe(2);
    expect((await chimera('run', at('cross.yaml'), '--pace', '0')).code).toBe(2);
  });
  it('gives the exit code that the error deserves', async () => {
    expect((await chimera('run', at('none.yaml'))).code).toBe(2);
    expect((await chimera('run', at('cross.yaml'))).code).toBe(2);
    expect((await chimera('run', at('cross.yaml'), '--input', at('none.csv'))).code).toBe(3);
    expect((await chimera('run', at('cross.yaml'), '--set', 'qty', '--input', at('ABC.csv'))).code).toBe(2);
    expect((await chimera('lake', 'ls', dir)).code).toBe(3);
    expect(exitCode(new Error('x'))).toBe(70);
    expect(exitCode(new ChimeraError('CHM703', 'x'))).toBe(1);
    expect(exitCode(new ChimeraError('CHM850', 'x'))).toBe(2);
    expect(exitCode(new ChimeraError('CHM850', 'x', { node: 'bars', source: 'market', seq: 7 }))).toBe(1);
    expect(exitCode(new ChimeraError('CHM905', 'the live run ended with code 3: x'))).toBe(3);
  });
  it('answers --json with one object when it fails, too', async () => {
    const missing = await chimera('run', at('cross.yaml'), '--input', at('none.csv'), '--json');
    expect(json(missing.out)).toMatchObject({
      ok: false,
      exit_code: 3,
      error: { code: 'CHM670', file: at('none.csv') },
    });
    expect(missing.err).toContain('CHM670');
    const usage = await chimera('run', '--json');
    expect(json(usage.out)).toMatchObject({ ok: false, exit_code: 2, error: { code: 'CHM911' } });
    expect((await chimera('run', at('none.yaml'))).out).toBe('');
  });
  it('refuses two taps into one file, and horizons and names of a training set that it cannot use', async () => {
    const run = ['run', at('cross.yaml'), '--input', at('ABC.csv')];
    const both = await chimera(...run, '--tap', `fast.value=${at('one.csv')}`, '--tap', `slow.value=${dir}/./one.csv`);
    expect(both).toMatchObject({ code: 2, err: expect.stringContaining('CHM903') });
    for (const [horizons, to] of [
      ['x', 'd.parquet'],
      ['0s', 'd.parquet'],
      ['10s,', 'd.parquet'],
      ['10s', 'd.csv'],
    ]) {
      const o = ['--input', at('ABC.csv'), '--horizons', horizons!, '--to', at(to!)];
      const said = await chimera('lake', 'dataset', at('cross.yaml'), ...o);
      expect(said).toMatchObject({ code: 2, err: expect.stringContaining('CHM911') });
    }
  });
  it('a state goes on only with the graph and the inputs that it was begun with', async () => {
    const head = readFileSync(at('ABC.csv'), 'utf8').split('\n');
    mkdirSync(at('first'), { recursive: true });
    mkdirSync(at('other'), { recursive: true });
    writeFileSync(at('first/ABC.csv'), `${head.slice(0, 100).join('\n')}\n`);
    writeFileSync(at('other/ABC.csv'), `${[head[0], ...head.slice(50, 149)].join('\n')}\n`);
    const rate = ['--pace', '1000000000'];
    for (const live of [[], rate]) {
      const kept = at(`kept${live.length}`);
      const run = (input: string, ...more: string[]) =>
        chimera('run', at('cross.yaml'), '--input', input, '--state', kept, '--json', ...live, ...more);
      expect((await run(at('first/ABC.csv'))).code).toBe(0);
      expect(json((await run(at('first/ABC.csv'))).out)).toMatchObject({ ok: true, events_in: 99 });
      expect(await run(at('other/ABC.csv'))).toMatchObject({ code: 3, err: expect.stringContaining('CHM623') });
      expect(await run(at('first/ABC.csv'), '--set', 'qty=0.2')).toMatchObject({
        code: 2,
        err: expect.stringContaining('CHM920'),
      });
      expect(json((await run(at('ABC.csv'))).out)).toMatchObject({ ok: true, events_in: 300 });
      expect((await run(at('first/ABC.csv'))).code).toBe(3);
    }
  });
  it('shows no stack trace without --verbose', async () => {
    const quiet = await chimera('run', at('none.yaml'));
    expect(quiet.err).toContain('CHM910');
    expect(quiet.err).not.toMatch(/^\s+at /m);
    expect((await chimera('run', at('none.yaml'), '--verbose')).err).toMatch(/^\s+at /m);
  });
  it('documents every code that it uses, once', () => {
    const all = codeTables.flatMap((t) => Object.keys(t));
    expect(all.filter((c, i) => all.indexOf(c) !== i)).toEqual([]);
  });
  it('colours a terminal only, and not when NO_COLOR is set', async () => {
    const said = async (isTTY: boolean, env: Record<string, string>) => {
      const stdout = new Said(isTTY);
      await main(['list', 'feature'], { stdout, stderr: new Said(), env });
      return stdout.text.includes('\u001b[');
    };
    expect([await said(true, {}), await said(true, { NO_COLOR: '1' }), await said(false, {})]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('lint', () => {
  it('prints an array with exact places as JSON, and exits with 2', async () => {
    writeFileSync(at('bad.yaml'), 'chimera: 1\npipeline: bad\nnodes:\n  market: { type: source.markt }\n');
    const { code, out } = await chimera('lint', at('bad.yaml'), '--format', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject([
      { code: 'CHM200', severity: 'error', file: at('bad.yaml'), line: 4, column: 19, suggestion: 'source.market' },
    ]);
    expect(json((await chimera('lint', at('bad.yaml'), '--json')).out)).toMatchObject({ ok: false, files: 1 });
  });
  it('finds nothing in the pipelines of the project', async () => {
    const { code, out } = await chimera('lint', join(home(), 'pipelines'));
    expect(out).toContain('no findings');
    expect(code).toBe(0);
  });
});

describe('list and explain', () => {
  it('list every node type with its summary', async () => {
    const { types } = json((await chimera('list', '--json')).out) as { types: { type: string }[] };
    expect(types.map((t) => t.type).sort()).toEqual(registry.names);
    expect((await chimera('list', 'nowhere')).code).toBe(2);
  });
  it('explain every node type, in text and JSON', async () => {
    for (const type of registry.names) {
      const text = await chimera('explain', type);
      expect(text.code).toBe(0);
      expect(text.out).toContain(registry.get(type)!.summary.slice(0, 20));
      expect(json((await chimera('explain', type, '--json')).out)).toMatchObject({ type });
    }
  });
  it('tell units, defaults, warm-up and source of a formula', async () => {
    const { out } = await chimera('explain', 'feature.atr');
    for (const s of ['period', 'default 14', 'bars', 'silent before 15 of bar', 'Wilder']) expect(out).toContain(s);
  });
  it('explain a code, and suggest the type that was meant', async () => {
    expect((await chimera('explain', 'chm201')).out).toContain('unknown input');
    expect(await chimera('explain', 'feature.art')).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean feature.atr?'),
    });
  });
});

describe('run and backtest', () => {
  it('run prints what it did as one JSON object, and writes taps', async () => {
    const { code, out } = await chimera(
      'run',
      at('cross.yaml'),
      '--input',
      at('ABC.csv'),
      '--tap',
      `fast.value=${at('fast.csv')}`,
      '--json',
    );
    expect(code).toBe(0);
    const r = json(out);
    expect(r).toMatchObject({
      ok: true,
      events_in: 300,
      bad_input: [],
      counters: { filtered: 0, late: 0, dead_lettered: 0, dropped: 0 },
    });
    for (const k of ['graph_hash', 'cycles', 'load_s', 'run_s', 'cpu_s', 'peak_rss_bytes']) expect(r).toHaveProperty(k);
    expect((r['taps'] as Record<string, { rows: number }>)['fast.value']!.rows).toBe(300);
    expect(readFileSync(at('fast.csv'), 'utf8').split('\n')[0]).toBe('source,seq,t_avail_us,key,value');
  });
  it('the generated and the interpreted plan write the same bytes', async () => {
    const hash = async (...more: string[]) =>
      (
        json(
          (
            await chimera(
              'run',
              at('cross.yaml'),
              '--input',
              at('ABC.csv'),
              '--tap',
              `venue.report=${at('r.csv')}`,
              '--json',
              ...more,
            )
          ).out,
        )['taps'] as Record<string, { sha256: string }>
      )['venue.report']!.sha256;
    expect(await hash()).toBe(await hash('--interpreted'));
  });
  it('refused lines change the exit code only with --strict', async () => {
    writeFileSync(at('BAD.csv'), `${readFileSync(at('ABC.csv'), 'utf8')}1700000000000,x,1,1,1,1\n`);
    const run = ['run', at('cross.yaml'), '--input', at('BAD.csv'), '--json'];
    const lax = await chimera(...run);
    expect([lax.code, (json(lax.out)['bad_input'] as unknown[]).length]).toEqual([0, 1]);
    const strict = await chimera(...run, '--strict');
    expect([strict.code, json(strict.out)['ok']]).toEqual([1, false]);
  });
  it('backtest writes fills and the report three times, with the same figures', async () => {
    const { code, out } = await chimera(
      'backtest',
      at('cross.yaml'),
      '--input',
      at('ABC.csv'),
      '--fills',
      at('fills.csv'),
      '--report',
      at('out/report.html'),
      '--json',
    );
    expect(code).toBe(0);
    const r = json(out);
    expect(r).toMatchObject({ candles: 300, events: 300 });
    expect(r['fills']).toBeGreaterThan(5);
    for (const k of ['trades', 'fees', 'funding', 'final_balance', 'sharpe', 'max_drawdown'])
      expect(r).toHaveProperty(k);
    const fills = readFileSync(at('fills.csv'), 'utf8').trimEnd().split('\n');
    expect(fills[0]).toBe('time_ms,symbol,side,price,qty,fee,liquidity');
    expect(fills.length - 1).toBe(r['fills']);
    expect(readFileSync(at('out/report.html'), 'utf8')).toContain('<!doctype html>');
    expect(readFileSync(at('out/report.md'), 'utf8')).toContain('| Fills | ');
    expect(JSON.parse(readFileSync(at('out/report.json'), 'utf8')).fills).toHaveLength(r['fills'] as number);
  });
  it('refuses to backtest what has no venue', async () => {
    expect(
      (await chimera('backtest', join(home(), 'pipelines/acceptance-candles.yaml'), '--input', at('ABC.csv'))).err,
    ).toContain('CHM917');
  });
});

describe('replay and parity', () => {
  it('a captured run replays identically, and one changed value is named', async () => {
    const live = await chimera(
      'run',
      at('cross.yaml'),
      '--input',
      at('ABC.csv'),
      '--capture',
      at('lake'),
      '--tap-all',
      at('live'),
      '--json',
    );
    expect(live.code).toBe(0);
    const again = () =>
      chimera(
        'replay',
        at('cross.yaml'),
        '--input',
        at('lake'),
        '--tap-all',
        at('again'),
        '--against',
        at('live'),
        '--json',
      );
    expect(json((await again()).out)).toMatchObject({ identical: true, first_difference: null });
    const file = at('live/fast.value.csv');
    const lines = readFileSync(file, 'utf8').split('\n');
    lines[41] = lines[41]!.replace(/\d$/, (d) => String((Number(d) + 1) % 10));
    writeFileSync(file, lines.join('\n'));
    const changed = await again();
    expect(changed.code).toBe(1);
    expect(json(changed.out)).toMatchObject({
      identical: false,
      first_difference: { node: 'fast', port: 'value', seq: 40, field: 'value' },
    });
  });
  it('parity that is interrupted gives no verdict', async () => {
    const [stdout, stderr] = [new Said(), new Said()];
    const argv = ['parity', at('cross.yaml'), '--input', at('ABC.csv'), '--pace', '1000000000', '--json'];
    const code = await main(argv, { stdout, stderr, env: {}, signal: AbortSignal.abort() });
    expect(code).toBe(1);
    expect(json(stdout.text)).toMatchObject({ ok: false, error: { code: 'CHM918' } });
  });
  it('parity compares every node, and idle nodes prove nothing', async () => {
    const ok = await chimera(
      'parity',
      at('cross.yaml'),
      '--input',
      at('ABC.csv'),
      '--pace',
      '1000000',
      '--json',
      '--taps',
      at('taps'),
    );
    expect(json(ok.out)).toMatchObject({ identical: true, idle: [], kills: 0, first_difference: null, events: 300 });
    expect(ok.code).toBe(0);
    expect(existsSync(at('taps/replay/venue.report.csv'))).toBe(true);
    const idle = await chimera(
      'parity',
      at('cross.yaml'),
      '--set',
      'qty=0',
      '--set',
      'qty_short=0',
      '--input',
      at('ABC.csv'),
      '--pace',
      '1000000',
      '--json',
    );
    expect([idle.code, json(idle.out)['identical']]).toEqual([1, false]);
    expect((await chimera('parity', at('cross.yaml'), '--input', at('ABC.csv'), '--allow-idle', 'nobody')).code).toBe(
      2,
    );
  });
});

describe('lake', () => {
  it('imports, lists, queries, verifies and compacts', async () => {
    const imported = json((await chimera('lake', 'import', at('ABC.csv'), '--to', at('candles'), '--json')).out);
    expect(imported).toMatchObject({
      rows: { candle: 300 },
      gaps: [],
      duplicates: 0,
      out_of_order: 0,
      off_market: 0,
      crossed: 0,
      bad_input: [],
    });
    expect(json((await chimera('lake', 'ls', at('candles'), '--json')).out)).toMatchObject({
      datasets: [{ dataset: 'candle', rows: 300 }],
    });
    const sql = json((await chimera('lake', 'sql', at('candles'), 'SELECT count(*) AS n FROM candle', '--json')).out);
    expect(sql).toMatchObject({ columns: ['n'], rows: [[300]] });
    expect((await chimera('lake', 'sql', at('candles'), 'SELECT n FROM nothing')).code).toBe(2);
    expect(json((await chimera('lake', 'verify', at('candles'), '--json')).out)).toMatchObject({ ok: true, rows: 300 });
    expect(json((await chimera('lake', 'compact', at('candles'), '--json')).out)).toMatchObject({ ok: true });
  });
});

describe('graph, test and doctor', () => {
  it('graph draws every format', async () => {
    expect((await chimera('graph', at('cross.yaml'))).out).toContain('flowchart LR');
    expect((await chimera('graph', at('cross.yaml'), '--format', 'dot')).out).toContain('digraph');
    expect(json((await chimera('graph', at('cross.yaml'), '--json')).out)).toMatchObject({ name: 'cross' });
    expect((await chimera('graph', at('cross.yaml'), '--format', 'svg', '--output', at('g.svg'))).code).toBe(0);
    expect(readFileSync(at('g.svg'), 'utf8')).toContain('</svg>');
  });
  it('test runs the tests beside a pipeline in every way', async () => {
    const { code, out } = await chimera('test', join(home(), 'pipelines/trend.yaml'), '--json');
    const r = json(out);
    expect(r).toMatchObject({ failed: 0, failures: [] });
    expect(r['passed']).toBeGreaterThan(0);
    expect(code).toBe(0);
    expect((await chimera('test', at('cross.yaml'))).code).toBe(2);
  });
  it('doctor finds what is there, and says what is not', async () => {
    const { out } = await chimera(
      'doctor',
      '--dir',
      dir,
      '--lake',
      at('nothing'),
      '--redis',
      'redis://127.0.0.1:1',
      '--json',
    );
    const checks = Object.fromEntries(
      (json(out)['checks'] as { name: string; ok: boolean }[]).map((c) => [c.name, c.ok]),
    );
    expect(checks).toMatchObject({ node: true, write: true, duckdb: true, libsql: true, lake: false, redis: false });
  });
});
