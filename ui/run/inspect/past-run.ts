import type { Pipeline } from '../../../graph/document/types.ts';
import { Engine, type Upcoming } from '../../../graph/engine/engine.ts';
import type { Snapshot } from '../../../graph/engine/snapshot.ts';
import type { Tap } from '../../../graph/engine/tap.ts';
import type { Waiting } from '../../../graph/engine/waiting.ts';
import { Answers } from '../../../graph/outcome/answers.ts';
import { type OutcomeJournal, type OutcomeRecord, Outcomes } from '../../../graph/outcome/journal.ts';
import { wall } from '../../../graph/outcome/wall.ts';
import { createPlan, type Plan } from '../../../graph/plan/plan.ts';
import { isAt, type PlannedReload } from '../../../graph/reload/reload.ts';
import { startOf } from '../../../graph/reload/start.ts';
import { waitCycles } from '../../../graph/runner/wait-cycles.ts';
import type { Block, BlockReader, KeyTable } from '../../../graph/schema/index.ts';

/** A place in a run that it can be taken to again. */
export interface Mark {
  readonly cycles: number;
  readonly events: number;
  /** Engine time, µs. */
  readonly now: number;
  readonly reloads: number;
  readonly offsets: Readonly<Record<string, number>>;
  /** Undefined at the very beginning. */
  readonly snapshot: Snapshot | undefined;
}
export const BEGINNING: Mark = { cycles: 0, events: 0, now: 0, reloads: 0, offsets: {}, snapshot: undefined };

export interface PastRunOptions {
  readonly first: Pipeline;
  readonly reloads: readonly PlannedReload[];
  readonly keys: KeyTable;
  /** The inputs of a source of a graph of the run. */
  readonly reader: (plan: Plan, source: string) => Promise<BlockReader>;
  /** What asynchronous nodes were told. */
  readonly outcomes: readonly OutcomeRecord[];
  /** Engine time (µs) up to which timers had fired behind the last input; null = that input's. */
  readonly until: number | null;
  /** What is not in the outcomes is answered by the fallback: for a graph that asks what the run did not. */
  readonly fallbacks?: boolean;
  /** The states of nodes that were warmed when a graph took over. */
  readonly warm?: (change: PlannedReload) => Promise<Snapshot>;
  /** Ports whose records are kept for the cycle that ran last; default all. */
  readonly taps?: readonly string[] | '*';
  /** Takes the rows of a tap before they are forgotten. */
  readonly onTap?: (tap: Tap) => void;
}
interface Head {
  readonly id: string;
  readonly node: number;
  readonly reader: BlockReader;
  block: Block | null;
  row: number;
  offset: number;
}

/**
 * A run that is computed again from its inputs, without sinks, and can be stopped behind any of its cycles. The order of cycles, and
 * the places at which graphs changed, are those of the run.
 */
export class PastRun {
  readonly #o: PastRunOptions;
  readonly #plans = new Map<number, Plan>();
  readonly #readers = new Map<string, BlockReader>();
  #engine: Engine;
  #answers: Answers | undefined;
  #heads: Head[] = [];
  #reloads = 0;
  #events = 0;
  /** Nothing has been run or restored yet. */
  #opened = false;

