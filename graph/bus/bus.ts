/**
 * What joins the parts of a graph that was cut: streams of numbered records, each written by one partition at a time, and a
 * place for that partition's checkpoints. Two implementations: Redis Streams, and one in memory that is the reference for it.
 *
 * A stream's records are numbered 1, 2, 3, … by who makes them, and the same input makes the same records again. So a batch can
 * be appended twice without harm: what is there already is passed over, and after a crash a partition runs again from its last
 * checkpoint and everything falls into place. Payloads are opaque here.
 */
export interface Bus {
  /**
   * Takes the lease of a partition, waiting for it as long as another holds it. From then on only this holder's writes count:
   * a token, higher than all before, fences off whoever held it until now, in every slot named by `tags`.
   * @throws CHM522 when the signal ends the waiting
   */
  acquire(partition: string, options: AcquireOptions): Promise<Held>;
  /** Reads streams from given positions on. A stream that does not exist yet is waited for. */
  reader(streams: readonly ReadFrom[], options?: ReaderOptions): StreamReader;
  /** What one service says for the others and for people, by name: the last word counts. The graph never reads it. */
  say(name: string, text: string): Promise<void>;
  said(name: string): Promise<string | undefined>;
  close(): Promise<void>;
  /** What the bus suffers from right now; a bus without it cannot be in trouble. */
  readonly state?: BusState;
}

/** Calls wait while the bus is in trouble, and go on by themselves when it is over. */
export interface BusState {
  /** Absent: all is well. CHM523 to CHM528. */
  readonly code?: string;
  /** Since when, ms since the epoch. */
  readonly since: number;
  readonly message: string;
}

export interface AcquireOptions {
  /** Slots that the partition writes to besides its own: what stands in braces in the names of streams. */
  readonly tags: readonly string[];
  /** Who asks, for people. */
  readonly holder: string;
  /** Time after which a holder that is silent loses the lease, ms. */
  readonly ttlMs: number;
  readonly signal?: AbortSignal;
}

/** A partition that is held. Every write says with which token; a write under an old one throws CHM521 and changes nothing. */
export interface Held {
  readonly token: number;
  /** Aborted when the lease was lost, with the coded error as its reason. */
  readonly lost: AbortSignal;
  /** Before something happens outside that only the holder may do. @throws CHM521 when it may be somebody else by now */
  check(): void;
  /** Lets the partition write to further slots, as if they had been among `tags`. */
  cover(tags: readonly string[]): Promise<void>;
  /** Number of the last record of each stream, as the bus knows it; 0 for a stream that was never written. */
  positions(streams: readonly string[]): Promise<number[]>;
  /**
   * Appends batches in order, all batches of a slot at once. A batch may be there already, wholly or in part (`split` cuts it).
   * @throws CHM521 fenced; CHM523 when the bus knows less than the caller takes for granted (`Rewound`)
   */
  append(batches: readonly Batch[]): Promise<void>;
  /** Stores a checkpoint and forgets all but the newest two. In the same step the batches of the partition's own slot are appended. */
  commit(checkpoint: BusCheckpoint, batches: readonly Batch[]): Promise<void>;
  /** Newest first. */
  checkpoints(): Promise<BusCheckpoint[]>;
  /** Tells the streams which records this partition no longer needs, also after a crash: those up to and including `position`. */
  need(positions: readonly { readonly stream: string; readonly position: number }[]): Promise<void>;
  /**
   * Removes from own streams what none of the consumers needs any more. A consumer that never said so needs everything.
   * @returns by stream, the record that all of them have done with
   */
  trim(streams: readonly { readonly stream: string; readonly consumers: readonly string[] }[]): Promise<number[]>;
  /** Puts entries of streams that the partition reads aside as dead letters, each once for its mark. */
  putAside(letters: readonly PutAside[]): Promise<void>;
  /** Dead letters of this partition that somebody gave back to it, by stream, behind an id that it has taken already. */
  givenBack(streams: readonly { readonly stream: string; readonly after: string }[]): Promise<GivenBack[]>;
  /** Forgets what was given back up to and including the ids: the partition's commits know of it. */
  tookBack(streams: readonly { readonly stream: string; readonly upTo: string }[]): Promise<void>;
  release(): Promise<void>;
}

/**
 * Why an entry was put aside: it cannot be decoded, is of a version that is not known here, was removed before anyone worked on it,
 * failed as often as it may, or was given back when the run had ended.
 */
export type DeadLetterReason = 'undecodable' | 'unknown_version' | 'trimmed' | 'failed' | 'late';

/** Records after+1…last of a stream that a partition left out, with the entry that held them. */
export interface PutAside {
  readonly stream: string;
  /** Id of the entry, for people. */
  readonly entry: string;
  readonly reason: DeadLetterReason;
  /** Code and message. */
  readonly error: string;
  /** The entry's records are prev+1…last; those up to `after` were not left out. */
  readonly prev: number;
  readonly after: number;
  readonly last: number;
  /** The part that did not get them. */
  readonly part: string;
  /** Layouts of the records that the part expects: `trade@1 depth@2`. */
  readonly schema: string;
  readonly payload?: Uint8Array;
  /** What was put aside under this mark before is there once. */
  readonly mark: string;
}
export interface GivenBack extends Pick<PutAside, 'stream' | 'entry' | 'prev' | 'after' | 'last'> {
  /** They increase within a stream. */
  readonly id: string;
  readonly payload: Uint8Array;
}

export interface Batch {
  readonly stream: string;
  /** Number of the last record before this batch, and of its own last one. Equal: it carries only a frontier. */
  readonly prev: number;
  readonly last: number;
  readonly payload: Uint8Array;
  /** The same batch without its records up to and including `position`. */
  split?(position: number): Batch;
}
export interface BusCheckpoint {
  readonly epoch: number;
  /** Hash of the graph that wrote it. */
  readonly graph: string;
  readonly blob: Uint8Array;
}
export interface ReadFrom {
  readonly stream: string;
  /** Records after this one. */
  readonly after: number;
}
export interface ReaderOptions {
  readonly signal?: AbortSignal;
  /** Entries per stream and answer; default 64. */
  readonly count?: number;
}
export interface StreamEntry {
  /** Index into the list given to `reader`. */
  readonly stream: number;
  readonly prev: number;
  readonly last: number;
  readonly payload: Uint8Array;
}
export interface StreamReader {
  /**
   * Waits for entries; those of one stream come in order, each once. Empty when the signal has ended it.
   * @throws CHM523 when the records asked for are no longer there, or not there any more (`Rewound`)
   */
  read(): Promise<readonly StreamEntry[]>;
  close(): Promise<void>;
}
