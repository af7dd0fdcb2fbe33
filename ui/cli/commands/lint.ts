import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type Format, formatDiagnostics } from '../../../graph/document/format.ts';
import { loadTests } from '../../../graph/document/tests.ts';
import { ChimeraError, type Diagnostic } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadFile, readText } from '../load-document.ts';
import { type PipelineOptions, pipelineOptions } from '../options.ts';
import { codeTables } from '../registry.ts';
import { version } from '../version.ts';

interface Options extends PipelineOptions {
  format: Format;
}

export function lint(program: Command, context: Context): void {
  const command = program
    .command('lint')
    .summary('check pipelines, with positions and suggestions')
    .description('Checks pipeline documents and their tests: all findings at once, each with its place and what to do.')
    .argument('<file...>', 'pipelines, tests beside them, or folders (every pipeline in them)')
    .addOption(
      new Option('--format <format>', 'how findings are printed')
        .choices(['text', 'json', 'github', 'sarif'])
        .default('text'),
    );
  pipelineOptions(command);
  describe(command, [
    'lint pipelines/trend.yaml',
    'lint pipelines --format json',
    'lint pipelines/trend.yaml --set preset=recording',
  ]).action(
    action(context, (files: string[], options: Options) => {
      const sources = new Map<string, string>();
      const diagnostics: Diagnostic[] = [];
      const checked = files.flatMap(expand);
      for (const file of checked) diagnostics.push(...lintFile(file, options, sources));
      const errors = diagnostics.filter((d) => d.severity === 'error').length;
      const ok = errors === 0;
      if (context.json) context.result({ ok, files: checked.length, diagnostics }, () => '');
      else if (options.format === 'text') {
        const text = formatDiagnostics(diagnostics, sources, { format: 'text', color: context.color('stdout') });
        context.out(
          text ||
            context.paint('stdout', 'green', `${checked.length} file${checked.length === 1 ? '' : 's'}, no findings`),
        );
      } else {
        const text = formatDiagnostics(diagnostics, sources, {
          format: options.format,
          tables: codeTables,
          version: version(),
        });
        if (text !== '') context.out(text);
      }
      return ok ? EXIT.ok : EXIT.usage;
    }),
  );
}

function lintFile(file: string, options: PipelineOptions, sources: Map<string, string>): Diagnostic[] {
  const test = /^(.*)\.test\.(ya?ml)$/.exec(file);
  if (test) {
    const pipelineFile = `${test[1]}.${test[2]}`;
    const text = readText(file);
    sources.set(file, text);
    const loaded = loadFile(pipelineFile, options);
    for (const [k, v] of loaded.sources) sources.set(k, v);
    return loaded.pipeline ? loadTests(text, file, loaded.pipeline).diagnostics : loaded.diagnostics;
  }
  const loaded = loadFile(file, options);
  for (const [k, v] of loaded.sources) sources.set(k, v);
  return loaded.diagnostics;
}

/** Files as they are; folders become the pipelines in them. Profiles and golden files are no pipelines. */
export function expand(path: string): string[] {
  if (path === '-' || !existsSync(path) || !statSync(path).isDirectory()) return [path];
  const found = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((f) => /\.ya?ml$/.test(f) && !/(^|[/\\])(profiles|golden|node_modules)[/\\]/.test(f))
    .map((f) => join(path, f))
    .sort();
  if (found.length === 0)
    throw new ChimeraError('CHM910', `there is no pipeline in ${path}`, {
      file: path,
      help: 'name a YAML file, or a folder with some',
    });
  return found;
}
