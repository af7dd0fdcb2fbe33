import { randomUUID } from 'node:crypto';
import type { Problem } from './contract/records.ts';
import { refusalOf } from './problem.ts';

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

/** Work that takes longer than a request: it is begun, and asked for later. In memory: a restart forgets it. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #now: () => number;
  constructor(now: () => number) {
    this.#now = now;
  }
  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }
  /**
   * Begins the work. What is done within the deadline is an answer, everything else a job.
   * @returns the job; its state says which
   */
  async begin(
    what: string,
    by: string,
    correlation: string,
    work: () => Promise<unknown>,
    deadlineMs = 0,
  ): Promise<Job> {
    const id = randomUUID();
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
    for (const old of this.#jobs.keys()) {
      if (this.#jobs.size <= KEPT) break;
      this.#jobs.delete(old);
    }
    const end = (more: Partial<Job>) => void this.#jobs.set(id, { ...job, ...more, ended_ms: this.#now() });
    const done = work().then(
      (result) => end({ state: 'done', progress: 1, result }),
      (e: unknown) => end({ state: 'failed', error: refusalOf(e, correlation).problem.error }),
    );
    if (deadlineMs > 0) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((late) => {
        timer = setTimeout(late, deadlineMs);
      });
      await Promise.race([done, late]);
      clearTimeout(timer);
    }
    return this.#jobs.get(id) ?? job;
  }
}
