import { compareStamps, type Stamp } from '../engine/stamp.ts';
import { beforeEnd, closedAt, isClosed } from './control.ts';
import type { InPart } from './in-part.ts';
import type { PartMachine } from './part-machine.ts';
import { isFurther } from './part-sender.ts';

/** How far a part may run, and how far it has: nothing is run before it is certain that nothing else comes before it. */
export class PartBound {
  /** Engine time of the run's first input, µs, once that is known: here or from others. */
  origin: number | undefined;
  readonly #engine: PartMachine['engine'];
  readonly #receiver: PartMachine['receiver'];
  readonly #sources: PartMachine['sources'];
  readonly #cycles: PartMachine['cycles'];
  #frontier: Stamp | undefined;

  constructor({ engine, receiver, sources, cycles }: PartMachine) {
    this.#engine = engine;
    this.#receiver = receiver;
    this.#sources = sources;
    this.#cycles = cycles;
  }

  /** Up to here nothing can arrive any more: neither from other parts nor from own sources. */
  find(): Stamp | undefined {
    const { peers } = this.#receiver;
    let bound: Stamp | undefined;
    const least = (s: Stamp): void => {
      if (!bound || compareStamps(s, bound) < 0) bound = s;
    };
    if (this.#sources.first !== undefined && this.origin === undefined) this.origin = this.#firstOf(peers);
    for (const p of this.#receiver.parts) {
      if (!p.isRead) continue;
      const b = p.bound(this.origin);
      if (!b) return undefined;
      if (p.frontier && isClosed(p.frontier)) this.#cycles.endTime ??= p.frontier.t;
      least(b);
    }
    if (this.#sources.heads.length > 0) {
      const own = this.#upTo(peers);
      if (!own) return undefined;
      least(own);
    }
    const { endTime } = this.#cycles;
    if (endTime !== undefined) least(closedAt(endTime));
    return bound;
  }
  #firstOf(peers: readonly InPart[]): number | undefined {
    const firsts = [this.#sources.first, ...peers.map((p) => p.sources?.first)];
    return firsts.includes(undefined) ? undefined : Math.min(...(firsts as number[]));
  }
  /** As far as the sources go: the own ones, and for what only sources can say all others, too. */
  #upTo(peers: readonly InPart[]): Stamp | undefined {
    let upTo = this.#sources.upTo;
    if (!upTo) return undefined;
    const all = peers.map((p) => p.sources?.upTo);
    const { end } = this.#sources;
    if (end !== undefined) {
      // The run goes on as long as any source does, and ends with the last one.
      const open = all.filter((s) => !s || !isClosed(s));
      const ends = all.flatMap((s) => (s && isClosed(s) ? [s.t] : []));
      const last = Math.max(end, ...ends);
      if (open.length === 0) {
        this.#cycles.endTime ??= last;
        upTo = closedAt(this.#cycles.endTime);
      } else {
        upTo = beforeEnd(last);
        for (const s of open) if (s && compareStamps(s, upTo) > 0) upTo = s;
      }
    }
    // While a key has not come to life, it may do so in any source.
    const { live, keys } = this.#engine.core;
    if (live.length < keys.list.length)
      for (const s of all) {
        if (!s) return undefined;
        if (compareStamps(s, upTo) < 0 && !isClosed(s)) upTo = s;
      }
    return upTo;
  }

  /** Own inputs can be read or run without anything arriving. */
  get isRunnable(): boolean {
    if (this.#sources.heads.length === 0) return false;
    if (this.#sources.isReading) return true;
    const bound = this.find();
    const next = this.#cycles.nextInput;
    return next !== undefined && bound !== undefined && compareStamps(next, bound) < 0;
  }

  /** All cycles before the bound have run: it is the part's own frontier. */
  reached(bound: Stamp): void {
    if (!this.#frontier || isFurther(bound, this.#frontier)) this.#frontier = bound;
  }
  /** Before this place everything has run; undefined: nothing is known to be complete yet. */
  get frontier(): Stamp | undefined {
    return this.#frontier;
  }
  /** The last cycle of the run is behind the part. */
  get isClosed(): boolean {
    return this.#frontier !== undefined && isClosed(this.#frontier);
  }
}
