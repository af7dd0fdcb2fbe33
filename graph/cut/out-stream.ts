import { crc32c } from '../codec/crc32c.ts';
import type { Clock } from '../engine/clock.ts';
import type { Fielded } from '../engine/slot.ts';
import { INPUT } from '../engine/stamp.ts';
import type { Schema } from '../schema/index.ts';
import { FORMAT, HEAD_BYTES, layoutsOf, type Rest, restOf } from './batch.ts';
import { ByteWriter, putColumn } from './wire-bytes.ts';
import { createRows, type OutRows } from './wire-columns.ts';

/** One stream of a family on its way out: the cycles since the last batch that emitted records of its key. */
export class OutStream {
  readonly name: string;
  readonly clock: Clock;
  /** Number of the last cycle taken, and of the last one in a batch. */
  position: number;
  sent: number;
  /** Cycles up to this one are on the bus already: a run that goes back makes them again. */
  readonly #known: number;
  readonly #ports: OutRows[];
  readonly #layouts: number;
  /** Ports whose records have lists. */
  readonly #withLists: readonly OutRows[];
  /** Batches that are complete, because more would be too much for a reader at once. */
  readonly #full: { prev: number; last: number; payload: Uint8Array }[] = [];
  /** Records may be of any key. */
  readonly #anyKey: boolean;
  #cycle = -1;
  #passing = false;
  #cycles = 0;
  #records = 0;
  #t = new Float64Array(256);
  #seq = new Float64Array(256);
  #cause = new Float64Array(256);
  #counts = new Float64Array(256);
  #portOf = new Float64Array(256);
  #keys = new Float64Array(256);
  #rest: Rest[] = [];

  constructor(
    name: string,
    schemas: readonly Schema[],
    clock: Clock,
    { position, known, anyKey }: { position: number; known: number; anyKey: boolean },
  ) {
    this.name = name;
    this.clock = clock;
    this.position = position;
    this.sent = Math.max(position, known);
    this.#known = known;
    this.#anyKey = anyKey;
    this.#ports = schemas.map(createRows);
    this.#layouts = layoutsOf(schemas);
    this.#withLists = this.#ports.filter((_, i) => Object.values(schemas[i]!.fields).some((f) => f.kind === 'list'));
  }
  /** Makes again what an earlier run has sent already. */
  get behind(): boolean {
    return this.position < this.#known;
  }

  get records(): number {
    return this.#records;
  }
  push(port: number, record: Fielded): void {
    if (this.#cycle !== this.clock.n) this.#begin();
    if (this.#passing) return;
    const i = this.#records++;
    if (i === this.#portOf.length) {
      this.#portOf = wider(this.#portOf);
      this.#keys = wider(this.#keys);
    }
    this.#portOf[i] = port;
    if (this.#anyKey) this.#keys[i] = record.key;
    this.#ports[port]!.push(record);
    this.#counts[this.#cycles - 1]!++;
  }
  #begin(): void {
    const { clock } = this;
    if (this.#withLists.length > 0 && this.#cycles > 0 && this.#listed() >= MOST_LISTED)
      this.#full.push(this.#close()!);
    this.#cycle = clock.n;
    this.position++;
    this.#passing = this.position <= this.#known;
    if (this.#passing) return;
    const i = this.#cycles++;
    if (i === this.#t.length) {
      this.#t = wider(this.#t);
      this.#seq = wider(this.#seq);
      this.#cause = wider(this.#cause);
      this.#counts = wider(this.#counts);
    }
    this.#t[i] = clock.now;
    this.#seq[i] = clock.seq;
    this.#cause[i] = clock.cause;
    this.#counts[i] = 0;
    if (clock.phase !== INPUT || clock.path.length > 0) this.#rest.push(restOf(i, clock.stamp()));
  }

  #listed(): number {
    let n = 0;
    for (const p of this.#withLists) n += p.listed;
    return n;
  }
  /** The next batch of what has come since the last call; undefined: that was all. */
  take(): { prev: number; last: number; payload: Uint8Array } | undefined {
    return this.#full.shift() ?? this.#close();
  }
  #close(): { prev: number; last: number; payload: Uint8Array } | undefined {
    const cycles = this.#cycles;
    if (cycles === 0) return undefined;
    const payload = this.#encode();
    const prev = this.sent;
    this.sent = this.position;
    this.#cycles = 0;
    this.#records = 0;
    this.#rest = [];
    return { prev, last: this.sent, payload };
  }
  #encode(): Uint8Array {
    const cycles = this.#cycles;
    const records = this.#records;
    const rest = this.#rest.length === 0 ? NOTHING : utf8.encode(JSON.stringify(this.#rest));
    const to = batch;
    to.at = HEAD_BYTES + 4;
    to.count(cycles);
    to.count(records);
    to.count(rest.length);
    to.count(this.#anyKey ? 1 : 0);
    putColumn(to, this.#t, cycles, false);
    putColumn(to, this.#seq, cycles, false);
    putColumn(to, this.#cause, cycles, false);
    putColumn(to, this.#counts, cycles, false);
    putColumn(to, this.#portOf, records, false);
    if (this.#anyKey) putColumn(to, this.#keys, records, false);
    to.append(rest);
    const present = this.#ports.reduce((n, p) => n + (p.n > 0 ? 1 : 0), 0);
    to.count(present);
    this.#ports.forEach((p, i) => {
      if (p.n === 0) return;
      to.count(i);
      to.count(p.n);
      columns.at = 0;
      p.write(columns);
      to.count(columns.at);
      to.append(columns.bytes.subarray(0, columns.at));
    });
    const payload = to.taken();
    const view = new DataView(payload.buffer);
    view.setUint32(0, FORMAT, true);
    view.setUint32(HEAD_BYTES, this.#layouts, true);
    view.setUint32(4, crc32c(payload, HEAD_BYTES), true);
    return payload;
  }
}
/** Numbers in the lists of one batch, after which the next one begins: 8 MB where it is read. Ladders shrink on the wire, not there. */
export const MOST_LISTED = 2 ** 20;
const utf8 = new TextEncoder();
const NOTHING = new Uint8Array();
/** Nothing is kept in them between two batches: all streams use the same. */
const batch = new ByteWriter();
const columns = new ByteWriter();

function wider(data: Float64Array): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(data.length * 2);
  grown.set(data);
  return grown;
}
