import { median } from '../stats.ts';
import { type Told, tell } from './compare.ts';
import type { InputFile } from './inputs.ts';
import type { Compared, Engine, Measured, Outcome, Workload } from './workload.ts';

export interface Row {
  engine: string;
  kind: Engine['kind'];
  version: string;
  runs: number;
  /** The workload's figure, load included: median, least, most. */
  figure: [number, number, number];
  cpu_s: number;
  process_cpu_s: number;
  process_wall_s: number;
  peak_rss_mb: number;
  fills: number | undefined;
}
export interface WorkloadReport {
  id: string;
  title: string;
  /** Of the figures. */
  unit: string;
  inputs: InputFile[];
  /** What else is to be said of the input. */
  input_note: string | undefined;
  rows: Row[];
  /** Engines that do not install or run, and why. */
  absent: { engine: string; why: string }[];
  compared: Compared[];
  /** What stands beside what, and the goals among it. */
  told: Told[];
  /** Processes waiting, before and after (`/proc/loadavg`). */
  load: [number, number];
  left_out: readonly string[];
}

export function report(
  w: Workload,
  input: { files: InputFile[]; note?: string | undefined; quick: boolean },
  outcomes: readonly Outcome[],
  compared: Compared[],
  load: [number, number],
): WorkloadReport {
  const rows: Row[] = [];
  const absent: WorkloadReport['absent'] = [];
  for (const o of outcomes)
    if ('failed' in o) absent.push({ engine: o.engine.name, why: o.failed });
    else rows.push(rowOf(w, o.engine, o.runs));
  return {
    id: w.id,
    title: w.title,
    unit: w.figure.unit,
    inputs: input.files,
    input_note: input.note,
    rows,
    absent,
    compared,
    told: tell(w, outcomes, !input.quick),
    load,
    left_out: w.leftOut,
  };
}

function rowOf(w: Workload, engine: Engine, runs: readonly Measured[]): Row {
  const of = (f: (m: Measured) => number) => median(runs.map(f));
  const figures = runs.map(w.figure.of);
  return {
    engine: engine.name,
    kind: engine.kind,
    version: runs[0]!.version ?? '',
    runs: runs.length,
    figure: [median(figures), Math.min(...figures), Math.max(...figures)],
    cpu_s: of((r) => r.cpu_s),
    process_cpu_s: of((r) => r.process_cpu_s),
    process_wall_s: of((r) => r.process_wall_s),
    peak_rss_mb: of((r) => r.peak_rss_mb),
    fills: runs[0]!.fills,
  };
}

const n = (x: number): string => (x >= 1000 ? Math.round(x).toLocaleString('en-US') : x.toPrecision(3));

export function markdown(r: WorkloadReport): string {
  const fills = r.rows.some((w) => w.fills !== undefined);
  const table = [
    [
      'engine',
      r.unit,
      'min – max',
      'CPU s',
      'whole process, CPU s',
      'wall s',
      'peak MB',
      ...(fills ? ['fills'] : []),
      'runs',
    ],
    ['---', '---:', '---', '---:', '---:', '---:', '---:', ...(fills ? ['---:'] : []), '---:'],
    ...r.rows.map((w) => [
      `${w.engine}${w.version ? ` ${w.version}` : ''}`,
      n(w.figure[0]),
      `${n(w.figure[1])} – ${n(w.figure[2])}`,
      ...[w.cpu_s, w.process_cpu_s, w.process_wall_s, w.peak_rss_mb].map(n),
      ...(fills ? [`${w.fills ?? ''}`] : []),
      `${w.runs}`,
    ]),
    ...r.absent.map((a) => [a.engine, '–', a.why.replaceAll('|', '/')]),
  ];
  return [
    `### ${r.title}`,
    '',
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...r.told.map((t) => `- ${sentence(t, r.unit)}`),
    ...r.compared.map((c) => `- ${c.engine}, ${c.by}: ${c.found}`),
    '',
    `${inputLine(r)} Load ${r.load.map((x) => x.toFixed(1)).join(' – ')}.`,
    '',
  ].join('\n');
}

/** A comparison in words. A row that is missing is no goal reached. */
function sentence(t: Told, unit: string): string {
  const what = { figure: unit, process: 'rate as a whole process', wall: 'rate by the clock', memory: 'peak memory' }[
    t.of
  ];
  const verdict = t.reached === undefined ? ' for the full size' : t.reached ? ': reached' : ': **not reached**';
  const goal = t.goal === undefined ? '' : `; goal ${t.goal}${verdict}`;
  if (!t.measured) return `${t.ours}, ${what}: not measured${goal}`;
  const [mid, least, most] = t.measured.map(n);
  const figures = `${mid}${least === most ? '' : ` (${least} – ${most})`}`;
  return `${t.ours}, ${what}: ${figures}${t.against ? ` times that of ${t.against}` : ''}${goal}`;
}

function inputLine(r: WorkloadReport): string {
  const first = r.inputs[0];
  const parts = [
    first === undefined
      ? 'Input: made by each engine from one formula.'
      : r.inputs.length === 1
        ? `Input: ${n(first.rows)} rows, sha256 \`${first.sha256.slice(0, 16)}\`.`
        : `Input: ${r.inputs.length} files of ${n(first.rows)} rows, sha256 of the first \`${first.sha256.slice(0, 16)}\`.`,
    r.input_note,
  ];
  return parts.filter(Boolean).join(' ');
}
