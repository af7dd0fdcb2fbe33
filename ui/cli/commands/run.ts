import { type Command, Option } from 'commander';
import { ChimeraError } from '../../../graph/schema/index.ts';
import type { PublishAccess } from '../../../sinks/redis/redis-sink.ts';
import type { BusOptions } from '../bus-options.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import type { Io } from '../io.ts';
import { EXIT } from '../io.ts';
import type { LiveOptions } from '../live-run.ts';
import { loadOrExplain } from '../load-document.ts';
import {
  type CacheOptions,
  cacheOption,
  collect,
  type InputOptions,
  inputCache,
  inputOptions,
  integer,
  pairs,
  positive,
} from '../options.ts';
import { follow, verdict } from '../run-job.ts';
import { runText } from '../run-text.ts';
import { busUrl } from '../secrets.ts';
import { servingOptions } from '../serving.ts';

export interface RunCommandOptions extends InputOptions, CacheOptions {
  tap?: string[];
  tapAll?: string;
  state?: string;
  store?: string;
  capture?: string;
  keepJournal?: boolean;
  pace?: number;
  commit?: number;
  seed?: number;
  interpreted?: boolean;
  strict?: boolean;
  bus?: string;
  announce?: boolean;
  publish?: string;
  prefix?: string;
}

export const runOptions = (command: Command): Command =>
  cacheOption(inputOptions(command))
    .option(
      '--tap <node.port=file>',
      'write every value of a port to FILE (.csv, .jsonl or .parquet); repeatable',
      collect,
    )
    .option('--tap-all <dir>', 'write every port to DIR/NODE.PORT.csv')
    .option(
      '--store <address>',
      'database of documents and checkpoints: arango:http://USER@HOST:8529/DATABASE, or embedded (in --state); default: CHIMERA_STORE, else embedded',
    )
    .option('--capture <dir>', 'write what the sources deliver to this lake: a folder, or s3://bucket/prefix')
    .option('--commit <inputs>', 'commit after so many inputs', integer(1))
    .option('--seed <n>', 'seed of sources that synthesise', integer(0))
    .option('--interpreted', 'run the plan by the interpreter instead of generated code')
    .option('--strict', 'refused inputs make the exit code 1');

/** Checkpoints, for runs whose every result survives a process. */
export const stateOption = (command: Command): Command =>
  command.option(
    '--state <dir>',
    'keep checkpoints and documents here: a run that was killed goes on from its last commit',
  );

