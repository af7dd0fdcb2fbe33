import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The rules of the repository that a compiler does not know: which room may import which, and what is banned where. */
const ROOT = resolve(import.meta.dirname, '..');
// Not part of the project: packages, what is built, what runs and tests leave behind.
const SKIPPED = new Set(['node_modules', 'dist', 'runs', 'lake-data', '.cache', 'results', 'vitest.json']);

/** Rooms, most specific first, and what each may import besides itself. */
const VOCABULARY = ['graph/schema', 'graph/math', 'graph/codec'];
const ROOMS: readonly (readonly [string, readonly string[]])[] = [
  ['graph/schema', []],
  ['graph/math', ['graph/schema']],
  ['graph/codec', ['graph/schema']],
  ['graph', VOCABULARY],
  ['lake', VOCABULARY],
  ['venue/core', VOCABULARY],
  ['venue/server', ['venue', 'venue/core', 'graph', ...VOCABULARY, 'lake']],
  ['venue', ['graph', ...VOCABULARY, 'venue/core']],
  ['operators/label', ['operators', 'graph', ...VOCABULARY, 'lake']],
  ['operators/learn', ['operators', 'graph', ...VOCABULARY, 'lake']],
  ['operators', ['graph', ...VOCABULARY, 'operators/label', 'operators/learn']],
  ['sources', ['graph', ...VOCABULARY, 'lake']],
  ['sinks/binance', ['sinks', 'sources', 'graph', ...VOCABULARY, 'lake']],
  ['sinks', ['graph', ...VOCABULARY, 'lake', 'sinks/binance']],
  ['ui', ['*']],
  ['bench', ['*']],
];
const roomOf = (file: string): string | undefined => ROOMS.find(([room]) => file.startsWith(`${room}/`))?.[0];

function* filesUnder(dir: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, dir), { withFileTypes: true })) {
    if (SKIPPED.has(entry.name) || (entry.name.startsWith('.') && entry.name !== '.ci')) continue;
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}
const files = [...filesUnder('.')];
const sources = files.filter((f) => f.endsWith('.ts') && roomOf(f) !== undefined);
const isTest = (f: string): boolean => /\.(test|contract)\.ts$|(^|\/)testing[-/]/.test(f);
const read = (f: string): string => readFileSync(join(ROOT, f), 'utf8');

interface Import {
  names: string[];
  from: string;
  typeOnly: boolean;
}
function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const m of withoutComments(text).matchAll(
    /^\s*(?:import|export)\s+(type\s+)?(?:([\w*{}\s,]*?)\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
  )) {
    const from = (m[3] ?? m[4])!;
    const names = (m[2] ?? '').match(/\w+/g) ?? [];
    found.push({ names, from, typeOnly: m[1] !== undefined || m[4] !== undefined });
  }
  return found;
}

/** Blanks comments out, keeps strings and lines. */
const withoutComments = (text: string): string => blank(text, false);
/** Blanks comments, strings and templates out, keeps lines. */
const codeOf = (text: string): string => blank(text, true);
function blank(text: string, strings: boolean): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};]\s*)\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g;
  return text.replace(token, (t) =>
    strings || t.startsWith('//') || t.startsWith('/*') ? t.replace(/[^\n]/g, ' ') : t,
  );
}
function findings(list: readonly string[], rules: readonly (readonly [RegExp, string])[]): string[] {
  return list.flatMap((f) => {
    const code = codeOf(read(f)).split('\n');
    return code.flatMap((line, i) =>
      rules.filter(([pattern]) => pattern.test(line)).map(([, what]) => `${f}:${i + 1} ${what}`),
    );
  });
}

