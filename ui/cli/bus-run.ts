import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { grouped, utc } from '../report/decimal.ts';
import type { ServiceState } from '../run/bus/supervisor.ts';
import type { Connection } from '../run/connection.ts';
import type { RunReport } from '../run/run.ts';
import { connect, ending, openBus, serviceJob } from './bus-job.ts';
import { type BusOptions, refuseTogether } from './bus-options.ts';
import type { Context } from './context.ts';
import { remoteStores } from './remote-stores.ts';
import { serviceArguments } from './service-command.ts';
import { runServiceProcess } from './service-process.ts';
import { stateText } from './service-states.ts';
import { reportOf } from './services-report.ts';

/** A run whose services are joined by Redis: some of them in this process, or each in a process of its own. */
export async function runOnBus(
  context: Context,
  pipeline: Pipeline,
  file: string,
  options: BusOptions,
): Promise<RunReport | undefined> {
  refuseTogether(pipeline, options);
  try {
    return options.service
      ? await runServiceProcess(context, pipeline, options)
      : await runAll(context, pipeline, file, options);
  } finally {
    // While it is listened to, the process does not end: not even after an error before anything has begun.
    context.io.stdin?.pause();
  }
}

/** All services: in this process, or each in one of its own that is supervised. */
async function runAll(context: Context, pipeline: Pipeline, file: string, options: BusOptions): Promise<RunReport> {
  const { cutGraph } = await import('../../graph/cut/cut.ts');
  const { createPlan } = await import('../../graph/plan/plan.ts');
  const { claimRun } = await import('../run/bus/run-identity.ts');
  const service = await import('../run/bus/service.ts');
  const { supervise } = await import('../run/bus/supervisor.ts');
  const started = performance.now();
  const { live } = pipeline;
  if (live && options.state === undefined && live.connection !== 'local')
    throw new ChimeraError('CHM925', `a run against ${live.connection} needs a folder for what must not be lost`, {
      help: 'name one with --state: orders that were sent are remembered there',
    });
  const ended = ending(context, options.untilStdinEnds === true);
  const cut = cutGraph(createPlan(pipeline));
  // Without a folder of its own the run does not outlive this command; what dies within it goes on all the same.
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'chimera-run-'));
  const progress = context.progress(pipeline.name);
  const connection = live ? await connect(context, live, options) : undefined;
  try {
    const bus = await openBus(context, options);
    let stops = { signal: ended, drain: undefined as AbortSignal | undefined };
    try {
      await claimRun(bus, cut, state);
      if (live) stops = draining(ended, options.for);
      if (!options.all) {
        const report = await service.runServices({
          pipeline,
          ...serviceJob(context, { ...options, state }),
          ...remoteStores(context, options),
          bus,
          holder: `${hostname()}:${process.pid}`,
          signal: stops.signal,
          ...(connection
            ? {
                live: {
                  connection,
                  finish: stops.drain!,
                  final: options.state === undefined,
                  session: randomUUID(),
                },
              }
            : {}),
          onProgress: ({ cycles, now }) => progress.update(undefined, `${utc(now)}  ${grouped(cycles, 0)} cycles`),
        });
        return reportOf([report], started);
      }
    } finally {
      await bus.close();
    }
    const secrets = connection?.venue && options.connect === undefined ? venueFile(connection) : undefined;
    const states = new Map<string, ServiceState>();
    try {
      const child = {
        ...options,
        ...(secrets ? { connect: secrets.file } : {}),
        ...(live ? { session: randomUUID(), final: options.state === undefined } : {}),
      };
      const { reports } = await supervise({
        services: service.servicesOf(cut),
        command: (name) => [process.execPath, process.argv[1]!, ...serviceArguments(file, child, name, state, live)],
        signal: stops.signal,
        ...(stops.drain ? { drain: stops.drain } : {}),
        onRestart: (name, why) => context.note(`service ${name} ended (${why}) and is started again`),
        onState: (name, said) => {
          states.set(name, said);
          const room = (context.io.stderr.columns ?? 120) - pipeline.name.length - 4;
          progress.update(undefined, stateText(states).slice(0, room));
        },
      });
      return reportOf(Object.values(reports), started);
    } finally {
      secrets?.remove();
    }
  } finally {
    progress.done();
    await connection?.close();
    if (options.state === undefined) rmSync(state, { recursive: true, force: true });
  }
}

/** Live services are asked to come to their end first; what has not by then is stopped at its last commit. */
function draining(ended: AbortSignal, seconds: number | undefined): { signal: AbortSignal; drain: AbortSignal } {
  const [drain, stop] = [new AbortController(), new AbortController()];
  // Every part listens.
  setMaxListeners(0, drain.signal, stop.signal);
  const asked = (): void => {
    if (drain.signal.aborted) return;
    drain.abort();
    setTimeout(() => stop.abort(), DRAIN_MS).unref();
  };
  ended.addEventListener('abort', asked, { once: true });
  if (seconds !== undefined) setTimeout(asked, seconds * 1000).unref();
  return { signal: stop.signal, drain: drain.signal };
}
const DRAIN_MS = 60_000;

/** Address and secrets of a local venue for the services, in a file that only its owner can read. */
function venueFile({ venue }: Connection): { file: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-venue-'));
  const file = join(dir, 'venue.json');
  writeFileSync(file, JSON.stringify(venue), { mode: 0o600 });
  return { file, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
