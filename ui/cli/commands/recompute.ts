import type { Command } from 'commander';
import { grouped, utc } from '../../report/decimal.ts';
import type { Recomputed } from '../../run/inspect/recompute.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadOrExplain } from '../load-document.ts';
import { collect, integer, type PipelineOptions, pipelineOptions } from '../options.ts';

interface Options extends PipelineOptions {
  state: string;
  capture?: string;
  from: number;
  to: number;
  node?: string[];
}

export function recompute(program: Command, context: Context): void {
  const command = program
    .command('recompute')
    .summary('compute the features of a past range of a run again')
    .description(
      'Runs a part of a run’s past again from its own journals or the lake that it captured, and compares the features with those that were stored when they were live. The run may live; it is only read.',
    )
    .argument('<pipeline>', 'pipeline document with which the run was started')
    .requiredOption('--state <dir>', 'state folder of the run')
    .option('--capture <dir>', 'lake that the run captured')
    .option('--from <us>', 'engine time, µs', integer(0), 0)
    .option('--to <us>', 'engine time, µs', integer(0), Number.MAX_SAFE_INTEGER)
    .option('--node <node>', 'node or node.port whose records are counted and hashed; repeatable', collect);
  pipelineOptions(command);
  describe(command, ['recompute pipelines/trend.yaml --state state --capture lake --node features']).action(
    action(context, async (file: string, o: Options) => {
      const pipeline = loadOrExplain(context, file, o);
      const { recompute: compute } = await import('../../run/inspect/recompute.ts');
      const { state, capture, from, to, node } = o;
      const result = await compute({
        pipeline,
        state,
        fromUs: from,
        toUs: to,
        ...(capture === undefined ? {} : { capture }),
        ...(node === undefined ? {} : { ports: node }),
      });
      const ok = result.stored.same === result.stored.documents;
      context.result({ ok, ...result }, () => textOf(result));
      return ok ? EXIT.ok : EXIT.differs;
    }),
  );
}

function textOf({ window: w, ports, stored }: Recomputed): string {
  return [
    `${utc(w.from_us)} to ${utc(w.to_us)}, ${grouped(w.events, 0)} events`,
    ...ports.map((p) => `${p.port}: ${grouped(p.rows, 0)} rows, ${p.sha256.slice(0, 16)}`),
    `${stored.same} of ${stored.documents} stored decisions have the features that come out now`,
    ...stored.differences
      .slice(0, 10)
      .map((d) => `  ${d.document} ${d.field}: ${d.stored} stored, ${d.recomputed} now`),
  ].join('\n');
}
