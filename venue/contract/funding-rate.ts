import { equal, ok } from 'node:assert/strict';
import type { FundingRate } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isDated, isNumber, isPositive } from './testing/stamp.ts';

export const FUNDING_RATE: Rules<FundingRate> = {
  'time and text of the time agree': isDated,
  'mark and index are above zero and near each other': (f) => {
    isPositive(f.markPrice, 'mark price');
    isPositive(f.indexPrice, 'index price');
    ok(Math.abs(f.markPrice / f.indexPrice - 1) < 0.05, `mark ${f.markPrice}, index ${f.indexPrice}`);
  },
  'the rate is a fraction': (f) => {
    isNumber(f.fundingRate, 'rate');
    ok(Math.abs(f.fundingRate) < 0.05, `${f.fundingRate}`);
  },
  'interest and settlement price are stated': (f) => {
    isNumber(f.interestRate, 'interest rate');
    isPositive(f.estimatedSettlePrice, 'estimated settlement price');
  },
  'the next funding is ahead, on a full hour': (f) => {
    isPositive(f.fundingTimestamp, 'next funding');
    ok(f.fundingTimestamp > f.timestamp! - 60_000, `${f.fundingDatetime} at ${f.datetime}`);
    equal(f.fundingTimestamp % 3_600_000, 0);
  },
};
