import { randomUUID } from 'node:crypto';
import type { Problem } from './contract/records.ts';
import { ApiError, refusalOf } from './problem.ts';

export interface Job {
  readonly id: string;
  readonly what: string;
  readonly by: string;
  readonly state: 'running' | 'done' | 'failed';
  /** 0 to 1; null = not known. */
  readonly progress: number | null;
  readonly result: unknown;
  readonly error: Problem['error'] | null;
  readonly started_ms: number;
  readonly ended_ms: number | null;
}
const KEPT = 500;
/** Work that nobody has asked about for so long was begun by somebody who has gone, ms. */
const FORGOTTEN_MS = 30_000;
/** Heavy work at once: it takes a processor each, and there is a run beside it. */
const AT_ONCE = 1;

export interface Work {
  readonly what: string;
  readonly by: string;
  readonly correlation: string;
  /** Ended by the signal when it is cancelled, or when nobody asks about it any more. */
  readonly work: (signal: AbortSignal) => Promise<unknown>;
  /** It goes on whether somebody asks about it or not. */
  readonly keep?: boolean;
}

interface Running {
  readonly stop: AbortController;
  asked: number;
  readonly keep: boolean;
  over: Promise<void>;
}

/** Work that takes longer than a request: it is begun, and asked for later. In memory: a restart forgets it. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #running = new Map<string, Running>();
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  readonly #forgottenMs: number;
  constructor(now: () => number, forgottenMs = FORGOTTEN_MS) {
    this.#now = now;
    this.#forgottenMs = forgottenMs;
  }
  get(id: string): Job | undefined {
    const running = this.#running.get(id);
    if (running) running.asked = performance.now();
    return this.#jobs.get(id);
  }
  /** Begins work. @throws CHM1139 when as much as may be is under way */
  begin({ what, by, correlation, work, keep = false }: Work): Job {
    if (this.#running.size >= AT_ONCE)
      throw new ApiError('CHM1139', 'another piece of work is under way', {
        retryAfterS: 5,
        help: 'wait until it has ended, or cancel it: POST /jobs/:id/cancel',
      });
    const id = randomUUID();
    const stop = new AbortController();
    const job: Job = {
      id,
      what,
      by,
      state: 'running',
      progress: null,
      result: null,
      error: null,
      started_ms: this.#now(),
      ended_ms: null,
    };
    this.#jobs.set(id, job);
    const running: Running = { stop, asked: performance.now(), keep, over: Promise.resolve() };
    this.#running.set(id, running);
    this.#watch();
    for (const old of this.#jobs.keys()) {
      if (this.#jobs.size <= KEPT) break;
      if (!this.#running.has(old)) this.#jobs.delete(old);
    }
    const end = (more: Partial<Job>) => {
      this.#running.delete(id);
      this.#jobs.set(id, { ...job, ...more, ended_ms: this.#now() });
    };
    running.over = work(stop.signal).then(
      (result) => end({ state: 'done', progress: 1, result }),
      (e: unknown) => end({ state: 'failed', error: refusalOf(e, correlation).problem.error }),
    );
    return job;
  }
  /** Ends work; that it has ended is in its state soon. */
  cancel(id: string): void {
    this.#running.get(id)?.stop.abort();
  }
  /** Ends what is under way, and waits until it has cleaned up. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const running = [...this.#running.values()];
    for (const { stop } of running) stop.abort();
    await Promise.all(running.map((r) => r.over));
  }
  #watch(): void {
    if (this.#timer) return;
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const r of this.#running.values()) if (!r.keep && now - r.asked > this.#forgottenMs) r.stop.abort();
      if (this.#running.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, 1000);
    this.#timer.unref();
  }
}
