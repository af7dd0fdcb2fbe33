import type { BadInput } from './error.ts';
import type { Schema } from './record.ts';

/** Rows per block of what comes by itself (live, synthetic, out of journals): runs commit between blocks, and answer to their clock. */
export const BLOCK_ROWS = 1024;
/** Rows per block at most, and of recorded files and lakes: they are read as fast as they can be, and each block costs something. */
export const LARGE_BLOCK_ROWS = 4 * BLOCK_ROWS;

/** Numbers (also bool as 0/1 and oneOf as index), texts, or lists (values with n+1 offsets). */
export type Column = Float64Array | string[] | ListColumn;
export interface ListColumn {
  values: Float64Array;
  /** Row i is values[offsets[i] .. offsets[i+1]). */
  offsets: Int32Array | Uint32Array;
}

/** The rows of one port inside a block: one column per schema field, in schema order. */
export interface PortColumns {
  n: number;
  columns: Column[];
}

/**
 * Up to LARGE_BLOCK_ROWS inputs of one source, in order, as columns. Rows of different ports are interleaved:
 * input i is row `row[i]` of `ports[port[i]]`. Exact amounts are already integers in the key's decimals.
 * `t` (t_avail, µs) never decreases, within a block and across blocks. Input i has the number `seq0 + i`.
 *
 * A reader may reuse its buffers: a block is valid until the next call of `read()`, unless `retain` is true.
 */
export interface Block {
  n: number;
  seq0: number;
  t: Float64Array;
  port: Uint8Array;
  key: Int32Array;
  row: Int32Array;
  ports: PortColumns[];
}

export interface InputQuality {
  bad_input: BadInput[];
  out_of_order: number;
}

/** A source's inputs as a stream of blocks. */
export interface BlockReader {
  /** The ports that `Block.port` numbers, in that order. */
  readonly ports: readonly { readonly name: string; readonly schema: Schema }[];
  /** The next block, or null at the end. */
  read(): Promise<Block | null>;
  /** Starts again behind input `seq` (exclusive); -1 = from the beginning. */
  seek?(seq: number): Promise<void>;
  close(): Promise<void>;
  /** What was refused so far; complete after the end. */
  readonly quality?: InputQuality;
}

/**
 * A source that goes on as long as it is open. What arrives is kept in a bounded ring, stamped with `LiveClock.stamp()` at
 * once; the run takes it without waiting. `read()` is not called.
 */
export interface LiveReader extends BlockReader {
  /**
   * Everything that had arrived by engine time `nowUs`, at most BLOCK_ROWS rows; null = nothing. Called again at once while
   * it gives a full block. Numbers (`seq0`) are the journal's business: a live source may leave them 0.
   */
  poll(nowUs: number): Block | null;
  /** Set by the run: to be called whenever something arrives. */
  wake: () => void;
  /**
   * Told once the last block that `poll` gave is in the journal and survives a loss of power: its rows have the numbers from `seq`
   * on. A source that has it is synced block by block: for what is rare and must be answered for, like commands by people.
   */
  written?(seq: number, n: number): void;
}
export const isLive = (r: BlockReader): r is LiveReader => typeof (r as Partial<LiveReader>).poll === 'function';
