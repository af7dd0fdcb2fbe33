import type { Core } from '../engine/core.ts';
import { compareStamps, inputAt, type Stamp, startOf } from '../engine/stamp.ts';
import type { PlanNode } from '../plan/plan.ts';
import { refuseDead } from '../runner/live.ts';
import type { BlockReader, LiveReader } from '../schema/index.ts';
import { closedAt, type SourcesSaid } from './control.ts';
import type { PartLive } from './live-ends.ts';
import type { LocalHead } from './part-cycles.ts';

interface Head extends LocalHead {
  reader: BlockReader;
  /** Number of the last input run. */
  offset: number;
  /** There is nothing more to read. Of a live source: it is at the end of its journal, and is polled from now on. */
  read: boolean;
  over: boolean;
  /** Keys whose first event in this source has been told. */
  readonly told: Set<number>;
}
const isRun = (h: Head): boolean => h.block === null || h.row >= h.block.n;

/** The sources of a part: what they deliver, and what they can promise before anything of it is run. */
export class PartSources {
  readonly heads: Head[] = [];
  /** Engine time before which none of them has an input, µs; undefined until all have said something. */
  first: number | undefined;
  readonly #core: Core;
  readonly #live: PartLive | undefined;
  /** End of a run over recorded input, at least. */
  readonly #until: number;
  readonly #born: ((key: number, stamp: Stamp) => void) | undefined;
  /** Live: everything that arrived up to here has been taken, nothing else will be stamped so. */
  #passed = Number.NEGATIVE_INFINITY;
  /** Live: the moment at which the sources stop. */
  #stop: number | undefined;
  #end: number | undefined;

  /** @param born takes the first events of keys, where other parts have sources too */
  constructor(
    core: Core,
    o: { live: PartLive | undefined; until: number | undefined; born?: (key: number, stamp: Stamp) => void },
  ) {
    this.#core = core;
    this.#live = o.live;
    this.#until = o.until ?? 0;
    this.#born = o.born;
  }
  add(node: PlanNode, reader: BlockReader): Head {
    const told = new Set<number>();
    const head: Head = { node, reader, block: null, row: 0, offset: -1, read: false, over: false, told };
    this.heads.push(head);
    // The order of equal times is the sources' order of declaration.
    this.heads.sort((a, b) => a.node.declaration - b.node.declaration);
    return head;
  }

  /** Live: nothing may arrive up to this time, because it has been promised, or run. @param stop when that was the stop */
  resume(passed: number, stop: number | undefined): void {
    this.#live?.clock.notBefore(passed);
    this.#passed = Math.max(passed, this.#passed);
    this.#stop = stop;
  }
  async seek(offsets: Readonly<Record<string, number>>, wake: () => void): Promise<void> {
    for (const h of this.heads) {
      h.offset = offsets[h.node.id] ?? -1;
      // A live source may have been kept from an earlier life.
      if (h.offset >= 0 || (this.#live && h.reader.seek)) await h.reader.seek!(h.offset);
      if (this.#live) (h.reader as LiveReader).wake = wake;
    }
    if (this.#live) refuseDead(this.heads.map((h) => [h.node.id, h.reader]));
  }

  /** Takes what comes next where everything before it has been run. */
  async read(): Promise<void> {
    if (this.heads.length === 0) return;
    for (const h of this.heads)
      if (!h.read && isRun(h)) {
        this.#take(h, await h.reader.read());
        h.read = h.block === null;
        if (h.read && !this.#live) h.over = true;
      }
    if (this.#live && this.heads.every((h) => h.read)) this.#poll(this.#live);
    if (this.#end === undefined && this.heads.every((h) => h.over))
      this.#end = this.#stop ?? Math.max(this.#core.clock.now, this.#until);
    this.first ??= this.#first();
  }
  #poll({ clock, finish, ends, sync }: PartLive): void {
    const stopping = finish.aborted;
    // The journals are run up to their ends: from here on the world is.
    const now = this.#stop ?? clock.pass();
    if (stopping) this.#stop ??= now;
    for (const h of this.heads) {
      if (h.over || !isRun(h)) continue;
      this.#take(h, (h.reader as LiveReader).poll(now));
      ends.started(h.node.id);
      if (h.block) ends.took(h.node.id, sync);
      if (h.block === null && this.#stop !== undefined) h.over = true;
    }
    this.#passed = Math.max(this.#passed, now);
  }
  #take(h: Head, block: Head['block']): void {
    h.block = block;
    h.row = 0;
    if (!block || !this.#born || this.#core.live.length === this.#core.keys.list.length) return;
    for (let i = 0; i < block.n; i++) {
      const k = block.key[i]!;
      if (k < 0 || this.#core.isLive[k] || h.told.has(k)) continue;
      h.told.add(k);
      this.#born(k, inputAt(block.t[i]!, h.node.declaration, block.seq0 + i));
    }
  }
  #first(): number | undefined {
    let first: number | undefined;
    for (const h of this.heads) {
      if (h.over && this.#end === undefined) continue;
      const t = h.block ? h.block.t[0]! : (this.#end ?? this.#passed + 1);
      if (t === Number.NEGATIVE_INFINITY) return undefined;
      first = Math.min(t, first ?? t);
    }
    return first;
  }

  /** Engine time of the end, as far as these sources know: after their last input, or when they were stopped. */
  get end(): number | undefined {
    return this.#end;
  }
  /** Inputs before this place have been read; closed when there are no others. */
  get upTo(): Stamp | undefined {
    if (this.#end !== undefined) return closedAt(this.#end);
    let upTo: Stamp | undefined;
    for (const h of this.heads) {
      if (h.over) continue;
      const { block, node } = h;
      let next: Stamp;
      if (block) {
        const n = block.n - 1;
        next = inputAt(block.t[n]!, node.declaration, block.seq0 + n + 1);
      } else if (this.#passed > Number.NEGATIVE_INFINITY) next = startOf(this.#passed + 1);
      else return undefined;
      if (!upTo || compareStamps(next, upTo) < 0) upTo = next;
    }
    return upTo;
  }
  said(): SourcesSaid {
    return { open: this.heads.length, first: this.first, upTo: this.upTo };
  }
  /** More can be read without anything arriving. */
  get isReading(): boolean {
    return this.heads.some((h) => !h.over && isRun(h) && (!h.read || this.#stop !== undefined));
  }
  get offsets(): Record<string, number> {
    return Object.fromEntries(this.heads.map((h) => [h.node.id, h.offset]));
  }
  /** Cycles have been run: up to where the inputs are. */
  ran(): void {
    for (const h of this.heads) if (h.block && h.row > 0) h.offset = h.block.seq0 + h.row - 1;
  }
}