/** What makes a result depend on anything but its inputs. */
const AMBIENT: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.(now|UTC)\b|\bnew Date\s*\(\s*\)|\bDate\s*\(\s*\)/, 'ambient clock: use ctx.now'],
  [/\bperformance\s*\.|\bhrtime\b/, 'ambient clock: use ctx.now'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask|nextTick)\b/, 'ambient timer: use ctx.at or ctx.after'],
  [/\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b/, 'randomness: use graph/math/seeded-random'],
  [/\bMath\.pow\b/, 'Math.pow differs between runtimes: use powi or pow10 of graph/math'],
  [/\*\*=?\s*(?!\d+\b(?!\.))\S/, '** with an exponent that is not an integer literal: use powi or pow10 of graph/math'],
];
const ASYNC: readonly (readonly [RegExp, string])[] = [
  [/\bPromise\b|\basync\b|\bawait\b|\.then\s*\(/, 'promise in deterministic code'],
];

describe('the rooms of the repository', () => {
  it('import only along the arrows of the design', () => {
    const wrong: string[] = [];
    for (const f of sources) {
      const room = roomOf(f)!;
      const allowed = ROOMS.find(([r]) => r === room)![1];
      for (const { from } of importsOf(read(f))) {
        if (!from.startsWith('.')) continue;
        const target = relative(ROOT, resolve(ROOT, dirname(f), from));
        const to = roomOf(target);
        if (to && (to === room || allowed.includes(to) || allowed[0] === '*')) continue;
        // Tests put rooms together; what they must not do is reach for the faces.
        if (isTest(f) && to !== 'ui' && to !== undefined) continue;
        wrong.push(`${f} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });
  it('keep the engine ignorant of trading: nothing in graph/ names a market or trading record', () => {
    const trading = ['market', 'trading'].flatMap((f) =>
      [...read(`graph/schema/${f}.ts`).matchAll(/^export (?:const|type) (\w+)/gm)].map((m) => m[1]!),
    );
    expect(trading).toContain('OrderReport');
    // One number without a meaning of its own: what an edge that takes a field carries.
    const neutral = ['Scalar'];
    const wrong = sources
      .filter((f) => f.startsWith('graph/') && !f.startsWith('graph/schema/') && !isTest(f))
      .flatMap((f) =>
        importsOf(read(f)).flatMap(({ names, from }) =>
          /schema\/(market|trading)\.ts$/.test(from)
            ? [`${f} imports ${from}`]
            : names
                .filter((n) => from.includes('schema/') && trading.includes(n) && !neutral.includes(n))
                .map((n) => `${f} imports ${n}`),
        ),
      );
    expect(wrong).toEqual([]);
  });
  it('load heavy packages on first use only', () => {
    const heavy = ['ccxt', '@duckdb/node-api', '@duckdb/node-bindings', 'onnxruntime-node'];
    const wrong = sources
      .filter((f) => !isTest(f))
      .flatMap((f) =>
        importsOf(read(f))
          .filter((i) => heavy.includes(i.from) && !i.typeOnly)
          .map((i) => `${f} imports ${i.from} at its start`),
      );
    expect(wrong).toEqual([]);
  });
  it('have no message broker but Redis, and nothing that downloads at install [STO.33]', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const names = Object.keys({ ...dependencies, ...devDependencies });
    const refused = /amqp|kafka|rabbit|nats|mqtt|zeromq|pulsar|sqs|nsq|stomp|better-sqlite3|sharp|puppeteer/;
    expect(names.filter((n) => refused.test(n))).toEqual([]);
  });
});

describe('determinism', () => {
  const deterministic = sources.filter((f) => /^(operators|venue|graph\/engine)\//.test(f) && !isTest(f));
  // The exchange as a server lives on the wall clock and on sockets.
  const inside = deterministic.filter((f) => !f.startsWith('venue/server/'));

  it('is not broken by clocks, timers, randomness or powers in operators, the venue and the engine', () => {
    expect(inside.length).toBeGreaterThan(20);
    expect(findings(inside, AMBIENT)).toEqual([]);
  });
  it('is not broken by promises in operators, the venue’s core and the engine', () => {
    // Sources and sinks open and commit asynchronously, also those that live beside the venue; who answers the questions of an
    // asynchronous node lives outside, and what it says is written down.
    const sync = inside.filter((f) => !/\b(defineSource|defineSink|defineAsyncNode|BlockReader)\b/.test(read(f)));
    expect(findings(sync, ASYNC)).toEqual([]);
  });
  it('is checked by patterns that find what they are for, and nothing in comments and strings', () => {
    const found = (line: string): boolean => [...AMBIENT, ...ASYNC].some(([p]) => p.test(codeOf(line)));
    for (const bad of [
      'const t = Date.now();',
      'new Date()',
      'performance.now()',
      'setTimeout(f, 1)',
      'Math.random()',
      'Math.pow(x, 2)',
      'x ** 0.5',
      'x ** n',
      'x ** 2.5',
      'x **= y',
      'async () => {}',
      'await f()',
      'Promise.all(x)',
      'p.then(f)',
      "f('a'); Date.now()",
    ])
      expect(found(bad), bad).toBe(true);
    for (const good of [
      'x ** 2',
      '// Date.now()',
      "'Date.now()'",
      '/* await */ f()',
      'new Date(t)',
      'update.now',
      '`x ** n`',
    ])
      expect(found(good), good).toBe(false);
    expect(
      importsOf(
        "import type { A } from './a.ts';\n// import x from './no.ts'\nexport * from \"./b.ts\";\nimport './c.ts'",
      ),
    ).toEqual([
      { names: ['A'], from: './a.ts', typeOnly: true },
      { names: [], from: './b.ts', typeOnly: false },
      { names: [], from: './c.ts', typeOnly: false },
    ]);
  });
});

describe('the environment', () => {
  it('is read by the command line alone', () => {
    const elsewhere = sources.filter((f) => !isTest(f) && !f.startsWith('ui/cli/') && !f.startsWith('bench/'));
    expect(findings(elsewhere, [[/\bprocess\s*\.\s*env\b/, 'reads the environment: take it as an option']])).toEqual(
      [],
    );
  });
  it('leaves no trace in the tree: no registry hosts, no absolute paths of a machine', () => {
    // Put together here, so that this file does not hold them itself.
    const registries = [
      ['registry', 'npmjs', 'org'].join('.'),
      'npmmirror' + '.com',
      'registry.yarnpkg' + '.com',
      'pypi' + '.org',
      'proxy.golang' + '.org',
    ];
    const paths = ['/wo' + 'rk/', '/ro' + 'ot/', '/ho' + 'me/', '/Us' + 'ers/', '/tmp/br' + 'ief'];
    const text = /\.(ts|js|mjs|json|md|ya?ml|html|css|sh|txt|csv|run)$|(^|\/)(run|\.npmrc|Dockerfile|LICENSE)$/;
    const wrong = files
      .filter((f) => text.test(f))
      .flatMap((f) => [...registries, ...paths].filter((x) => read(f).includes(x)).map((x) => `${f} holds ${x}`));
    expect(wrong).toEqual([]);
  });
});
