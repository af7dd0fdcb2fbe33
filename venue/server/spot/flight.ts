/**
 * Commands on their way to the venue and what it says on its way back, in market time. Without latencies everything
 * happens at once and in the call itself.
 */
interface Waiting {
  at: number;
  run: () => void;
}

export class Flight {
  readonly #there: Waiting[] = [];
  readonly #back: Waiting[] = [];
  readonly #orderUs: number;
  readonly #responseUs: number;

  constructor(orderUs: number, responseUs: number) {
    this.#orderUs = orderUs;
    this.#responseUs = responseUs;
  }
  /** Market time of what is due next, µs; Infinity = nothing is on its way. */
  nextUs(): number {
    return Math.min(this.#there[0]?.at ?? Number.POSITIVE_INFINITY, this.#back[0]?.at ?? Number.POSITIVE_INFINITY);
  }
  /** Lets everything happen that is due, in order of its time; arrivals before answers of the same time. */
  advance(nowUs: number): void {
    for (;;) {
      const [there, back] = [this.#there[0], this.#back[0]];
      const next = there && (!back || there.at <= back.at) ? this.#there : this.#back;
      if (next.length === 0 || next[0]!.at > nowUs) return;
      next.shift()!.run();
    }
  }

  /**
   * Runs `work` when the command arrives (given the time) and returns its result when the answer is back.
   * A promise only where there is a latency.
   */
  send<T>(nowUs: number, work: (atUs: number) => T): T | Promise<T> {
    if (this.#orderUs === 0 && this.#responseUs === 0) return work(nowUs);
    return new Promise<T>((resolve, reject) => {
      const arrive = (atUs: number): void => {
        try {
          const result = work(atUs);
          this.tell(atUs, () => resolve(result));
        } catch (e) {
          this.tell(atUs, () => reject(e));
        }
      };
      if (this.#orderUs === 0) arrive(nowUs);
      else {
        const at = nowUs + this.#orderUs;
        this.#there.push({ at, run: () => arrive(at) });
      }
    });
  }
  /** Something the venue says at `nowUs` is heard when it is back. */
  tell(nowUs: number, hear: () => void): void {
    if (this.#responseUs === 0) hear();
    else this.#back.push({ at: nowUs + this.#responseUs, run: hear });
  }
}
