import { equal, ok } from 'node:assert/strict';
import type { TransferEntry } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isDated, isPositive } from './testing/stamp.ts';

/** A transfer as the history tells it. */
export const TRANSFER: Rules<TransferEntry> = {
  'it has an id': (t) => ok(/^\d+$/.test(t.id ?? ''), `id ${t.id}`),
  'time and text of the time agree': isDated,
  'its amount is above zero': (t) => isPositive(t.amount, 'amount'),
  'it names its currency and both wallets': (t) => {
    ok(t.currency, 'no currency');
    ok(t.fromAccount && t.toAccount && t.fromAccount !== t.toAccount, `${t.fromAccount} to ${t.toAccount}`);
  },
  'it is done': (t) => equal(t.status, 'ok'),
};
