import { Rewound } from '../bus/rewound.ts';
import { PartLife } from './part-life.ts';
import type { PartOptions, PartResult } from './part-options.ts';

/** Between two tries while what is outside is in trouble. */
const LONGEST_PAUSE_MS = 15_000;

/**
 * Runs one part until the run ends or `signal` aborts. Whatever makes it lose its place (its lease ran out, the bus knows less
 * than it does) sends it back to its newest commit that the bus supports: the same cycles run again, and what is on the bus
 * already is passed over.
 */
export async function runPart(options: PartOptions): Promise<PartResult> {
  let trouble: { code: string; since: number; tries: number } | undefined;
  for (let restarts = 0; ; restarts++) {
    const life = new PartLife(options, restarts);
    try {
      await life.open();
      return await life.run();
    } catch (e) {
      const { code } = e as { code?: string };
      if (options.signal?.aborted && code === 'CHM522') return life.result();
      if (life.commits > 0) trouble = undefined;
      if (e instanceof Rewound || code === 'CHM521') {
        // Whoever holds the part now opens its sources.
        if (code === 'CHM521') await life.letGo();
        options.onRestart?.(e);
        await pause(Math.min(100 * 2 ** restarts, options.restartMs ?? 2000), options.signal);
        continue;
      }
      if (code === undefined || !options.passes?.(e)) throw e;
      trouble = { code, since: trouble?.since ?? Date.now(), tries: (trouble?.tries ?? 0) + 1 };
      options.onRestart?.(e);
      options.onSnapshot?.({ ...life.snapshot(), trouble: { code, since: trouble.since } });
      await pause(Math.min(250 * 2 ** trouble.tries, LONGEST_PAUSE_MS), options.signal);
    } finally {
      await life.close().catch((e: unknown) => {
        if (!trouble || !options.passes?.(e)) throw e;
      });
    }
  }
}
/** Ends early when the signal is aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    else signal?.addEventListener('abort', done, { once: true });
  });
}
