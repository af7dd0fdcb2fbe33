import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '../../graph/bus/bus.ts';
import { type PartSnapshot, quantileOf } from '../../graph/cut/part-snapshot.ts';
import type { LiveProfile, Pipeline } from '../../graph/document/types.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { grouped, utc } from '../report/decimal.ts';
import type { ServiceReport } from '../run/bus/service.ts';
import type { ServiceState } from '../run/bus/supervisor.ts';
import type { Connection } from '../run/connection.ts';
import type { RunReport } from '../run/run.ts';
import { chimera } from './commands/parity.ts';
import { jobOptions, publishing } from './commands/run.ts';
import type { Context } from './context.ts';
import type { LiveOptions } from './live-run.ts';
import { remoteStores } from './remote-stores.ts';
import { busUrl } from './secrets.ts';

export interface BusOptions extends LiveOptions {
  bus?: string;
  service?: string[];
  all?: boolean;
  prefix?: string;
  metrics?: string;
  untilStdinEnds?: boolean;
  commitMs?: number;
  leaseMs?: number;
  session?: string;
  final?: boolean;
}

/** A supervisor starts again at once what died, so its services need not be waited for long. */
const SUPERVISED_LEASE_MS = 2000;

/** A run whose services are joined by Redis: some of them in this process, or each in a process of its own. */
export async function runOnBus(
  context: Context,
  pipeline: Pipeline,
  file: string,
  options: BusOptions,
): Promise<RunReport | undefined> {
  refuse(pipeline, options);
  try {
    return options.service ? await runSome(context, pipeline, options) : await runAll(context, pipeline, file, options);
  } finally {
    // While it is listened to, the process does not end: not even after an error before anything has begun.
    context.io.stdin?.pause();
  }
}

/** @throws CHM912 options that do not go together */
function refuse(pipeline: Pipeline, options: BusOptions): void {
  const wrong = (what: string, help: string): never => {
    throw new ChimeraError('CHM912', what, { help });
  };
  if (Object.keys(pipeline.services).length === 0)
    wrong(`pipeline ${pipeline.name} has no services`, 'list them under `services:`, or leave --bus out');
  if (options.capture !== undefined && !pipeline.live)
    wrong('--capture does not go with --bus', 'capture in an embedded run, or with a live profile');
  if (pipeline.live && options.service && pipeline.live.connection === 'local' && options.connect === undefined)
    wrong(
      'services that run one by one share a venue that runs already',
      'start `chimera venue`, keep its first line in a file that only you can read, and name it with --connect',
    );
  if (options.pace !== undefined) wrong('--pace does not go with --bus', 'leave it out');
  if (options.metrics !== undefined && !options.service)
    wrong('--metrics needs --service', 'name the services of this process; with --all each is a process of its own');
  if (options.service && options.all) wrong('--service and --all exclude each other', 'leave one of them out');
}

