import { type Command, Option } from 'commander';
import type { Pipeline } from '../../../graph/document/types.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { type CutView, cutView } from '../../graph/cut-view.ts';
import { toCutDot } from '../../graph/to-cut-dot.ts';
import { toCutMermaid } from '../../graph/to-cut-mermaid.ts';
import { toCutText } from '../../graph/to-cut-text.ts';
import { toDot } from '../../graph/to-dot.ts';
import { jsonView, toJson } from '../../graph/to-json.ts';
import { toMermaid } from '../../graph/to-mermaid.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { loadOrExplain } from '../load-document.ts';
import { type PipelineOptions, pipelineOptions } from '../options.ts';
import { writeResult } from '../write-result.ts';

const FORMATS = ['text', 'mermaid', 'dot', 'json', 'svg'] as const;
interface Options extends PipelineOptions {
  cut?: boolean;
  format?: (typeof FORMATS)[number];
  output?: string;
}

export function graph(program: Command, context: Context): void {
  const command = program
    .command('graph')
    .summary('draw a pipeline')
    .description(
      'Draws a pipeline: tiers from bronze to gold, services as frames, feedback dashed. With --cut it shows the plan by which the services run apart: the parts of each, the streams between them, what takes effect later and by how much, and where the sinks are.',
    )
    .argument('<pipeline>', 'pipeline document')
    .option('--cut', 'show the graph as it is cut along its services')
    .addOption(new Option('--format <format>', 'what to draw it as (mermaid; with --cut: text)').choices([...FORMATS]))
    .option('--output <file>', 'write to this file instead of stdout');
  pipelineOptions(command);
  describe(command, [
    'graph pipelines/trend.yaml',
    'graph pipelines/trend.yaml --format svg --output trend.svg',
    'graph pipelines/trend.yaml --format dot | dot -Tpdf > trend.pdf',
    'graph pipelines/trend.yaml --cut --profile paper',
  ]).action(
    action(context, async (file: string, options: Options) => {
      const pipeline = loadOrExplain(context, file, options);
      const cut = options.cut || options.format === 'text' ? cutOf(pipeline, file) : undefined;
      if (context.json && options.output === undefined) {
        context.result(cut ?? jsonView(pipeline), () => '');
        return;
      }
      const text = cut
        ? await drawCut(cut, options.format ?? 'text')
        : await draw(pipeline, options.format ?? 'mermaid');
      if (options.output === undefined) context.out(text);
      else {
        writeResult(options.output, text);
        context.result({ ok: true, file: options.output }, () => `wrote ${options.output}`);
      }
    }),
  );
}

function cutOf(pipeline: Pipeline, file: string): CutView {
  const cut = cutView(pipeline);
  if (!cut)
    throw new ChimeraError('CHM911', `${pipeline.name} has no services along which it could be cut`, {
      file,
      help: 'add `services:` to the document, or leave out --cut and --format text',
    });
  return cut;
}

async function draw(pipeline: Pipeline, format: NonNullable<Options['format']>): Promise<string> {
  if (format === 'svg') return (await import('../../graph/to-svg.ts')).toSvg(pipeline);
  if (format === 'dot') return toDot(pipeline);
  return format === 'json' ? toJson(pipeline) : toMermaid(pipeline);
}
async function drawCut(cut: CutView, format: NonNullable<Options['format']>): Promise<string> {
  if (format === 'svg') return (await import('../../graph/to-cut-svg.ts')).toCutSvg(cut);
  if (format === 'json') return JSON.stringify(cut, null, 2);
  return { text: toCutText, mermaid: toCutMermaid, dot: toCutDot }[format](cut);
}
