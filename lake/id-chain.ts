/** What a row is to the stream it belongs to. */
export const IN_ORDER = 0;
export const DUPLICATE = 1;
export const BEHIND = 2;

/** A break: everything in (from, to] is missing. */
export interface Break {
  from: number;
  to: number;
}

/**
 * A sequence in which every element names its predecessor: trade ids (id − 1), depth diffs (`pu`, or `U` − 1 on Spot).
 * A break is opened when an element's predecessor is not the last one, and narrowed or closed when elements that belong
 * into it arrive late: two swapped lines leave no break, a lost one leaves exactly one.
 */
export class IdChain {
  readonly breaks: Break[] = [];
  #first = Number.NaN;
  #last = Number.NaN;

  /** Adds the element that spans (before, last]. */
  add(before: number, last: number): number {
    if (Number.isNaN(this.#last)) {
      this.#first = before;
      this.#last = last;
      return IN_ORDER;
    }
    if (before === this.#last) {
      this.#last = last;
      return IN_ORDER;
    }
    if (before > this.#last) {
      this.breaks.push({ from: this.#last, to: before });
      this.#last = last;
      return IN_ORDER;
    }
    if (last > this.#last) {
      // It reaches back before the last one and goes on behind it: the chain is broken, though no id is missing.
      this.breaks.push({ from: this.#last, to: before });
      this.#last = last;
      return IN_ORDER;
    }
    for (let i = this.breaks.length - 1; i >= 0; i--) {
      const b = this.breaks[i]!;
      if (before < b.from || last > b.to) continue;
      const rest: Break[] = [];
      if (before > b.from) rest.push({ from: b.from, to: before });
      if (last < b.to) rest.push({ from: last, to: b.to });
      this.breaks.splice(i, 1, ...rest);
      return BEHIND;
    }
    if (before < this.#first) {
      // Older than everything seen: late, and what lies between is missing unless it joins on.
      if (last < this.#first) this.breaks.unshift({ from: last, to: this.#first });
      this.#first = before;
      return BEHIND;
    }
    return DUPLICATE;
  }
}

/** The last rows of a stream without a chain, by order value and content: finds repeats, near and not so near. */
export class RecentRows {
  #last = Number.NEGATIVE_INFINITY;
  readonly #order: Float64Array;
  readonly #hash: Int32Array;
  #n = 0;

  constructor(size = 512) {
    this.#order = new Float64Array(size).fill(Number.NaN);
    this.#hash = new Int32Array(size);
  }
  add(order: number, hash: number): number {
    if (order > this.#last) {
      this.#last = order;
      this.#remember(order, hash);
      return IN_ORDER;
    }
    for (let i = 0; i < this.#order.length; i++)
      if (this.#order[i] === order && this.#hash[i] === hash) return DUPLICATE;
    this.#remember(order, hash);
    return order < this.#last ? BEHIND : IN_ORDER;
  }
  #remember(order: number, hash: number): void {
    const at = this.#n++ % this.#order.length;
    this.#order[at] = order;
    this.#hash[at] = hash;
  }
}
