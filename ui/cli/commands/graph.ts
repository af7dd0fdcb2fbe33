import { type Command, Option } from 'commander';
import { toDot } from '../../graph/to-dot.ts';
import { toJson } from '../../graph/to-json.ts';
import { toMermaid } from '../../graph/to-mermaid.ts';
import { graphView } from '../../graph/view.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { loadOrExplain } from '../load-document.ts';
import { type PipelineOptions, pipelineOptions } from '../options.ts';
import { writeResult } from '../write-result.ts';

interface Options extends PipelineOptions {
  format: 'mermaid' | 'dot' | 'json' | 'svg';
  output?: string;
}

export function graph(program: Command, context: Context): void {
  const command = program
    .command('graph')
    .summary('draw a pipeline')
    .description('Draws a pipeline: tiers from bronze to gold, services as frames, feedback dashed.')
    .argument('<pipeline>', 'pipeline document')
    .addOption(
      new Option('--format <format>', 'what to draw it as')
        .choices(['mermaid', 'dot', 'json', 'svg'])
        .default('mermaid'),
    )
    .option('--output <file>', 'write to this file instead of stdout');
  pipelineOptions(command);
  describe(command, [
    'graph pipelines/trend.yaml',
    'graph pipelines/trend.yaml --format svg --output trend.svg',
    'graph pipelines/trend.yaml --format dot | dot -Tpdf > trend.pdf',
  ]).action(
    action(context, async (file: string, options: Options) => {
      const pipeline = loadOrExplain(context, file, options);
      if (context.json && options.output === undefined) {
        context.result(graphView(pipeline), () => '');
        return;
      }
      let text: string;
      if (options.format === 'svg') text = await (await import('../../graph/to-svg.ts')).toSvg(pipeline);
      else text = { mermaid: toMermaid, dot: toDot, json: toJson }[options.format](pipeline);
      if (options.output === undefined) context.out(text);
      else {
        writeResult(options.output, text);
        context.result({ ok: true, file: options.output }, () => `wrote ${options.output}`);
      }
    }),
  );
}
