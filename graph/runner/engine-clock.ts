import type { LiveClock } from '../node.ts';

/**
 * Engine time of a live run: integer µs, from a clock that moves at `rate` (a venue that plays its market faster than the wall
 * has such a clock). The run takes everything that arrived up to `pass()`; what arrives afterwards is stamped later than
 * that, so that an input can never come before one that has been run: the journals alone give the order of all sources.
 */
export class EngineClock implements LiveClock {
  readonly rate: number;
  readonly #wallUs: () => number;
  readonly #wallZero: number;
  #zero: number;
  #passed = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  /**
   * @param wallUs a monotonic clock, µs
   * @param startUs engine time now, µs since the epoch
   */
  constructor(wallUs: () => number, startUs: number, rate = 1) {
    this.#wallUs = wallUs;
    this.#wallZero = wallUs();
    this.#zero = Math.floor(startUs);
    this.rate = rate;
  }

  now(): number {
    const t = this.#zero + Math.floor((this.#wallUs() - this.#wallZero) * this.rate);
    if (t > this.#last) this.#last = t;
    return this.#last;
  }
  stamp(): number {
    const t = this.now();
    if (t <= this.#passed) this.#last = this.#passed + 1;
    return this.#last;
  }
  /** Engine time now; from here on it is past. */
  pass(): number {
    this.#passed = this.now();
    return this.#passed;
  }
  /**
   * A run that goes on from a checkpoint: nothing may arrive before what it has run. A clock that is behind it (of a venue that
   * was started anew) is put forward, so that time goes on from there and does not stand still until the clock has caught up.
   */
  notBefore(us: number): void {
    const behind = us - this.now();
    if (behind > 0) this.#zero += Math.ceil(behind);
    if (us > this.#passed) this.#passed = us;
  }
  /** Real µs until the clock reaches `us`. */
  wallUntil(us: number): number {
    return Math.max(0, (us - this.now()) / this.rate);
  }
}
