import { setMaxListeners } from 'node:events';
import { mkdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Bus } from '../../../graph/bus/bus.ts';
import { type Cut, cutGraph, type Part } from '../../../graph/cut/cut.ts';
import type { PartOptions, PartProgress, PartResult } from '../../../graph/cut/part-options.ts';
import { runPart } from '../../../graph/cut/part-run.ts';
import type { Naming } from '../../../graph/cut/streams.ts';
import type { Pipeline } from '../../../graph/document/types.ts';
import type { Counter } from '../../../graph/node.ts';
import { createPlan } from '../../../graph/plan/plan.ts';
import { type BadInput, ChimeraError } from '../../../graph/schema/index.ts';
import type { TapFileResult } from '../../../graph/tap/file.ts';
import type { SegmentPolicy } from '../../../lake/journal/segment-policy.ts';
import type { S3Options } from '../../../lake/s3/s3-options.ts';
import type { PublishAccess } from '../../../sinks/redis/redis-sink.ts';
import type { StoreChoice } from '../../../sinks/store/index.ts';
import { openStoreOfRun, storeAccess } from '../run-store.ts';
import { tapPaths } from '../taps.ts';
import { DecisionFile } from './decision-file.ts';
import { LiveControl } from './live-control.ts';
import { LiveEntrances, type LiveService } from './live-service.ts';
import { PartTaps } from './part-taps.ts';
import { isPassing } from './passing.ts';

export interface ServiceJob {
  readonly pipeline: Pipeline;
  /** Services to run in this process; undefined: all. */
  readonly services?: readonly string[];
  readonly bus: Bus;
  readonly inputs: readonly string[];
  readonly taps?: Readonly<Record<string, string>>;
  readonly tapAll?: string;
  /** Folder for what sinks write and for their checkpoints; each has one of its own in it. */
  readonly state?: string;
  /** A database that sinks write to, and keep their checkpoints in, instead. */
  readonly store?: StoreChoice;
  /** How to reach lakes at `s3://` addresses. */
  readonly s3?: S3Options;
  /** Redis on which sinks publish for other programs. */
  readonly publish?: PublishAccess;
  /** The pipeline's ends are live. Needs `state`. */
  readonly live?: LiveService;
  /** Live: lake that receives what the sources of this process deliver. */
  readonly capture?: string;
  /** Live: when a segment of a journal is finished. */
  readonly segments?: Partial<SegmentPolicy>;
  readonly mode?: 'generated' | 'interpreted';
  readonly seed?: number;
  readonly commitMs?: number;
  readonly ttlMs?: number;
  readonly until?: number;
  readonly signal?: AbortSignal;
  readonly holder: string;
  /**
   * How long parts that have come to the end of the run stay, ready to send again what the bus may forget: until this is aborted, or
   * until their readers have come to the end; default: until all parts of this process have.
   */
  readonly stay?: AbortSignal | 'readers';
  /** All parts of this process have come to the end, or one of them has gone back behind it. */
  readonly onClosed?: (closed: boolean) => void;
  readonly onProgress?: (progress: PartProgress) => void;
  readonly onRestart?: (part: string, error: unknown) => void;
  readonly onSnapshot?: PartOptions['onSnapshot'];
}

/** What one process has to say when its services have come to their end. */
export interface ServiceReport {
  graph_hash: string;
  parts: PartResult[];
  /** Inputs that entered the graph here. */
  events_in: number;
  cycles: number;
  taps: Record<string, TapFileResult>;
  counters: Record<Counter, number>;
  bad_input: BadInput[];
  out_of_order: number;
  first_us: number | null;
  last_us: number | null;
  /** Live: engine time at which the run stopped; null: it goes on elsewhere. */
  until_us: number | null;
  cpu_s: number;
  peak_rss_bytes: number;
}

export const namingOf = (pipeline: Pipeline): Naming => ({ prefix: '', pipeline: pipeline.name });

/**
 * Runs the parts of some services in this process, each by itself over the bus, until the run has come to its end everywhere
 * upstream of them, or `signal` stops them at a commit.
 */
