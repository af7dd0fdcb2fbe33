import type { Command } from 'commander';
import { diffText } from '../../../graph/reload/diff-text.ts';
import { grouped, utc } from '../../report/decimal.ts';
import type { Compared, DryRow, DryRun } from '../../run/inspect/dry-run.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { loadOrExplain } from '../load-document.ts';
import { collect, type PipelineOptions, pipelineOptions, positive } from '../options.ts';

interface Options extends PipelineOptions {
  state: string;
  capture?: string;
  input?: string[];
  hours: number;
  restart?: string[];
  toSet?: string[];
}

export function dryRun(program: Command, context: Context): void {
  const command = program
    .command('dry-run')
    .summary('what another graph would have done in the last hours of a run')
    .description(
      'Runs a candidate over the last hours of a run from its own journals or the lake that it captured, and lists the orders, fills and decisions in which it differs from what ran. The run may live; it is only read.',
    )
    .argument('<running>', 'pipeline document with which the run was started')
    .argument('<candidate>', 'pipeline document that might take its place')
    .requiredOption('--state <dir>', 'state folder of the run')
    .option('--capture <dir>', 'lake that the run captured')
    .option('--input <path...>', 'files that the run read, when it kept no journal', collect)
    .option('--hours <hours>', 'how much of the past, in engine time', positive, 1)
    .option('--restart <node>', 'start this node anew although its state could be kept; repeatable', collect)
    .option('--to-set <name=value>', 'set a parameter of the candidate alone; repeatable', collect);
  pipelineOptions(command);
  describe(command, ['dry-run pipelines/trend.yaml edited.yaml --state state --capture lake --hours 1']).action(
    action(context, async (running: string, to: string, options: Options) => {
      const pipeline = loadOrExplain(context, running, options);
      const candidate = loadOrExplain(context, to, {
        ...(options.profile === undefined ? {} : { profile: options.profile }),
        set: [...(options.set ?? []), ...(options.toSet ?? [])],
      });
      const { dryRun: compute } = await import('../../run/inspect/dry-run.ts');
      const { state, capture, input, hours, restart } = options;
      const result = await compute({
        pipeline,
        candidate,
        state,
        hours,
        ...(capture === undefined ? {} : { capture }),
        ...(input === undefined ? {} : { inputs: input }),
        ...(restart === undefined ? {} : { restart }),
      });
      context.result({ ok: true, ...result }, () => dryRunText(result));
    }),
  );
}

function dryRunText(d: DryRun): string {
  const { from_us, to_us, events } = d.window;
  return [
    diffText(d.diff),
    '',
    `${utc(from_us)} to ${utc(to_us)}, ${grouped(events, 0)} events`,
    ...matterText('orders', d.orders),
    ...matterText('fills', d.fills),
    ...matterText('decisions', d.decisions),
    ...(d.venue_in_graph ? [] : ['fills are those of the orders that were really sent']),
  ].join('\n');
}
function matterText(name: string, c: Compared): string[] {
  const rows = [...c.only_running.map((r) => ({ sign: '-', r })), ...c.only_candidate.map((r) => ({ sign: '+', r }))]
    .sort((a, b) => a.r.t - b.r.t)
    .slice(0, SHOWN);
  const line = ({ sign, r }: { sign: string; r: DryRow }) => `  ${sign} ${utc(r.t)} ${r.port} ${r.key}`;
  return [`${name}: ${c.running} ran, ${c.candidate} would have, ${c.same} the same`, ...rows.map(line)];
}
const SHOWN = 10;
