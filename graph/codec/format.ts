/**
 * The byte format of snapshots, version 1. All integers are little endian.
 *
 *     'C' 'H' 'S' version | u32 length of the payload | payload | u32 CRC-32C of everything before
 *
 * The payload is one value: a tag byte and what the tag says. Equal values have equal bytes. Containers are numbered in
 * the order of their tags; REF repeats an earlier one, so shared structure comes back shared.
 */
export const VERSION = 1;
export const MAGIC = 0x534843; // 'CHS', with the version in the fourth byte
export const HEADER_BYTES = 8;
export const FOOTER_BYTES = 4;
export const MAX_DEPTH = 500;
export const MAX_BYTES = 2 ** 31 - 1;

/** Tags 0x40..0x7F are the integers 0..63; tags 0x80..0xFF are Latin-1 strings of 0..127 characters. */
export const TAG = {
  undefined: 0x00,
  null: 0x01,
  false: 0x02,
  true: 0x03,
  /** NaN as a number: JavaScript cannot tell one from another, so all are written alike. In typed arrays the bits stay. */
  nan: 0x04,
  /** 8 bytes. */
  f64: 0x05,
  i8: 0x06,
  i16: 0x07,
  i32: 0x08,
  /** varint length, Latin-1 bytes. */
  latin1: 0x09,
  /** varint length in code units, 2 bytes each: lone surrogates survive. */
  utf16: 0x0a,
  /** sign byte, varint length, magnitude. */
  bigint: 0x0b,
  /** varint number of the container. */
  ref: 0x0c,
  /** varint length, values. */
  array: 0x10,
  /** An array of ≥ 8 numbers that are all 32-bit integers: varint length, 4 bytes each. */
  arrayI32: 0x11,
  /** An array of ≥ 8 numbers: varint length, 8 bytes each. */
  arrayF64: 0x12,
  /** varint number of properties, then key (as a string value) and value of each. */
  object: 0x13,
  /** The same without a prototype. */
  bareObject: 0x14,
  map: 0x15,
  set: 0x16,
  /** name (as a string value), plain value. */
  instance: 0x17,
  /** 0x20 + index into TYPED: varint length in elements, their bytes. */
  typed: 0x20,
} as const;

/** Arrays shorter than this are written value by value. */
export const PACKED_FROM = 8;

export type Typed =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** In the order of their tags: never reorder. */
export const TYPED = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

/** A class whose instances may be part of a state, by way of plain data. */
export interface CodecClass<T extends object = object> {
  /** Stable name, part of the bytes. */
  readonly name: string;
  readonly type: abstract new (...args: never[]) => T;
  to(instance: T): unknown;
  from(plain: unknown): T;
}
export interface CodecOptions {
  readonly classes?: readonly CodecClass[];
}
