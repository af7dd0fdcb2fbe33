import { ok } from 'node:assert/strict';
import type { LedgerEntry } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isDated, isNumber } from './testing/stamp.ts';

export const LEDGER_ENTRY: Rules<LedgerEntry> = {
  'time and text of the time agree': isDated,
  'it has an id': (e) => ok(/^\d+$/.test(e.id ?? ''), `id ${e.id}`),
  'it goes in or out': (e) => ok(e.direction === 'in' || e.direction === 'out', `direction ${e.direction}`),
  'its amount is not below zero': (e) => {
    isNumber(e.amount, 'amount');
    ok(e.amount >= 0);
  },
  'its kind is one that ccxt knows': (e) => ok(/^[a-z]+$/.test(e.type ?? ''), `type ${e.type}`),
  'it names its currency': (e) => ok(e.currency, 'no currency'),
};

/** What it did to the wallet. */
export const effectOf = (e: LedgerEntry): number => (e.direction === 'in' ? 1 : -1) * e.amount!;
