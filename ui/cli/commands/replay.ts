import type { Command } from 'commander';
import { createPlan } from '../../../graph/plan/plan.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadOrExplain } from '../load-document.ts';
import { positive } from '../options.ts';
import { follow, verdict } from '../run-job.ts';
import { runText } from '../run-text.ts';
import { type RunCommandOptions, runOptions, stateOption } from './run.ts';

interface Options extends RunCommandOptions {
  against?: string;
}

export function replay(program: Command, context: Context): void {
  const command = program
    .command('replay')
    .summary('run a captured journal again, and compare')
    .description(
      'Runs a pipeline over what a live run captured (a lake folder). With --against it compares every port with the files that the live run left (--tap-all), and names the first difference.',
    )
    .argument('<pipeline>', 'pipeline document');
  stateOption(runOptions(command))
    .option('--pace <rate>', 'engine seconds per second of the clock; default: as fast as possible', positive)
    .option('--against <dir>', 'compare with NODE.PORT.csv files in this folder');
  describe(command, [
    'replay pipelines/trend.yaml --input lake --tap-all replayed',
    'replay pipelines/trend.yaml --input lake --tap-all replayed --against live',
  ]).action(
    action(context, async (file: string, options: Options) => {
      if ((options.input ?? []).length === 0)
        throw new ChimeraError('CHM901', 'a replay needs what was captured', {
          help: 'name the lake folder with --input',
        });
      if (options.against !== undefined && options.tapAll === undefined)
        throw new ChimeraError('CHM911', '--against needs --tap-all', {
          help: 'name the folder for the replayed ports with --tap-all DIR',
        });
      const pipeline = loadOrExplain(context, file, options);
      const report = await follow(context, pipeline, options, { outcomesFrom: options.input! });
      const { ok, code } = verdict(report, options, context);
      if (options.against === undefined) {
        context.result({ ...report, ok }, () => runText(report, context));
        return code;
      }
      const { portsOf } = await import('../../run/run.ts');
      const { compareTaps } = await import('../../run/compare-taps.ts');
      const first = await compareTaps(options.against, options.tapAll!, portsOf(createPlan(pipeline)));
      const identical = first === null;
      context.result({ ...report, ok: ok && identical, identical, first_difference: first }, () =>
        [
          runText(report, context),
          '',
          identical
            ? context.paint('stdout', 'green', 'every port is identical')
            : context.paint('stdout', 'red', differenceText(first)),
        ].join('\n'),
      );
      return identical ? code : EXIT.differs;
    }),
  );
}

export function differenceText(d: {
  node: string;
  port: string;
  seq: number;
  source: string;
  field: string;
  live: string | null;
  replay: string | null;
}): string {
  return `first difference: ${d.node}.${d.port}, caused by ${d.source} #${d.seq}, field ${d.field}: live ${d.live ?? 'nothing'}, replay ${d.replay ?? 'nothing'}`;
}
