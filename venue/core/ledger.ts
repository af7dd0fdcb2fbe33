import { ChimeraError } from '../../graph/schema/index.ts';
import { exact } from './money.ts';

/**
 * A double-entry ledger of one account of the venue, in USDT × 10^8. Every posting takes from one account what it gives
 * to another, so the sum over all accounts is zero after every event. What the trader owns is `wallet` plus all isolated
 * margins; the other accounts are the counterparties, seen from the trader: `deposits` is minus what came in, `realised`
 * minus the profits paid, `fees` the commissions received, `funding` minus what funding paid, `insurance` what the
 * insurance fund took (liquidation fees) minus what it gave (shortfalls).
 */
export interface Ledger {
  balances: number[];
}
export const ACCOUNT = { wallet: 0, deposits: 1, realised: 2, fees: 3, funding: 4, insurance: 5 } as const;
export const ACCOUNT_NAMES = Object.keys(ACCOUNT) as (keyof typeof ACCOUNT)[];
/** The isolated margin of the instrument with slot n is account FIRST_ISOLATED + n. */
export const FIRST_ISOLATED = 6;

export const createLedger = (): Ledger => ({ balances: [0, 0, 0, 0, 0, 0] });

export function balance(l: Ledger, account: number): number {
  return l.balances[account] ?? 0;
}

/** Moves `amount` (may be negative) from one account to the other. Throws CHM801. */
export function post(l: Ledger, from: number, to: number, amount: number): void {
  if (amount === 0) return;
  const b = l.balances;
  while (b.length <= from || b.length <= to) b.push(0);
  b[from] = exact(b[from]! - exact(amount));
  b[to] = exact(b[to]! + amount);
}

/** All that the trader owns: free balance and isolated margins, without unrealised profit. */
export function walletBalance(l: Ledger): number {
  let sum = l.balances[ACCOUNT.wallet]!;
  for (let i = FIRST_ISOLATED; i < l.balances.length; i++) sum += l.balances[i]!;
  return sum;
}

/** Throws CHM802 unless the accounts sum to zero. */
export function assertBalanced(l: Ledger): void {
  let sum = 0;
  for (let i = 0; i < l.balances.length; i++) sum += l.balances[i]!;
  if (sum !== 0)
    throw new ChimeraError('CHM802', `the venue's accounts sum to ${(sum / 1e8).toFixed(8)} USDT instead of zero`, {
      help: 'this is a defect of the venue: report it with the pipeline and its input',
    });
}
