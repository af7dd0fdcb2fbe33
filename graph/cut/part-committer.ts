import type { Held } from '../bus/bus.ts';
import { ChimeraError } from '../schema/index.ts';
import type { PartBound } from './part-bound.ts';
import { decodeCommit, encodeCommit, type PartCommit } from './part-commit.ts';
import type { PartEnds } from './part-ends.ts';
import type { PartFigures } from './part-figures.ts';
import type { PartMachine } from './part-machine.ts';
import type { PartOptions } from './part-options.ts';
import type { PartTeller } from './part-teller.ts';
import { partitionName } from './streams.ts';

/** Finds the commit that a part goes on from, and makes new ones: on the bus, or where its sinks write. */
export class PartCommitter {
  readonly #o: PartOptions;
  readonly #machine: PartMachine;
  readonly #bound: PartBound;
  readonly #teller: PartTeller;
  readonly #ends: PartEnds;
  readonly #figures: PartFigures;
  readonly #partition: string;
  #held: Held | undefined;
  #epoch = 0;
  /** What the commits that may still be gone back to need, oldest first. */
  #needs: Record<string, number>[] = [];
  /** When the last one was made, by the clock of the process. */
  #committed = 0;

  constructor(
    o: PartOptions,
    machine: PartMachine,
    of: { bound: PartBound; teller: PartTeller; ends: PartEnds; figures: PartFigures },
  ) {
    this.#o = o;
    this.#machine = machine;
    this.#bound = of.bound;
    this.#teller = of.teller;
    this.#ends = of.ends;
    this.#figures = of.figures;
    this.#partition = partitionName(o.naming, o.part.id);
  }
  /** Number of the newest commit. */
  get epoch(): number {
    return this.#epoch;
  }
  /** Time since the last commit, ms. */
  get sinceMs(): number {
    return performance.now() - this.#committed;
  }

  /** @returns the newest commit that the bus supports: everything that it says was sent is there. @throws CHM514 */
  async open(held: Held): Promise<PartCommit | undefined> {
    this.#held = held;
    const { store } = this.#o;
    if (store) {
      const c = await store.loadCheckpoint(this.#partition);
      this.#refuseOther(c?.graph);
      return c && decodeCommit(c.blob);
    }
    const stored = await held.checkpoints();
    // Numbers go on from the newest, whichever is gone back to.
    this.#epoch = stored[0]?.epoch ?? 0;
    for (const c of stored) {
      this.#refuseOther(c.graph);
      const commit = decodeCommit(c.blob);
      const names = Object.keys(commit.written);
      const there = await held.positions(names);
      if (names.every((n, i) => commit.written[n]! <= there[i]!)) return commit;
    }
    return undefined;
  }
  #refuseOther(graph: string | undefined): void {
    if (graph !== undefined && graph !== this.#machine.plan.pipeline.hash)
      throw new ChimeraError('CHM514', `part ${this.#o.part.id} was run by another graph on this bus`, {
        help: 'start with the pipeline, profile and parameters of the first start, or use another prefix on the bus',
      });
  }
  /** The part goes on from this commit, with everything restored. */
  async begin(commit: PartCommit | undefined): Promise<void> {
    this.#committed = performance.now();
    if (!commit) return;
    this.#epoch = Math.max(this.#epoch, commit.epoch);
    const { positions } = this.#machine.receiver;
    this.#needs = [positions];
    // A bus that came back empty does not know it, and those who send again wait for who lags.
    if (this.#o.store) await this.#need(positions);
  }

  async commit(): Promise<void> {
    const begun = performance.now();
    const { engine, sender, sources, receiver, keys, plan } = this.#machine;
    this.#teller.tellNow(true);
    await sender.sent();
    const { store, onCommit, onTap } = this.#o;
    const epoch = this.#epoch + 1;
    const { offsets } = sources;
    const mark = { epoch, now: engine.now, offsets };
    for (const tap of engine.taps) {
      onTap?.(tap, keys);
      tap.truncate(0);
    }
    const write = async (): Promise<Uint8Array> => {
      await this.#ends.commit(mark);
      await onCommit?.(mark);
      return encodeCommit({
        epoch,
        origin: this.#bound.origin ?? null,
        ...this.#machine.state(),
        extra: this.#o.extra?.take(),
      });
    };
    const graph = plan.pipeline.hash;
    if (store)
      await store.transaction(async () => {
        const blob = await write();
        await store.saveCheckpoint({ pipeline: this.#partition, graph, epoch, now: mark.now, offsets, blob });
      });
    else await this.#held!.commit({ epoch, graph, blob: await write() }, []);
    this.#epoch = epoch;
    // Also the commit before may be gone back to.
    this.#needs.push(receiver.positions);
    if (this.#needs.length > 2) this.#needs.shift();
    if (this.#needs.length === 2) await this.#need(this.#needs[0]!);
    await this.#sendLetters();
    await sender.trim();
    this.#committed = performance.now();
    this.#figures.committed(this.#committed - begun);
  }
  #need(positions: Readonly<Record<string, number>>): Promise<void> {
    return this.#held!.need(Object.entries(positions).map(([stream, position]) => ({ stream, position })));
  }
  /** Dead letters leave once a commit says why. */
  async #sendLetters(): Promise<void> {
    const { poison } = this.#machine;
    const { letters } = poison;
    if (letters.length === 0) return;
    await this.#held!.putAside(letters);
    poison.sent(letters);
  }
}
