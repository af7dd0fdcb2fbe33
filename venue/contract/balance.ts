import { ok } from 'node:assert/strict';
import type { Balances } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isNear, isNumber } from './testing/stamp.ts';

interface Row {
  readonly free?: number | undefined;
  readonly used?: number | undefined;
  readonly total?: number | undefined;
}
const CODE = /^[A-Z0-9]{2,12}$/;

/** The rows of the currencies. */
export const rowsOf = (b: Balances): [string, Row][] =>
  Object.keys((b as unknown as { total: Record<string, number> }).total).map((code) => [code, b[code] as Row]);
export const rowOf = (b: Balances, code: string): Row => (b[code] as Row | undefined) ?? { free: 0, used: 0, total: 0 };

export const BALANCE: Rules<Balances> = {
  'it names currencies by their codes': (b) => {
    const rows = rowsOf(b);
    ok(rows.length > 0);
    for (const [code] of rows) ok(CODE.test(code), code);
  },
  'nothing is below zero': (b) => {
    for (const [code, row] of rowsOf(b))
      for (const name of ['free', 'used', 'total'] as const) {
        isNumber(row[name], `${code} ${name}`);
        ok(row[name] >= 0, `${code} ${name} ${row[name]}`);
      }
  },
  'free and used do not exceed the total': (b) => {
    for (const [code, row] of rowsOf(b)) isNear(row.free! + row.used!, row.total!, `${code} free + used`, 1e-8);
  },
};
