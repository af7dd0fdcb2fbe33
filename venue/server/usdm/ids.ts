/**
 * Where ids begin. Orders are counted per symbol and conditional orders per account, far from one another as on the
 * exchange, so that an id that is asked for in the wrong place is unknown there. All have fewer than 15 digits: clients read
 * longer ones as text.
 */
export const firstOrderId = (symbol: number): number => (symbol + 1) * 100_000_000_000 + 1;
export const FIRST_ALGO_ID = 20_000_000_000_001;
