import type { Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { grouped, utc } from '../report/decimal.ts';
import type { RunJob, RunReport } from '../run/run.ts';
import { jobOptions, type RunCommandOptions } from './commands/run.ts';
import type { Context } from './context.ts';
import { EXIT } from './io.ts';
import { documentOf } from './load-document.ts';
import { remoteStores } from './remote-stores.ts';

/** Runs a job with progress on the terminal. The engine is loaded here: help and lint do not wait for it. */
export async function follow(
  context: Context,
  pipeline: Pipeline,
  options: RunCommandOptions,
  more: Partial<RunJob> = {},
): Promise<RunReport> {
  const { runJob } = await import('../run/run.ts');
  const progress = context.progress(pipeline.name);
  const started = performance.now();
  try {
    return await runJob({
      pipeline,
      ...documentOf(pipeline),
      ...jobOptions(options, context.io.env),
      ...remoteStores(context, options),
      ...(context.io.signal ? { signal: context.io.signal } : {}),
      onProgress: ({ events, now }) => {
        const rate = events / ((performance.now() - started) / 1000);
        progress.update(undefined, `${utc(now)}  ${grouped(events, 0)} events  ${grouped(rate, 0)}/s`);
      },
      ...more,
    });
  } finally {
    progress.done();
  }
}

/** What a finished run comes to. Interrupted is a result of its own: what was committed is kept. */
export function verdict(
  report: RunReport,
  options: { strict?: boolean },
  context: Context,
): { ok: boolean; code: number } {
  if (context.io.signal?.aborted)
    context.note(
      new ChimeraError('CHM918', 'the run was interrupted', {
        help: 'with --state the same command goes on from the last commit',
      }).toString(),
    );
  const ok = report.ok && !context.io.signal?.aborted && !(options.strict && report.bad_input.length > 0);
  return { ok, code: ok ? EXIT.ok : EXIT.differs };
}
