import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { grouped } from '../../report/decimal.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadOrExplain } from '../load-document.ts';
import { collect, type InputOptions, inputOptions, integer, positive } from '../options.ts';
import { remoteStores } from '../remote-stores.ts';
import { table } from '../table.ts';
import { home } from '../version.ts';
import { differenceText } from './replay.ts';

interface Options extends InputOptions {
  kill: number;
  seed: number;
  taps?: string;
  pace: number;
  for: number;
  rate?: number;
  faults?: string;
  allowIdle?: string[];
  store?: string;
}

export function parity(program: Command, context: Context): void {
  const command = program
    .command('parity')
    .summary('prove that live and replay agree')
    .description(
      'Runs a pipeline paced like live, captures what its sources deliver, replays that, and compares every value of every node. With --kill the live run is killed at random moments and resumed.',
    )
    .argument('<pipeline>', 'pipeline document');
  inputOptions(command)
    .option('--kill <n>', 'kill the live run so often (SIGKILL) and resume it', integer(0, 10_000), 0)
    .option('--seed <n>', 'seed of the moments', integer(0), 1)
    .option('--taps <dir>', 'leave DIR/live/NODE.PORT.csv and DIR/replay/NODE.PORT.csv')
    .option('--pace <rate>', 'engine seconds per second of the live run', positive, 60)
    .option('--for <seconds>', 'length of the live run, with a profile that is live', positive, 60)
    .option('--rate <rate>', 'live: seconds of the local venue per second of the wall', positive)
    .option('--faults <file>', 'live: how the local venue misbehaves')
    .option('--store <address>', 'the live run writes to this empty database: arango:http://USER@HOST:8529/DATABASE')
    .option('--allow-idle <node>', 'this node may never tick; repeatable', collect);
  describe(command, [
    'parity pipelines/trend.yaml --input recording.gz --set preset=recording',
    'parity pipelines/trend.yaml --input recording.gz --set preset=recording --kill 20 --seed 7',
    'parity pipelines/trend.yaml --input recording.gz --taps out --json',
    'parity pipelines/trend.yaml --profile paper --set preset=recording --for 60 --kill 5',
  ]).action(
    action(context, async (file: string, options: Options) => {
      const pipeline = loadOrExplain(context, file, options);
      const unknown = (options.allowIdle ?? []).filter((id) => !pipeline.nodes.some((n) => n.id === id));
      if (unknown.length > 0)
        throw new ChimeraError('CHM911', `--allow-idle names unknown nodes: ${unknown.join(', ')}`, {
          help: `nodes are: ${pipeline.nodes.map((n) => n.id).join(', ')}`,
        });
      // The environment's database is that of real runs: a proof does not write there unasked.
      const given = { store: options.store ?? 'embedded' };
      const stores = remoteStores(context, { ...given, input: options.input ?? [] });
      const common = {
        ...stores,
        pipeline,
        kills: options.kill,
        seed: options.seed,
        allowIdle: options.allowIdle ?? [],
        onStage: (stage: string) => context.note(context.paint('stderr', 'dim', stage)),
        ...(options.taps === undefined ? {} : { taps: options.taps }),
        ...(context.io.signal ? { signal: context.io.signal } : {}),
      };
      const report = pipeline.live
        ? await (await import('../../run/parity-live.ts')).parityLive({
            ...common,
            seconds: options.for,
            connect: {
              command: chimera(),
              env: context.io.env,
              seed: options.seed,
              inputs: options.input ?? [],
              ...(options.rate === undefined ? {} : { rate: options.rate }),
              ...(options.faults === undefined ? {} : { faults: options.faults }),
            },
            command: [...chimera(), 'run', file, ...again({ ...options, ...given, input: [] })],
          })
        : await (await import('../../run/parity.ts')).parity({
            ...common,
            inputs: options.input ?? [],
            pace: options.pace,
            // What is compared is decoded, not remembered.
            command: [...chimera(), 'run', file, '--no-cache', ...again({ ...options, ...given })],
          });
      context.result(report, () => {
        const out = [
          table([
            [
              'compared',
              `${report.nodes} nodes, ${grouped(
                Object.values(report.rows).reduce((a, n) => a + n, 0),
                0,
              )} values`,
            ],
            ['inputs', grouped(report.events, 0)],
            ['kills', String(report.kills)],
            ['idle', report.idle.join(', ') || 'none'],
          ]),
          '',
        ];
        if (report.first_difference) out.push(context.paint('stdout', 'red', differenceText(report.first_difference)));
        else if (report.idle.length > 0)
          out.push(
            context.paint(
              'stdout',
              'red',
              'nothing differs, but idle nodes prove nothing: --allow-idle NODE accepts one',
            ),
          );
        else out.push(context.paint('stdout', 'green', 'identical: every value of every node'));
        return out.join('\n');
      });
      return report.identical ? EXIT.ok : EXIT.differs;
    }),
  );
}

/** How to start this program once more. */
export const chimera = (): string[] => [
  process.execPath,
  fileURLToPath(new URL('bin/chimera.js', `file://${home()}/`)),
];

/** The options of this command that `run` needs too. */
const again = (o: InputOptions & { store: string }): string[] => [
  '--store',
  o.store,
  ...(o.profile === undefined ? [] : ['--profile', o.profile]),
  ...(o.set ?? []).flatMap((s) => ['--set', s]),
  ...(o.input ?? []).flatMap((i) => ['--input', i]),
];