  constructor(o: PastRunOptions) {
    this.#o = o;
    this.#engine = this.#build(0);
  }
  get engine(): Engine {
    return this.#engine;
  }
  get plan(): Plan {
    return this.#engine.core.plan;
  }
  get cycles(): number {
    return this.#engine.cycles;
  }
  get events(): number {
    return this.#events;
  }
  get reloads(): number {
    return this.#reloads;
  }
  /** Last input of each source. */
  get offsets(): Record<string, number> {
    return Object.fromEntries(this.#heads.map((h) => [h.id, h.offset]));
  }
  mark(): Mark {
    const { cycles, events, reloads, offsets } = this;
    return { cycles, events, now: this.#engine.now, reloads, offsets, snapshot: this.#engine.snapshot() };
  }

  async goTo(mark: Mark): Promise<void> {
    if (mark.reloads !== this.#reloads || mark.snapshot === undefined) this.#engine = this.#build(mark.reloads);
    this.#reloads = mark.reloads;
    if (mark.snapshot) this.#engine.restore(mark.snapshot);
    this.#forget();
    this.#events = mark.events;
    this.#heads = await this.#openHeads(mark.offsets);
  }

  /** Runs inputs as they come, with what lies between them, while all is before `limit` (µs); at most so many rows. @returns how many */
  async rows(most: number, limit = Number.POSITIVE_INFINITY): Promise<number> {
    await this.#open();
    let left = most;
    while (left > 0) {
      if (await this.#changeGraph()) continue;
      const head = await this.#next();
      if (!head || head.block!.t[head.row]! >= limit) break;
      const whole = head.block!;
      const n = Math.min(whole.n, head.row + left, this.#stopOf(head) - whole.seq0 + 1);
      const block = n === whole.n ? whole : { ...whole, n };
      const from = head.row;
      const until = Math.min(limit, this.#limit(head));
      if (this.#answers) this.#ran(head, await this.#wait(this.#engine.waitRun(head.node, block, from, until)));
      else this.#ran(head, this.#engine.run(head.node, block, from, until));
      left -= head.row - from;
      this.#forget();
    }
    return most - left;
  }
  /** What is due up to `t`, once all inputs before it have been run. */
  async settle(t: number): Promise<void> {
    await this.#open();
    if (this.#answers) await this.#wait(this.#engine.waitSettle(t));
    else this.#engine.settle(t);
    this.#forget();
  }
  /**
   * Runs the next cycle alone; its records are in the taps.
   * @returns what began it, or false behind the last one
   */
  async step(): Promise<Upcoming | 'input' | false> {
    await this.#open();
    this.#forget();
    const change = this.#o.reloads[this.#reloads];
    if (change && isAt(change.record.at, this.#standing)) {
      const next = this.#engine.upcoming;
      if (await this.#due(change.record.at.until ?? Number.NEGATIVE_INFINITY)) return next!;
      await this.#changeGraph();
      return this.step();
    }
    const head = await this.#next();
    const next = this.#engine.upcoming;
    const t = head ? head.block!.t[head.row]! : (this.#o.until ?? Number.NEGATIVE_INFINITY);
    if (await this.#due(Math.max(t, this.#engine.now))) return next!;
    if (!head) return false;
    const { block, row, node } = head;
    if (this.#answers) await this.#wait(this.#engine.waitRow(node, block!, row));
    else this.#engine.row(node, block!, row);
    this.#ran(head, row + 1);
    return 'input';
  }
  async close(): Promise<void> {
    for (const r of this.#readers.values()) await r.close();
    this.#readers.clear();
    this.#heads = [];
  }

  async #open(): Promise<void> {
    if (!this.#opened && this.#heads.length === 0) this.#heads = await this.#openHeads({});
    this.#opened = true;
  }
  #planOf(reloads: number): Plan {
    let plan = this.#plans.get(reloads);
    if (!plan) {
      plan = createPlan(reloads === 0 ? this.#o.first : this.#o.reloads[reloads - 1]!.pipeline);
      this.#plans.set(reloads, plan);
    }
    return plan;
  }
  #build(reloads: number): Engine {
    const plan = this.#planOf(reloads);
    const engine = new Engine(plan, this.#o.keys, { taps: this.#o.taps ?? '*' });
    for (const n of plan.nodes) if (n.node.type.kind === 'sink') engine.core.single[n.index]!.sink = NOWHERE;
    const known = new Outcomes({ records: this.#o.outcomes, closed: true });
    const journal = this.#o.fallbacks ? orFallbacks(known) : known;
    this.#answers = engine.waiting.length > 0 ? new Answers(journal, wall) : undefined;
    return engine;
  }
  async #openHeads(offsets: Readonly<Record<string, number>>): Promise<Head[]> {
    const plan = this.#planOf(this.#reloads);
    const heads: Head[] = [];
    for (const index of plan.sources) {
      const { id } = plan.nodes[index]!;
      let reader = this.#readers.get(id);
      if (!reader) {
        reader = await this.#o.reader(plan, id);
        this.#readers.set(id, reader);
      }
      const offset = offsets[id] ?? -1;
      await reader.seek!(offset);
      heads.push({ id, node: index, reader, block: null, row: 0, offset });
    }
    return heads.sort((a, b) => plan.nodes[a.node]!.declaration - plan.nodes[b.node]!.declaration);
  }
  get #standing(): { node: { id: string }; offset: number }[] {
    return this.#heads.map((h) => ({ node: { id: h.id }, offset: h.offset }));
  }
  /** Where the graph changed, the next one takes over. */
  async #changeGraph(): Promise<boolean> {
    const change = this.#o.reloads[this.#reloads];
    if (!change || !isAt(change.record.at, this.#standing)) return false;
    const { until, offsets } = change.record.at;
    if (until !== null) await this.settle(until);
    const warm = change.record.warmed ? await this.#o.warm?.(change) : undefined;
    const snapshot = startOf(this.#engine.snapshot(), change.record, warm);
    this.#reloads++;
    this.#engine = this.#build(this.#reloads);
    this.#engine.restore(snapshot);
    this.#heads = await this.#openHeads({ ...offsets, ...this.offsets });
    return true;
  }
  /** Number of the last row of a source before the next change of graphs. */
  #stopOf(head: Head): number {
    const change = this.#o.reloads[this.#reloads];
    const stop = change ? (change.record.at.offsets[head.id] ?? -1) : Number.POSITIVE_INFINITY;
    return head.offset < stop ? stop : Number.POSITIVE_INFINITY;
  }
  async #next(): Promise<Head | undefined> {
    let best: Head | undefined;
    for (const h of this.#heads) {
      if (h.block === null || h.row >= h.block.n) {
        h.block = await h.reader.read();
        h.row = 0;
      }
      if (h.block && (!best || h.block.t[h.row]! < best.block!.t[best.row]!)) best = h;
    }
    return best;
  }
  /** Time before which only `head` has inputs. */
  #limit(head: Head): number {
    let limit = Number.POSITIVE_INFINITY;
    let after = false;
    for (const h of this.#heads) {
      if (h === head) after = true;
      else if (h.block) limit = Math.min(limit, h.block.t[h.row]! + (after ? 1 : 0));
    }
    return limit;
  }
  #ran(head: Head, row: number): void {
    this.#events += row - head.row;
    head.row = row;
    head.offset = head.block!.seq0 + row - 1;
  }
  async #due(t: number): Promise<boolean> {
    return this.#answers ? this.#wait(this.#engine.waitStep(t)) : this.#engine.step(t);
  }
  #wait<T>(cycles: Waiting<T>): Promise<T> {
    return waitCycles(cycles, this.#answers!, (e) => e as Error);
  }
  #forget(): void {
    for (const tap of this.#engine.taps) {
      if (tap.n > 0) this.#o.onTap?.(tap);
      tap.truncate(0);
    }
  }
}

const orFallbacks = (known: Outcomes): OutcomeJournal => ({
  closed: true,
  find: (id, asked) => known.find(id, asked) ?? { kind: 'fallback' },
  keep: () => {},
  committed: () => {},
});
/** What went out has gone out: looking back sends nothing. */
const NOWHERE = {
  write() {},
  commit: () => Promise.resolve(),
  rollback() {},
  close: () => Promise.resolve(),
};
