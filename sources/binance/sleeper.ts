/** Pauses that end at once when their owner closes. */
export class Sleeper {
  closed = false;
  readonly #pending = new Set<() => void>();

  /** @returns false when it was ended by `close` */
  sleep(ms: number): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#pending.delete(done);
        resolve(!this.closed);
      };
      const timer = setTimeout(done, ms);
      this.#pending.add(done);
    });
  }
  close(): void {
    this.closed = true;
    for (const done of [...this.#pending]) done();
  }
}

/** Delay before attempt n (0 = the first): doubled each time up to `maxMs`, ±20 % so that many clients do not come at once. */
export function backoffMs(attempt: number, baseMs: number, maxMs: number, random: () => number = Math.random): number {
  if (attempt <= 0) return 0;
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 20) * (0.8 + 0.4 * random()));
}
