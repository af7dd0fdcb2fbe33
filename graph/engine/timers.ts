/** One timer of one instance. */
export interface Timer {
  due: number;
  readonly node: number;
  readonly key: number;
  readonly tag: number;
  /** Order of creation among timers that are due together. */
  creation: number;
  /** 0, or how many timers set for the very time at which they were set led to this one. Those run after the others. */
  generation: number;
  /** The input in whose train such a timer was set (declaration of its source, and number); −1 for all others. */
  inputSource: number;
  inputSeq: number;
  /** The due time and creation under which the heap holds it; a timer that moved later is put back when it comes up. */
  heapDue: number;
  heapCreation: number;
  heapGeneration: number;
  armed: boolean;
  queued: boolean;
  /** Engine time of the last firing, and how many firings there were at that time. */
  firedAt: number;
  rounds: number;
}

/** Pending timers in order of (due, generation, node declaration, creation). Re-arming later costs no heap operation. */
export class Timers {
  readonly #heap: Timer[] = [];
  readonly #declaration: readonly number[];
  creation = 0;

  constructor(declaration: readonly number[]) {
    this.#declaration = declaration;
  }

  /** The timer's generation has been set. */
  arm(timer: Timer, due: number): void {
    timer.due = due;
    timer.creation = this.creation++;
    timer.armed = true;
    if (!timer.queued) this.#push(timer);
    else if (due < timer.heapDue) {
      // Moved earlier: the old entry would come up too late, so the heap is repaired in place.
      timer.heapDue = due;
      timer.heapCreation = timer.creation;
      timer.heapGeneration = timer.generation;
      this.#up(this.#heap.indexOf(timer));
    }
  }

  /** When the next timer may be due: never later than the truth. */
  get due(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.heapDue;
  }

  /** Takes the next timer due at or before `now`, or undefined. */
  take(now: number): Timer | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (!top || top.heapDue > now) return undefined;
      if (top.armed && (top.due !== top.heapDue || top.creation !== top.heapCreation)) {
        this.#putBack(top);
        continue;
      }
      this.#pop();
      if (!top.armed) continue;
      top.armed = false;
      return top;
    }
  }
  /** The next armed timer without taking it. */
  peek(): Timer | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (!top) return undefined;
      if (!top.armed) this.#pop();
      else if (top.due !== top.heapDue || top.creation !== top.heapCreation) {
        this.#putBack(top);
      } else return top;
    }
  }
  /** Armed timers, for snapshots. */
  get armed(): Timer[] {
    return this.#heap.filter((t) => t.armed);
  }

  /** The timer on top had moved later. */
  #putBack(top: Timer): void {
    top.heapDue = top.due;
    top.heapCreation = top.creation;
    top.heapGeneration = top.generation;
    this.#down(0);
  }
  #less(a: Timer, b: Timer): boolean {
    if (a.heapDue !== b.heapDue) return a.heapDue < b.heapDue;
    if (a.heapGeneration !== b.heapGeneration) return a.heapGeneration < b.heapGeneration;
    const da = this.#declaration[a.node]!;
    const db = this.#declaration[b.node]!;
    return da !== db ? da < db : a.heapCreation < b.heapCreation;
  }
  #push(t: Timer): void {
    t.heapDue = t.due;
    t.heapCreation = t.creation;
    t.heapGeneration = t.generation;
    t.queued = true;
    this.#heap.push(t);
    this.#up(this.#heap.length - 1);
  }
  #pop(): void {
    const top = this.#heap[0]!;
    top.queued = false;
    const last = this.#heap.pop()!;
    if (last !== top) {
      this.#heap[0] = last;
      this.#down(0);
    }
  }
  #up(start: number): void {
    let i = start;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#less(this.#heap[i]!, this.#heap[parent]!)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }
  #down(start: number): void {
    let i = start;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < this.#heap.length && this.#less(this.#heap[child]!, this.#heap[least]!)) least = child;
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }
  #swap(i: number, j: number): void {
    const t = this.#heap[i]!;
    this.#heap[i] = this.#heap[j]!;
    this.#heap[j] = t;
  }
}
