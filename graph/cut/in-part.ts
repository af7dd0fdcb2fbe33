import type { StreamEntry } from '../bus/bus.ts';
import { compareStamps, inputAt, type Stamp, startOf } from '../engine/stamp.ts';
import { ChimeraError, type KeyTable, type Schema } from '../schema/index.ts';
import { type DecodedBatch, decodeBatch } from './batch.ts';
import { type Control, decodeControl, isClosed, type SourcesSaid } from './control.ts';

/** What a part does with the records of one port of a family that it reads; undefined: not its business. */
export interface PortUse {
  /** Node in the part's own plan. */
  readonly node: number;
  readonly out: number;
  /** Takes effect this much later, in a cycle of its own, µs; undefined = at once. */
  readonly delayUs: number | undefined;
}
export interface InFamily {
  readonly name: string;
  readonly schemas: readonly Schema[];
  readonly uses: readonly (PortUse | undefined)[];
}

/** A stream that is read: entries that have arrived, up to the place that has been consumed. */
export class InStream {
  readonly name: string;
  readonly family: InFamily;
  /** Index of its key in the part's own table; −1 = records without a key. */
  readonly key: number;
  /** Number of the last cycle consumed, and of the last one that has arrived. */
  position: number;
  arrived: number;
  /** The owner has said that everything before its frontier lies in front of this place. */
  announced: number;
  #batches: { first: number; batch: DecodedBatch }[] = [];
  readonly #declarations: readonly number[];

  constructor(name: string, family: InFamily, key: number, position: number, declarations: readonly number[]) {
    this.name = name;
    this.family = family;
    this.key = key;
    this.position = position;
    this.arrived = position;
    this.announced = position;
    this.#declarations = declarations;
  }
  take(entry: StreamEntry): void {
    if (entry.last <= this.arrived) return;
    const { schemas, uses } = this.family;
    this.#batches.push({ first: entry.prev + 1, batch: decodeBatch(entry.payload, schemas, uses) });
    this.arrived = entry.last;
  }
  /** The first cycle not consumed: its batch, and its place there. Undefined when none has arrived. */
  head: { batch: DecodedBatch; cycle: number } | undefined;
  headStamp: Stamp | undefined;
  /** Looks at the next cycle, unless it is known already. */
  peek(): boolean {
    if (this.headStamp) return true;
    const b = this.#batches[0];
    if (!b) return false;
    const cycle = this.position + 1 - b.first;
    this.head = { batch: b.batch, cycle };
    const cause = b.batch.cause[cycle]!;
    this.headStamp =
      b.batch.stamps.get(cycle) ?? inputAt(b.batch.t[cycle]!, this.#declarations[cause] ?? -1, b.batch.seq[cycle]!);
    return true;
  }
  consume(): void {
    this.position++;
    this.headStamp = undefined;
    const b = this.#batches[0]!;
    if (this.position + 1 - b.first >= b.batch.cycles) this.#batches.shift();
  }
  /** Whether any record of the head cycle takes effect at once. */
  get acts(): boolean {
    const { batch, cycle } = this.head!;
    for (let i = cycle === 0 ? 0 : batch.ends[cycle - 1]!; i < batch.ends[cycle]!; i++) {
      const use = this.family.uses[batch.ports[i]!];
      if (use && use.delayUs === undefined) return true;
    }
    return false;
  }
}

/** Up to the frontier nothing will come but what lies in front of these ends. */
export type Promised = Pick<Control, 'frontier' | 'origin' | 'positions' | 'sources'>;

/** Everything that a part reads of one other part. */
export class InPart {
  readonly id: string;
  readonly control: string;
  readonly families: readonly InFamily[];
  readonly streams: InStream[] = [];
  /** Number of the last control message whose promise has come true. */
  position = 0;
  arrived = 0;
  frontier: Stamp | undefined;
  origin: number | undefined;
  /** What its sources have promised by themselves. */
  sources: SourcesSaid | undefined;
  /** Its cycles are part of what this part runs; otherwise only its sources are followed. */
  readonly isRead: boolean;
  readonly #delayUs: number;
  readonly #graph: string;
  #promises: { number: number; promised: Promised }[] = [];
  /** What was believed in the commit that the part goes on from. */
  #resumed: Promised | null = null;

  readonly #session: string;

