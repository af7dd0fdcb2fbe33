import type { Run as EngineRun } from '../../graph/runner/runner.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { ControlInlet } from '../../sources/control/inlet.ts';
import { shownDiff } from '../api/config/diff-graphs.ts';
import type { Kill } from '../api/contract/records.ts';
import type { Asked, KillRequest } from '../api/ports.ts';
import { killOf } from '../run/control/run-requests.ts';
import type { LiveJob } from '../run/live.ts';
import type { RunHandle } from '../run/run-handle.ts';
import type { Offers } from './observer.ts';

/** A command is answered once the cycle that it causes has been run, or after this time, ms. */
const APPLY_MS = 3000;

/**
 * What a live run offers to the API: the kill switch, where its graph has one, and another graph. Commands go the way of all inputs,
 * through the journal of `source.control`.
 */
export function liveOffers(job: LiveJob): { job: LiveJob; offers: Offers } {
  let run: EngineRun | undefined;
  let handle: RunHandle | undefined;
  let inlet: ControlInlet | undefined;
  const given = <T>(value: T | undefined): T => {
    if (value !== undefined) return value;
    throw new ChimeraError('CHM951', 'the run is still starting', { help: 'ask again in a moment' });
  };
  const kill = async ({ action, reason }: KillRequest, { by, correlation }: Asked): Promise<Kill> => {
    const kind = action === 'engage' ? 'kill_engage' : 'kill_release';
    const receipt = await given(inlet).append({ kind, who: by, reason, correlation_id: correlation });
    const until = performance.now() + APPLY_MS;
    while (given(run).engine.now < receipt.t_avail_us && performance.now() < until)
      await new Promise((done) => setTimeout(done, 1));
    return killNow(given(run));
  };
  const has = job.pipeline.nodes.some((n) => n.type.type === 'governance.kill_switch');
  return {
    job: {
      ...job,
      onRun: (r) => {
        run = r;
        job.onRun?.(r);
      },
      onHandle: (h) => {
        handle = h;
        job.onHandle?.(h);
      },
      onInlet: (i) => {
        inlet = i;
        job.onInlet?.(i);
      },
    },
    offers: {
      ...(has ? { kill } : {}),
      diff: async ({ yaml }) => shownDiff(await given(handle).diff(yaml)),
      reload: async ({ yaml }) => shownDiff((await given(handle).reload(yaml)).diff),
    },
  };
}

/** The kill switch as the page shows it. What cannot be read is not known. */
export function killNow(run: EngineRun): Kill {
  const { state, status } = killOf(run) ?? { state: null, status: null };
  const time = (v: unknown): number | null => (typeof v === 'number' ? v : null);
  const steps = (['engaged', 'cancelled', 'flat'] as const).flatMap((step) => {
    const at_us = time(status?.[`${step}_us`]);
    return at_us === null ? [] : [{ state: step === 'cancelled' ? 'flattening' : step, at_us }];
  });
  return {
    state: (status?.['phase'] as Kill['state'] | undefined) ?? 'unknown',
    reason: (status?.['reason'] as string | undefined) || null,
    by: (state?.['who'] as string | undefined) || null,
    since_us: time(status?.['engaged_us']),
    steps,
  };
}
