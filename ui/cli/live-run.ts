import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { grouped, utc } from '../report/decimal.ts';
import type { LiveJob } from '../run/live.ts';
import type { RunReport } from '../run/run.ts';
import { chimera } from './commands/parity.ts';
import { jobOptions, type RunCommandOptions } from './commands/run.ts';
import type { Context } from './context.ts';
import { journalText } from './journal-text.ts';
import { boundDocument, documentOf } from './load-document.ts';
import { remoteStores } from './remote-stores.ts';
import { newRunId, type ServingOptions, startServing } from './serving.ts';

export interface LiveOptions extends RunCommandOptions, ServingOptions {
  for?: number;
  rate?: number;
  faults?: string;
  connect?: string;
  keys?: string;
  iAcceptLiveTrading?: boolean;
}

/**
 * Runs a pipeline whose profile is live, until the time is up or Ctrl-C. With `--state` it can go on later; without, which only a
 * local venue allows, nothing of it stays.
 */
export async function followLive(context: Context, pipeline: Pipeline, options: LiveOptions): Promise<RunReport> {
  const profile = pipeline.live!;
  if (options.state === undefined && profile.connection !== 'local')
    throw new ChimeraError('CHM925', `a run against ${profile.connection} needs a folder for what must not be lost`, {
      help: 'name one with --state: orders that were sent are remembered there',
    });
  const stores = remoteStores(context, options);
  const { openConnection } = await import('../run/connection.ts');
  const { runLive } = await import('../run/live.ts');
  const progress = context.progress(pipeline.name);
  const connection = await openConnection(profile, {
    command: chimera(),
    env: context.io.env,
    inputs: options.input ?? [],
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.rate === undefined ? {} : { rate: options.rate }),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    ...(options.connect === undefined ? {} : { ready: options.connect }),
    ...(options.keys === undefined ? {} : { keys: options.keys }),
    acceptLiveTrading: options.iAcceptLiveTrading === true,
  });
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'chimera-run-'));
  // A timer, because a signal of timeouts that nobody holds can be collected before its time.
  const stop = new AbortController();
  const ended = (): void => stop.abort();
  if (context.io.signal?.aborted) ended();
  context.io.signal?.addEventListener('abort', ended, { once: true });
  const timer = options.for === undefined ? undefined : setTimeout(ended, options.for * 1000);
  const api = await startServing(context, options).catch(async (e: unknown) => {
    await connection.close();
    throw e;
  });
  const started = performance.now();
  let journal = '';
  try {
    const { inputs: _, pace: _pace, ...job } = { pace: undefined, ...jobOptions(options, context.io.env) };
    const live: LiveJob = {
      ...job,
      ...stores,
      pipeline,
      ...documentOf(pipeline),
      connection,
      state,
      listen: true,
      stop: stop.signal,
      final: options.state === undefined,
      onProgress: ({ events, now }) => {
        const rate = events / ((performance.now() - started) / 1000);
        progress.update(undefined, `${utc(now)}  ${grouped(events, 0)} events  ${grouped(rate, 0)}/s${journal}`);
      },
      onCommit: (_, stats) => {
        if (stats) journal = `  journal ${journalText(stats)}`;
      },
      ...(options.announce ? { onStarted: () => context.out('started') } : {}),
    };
    if (!api) return await runLive(live);
    const { observeJob } = await import('../observe/observe-job.ts');
    const { liveOffers } = await import('../observe/live-offers.ts');
    const offered = liveOffers(live);
    const id = newRunId(pipeline.name);
    const observed = observeJob(offered.job, {
      offers: offered.offers,
      reconciler: offered.reconciler,
      port: api.line(),
      id,
      kind: 'live',
      profile: options.profile ?? null,
      ...boundDocument(pipeline.file, options),
      dir: join(options.home ?? 'runs', id),
      clock: () => connection.clock.now(),
      state,
      capture: options.capture,
    });
    let ended: 'ended' | 'failed' = 'failed';
    try {
      const report = await runLive(observed.job);
      ended = 'ended';
      return report;
    } finally {
      observed.end({ state: ended });
    }
  } finally {
    clearTimeout(timer);
    context.io.signal?.removeEventListener('abort', ended);
    progress.done();
    await connection.close();
    await api?.close();
    if (options.state === undefined) rmSync(state, { recursive: true, force: true });
  }
}
