import type { Bus } from '../bus/bus.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { Engine } from '../engine/engine.ts';
import type { Tap } from '../engine/tap.ts';
import type { CommitMark } from '../node.ts';
import type { Run } from '../runner/runner.ts';
import type { BadInput, BlockReader, KeyTable } from '../schema/index.ts';
import type { Cut, Part } from './cut.ts';
import type { PartLive } from './live-ends.ts';
import type { HandoverSnapshot, PartSnapshot } from './part-snapshot.ts';
import type { DecisionLog } from './poison.ts';
import type { Naming } from './streams.ts';

export interface PartOptions {
  readonly cut: Cut;
  readonly part: Part;
  readonly bus: Bus;
  readonly naming: Naming;
  /** Who runs it, for people. */
  readonly holder: string;
  /** Time after which a silent holder loses the part, ms; default 5,000. */
  readonly ttlMs?: number;
  readonly inputs?: readonly string[];
  /** Folder for durable state of sinks. */
  readonly dir?: string;
  readonly seed?: number;
  readonly mode?: 'generated' | 'interpreted';
  readonly taps?: readonly string[];
  readonly digests?: boolean;
  /** Takes the rows of a tap at each commit, and at the end. */
  readonly onTap?: (tap: Tap, keys: KeyTable) => void;
  readonly readers?: Readonly<Record<string, (keys: KeyTable) => Promise<BlockReader>>>;
  /** Parts with sinks keep their checkpoints where the sinks write, in one transaction with them. */
  readonly store?: CheckpointStore;
  /** What belongs to a commit besides: taken at each, given back when the part goes on from it (undefined: from the start). */
  readonly extra?: { take(): unknown; restore(extra: unknown): Promise<void> | void };
  /** Where decisions about entries that cannot be read are kept outside the bus as well. */
  readonly decisions?: DecisionLog;
  readonly onCommit?: (mark: CommitMark) => Promise<void> | void;
  /** Commit after this time, ms; default 1,000. */
  readonly commitMs?: number;
  /** Longest pause before it starts again after it lost its place, ms; default 2,000. */
  readonly restartMs?: number;
  readonly signal?: AbortSignal;
  /** The sources are live: what arrives is stamped, journaled and run as it arrives. */
  readonly live?: PartLive;
  /** Name of this run of the graph from its start to its stop; what an earlier one stopped at is no end. */
  readonly session?: string;
  /**
   * A part that has come to the end of the run stays, ready to send again what the bus may forget, until this is aborted, or until
   * all parts that read it have come to that end; default: it does not stay.
   */
  readonly stay?: AbortSignal | 'readers';
  /** The part has come to the end of the run, or has gone back behind it. */
  readonly onClosed?: (closed: boolean) => void;
  readonly until?: number;
  /** The input goes on after this run: no node's `end` is run. */
  readonly open?: boolean;
  /** Cycles between two looks at the bus; default 2,048. */
  readonly slice?: number;
  /** Bytes on the bus that the slowest reader has not done with, before a source waits; default 64 MiB. */
  readonly mostOutstanding?: number;
  /**
   * Whether what keeps the part from going on lies outside it and can pass (a full disk, a database that is away): then it goes
   * back to its last commit, waits and tries again.
   */
  readonly passes?: (error: unknown) => boolean;
  /** The part went back to its last commit, and why. */
  readonly onRestart?: (error: unknown) => void;
  /** The engine of a life of the part, before anything has been run. */
  readonly onEngine?: (engine: Engine) => void;
  readonly onProgress?: (progress: PartProgress) => void;
  /** How the part is doing, at each commit. */
  readonly onSnapshot?: (snapshot: PartSnapshot) => void;
  /** Addresses and secrets for the outer ends of the graph, by name. */
  readonly access?: Readonly<Record<string, unknown>>;
}
export interface PartProgress {
  readonly part: string;
  readonly cycles: number;
  /** Engine time, µs. */
  readonly now: number;
}
export interface PartResult {
  readonly part: string;
  readonly cycles: number;
  readonly inputs: number;
  readonly counters: Run['engine']['counters'];
  readonly commits: number;
  /** How often it went back to a commit. */
  readonly restarts: number;
  readonly bad_input: readonly BadInput[];
  readonly out_of_order: number;
  /** Engine time of the run's first input, and of the last cycle here, µs. */
  readonly first_us: number | null;
  readonly last_us: number | null;
  /** Engine time at which the run ended, µs; null: it has not come to its end. */
  readonly end_us: number | null;
  /** Time from the sending of an entry to its arrival, for each part that is read. */
  readonly handover: readonly HandoverSnapshot[];
}
