import type { Arrival } from '../engine/cycles.ts';
import type { Engine } from '../engine/engine.ts';
import type { Instance } from '../engine/instance.ts';
import { createLoader, type Loader } from '../engine/port.ts';
import { compareStamps, inputAt, type Stamp } from '../engine/stamp.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { Block } from '../schema/index.ts';
import { beforeEnd, closedAt } from './control.ts';
import { firstHead, type InPart, type InStream, type PortUse } from './in-part.ts';
import { rowOf } from './wire-columns.ts';

/** A source of this part: what it has delivered, and how far that has been run. */
export interface LocalHead {
  readonly node: PlanNode;
  block: Block | null;
  row: number;
}

/**
 * Runs the cycles of one part in the order of the whole graph: those that begin here (inputs, timers, deliveries) and those that
 * began elsewhere and whose records have arrived. Nothing at or behind `bound` is touched: up to there it is certain that
 * nothing else will arrive.
 */
export class PartCycles {
  readonly #engine: Engine;
  readonly #parts: readonly Pick<InPart, 'streams'>[];
  readonly #heads: readonly LocalHead[];
  #endings: { stamp: Stamp; instance: Instance }[] | undefined;
  #ended = 0;
  #births: { key: number; stamp: Stamp }[] = [];
  readonly #loaders = new Map<Instance, Loader[]>();
  readonly #arrivals = new Map<string, Arrival>();
  readonly #single: (Arrival | undefined)[] = [];
  /** Engine time at which the run ends, once that is known: what is due later never happens. */
  endTime: number | undefined;
  /** The input goes on after this run: there are no last cycles. */
  goesOn = false;
  /** Cycles run. */
  cycles = 0;
  /** Inputs of own sources that were run. */
  inputs = 0;

  constructor(engine: Engine, parts: readonly Pick<InPart, 'streams'>[], heads: readonly LocalHead[]) {
    this.#engine = engine;
    this.#parts = parts;
    this.#heads = heads;
  }

