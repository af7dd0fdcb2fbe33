import type { PortBuffer } from '../../lake/decode/row-store.ts';

/** Rows that are remembered: two connections deliver the same row within some seconds. */
const REMEMBERED = 256;

/** Tells rows of streams without ids (mark price, kline, liquidation) that came over the other of two connections already. */
export class RepeatedRows {
  readonly #rows: string[] = [];

  has(port: number, symbol: number, rows: PortBuffer, r: number): boolean {
    let row = `${port}:${symbol}`;
    for (const column of rows.numbers) if (column !== undefined) row += `:${column[r]}`;
    for (const column of rows.texts) if (column !== undefined) row += `:${column[r]}`;
    if (this.#rows.includes(row)) return true;
    this.#rows.push(row);
    if (this.#rows.length > REMEMBERED) this.#rows.shift();
    return false;
  }
}
