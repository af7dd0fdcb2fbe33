import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import type { Bus } from '../../graph/bus/bus.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { connect, ending, openBus, serviceJob } from './bus-job.ts';
import type { BusOptions } from './bus-options.ts';
import type { Context } from './context.ts';
import { remoteStores } from './remote-stores.ts';
import { ServiceStates } from './service-states.ts';

/** The services of one process. The last line on stdout is its report, for who supervises it. */
export async function runServiceProcess(context: Context, pipeline: Pipeline, options: BusOptions): Promise<undefined> {
  const supervised = options.untilStdinEnds === true;
  const drain = new AbortController();
  // The supervisor ends standard input when all are at the end of the run; before that it means that the supervisor is gone.
  const stdin = ending(context, supervised, () => drain.abort());
  const stop = new AbortController();
  const stay = new AbortController();
  // Every part listens.
  setMaxListeners(0, drain.signal, stop.signal, stay.signal);
  let closed = false;
  context.io.signal?.addEventListener('abort', () => stop.abort(), { once: true });
  stdin.addEventListener('abort', () => (closed && !context.io.signal?.aborted ? stay : stop).abort(), { once: true });
  // By itself a service only stops: the others go on, and so does this one when it is started again.
  if (options.for !== undefined) setTimeout(() => stop.abort(), options.for * 1000).unref();
  const { signal } = stop;
  const connection = pipeline.live ? await connect(context, pipeline.live, options) : undefined;
  const bus = await openBus(context, options).catch(async (e: unknown) => {
    await connection?.close();
    throw e;
  });
  const states = supervised
    ? new ServiceStates(bus, (state) => context.out(JSON.stringify({ service_state: state })))
    : undefined;
  let served: Awaited<ReturnType<typeof serveMetrics>> | undefined;
  try {
    if (options.metrics !== undefined) served = await serveMetrics(pipeline, options, bus);
    const report = await (await import('../run/bus/service.ts')).runServices({
      pipeline,
      services: options.service!,
      ...serviceJob(context, options),
      ...remoteStores(context, options),
      bus,
      signal,
      ...(connection
        ? {
            live: {
              connection,
              finish: drain.signal,
              final: options.final === true,
              session: options.session ?? '',
            },
          }
        : {}),
      holder: `${hostname()}:${process.pid}`,
      onRestart: (part, error) => context.note(`${part} goes back to its last commit: ${textOf(error)}`),
      stay: supervised ? stay.signal : 'readers',
      onClosed: (isClosed) => {
        closed = isClosed;
        if (!supervised) return;
        context.out(JSON.stringify({ service_closed: isClosed }));
        if (stdin.aborted) stay.abort();
      },
      onSnapshot: (snapshot) => {
        served?.take(snapshot);
        states?.take(snapshot);
      },
    });
    // Stopped early it has not come to its end: whoever supervises it would take a report for that.
    if (!signal.aborted) context.out(JSON.stringify({ service_report: report }));
  } finally {
    await served?.close();
    await bus.close();
    await connection?.close();
  }
  return undefined;
}

/** Metrics, health and readiness of the parts of this process. @throws CHM990 */
async function serveMetrics(pipeline: Pipeline, { metrics, service }: BusOptions, bus: Bus) {
  const { cutGraph } = await import('../../graph/cut/cut.ts');
  const { createPlan } = await import('../../graph/plan/plan.ts');
  const { serveParts } = await import('../metrics/serve-parts.ts');
  const parts = cutGraph(createPlan(pipeline)).parts.filter((p) => service!.includes(p.service));
  return serveParts(
    metrics!,
    bus,
    parts.map((p) => p.id),
  );
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
