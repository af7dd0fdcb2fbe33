import { parseDecimal } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import type { TradeRules } from './order-params.ts';

/** What is read of an instrument in the exchange's own list. */
export interface Info {
  readonly quoteAsset?: string;
  readonly filters?: readonly { readonly filterType: string; readonly tickSize?: string; readonly stepSize?: string }[];
}
/** @param steps quantities are computed here, and need the step */
export function rulesOf(symbol: string, key: KeyInfo, { filters }: Info, steps: boolean): TradeRules {
  const tick = filters?.find((f) => f.filterType === 'PRICE_FILTER')?.tickSize ?? '0';
  const rules = { symbol, key, tick: parseDecimal(tick, key.pxDigits) };
  if (!steps) return rules;
  const step = filters?.find((f) => f.filterType === 'LOT_SIZE')?.stepSize ?? '0';
  return { ...rules, step: parseDecimal(step, key.qtyDigits) };
}
