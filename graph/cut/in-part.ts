import type { StreamEntry } from '../bus/bus.ts';
import { compareStamps, inputAt, type Stamp, startOf } from '../engine/stamp.ts';
import { ChimeraError, type KeyTable, type Schema } from '../schema/index.ts';
import { type DecodedBatch, decodeBatch, Unreadable } from './batch.ts';
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
  /** What becomes of an entry that cannot be read; default: the part stops. */
  readonly onPoison?: 'dead_letter' | 'stop';
  readonly schemas: readonly Schema[];
  readonly uses: readonly (PortUse | undefined)[];
}

/** Cycles after+1…last of a stream. */
export interface Range {
  readonly after: number;
  readonly last: number;
}
/** An entry that cannot be read, or was removed unread: nobody has decided yet what becomes of its cycles. */
export interface Unread extends Range {
  readonly prev: number;
  readonly reason: 'undecodable' | 'unknown_version' | 'trimmed';
  readonly error: string;
  readonly payload?: Uint8Array;
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
  #batches: { first: number; batch: DecodedBatch; size: number }[] = [];
  /** Values that have been decoded and not consumed. */
  size = 0;
  /** In order. Nothing behind the first is certain. */
  readonly unread: Unread[] = [];
  /** Cycles that are left out: decided for good, in order. */
  skips: Range[] = [];
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
    const { prev, last, payload } = entry;
    const after = this.#leftOut(this.arrived);
    if (after < last)
      try {
        this.give(prev, last, payload);
      } catch (e) {
        if (!(e instanceof Unreadable) || this.family.onPoison !== 'dead_letter') throw e;
        this.unread.push({
          prev,
          after,
          last,
          reason: e.reason,
          error: `CHM513 ${e.message}`,
          payload: Uint8Array.from(payload),
        });
      }
    this.arrived = last;
    this.pass();
  }
  /** Cycles prev+1…last, as an entry holds them. @param changed what is made of it before it counts */
  give(prev: number, last: number, payload: Uint8Array, changed = (batch: DecodedBatch) => batch): void {
    const { schemas, uses } = this.family;
    const batch = decodeBatch(payload, schemas, uses);
    if (batch.cycles !== last - prev)
      throw new Unreadable('undecodable', `an entry of ${this.name} holds ${batch.cycles} cycles, not ${last - prev}`);
    const size = sizeOf(batch);
    this.size += size;
    this.#batches.push({ first: prev + 1, batch: changed(batch), size });
  }
  /** The entries up to this one were removed from the bus before they were read. */
  missing(last: number, error: string): void {
    const after = this.#leftOut(this.arrived);
    if (after < last) this.unread.push({ prev: this.arrived, after, last, reason: 'trimmed', error });
    this.arrived = Math.max(this.arrived, last);
    this.pass();
  }
  /** It was decided that everything behind what has arrived, up to this cycle, is left out. */
  leavesOut(last: number): boolean {
    return this.#leftOut(this.arrived) >= last;
  }
  /** Where `after` leads when cycles that are left out follow it. */
  #leftOut(after: number): number {
    let at = after;
    for (const s of this.skips) if (s.after <= at && s.last > at) at = s.last;
    return at;
  }
  /** Decides that cycles are left out. */
  skip(range: Range): void {
    this.skips = [...this.skips, range].sort((a, b) => a.after - b.after);
    while (this.unread[0] && this.unread[0].last <= range.last) this.unread.shift();
    this.pass();
  }
  /**
   * Passes over cycles that are left out, as far as they have arrived: what has not been sent (again) yet may depend on what this part
   * sends first.
   */
  pass(): void {
    if (this.skips.length === 0) return;
    const to = Math.min(this.#leftOut(this.position), this.arrived);
    if (to <= this.position) return;
    this.position = to;
    this.headStamp = undefined;
    this.skips = this.skips.filter((s) => s.last > to);
    while (this.#batches[0] && this.#batches[0].first + this.#batches[0].batch.cycles <= to + 1) this.#shift();
  }
  /** Everything up to here has arrived and can be read. */
  get certain(): number {
    return this.unread[0]?.after ?? this.arrived;
  }
  /** The first cycle not consumed: its batch, and its place there. Undefined when none has arrived. */
  head: { batch: DecodedBatch; cycle: number } | undefined;
  headStamp: Stamp | undefined;
  /** Looks at the next cycle, unless it is known already. */
  peek(): boolean {
    if (this.headStamp) return true;
    const b = this.#batches[0];
    // Behind what cannot be read nothing is run before that is decided.
    if (!b || (this.unread[0] && this.position >= this.unread[0].after)) return false;
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
    if (this.position + 1 - b.first >= b.batch.cycles) this.#shift();
    this.pass();
  }
  #shift(): void {
    this.size -= this.#batches.shift()!.size;
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

/** Values that a batch takes in memory. */
function sizeOf({ cycles, rows, columns }: DecodedBatch): number {
  let n = 3 * cycles + rows.length;
  for (const port of columns)
    for (const column of port ?? [])
      n += (column as { values?: Float64Array }).values?.length ?? (column as ArrayLike<unknown>).length;
  return n;
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
  /** A message was missed: until one says everything, none is understood. */
  doubt = false;
  /** What becomes of a message that cannot be read; default: the part stops. */
  onPoison: 'dead_letter' | 'stop' = 'stop';
  /** Messages that could not be read, to be put aside. They hold no records. */
  readonly unread: Unread[] = [];
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
    const control = this.#read(entry);
    if (!control) return undefined;
    if (control.graph !== this.#graph)
      throw new ChimeraError('CHM514', `part ${this.id} runs another graph`, {
        help: 'start all services with the same pipeline, profile and parameters, or use another prefix on the bus',
      });
    this.arrived = entry.last;
    if (this.doubt && control.whole !== true) return undefined;
    this.doubt = false;
    const here = control.session === this.#session;
    this.#promises.push({ number: entry.last, promised: here ? control : reopened(control) });
    return control;
  }
  #read({ prev, last, payload }: StreamEntry): Control | undefined {
    try {
      return decodeControl(payload);
    } catch (e) {
      if (!(e instanceof Unreadable) || this.onPoison !== 'dead_letter') throw e;
      const error = `CHM513 ${e.message}`;
      this.unread.push({ prev, after: this.arrived, last, reason: e.reason, error, payload: Uint8Array.from(payload) });
      this.arrived = last;
      this.doubt = true;
      return undefined;
    }
  }
  /** Messages up to this one were removed from the bus before they were read. */
  missing(last: number, error: string): void {
    this.unread.push({ prev: this.arrived, after: this.arrived, last, reason: 'trimmed', error });
    this.arrived = last;
    this.doubt = true;
  }
  /** Believes what has been promised as far as the streams have arrived. */
  settle(): void {
    for (;;) {
      const p = this.#promises[0];
      if (!p) return;
      for (const s of this.streams) s.announced = Math.max(s.announced, p.promised.positions[s.name] ?? 0);
      if (this.streams.some((s) => s.certain < s.announced)) return;
      this.#promises.shift();
      this.position = p.number;
      const { frontier, sources, origin } = p.promised;
      if (frontier) this.frontier = frontier;
      if (sources) this.sources = sources;
      this.origin ??= origin;
    }
  }
  /** What it says next speaks of cycles that cannot be read. */
  get stuck(): boolean {
    return this.streams.some((s) => s.unread.length > 0 && s.announced > s.certain);
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
export function firstHead(parts: readonly Pick<InPart, 'streams'>[]): InStream | undefined {
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
