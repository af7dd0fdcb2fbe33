import type { Held } from '../bus/bus.ts';
import { ChimeraError } from '../schema/index.ts';
import { PartAside } from './part-aside.ts';
import { PartBound } from './part-bound.ts';
import { PartCommitter } from './part-committer.ts';
import { PartEnds } from './part-ends.ts';
import { PartFigures } from './part-figures.ts';
import { PartMachine } from './part-machine.ts';
import type { PartOptions, PartResult } from './part-options.ts';
import type { PartSnapshot } from './part-snapshot.ts';
import { PartTeller } from './part-teller.ts';
import { SourceOrder } from './source-order.ts';
import { stayAtEnd } from './stay-at-end.ts';
import { partitionName } from './streams.ts';

/** Cycles between two looks at the bus. */
const SLICE = 2048;
/** Records that may wait before they are sent. */
const BATCH_RECORDS = 4096;
/** Bytes on the bus that the slowest reader has not done with, before a source waits. */
const MOST_OUTSTANDING = 64 * 2 ** 20;

/** A part from its lease and the commit that it goes on from to its end, or to whatever makes it lose its place. */
export class PartLife {
  readonly #o: PartOptions;
  readonly #machine: PartMachine;
  readonly #bound: PartBound;
  readonly #teller: PartTeller;
  readonly #ends: PartEnds;
  readonly #figures: PartFigures;
  readonly #committer: PartCommitter;
  readonly #aside: PartAside;
  #held: Held | undefined;

  /** @param restarts lives that the part had before in this process */
  constructor(o: PartOptions, restarts: number) {
    this.#o = o;
    const machine = new PartMachine(o);
    const bound = new PartBound(machine);
    const teller = new PartTeller(o, machine, bound);
    const ends = new PartEnds(o, machine);
    const figures = new PartFigures(o, machine, bound, restarts);
    const committer = new PartCommitter(o, machine, { bound, teller, ends, figures });
    this.#aside = new PartAside(o, machine, { bound, teller, committer });
    this.#machine = machine;
    this.#bound = bound;
    this.#teller = teller;
    this.#ends = ends;
    this.#figures = figures;
    this.#committer = committer;
  }

  async open(): Promise<void> {
    const { bus, naming, part, holder, ttlMs = 5000, signal, live, extra } = this.#o;
    const { receiver, sender, sources, sourceIds } = this.#machine;
    const wake = (): void => receiver.wake();
    await this.#ends.waitForGateways();
    const partition = partitionName(naming, part.id);
    const held = await bus.acquire(partition, { tags: [], holder, ttlMs, ...(signal ? { signal } : {}) });
    this.#held = held;
    for (const s of [held.lost, signal, live?.finish]) s?.addEventListener('abort', wake, { once: true });
    const commit = await this.#committer.open(held);
    if (commit) this.#machine.declare(commit);
    if (part.peers.length === 0) {
      await this.#ends.open(() => Promise.resolve());
      await this.#teller.open(held, commit);
    } else {
      // Instruments are numbered in the order in which the sources are opened, wherever that is.
      await this.#teller.open(held, commit);
      receiver.open(commit);
      const order = new SourceOrder(this.#o.cut, part, receiver.peers, sources);
      await this.#ends.open(() => this.#hear(() => order.isOurTurn));
      await this.#hear(() => order.allOpen);
      await sender.keysAdded();
    }
    this.#ends.journal();
    if (commit) {
      this.#bound.origin = commit.origin ?? undefined;
      this.#machine.restore(commit);
      this.#figures.resumed(commit.cycles);
    }
    if (live && sourceIds.length > 0) this.#teller.resumeTime(commit);
    await extra?.restore(commit?.extra);
    await sources.seek(commit?.offsets ?? {}, wake);
    if (part.peers.length === 0) receiver.open(commit);
    else receiver.keysAdded();
    await this.#aside.open(held, commit);
    await this.#committer.begin(commit);
    await this.#aside.begin();
  }
  /** Says how far this part is, and takes what others say, until `enough`. */
  async #hear(enough: () => boolean): Promise<void> {
    const { signal } = this.#o;
    for (;;) {
      this.#check();
      this.#teller.tellNow(false);
      await this.#machine.sender.settle();
      if (enough()) return;
      if (signal?.aborted) throw new ChimeraError('CHM522', 'waiting for the other sources was ended', {});
      await this.#machine.take(false, 1000);
    }
  }

