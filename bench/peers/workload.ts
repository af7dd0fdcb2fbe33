import type { InputFile } from './inputs.ts';

/** A Chimera fill profile: options of the simulated venue under which it fills as a peer does. */
export interface FillProfile {
  name: string;
  /** `--set NAME=VALUE` of the pipeline that differ from its own. */
  sets: Readonly<Record<string, string>>;
  /** What is still compared with a tolerance, and why. */
  px_tolerance?: number;
  /** A peer that tells its fills later than they were made. */
  time_tolerance_ms?: number;
  note: string;
}

export interface Engine {
  id: string;
  /** As the table names it. */
  name: string;
  /** `event`: goes through the rows in time, as a live run would; `bound`: whole columns at once, an upper bound. */
  kind: 'chimera' | 'event' | 'bound';
  /** The lock file (`locks/NAME.txt`) of the virtual environment that holds it; none for Chimera and its parts. */
  environment?: string;
  /** Arguments of its Python or, without an environment, of Node. */
  args: (run: RunContext) => string[];
  /** The fill profile under which Chimera is compared with it. */
  profile?: string;
  /** Slow ones are run fewer times. */
  repeatsAtMost?: number;
  cores?: number;
  /** Finds the decoded inputs that the engine before it kept; all others find none. */
  again?: true;
  note?: string;
}
export interface RunContext {
  /** The files of the workload, in order; or what it made of them. */
  inputs: readonly string[];
  /** Where the engine writes its fills or results. */
  fills: string;
  /** A tenth of the work, for those that make their own input. */
  quick: boolean;
}

/** What the engines of a workload are compared by. */
export interface Figure {
  unit: string;
  better: 'more' | 'less';
  of: (run: Measured) => number;
}
export const perCpuSecond = (rows: string): Figure => ({
  unit: `${rows}/CPU-s`,
  better: 'more',
  of: (run) => run.rows / run.cpu_s,
});

/** Two rows of a table side by side, or one by itself; with a bound it is a goal, without one it is only told. */
export interface Comparison {
  /** An engine of Chimera, by its id. */
  ours: string;
  /** An engine by its id, or `event`: the best of the event-driven peers. Without it: the figure itself. */
  against?: string;
  /** Default: the workload's figure. `process`: rows per CPU second of the whole process; `wall`: rows per second; `memory`: peak. */
  of?: 'figure' | 'process' | 'wall' | 'memory';
  /** Of ours over theirs, the median of the turns. */
  atLeast?: number;
  atMost?: number;
}

/** What an engine left behind: its runs and the file that the last one wrote. */
export interface Ran {
  engine: Engine;
  runs: readonly Measured[];
  written: string;
}

export interface Workload {
  id: string;
  title: string;
  figure: Figure;
  /** Names that generate.py knows; `quick` for `--quick`. None: each engine makes the same rows by a formula. */
  inputs: readonly string[];
  quick: readonly string[];
  /** Makes what the engines read of the generated files, in a folder that is deleted afterwards. */
  prepare?: (files: readonly InputFile[], folder: string) => { inputs: readonly string[]; note: string };
  engines: readonly Engine[];
  comparisons: readonly Comparison[];
  profiles?: readonly FillProfile[];
  /** Arguments of Node under which Chimera writes its fills of a profile. */
  fillsUnder?: (profile: FillProfile, run: RunContext) => string[];
  /** Compares what else the engines found. */
  compare?: (ran: readonly Ran[], inputs: readonly string[]) => readonly Compared[];
  leftOut: readonly string[];
}

export interface Compared {
  engine: string;
  /** The fill profile, or what else was compared. */
  by: string;
  ok: boolean;
  found: string;
}

/** What an engine's process prints as its last line. */
export interface Answer {
  version?: string;
  rows: number;
  fills?: number;
  /** What was computed, where engines are to find the same. */
  result?: readonly number[];
  /** What a workload's figure is taken of, where that is not rows and time. */
  ns_per_node_cycle?: number;
  /** From opening the input to the last fill, without starting the interpreter and importing. */
  cpu_s: number;
  wall_s: number;
}
/** A run: the answer, and what the process took from outside. */
export interface Measured extends Answer {
  process_cpu_s: number;
  process_wall_s: number;
  peak_rss_mb: number;
}
export type Outcome = { engine: Engine; runs: Measured[] } | { engine: Engine; failed: string };
