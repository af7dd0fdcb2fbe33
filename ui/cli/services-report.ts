import { quantileOf } from '../../graph/cut/part-snapshot.ts';
import type { ServiceReport } from '../run/bus/service.ts';
import type { RunReport } from '../run/run.ts';

/**
 * The report of a whole run, made of those of its services.
 * @param started when the run began, as `performance.now()` gives it
 */
export function reportOf(reports: readonly ServiceReport[], started: number): RunReport {
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
