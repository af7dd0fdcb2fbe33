import type { Command } from 'commander';
import { grouped, utc } from '../../report/decimal.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { loadOrExplain } from '../load-document.ts';
import { type PipelineOptions, pipelineOptions } from '../options.ts';

interface Options extends PipelineOptions {
  state: string;
  capture?: string;
  out: string;
}

export function take(lakeCommand: Command, context: Context): void {
  const command = lakeCommand
    .command('take')
    .summary('what a run has heard so far, as a lake of its own')
    .description(
      'Writes what the sources of a run heard up to its newest commit into another lake, for backtests and sweeps over it while the run lives: a captured lake has a journal’s segments only when they are full. What the venue answered is left out.',
    )
    .argument('<pipeline>', 'pipeline document with which the run was started')
    .requiredOption('--state <dir>', 'state folder of the run')
    .option('--capture <dir>', 'lake that the run captures')
    .requiredOption('--out <dir>', 'folder of the new lake');
  pipelineOptions(command);
  describe(command, [
    'lake take pipelines/trend.yaml --profile paper --state state --capture lake --out /tmp/lake',
  ]).action(
    action(context, async (file: string, o: Options) => {
      const pipeline = loadOrExplain(context, file, o);
      const { pastLake } = await import('../../run/inspect/past-lake.ts');
      const { state, capture, out } = o;
      const result = await pastLake({ pipeline, state, out, ...(capture === undefined ? {} : { capture }) });
      context.result({ ok: true, ...result }, () =>
        [
          `${utc(result.from_us ?? 0)} to ${utc(result.to_us ?? 0)}`,
          ...Object.entries(result.rows).map(([name, n]) => `${name}: ${grouped(n, 0)} rows`),
        ].join('\n'),
      );
    }),
  );
}
