/**
 * xoshiro128** (Blackman & Vigna, 2018) seeded by splitmix32: the same bits on every machine. Normal variates by
 * Marsaglia's polar method, so that only exp, log and sqrt are used.
 */
export class Rng {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;
  #spare = Number.NaN;

  constructor(seed: number, stream = 0) {
    let z = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) | 0;
    const next = (): number => {
      z = (z + 0x9e3779b9) | 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return t ^ (t >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }
  /** With exactly this state. */
  static of(a: number, b: number, c: number, d: number): Rng {
    const r = new Rng(0);
    r.#a = a;
    r.#b = b;
    r.#c = c;
    r.#d = d;
    return r;
  }
  /** 32 random bits. */
  bits(): number {
    const m = Math.imul(this.#b, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }
  /** Uniform in (0, 1): never 0, so that its logarithm exists. */
  uniform(): number {
    return (this.bits() + 0.5) / 4_294_967_296;
  }
  /** Uniform integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }
  /** Mean 1. */
  exponential(): number {
    return -Math.log(this.uniform());
  }
  /** Mean 0, variance 1. */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const x = this.#spare;
      this.#spare = Number.NaN;
      return x;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const f = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * f;
      return u * f;
    }
  }
  /** exp(normal × sigma), median 1. */
  lognormal(sigma: number): number {
    return Math.exp(sigma * this.normal());
  }
}
