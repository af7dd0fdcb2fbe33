import { money } from './decimal.ts';

export interface Income {
  readonly symbol: string;
  readonly type: string;
  /** USDT × 10^8. */
  readonly amount: number;
  readonly info: string;
  readonly timeMs: number;
  readonly tranId: number;
  readonly tradeId: string;
}
const KEEP = 100_000;

/** What changed the wallet, one record per change, in order of time. */
export class Incomes {
  readonly list: Income[] = [];
  #nextId = 1_000_000_001;

  /** Nothing is no income. */
  add(symbol: string, type: string, amount: number, timeMs: number, tradeId: string, info = ''): void {
    if (amount === 0) return;
    this.list.push({ symbol, type, amount, info: info || tradeId || type, timeMs, tranId: this.#nextId++, tradeId });
    if (this.list.length > KEEP) this.list.splice(0, KEEP / 10);
  }
}

export const incomeJson = (i: Income): Record<string, unknown> => ({
  symbol: i.symbol,
  incomeType: i.type,
  income: money(i.amount),
  asset: 'USDT',
  info: i.info,
  time: i.timeMs,
  tranId: i.tranId,
  tradeId: i.tradeId,
});
