import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { formatDiagnostics } from '../../../graph/document/format.ts';
import type { PipelineTest } from '../../../graph/document/tests.ts';
import { loadTests } from '../../../graph/document/tests.ts';
import { ChimeraError, type Diagnostic } from '../../../graph/schema/index.ts';
import { TestBuses } from '../../run/bus/test-bus.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadFile, readText } from '../load-document.ts';
import { table } from '../table.ts';
import { expand } from './lint.ts';

interface Suite {
  pipeline: string;
  file: string;
  tests: PipelineTest[];
}

export function test(program: Command, context: Context): void {
  const command = program
    .command('test')
    .summary('run the YAML tests of pipelines')
    .description(
      'Runs the tests of pipelines: `tests:` in a document, and NAME.test.yaml beside it. Every test is run in several ways (straight, stopped and resumed at every commit, through Parquet, cut into services over a real Redis) that must agree byte for byte.',
    )
    .argument('[path...]', 'pipelines, test files or folders', ['pipelines'])
    .option('--grep <text>', 'only tests whose name contains this');
  describe(command, ['test', 'test pipelines/trend.test.yaml', 'test pipelines --grep stop --json']).action(
    action(context, async (paths: string[], o: { grep?: string }) => {
      const { runTest } = await import('../../../graph/pipeline-test/run-test.ts');
      const { parquetDetour } = await import('../../run/parquet-detour.ts');
      const suites = findSuites(paths, context);
      const buses = new TestBuses();
      let passed = 0;
      let failed = 0;
      let skipped = 0;
      const ways: Record<string, { agreed: number; failed: number; skipped: number }> = {};
      const failures: { file: string; line: number; test: string; message: string }[] = [];
      try {
        for (const suite of suites)
          for (const t of suite.tests) {
            if (o.grep !== undefined && !t.name.includes(o.grep)) {
              skipped++;
              continue;
            }
            const detour = parquetDetour();
            const r = await runTest(t, {
              load: (sets, profile) =>
                loadFile(suite.pipeline, {
                  set: Object.entries(sets).map(([k, v]) => `${k}=${v}`),
                  ...(profile === undefined ? {} : { profile }),
                }),
              throughParquet: detour.through,
              openBus: () => buses.open(),
            }).finally(() => detour.close());
            r.passed ? passed++ : failed++;
            for (const w of r.ways) {
              ways[w.way] ??= { agreed: 0, failed: 0, skipped: 0 };
              ways[w.way]![w.failed ? 'failed' : w.skipped ? 'skipped' : 'agreed']++;
            }
            if (!context.json)
              context.out(
                `${r.passed ? context.paint('stdout', 'green', 'pass') : context.paint('stdout', 'red', 'FAIL')}  ${suite.file}  ${t.name}`,
              );
            for (const f of r.failures) {
              failures.push({ file: suite.file, line: f.line, test: t.name, message: f.message });
              if (!context.json) context.out(`      ${suite.file}:${f.line} ${f.message.replaceAll('\n', '\n      ')}`);
            }
          }
      } finally {
        await buses.close();
      }
      context.result({ passed, failed, skipped, ways, failures }, () =>
        [
          '',
          table(
            Object.entries(ways).map(([w, n]) => [
              w,
              `${n.agreed} agreed`,
              n.failed ? `${n.failed} differ` : '',
              n.skipped ? `${n.skipped} skipped` : '',
            ]),
          ),
          `${passed} passed, ${failed} failed, ${skipped} skipped`,
        ].join('\n'),
      );
      return failed === 0 ? EXIT.ok : EXIT.differs;
    }),
  );
}

/** Pipelines with tests in them, and test files with the pipeline beside them. */
function findSuites(paths: readonly string[], context: Context): Suite[] {
  const files = new Set(paths.flatMap(expand));
  // A pipeline brings its test file along.
  for (const f of [...files]) {
    const beside = f.replace(/\.(ya?ml)$/, '.test.$1');
    if (!/\.test\.ya?ml$/.test(f) && existsSync(beside)) files.add(beside);
  }
  const suites: Suite[] = [];
  const errors: Diagnostic[] = [];
  const sources = new Map<string, string>();
  for (const file of files) {
    const pipelineFile = file.replace(/\.test\.(ya?ml)$/, '.$1');
    const text = readText(file);
    if (file === pipelineFile && !/^tests:/m.test(text)) continue;
    const loaded = loadFile(pipelineFile, {});
    sources.set(file, text);
    for (const [k, v] of loaded.sources) sources.set(k, v);
    errors.push(...loaded.diagnostics.filter((d) => d.severity === 'error'));
    if (!loaded.pipeline) continue;
    const { tests, diagnostics } = loadTests(text, file, loaded.pipeline);
    errors.push(...diagnostics.filter((d) => d.severity === 'error'));
    suites.push({ pipeline: pipelineFile, file, tests });
  }
  if (errors.length > 0) {
    context.note(formatDiagnostics(errors, sources, { format: 'text', color: context.color('stderr') }));
    throw new ChimeraError('CHM914', `the tests have ${errors.length} error${errors.length === 1 ? '' : 's'}`);
  }
  if (suites.length === 0)
    throw new ChimeraError('CHM919', `no test in ${paths.join(', ')}`, {
      help: 'write `tests:` in a pipeline, or NAME.test.yaml beside it',
    });
  return suites;
}
