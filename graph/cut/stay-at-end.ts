import type { Held } from '../bus/bus.ts';
import type { PartSender } from './part-sender.ts';

export interface AtEnd {
  readonly held: Held;
  readonly sender: PartSender;
  /** Streams that the part reads. */
  readonly reads: readonly string[];
  /** Number of a control message that says that the run has ended. */
  readonly closing: number;
  readonly ends: readonly AbortSignal[];
  /** Ends by itself when all readers have come to the end of the run. */
  readonly withReaders: boolean;
  /** @throws when the part is no longer held, or cannot send */
  readonly check: () => void;
  /** Says once more that the run has ended. */
  readonly again: () => void;
  /** Puts aside again what is given back too late. */
  readonly takeBack: () => Promise<void>;
}

/** Between two looks: short at first, for runs in which all come to the end together. */
const FIRST_MS = 20;
const LONGEST_MS = 1000;
/** A server that syncs every second may lose what is younger. */
const SYNCED_MS = 2500;
const AGAIN_MS = 1000;
const SELDOM_MS = 30_000;

/**
 * A part that has come to the end of the run looks after what it has sent: a bus that loses its last second, or comes back empty, would
 * otherwise leave the readers waiting for something that nobody sends again.
 * @throws CHM523, CHM521: the part has to run again
 */
export async function stayAtEnd(o: AtEnd): Promise<void> {
  const { held, sender, ends } = o;
  const over = (): boolean => ends.some((s) => s.aborted);
  let waitMs = FIRST_MS;
  let againMs = AGAIN_MS;
  let said = performance.now();
  let passedAt: number | undefined;
  // Also what nobody has sent yet: feedback, and its frontiers, go beyond the end.
  const needs = o.reads.map((stream) => ({ stream, position: Number.MAX_SAFE_INTEGER }));
  while (!over()) {
    o.check();
    // Also when the bus has forgotten it: those who send again wait for who lags.
    await held.need(needs);
    await sender.verify();
    const passed = (await sender.trim()) >= o.closing;
    if (!passed) passedAt = undefined;
    else passedAt ??= performance.now();
    if (o.withReaders && passedAt !== undefined && performance.now() - passedAt >= SYNCED_MS) return;
    if (!passed && performance.now() - said >= againMs) {
      // Its end, as all messages, may be what cannot be read.
      o.again();
      said = performance.now();
      againMs = Math.min(2 * againMs, SELDOM_MS);
    }
    await o.takeBack();
    await pause(waitMs, ends);
    waitMs = Math.min(1.5 * waitMs, LONGEST_MS);
  }
}

function pause(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const s of signals) s.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const s of signals) s.addEventListener('abort', done, { once: true });
    if (signals.some((s) => s.aborted)) done();
  });
}
