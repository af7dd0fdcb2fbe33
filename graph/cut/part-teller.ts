import type { Held } from '../bus/bus.ts';
import { startOf } from '../engine/stamp.ts';
import { type Control, isClosed } from './control.ts';
import { lastTold } from './last-told.ts';
import type { PartBound } from './part-bound.ts';
import type { PartCommit } from './part-commit.ts';
import type { PartMachine } from './part-machine.ts';
import type { PartOptions } from './part-options.ts';

/** A live source that has nothing to say says so that often, ms: time passes for everybody. */
const IDLE_MS = 5;

/** Tells others how far the part is: when that is due, and what earlier lives have told, which nothing may contradict. */
export class PartTeller {
  readonly #o: PartOptions;
  readonly #machine: PartMachine;
  readonly #bound: PartBound;
  #before: Control | undefined;
  #closing: number | undefined;
  /** When something was last sent, by the clock of the process. */
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(o: PartOptions, machine: PartMachine, bound: PartBound) {
    this.#o = o;
    this.#machine = machine;
    this.#bound = bound;
  }
  /** What earlier lives told last has to be known before this one tells anything. */
  async open(held: Held, commit: PartCommit | undefined): Promise<void> {
    const { sender } = this.#machine;
    await sender.open(held, commit?.written ?? {}, commit?.told);
    const { control } = sender;
    this.#before = await lastTold(this.#o.bus, control, this.#o.signal);
    const { frontier, session } = this.#before ?? {};
    if (frontier && isClosed(frontier) && session === this.#machine.session) this.#closing = control.position;
  }
  /** What earlier lives have told others last. */
  get before(): Control | undefined {
    return this.#before;
  }
  /**
   * Live: time goes on behind everything that has been promised or run. What was promised last is on the bus; a message of a dead
   * holder cannot come after it, because it is fenced.
   */
  resumeTime(commit: PartCommit | undefined): void {
    const { sources, sourceIds, session } = this.#machine;
    let passed = Math.max(this.#o.live!.lastUs(sourceIds), commit?.snapshot.now ?? Number.NEGATIVE_INFINITY);
    let stop = commit?.session === session ? (commit.endTime ?? undefined) : undefined;
    const said = this.#before;
    for (const stamp of said ? [said.sources?.upTo, said.frontier] : []) {
      if (!stamp) continue;
      passed = Math.max(passed, stamp.t);
      if (said!.session === session && isClosed(stamp)) stop = Math.min(stop ?? stamp.t, stamp.t);
    }
    sources.resume(passed, stop);
  }

  /** Sends what waits, and how far the part is, unless that can wait. */
  tell(): void {
    if (!this.#isQuiet()) this.tellNow(false);
  }
  /** Sends what waits, and how far the part is. @param whole as `PartSender.send` */
  tellNow(whole: boolean | 'again'): void {
    const { engine, receiver, sender, cycles } = this.#machine;
    const { core } = engine;
    const { frontier, origin } = this.#bound;
    const { part, live } = this.#o;
    this.#saidMs = performance.now();
    receiver.asked = false;
    const births = [...core.births, ...cycles.births];
    core.births = [];
    const complete = frontier ?? (origin === undefined ? undefined : startOf(origin));
    const sources = part.peers.length > 0 ? this.#machine.sources.said() : undefined;
    if (live && sender.out.waiting > 0) live.sync();
    sender.send(complete, origin, births, sources, whole);
  }
  /**
   * A live source with nothing but time to tell need not say so each time it looks at its clock. Another one that has just sent
   * something is answered at once: who reads both waits for this one.
   */
  #isQuiet(): boolean {
    const { engine, receiver, sources, sender, cycles } = this.#machine;
    if (!this.#o.live || sources.heads.length === 0 || receiver.asked) return false;
    if (sender.out.waiting > 0 || engine.core.births.length > 0 || cycles.births.length > 0) return false;
    if (sources.end !== undefined) return false;
    return performance.now() - this.#saidMs < IDLE_MS;
  }
  /** How long a live source may wait before it says that time has gone on, ms. */
  get quietMs(): number {
    const left = Math.max(0, IDLE_MS - (performance.now() - this.#saidMs));
    return left === 0 ? IDLE_MS : left;
  }

  /** The part is at the end of the run, and its last message says so. */
  closed(): void {
    // The first message that says so: a reader that understood it reads no further.
    this.#closing ??= this.#machine.sender.control.position;
  }
  /** Number of the control message that says that the run has ended; 0 before there is one. */
  get closing(): number {
    return this.#closing ?? 0;
  }
}
