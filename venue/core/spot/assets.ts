import { ChimeraError } from '../../../graph/schema/index.ts';
import { exact } from '../money.ts';
import type { Assets } from '../state.ts';

/**
 * A double-entry ledger by asset, in units of 10^-8. Every posting moves an amount of one asset between two of its five
 * accounts, so that per asset their sum is zero after every event. `free` and `locked` are the trader's; the others are
 * the counterparties, seen from the trader: `deposited` is minus what came in, `outside` what the market got less what
 * it gave, `fees` the commissions received.
 */
export interface SpotAssets extends Assets {
  deposited: number[];
  fees: number[];
  /** Assets whose balance may have changed since the last report of the account: indices in order of change. */
  changed: number[];
}
export type Place = 'free' | 'locked' | 'outside' | 'deposited' | 'fees';

export const createAssets = (): SpotAssets => ({
  names: [],
  free: [],
  locked: [],
  outside: [],
  deposited: [],
  fees: [],
  changed: [],
});

/** Index of an asset, which is made with zero balances when it is new. */
export function assetIndex(a: SpotAssets, name: string): number {
  const known = a.names.indexOf(name);
  if (known >= 0) return known;
  a.names.push(name);
  for (const list of [a.free, a.locked, a.outside, a.deposited, a.fees]) list.push(0);
  return a.names.length - 1;
}

/** Moves an amount of one asset. @throws CHM801, CHM802 for an amount below zero: something was locked or freed twice */
export function move(a: SpotAssets, asset: number, from: Place, to: Place, amount: number): void {
  if (amount === 0) return;
  if (amount < 0) throw defect(`${amount} × 10^-8 ${a.names[asset]} were to go from ${from} to ${to}`);
  a[from][asset] = exact(a[from][asset]! - exact(amount));
  a[to][asset] = exact(a[to][asset]! + amount);
  touch(a, asset);
}

/** Names an asset in the next report of the account. */
export function touch(a: SpotAssets, asset: number): void {
  if (!a.changed.includes(asset)) a.changed.push(asset);
}

/** @throws CHM802 unless every asset sums to zero and no balance of the trader is negative */
export function assertAssets(a: SpotAssets): void {
  for (let i = 0; i < a.names.length; i++) {
    const sum = a.free[i]! + a.locked[i]! + a.outside[i]! + a.deposited[i]! + a.fees[i]!;
    if (sum === 0 && a.free[i]! >= 0 && a.locked[i]! >= 0) continue;
    throw defect(`${a.names[i]} sums to ${sum} × 10^-8 with ${a.free[i]} free and ${a.locked[i]} locked`);
  }
}
const defect = (what: string): ChimeraError =>
  new ChimeraError('CHM802', `the accounts of the venue do not balance: ${what}`, {
    help: 'this is a defect of the venue: report it with the orders that led to it',
  });
