import type { Upcoming } from '../../../graph/engine/engine.ts';
import { compareStamps } from '../../../graph/engine/stamp.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { type Link, linkOf } from './chain.ts';
import type { Ladder, Rung } from './ladder.ts';
import { BEGINNING, type Mark, PastRun, type PastRunOptions } from './past-run.ts';
import { type CycleView, cycleOf, instancesOf, type MomentView, type Which } from './view.ts';

/**
 * A moment of a run: behind its n-th cycle (1 is the first), behind everything up to an engine time (µs), behind the cycle of a
 * cause (source and number of an input; node and number of a timer; `node.port` and number of what was delivered later), or
 * behind all of it. A document's `source` and `seq` name such a cause.
 */
export type Moment =
  | { readonly cycle: number }
  | { readonly t: number }
  | { readonly source: string; readonly seq: number }
  | 'end';

/** Cycles before a moment that are run one by one. */
const FINE = 256;
/** A place in memory is worth its snapshot when it is so many cycles behind the one before. */
const NEAR = 4096;
const PLACES = 12;

/** What can be asked of a run, and from where on. */
export interface Reach {
  readonly last: { readonly cycle: number; readonly t: number; readonly events: number };
  readonly rungs: readonly Rung[];
  readonly graphs: readonly { readonly hash: string; readonly fromCycle: number; readonly t: number | null }[];
}

/**
 * Shows any moment of a run by computing it again from the nearest checkpoint before it. The engine stays where the last question
 * was, and a few places around it stay in memory, so that neighbouring questions cost little.
 */