  async run(): Promise<PartResult> {
    const { signal, slice = SLICE, commitMs = 1000, onProgress, part } = this.#o;
    const { engine, cycles, sources, sender, receiver, poison } = this.#machine;
    const held = this.#held!;
    for (;;) {
      this.#check();
      await sources.read();
      const bound = this.#bound.find();
      const more = bound ? cycles.advance(bound, slice) : false;
      sources.ran();
      if (bound && !more) this.#bound.reached(bound);
      this.#ends.letOut(held);
      if (!more || sender.out.waiting >= BATCH_RECORDS) this.#teller.tell();
      const closed = this.#bound.isClosed && !more;
      const stopped = signal?.aborted === true;
      if (closed) this.#teller.closed();
      if (closed) poison.end();
      if (closed || stopped || this.#committer.sinceMs >= commitMs) {
        await this.#committer.commit();
        if (!closed && !stopped) await this.#aside.takeBack(false);
      }
      if (!more && poison.undecided) await this.#aside.leaveOut(bound);
      onProgress?.({ part: part.id, cycles: cycles.cycles, now: engine.now });
      if (closed) await this.#stay();
      if (closed || stopped) return this.result();
      await this.#keepPace();
      await sender.settle();
      const busy = more || this.#bound.isRunnable;
      const added = await this.#machine.take(busy, this.#waitMs(commitMs));
      this.#bound.origin ??= receiver.origin;
      if (added) await sender.keysAdded();
      if (added) poison.settle();
    }
  }
  /** @throws when the part is no longer held, or cannot send */
  #check(): void {
    const { failed } = this.#machine.sender;
    if (failed) throw failed;
    if (this.#held!.lost.aborted) throw this.#held!.lost.reason;
    if (this.#ends.isGatewayClosed)
      throw new ChimeraError('CHM521', `the gateway of part ${this.#o.part.id} was closed`, {});
  }
  /** How long nothing but what arrives can make a difference, ms. */
  #waitMs(commitMs: number): number {
    const { live } = this.#o;
    const { engine, sources } = this.#machine;
    const left = Math.max(0, commitMs - this.#committer.sinceMs);
    if (!live) return sources.heads.length > 0 ? Math.min(left, 10) : left;
    if (sources.heads.length === 0) return this.#ends.isGatewayAwaited ? Math.min(left, 20) : left;
    const dueMs = live.clock.wallUntil(engine.nextDue) / 1000;
    return Math.min(left, dueMs, this.#teller.quietMs);
  }
  /** A source waits while its readers are too far behind: what it has not sent yet is in its journal or its file. */
  async #keepPace(): Promise<void> {
    const { sources, sender } = this.#machine;
    if (sources.heads.length === 0) return;
    const most = this.#o.mostOutstanding ?? MOST_OUTSTANDING;
    while (sender.outstanding > most && !this.#o.signal?.aborted) {
      await this.#committer.commit();
      if (sender.outstanding <= most) return;
      await new Promise((done) => setTimeout(done, 50));
      this.#check();
    }
  }
  /** The part has run everything. What it has sent has to be there until nobody needs it any more. */
  async #stay(): Promise<void> {
    const { signal, stay, store, open, onClosed } = this.#o;
    // Both commits that may be gone back to are this one: nothing that it read is needed any more.
    if (!store) await this.#committer.commit();
    onClosed?.(true);
    // A run that goes on later needs again what is sent then: who reads it must not have said that it needs nothing more.
    if (stay === undefined || open) return;
    try {
      await stayAtEnd({
        held: this.#held!,
        sender: this.#machine.sender,
        reads: Object.keys(this.#machine.receiver.positions),
        closing: this.#teller.closing,
        ends: [signal, stay].filter((s) => s instanceof AbortSignal),
        withReaders: stay === 'readers',
        check: () => this.#check(),
        again: () => this.#teller.tellNow('again'),
        takeBack: () => this.#aside.takeBack(true),
      });
    } catch (e) {
      onClosed?.(false);
      throw e;
    }
  }

  /** Commits of this life. */
  get commits(): number {
    return this.#figures.commits;
  }
  snapshot(): PartSnapshot {
    return this.#figures.snapshot();
  }
  result(): PartResult {
    return this.#figures.result(this.#committer.epoch);
  }
  /** Another process holds the part: what this one has open of its sources is closed. */
  letGo(): Promise<void> {
    return this.#ends.letGo();
  }
  async close(): Promise<void> {
    await this.#machine.sender.close();
    await this.#machine.receiver.close();
    await this.#ends.close();
    await this.#held?.release();
  }
}
