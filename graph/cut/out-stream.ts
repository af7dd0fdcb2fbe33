import type { Clock } from '../engine/clock.ts';
import type { Fielded } from '../engine/slot.ts';
import { INPUT } from '../engine/stamp.ts';
import type { Schema } from '../schema/index.ts';
import { align, FORMAT, HEAD_BYTES, type Rest, restOf } from './batch.ts';
import { type OutColumn, outColumn } from './wire-columns.ts';

/** One stream of a family on its way out: the cycles since the last batch that emitted records of its key. */
export class OutStream {
  readonly name: string;
  readonly clock: Clock;
  /** Number of the last cycle taken, and of the last one in a batch. */
  position: number;
  sent: number;
  /** Cycles up to this one are on the bus already: a run that goes back makes them again. */
  readonly #known: number;
  readonly #ports: PortRows[];
  /** Records may be of any key. */
  readonly #anyKey: boolean;
  #cycle = -1;
  #passing = false;
  #cycles = 0;
  #records = 0;
  #t = new Float64Array(256);
  #seq = new Float64Array(256);
  #cause = new Uint16Array(256);
  #ends = new Uint32Array(256);
  #portOf = new Uint16Array(512);
  readonly #keys: number[] = [];
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
    this.#ports = schemas.map((s) => new PortRows(s));
  }

  get records(): number {
    return this.#records;
  }
  push(port: number, record: Fielded): void {
    if (this.#cycle !== this.clock.n) this.#begin();
    if (this.#passing) return;
    const i = this.#records++;
    if (i === this.#portOf.length) this.#portOf = wider(this.#portOf, Uint16Array);
    this.#portOf[i] = port;
    if (this.#anyKey) this.#keys[i] = record.key;
    this.#ports[port]!.push(record);
    this.#ends[this.#cycles - 1] = this.#records;
  }
  #begin(): void {
    const { clock } = this;
    this.#cycle = clock.n;
    this.position++;
    this.#passing = this.position <= this.#known;
    if (this.#passing) return;
    const i = this.#cycles++;
    if (i === this.#t.length) {
      this.#t = wider(this.#t, Float64Array);
      this.#seq = wider(this.#seq, Float64Array);
      this.#cause = wider(this.#cause, Uint16Array);
      this.#ends = wider(this.#ends, Uint32Array);
    }
    this.#t[i] = clock.now;
    this.#seq[i] = clock.seq;
    this.#cause[i] = clock.cause;
    if (clock.phase !== INPUT || clock.path.length > 0) this.#rest.push(restOf(i, clock.stamp()));
  }

  /** Everything since the last call, or undefined. */
  take(): { prev: number; last: number; payload: Uint8Array } | undefined {
    const cycles = this.#cycles;
    if (cycles === 0) return undefined;
    const payload = this.#encode();
    const prev = this.sent;
    this.sent = this.position;
    this.#cycles = 0;
    this.#records = 0;
    this.#rest = [];
    for (const p of this.#ports) p.n = 0;
    return { prev, last: this.sent, payload };
  }
  #encode(): Uint8Array {
    const cycles = this.#cycles;
    const records = this.#records;
    const rest = this.#rest.length === 0 ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(this.#rest));
    const present = this.#ports.flatMap((p, i) => (p.n > 0 ? [i] : []));
    const size =
      HEAD_BYTES +
      16 * cycles +
      align(2 * cycles) +
      align(4 * cycles) +
      align(2 * records) +
      (this.#anyKey ? align(4 * records) : 0) +
      align(rest.length) +
      8 +
      present.reduce((n, p) => n + 8 + this.#ports[p]!.size(), 0);
    const bytes = new Uint8Array(size);
    const { buffer } = bytes;
    const view = new DataView(buffer);
    [FORMAT, cycles, records, rest.length, this.#anyKey ? 1 : 0].forEach((x, i) => {
      view.setUint32(4 * i, x, true);
    });
    let at = HEAD_BYTES;
    new Float64Array(buffer, at, cycles).set(this.#t.subarray(0, cycles));
    at += 8 * cycles;
    new Float64Array(buffer, at, cycles).set(this.#seq.subarray(0, cycles));
    at += 8 * cycles;
    new Uint16Array(buffer, at, cycles).set(this.#cause.subarray(0, cycles));
    at += align(2 * cycles);
    new Uint32Array(buffer, at, cycles).set(this.#ends.subarray(0, cycles));
    at += align(4 * cycles);
    new Uint16Array(buffer, at, records).set(this.#portOf.subarray(0, records));
    at += align(2 * records);
    if (this.#anyKey) {
      new Int32Array(buffer, at, records).set(this.#keys.slice(0, records));
      at += align(4 * records);
    }
    bytes.set(rest, at);
    at += align(rest.length);
    view.setUint32(at, present.length, true);
    at += 8;
    for (const p of present) {
      view.setUint32(at, p, true);
      view.setUint32(at + 4, this.#ports[p]!.n, true);
      at = this.#ports[p]!.write(view, at + 8);
    }
    return bytes;
  }
}

/** Rows of one port, as columns. */
class PortRows {
  n = 0;
  readonly #names: readonly string[];
  readonly #columns: readonly OutColumn[];
  constructor(schema: Schema) {
    this.#names = Object.keys(schema.fields);
    this.#columns = Object.values(schema.fields).map(outColumn);
  }
  push(record: Fielded): void {
    const n = this.n++;
    const columns = this.#columns;
    const names = this.#names;
    for (let c = 0; c < columns.length; c++) columns[c]!.push(n, record[names[c]!]);
  }
  size(): number {
    return this.#columns.reduce((sum, c) => sum + c.size(this.n), 0);
  }
  write(to: DataView, start: number): number {
    return this.#columns.reduce((at, c) => c.write(this.n, to, at), start);
  }
}

function wider<T extends Float64Array | Uint32Array | Uint16Array>(data: T, type: new (n: number) => T): T {
  const grown = new type(data.length * 2);
  grown.set(data);
  return grown;
}
