import { ArangoFault } from './fault.ts';

export interface RetryPolicy {
  /** Tries in all, ≥ 1. */
  readonly attempts: number;
  /** Wait before the second try; doubles up to `maxWaitMs`. */
  readonly firstWaitMs: number;
  readonly maxWaitMs: number;
}
/** About a minute in all: longer than a restart of the server or a change of the leader. */
export const RETRY: RetryPolicy = { attempts: 16, firstWaitMs: 50, maxWaitMs: 5000 };

export interface RetryNote {
  readonly what: string;
  readonly attempt: number;
  readonly waitMs: number;
  readonly reason: string;
}

/**
 * Runs the work until it succeeds, is refused, or the tries are used up. The work must be harmless to repeat: it may
 * have been carried out although it failed. @throws the coded error of the last failure
 */
export async function retried<T>(
  what: string,
  work: () => Promise<T>,
  policy: RetryPolicy,
  wait: (ms: number) => Promise<void>,
  note: (n: RetryNote) => void,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (e) {
      if (!(e instanceof ArangoFault)) throw e;
      if (e.kind === 'refused' || attempt >= policy.attempts) throw e.error;
      // Half of it at random: those that met in a conflict do not meet again.
      const full = Math.min(policy.maxWaitMs, policy.firstWaitMs * 2 ** (attempt - 1));
      const waitMs = Math.round(full * (0.5 + 0.5 * Math.random()));
      note({ what, attempt, waitMs, reason: e.message });
      await wait(waitMs);
    }
  }
}
