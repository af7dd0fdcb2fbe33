import type { Timers } from '../courier.ts';

/** Time for tests: things happen in order of their moment, then of their making, and nothing waits. */
export class VirtualTime implements Timers {
  ms: number;
  readonly #heap: { at: number; n: number; run: () => void }[] = [];
  #n = 0;

  constructor(startMs = 1_800_000_000_000) {
    this.ms = startMs;
  }
  now(): number {
    return this.ms;
  }
  after(ms: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at: this.ms + Math.max(0, ms), n: this.#n++, run });
    let i = heap.length - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(heap[i]!, heap[up]!)) break;
      [heap[i], heap[up]] = [heap[up]!, heap[i]!];
      i = up;
    }
  }
  /** Runs everything due up to `untilMs`. @returns how much ran */
  run(untilMs: number): number {
    let n = 0;
    while (this.#heap.length > 0 && this.#heap[0]!.at <= untilMs) {
      const next = this.#pop();
      this.ms = Math.max(this.ms, next.at);
      next.run();
      n++;
    }
    this.ms = Math.max(this.ms, untilMs);
    return n;
  }
  #pop(): { at: number; n: number; run: () => void } {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        let least = i;
        for (const c of [2 * i + 1, 2 * i + 2]) if (c < heap.length && before(heap[c]!, heap[least]!)) least = c;
        if (least === i) break;
        [heap[i], heap[least]] = [heap[least]!, heap[i]!];
        i = least;
      }
    }
    return top;
  }
}
const before = (a: { at: number; n: number }, b: { at: number; n: number }): boolean =>
  a.at < b.at || (a.at === b.at && a.n < b.n);
