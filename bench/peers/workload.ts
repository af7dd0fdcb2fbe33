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
  note?: string;
}
export interface RunContext {
  /** The files of the workload, in order. */
  inputs: readonly string[];
  /** Where the engine writes its fills or results. */
  fills: string;
}

export interface Workload {
  id: string;
  title: string;
  /** What is counted: `candles`, `rows`, … */
  unit: string;
  /** Names that generate.py knows; `quick` for `--quick`. */
  inputs: readonly string[];
  quick: readonly string[];
  engines: readonly Engine[];
  /** How fast and small Chimera is to be, compared with the fastest event-driven peer. */
  goal?: { times: number /** The engine that it is about, when not the fastest event-driven one. */; against?: string };
  /** The row of Chimera that goals and profiles are about. */
  ours?: string;
  profiles?: readonly FillProfile[];
  /** Arguments of Node under which Chimera writes its fills of a profile. */
  fillsUnder?: (profile: FillProfile, run: RunContext) => string[];
  /** Compares what the engines wrote where these are no fills; files by engine. */
  compare?: (written: ReadonlyMap<string, string>) => readonly Compared[];
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
