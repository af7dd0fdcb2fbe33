import { ChimeraError } from '../../schema/error.ts';
import type { Health } from './health.ts';
import { type Trouble, troubleError, troubleOf } from './trouble.ts';

export interface Persistence {
  readonly health: Health;
  /** The address without its secrets. */
  readonly shown: string;
  /** Called before a write is tried again, to mend what can be mended from here. */
  readonly mend: (trouble: Trouble) => void;
}

/** 20 ms, 40 ms, … 1 s, with a quarter of it by chance, so that many who wait do not come back at once. */
export function backOffMs(attempt: number): number {
  return Math.min(1000, 20 * 2 ** Math.min(attempt, 10)) * (0.75 + Math.random() / 4);
}

/**
 * Does something that may be repeated without harm until it succeeds: all writes of the bus are of this kind. What is in the way
 * meanwhile shows in the state of the bus.
 * @throws the signal's reason when it ends the waiting; what `run` throws as a ChimeraError; any trouble that waiting cannot cure
 */
export async function persist<T>(on: Persistence, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  const who = {};
  try {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await untilAborted(run(), signal);
      } catch (e) {
        if (e instanceof ChimeraError) throw e;
        const trouble = troubleOf(e, on.shown);
        if (!trouble.passing) throw troubleError(trouble);
        on.health.trouble(who, trouble.code, trouble.message);
        if (attempt > 0) on.mend(trouble);
        await pause(backOffMs(attempt), signal);
      }
    }
  } finally {
    on.health.well(who);
  }
}

/** The promise, or the signal's reason as soon as it is aborted. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Waits; ends early, without an error, when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
