/**
 * CRC-32C (Castagnoli), the checksum of snapshots and of the journal's entries. Reflected polynomial 0x82F63B78,
 * initial value and final xor 0xFFFFFFFF (RFC 3720, appendix B.4). Sliced by 16: sixteen tables, so that sixteen bytes
 * cost sixteen independent look-ups instead of sixteen dependent ones.
 */
const T = tables();

/** Table of byte position i starts at 256 × i. */
function tables(): Int32Array {
  const t = new Int32Array(256 * 16);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    t[n] = c;
  }
  for (let n = 0; n < 256; n++)
    for (let i = 1; i < 16; i++) {
      const c = t[(i - 1) * 256 + n]!;
      t[i * 256 + n] = t[c & 0xff]! ^ (c >>> 8);
    }
  return t;
}

/**
 * The checksum of bytes [start, end) as an unsigned 32-bit integer. `previous` is the checksum of what came before, so
 * crc32c(b, 0, b.length, crc32c(a)) is the checksum of a followed by b.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  let c = ~previous;
  let i = start;
  for (const last = end - 15; i < last; i += 16) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c =
      T[3840 + (c & 0xff)]! ^
      T[3584 + ((c >>> 8) & 0xff)]! ^
      T[3328 + ((c >>> 16) & 0xff)]! ^
      T[3072 + (c >>> 24)]! ^
      T[2816 + bytes[i + 4]!]! ^
      T[2560 + bytes[i + 5]!]! ^
      T[2304 + bytes[i + 6]!]! ^
      T[2048 + bytes[i + 7]!]! ^
      T[1792 + bytes[i + 8]!]! ^
      T[1536 + bytes[i + 9]!]! ^
      T[1280 + bytes[i + 10]!]! ^
      T[1024 + bytes[i + 11]!]! ^
      T[768 + bytes[i + 12]!]! ^
      T[512 + bytes[i + 13]!]! ^
      T[256 + bytes[i + 14]!]! ^
      T[bytes[i + 15]!]!;
  }
  for (; i < end; i++) c = T[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}