  /** A key comes to life in a cycle of another part. */
  born(key: number, stamp: Stamp): void {
    if (this.#engine.core.isLive[key]) return;
    // Several parts with sources may each say when their first event of it is: the earliest one counts.
    const known = this.#births.findIndex((b) => b.key === key);
    if (known >= 0 && compareStamps(this.#births[known]!.stamp, stamp) <= 0) return;
    if (known >= 0) this.#births.splice(known, 1);
    this.#births.push({ key, stamp });
    this.#births.sort((a, b) => compareStamps(a.stamp, b.stamp));
  }
  get births(): readonly { key: number; stamp: Stamp }[] {
    return this.#births;
  }

  /** Runs at most about `most` cycles before `limit`. @returns whether there may be more */
  advance(limit: Stamp, most: number): boolean {
    const engine = this.#engine;
    const end = this.endTime === undefined ? undefined : closedAt(this.endTime);
    const bound = end && compareStamps(end, limit) < 0 ? end : limit;
    for (let n = 0; n < most; n++) {
      const remote = this.#firstActing();
      let best = remote?.headStamp;
      const local =
        engine.nextDue <= (best?.t ?? Number.POSITIVE_INFINITY) || engine.pending ? engine.peek() : undefined;
      if (local && (!best || compareStamps(local, best) < 0)) best = local;
      const head = this.#firstInput();
      const input = head && this.#inputStamp(head);
      if (input && (!best || compareStamps(input, best) < 0)) best = input;
      const ending = this.#nextEnding(bound, best);
      if (ending && (!best || compareStamps(ending.stamp, best) < 0)) best = ending.stamp;
      if (!best || compareStamps(best, bound) >= 0) return false;
      this.#enliven(best);
      if (best === remote?.headStamp) this.#runRemote(remote);
      else if (best === local) {
        engine.step();
        this.cycles++;
      } else if (best === input) this.#runInputs(head!, bound, remote?.headStamp);
      else {
        this.#ended++;
        engine.runEnd(ending!.instance);
        this.cycles++;
      }
    }
    return true;
  }

  /** Inputs of a source until something else comes first. */
  #runInputs(head: LocalHead, bound: Stamp, remote: Stamp | undefined): void {
    const block = head.block!;
    let limit = Math.min(bound.t, remote?.t ?? Number.POSITIVE_INFINITY);
    for (const h of this.#heads)
      if (h !== head && h.block && h.row < h.block.n)
        limit = Math.min(limit, h.block.t[h.row]! + (h.node.declaration > head.node.declaration ? 1 : 0));
    // A key that comes to life in between has to be there from then on.
    if (this.#births.length > 0) limit = Math.min(limit, this.#births[0]!.stamp.t);
    const from = head.row;
    // At a time that it shares with others an input runs alone.
    head.row =
      block.t[from]! < limit
        ? this.#engine.run(head.node.index, block, from, limit)
        : this.#engine.run(head.node.index, { ...block, n: from + 1 }, from);
    this.cycles += head.row - from;
    this.inputs += head.row - from;
  }
  #firstInput(): LocalHead | undefined {
    let best: LocalHead | undefined;
    for (const h of this.#heads)
      if (h.block && h.row < h.block.n && (!best || h.block.t[h.row]! < best.block!.t[best.row]!)) best = h;
    return best;
  }
  #inputStamp({ node, block, row }: LocalHead): Stamp {
    const t = Math.max(block!.t[row]!, this.#engine.now);
    return inputAt(t, node.declaration, block!.seq0 + row);
  }
  /** What comes next of the own sources, when all of them have something. */
  get nextInput(): Stamp | undefined {
    const head = this.#firstInput();
    return head && this.#inputStamp(head);
  }

  /** The next of the last cycles, once nothing else comes before them. */
  #nextEnding(bound: Stamp, best: Stamp | undefined): { stamp: Stamp; instance: Instance } | undefined {
    const t = this.endTime;
    if (t === undefined) return undefined;
    if (!this.#endings) {
      const first = beforeEnd(t);
      if (compareStamps(bound, first) < 0 || (best && compareStamps(best, first) < 0)) return undefined;
      this.#engine.passTo(t);
      this.#enliven(first);
      this.#endings = this.goesOn ? [] : this.#engine.endings();
    }
    return this.#endings[this.#ended];
  }
  /** For checkpoints: how many of the last cycles have been run. */
  get ended(): number {
    return this.#ended;
  }
  set ended(n: number) {
    this.#ended = n;
  }

  #enliven(before: Stamp): void {
    while (this.#births.length > 0 && compareStamps(this.#births[0]!.stamp, before) <= 0) {
      const { key, stamp } = this.#births.shift()!;
      this.#engine.core.enliven(key, stamp);
    }
  }

  /** The first cycle of another part that sets something off; what only arrives for later is put by on the way. */
  #firstActing(): InStream | undefined {
    for (const p of this.#parts)
      for (const s of p.streams)
        while (s.peek() && !s.acts) {
          this.#putBy(s);
          s.consume();
        }
    return firstHead(this.#parts);
  }
  #runRemote(first: InStream): void {
    const engine = this.#engine;
    const stamp = first.headStamp!;
    const { batch, cycle } = first.head!;
    engine.enter(stamp, batch.cause[cycle]!, batch.seq[cycle]!);
    this.cycles++;
    this.#ports.length = 0;
    this.#key = -1;
    this.#keysDiffer = false;
    const together: InStream[] = [];
    for (const p of this.#parts)
      for (const s of p.streams)
        if (s.headStamp && (s === first || compareStamps(s.headStamp, stamp) === 0)) together.push(s);
    // Lists over all keys are in the order in which a basket runs: by name.
    if (together.length > 1) together.sort((a, b) => engine.core.byName(a.key, b.key));
    for (const s of together) {
      this.#load(s);
      s.consume();
    }
    engine.arrived(this.#arrival(), this.#key);
  }
  readonly #ports: number[] = [];
  #key = -1;
  #keysDiffer = false;

  #load(s: InStream): void {
    const { core } = this.#engine;
    const { batch, cycle } = s.head!;
    let later = false;
    for (let i = cycle === 0 ? 0 : batch.ends[cycle - 1]!; i < batch.ends[cycle]!; i++) {
      const port = batch.ports[i]!;
      const use = s.family.uses[port];
      if (!use) continue;
      if (use.delayUs !== undefined) {
        later = true;
        continue;
      }
      const key = batch.keys ? batch.keys[i]! : s.key;
      if (key >= 0) {
        core.enliven(key);
        if (this.#key < 0) this.#key = key;
        else if (this.#key !== key) this.#keysDiffer = true;
      }
      this.#loader(use, key).load(batch.columns[port]!, batch.rows[i]!, key);
      const id = use.node * MAX_OUTS + use.out;
      if (this.#ports.at(-1) !== id && !this.#ports.includes(id)) this.#ports.push(id);
    }
    if (later) this.#putBy(s);
  }
  /** Feedback in the head cycle: one delivery for each port and instance, as it was emitted. */
  #putBy(s: InStream): void {
    const { batch, cycle } = s.head!;
    const deliveries = new Map<number, { use: PortUse; rows: Record<string, unknown>[] }>();
    for (let i = cycle === 0 ? 0 : batch.ends[cycle - 1]!; i < batch.ends[cycle]!; i++) {
      const port = batch.ports[i]!;
      const use = s.family.uses[port];
      if (!use || use.delayUs === undefined) continue;
      const key = batch.keys ? batch.keys[i]! : s.key;
      const row = rowOf(s.family.schemas[port]!, batch.columns[port]!, batch.rows[i]!, key);
      const d = deliveries.get(port);
      if (d) d.rows.push(row);
      else deliveries.set(port, { use, rows: [row] });
    }
    for (const { use, rows } of deliveries.values()) {
      const keyed = this.#engine.core.plan.nodes[use.node]!.keyed;
      this.#engine.later(use.node, use.out, keyed ? s.key : -1, rows, s.headStamp!, batch.t[cycle]! + use.delayUs!);
    }
  }

  #loader(use: PortUse, key: number): Loader {
    const { core } = this.#engine;
    const n = core.plan.nodes[use.node]!;
    if (n.node.type.kind === 'source') return core.loader(use.node, use.out, key);
    const instance = core.instance(use.node, key)!;
    let of = this.#loaders.get(instance);
    if (!of) {
      of = [];
      this.#loaders.set(instance, of);
    }
    of[use.out] ??= createLoader(n.outs[use.out]!, instance.ports[use.out]!, instance.key, core.clock, undefined);
    return of[use.out]!;
  }

  #arrival(): Arrival {
    const ports = this.#ports;
    if (ports.length === 1 && !this.#keysDiffer) {
      const id = ports[0]!;
      this.#single[id] ??= arrivalOf(ports, false);
      return this.#single[id];
    }
    ports.sort((a, b) => a - b);
    const id = `${this.#keysDiffer} ${ports.join()}`;
    let found = this.#arrivals.get(id);
    if (!found) {
      found = arrivalOf(ports, this.#keysDiffer);
      this.#arrivals.set(id, found);
    }
    return found;
  }
}

const MAX_OUTS = 64;
const arrivalOf = (ports: readonly number[], all: boolean): Arrival => ({
  ports: ports.map((id) => ({ node: Math.floor(id / MAX_OUTS), out: id % MAX_OUTS })),
  all,
});
