import type { Schema, TextField } from '../../graph/schema/index.ts';
import type { Graph, Problem, Run, RunState, Trading } from '../api/contract/records.ts';
import type { Bound, CallName, RuleNode } from '../api/ports.ts';

/** A key of the run, with the decimals of its amounts. */
export interface KeyName {
  readonly name: string;
  readonly pxDigits: number;
  readonly qtyDigits: number;
}
/** What is told of a run when it begins, or goes on with another graph: plain data. */
export interface Beginning {
  readonly run: Run;
  readonly graph: Graph;
  readonly rules: readonly RuleNode[];
  readonly bound: Bound;
  /** Schema of each out-port, by `node.port`. */
  readonly schemas: Readonly<Record<string, Schema>>;
  /** Names of what can cause a cycle: rows name them by index. */
  readonly causes: readonly string[];
  /** Plan nodes in order: arrays of figures follow it. */
  readonly nodes: readonly string[];
  /** Ports in the order of the plan, `node.port`. */
  readonly ports: readonly string[];
  readonly trading: TradingPorts;
  /** What the run can be asked to do. */
  readonly offers: readonly CallName[];
  /** Folder of the run under the home, where what is observed is kept; undefined = in memory. */
  readonly dir?: string;
  /** Folder with the store of documents. */
  readonly state?: string;
  /** Lake that the run captures. */
  readonly capture?: string;
  readonly report?: string;
}
/** Ports that say what is traded; absent where the graph has none. */
export interface TradingPorts {
  readonly market: string;
  readonly report?: string;
  readonly account?: string;
  readonly command?: string;
  readonly change?: string;
  /** Sampled: last values. */
  readonly position?: string;
  readonly venuePosition?: string;
  readonly price?: string;
  /** How far the closing of everything is; and the switch itself, which knows who engaged it. */
  readonly kill?: string;
  readonly killSwitch?: string;
  readonly reconcile?: string;
  readonly bars: readonly { readonly port: string; readonly width_us: number }[];
}

/** Rows of a port as columns, in the order of its schema. */
export interface Columns {
  readonly n: number;
  readonly cause: Float64Array;
  readonly seq: Float64Array;
  readonly t: Float64Array;
  readonly key: Float64Array;
  readonly columns: readonly (Float64Array | unknown[])[];
}
export interface PortRows extends Columns {
  readonly port: string;
  /** Rows that there were since the last time, those that are not in here included. */
  readonly seen: number;
}
export interface DecisionRows {
  readonly node: string;
  readonly n: number;
  readonly missed: number;
  readonly cycles: Float64Array;
  /** Bit 0: there is a position; bit 1: there is a state of the guards. */
  readonly present: Float64Array;
  readonly verdict: Columns;
  readonly features: Columns;
  readonly position: Columns | null;
  readonly guard: Columns | null;
  readonly schemas: { readonly features: Schema; readonly position: Schema | null; readonly guard: Schema | null };
}
/** Counts of the engine at one moment; arrays in the order of `Beginning.nodes` and `Beginning.ports`. */
export interface Figures {
  readonly at_us: number;
  readonly wall_ms: number;
  readonly events: number;
  readonly cycles: number;
  readonly lag_us: number;
  /** Share of the last interval in which the thread was busy. */
  readonly busy: number;
  readonly rss_bytes: number;
  readonly counters: Readonly<Record<'filtered' | 'late' | 'dead_lettered' | 'dropped', number>>;
  readonly runs: Float64Array;
  readonly instances: Float64Array;
  readonly warming: Float64Array;
  readonly errors: Float64Array;
  /** Records of each port since the run is watched; null while it is not. */
  readonly records: Float64Array | null;
  /** Mean time of a step, µs, by node; NaN where none was taken. */
  readonly step_us: Float64Array | null;
}

export type FromEngine =
  | { readonly kind: 'begin'; readonly beginning: Beginning }
  /** What happened since the last one; to be acknowledged. */
  | {
      readonly kind: 'tick';
      readonly keys: readonly KeyName[];
      readonly figures: Figures;
      readonly rows: readonly PortRows[];
      readonly decisions: readonly DecisionRows[];
      readonly reconciler?: Trading['reconciler'];
    }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly error: Problem['error'] }
  | {
      readonly kind: 'end';
      readonly state: RunState;
      readonly figures: Readonly<Record<string, number>>;
      readonly parity?: Run['parity'];
      readonly report?: string;
    };

export type ToEngine =
  | { readonly kind: 'ack' }
  | { readonly kind: 'watch'; readonly on: boolean }
  /** @param room rows of each interval; @param key name of the only key that is wanted */
  | { readonly kind: 'tap'; readonly port: string; readonly room: number; readonly key?: string | undefined }
  | { readonly kind: 'untap'; readonly port: string }
  | { readonly kind: 'call'; readonly id: number; readonly name: CallName; readonly args: readonly unknown[] };

/** The one type of field that takes no digits and no unit, for rows whose schema is not known any more. */
export const UNKNOWN_FIELD: TextField = { kind: 'text' };
