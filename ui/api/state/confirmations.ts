import { randomUUID } from 'node:crypto';
import { ApiError } from '../problem.ts';

const LIVES_MS = 30_000;
interface Waiting {
  readonly who: string;
  readonly what: string;
  readonly until: number;
}

/** The first of two steps gives a confirmation; the second needs it, once, in time, by the same person, for the same thing. */
export class Confirmations {
  readonly #waiting = new Map<string, Waiting>();
  readonly #now: () => number;
  constructor(now: () => number) {
    this.#now = now;
  }
  prepare(who: string, what: string): { confirm: string; expires_s: number } {
    const now = this.#now();
    for (const [id, w] of this.#waiting) if (w.until < now) this.#waiting.delete(id);
    const confirm = randomUUID();
    this.#waiting.set(confirm, { who, what, until: now + LIVES_MS });
    return { confirm, expires_s: LIVES_MS / 1000 };
  }
  /** @throws CHM1136 */
  take(confirm: string, who: string, what: string): void {
    const w = this.#waiting.get(confirm);
    if (!w || w.who !== who || w.what !== what || w.until < this.#now())
      throw new ApiError('CHM1136', 'this confirmation is not accepted', {
        field: 'confirm',
        help: 'begin with the first step again',
      });
    this.#waiting.delete(confirm);
  }
}
