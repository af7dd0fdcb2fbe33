import { parseYaml } from './parse.ts';
import { Report } from './report.ts';
import { checkKeys } from './shape.ts';
import { listOf, mapOf, stringOf, TestContext } from './test-context.ts';
import { readGiven, readMocks } from './test-events.ts';
import { readExpect, readLint } from './test-expect.ts';
import { readTime, START_US } from './test-time.ts';
import type { LoadedTests, PipelineTest } from './test-types.ts';
import { describe, type Entry, entryOf, quote, Source, type Span, type Tree, toValue, valueSpan } from './tree.ts';
import type { Pipeline } from './types.ts';

export * from './test-types.ts';
export type { TestValue } from './test-value.ts';

const TEST_KEYS = [
  'name',
  'doc',
  'sets',
  'profile',
  'start',
  'instruments',
  'defaults',
  'given',
  'advance',
  'mocks',
  'expect',
  'expect_lint',
];

/**
 * Reads the tests of a pipeline, from its own document or from a test file (`chimera: 1`, `tests: […]`); see
 * PipelineTest for their form. Never throws; all findings come at once.
 */
export function loadTests(text: string, file: string, pipeline: Pipeline): LoadedTests {
  const report = new Report();
  const tests: PipelineTest[] = [];
  const tree = parseYaml(new Source(file, text), report);
  if (tree && tree.kind !== 'map')
    report.add('CHM010', tree.span, `tests are a mapping, not ${describe(tree)}`, {
      help: 'begin with `tests:` and a list',
    });
  else if (tree) {
    if (!entryOf(tree, 'nodes')) checkKeys(tree, ['chimera', 'pipeline', 'doc', 'tests'], 'a test file', report);
    const names = new Set<string>();
    for (const item of listOf(entryOf(tree, 'tests'), 'tests', report) ?? []) {
      const before = report.errors;
      const test = readTest(item, names, pipeline, report);
      if (test && report.errors === before) tests.push(test);
    }
  }
  return { tests, diagnostics: report.finish([]) };
}

function readTest(tree: Tree, names: Set<string>, pipeline: Pipeline, report: Report): PipelineTest | undefined {
  if (tree.kind !== 'map') {
    report.add('CHM156', tree.span, `a test is a mapping, not ${describe(tree)}`, {
      help: 'write `- name: what it shows`',
    });
    return undefined;
  }
  checkKeys(tree, TEST_KEYS, 'a test', report);
  const first = tree.entries[0]?.keySpan ?? tree.span;
  const get = (key: string) => entryOf(tree, key);
  const name = readName(get('name'), first, names, report);
  const start = get('start');
  const startUs = (start && readTime(start.value, valueSpan(start), 'start', undefined, report)) ?? START_US;
  const context = new TestContext(pipeline, report, startUs);
  context.readInstruments(get('instruments'));
  context.readDefaults(get('defaults'));
  const given = readGiven(context, get('given'));
  const mocks = readMocks(context, get('mocks'));
  const expect = readExpect(context, get('expect'));
  const expectLint = readLint(context, get('expect_lint'));
  if (!get('expect') && !get('expect_lint'))
    report.add('CHM156', get('name')?.keySpan ?? first, 'the test expects nothing', {
      help: 'write `expect:` or `expect_lint:`',
    });
  const events = [given, ...mocks.map((m) => m.emit)].flat();
  const last = events.reduce((t, e) => Math.max(t, e.atUs), startUs);
  return {
    name,
    sets: Object.fromEntries((mapOf(get('sets'), 'sets', report)?.entries ?? []).map((e) => [e.key, setText(e)])),
    profile: stringOf(get('profile'), 'profile', report),
    startUs,
    instruments: [...context.instruments.values()],
    given,
    untilUs: readAdvance(get('advance'), startUs, last, report),
    mocks,
    expect,
    expectLint,
    ...first.source.position(first.start),
  };
}

function readName(entry: Entry | undefined, first: Span, names: Set<string>, report: Report): string {
  if (!entry) {
    report.add('CHM156', first, 'a test needs a name', { help: 'write `name:` and what the test shows' });
    return '';
  }
  const name = stringOf(entry, 'name', report);
  if (name === undefined) return '';
  if (names.has(name))
    report.add('CHM156', valueSpan(entry), `there are two tests called ${quote(name)}`, {
      help: 'give each its own name',
    });
  names.add(name);
  return name;
}

function readAdvance(entry: Entry | undefined, startUs: number, last: number, report: Report): number {
  if (!entry) return last;
  const t = readTime(entry.value, valueSpan(entry), 'advance', startUs, report);
  if (t === undefined) return last;
  if (t < last)
    report.add('CHM154', valueSpan(entry), '`advance` ends before the last event', {
      help: 'it is counted from the start of the test',
    });
  return Math.max(last, t);
}

/** The text that `--set` would have: a scalar as it is, everything else as flow YAML. */
const setText = (e: Entry): string =>
  e.value.kind === 'scalar' ? String(e.value.value ?? '') : JSON.stringify(toValue(e.value));
