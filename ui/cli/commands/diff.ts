import type { Command } from 'commander';
import { diffPipelines, idsOf } from '../../../graph/reload/diff.ts';
import { diffText } from '../../../graph/reload/diff-text.ts';
import { planReload } from '../../../graph/reload/reload.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { loadOrExplain } from '../load-document.ts';
import { collect, type PipelineOptions, pipelineOptions } from '../options.ts';

interface Options extends PipelineOptions {
  restart?: string[];
  toSet?: string[];
  toProfile?: string;
}

export function diff(program: Command, context: Context): void {
  const command = program
    .command('diff')
    .summary('what a running graph would keep, restart, drop and add')
    .description(
      'Compares two pipelines as a reload does: which nodes keep their state when the second takes the place of the first while it runs, which start anew and why, which go and come, and which edges and parameters differ.',
    )
    .argument('<from>', 'pipeline document of the graph that runs')
    .argument('<to>', 'pipeline document that is to take its place; may be the same file with other parameters')
    .option('--restart <node>', 'start this node anew although its state could be kept; repeatable', collect)
    .option('--to-set <name=value>', 'set a parameter of the second pipeline alone; repeatable', collect)
    .option('--to-profile <name>', 'profile of the second pipeline alone');
  pipelineOptions(command);
  describe(command, [
    'diff pipelines/trend.yaml edited.yaml --set preset=recording',
    'diff pipelines/trend.yaml pipelines/trend.yaml --to-set fast=10',
  ]).action(
    action(context, (from: string, to: string, options: Options) => {
      const running = loadOrExplain(context, from, options);
      const profile = options.toProfile ?? options.profile;
      const candidate = loadOrExplain(context, to, {
        ...(profile === undefined ? {} : { profile }),
        set: [...(options.set ?? []), ...(options.toSet ?? [])],
      });
      const found = diffPipelines(running, candidate, options.restart);
      const refused = refusalOf(() => planReload(running, { pipeline: candidate, restart: options.restart ?? [] }));
      const result = {
        ok: true,
        same: found.same,
        reloadable: refused === null,
        refused,
        from: found.from,
        to: found.to,
        kept: idsOf(found, 'kept'),
        restarted: idsOf(found, 'restarted'),
        dropped: idsOf(found, 'dropped'),
        added: idsOf(found, 'added'),
        nodes: found.nodes,
        edges: found.edges,
        params: found.params,
      };
      context.result(result, () => {
        const text = diffText(found);
        return refused ? `${text}\n\nno reload: ${refused.code} ${refused.message}\n  help: ${refused.help}` : text;
      });
    }),
  );
}

function refusalOf(plan: () => unknown): { code: string; message: string; help: string } | null {
  try {
    plan();
    return null;
  } catch (e) {
    if (!(e instanceof ChimeraError)) throw e;
    return { code: e.code, message: e.message, help: e.help ?? '' };
  }
}
