import type { Rule } from '../../operators/decision/rule-config.ts';
import type { DocumentStore } from '../../sinks/store/index.ts';
import type {
  Checkpoint,
  DeadLetter,
  DryRun,
  Graph,
  GraphDiff,
  Kill,
  Moment,
  NodeAt,
  Row,
  Run,
  Stats,
  Stream,
  Trading,
  Verdict,
} from './contract/records.ts';

/** Who asks, and the id that goes with everything that comes of it. */
export interface Asked {
  readonly by: string;
  readonly correlation: string;
  /** Names the command for good: the same again is the same. */
  readonly idempotency?: string | undefined;
}

export interface OrderRequest {
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly type: string;
  readonly price?: string | undefined;
  readonly qty: string;
  readonly reduce_only?: boolean | undefined;
  readonly reason?: string | undefined;
}
export interface CancelRequest {
  readonly instrument: string;
  readonly client_id: string;
  readonly reason?: string | undefined;
}
/** What became of an order by hand: it went to the last gate under this id. */
export interface ManualAnswer {
  readonly client_id: string;
  /** Engine time at which the command entered, µs, and its place in the journal. */
  readonly at_us: number;
  readonly source: string;
  readonly seq: number;
}
export interface KillRequest {
  readonly action: 'engage' | 'release';
  readonly reason: string;
}
export interface TransferRequest {
  readonly from: string;
  readonly to: string;
  readonly asset: string;
  readonly amount: string;
}

/**
 * Commands to a run: each appends an event to a port of the graph, and answers with what came of it. A run offers those that its
 * graph has a node for; every other answers CHM1121.
 */
export interface RunCommands {
  kill(request: KillRequest, asked: Asked): Promise<Kill>;
  order(request: OrderRequest, asked: Asked): Promise<ManualAnswer>;
  cancel(request: CancelRequest, asked: Asked): Promise<ManualAnswer>;
  reconcile(request: Record<string, never>, asked: Asked): Promise<unknown>;
  transfer(request: TransferRequest, asked: Asked): Promise<unknown>;
  replayDeadLetter(request: { id: string }, asked: Asked): Promise<DeadLetter>;
}
/** The time machine. */
export interface RunInspector {
  node(request: {
    node: string;
    key?: string | undefined;
    cycle?: number | undefined;
    at_us?: number | undefined;
  }): Promise<NodeAt>;
  moment(request: { cycle?: number | undefined; at_us?: number | undefined; step: -1 | 0 | 1 }): Promise<Moment>;
}
/** Another graph instead of the running one. */
export interface RunReload {
  diff(request: { yaml: string }): Promise<GraphDiff>;
  dryRun(request: { yaml: string; hours: number }, signal?: AbortSignal): Promise<DryRun>;
  reload(request: { yaml: string }, asked: Asked): Promise<GraphDiff>;
}
/** Everything that may be asked of a run by name; what it offers is told when it begins. */
export type RunCalls = RunCommands & RunInspector & RunReload;
export type CallName = keyof RunCalls;

export interface TapRequest {
  readonly node: string;
  readonly port: string;
  readonly key?: string | undefined;
  /** CEL over the fields of the port. */
  readonly filter?: string | undefined;
  /** Rows a second. */
  readonly per_s: number;
}
export interface TapRows {
  readonly rows: readonly Row[];
  /** Rows that were there and are not in `rows`, since the last call. */
  readonly left_out: number;
}

/** What a run that is going on tells. */
export interface LiveRun {
  stats(): Stats | undefined;
  trading(): Trading | undefined;
  /** @throws CHM1137; the answer ends the tap */
  tap(request: TapRequest, take: (rows: TapRows) => void): () => void;
  /** From now on `stats` is renewed several times a second; the answer ends it. */
  watch(): () => void;
  /** Called when stats or trading are new. */
  onChange(listener: (what: 'stats' | 'trading' | 'graph' | 'ended') => void): () => void;
}

export interface DecisionQuery {
  readonly key?: string | undefined;
  readonly node?: string | undefined;
  readonly from_us?: number | undefined;
  readonly to_us?: number | undefined;
  /** Only decisions before this cycle. */
  readonly before?: number | undefined;
  readonly limit: number;
}
/** Decision moments of a run, with everything that the decision read. */
export interface Decisions {
  list(query: DecisionQuery): Promise<Verdict[]>;
  /** All verdicts of a cycle, with the whole tree of conditions. */
  why(cycle: number): Promise<Verdict[]>;
}

/** A node of rules as the document configures it. */
export interface RuleNode {
  readonly id: string;
  /** Names of the features it reads. */
  readonly features: readonly string[];
  readonly rules: readonly Rule[];
}
export interface Bound {
  readonly file: string;
  readonly profile?: { readonly file: string; readonly text: string } | undefined;
  readonly sets?: Readonly<Record<string, string>> | undefined;
}

/** Where a run wrote down what it needs to be computed again. */
export interface Kept {
  readonly state: string;
  /** Lake that it captured: a folder, or an address. */
  readonly capture?: string | undefined;
  /** The document that runs, or that ran last. */
  readonly yaml: string;
  readonly bound: Bound;
}

export interface Candle {
  readonly t_us: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
}

/** One run as the API knows it: of this process, or from its folder. */
export interface RunHandle {
  readonly id: string;
  run(): Run;
  graph(): Graph | undefined;
  /** Files of the report; undefined = there is none. */
  report(kind: 'html' | 'json'): Promise<string | undefined>;
  documents(): Promise<DocumentStore | undefined>;
  decisions(): Promise<Decisions | undefined>;
  bars(query: {
    instrument: string;
    from_us: number;
    to_us: number;
    width_us: number;
    limit: number;
  }): Promise<Candle[] | undefined>;
  checkpoints(): Promise<Checkpoint[]>;
  streams(): Promise<Stream[]>;
  live(): LiveRun | undefined;
  /** Rules of its decision nodes. */
  rules(): readonly RuleNode[];
  /** Cycles that failed and were put aside while it goes on. */
  deadLetters(): readonly DeadLetter[];
  /** What a document is bound to when it takes the place of this run's. */
  bound(): Bound;
  /** What it wrote down of its past, if it keeps a state folder. */
  kept(): Kept | undefined;
  offers(call: CallName): boolean;
  /** @throws CHM1121 what is not offered, CHM1122 no answer in time, or what the run said */
  call<N extends CallName>(name: N, ...args: Parameters<RunCalls[N]>): Promise<Awaited<ReturnType<RunCalls[N]>>>;
}

export interface RunList {
  list(): RunHandle[];
  get(id: string): RunHandle | undefined;
}
