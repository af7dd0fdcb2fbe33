import type { CodeTable } from '../graph/schema/index.ts';

/** Faults of the simulated venue. What an exchange answers to an order (−2019, −4164 …) is a report, not one of these. */
export const CODES = {
  CHM801: {
    title: 'amount too large',
    text: 'An exact amount left the range of safe integers (±2^53 of its smallest unit, about 90 million USDT). Amounts are integers held as doubles, so a larger one would silently lose its last digits. Trade a smaller quantity, or declare fewer decimals for the instrument.',
  },
  CHM802: {
    title: 'ledger does not balance',
    text: 'The accounts of the venue no longer sum to zero, so money was made or lost by a fault of the venue itself. Nothing after this event can be trusted. This is a defect: report it with the pipeline and the input that led to it.',
  },
  CHM803: {
    title: 'trading rule does not fit the instrument',
    text: 'A tick, a lot, a minimum or a maximum given for an instrument is not a whole number of its smallest price or quantity unit, or the instrument has more than eight price decimals. Give a value with at most as many decimals as the instrument trades with.',
  },
  CHM804: {
    title: 'notional tiers are not usable',
    text: 'The notional tiers of an instrument must begin at zero and rise strictly in floor and maintenance margin rate, and their highest leverage may not rise. Correct the list under `tiers`.',
  },
  CHM805: {
    title: 'synthetic market cannot be built',
    text: 'The parameters of the synthetic market contradict each other or give a price below one tick. The message names the symbol and the parameter.',
  },
} as const satisfies CodeTable;
