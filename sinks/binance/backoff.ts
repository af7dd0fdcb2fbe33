/** Delay before try n: 50 ms, doubled up to 2 s. */
export const backoff = (n: number): number => Math.min(2_000, 50 * 2 ** Math.min(n, 6));
