import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../schema/index.ts';
import { formatDiagnostics } from './format.ts';
import { loadPipeline } from './load.ts';
import { testingRegistry } from './testing-registry.ts';

const file = 'pipelines/trend.yaml';
const text = `chimera: 1
pipeline: trend
params: { unused: 1 }
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  bars:
    type: silver.time_bars
    in: market.trad
    each: instrument
    with: { width: 1m }
`;
const { diagnostics } = loadPipeline(text, file, testingRegistry);
const sources = new Map([[file, text]]);

describe('showing findings', () => {
  it('quotes the line and the one before it, with a caret, a suggestion and help', () => {
    expect(
      formatDiagnostics(diagnostics, sources, { format: 'text' }),
    ).toBe(`pipelines/trend.yaml:3:11 warning CHM121 the parameter "unused" is not used
  2 | pipeline: trend
  3 | params: { unused: 1 }
    |           ^^^^^^
  help: refer to it as \`$unused\`, or remove it

pipelines/trend.yaml:8:9 error CHM201 unknown input "market.trad"
  7 |     type: silver.time_bars
  8 |     in: market.trad
    |         ^^^^^^^^^^^
  did you mean "market.trade"?
  help: out-ports of market: trade, depth, depth_snapshot, mark_price

1 error, 1 warning`);
  });
  it('is the same text with colours taken out again', () => {
    const colored = formatDiagnostics(diagnostics, sources, { format: 'text', color: true });
    expect(colored).toContain('\u001b[31m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of colours.
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(formatDiagnostics(diagnostics, sources, { format: 'text' }));
  });
  it('puts the caret under its character behind tabs and on the first line', () => {
    const d: Diagnostic = {
      code: 'CHM001',
      severity: 'error',
      file: 'a',
      line: 1,
      column: 3,
      end_column: 5,
      message: 'm',
      help: null,
      suggestion: null,
    };
    expect(formatDiagnostics([d], new Map([['a', '\t\txy: 1']]), { format: 'text' })).toBe(
      'a:1:3 error CHM001 m\n  1 | \t\txy: 1\n    | \t\t^^\n\n1 error, 0 warnings',
    );
    expect(formatDiagnostics([d], new Map(), { format: 'text' })).toBe('a:1:3 error CHM001 m\n\n1 error, 0 warnings');
    expect(formatDiagnostics([], new Map(), { format: 'text' })).toBe('');
  });
  it('is an array of findings as JSON', () => {
    expect(JSON.parse(formatDiagnostics(diagnostics, sources, { format: 'json' }))).toEqual(diagnostics);
    expect(Object.keys(diagnostics[0]!).sort()).toEqual([
      'code',
      'column',
      'end_column',
      'file',
      'help',
      'line',
      'message',
      'severity',
      'suggestion',
    ]);
    expect(formatDiagnostics([], sources, { format: 'json' })).toBe('[]');
  });
  it('is an annotation per finding for GitHub, with its separators escaped', () => {
    const lines = formatDiagnostics([{ ...diagnostics[1]!, file: 'a,b:c.yaml', message: '100 %\nnew line' }], sources, {
      format: 'github',
    });
    expect(lines).toBe(
      '::error file=a%2Cb%3Ac.yaml,line=8,col=9,endColumn=20,title=CHM201::100 %25%0Anew line%0Adid you mean "market.trade"?%0Aout-ports of market: trade, depth, depth_snapshot, mark_price',
    );
  });
  it('is SARIF 2.1.0 with rules, levels and regions', () => {
    const sarif = JSON.parse(formatDiagnostics(diagnostics, sources, { format: 'sarif', version: '0.1.0' }));
    expect(sarif.version).toBe('2.1.0');
    const run = sarif.runs[0];
    expect(run.tool.driver.rules.map((r: { id: string }) => r.id)).toEqual(['CHM121', 'CHM201']);
    expect(run.tool.driver.rules[1].shortDescription.text).toBe('unknown input');
    expect(run.results[1]).toMatchObject({
      ruleId: 'CHM201',
      ruleIndex: 1,
      level: 'error',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: file },
            region: { startLine: 8, startColumn: 9, endLine: 8, endColumn: 20 },
          },
        },
      ],
    });
    expect(run.results[0].level).toBe('warning');
  });
});
