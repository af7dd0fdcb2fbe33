import type { Pipeline } from '../../../graph/document/types.ts';
import { type Tap, tapRow } from '../../../graph/engine/tap.ts';
import { diffPipelines, type GraphDiff } from '../../../graph/reload/diff.ts';
import { planReload } from '../../../graph/reload/reload.ts';
import { ChimeraError, isNumberField, type KeyInfo, type KeyTable } from '../../../graph/schema/index.ts';
import { formatValue } from '../../../graph/tap/format.ts';
import { MONEY_SCALE } from '../../report/decimal.ts';
import { type InspectJob, openPast } from './open.ts';
import { BEGINNING, type Mark, PastRun, type PastRunOptions } from './past-run.ts';

export interface DryRunJob extends InspectJob {
  readonly candidate: Pipeline;
  /** How much of the run's past, hours of engine time; it begins at the newest checkpoint that lies so far back. */
  readonly hours: number;
  readonly restart?: readonly string[];
}
/** A record of one side that the other has not. */
export interface DryRow {
  /** Engine time, µs. */
  readonly t: number;
  readonly port: string;
  readonly key: string;
  /** Exact amounts as decimals, in units. */
  readonly values: Readonly<Record<string, unknown>>;
}
/** What was said about one matter by both graphs. */
export interface Compared {
  readonly running: number;
  readonly candidate: number;
  readonly same: number;
  /** The first ones in order of time; the counts say how many there are. */
  readonly only_running: readonly DryRow[];
  readonly only_candidate: readonly DryRow[];
}
export interface DryRun {
  readonly window: { readonly from_us: number; readonly to_us: number; readonly events: number };
  readonly running: string;
  readonly candidate: string;
  readonly diff: GraphDiff;
  readonly orders: Compared;
  readonly fills: Compared;
  readonly decisions: Compared;
  /** Of the fills: realised profit less fees, in the currency of the account. Funding is in neither. */
  readonly pnl: { readonly running: number; readonly candidate: number };
  /**
   * The venue is part of the graph, so both graphs' orders are matched. With a real one both see the reports of the orders that
   * were really sent: fills, and what follows from them, are comparable up to the first order that differs.
   */
  readonly venue_in_graph: boolean;
}

const MOST_ROWS = 200;
const STRETCH = 65_536;
const HOUR_US = 3_600_000_000;
/** Numbers that follow from how many there were before, not from what was decided. */
const NAMES = ['client_id', 'intent_id', 'order_id', 'trade_id', 'id', 'parent', 'replaces'];

type Matter = 'orders' | 'fills' | 'decisions';
const MATTERS: readonly Matter[] = ['orders', 'fills', 'decisions'];

/**
 * Runs a candidate over the last hours of a run, from a checkpoint of it as a reload there would have begun, and says where it
 * would have ordered, traded and decided otherwise than the graphs that ran. Takes the processor for that long: not for the
 * process of a live run.
 * @throws CHM751 when it could not take the place of the running graph, CHM758 when the inputs are not there any more
 */
export async function dryRun(job: DryRunJob): Promise<DryRun> {
  const { options, ladder, commit, latest } = await openPast(job);
  const restart = job.restart ?? [];
  planReload(latest, { pipeline: job.candidate, restart });
  if (!commit) throw new ChimeraError('CHM758', 'the run has not committed yet', { help: 'wait for its first commit' });
  const to = Math.max(commit.snapshot.now, commit.until ?? 0);
  const rung = ladder?.rungs.findLast((r) => r.now <= to - job.hours * HOUR_US);
  const begun = rung && ladder!.load(rung);
  const start: Mark = rung && begun ? { ...rung, snapshot: begun.snapshot } : BEGINNING;
  const { rows: before, fromUs } = await said(options, start, to, commit.events);
  const { rows: after } = await said(
    { ...options, first: job.candidate, reloads: [], fallbacks: true },
    { ...start, reloads: 0, snapshot: start.snapshot && withoutNodes(start.snapshot, restart) },
    to,
    commit.events,
  );
  const compared = (matter: Matter) => compare(before[matter], after[matter]);
  return {
    window: { from_us: fromUs, to_us: to, events: commit.events - start.events },
    running: latest.hash,
    candidate: job.candidate.hash,
    diff: diffPipelines(latest, job.candidate, restart),
    orders: compared('orders'),
    fills: compared('fills'),
    decisions: compared('decisions'),
    pnl: { running: pnlOf(before.fills), candidate: pnlOf(after.fills) },
    venue_in_graph: !latest.nodes.some((n) => n.gateway),
  };
}
const withoutNodes = (s: NonNullable<Mark['snapshot']>, nodes: readonly string[]) => ({
  ...s,
  instances: s.instances.filter((i) => !nodes.includes(i.node)),
});

