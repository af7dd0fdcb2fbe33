/** The wall clock as far as a run needs it: a deadline for what is awaited. No operator sees it. */
export interface Wall {
  /** Calls back once, `us` microseconds from now, unless the returned function is called before. */
  after(us: number, call: () => void): () => void;
}

export const wall: Wall = {
  after(us, call) {
    // A timer of this runtime holds at most 2^31 − 1 ms.
    const timer = setTimeout(call, Math.min(us / 1000, 2_147_483_647));
    return () => clearTimeout(timer);
  },
};