export function run(program: Command, context: Context): void {
  const command = program
    .command('run')
    .summary('run a pipeline over recorded input, or live')
    .description(
      'Runs a pipeline from its sources to its sinks: over recorded input as fast as possible or paced by a clock, or live, with one of the profiles paper, testnet and live.',
    )
    .argument('<pipeline>', 'pipeline document');
  servingOptions(stateOption(runOptions(command)))
    .option('--home <dir>', 'live: folder in which the run is remembered, with users and audit log of the page', 'runs')
    .option('--keep-journal', 'keep segments of the journal that no checkpoint needs')
    .option('--pace <rate>', 'engine seconds per second of the clock: 1 = live', positive)
    .option('--for <seconds>', 'live: stop after so long (Ctrl-C stops at any time)', positive)
    .option('--rate <rate>', 'live: seconds of the local venue per second of the wall', positive)
    .option('--faults <file>', 'live: how the local venue misbehaves (see docs/VENUE.md)')
    .option('--connect <file>', 'live: join the venue whose start-up line is in FILE instead of starting one')
    .option('--keys <file>', 'live: JSON with api_key and secret, readable by its owner only')
    .option('--i-accept-live-trading', 'needed to send orders to the real exchange')
    .option('--bus <url>', 'join the services by Redis (redis://HOST:PORT/DB, redis+cluster://H1:P1,H2:P2)')
    .option(
      '--publish <url>',
      'Redis on which sink.redis publishes for other programs (default: the --bus, if any): redis://HOST:PORT/DB',
    )
    .option('--service <name>', 'with --bus: run only this service here; repeatable', collect)
    .option('--all', 'with --bus: run each service as a process of its own, and start again what dies')
    .option('--metrics <address>', 'with --bus and --service: serve metrics, health and readiness at PORT or HOST:PORT')
    .option(
      '--prefix <name>',
      'with --bus or --publish: stands before all names, so that several runs can share a server',
    )
    .addOption(new Option('--commit-ms <ms>', 'with --bus: time between commits').argParser(integer(1)).hideHelp())
    .addOption(
      new Option('--lease-ms <ms>', 'with --bus: time after which a silent service loses its place')
        .argParser(integer(100))
        .hideHelp(),
    )
    .addOption(new Option('--session <id>', 'with --service: name of the run from its start to its stop').hideHelp())
    .addOption(new Option('--final', 'with --session: nothing goes on later').hideHelp())
    .addOption(new Option('--until-stdin-ends', 'end when standard input does').hideHelp())
    .addOption(new Option('--announce', 'print `started` when the first inputs are run').hideHelp());
  describe(command, [
    'run pipelines/trend.yaml --input recording.gz --set preset=recording',
    'run pipelines/acceptance.yaml --input recording.gz --tap book.top=top.csv --json',
    'run pipelines/trend.yaml --input lake --state state --capture lake2 --pace 1',
    'run pipelines/trend.yaml --profile paper --for 60 --state state --capture lake',
    'run pipelines/trend.yaml --input s3://lake/bronze --store arango:http://chimera@127.0.0.1:8529/trend',
    'run pipelines/trend.yaml --input recording.gz --bus redis://127.0.0.1:6379/0 --all',
    'run pipelines/trend.yaml --profile paper --bus redis://127.0.0.1:6379/0 --all --for 60 --state state --capture lake',
  ]).action(
    action(context, async (file: string, options: LiveOptions & BusOptions) => {
      const pipeline = loadOrExplain(context, file, options);
      if (options.bus !== undefined) {
        const report = await (await import('../bus-run.ts')).runOnBus(context, pipeline, file, options);
        if (!report) return context.io.signal?.aborted ? EXIT.differs : EXIT.ok;
        // A live run is ended by whoever watches it.
        const { ok, code } = pipeline.live ? { ok: report.ok, code: EXIT.ok } : verdict(report, options, context);
        const shown = { ...report, ok };
        context.result(shown, () => runText(shown, context));
        return code;
      }
      if (
        options.service ||
        options.all ||
        (options.prefix !== undefined && options.publish === undefined) ||
        options.metrics !== undefined
      )
        throw new ChimeraError('CHM912', '--service, --all, --prefix and --metrics need --bus', {
          help: 'add --bus redis://127.0.0.1:6379/0, or leave them out: all services then run in one process',
        });
      const report = pipeline.live
        ? await (await import('../live-run.ts')).followLive(context, pipeline, options)
        : await follow(context, pipeline, options, options.announce ? { onStarted: () => context.out('started') } : {});
      const { ok, code } = pipeline.live
        ? { ok: report.ok, code: report.ok ? EXIT.ok : EXIT.differs }
        : verdict(report, options, context);
      const shown = { ...report, ok };
      if (options.announce) return code;
      context.result(shown, () => runText(shown, context));
      return code;
    }),
  );
}

/** Options of a job, from the command line's. */
export const jobOptions = (options: RunCommandOptions, env: Io['env']) => ({
  inputs: options.input ?? [],
  cache: inputCache(options, env),
  taps: pairs(options.tap, '--tap'),
  ...(options.tapAll === undefined ? {} : { tapAll: options.tapAll }),
  ...(options.state === undefined ? {} : { state: options.state }),
  ...(options.capture === undefined ? {} : { capture: options.capture }),
  ...(options.keepJournal ? { keepJournal: true } : {}),
  ...(options.pace === undefined ? {} : { pace: options.pace }),
  ...(options.commit === undefined ? {} : { commitInputs: options.commit }),
  ...(options.seed === undefined ? {} : { seed: options.seed }),
  ...(options.publish === undefined ? {} : { publish: publishing(options.publish, options.prefix, env) }),
  mode: options.interpreted ? ('interpreted' as const) : ('generated' as const),
});

/** Where other programs hear of a run. */
export const publishing = (url: string, prefix: string | undefined, env: Io['env']): PublishAccess => ({
  url: busUrl(url, env),
  ...(prefix === undefined ? {} : { prefix: `${prefix}:` }),
});
