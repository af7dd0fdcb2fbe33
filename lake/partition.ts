/** Hive partitions: market, symbol and the UTC day of t_avail. */

export const DAY_US = 86_400_000_000;

export const dayOf = (tUs: number): number => Math.floor(tUs / DAY_US);

/** `YYYY-MM-DD` of a day number. */
export function dateText(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

/** `usdm:BTCUSDT` → market `usdm`, symbol `BTCUSDT`; a key without market gets `none`. Escaped as Hive does (%XX). */
export function partitionPath(tier: string, dataset: string, key: string, day: number): string {
  const colon = key.indexOf(':');
  const market = colon < 0 ? 'none' : key.slice(0, colon);
  const symbol = colon < 0 ? key || 'none' : key.slice(colon + 1);
  return `${tier}/${hive(dataset)}/market=${hive(market)}/symbol=${hive(symbol)}/date=${dateText(day)}`;
}
/** encodeURIComponent leaves `*!'()` and dots, which are harmless in a name but for a leading dot. */
const hive = (s: string): string => encodeURIComponent(s).replace(/^\./, '%2E');

/** `<first>-<last>.parquet`, zero-padded so that names sort like seq (2^53 has 16 digits). */
export function fileName(firstSeq: number, lastSeq: number): string {
  return `${pad(firstSeq)}-${pad(lastSeq)}.parquet`;
}
const pad = (n: number): string => String(n).padStart(16, '0');
