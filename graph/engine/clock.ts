import { INPUT, NO_PATH, type Phase, type Stamp } from './stamp.ts';

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
  /** Index into `causes` and number of what began the cycle: an input, a timer, a delivery. */
  cause = 0;
  seq = -1;
  /** All nodes of the whole graph (timers count per node), then all ports that are delivered later (`node.port`). */
  causes: readonly string[] = [];
  /** Declaration of each node, by cause. */
  declarations: readonly number[] = [];

  // The rest of the cycle's stamp; while `phase` is INPUT all but `phase` and `path` follow from cause and number.
  phase: Phase = INPUT;
  inputSource = -1;
  inputSeq = -1;
  generation = 0;
  place = 0;
  number = 0;
  path: readonly number[] = NO_PATH;

  /** The place of the running cycle in the order of the run. */
  stamp(): Stamp {
    const { now: t, phase, path } = this;
    if (phase === INPUT && path.length === 0)
      return {
        t,
        source: this.declarations[this.cause]!,
        seq: this.seq,
        phase,
        generation: 0,
        place: 0,
        number: 0,
        path,
      };
    const { inputSource: source, inputSeq: seq, generation, place, number } = this;
    return { t, source, seq, phase, generation, place, number, path };
  }
  /** The cycle to run has this place. */
  enter(s: Stamp): void {
    this.now = s.t;
    this.inputSource = s.source;
    this.inputSeq = s.seq;
    this.phase = s.phase;
    this.generation = s.generation;
    this.place = s.place;
    this.number = s.number;
    this.path = s.path;
  }
}
