import type { Held } from '../bus/bus.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import { ChimeraError } from '../schema/index.ts';
import type { PartBound } from './part-bound.ts';
import type { PartCommit } from './part-commit.ts';
import type { PartCommitter } from './part-committer.ts';
import type { PartMachine } from './part-machine.ts';
import type { PartOptions } from './part-options.ts';
import type { PartTeller } from './part-teller.ts';
import type { Decision } from './poison.ts';

/** Puts aside what a part cannot read, and takes what is given back: each a decision in its commits before anything depends on it. */
export class PartAside {
  readonly #o: PartOptions;
  readonly #machine: PartMachine;
  readonly #bound: PartBound;
  readonly #teller: PartTeller;
  readonly #committer: PartCommitter;
  #held: Held | undefined;

  constructor(
    o: PartOptions,
    machine: PartMachine,
    of: { bound: PartBound; teller: PartTeller; committer: PartCommitter },
  ) {
    this.#o = o;
    this.#machine = machine;
    this.#bound = of.bound;
    this.#teller = of.teller;
    this.#committer = of.committer;
  }
  /** Goes on from what a commit says was decided, and from what was decided after it. */
  async open(held: Held, commit: PartCommit | undefined): Promise<void> {
    this.#held = held;
    this.#machine.poison.restore(commit?.poison, (await this.#o.decisions?.load()) ?? []);
  }
  /** An earlier life may have ended before all places knew what it had decided. */
  async begin(): Promise<void> {
    if (this.#machine.poison.fresh.length > 0) await this.#settled();
  }

  /** Puts aside what cannot be read, once all that lies before it has run. @throws CHM516 when an earlier life may have run it */
  async leaveOut(bound: Stamp | undefined): Promise<void> {
    const { poison, sender, engine } = this.#machine;
    const { blocked } = poison;
    if (blocked.length > 0 && sender.behind) {
      // An earlier life was further than this one. Where that leads behind the entry, it could still be read then.
      const holdsUp = blocked.some((p) => {
        const b = p.bound(this.#bound.origin);
        return p.stuck && (!b || (bound !== undefined && compareStamps(b, bound) <= 0));
      });
      if (holdsUp)
        throw new ChimeraError('CHM516', `part ${this.#o.part.id} has run what can no longer be read`, {
          help: 'its results are on the bus and cannot be taken back: start all services again under another --prefix',
        });
      return;
    }
    const before = poison.letters.length;
    const made = poison.leaveOut();
    engine.counters.dead_lettered += poison.letters.length - before;
    await this.#decide(made);
  }
  /** Commits decisions before anything depends on them, in both commits that may be gone back to. */
  async #decide(made: readonly Decision[]): Promise<void> {
    const { poison, receiver } = this.#machine;
    poison.fresh = made;
    await this.#committer.commit();
    if (made.length === 0) return;
    await this.#settled();
    for (const p of receiver.parts) p.settle();
  }
  /** The newest commit says what was decided: now the other places do. */
  async #settled(): Promise<void> {
    const { poison } = this.#machine;
    await this.#o.decisions?.append(poison.fresh);
    poison.fresh = [];
    await this.#committer.commit();
  }

  /** Takes what `dlq replay` has given back. @param ended the run is over: it can only be put aside again */
  async takeBack(ended: boolean): Promise<void> {
    const { poison, engine } = this.#machine;
    const { expected } = poison;
    if (expected.length === 0) return;
    const given = await this.#held!.givenBack(expected);
    if (given.length === 0) return;
    const told = Math.max(engine.now, this.#bound.frontier?.t ?? 0, this.#teller.before?.frontier?.t ?? 0);
    await this.#decide(poison.takeBack(given, ended ? undefined : told));
    await this.#held!.tookBack(poison.expected.map(({ stream, after }) => ({ stream, upTo: after })));
  }
}
