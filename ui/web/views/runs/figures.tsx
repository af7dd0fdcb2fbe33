import { duration, number, percent } from '../../i18n/format.ts';
import { type Translate, word } from '../../i18n/text.ts';

/** Figures of a report: a name says what it is in. */
const RATIO = /^(total_return|cagr|win_rate|time_in_market|average_exposure|max_exposure|maker_share|max_drawdown)$/;
const MONEY = /^(net_profit|volume|fees|funding|average_trade|final_balance|start_balance|gross|net)$/;

export function figure(name: string, v: number | null | undefined): string {
  if (v === null || v === undefined) return '–';
  if (name.endsWith('_us')) return duration(v);
  if (RATIO.test(name)) return percent(v, 2);
  if (MONEY.test(name)) return `${number(v, 2)} USDT`;
  return number(v, 4);
}
export const figureName = (t: Translate, name: string): string => word(t, 'figure', name.replace(/_us$/, ''));

/** The numbers among a report's metrics; an object with a depth (the drawdown) counts by it. */
export function numbersOf(metrics: Readonly<Record<string, unknown>>): [string, number | null][] {
  return Object.entries(metrics).flatMap(([k, v]): [string, number | null][] => {
    if (typeof v === 'number' || v === null) return [[k, v]];
    return [];
  });
}