export class TimeMachine {
  readonly #o: PastRunOptions;
  readonly #run: PastRun;
  readonly #ladder: Ladder | undefined;
  /** Places in memory, the most recently used last. */
  #places: Mark[] = [];
  /** The cycle that the engine stands behind, when it was run alone, and what began it. */
  #cycle: CycleView | undefined;
  #began: Upcoming | 'input' | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(o: PastRunOptions, ladder?: Ladder) {
    this.#o = o;
    this.#run = new PastRun(o);
    this.#ladder = ladder;
  }

  /** State and last values of all nodes, or of those asked for. @throws CHM757, CHM759 */
  view(moment: Moment, which: Which = {}): Promise<MomentView> {
    return this.#one(async () => {
      await this.#goTo(moment);
      const { engine, plan, offsets, events } = this.#run;
      const nodes = instancesOf(engine.lookAt(which.node), plan, which);
      if (which.node !== undefined && !plan.nodes.some((n) => n.id === which.node))
        throw new ChimeraError('CHM759', `there is no node ${which.node} in the graph of that moment`, {
          node: which.node,
          help: `its nodes are ${plan.nodes.map((n) => n.id).join(', ')}`,
        });
      return { cycle: engine.cycles, t: engine.now, events, graph: plan.pipeline.hash, offsets, nodes };
    });
  }
  /** The moment as a place to go on from. @throws CHM757 */
  mark(moment: Moment): Promise<Mark> {
    return this.#one(async () => {
      await this.#goTo(moment);
      return this.#run.mark();
    });
  }
  /** Which nodes ran in the cycle that leads to the moment, and what each said. @throws CHM757 */
  cycle(moment: Moment): Promise<CycleView> {
    return this.#one(() => this.#cycleAt(moment));
  }
  /** The cycle so many behind the one that was shown last (−1: the one before it). @throws CHM757 */
  step(by: number): Promise<CycleView> {
    return this.#one(() => this.#cycleAt({ cycle: this.#run.cycles + by }));
  }
  /** Goes through cycles [from, to] in order. Stops when `see` says true. */
  walk(from: number, to: number, see: (c: CycleView) => boolean | undefined): Promise<void> {
    return this.#one(async () => {
      for (let n = Math.max(1, from); n <= to; n++) {
        if (n === from || !this.#cycle || this.#cycle.cycle !== n - 1) await this.#toCycle(n);
        else if (!(await this.#step())) return;
        if (see(this.#cycle!) === true) return;
      }
    });
  }
  /**
   * From what a node said in a cycle back to the frame: the cycle itself, the one that set the timer or emitted the record with
   * which it began, and so on to an input. An order's document names its cycle.
   * @param by the node whose doing is asked for, and its instrument; default: everything that was said
   * @throws CHM757
   */
  chain(moment: Moment, by: Which = {}): Promise<Link[]> {
    return this.#one(async () => {
      const links: Link[] = [];
      let cycle = await this.#cycleAt(moment);
      let { node, key = cycle.emitted.find((e) => e.node === by.node)?.key ?? '' } = by;
      while (links.length < MOST_LINKS) {
        const { plan, engine } = this.#run;
        const began = this.#began;
        links.push(linkOf(cycle, plan, engine, node, key));
        if (began === undefined || began === 'input') break;
        node = plan.nodes[began.node]!.id;
        key = began.key < 0 ? '' : engine.core.keys.at(began.key).name;
        const before = began.kind === 'delivery' ? await this.#emitting(began) : await this.#arming(began, cycle.cycle);
        if (!before) break;
        cycle = before;
      }
      return links;
    });
  }
  /** How far the run goes, and what its checkpoints and graphs are. */
  reach(): Promise<Reach> {
    return this.#one(async () => {
      await this.#goTo('end');
      const { cycles, events, engine } = this.#run;
      return {
        last: { cycle: cycles, t: engine.now, events },
        rungs: this.#ladder?.rungs ?? [],
        graphs: [
          { hash: this.#o.first.hash, fromCycle: 0, t: null },
          ...this.#o.reloads.map(({ record: { to, at } }) => ({ hash: to, fromCycle: at.cycles, t: at.now })),
        ],
      };
    });
  }
  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.#run.close();
    this.#places = [];
  }

  /** Questions take turns: there is one engine. */
  #one<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
  async #cycleAt(moment: Moment): Promise<CycleView> {
    await this.#goTo(moment);
    if (this.#cycle?.cycle !== this.#run.cycles) await this.#toCycle(this.#run.cycles);
    return this.#cycle!;
  }
  async #goTo(moment: Moment): Promise<void> {
    if (moment === 'end') return this.#toEnd();
    if ('cycle' in moment) return this.#toCycle(moment.cycle);
    if ('t' in moment) return this.#toTime(moment.t);
    if (this.#isInput(moment.source)) return this.#toInput(moment.source, moment.seq);
    return this.#toCause(moment.source, moment.seq);
  }
  #isInput(source: string): boolean {
    const graphs = [this.#o.first, ...this.#o.reloads.map((r) => r.pipeline)];
    return graphs.some((g) => g.nodes.some((n) => n.id === source && n.type.kind === 'source'));
  }

  async #toEnd(): Promise<void> {
    await this.#from((m) => m.cycles, Number.POSITIVE_INFINITY);
    while ((await this.#rows(STRETCH)) > 0);
    while (await this.#step());
  }
  async #toTime(t: number): Promise<void> {
    await this.#before(t + 1);
    if (this.#run.cycles === 0) throw noMoment(`time ${t}`, 'its first input comes later');
  }
  async #toInput(source: string, seq: number): Promise<void> {
    const last = (m: { offsets: Readonly<Record<string, number>> }) => m.offsets[source] ?? -1;
    await this.#from((m) => last(m), seq - 1);
    while (
      last(this.#run) < seq - FINE &&
      (await this.#rows(Math.max(1, Math.floor((seq - last(this.#run)) / 2)))) > 0
    );
    while (last(this.#run) < seq)
      if (!(await this.#step())) throw noMoment(`input ${source} #${seq}`, `its inputs end with #${last(this.#run)}`);
  }
  /** Timers and deliveries are numbered by node and port: a checkpoint says how many there had been. */
  async #toCause(source: string, seq: number): Promise<void> {
    const rungs = [...(this.#ladder?.rungs ?? [])].reverse();
    const rung = rungs.find((r) => {
      const commit = this.#ladder!.load(r);
      return commit !== undefined && (commit.snapshot.fired[source] ?? 0) <= seq;
    });
    await this.#from((m) => m.cycles, rung?.cycles ?? 0);
    while (await this.#step()) {
      const { cause } = this.#cycle!;
      if (cause.source === source && cause.seq === seq) return;
    }
    throw noMoment(`${source} #${seq}`, 'nothing of that name has happened');
  }
  /** The cycle in which a record was emitted that was delivered later. */
  async #emitting({ emitted }: Upcoming & { kind: 'delivery' }): Promise<CycleView | undefined> {
    await this.#before(emitted.t);
    while (await this.#step()) {
      const order = compareStamps(this.#run.engine.core.clock.stamp(), emitted);
      if (order === 0) return this.#cycle;
      if (order > 0) break;
    }
    return undefined;
  }
  /** The cycle in which a timer got the setting with which it fired in cycle `fired`. */
  async #arming({ node, key, tag, due }: Upcoming & { kind: 'timer' }, fired: number): Promise<CycleView | undefined> {
    const timer = () => this.#run.engine.core.instance(node, key)?.ctx.timers[tag];
    const set = () => (timer()?.armed && timer()!.due === due ? timer()!.creation : -1);
    for (let back = FINE; ; back *= 4) {
      const from = Math.max(0, fired - 1 - back);
      await this.#behind(from);
      if (set() >= 0 && from > 0 && back < MOST_BACK) continue;
      let was = set();
      let found: number | undefined;
      while (this.#run.cycles < fired - 1 && (await this.#step())) {
        if (set() >= 0 && set() !== was) found = this.#run.cycles;
        was = set();
      }
      return found === undefined ? undefined : this.#cycleAt({ cycle: found });
    }
  }
  /** Behind cycle `n`, which may be none. */
  async #behind(n: number): Promise<void> {
    if (n > 0) await this.#toCycle(n);
    else await this.#from((m) => m.cycles, 0);
  }
  /** Behind everything that comes before a time. */
  async #before(t: number): Promise<void> {
    await this.#from((m) => m.now, t - 1);
    while ((await this.#rows(STRETCH, t)) > 0);
    await this.#run.settle(t - 1);
    this.#cycle = undefined;
  }
  async #toCycle(n: number): Promise<void> {
    if (!(n >= 1 && Number.isSafeInteger(n))) throw noMoment(`cycle ${n}`, 'cycles are counted from 1');
    if (this.#run.cycles === n && this.#cycle?.cycle === n) return;
    // The cycle itself is run alone, so that what it did can be shown.
    await this.#from((m) => m.cycles, n - 1);
    for (let share = SHARE; this.#run.cycles < n - FINE; ) {
      // A row may have many cycles: going too far costs a second way.
      const most = Math.max(1, Math.floor((n - this.#run.cycles) / share));
      if ((await this.#rows(Math.min(most, STRETCH))) === 0) break;
      if (this.#run.cycles < n) {
        if (n - this.#run.cycles <= FINE) this.#remember();
        continue;
      }
      share *= 8;
      await this.#from((m) => m.cycles, n - 1);
    }
    while (this.#run.cycles < n)
      if (!(await this.#step())) throw noMoment(`cycle ${n}`, `its last one is ${this.#run.cycles}`);
  }

  async #rows(most: number, limit?: number): Promise<number> {
    this.#cycle = undefined;
    const ran = await this.#run.rows(most, limit);
    const near = this.#places.some((p) => p.cycles <= this.#run.cycles && this.#run.cycles - p.cycles < NEAR);
    if (ran > 0 && !near && this.#run.cycles % 4 === 0) this.#remember();
    return ran;
  }
  async #step(): Promise<boolean> {
    const began = await this.#run.step();
    if (!began) return false;
    this.#began = began;
    this.#cycle = cycleOf(this.#run.engine, this.#run.plan, began);
    return true;
  }
  #remember(): void {
    if (this.#places.some((p) => p.cycles === this.#run.cycles)) return;
    this.#places.push(this.#run.mark());
    if (this.#places.length > PLACES) this.#places.shift();
  }
  /** The nearest place at or before `most`, as `measure` counts: where the engine stands, one in memory, or a checkpoint. */
  async #from(measure: (m: Pick<Mark, 'cycles' | 'now' | 'offsets'>) => number, most: number): Promise<void> {
    const { cycles, events, offsets, engine } = this.#run;
    const here = { cycles, now: engine.now, offsets };
    const started = events > 0 || cycles > 0;
    let best = started && measure(here) <= most ? measure(here) : Number.NEGATIVE_INFINITY;
    let to: Mark | undefined;
    for (const p of this.#places)
      if (measure(p) <= most && measure(p) > best) {
        best = measure(p);
        to = p;
      }
    this.#ladder?.refresh();
    const rungs = (this.#ladder?.rungs ?? []).filter((r) => measure(r) <= most);
    for (const r of [...rungs].reverse()) {
      if (measure(r) <= best) break;
      const commit = this.#ladder!.load(r);
      if (!commit) continue;
      to = { ...r, snapshot: commit.snapshot };
      break;
    }
    if (!to && best > Number.NEGATIVE_INFINITY) return;
    this.#cycle = undefined;
    await this.#run.goTo(to ?? BEGINNING);
    if (to) {
      this.#places = [...this.#places.filter((p) => p.cycles !== to.cycles), to].slice(-PLACES);
    }
  }
}
const MOST_LINKS = 64;
/** Cycles in which the setting of a timer is looked for. */
const MOST_BACK = 2 ** 20;
const STRETCH = 16_384;
const SHARE = 4;

const noMoment = (what: string, why: string): ChimeraError =>
  new ChimeraError('CHM757', `the run has no ${what}: ${why}`, { help: 'ask for a moment within the run' });
