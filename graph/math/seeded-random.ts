/**
 * Pseudo-random numbers as a function of a seed: xoshiro128** (D. Blackman, S. Vigna, Scrambled Linear Pseudorandom
 * Number Generators, 2021). The state is plain data, so that it can be part of a node's state and of its snapshots.
 * Same seed, same numbers, on every runtime. Not for secrets.
 */
export interface RandomState {
  /** Four 32-bit words, not all zero. */
  readonly s: Int32Array;
}

/** A state from a seed and, for independent streams of one run, a text such as the node's id. */
export function seedRandom(seed: number, stream = ''): RandomState {
  // FNV-1a over seed and stream, spread by splitmix32 (G. Steele et al., 2014).
  let h = 0x811c9dc5;
  for (const c of `${seed}/${stream}`) h = Math.imul(h ^ c.codePointAt(0)!, 0x01000193);
  const s = new Int32Array(4);
  for (let i = 0; i < 4; i++) {
    h = (h + 0x9e3779b9) | 0;
    let z = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    s[i] = z ^ (z >>> 15);
  }
  if ((s[0]! | s[1]! | s[2]! | s[3]!) === 0) s[0] = 1;
  return { s };
}

/** The next integer in [0, 2^32). */
export function nextUint32({ s }: RandomState): number {
  const s0 = s[0]!;
  const s1 = s[1]!;
  const x = Math.imul(s1, 5);
  const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
  const s2 = s[2]! ^ s0;
  const s3 = s[3]! ^ s1;
  s[1] = s1 ^ s2;
  s[0] = s0 ^ s3;
  s[2] = s2 ^ (s1 << 9);
  s[3] = (s3 << 11) | (s3 >>> 21);
  return result;
}
/** The next double in [0, 1), with 53 bits. */
export function nextFloat(state: RandomState): number {
  const high = nextUint32(state) >>> 5;
  return (high * 0x4000000 + (nextUint32(state) >>> 6)) / 0x20000000000000;
}
/** The next integer in [0, n), without bias; n is an integer in 1..2^32. */
export function nextInt(state: RandomState, n: number): number {
  const limit = 0x100000000 - (0x100000000 % n);
  for (;;) {
    const x = nextUint32(state);
    if (x < limit) return x % n;
  }
}
/** The next number of the exponential distribution with mean 1. */
export function nextExponential(state: RandomState): number {
  return -Math.log(1 - nextFloat(state));
}
/** The next number of the normal distribution with mean 0 and deviation 1 (G. Box, M. Muller, 1958; the cosine half). */
export function nextNormal(state: RandomState): number {
  const radius = Math.sqrt(2 * nextExponential(state));
  return radius * Math.cos(2 * Math.PI * nextFloat(state));
}
