import type { Registry } from 'prom-client';
import type { InletSnapshot, OutletSnapshot, PartSnapshot } from '../../graph/cut/part-snapshot.ts';
import { handoverMetric } from './handover-metric.ts';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];
interface Spec {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly labels: readonly string[];
  readonly of: (s: PartSnapshot) => readonly Sample[];
}

/** What a bus can suffer from; each is a series of its own, 1 for the one that holds. */
export const BUS_STATES = ['ok', 'CHM521', 'CHM523', 'CHM524', 'CHM525', 'CHM526', 'CHM527', 'CHM528'] as const;

const PART = ['part', 'service'] as const;
const labelsOf = (s: PartSnapshot): Labels => ({ part: s.part, service: s.service });
const perPart = (
  name: string,
  type: Spec['type'],
  help: string,
  value: (s: PartSnapshot) => number | undefined,
): Spec => ({
  name,
  help,
  type,
  labels: PART,
  of: (s) => {
    const v = value(s);
    return v === undefined ? [] : [[labelsOf(s), v]];
  },
});
const perStream = <S extends InletSnapshot | OutletSnapshot>(
  name: string,
  help: string,
  streams: (s: PartSnapshot) => readonly S[],
  value: (stream: S) => number,
): Spec => ({
  name,
  help,
  type: 'gauge',
  labels: [...PART, 'stream'],
  of: (s) => streams(s).map((x) => [{ ...labelsOf(s), stream: x.stream }, value(x)]),
});
const inlets = (s: PartSnapshot) => s.inlets;
const outlets = (s: PartSnapshot) => s.outlets;
const stateOf = (s: PartSnapshot): string => s.state?.code ?? 'ok';

const SPECS: readonly Spec[] = [
  perPart('chimera_part_cycles_total', 'counter', 'Cycles run by this process.', (s) => s.cycles),
  perPart('chimera_part_engine_timestamp_seconds', 'gauge', 'Engine time, since the epoch.', (s) => s.nowUs / 1e6),
  perPart('chimera_part_lag_seconds', 'gauge', 'How far the part is behind what it could have run.', (s) => {
    return s.lagUs / 1e6;
  }),
  perPart('chimera_part_restarts_total', 'counter', 'How often the part went back to a commit.', (s) => s.restarts),
  perPart('chimera_part_commits_total', 'counter', 'Commits.', (s) => s.commits),
  perPart('chimera_part_commit_seconds_total', 'counter', 'Time that commits took together.', (s) => s.commitMs / 1e3),
  perPart(
    'chimera_events_filtered_total',
    'counter',
    'Inputs that a node left out as it was told to.',
    (s) => s.counters.filtered,
  ),
  perPart(
    'chimera_events_late_total',
    'counter',
    'Inputs for a bar or window that was closed already.',
    (s) => s.counters.late,
  ),
  perPart(
    'chimera_events_dead_lettered_total',
    'counter',
    'Inputs that nothing could be done with, put aside.',
    (s) => s.counters.dead_lettered,
  ),
  perPart(
    'chimera_events_dropped_total',
    'counter',
    'Inputs given up behind Bronze. Not one is expected.',
    (s) => s.counters.dropped,
  ),
  perStream(
    'chimera_edge_queue_cycles',
    'Cycles that have arrived and wait to be run.',
    inlets,
    (i) => i.arrived - i.position,
  ),
  perStream('chimera_edge_behind_cycles', 'Cycles announced by the writer and not run yet.', inlets, (i) => i.behind),
  perStream('chimera_edge_read_position', 'Number of the last cycle that was run.', inlets, (i) => i.position),
  perStream('chimera_edge_written_position', 'Number of the last cycle made.', outlets, (o) => o.position),
  perStream('chimera_edge_unsent_records', 'Records made and not sent yet.', outlets, (o) => o.waiting),
  {
    name: 'chimera_bus_state',
    help: 'State of the bus as the part sees it: 1 for the code that holds (ok, or an error code), 0 for the others.',
    type: 'gauge',
    labels: [...PART, 'code'],
    of: (s) => {
      const code = stateOf(s);
      return [...new Set([...BUS_STATES, code])].map((c) => [{ ...labelsOf(s), code: c }, c === code ? 1 : 0]);
    },
  },
  {
    name: 'chimera_part_trouble',
    help: 'What the part waits to pass before it tries again, by error code: a full disk, a database that is away.',
    type: 'gauge',
    labels: [...PART, 'code'],
    of: (s) => (s.trouble ? [[{ ...labelsOf(s), code: s.trouble.code }, 1]] : []),
  },
  perPart(
    'chimera_bus_state_since_timestamp_seconds',
    'gauge',
    'When the state of the bus began, since the epoch.',
    (s) => (s.state ? s.state.since / 1e3 : undefined),
  ),
];

/**
 * A registry with the figures of the given parts, and nothing from before: made anew for each scrape.
 * Times are in seconds, as Prometheus has them; counters begin with the process.
 */
export async function partMetrics(snapshots: readonly PartSnapshot[]): Promise<Registry> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  for (const { name, help, type, labels, of } of SPECS) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    const samples = snapshots.flatMap(of);
    if (type === 'counter') {
      const counter = new Counter(options);
      for (const [l, v] of samples) counter.inc(l, v);
    } else {
      const gauge = new Gauge(options);
      for (const [l, v] of samples) gauge.set(l, v);
    }
  }
  registry.registerMetric(handoverMetric(snapshots));
  return registry;
}
