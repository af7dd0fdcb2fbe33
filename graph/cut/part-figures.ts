import type { PartBound } from './part-bound.ts';
import type { PartMachine } from './part-machine.ts';
import type { PartOptions, PartResult } from './part-options.ts';
import type { PartSnapshot } from './part-snapshot.ts';

/** One life of a part in numbers, while it lasts and at its end. */
export class PartFigures {
  readonly #o: PartOptions;
  readonly #machine: PartMachine;
  readonly #bound: PartBound;
  readonly #restarts: number;
  #commits = 0;
  #commitMs = 0;
  /** Cycles of earlier lives. */
  #cyclesBefore = 0;

  constructor(o: PartOptions, machine: PartMachine, bound: PartBound, restarts: number) {
    this.#o = o;
    this.#machine = machine;
    this.#bound = bound;
    this.#restarts = restarts;
  }
  /** Cycles of earlier lives are none of this one. */
  resumed(cycles: number): void {
    this.#cyclesBefore = cycles;
  }
  /** Commits of this life. */
  get commits(): number {
    return this.#commits;
  }
  /** Counts a commit that took so long, and says how the part is doing. */
  committed(ms: number): void {
    this.#commits++;
    this.#commitMs += ms;
    this.#o.onSnapshot?.(this.snapshot());
  }

  snapshot(): PartSnapshot {
    const { part, bus } = this.#o;
    const { engine, cycles, sender, receiver } = this.#machine;
    const { parts } = receiver;
    const { now } = engine;
    const furthest = Math.max(now, ...parts.map((p) => p.frontier?.t ?? 0));
    // A part that seldom has something to run stands at its last cycle: that is no lag.
    const waits = parts.some((p) => p.streams.some((s) => s.announced > s.position));
    const { state } = bus;
    return {
      part: part.id,
      service: part.service,
      cycles: cycles.cycles - this.#cyclesBefore,
      nowUs: now,
      lagUs: cycles.cycles === 0 || !waits ? 0 : furthest - now,
      counters: { ...engine.counters },
      restarts: this.#restarts,
      commits: this.#commits,
      commitMs: this.#commitMs,
      ...(state ? { state: { ...(state.code === undefined ? {} : { code: state.code }), since: state.since } } : {}),
      inlets: parts.flatMap((p) =>
        p.streams.map(({ name, position, arrived, announced }) => ({
          stream: name,
          position,
          arrived,
          behind: Math.max(arrived, announced) - position,
        })),
      ),
      outlets: [...sender.out.streams.values()].map(({ name, position, records }) => ({
        stream: name,
        position,
        waiting: records,
      })),
      handover: this.#handover(),
    };
  }
  /** @param epoch number of the newest commit */
  result(epoch: number): PartResult {
    const { engine, cycles, sources } = this.#machine;
    const { origin, frontier, isClosed } = this.#bound;
    const quality = sources.heads.map((h) => h.reader.quality);
    return {
      part: this.#o.part.id,
      cycles: cycles.cycles,
      inputs: cycles.inputs,
      counters: { ...engine.counters },
      commits: epoch,
      restarts: this.#restarts,
      bad_input: quality.flatMap((q) => q?.bad_input ?? []),
      out_of_order: quality.reduce((n, q) => n + (q?.out_of_order ?? 0), 0),
      first_us: origin ?? null,
      last_us: cycles.cycles > 0 ? engine.now : null,
      end_us: isClosed ? frontier!.t : null,
      handover: this.#handover(),
    };
  }
  #handover(): PartResult['handover'] {
    const { parts, handover } = this.#machine.receiver;
    return parts.map((p, i) => handover[i]!.snapshot(p.id));
  }
}
