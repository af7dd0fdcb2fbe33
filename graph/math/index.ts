export { decimalsOf, formatDecimal, parseDecimal, roundTo } from './decimal.ts';
export { addExact, divRound, mulDiv, mulDivRound, mulExact } from './exact.ts';
export { pow10, powi } from './power.ts';
export * from './seeded-random.ts';
