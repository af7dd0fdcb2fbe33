import { median } from '../stats.ts';
import type { InputFile } from './inputs.ts';
import type { Compared, Engine, Measured, Outcome, Workload } from './workload.ts';

export interface Row {
  engine: string;
  kind: Engine['kind'];
  version: string;
  runs: number;
  /** Units per CPU second, load included: median, least, most. */
  rate: [number, number, number];
  cpu_s: number;
  process_cpu_s: number;
  process_wall_s: number;
  peak_rss_mb: number;
  fills: number | undefined;
}
export interface WorkloadReport {
  id: string;
  title: string;
  unit: string;
  inputs: InputFile[];
  rows: Row[];
  /** Engines that do not install or run, and why. */
  absent: { engine: string; why: string }[];
  compared: Compared[];
  /** How many times the fastest event-driven peer, with imports left out and as whole processes. */
  ratio?: {
    fastest: string;
    times: number;
    process_times: number;
    goal: number;
    peers: string;
    memory_below_all: boolean;
  };
  left_out: readonly string[];
}

export function report(
  w: Workload,
  inputs: InputFile[],
  outcomes: readonly Outcome[],
  compared: Compared[],
): WorkloadReport {
  const rows: Row[] = [];
  const absent: WorkloadReport['absent'] = [];
  for (const o of outcomes)
    if ('failed' in o) absent.push({ engine: o.engine.name, why: o.failed });
    else rows.push(rowOf(o.engine, o.runs));
  const ratio = ratioOf(w, rows);
  return {
    id: w.id,
    title: w.title,
    unit: w.unit,
    inputs,
    rows,
    absent,
    compared,
    ...(ratio ? { ratio } : {}),
    left_out: w.leftOut,
  };
}

function rowOf(engine: Engine, runs: readonly Measured[]): Row {
  const of = (f: (m: Measured) => number) => median(runs.map(f));
  const rates = runs.map((r) => r.rows / r.cpu_s);
  return {
    engine: engine.name,
    kind: engine.kind,
    version: runs[0]!.version ?? '',
    runs: runs.length,
    rate: [median(rates), Math.min(...rates), Math.max(...rates)],
    cpu_s: of((r) => r.cpu_s),
    process_cpu_s: of((r) => r.process_cpu_s),
    process_wall_s: of((r) => r.process_wall_s),
    peak_rss_mb: of((r) => r.peak_rss_mb),
    fills: runs[0]!.fills,
  };
}

function ratioOf(w: Workload, rows: readonly Row[]): WorkloadReport['ratio'] {
  const ours = rows.find((r) => r.engine === w.engines.find((e) => e.id === w.ours)?.name);
  const against = w.engines.find((e) => e.id === w.goal?.against)?.name;
  const peers = rows.filter((r) => (against ? r.engine === against : r.kind === 'event'));
  if (!w.goal || !ours || peers.length === 0) return undefined;
  const fastest = peers.reduce((a, b) => (b.rate[0] > a.rate[0] ? b : a));
  const shortest = Math.min(...peers.map((p) => p.process_cpu_s));
  return {
    fastest: fastest.engine,
    times: ours.rate[0] / fastest.rate[0],
    process_times: shortest / ours.process_cpu_s,
    goal: w.goal.times,
    peers: against ? 'its' : "every event-driven peer's",
    memory_below_all: peers.every((p) => p.peak_rss_mb > ours.peak_rss_mb),
  };
}

const n = (x: number): string => (x >= 1000 ? Math.round(x).toLocaleString('en-US') : x.toPrecision(3));

export function markdown(r: WorkloadReport): string {
  const { ratio } = r;
  return [
    `### ${r.title}`,
    '',
    `| engine | ${r.unit}/CPU-s | min – max | CPU s | whole process, CPU s | wall s | peak MB | fills | runs |`,
    '|---|---:|---|---:|---:|---:|---:|---:|---:|',
    ...r.rows.map(
      (w) =>
        `| ${w.engine}${w.version ? ` ${w.version}` : ''} | ${n(w.rate[0])} | ${n(w.rate[1])} – ${n(w.rate[2])} | ${n(w.cpu_s)} | ${n(w.process_cpu_s)} | ${n(w.process_wall_s)} | ${n(w.peak_rss_mb)} | ${w.fills ?? ''} | ${w.runs} |`,
    ),
    ...r.absent.map((a) => `| ${a.engine} | – |  |  |  |  |  |  | ${a.why.replaceAll('|', '/')} |`),
    '',
    ...(ratio
      ? [
          `${n(ratio.times)}× ${ratio.fastest} (goal ${ratio.goal}×), ${n(ratio.process_times)}× as whole processes; peak memory ${ratio.memory_below_all ? 'below' : 'NOT below'} ${ratio.peers}.`,
          '',
        ]
      : []),
    ...r.compared.map((c) => `- ${c.engine}, ${c.by}: ${c.found}`),
    '',
    `Input: ${r.inputs.length === 1 ? `${n(r.inputs[0]!.rows)} rows, sha256 \`${r.inputs[0]!.sha256.slice(0, 16)}\`` : `${r.inputs.length} files of ${n(r.inputs[0]!.rows)} rows, sha256 of the first \`${r.inputs[0]!.sha256.slice(0, 16)}\``}`,
    '',
  ].join('\n');
}
