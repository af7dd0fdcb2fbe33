import type { Metric } from 'prom-client';
import type { PartSnapshot } from '../../graph/cut/part-snapshot.ts';

interface Value {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * The hand-over times as a histogram. The library's own takes single observations only; a registry asks its metrics for nothing
 * but `get`, so this one answers with buckets that were counted elsewhere. Cumulative, in seconds, as the text format has them.
 */
export function handoverMetric(snapshots: readonly PartSnapshot[]): Metric {
  const name = 'chimera_edge_handover_seconds';
  const metric = {
    name,
    help: 'From the sending of an entry to its arrival in the part that reads it.',
    type: 'histogram',
    aggregator: 'sum',
    values: snapshots.flatMap((s) => s.handover.flatMap((h) => valuesOf(name, s, h))),
  };
  return { ...metric, get: async () => metric, reset: () => {} } as unknown as Metric;
}

function valuesOf(name: string, { part, service }: PartSnapshot, h: PartSnapshot['handover'][number]): Value[] {
  const labels = { part, service, from: h.from };
  let count = 0;
  const buckets = h.counts.map((n, i): Value => {
    count += n;
    const bound = h.boundsUs[i];
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: bound === undefined ? '+Inf' : bound / 1e6 },
      value: count,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: h.sumUs / 1e6 },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
