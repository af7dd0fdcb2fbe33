import { crc32c } from '../../graph/codec/crc32c.ts';

/**
 * A journal segment: one append-only file, little-endian.
 *
 *     file   = "CHMJRNL1", f64 first seq, u32 0, u32 CRC-32C of the 20 bytes before; then records
 *     record = u32 MARK, u32 CRC-32C of all that follows, u32 payload bytes, u16 source, u16 flags,
 *              f64 seq, f64 t_avail µs, payload (the bytes as received)
 *
 * Every byte is under a checksum or is the mark itself, so that any change is found, and the mark lets a check tell
 * a write that a crash cut off (nothing intact follows) from damage (something does).
 */
export const MAGIC = 'CHMJRNL1';
export const FILE_HEAD = 24;
export const RECORD_HEAD = 32;
const MARK = Buffer.from('CREC', 'latin1');
const MARK_U32 = MARK.readUInt32LE(0);
/** The segment was closed in order: what is missing after it is in the next one. */
export const FLAG_END = 1;
export const MAX_PAYLOAD = 1 << 28;

export interface JournalRecord {
  seq: number;
  /** t_avail, µs. */
  t: number;
  /** Position of the source in the journal's list. */
  source: number;
  /** As received; a view of the reader's buffer that holds until its next call. */
  payload: Uint8Array;
}

export function encodeFileHead(firstSeq: number): Buffer {
  const b = Buffer.alloc(FILE_HEAD);
  b.write(MAGIC, 'latin1');
  b.writeDoubleLE(firstSeq, 8);
  b.writeUInt32LE(crc32c(b, 0, 20), 20);
  return b;
}
/** First seq of the segment, or undefined when the head is damaged or cut. */
export function decodeFileHead(b: Uint8Array): number | undefined {
  if (b.length < FILE_HEAD) return undefined;
  const h = Buffer.from(b.buffer, b.byteOffset, FILE_HEAD);
  if (h.toString('latin1', 0, 8) !== MAGIC || h.readUInt32LE(20) !== crc32c(h, 0, 20)) return undefined;
  return h.readDoubleLE(8);
}

/** Writes a record at `at`; the caller has made room for RECORD_HEAD + payload bytes. Returns the end. */
export function encodeRecord(
  to: Buffer,
  at: number,
  seq: number,
  t: number,
  source: number,
  flags: number,
  payload: Uint8Array,
): number {
  to.writeUInt32LE(MARK_U32, at);
  to.writeUInt32LE(payload.length, at + 8);
  to.writeUInt16LE(source, at + 12);
  to.writeUInt16LE(flags, at + 14);
  to.writeDoubleLE(seq, at + 16);
  to.writeDoubleLE(t, at + 24);
  to.set(payload, at + RECORD_HEAD);
  const end = at + RECORD_HEAD + payload.length;
  to.writeUInt32LE(crc32c(to, at + 8, end), at + 4);
  return end;
}

/** Bytes of the record at `at` when it is whole and intact within [at, end), 0 when more bytes are needed, −1 when it is not a record. */
export function checkRecord(b: Buffer, at: number, end: number): number {
  if (end - at < RECORD_HEAD) return 0;
  if (b.readUInt32LE(at) !== MARK_U32) return -1;
  const length = b.readUInt32LE(at + 8);
  if (length > MAX_PAYLOAD) return -1;
  const size = RECORD_HEAD + length;
  if (end - at < size) return 0;
  return crc32c(b, at + 8, at + size) === b.readUInt32LE(at + 4) ? size : -1;
}

/** Where the next intact record begins at or after `from`, or −1. */
export function findRecord(b: Buffer, from: number, end: number): number {
  for (let at = b.indexOf(MARK, from); at >= 0 && at < end; at = b.indexOf(MARK, at + 1))
    if (checkRecord(b, at, end) > 0) return at;
  return -1;
}
