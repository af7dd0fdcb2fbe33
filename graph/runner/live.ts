import { type BlockReader, ChimeraError, isLive, type LiveReader } from '../schema/index.ts';
import type { EngineClock } from './engine-clock.ts';

export interface Live {
  readonly clock: EngineClock;
  /** Time between commits, ms of the wall; default 1,000. */
  readonly commitMs?: number;
  /** Ends the run for good: what is open is closed. (`signal` only stops it, to be resumed.) */
  readonly finish: AbortSignal;
  /** Makes all inputs taken so far durable; called before commands leave. */
  sync(): void;
  /** How the run waits for what `offer` gives it, or `ms`; default: a timer of the runtime. */
  readonly wait?: (ms: number, offer: (wake: () => void) => void) => Promise<void>;
}

/** The run that the loop drives. */
export interface LiveRun {
  /** Others may take their place between rounds. */
  readers(): readonly LiveReader[];
  /** It is to be left as it is, to be resumed. */
  stopped(): boolean;
  /** Engine time (µs) at which something fires without an input. */
  nextDue(): number;
  /** Runs what had arrived by `now` in the order in which a replay will, fires the timers due, and lets commands out. */
  run(now: number): Promise<void>;
  commit(): Promise<void>;
}

/** Round after round until the run is finished or stopped; between rounds it sleeps until something arrives or is due. */
export async function liveLoop(live: Live, run: LiveRun): Promise<void> {
  const { clock, finish } = live;
  const commitUs = (live.commitMs ?? 1000) * 1000 * clock.rate;
  let arrived = () => {};
  let idle = false;
  const wake = () => {
    idle = false;
    arrived();
  };
  let committed = clock.now();
  for (;;) {
    const ending = finish.aborted;
    const now = clock.pass();
    idle = true;
    for (const r of run.readers()) r.wake = wake;
    await run.run(now);
    if (now - committed >= commitUs) {
      committed = now;
      await run.commit();
    }
    if (ending || run.stopped()) return;
    const due = Math.min(run.nextDue(), committed + commitUs);
    const idleMs = Math.min(clock.wallUntil(due) / 1000, IDLE_MS);
    if (idle && idleMs > 0)
      await (live.wait ?? pause)(idleMs, (wake) => {
        arrived = wake;
      });
    else await turn();
  }
}

/** Longest pause of a live run in which nothing arrives and no timer is due, ms. */
const IDLE_MS = 100;
/** Resolves when `wake` is called, at the latest after `ms`. */
function pause(ms: number, offer: (wake: () => void) => void): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    offer(() => {
      clearTimeout(timer);
      done();
    });
  });
}
/** Lets sockets be read. */
export const turn = () => new Promise<void>((done) => setImmediate(done));

/** @throws CHM747: a live run cannot wait for a source that has to be read */
export function refuseDead(sources: readonly (readonly [id: string, reader: BlockReader])[]): void {
  const dead = sources.filter(([, reader]) => !isLive(reader)).map(([id]) => id);
  if (dead.length > 0)
    throw new ChimeraError('CHM747', `source ${dead.join(', ')} is not live`, {
      help: 'bind it to a live type in the profile, or run without a live profile',
    });
}
