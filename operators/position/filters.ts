import { z } from 'zod';
import type { KeyInfo } from '../../graph/schema/index.ts';

/** Trading rules of instruments, by name (`usdm:BTCUSDT`). What is not given: the instrument's own last decimal, and 5 USDT. */
export const filters = z
  .record(
    z.string(),
    z.strictObject({
      tick: z.number().positive().describe('price step').optional(),
      step: z.number().positive().describe('quantity step').optional(),
      min_notional_usdt: z.number().min(0).optional(),
    }),
  )
  .default({})
  .describe('price step, quantity step and minimum notional per instrument');

/** The rules of one instrument as integers in its own decimals. */
export interface Filter {
  readonly tick: number;
  readonly step: number;
  /** × 10⁸ */
  readonly minNotional: number;
}
export function filterOf(all: z.output<typeof filters>, key: KeyInfo): Filter {
  const f = all[key.name];
  // A step finer than the instrument's decimals cannot be expressed in them: the last decimal is the step then.
  return {
    tick: Math.max(1, Math.round((f?.tick ?? 0) * key.pxScale)),
    step: Math.max(1, Math.round((f?.step ?? 0) * key.qtyScale)),
    minNotional: Math.round((f?.min_notional_usdt ?? 5) * 1e8),
  };
}
export const floorTo = (x: number, step: number): number => x - (x % step);
export const ceilTo = (x: number, step: number): number => floorTo(x + step - 1, step);

const E8 = 100_000_000n;
/** Largest quantity, a multiple of `step`, whose notional at `px` is at most `notional` (× 10⁸). Rounds down, always. */
export function qtyFor(notional: number, px: number, step: number, key: KeyInfo): number {
  const units = (BigInt(notional) * BigInt(key.pxScale) * BigInt(key.qtyScale)) / (BigInt(px) * E8);
  return Number(units - (units % BigInt(step)));
}
/** price × quantity as money (× 10⁸), divided by `by`, rounded up. */
export function notionalOf(px: number, qty: number, key: KeyInfo, by = 1): number {
  const scale = BigInt(key.pxScale) * BigInt(key.qtyScale) * BigInt(by);
  return Number((BigInt(px) * BigInt(qty) * E8 + scale - 1n) / scale);
}
/** |quote| as money (× 10⁸), divided by `by`, rounded up. */
export function quoteToMoney(quote: number, key: KeyInfo, by = 1): number {
  const scale = BigInt(key.pxScale) * BigInt(key.qtyScale) * BigInt(by);
  return Number((BigInt(Math.abs(quote)) * E8 + scale - 1n) / scale);
}
