import type { Counter } from '../node.ts';

/**
 * How one part of a cut graph is doing at one moment, in plain numbers: what metrics, health and screens are made of. Counts
 * begin with the process and never go back, also when the part goes back to a commit and runs cycles again.
 */
export interface PartSnapshot {
  /** `s2.1`, as `Part.id`. */
  readonly part: string;
  readonly service: string;
  /** Cycles run by this process; those run again count again. */
  readonly cycles: number;
  /** Engine time, µs since the epoch; 0 before the first cycle. */
  readonly nowUs: number;
  /**
   * How far the part is behind what it could have run, µs: in a live run the clock for the part with the sources; for every
   * other part the furthest frontier that has arrived from the parts that it reads. 0 when there is nothing left to run.
   */
  readonly lagUs: number;
  /** What became of inputs that went no further, each kind apart. */
  readonly counters: Readonly<Record<Counter, number>>;
  /** How often it went back to a commit, in this process. */
  readonly restarts: number;
  /** Commits made by this process, and the time that they took together, ms. */
  readonly commits: number;
  readonly commitMs: number;
  /** What the bus suffers from (CHM521 to CHM528), and since when, ms since the epoch. `code` absent: all is well. */
  readonly state?: { readonly code?: string; readonly since: number };
  readonly inlets: readonly InletSnapshot[];
  readonly outlets: readonly OutletSnapshot[];
  /** What the part waits to pass before it tries again, and since when, ms since the epoch: a full disk, a database that is away. */
  readonly trouble?: { readonly code: string; readonly since: number };
  /** Time from the sending of an entry to its arrival here, for each part that is read. */
  readonly handover: readonly HandoverSnapshot[];
}
/** A stream that the part reads. Positions are numbers of cycles of that stream, from 1. */
export interface InletSnapshot {
  readonly stream: string;
  /** The last one that was run. */
  readonly position: number;
  /** The last one that has arrived: what lies between is the queue. */
  readonly arrived: number;
  /** Cycles that the writer has announced beyond `position`: the queue, and what is still on its way. */
  readonly behind: number;
}
/** A stream that the part writes. */
export interface OutletSnapshot {
  readonly stream: string;
  /** The last cycle that went into it. */
  readonly position: number;
  /** Records made and not yet sent. */
  readonly waiting: number;
}
export interface HandoverSnapshot {
  /** Id of the part that sent. */
  readonly from: string;
  /** Upper bounds of the buckets, µs, increasing; one more bucket takes what is above. */
  readonly boundsUs: readonly number[];
  /** Entries of each bucket by itself; one longer than `boundsUs`. */
  readonly counts: readonly number[];
  readonly sumUs: number;
}

/** From a tenth of a millisecond to ten seconds, in steps of about 1 : 2 : 5. */
export const HANDOVER_BOUNDS_US: readonly number[] = [
  100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
  5_000_000, 10_000_000,
];

/** Counts durations into buckets; nothing is allocated per observation. */
export class HandoverTimes {
  readonly #counts = new Float64Array(HANDOVER_BOUNDS_US.length + 1);
  #sumUs = 0;
  /** Two clocks may disagree: what came before it was sent counts as 0. */
  observe(us: number): void {
    const time = us > 0 ? us : 0;
    let i = 0;
    while (i < HANDOVER_BOUNDS_US.length && time > HANDOVER_BOUNDS_US[i]!) i++;
    this.#counts[i]!++;
    this.#sumUs += time;
  }
  snapshot(from: string): HandoverSnapshot {
    return { from, boundsUs: HANDOVER_BOUNDS_US, counts: Array.from(this.#counts), sumUs: this.#sumUs };
  }
}

/** Upper bound of the bucket in which the quantile lies, µs; NaN when there is nothing. */
export function quantileOf({ boundsUs, counts }: HandoverSnapshot, q: number): number {
  let left = q * counts.reduce((a, b) => a + b, 0);
  for (const [i, n] of counts.entries()) {
    left -= n;
    if (n > 0 && left <= 0) return boundsUs[i] ?? Number.POSITIVE_INFINITY;
  }
  return Number.NaN;
}
