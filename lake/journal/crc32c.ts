/**
 * CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), eight bytes a step ("slicing by 8", Kounavis and Berry 2005).
 * It is the journal's because storage hardware and other tools know it; check value of "123456789": 0xE3069283.
 */
const TABLES = ((): Int32Array[] => {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    tables[0]![n] = c;
  }
  for (let n = 0; n < 256; n++)
    for (let t = 1; t < 8; t++) {
      const before = tables[t - 1]![n]!;
      tables[t]![n] = (before >>> 8) ^ tables[0]![before & 255]!;
    }
  return tables;
})();
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** Checksum of bytes [from, to), as an unsigned 32-bit number; `seed` is that of the bytes before. */
export function crc32c(b: Uint8Array, from = 0, to = b.length, seed = 0): number {
  let c = ~seed;
  let i = from;
  for (const end = to - 7; i < end; i += 8) {
    c ^= b[i]! | (b[i + 1]! << 8) | (b[i + 2]! << 16) | (b[i + 3]! << 24);
    c =
      T7[c & 255]! ^
      T6[(c >>> 8) & 255]! ^
      T5[(c >>> 16) & 255]! ^
      T4[c >>> 24]! ^
      T3[b[i + 4]!]! ^
      T2[b[i + 5]!]! ^
      T1[b[i + 6]!]! ^
      T0[b[i + 7]!]!;
  }
  for (; i < to; i++) c = T0[(c ^ b[i]!) & 255]! ^ (c >>> 8);
  return ~c >>> 0;
}
