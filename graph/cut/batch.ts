import { crc32c } from '../codec/crc32c.ts';
import { END, NO_PATH, type Phase, type Stamp } from '../engine/stamp.ts';
import { ChimeraError, type Field, type Schema } from '../schema/index.ts';
import { ByteReader, readColumn } from './wire-bytes.ts';
import { readColumns } from './wire-columns.ts';

/**
 * One entry of a stream: cycles of one part that emitted records of one key, in order.
 *
 *     u32 format, u32 CRC-32C of all that follows, u32 layouts of the family's records (little endian)
 *     counts: cycles, records, bytes of `rest`, 1 when there are `keys`
 *     numbers t[cycles]         engine time
 *     numbers seq[cycles]       number of what began the cycle
 *     numbers cause[cycles]     what began it (`Plan.causes`)
 *     numbers records[cycles]   how many records it emitted
 *     numbers ports[records]    port of each record, as its family numbers them
 *     numbers keys[records]     key of each record, in the stream of nodes that have one instance for all keys
 *     rest                      JSON: stamps of cycles that did not begin with an input
 *     ports, then for each port that occurs: port, rows, bytes of its columns, columns
 *
 * Counts, and columns of numbers, are those of `wire-bytes.ts`. The k-th record with port p is row k of p's columns.
 */
export interface DecodedBatch {
  readonly cycles: number;
  readonly t: Float64Array;
  readonly seq: Float64Array;
  readonly cause: Float64Array;
  /** The cycle's records are those before this index, behind those of the cycle before. */
  readonly ends: Uint32Array;
  readonly ports: Uint16Array;
  /** Key of each record, −1 = none; undefined: all are of the stream's key. */
  readonly keys: Int32Array | undefined;
  /** Row of each record in its port's columns. */
  readonly rows: Uint32Array;
  /** By port of the family; undefined = no records, or not wanted. */
  readonly columns: readonly (readonly unknown[] | undefined)[];
  readonly stamps: ReadonlyMap<number, Stamp>;
}

/** In front of everything else: tells an entry of this layout from anything else in a stream. */
export const FORMAT = 0x43480003;
/** Format and checksum. */
export const HEAD_BYTES = 8;

/** An entry that makes no sense here (CHM513), and in which way. */
export class Unreadable extends ChimeraError {
  readonly reason: 'undecodable' | 'unknown_version';
  constructor(reason: 'undecodable' | 'unknown_version', message: string) {
    super('CHM513', message, { help: 'look at it with `chimera dlq show`' });
    this.reason = reason;
  }
}

const layouts = new WeakMap<readonly Schema[], number>();
/** Names, versions and fields of a family's records: an entry says by which it was written. */
export function layoutsOf(schemas: readonly Schema[]): number {
  let known = layouts.get(schemas);
  if (known === undefined) {
    const field = ([name, f]: [string, Field]) => [
      name,
      f.kind,
      f.kind === 'list' ? f.of : f.kind === 'oneOf' ? f.values : '',
    ];
    const all = schemas.map((s) => [s.name, s.version, Object.entries(s.fields).map(field)]);
    known = crc32c(new TextEncoder().encode(JSON.stringify(all)));
    layouts.set(schemas, known);
  }
  return known;
}

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

/**
 * @param wanted ports whose columns are decoded; default all
 * @throws CHM513 for bytes that are no such entry, or hold a port that the family does not have
 */
export function decodeBatch(
  payload: Uint8Array,
  schemas: readonly Schema[],
  wanted?: readonly unknown[],
): DecodedBatch {
  try {
    return decode(payload, schemas, wanted);
  } catch (e) {
    throw e instanceof ChimeraError ? e : undecodable(e instanceof Error ? e.message : String(e));
  }
}
const undecodable = (why: string): Unreadable =>
  new Unreadable('undecodable', `an entry of a stream cannot be read: ${why}`);
const otherVersion = (why: string): Unreadable =>
  new Unreadable('unknown_version', `an entry of a stream is of another version: ${why}`);

function decode(payload: Uint8Array, schemas: readonly Schema[], wanted?: readonly unknown[]): DecodedBatch {
  // What a client hands over is a Buffer; one kind of array keeps the loops below fast.
  const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEAD_BYTES + 4) throw undecodable('it is too short');
  const format = view.getUint32(0, true);
  if (format !== FORMAT) {
    if (format >>> 16 !== FORMAT >>> 16) throw undecodable('its format is unknown');
    throw otherVersion(`format ${format & 0xffff}, and this program knows ${FORMAT & 0xffff}`);
  }
  if (view.getUint32(4, true) !== crc32c(bytes, HEAD_BYTES)) throw undecodable('its checksum is another one');
  if (view.getUint32(HEAD_BYTES, true) !== layoutsOf(schemas))
    throw otherVersion(`its records are not ${schemas.map((s) => `${s.name}@${s.version}`).join(', ')} as known here`);
  const from = new ByteReader(bytes, HEAD_BYTES + 4);
  const cycles = from.count();
  const records = from.count();
  const restBytes = from.length();
  const withKeys = from.count() === 1;
  if (Math.max(cycles, records) > MOST_ROWS) throw undecodable(`${cycles} cycles with ${records} records`);
  const t = readColumn(from, cycles);
  const seq = readColumn(from, cycles);
  const cause = readColumn(from, cycles);
  const ends = endsOf(readColumn(from, cycles), records);
  const ports = Uint16Array.from(readColumn(from, records));
  const keys = withKeys ? Int32Array.from(readColumn(from, records)) : undefined;
  const stamps = new Map<number, Stamp>();
  if (restBytes > 0) {
    const text = new TextDecoder().decode(bytes.subarray(from.at, from.at + restBytes));
    for (const r of JSON.parse(text) as Rest[]) stamps.set(r[0], stampOf(t[r[0]]!, r));
    from.at += restBytes;
  }
  const columns: (readonly unknown[] | undefined)[] = schemas.map(() => undefined);
  const counts: number[] = schemas.map(() => 0);
  for (let left = from.count(); left > 0; left--) {
    const port = from.count();
    const n = from.count();
    const end = from.length() + from.at;
    const schema = schemas[port];
    if (!schema) throw undecodable(`it holds a port ${port}`);
    if (n > records) throw undecodable('there are more rows than records');
    if (!wanted || wanted[port]) {
      columns[port] = readColumns(schema, n, from);
      if (from.at !== end) throw undecodable(`its records of port ${port} are not of the layout ${schema.name}`);
    }
    from.at = end;
    counts[port] = n;
  }
  if (from.at !== bytes.length) throw undecodable('it does not end where it should');
  const rows = new Uint32Array(records);
  const next = schemas.map(() => 0);
  for (let i = 0; i < records; i++) {
    const port = ports[i]!;
    if (!(next[port]! < counts[port]!)) throw undecodable('records and rows do not agree');
    rows[i] = next[port]!++;
  }
  return { cycles, t, seq, cause, ends, ports, keys, rows, columns, stamps };
}
/** More than any part sends at once. */
const MOST_ROWS = 2 ** 24;

function endsOf(counts: Float64Array, records: number): Uint32Array {
  const ends = new Uint32Array(counts.length);
  let end = 0;
  for (let i = 0; i < counts.length; i++) {
    end += counts[i]!;
    ends[i] = end;
  }
  if (end !== records) throw undecodable('records and cycles do not agree');
  return ends;
}