/** @returns what a graph said, and the engine time at which that begins */
async function said(
  o: PastRunOptions,
  start: Mark,
  to: number,
  events: number,
): Promise<{ rows: Record<Matter, DryRow[]>; fromUs: number }> {
  const rows: Record<Matter, DryRow[]> = { orders: [], fills: [], decisions: [] };
  const graphs = [o.first, ...o.reloads.map((r) => r.pipeline)];
  const taps = [...new Set(graphs.flatMap(portsOfMatter))];
  const run = new PastRun({ ...o, taps, onTap: (tap) => collect(tap, o.keys, rows) });
  try {
    if (start.snapshot) await run.goTo(start);
    // The beginning of a run has no time of its own: that of its first input counts.
    else await run.rows(1, to + 1);
    const fromUs = run.engine.now;
    while (run.events < events && (await run.rows(Math.min(STRETCH, events - run.events), to + 1)) > 0);
    await run.settle(to);
    return { rows, fromUs };
  } finally {
    await run.close();
  }
}
function portsOfMatter(p: Pipeline): string[] {
  return p.nodes.flatMap((n) =>
    Object.entries(n.out).flatMap(([port, spec]) => (matterOf(spec.schema.name) ? [`${n.id}.${port}`] : [])),
  );
}
function matterOf(schema: string): Matter | undefined {
  if (schema === 'order_command') return 'orders';
  if (schema === 'order_report') return 'fills';
  return schema === 'verdict' || schema === 'intent' ? 'decisions' : undefined;
}
function collect(tap: Tap, keys: KeyTable, rows: Record<Matter, DryRow[]>): void {
  const matter = matterOf(tap.schema.name)!;
  for (let i = 0; i < tap.n; i++) {
    const values = tapRow(tap, i);
    if (matter === 'fills' && values['exec'] !== 'trade') continue;
    const key = tap.key(i) < 0 ? undefined : keys.at(tap.key(i));
    rows[matter].push({
      t: tap.time(i),
      port: `${tap.node}.${tap.port}`,
      key: key?.name ?? '',
      values: inUnits(tap, values, key),
    });
  }
}
const EXACT = new Set(['px', 'qty', 'quote', 'money']);
function inUnits(tap: Tap, values: Record<string, unknown>, key: KeyInfo | undefined): Record<string, unknown> {
  for (const [name, f] of Object.entries(tap.schema.fields)) {
    if (!isNumberField(f)) continue;
    if (Number.isNaN(values[name])) values[name] = null;
    else if (EXACT.has(f.kind)) values[name] = formatValue(f, values[name], key);
  }
  return values;
}
/** Summed in the smallest unit: exact. */
const pnlOf = (fills: readonly DryRow[]): number =>
  fills.reduce((sum, { values: v }) => sum + unitsOf(v['realized_pnl']) - unitsOf(v['fee']), 0) / MONEY_SCALE;
const unitsOf = (decimal: unknown): number => Math.round(Number(decimal ?? 0) * MONEY_SCALE);

/** Rows are the same when time, port, instrument and values are; names that only count do not matter. */
function compare(running: readonly DryRow[], candidate: readonly DryRow[]): Compared {
  const open = new Map<string, number[]>();
  running.forEach((r, i) => {
    const id = identity(r);
    const at = open.get(id);
    if (at) at.push(i);
    else open.set(id, [i]);
  });
  const met = new Set<number>();
  const onlyCandidate = candidate.filter((r) => {
    const i = open.get(identity(r))?.shift();
    if (i !== undefined) met.add(i);
    return i === undefined;
  });
  return {
    running: running.length,
    candidate: candidate.length,
    same: met.size,
    only_running: running.filter((_, i) => !met.has(i)).slice(0, MOST_ROWS),
    only_candidate: onlyCandidate.slice(0, MOST_ROWS),
  };
}
const identity = ({ t, port, key, values }: DryRow): string =>
  JSON.stringify([t, port, key, Object.entries(values).filter(([name]) => !NAMES.includes(name))]);

export const isDifferent = (d: DryRun): boolean =>
  MATTERS.some((m) => d[m].same < Math.max(d[m].running, d[m].candidate));
