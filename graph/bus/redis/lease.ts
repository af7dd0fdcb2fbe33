import { setMaxListeners } from 'node:events';
import { ChimeraError } from '../../schema/error.ts';
import type { Health } from './health.ts';
import { backOffMs, pause } from './persist.ts';
import { renewLease } from './scripts/renew-lease.ts';
import { type Client, runScript } from './scripts/script.ts';
import { troubleOf } from './trouble.ts';

export interface LeaseOptions {
  readonly client: Client;
  readonly health: Health;
  readonly shown: string;
  readonly partition: string;
  readonly key: string;
  readonly token: number;
  readonly ttlMs: number;
  /** When the lease was asked for, by the clock below. */
  readonly takenAtMs: number;
  readonly monotonicMs: () => number;
}

/**
 * A lease that is held, and kept. The holder counts from when it asked, the server from when it answered: so the holder gives up
 * first, also when it cannot ask any more.
 */
export class Lease {
  readonly #o: LeaseOptions;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  #untilMs: number;

  constructor(options: LeaseOptions) {
    this.#o = options;
    this.#untilMs = options.takenAtMs + options.ttlMs;
    // Every write under way listens.
    setMaxListeners(0, this.#lost.signal);
    void this.#keep();
    void this.#watch();
  }
  get token(): number {
    return this.#o.token;
  }
  /** Aborted when the lease was lost; its reason is a CHM521. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }
  /** @throws CHM521 */
  check(): void {
    if (!this.#lost.signal.aborted && this.#o.monotonicMs() >= this.#untilMs) this.#silent();
    this.#lost.signal.throwIfAborted();
  }
  lose(why: string): ChimeraError {
    this.#stopped.abort();
    if (!this.#lost.signal.aborted) {
      const error = new ChimeraError(
        'CHM521',
        `${this.#o.partition} is no longer held under token ${this.#o.token}: ${why}`,
        {
          help: 'acquire it again and start from the newest checkpoint, or stop',
        },
      );
      this.#lost.abort(error);
    }
    return this.#lost.signal.reason as ChimeraError;
  }
  /** Asks the server: is it still ours? What went wrong on the way is thrown as it came. */
  async renew(): Promise<void> {
    const { client, key, token, ttlMs, monotonicMs } = this.#o;
    const askedMs = monotonicMs();
    if ((await runScript(client, renewLease, [key], [token, ttlMs])) !== 1)
      throw this.lose('the lease ran out, or the server lost it');
    this.#untilMs = Math.max(this.#untilMs, askedMs + ttlMs);
  }
  /** Gives it up; a server that cannot be asked lets it run out. */
  async release(): Promise<void> {
    if (this.#lost.signal.aborted) return;
    this.lose('it was released');
    const { client, key, token } = this.#o;
    await runScript(client, renewLease, [key], [token, 0]).catch(() => {});
  }

  #silent(): void {
    this.lose(`nothing was heard of Redis for ${this.#o.ttlMs} ms`);
  }
  async #keep(): Promise<void> {
    const { health, ttlMs, shown } = this.#o;
    const stop = this.#stopped.signal;
    let failed = 0;
    while (!stop.aborted) {
      await pause(failed > 0 ? Math.min(backOffMs(failed), ttlMs / 4) : ttlMs / 3, stop);
      if (stop.aborted) break;
      try {
        await this.renew();
        failed = 0;
        health.well(this);
      } catch (e) {
        if (e instanceof ChimeraError) break;
        failed++;
        const trouble = troubleOf(e, shown);
        health.trouble(this, trouble.code, trouble.message);
      }
    }
    health.well(this);
  }
  async #watch(): Promise<void> {
    const stop = this.#stopped.signal;
    while (!stop.aborted) {
      const leftMs = this.#untilMs - this.#o.monotonicMs();
      if (leftMs <= 0) return this.#silent();
      await pause(leftMs, stop);
    }
  }
}