export async function runServices(job: ServiceJob): Promise<ServiceReport> {
  const cpu = process.cpuUsage();
  const cut = cutGraph(createPlan(job.pipeline));
  const parts = partsOf(cut, job.services);
  // One that fails for good stops the others: they would wait for it forever.
  const stop = new AbortController();
  const signal = job.signal ? AbortSignal.any([job.signal, stop.signal]) : stop.signal;
  // Every part listens.
  setMaxListeners(0, signal, ...(job.live ? [job.live.finish] : []));
  const entrances = job.live ? new LiveEntrances(job.live, job) : undefined;
  const control = job.live ? new LiveControl(job.bus, cut, job.state!) : undefined;
  await control?.open(parts);
  const running = new Set(parts.map((p) => p.id));
  const allClosed = new AbortController();
  setMaxListeners(0, allClosed.signal);
  const closed = (part: string, isClosed: boolean): void => {
    const before = running.size;
    if (isClosed) running.delete(part);
    else running.add(part);
    if (running.size === 0) allClosed.abort();
    if ((running.size === 0) !== (before === 0)) job.onClosed?.(running.size === 0);
  };
  const ran = await Promise.allSettled(
    parts.map((part) =>
      runOne(cut, part, { ...job, signal, stay: job.stay ?? allClosed.signal }, entrances, control, closed).catch(
        (e: unknown) => {
          stop.abort();
          throw e;
        },
      ),
    ),
  );
  const failed = ran.find((r) => r.status === 'rejected');
  await control?.close();
  await entrances?.close(!failed);
  if (failed) throw failed.reason;
  const done = ran.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []));
  const results = done.map((d) => d.result);
  const used = process.cpuUsage(cpu);
  return {
    graph_hash: job.pipeline.hash,
    parts: results,
    events_in: sum(results.map((r) => r.inputs)),
    cycles: sum(results.map((r) => r.cycles)),
    taps: Object.assign({}, ...done.map((d) => d.taps)) as Record<string, TapFileResult>,
    counters: countersOf(results.map((r) => r.counters)),
    bad_input: results.flatMap((r) => r.bad_input),
    out_of_order: sum(results.map((r) => r.out_of_order)),
    first_us: results.find((r) => r.first_us !== null)?.first_us ?? null,
    last_us: results.reduce<number | null>((t, r) => (r.last_us === null ? t : Math.max(t ?? 0, r.last_us)), null),
    until_us: results.every((r) => r.end_us !== null) ? Math.max(...results.map((r) => r.end_us!)) : null,
    cpu_s: (used.user + used.system) / 1e6,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** @throws CHM926 for a service that the pipeline does not have */
function partsOf(cut: Cut, services: readonly string[] | undefined): Part[] {
  const known = servicesOf(cut);
  const unknown = services?.find((s) => !known.includes(s));
  if (unknown !== undefined)
    throw new ChimeraError('CHM926', `the pipeline has no service ${unknown}`, {
      help: `services: ${known.join(', ')}`,
    });
  return cut.parts.filter((p) => services?.includes(p.service) ?? true);
}
export const servicesOf = (cut: Cut): string[] => [...new Set(cut.parts.map((p) => p.service))];

async function runOne(
  cut: Cut,
  part: Part,
  job: ServiceJob,
  entrances: LiveEntrances | undefined,
  control: LiveControl | undefined,
  onClosed: (part: string, closed: boolean) => void,
): Promise<{ result: PartResult; taps: Record<string, TapFileResult> }> {
  const taps = new PartTaps(tapsOf(cut, part, job));
  const writes = part.nodes.some((n) => n.node.type.kind === 'sink');
  const enters = part.nodes.some((n) => n.node.type.kind === 'source');
  // A gateway remembers what it sent in the run's folder, whichever part it is.
  const dir = job.state === undefined ? undefined : job.live && enters ? job.state : join(job.state, part.id);
  if (dir !== undefined && writes) mkdirSync(dir, { recursive: true });
  const store = writes ? await openStoreOfRun(job, dir) : undefined;
  const database = storeAccess(job);
  const live = await entrances?.open(part);
  const options: PartOptions = {
    cut,
    part,
    bus: job.bus,
    naming: namingOf(job.pipeline),
    holder: job.holder,
    inputs: job.inputs,
    taps: taps.ports,
    digests: job.tapAll !== undefined,
    onTap: (tap, keys) => taps.append(tap, keys),
    extra: { take: () => taps.take(), restore: (marks) => taps.restore(marks) },
    onRestart: (error) => job.onRestart?.(part.id, error),
    // What is live loses nothing either when it is opened anew, but that is for a process of its own.
    ...(job.live && enters ? {} : { passes: isPassing }),
    onClosed: (closed) => onClosed(part.id, closed),
    ...(job.stay ? { stay: job.stay } : {}),
    ...(dir === undefined ? {} : { dir, decisions: new DecisionFile(join(dir, 'decisions.jsonl'), job.pipeline.hash) }),
    ...(store ? { store } : {}),
    access: {
      ...job.live?.connection.access,
      ...(database ? { store: database } : {}),
      ...(job.s3 ? { s3: job.s3 } : {}),
      ...(job.publish ? { publish: job.publish } : {}),
      ...(control ? { control: control.inlet } : {}),
    },
    ...(live ? { live: live.live, session: job.live!.session, open: !job.live!.final } : {}),
    ...(live?.journals ? { onCommit: (mark) => live.journals!.committed(mark) } : {}),
    ...(job.mode ? { mode: job.mode } : {}),
    ...(job.seed === undefined ? {} : { seed: job.seed }),
    ...(job.commitMs === undefined ? {} : { commitMs: job.commitMs }),
    ...(job.ttlMs === undefined ? {} : { ttlMs: job.ttlMs }),
    ...(job.until === undefined ? {} : { until: job.until }),
    ...(job.signal ? { signal: job.signal } : {}),
    ...(job.onProgress ? { onProgress: job.onProgress } : {}),
    ...(control ? { onEngine: (engine) => control.engine(part, engine) } : {}),
    onSnapshot: (snapshot) => {
      job.onSnapshot?.(snapshot);
      control?.committed(part);
    },
  };
  try {
    const result = await runPart(options);
    return { result, taps: taps.close() };
  } finally {
    taps.close();
    await store?.close();
  }
}

function tapsOf(cut: Cut, part: Part, job: ServiceJob) {
  const own = new Set(part.nodes.map((n) => n.id));
  const paths = new Map<string, { path: string; format: 'csv' | 'jsonl' }>();
  for (const [port, path] of tapPaths(cut.plan, job)) {
    if (!own.has(port.split('.')[0]!)) continue;
    const format = extname(path).slice(1);
    if (format !== 'csv' && format !== 'jsonl')
      throw new ChimeraError('CHM903', `services cannot tap into ${path}`, {
        file: path,
        help: 'a file that is cut back after a crash is text: name it .csv or .jsonl',
      });
    paths.set(port, { path, format });
  }
  return paths;
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
export function countersOf(list: readonly Readonly<Record<Counter, number>>[]): Record<Counter, number> {
  const total: Record<Counter, number> = { filtered: 0, late: 0, dead_lettered: 0, dropped: 0 };
  for (const counters of list) for (const name of Object.keys(total) as Counter[]) total[name] += counters[name];
  return total;
}
