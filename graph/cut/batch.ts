import { END, NO_PATH, type Phase, type Stamp } from '../engine/stamp.ts';
import { ChimeraError, type Schema } from '../schema/index.ts';
import { readColumns } from './wire-columns.ts';

/**
 * One entry of a stream: cycles of one part that emitted records of one key, in order. Little endian, every section at a
 * multiple of 8:
 *
 *     u32 format, u32 cycles, u32 records, u32 bytes of `rest`
 *     u32 1 when there are `keys`, u32 0
 *     f64 t[cycles]        engine time
 *     f64 seq[cycles]      number of what began the cycle
 *     u16 cause[cycles]    what began it (`Plan.causes`)
 *     u32 ends[cycles]     its records are those before this index, behind those of the cycle before
 *     u16 ports[records]   port of each record, as its family numbers them
 *     i32 keys[records]    key of each record, in the stream of nodes that have one instance for all keys
 *     rest                 JSON: stamps of cycles that did not begin with an input
 *     u32 ports, then for each port that occurs: u32 port, u32 rows, columns
 *
 * The k-th record with port p is row k of p's columns.
 */
export interface DecodedBatch {
  readonly cycles: number;
  readonly t: Float64Array;
  readonly seq: Float64Array;
  readonly cause: Uint16Array;
  readonly ends: Uint32Array;
  readonly ports: Uint16Array;
  /** Key of each record, −1 = none; undefined: all are of the stream's key. */
  readonly keys: Int32Array | undefined;
  /** Row of each record in its port's columns. */
  readonly rows: Uint32Array;
  /** By port of the family; undefined = no records. */
  readonly columns: readonly (readonly unknown[] | undefined)[];
  readonly stamps: ReadonlyMap<number, Stamp>;
}

/** In front of everything else: tells an entry of this layout from anything else in a stream. */
export const FORMAT = 0x43480001;
export const HEAD_BYTES = 24;
export const align = (bytes: number): number => (bytes + 7) & ~7;

/** What the stamp of a cycle says beyond time, cause and number. */
export type Rest = readonly [cycle: number, ...stamp: readonly number[]];
export const restOf = (cycle: number, s: Stamp): Rest => [
  cycle,
  s.source,
  s.seq,
  s.phase,
  s.generation,
  s.place,
  s.number,
  ...s.path,
];
function stampOf(t: number, [, source, seq, phase, generation, place, number, ...path]: Rest): Stamp {
  const s = [source, seq, phase, generation, place, number];
  if (s.some((x) => typeof x !== 'number') || phase! < END) throw undecodable('a stamp is incomplete');
  return {
    t,
    source: source!,
    seq: seq!,
    phase: phase as Phase,
    generation: generation!,
    place: place!,
    number: number!,
    path: path.length === 0 ? NO_PATH : path,
  };
}

/** @throws CHM513 for bytes that are no such entry, or hold a port that the family does not have */
export function decodeBatch(payload: Uint8Array, schemas: readonly Schema[]): DecodedBatch {
  try {
    return decode(payload, schemas);
  } catch (e) {
    // A length beyond the end is a RangeError of the views.
    throw e instanceof ChimeraError ? e : undecodable(e instanceof Error ? e.message : String(e));
  }
}
function undecodable(why: string): ChimeraError {
  return new ChimeraError('CHM513', `an entry of a stream cannot be read: ${why}`, {
    help: 'it is kept as a dead letter; look at it with `chimera dlq show`',
  });
}

function decode(payload: Uint8Array, schemas: readonly Schema[]): DecodedBatch {
  // What a client hands over lies anywhere in a larger buffer; the columns are views and need their alignment.
  const bytes = payload.byteOffset % 8 === 0 ? payload : new Uint8Array(payload);
  const buffer = bytes.buffer as ArrayBuffer;
  const base = bytes.byteOffset;
  const view = new DataView(buffer, 0, base + bytes.byteLength);
  if (bytes.byteLength < HEAD_BYTES || view.getUint32(base, true) !== FORMAT)
    throw undecodable('its format is unknown');
  const cycles = view.getUint32(base + 4, true);
  const records = view.getUint32(base + 8, true);
  const restBytes = view.getUint32(base + 12, true);
  const withKeys = view.getUint32(base + 16, true) === 1;
  let at = base + HEAD_BYTES;
  const section = <T>(make: (offset: number) => T, length: number): T => {
    const from = at;
    at += align(length);
    if (at > view.byteLength) throw undecodable('it ends too early');
    return make(from);
  };
  const t = section((o) => new Float64Array(buffer, o, cycles), 8 * cycles);
  const seq = section((o) => new Float64Array(buffer, o, cycles), 8 * cycles);
  const cause = section((o) => new Uint16Array(buffer, o, cycles), 2 * cycles);
  const ends = section((o) => new Uint32Array(buffer, o, cycles), 4 * cycles);
  const ports = section((o) => new Uint16Array(buffer, o, records), 2 * records);
  const keys = withKeys ? section((o) => new Int32Array(buffer, o, records), 4 * records) : undefined;
  const text = section((o) => new Uint8Array(buffer, o, restBytes), restBytes);
  const stamps = new Map<number, Stamp>();
  if (restBytes > 0)
    for (const r of JSON.parse(new TextDecoder().decode(text)) as Rest[]) stamps.set(r[0], stampOf(t[r[0]]!, r));
  const columns: (readonly unknown[] | undefined)[] = schemas.map(() => undefined);
  const counts: number[] = schemas.map(() => 0);
  const present = view.getUint32(at, true);
  at += 8;
  for (let i = 0; i < present; i++) {
    const port = view.getUint32(at, true);
    const n = view.getUint32(at + 4, true);
    const schema = schemas[port];
    if (!schema) throw undecodable(`it holds a port ${port}`);
    const read = readColumns(schema, n, view, at + 8);
    columns[port] = read.columns;
    counts[port] = n;
    at = read.end;
  }
  if (at > view.byteLength) throw undecodable('it ends too early');
  if ((cycles > 0 ? ends[cycles - 1] : 0) !== records) throw undecodable('records and cycles do not agree');
  const rows = new Uint32Array(records);
  const next = schemas.map(() => 0);
  for (let i = 0; i < records; i++) {
    const port = ports[i]!;
    if (!(next[port]! < counts[port]!)) throw undecodable('records and rows do not agree');
    rows[i] = next[port]!++;
  }
  return { cycles, t, seq, cause, ends, ports, keys, rows, columns, stamps };
}
