import type { ReportData } from './data.ts';
import { moneyText } from './decimal.ts';
import { type Metrics, metrics } from './metrics.ts';

/** The report for programs: all series in full, money as exact decimal texts, ratios as doubles (null = not defined). */
export function toJson(data: ReportData, m: Metrics = metrics(data)): string {
  return JSON.stringify(
    {
      run: data.run,
      start_balance: moneyText(data.start_balance),
      final_balance: moneyText(data.final_balance),
      metrics: m,
      orders: data.orders,
      counters: data.counters,
      quality: data.quality,
      notes: data.notes,
      equity: { t_us: data.equity.t_us, equity: data.equity.equity.map(moneyText) },
      exposure: {
        t_us: data.exposure.t_us,
        gross: data.exposure.gross.map(moneyText),
        net: data.exposure.net.map(moneyText),
      },
      fills: data.fills,
      funding: data.funding,
    },
    null,
    1,
  );
}
