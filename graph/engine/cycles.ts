import type { Block, PortColumns } from '../schema/index.ts';
import type { Waiting } from './waiting.ts';

/**
 * Executes cycles over a core. Two implementations: the generated plan, and the interpreter that is its reference.
 * The caller has set the clock (time, cause, cycle number).
 */
export interface Cycles {
  /**
   * Runs rows [from, block.n) of a source's block as long as nothing else comes first: stops before a row whose time
   * reaches `limit` or the clock's due time, or when something urgent appears. Returns the first row not run.
   */
  block(source: number, block: Block, from: number, limit: number): number;
  /** The consumers of a delivered feedback port. */
  deliver(node: number, out: number, key: number): void;
  /** Runs one node itself, with a timer's tag, and what follows. */
  fire(node: number, key: number, tag: number): void;
  /** The same with the node's `end`. */
  end(node: number, key: number): void;

  /** What the records of one cycle of another part set off here; they lie in their slots already. */
  remote(arrival: Arrival, key: number): void;

  /** The first four for plans with asynchronous nodes. */
  waitBlock(source: number, block: Block, from: number, limit: number): Waiting<number>;
  waitDeliver(node: number, out: number, key: number): Waiting<void>;
  waitFire(node: number, key: number, tag: number): Waiting<void>;
  waitEnd(node: number, key: number): Waiting<void>;
}

/** The ports that records of one cycle have arrived on. Interned by who makes it: programs are kept by it. */
export interface Arrival {
  readonly ports: readonly { readonly node: number; readonly out: number }[];
  /** They are of more than one key. */
  readonly all: boolean;
}

/** Called when a feedback port has been written in this cycle. */
export type OnFeedback = (node: number, out: number, key: number) => void;

export const rowsOf = (block: Block, port: number): PortColumns => block.ports[port]!;
