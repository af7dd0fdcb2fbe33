/** The engine's one clock and cause. Shared by all slots and contexts of a run; only the engine writes it. */
export class Clock {
  /** Number of the running cycle; slots compare their stamp with it. */
  n = 0;
  /** Engine time, µs. */
  now = 0;
  /** When the next timer or delayed feedback is due: inputs at or after it wait. */
  due = Number.POSITIVE_INFINITY;
  /** Something must run before the next input, whatever its time. */
  urgent = false;
  /** Index into `causes` and number of the input that caused the cycle. */
  cause = 0;
  seq = -1;
  /** Source nodes, then all nodes (timers and feedback count per node). */
  causes: string[] = [];
}