/** The services of one process. The last line on stdout is its report, for who supervises it. */
async function runSome(context: Context, pipeline: Pipeline, options: BusOptions): Promise<undefined> {
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
      ...common(context, options),
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

/** The world of a live run; a local venue is started unless there is one to join. */
async function connect(context: Context, live: LiveProfile, o: BusOptions): Promise<Connection> {
  const { openConnection } = await import('../run/connection.ts');
  return openConnection(live, {
    command: chimera(),
    env: context.io.env,
    inputs: o.input ?? [],
    ...(o.seed === undefined ? {} : { seed: o.seed }),
    ...(o.rate === undefined ? {} : { rate: o.rate }),
    ...(o.faults === undefined ? {} : { faults: o.faults }),
    ...(o.connect === undefined ? {} : { ready: o.connect }),
    ...(o.keys === undefined ? {} : { keys: o.keys }),
    acceptLiveTrading: o.iAcceptLiveTrading === true,
  });
}

/** What a supervisor is told, once a second at most. */
class ServiceStates {
  readonly #bus: Bus;
  readonly #say: (state: ServiceState) => void;
  readonly #latest = new Map<string, PartSnapshot>();
  #said = 0;
  constructor(bus: Bus, say: (state: ServiceState) => void) {
    this.#bus = bus;
    this.#say = say;
  }
  take(snapshot: PartSnapshot): void {
    this.#latest.set(snapshot.part, snapshot);
    if (performance.now() - this.#said < 1000) return;
    this.#said = performance.now();
    const parts = [...this.#latest.values()];
    const code = this.#bus.state?.code;
    this.#say({
      cycles: parts.reduce((n, p) => n + p.cycles, 0),
      now: Math.max(...parts.map((p) => p.nowUs)),
      lagUs: Math.max(...parts.map((p) => p.lagUs)),
      ...(code === undefined ? {} : { code }),
    });
  }
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
          ...common(context, { ...options, state }),
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
        command: (name) => [process.execPath, process.argv[1]!, ...argumentsOf(file, child, name, state, live)],
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

/** Engine time, work done, and of each service how far it is behind or what it suffers from. */
function stateText(states: ReadonlyMap<string, ServiceState>): string {
  const all = [...states.values()];
  const now = Math.max(...all.map((s) => s.now));
  const cycles = all.reduce((n, s) => n + s.cycles, 0);
  const each = [...states].map(([name, s]) => `${name} ${s.code ?? `${(s.lagUs / 1e6).toFixed(1)} s`}`);
  return `${utc(now)}  ${grouped(cycles, 0)} cycles  behind: ${each.join(', ')}`;
}

async function openBus(context: Context, options: BusOptions) {
  const { openRedisBus } = await import('../../graph/bus/redis/open-redis-bus.ts');
  return openRedisBus(busUrl(options.bus!, context.io.env), {
    ...(options.prefix === undefined ? {} : { prefix: `${options.prefix}:` }),
    log: (_, message, code) => context.note(code === undefined ? message : `${code} ${message}`),
  });
}

function common({ io: { env } }: Context, options: BusOptions) {
  const { inputs, taps, tapAll, state, mode, seed, capture } = jobOptions(options, env) as ReturnType<
    typeof jobOptions
  > & {
    tapAll?: string;
    state?: string;
    seed?: number;
    capture?: string;
  };
  return {
    inputs,
    taps,
    mode,
    // Unless another Redis is named, the bus is where other programs hear of the run.
    publish: publishing(options.publish ?? options.bus!, options.prefix, env),
    ...(tapAll === undefined ? {} : { tapAll }),
    ...(state === undefined ? {} : { state }),
    ...(capture === undefined ? {} : { capture }),
    ...(seed === undefined ? {} : { seed }),
    ...(options.commitMs === undefined ? {} : { commitMs: options.commitMs }),
    ...(options.leaseMs === undefined ? {} : { ttlMs: options.leaseMs }),
  };
}

/** The command line of one service, made from that of the whole run. */
function argumentsOf(file: string, o: BusOptions, service: string, state: string, live?: LiveProfile): string[] {
  const many = (name: string, values: readonly string[] | undefined): string[] =>
    (values ?? []).flatMap((v) => [name, v]);
  return [
    'run',
    file,
    '--bus',
    o.bus!,
    '--service',
    service,
    '--state',
    state,
    '--until-stdin-ends',
    '--lease-ms',
    String(o.leaseMs ?? SUPERVISED_LEASE_MS),
    ...(o.commitMs === undefined ? [] : ['--commit-ms', String(o.commitMs)]),
    // A live run's recordings are played by its venue.
    ...(live ? [] : many('--input', o.input)),
    ...(o.connect === undefined ? [] : ['--connect', o.connect]),
    ...(o.keys === undefined ? [] : ['--keys', o.keys]),
    ...(o.iAcceptLiveTrading ? ['--i-accept-live-trading'] : []),
    ...(o.session === undefined ? [] : ['--session', o.session]),
    ...(o.final ? ['--final'] : []),
    ...(o.capture === undefined ? [] : ['--capture', o.capture]),
    ...many('--set', o.set),
    ...many('--tap', o.tap),
    ...(o.profile === undefined ? [] : ['--profile', o.profile]),
    ...(o.store === undefined ? [] : ['--store', o.store]),
    ...(o.prefix === undefined ? [] : ['--prefix', o.prefix]),
    ...(o.publish === undefined ? [] : ['--publish', o.publish]),
    ...(o.tapAll === undefined ? [] : ['--tap-all', o.tapAll]),
    ...(o.seed === undefined ? [] : ['--seed', String(o.seed)]),
    ...(o.interpreted ? ['--interpreted'] : []),
  ];
}

function reportOf(reports: readonly ServiceReport[], started: number): RunReport {
  const sum = (f: (r: ServiceReport) => number): number => reports.reduce((n, r) => n + f(r), 0);
  const counters: RunReport['counters'] = { filtered: 0, late: 0, dead_lettered: 0, dropped: 0 };
  for (const r of reports)
    for (const k of Object.keys(counters) as (keyof typeof counters)[]) counters[k] += r.counters[k];
  return {
    ok: true,
    graph_hash: reports[0]?.graph_hash ?? '',
    events_in: sum((r) => r.events_in),
    cycles: sum((r) => r.cycles),
    taps: Object.assign({}, ...reports.map((r) => r.taps)) as RunReport['taps'],
    counters,
    bad_input: reports.flatMap((r) => r.bad_input),
    out_of_order: sum((r) => r.out_of_order),
    quarantined: [],
    first_us: reports.find((r) => r.first_us !== null)?.first_us ?? null,
    last_us: reports.reduce<number | null>((t, r) => (r.last_us === null ? t : Math.max(t ?? 0, r.last_us)), null),
    until_us: untilOf(reports),
    hops: reports.flatMap((r) =>
      r.parts.flatMap(({ part, handover }) =>
        handover.map((h) => ({
          ...{ from: h.from, to: part, n: h.counts.reduce((a, b) => a + b, 0) },
          ...{ p50_us: quantileOf(h, 0.5), p99_us: quantileOf(h, 0.99) },
        })),
      ),
    ),
    load_s: 0,
    run_s: (performance.now() - started) / 1000,
    cpu_s: sum((r) => r.cpu_s),
    peak_rss_bytes: sum((r) => r.peak_rss_bytes),
    damaged_checkpoints: [],
    journal: null,
  };
}

/** Every service ended at the same time, or the run did not come to its end. */
const untilOf = (reports: readonly ServiceReport[]): number | null =>
  reports.length > 0 && reports.every((r) => r.until_us !== null) ? Math.max(...reports.map((r) => r.until_us!)) : null;

/**
 * Aborted by the terminal, or when whoever started this process is gone.
 * @param drain called when whoever started it asks it to come to its end
 */
function ending(context: Context, withStdin: boolean, drain?: () => void): AbortSignal {
  const end = new AbortController();
  context.io.signal?.addEventListener('abort', () => end.abort(), { once: true });
  const { stdin } = context.io;
  if (withStdin && stdin) {
    if (drain)
      stdin.on?.('data', (d) => {
        if (Buffer.from(d).toString().includes('drain')) drain();
      });
    stdin.resume();
    stdin.once('end', () => end.abort());
    stdin.once('error', () => end.abort());
  }
  return end.signal;
}
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