  /** @param delayUs as `Inlet.delayUs`; undefined: no inlet, only its sources are followed */
  constructor(
    id: string,
    control: string,
    families: readonly InFamily[],
    delayUs: number | undefined,
    { graph, session }: { graph: string; session: string },
  ) {
    this.id = id;
    this.control = control;
    this.families = families;
    this.isRead = delayUs !== undefined;
    this.#delayUs = delayUs ?? 0;
    this.#graph = graph;
    this.#session = session;
  }
  /** Goes on from a commit: what was promised holds once the streams have arrived as far as it said. */
  resume(front: { position: number; promise: Promised | null } | undefined, session = this.#session): void {
    this.position = front?.position ?? 0;
    this.arrived = this.position;
    const promise = front?.promise ?? null;
    this.#resumed = promise && session !== this.#session ? reopened(promise) : promise;
    if (this.#resumed) this.#promises.push({ number: this.position, promised: this.#resumed });
  }
  /** What is believed, for commits: not all that it speaks of has been consumed. */
  get promise(): Promised | null {
    // Not believed again yet: the next start still has to wait for what it speaks of.
    if (!this.frontier && !this.sources) return this.#resumed;
    return {
      frontier: this.frontier,
      origin: this.origin,
      sources: this.sources,
      positions: Object.fromEntries(this.streams.map((s) => [s.name, s.announced])),
    };
  }
  /** @returns the control message: instruments in it have to be declared */
  take(entry: StreamEntry): Control | undefined {
    if (entry.last <= this.arrived) return undefined;
    const control = decodeControl(entry.payload);
    if (control.graph !== this.#graph)
      throw new ChimeraError('CHM514', `part ${this.id} runs another graph`, {
        help: 'start all services with the same pipeline, profile and parameters, or use another prefix on the bus',
      });
    this.arrived = entry.last;
    const here = control.session === this.#session;
    this.#promises.push({ number: entry.last, promised: here ? control : reopened(control) });
    return control;
  }
  /** Believes what has been promised as far as the streams have arrived. */
  settle(): void {
    for (;;) {
      const p = this.#promises[0];
      if (!p) return;
      for (const s of this.streams) s.announced = Math.max(s.announced, p.promised.positions[s.name] ?? 0);
      if (this.streams.some((s) => s.arrived < s.announced)) return;
      this.#promises.shift();
      this.position = p.number;
      const { frontier, sources, origin } = p.promised;
      if (frontier) this.frontier = frontier;
      if (sources) this.sources = sources;
      this.origin ??= origin;
    }
  }
  /** Nothing of this part takes effect before this place that has not arrived. */
  bound(origin: number | undefined): Stamp | undefined {
    if (this.#delayUs === 0) return this.frontier;
    // Nothing happened before the origin, so nothing takes effect sooner than a delay behind it.
    const t = Math.max(this.frontier?.t ?? Number.NEGATIVE_INFINITY, origin ?? Number.NEGATIVE_INFINITY);
    return t === Number.NEGATIVE_INFINITY ? undefined : startOf(t + this.#delayUs);
  }
}

/** What an earlier session stopped at is no end: this one goes on behind it. */
export function reopened<P extends Promised>(p: P): P {
  const open = (s: Stamp | undefined): Stamp | undefined => (s && isClosed(s) ? startOf(s.t + 1) : s);
  const { sources } = p;
  return { ...p, frontier: open(p.frontier), sources: sources && { ...sources, upTo: open(sources.upTo) } };
}

/** The stream whose head comes first; all that have the same place belong to one cycle. */
export function firstHead(parts: readonly InPart[]): InStream | undefined {
  let best: InStream | undefined;
  for (const p of parts)
    for (const s of p.streams) if (s.peek() && (!best || compareStamps(s.headStamp!, best.headStamp!) < 0)) best = s;
  return best;
}

/** Gives the instruments of a control message the numbers that they have everywhere. */
export function declareKeys(keys: KeyTable, control: Control): boolean {
  let added = false;
  for (const [index, name, px, qty] of control.keys) {
    if (keys.find(name)) continue;
    const declared = keys.declare(name, px, qty);
    added = true;
    if (declared.index !== index)
      throw new ChimeraError('CHM745', `instrument ${name} has the number ${declared.index} here and ${index} there`, {
        help: 'sources of several services declare their instruments when they are opened; put one that learns of them later into one service with the others',
      });
  }
  return added;
}
