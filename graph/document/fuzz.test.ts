import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDiagnostics } from './format.ts';
import { loadPipeline } from './load.ts';
import { testingRegistry } from './testing-registry.ts';
import { loadTests } from './tests.ts';

const folder = fileURLToPath(new URL('./corpus', import.meta.url));
const read = (name: string): string => readFileSync(`${folder}/${name}`, 'utf8');
const whole = read('valid/whole.yaml');
const tests = read('valid/whole.test.yaml');
const small = readdirSync(folder)
  .filter((f) => f.endsWith('.yaml'))
  .map(read);
const pipeline = loadPipeline(whole, 'whole.yaml', testingRegistry).pipeline!;

/** Pieces that YAML, references, parameters and JavaScript objects stumble over. */
const TOKENS = [
  ...[
    '[',
    ']',
    '{',
    '}',
    ':',
    ': ',
    '- ',
    '? ',
    ',',
    '#',
    '&a ',
    '*a',
    '!t ',
    '!!binary ',
    '|',
    '>-',
    '\n',
    '\r\n',
    '\t',
    '  ',
    '---\n',
    '...\n',
  ],
  ...[
    '"',
    "'",
    '\\',
    '\\x',
    '"\\u12"',
    '%YAML 1.1\n',
    '<<: ',
    '@',
    '`',
    '\uFEFF',
    '\u0000',
    '\u2028',
    '😀',
    '\ud800',
    '~',
    'null',
    'true',
  ],
  ...[
    '.inf',
    '.nan',
    '0x1F',
    '1e400',
    '-0',
    '0o7',
    '9'.repeat(30),
    '2024-01-01',
    '$',
    '$$',
    '$interval',
    '${interval}',
    '$nope',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'bars.close',
    'bars.bar.close.x',
    '..',
    '5s',
    '5 s',
    '1e3ms',
    'type: ',
    'in: ',
    'with: ',
    'nodes:\n',
    'allow: ',
  ],
];

const cut = fc.tuple(fc.nat(), fc.nat({ max: 60 }));
const edit = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('insert' as const), at: fc.nat(), token: fc.constantFrom(...TOKENS) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('flip' as const), at: fc.nat(), code: fc.integer({ min: 0, max: 0x17f }) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('delete' as const), cut }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('move' as const), cut, to: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('line' as const), at: fc.nat(), to: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('nest' as const),
      at: fc.nat(),
      n: fc.nat({ max: 200 }),
      token: fc.constantFrom('[', '{a: ', '- ', '? ', '"', '{'),
    }),
  },
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function apply(text: string, e: Edit): string {
  const at = (n: number) => n % (text.length + 1);
  switch (e.op) {
    case 'insert':
      return text.slice(0, at(e.at)) + e.token + text.slice(at(e.at));
    case 'flip':
      return text.slice(0, at(e.at)) + String.fromCharCode(e.code) + text.slice(at(e.at) + 1);
    case 'delete':
      return text.slice(0, at(e.cut[0])) + text.slice(at(e.cut[0]) + e.cut[1]);
    case 'move': {
      const piece = text.slice(at(e.cut[0]), at(e.cut[0]) + e.cut[1]);
      return text.slice(0, at(e.to)) + piece + text.slice(at(e.to));
    }
    case 'line': {
      const lines = text.split('\n');
      const [line] = lines.splice(e.at % lines.length, 1);
      lines.splice(e.to % (lines.length + 1), 0, line!);
      return lines.join('\n');
    }
    default:
      return text.slice(0, at(e.at)) + e.token.repeat(e.n) + text.slice(at(e.at));
  }
}

const document = fc
  .tuple(fc.nat(), fc.array(edit, { minLength: 1, maxLength: 6 }))
  .map(([n, edits]) => edits.reduce(apply, n % 5 === 0 ? whole : small[n % small.length]!));

function check(
  text: string,
  load: (text: string) => { diagnostics: ReturnType<typeof loadPipeline>['diagnostics'] },
): void {
  const started = performance.now();
  const { diagnostics } = load(text);
  const ms = performance.now() - started;
  if (ms > 20_000) throw new Error(`took ${ms} ms`);
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  for (const d of diagnostics) {
    if (!/^CHM\d{3}$/.test(d.code) || d.message === '') throw new Error(`not a finding: ${JSON.stringify(d)}`);
    const line = lines[d.line - 1];
    if (line === undefined || d.column < 1 || d.column > line.length + 1 || d.end_column <= d.column)
      throw new Error(`outside of the document: ${JSON.stringify(d)}`);
  }
  for (const format of ['text', 'github', 'sarif'] as const)
    formatDiagnostics(diagnostics, new Map([['p.yaml', text]]), { format });
}

describe('documents that nobody would write', () => {
  it('8,000 mutated pipelines give findings inside the document, and never a crash', () => {
    fc.assert(
      fc.property(document, (text) => check(text, (t) => loadPipeline(t, 'p.yaml', testingRegistry))),
      { numRuns: 8000, seed: 20240808, endOnFailure: true },
    );
  });
  it('1,500 mutated test files give findings inside the document, and never a crash', () => {
    const mutated = fc.array(edit, { minLength: 1, maxLength: 6 }).map((edits) => edits.reduce(apply, tests));
    fc.assert(
      fc.property(mutated, (text) => check(text, (t) => loadTests(t, 'p.yaml', pipeline))),
      { numRuns: 1500, seed: 20240718, endOnFailure: true },
    );
  });
  it('500 documents of random pieces give findings inside the document, and never a crash', () => {
    const pieces = fc.array(fc.oneof(fc.constantFrom(...TOKENS), fc.string({ maxLength: 8 })), { maxLength: 80 });
    fc.assert(
      fc.property(pieces, (p) => check(p.join(''), (t) => loadPipeline(t, 'p.yaml', testingRegistry))),
      { numRuns: 500, seed: 7, endOnFailure: true },
    );
  });
  it('hostile texts are refused in little time', () => {
    const nested = Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i % 900)}a:\n`).join('');
    const wide = `chimera: 1\npipeline: p\nnodes:\n${Array.from({ length: 20_000 }, (_, i) => `  n${i}: { type: x }\n`).join('')}`;
    const aliases = `a: &a [x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [${`*${i === 0 ? 'a' : `b${i - 1}`}, `.repeat(20)}]\n`).join('')}`;
    for (const text of [
      '['.repeat(500_000),
      '{'.repeat(500_000),
      '- '.repeat(400_000),
      '? '.repeat(400_000),
      '"'.repeat(100_001),
      ' '.repeat(1_000_000),
      '\n'.repeat(1_000_000),
      `a: ${'x '.repeat(400_000)}`,
      nested,
      wide,
      aliases,
      'x'.repeat(2_000_000),
    ]) {
      const started = performance.now();
      const { diagnostics } = loadPipeline(text, 'p.yaml', testingRegistry);
      expect(diagnostics.length).toBeGreaterThan(0);
      expect(diagnostics.length).toBeLessThanOrEqual(1000);
      expect(performance.now() - started, text.slice(0, 20)).toBeLessThan(30_000);
    }
  });
});
