/**
 * The place of a cycle in the total order of a run: the same for every part of a graph that was cut, because each of its
 * numbers is known where the cycle begins.
 *
 * Cycles are ordered by time; at one time by the input that came last before them (none: what was due before the first); within
 * that by phase: the input itself, delayed feedback, timers; then by what began them. Feedback without delay and successive
 * records follow the cycle that they came out of, breadth first.
 */
export interface Stamp {
  /** Engine time, µs. */
  t: number;
  /** Declaration of the source, and number, of the input at this time that the cycle belongs to; −1 before the first. */
  source: number;
  seq: number;
  phase: Phase;
  /** Timers: 0, or how many timers set for the very time at which they were set led to this one. */
  generation: number;
  /** Feedback: place of its port among all; timers: declaration of the node. */
  place: number;
  /** How many came from the same place before it. */
  number: number;
  /** Pairs (node, nth) of the deliveries without delay that lead here. */
  path: readonly number[];
}
export type Phase = typeof INPUT | typeof FEEDBACK | typeof TIMER | typeof END;
/** A node's `end`, behind all inputs; it comes first among what belongs to it. */
export const END = -1;
export const INPUT = 0;
export const FEEDBACK = 1;
export const TIMER = 2;

/** Stands for the source of a stamp behind all inputs. */
export const END_SOURCE = Number.MAX_SAFE_INTEGER;

export const NO_PATH: readonly number[] = Object.freeze([]);

/** @returns less than 0: `a` runs before `b` */
export function compareStamps(a: Stamp, b: Stamp): number {
  return (
    a.t - b.t ||
    a.source - b.source ||
    a.seq - b.seq ||
    a.phase - b.phase ||
    a.generation - b.generation ||
    a.place - b.place ||
    a.number - b.number ||
    comparePaths(a.path, b.path)
  );
}
function comparePaths(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** The place before everything at time `t`. */
export const startOf = (t: number): Stamp => ({
  t,
  source: -1,
  seq: -1,
  phase: INPUT,
  generation: 0,
  place: -1,
  number: -1,
  path: NO_PATH,
});
/** The place of an input. */
export const inputAt = (t: number, source: number, seq: number): Stamp => ({
  t,
  source,
  seq,
  phase: INPUT,
  generation: 0,
  place: 0,
  number: 0,
  path: NO_PATH,
});
